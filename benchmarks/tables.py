"""What the page shows: budgets, tables, and the words that say how a figure came about."""

from __future__ import annotations

from benchmarks.report import Budget, Table

SIZES = (1_000, 10_000, 100_000)

BUDGETS = (
    Budget(
        "CPU a message, whole process, live, 10,000 devices into influxd", "sustained/influx/10000/gateway_us", 40, "us"
    ),
    Budget("the same, sum of the stages", "stages/10000/sum_influx", 40, "us"),
    Budget("of it, evaluating the default packs at 100,000 devices", "stages/100000/evaluate", 15, "us"),
    Budget("the same, compared with 1,000 devices", "stages/evaluate_ratio", 1.3, "times"),
    Budget("judging by the default packs and ticks, 100,000 devices", "rules/100000/us", 15, "us"),
    Budget("the same, compared with 1,000 devices", "rules/ratio", 1.3, "times"),
    Budget("memory a series with everything that decides, 100,000 devices", "rules/100000/bytes", 1024, "bytes"),
    Budget("loading 50,000 pending and open conditions at a restart", "rules/100000/restart_s", 5, "s"),
    Budget(
        "sustained, durable, through Mosquitto into influxd",
        "sustained/influx/10000/stored_rate",
        20_000,
        "msg/s",
        least=True,
    ),
    Budget("catching up a backlog, embedded store", "backlog/embedded/10000/rate", 30_000, "msg/s", least=True),
    Budget("catching up a backlog, influxd", "backlog/influx/10000/rate", 30_000, "msg/s", least=True),
    Budget("publish to webhook at 2,000 msg/s, p50", "latency/p50_ms", 50, "ms"),
    Budget("publish to webhook at 2,000 msg/s, p99", "latency/p99_ms", 200, "ms"),
    Budget("memory, 10,000 devices, 60,000 series, influxd", "sustained/influx/10000/gateway_mib", 300, "MiB"),
    Budget("custody events decided and committed", "custody/rate", 2_000, "events/s", least=True),
    Budget("trace of one container, p99", "custody/trace_p99_ms", 5, "ms"),
    Budget("verifying the ledger", "custody/verify_rate", 100_000, "entries/s", least=True),
    Budget("evidence of one container", "custody/bundle_s", 1, "s"),
    Budget("slowest dashboard query, 24 hours of 2,000 places (100 in a quick run)", "city/slowest_ms", 500, "ms"),
    Budget("memory, 10,000 devices, 60,000 series, embedded store", "sustained/embedded/10000/gateway_mib", 300, "MiB"),
)

WORDS = """
A message has six parameters, some 147 bytes of JSON, QoS 1. Every device sends one a round; values vary within the
limits of GB 5749-2022, one message in 400 has turbidity above its limit, three in a row, so that alerts fire and
clear. us is microseconds of CPU a message. Everything runs on this one machine: generator, broker, gateway, influxd.
"""

_STAGES = (
    ("intake: cut, parse, body, PUBACK", "intake"),
    ("journal: write and fdatasync, batches of 200", "journal"),
    ("decide, whole, with its commits", "decide"),
    ("- of it: reading the journal", "read"),
    ("- of it: message apart, route", "route"),
    ("- of it: decode", "decode"),
    ("- of it: judge (series)", "judge"),
    ("- of it: evaluate the default packs", "evaluate"),
    ("store: embedded", "embedded"),
    ("store: InfluxDB, whole", "influx"),
    ("- of it: line protocol", "lines"),
    ("**sum, embedded store**", "sum_embedded"),
    ("**sum, InfluxDB store**", "sum_influx"),
    ("journal, wall time", "journal_wall"),
    ("first message of a device: decide", "first_decide"),
    ("first message of a device: evaluate", "first_evaluate"),
)
_SUSTAINED = ("influx/1000", "influx/10000", "influx/100000", "shim/10000", "embedded/10000")
_BACKLOG = ("embedded/1000", "embedded/10000", "embedded/100000", "influx/10000")

TABLES = (
    Table(
        "CPU by stage, microseconds a message",
        """
One process a fleet; the stages over the same messages, one after the other, in turns with the other fleets; the
median of all turns. Python's garbage collections are left out here (they are in the live figures). The first message
of a device after a start, or after any change of the registry or of a pack, finds its route and its limits; that
stands apart.
""",
        [f"{size:,} devices" for size in SIZES],
        [(title, [f"stages/{size}/{key}" for size in SIZES]) for title, key in _STAGES],
    ),
    Table(
        "Custody",
        """
Hospitals whose containers are scanned one by one at every step, eight events each, with shared trips and manifests;
decide and its commits into SQLite in batches of 500. A trace is the whole history of one container, read and folded;
over HTTP it is `GET /api/v1/containers/ID` in the same process. Bundles are signed. `python -m benchmarks
--custody-full` (minutes) measures 100,000 containers.
""",
        ["at first", "at the end"],
        [
            (title, [f"custody/{first}" if first else None, f"custody/{last}"])
            for title, first, last in (
                ("containers", "small/containers", "containers"),
                ("custody events", None, "events"),
                ("**decided and committed, events/s**", None, "rate"),
                ("CPU an event, us", None, "cpu_us"),
                ("**trace of one container, p50, ms**", "small/trace_p50_ms", "trace_p50_ms"),
                ("trace of one container, p99, ms", "small/trace_p99_ms", "trace_p99_ms"),
                ("trace, slope (p50 at the end to p50 at first)", None, "slope"),
                ("over HTTP, p50, ms", "small/http_p50_ms", "http_p50_ms"),
                ("over HTTP, p99, ms", "small/http_p99_ms", "http_p99_ms"),
                ("ledger, entries", None, "entries"),
                ("**verifying the ledger, entries/s**", None, "verify_rate"),
                ("bundle of one container, s", None, "bundle_s"),
                ("bundle of one container, KiB", None, "bundle_kib"),
                ("state, MiB", None, "state_mib"),
                ("peak memory, MiB", None, "peak_mib"),
            )
        ],
    ),
    Table(
        "Sustained, end to end",
        """
Generator (encoded before, four connections, window 500 each, MQTT 3.1.1) -> Mosquitto -> `hygeia run` -> store, until
nothing waits; after a first round in which every device became known. "shim" is the tests' aiohttp shim before
influxd, which also checks tokens; the others have a proxy that only rewrites the path. Mosquitto runs the deployed
configuration, but saves once a second (`autosave_on_changes false`) instead of at every change. What is missing is
counted in the gateway's own report and, for influxd, by counting points.
""",
        ["influxd, 1,000", "influxd, 10,000", "influxd, 100,000", "shim, 10,000", "embedded, 10,000"],
        [
            (title, [f"sustained/{one}/{key}" for one in _SUSTAINED])
            for title, key in (
                ("acknowledged to the publisher, msg/s", "published_rate"),
                ("journaled, msg/s", "journaled_rate"),
                ("decided, msg/s", "decided_rate"),
                ("**stored, msg/s**", "stored_rate"),
                ("missing in the gateway's report", "missing"),
                ("missing in influxd", "influx_missing"),
                ("gateway, us a message", "gateway_us"),
                ("the same in the first round", "first_us"),
                ("gateway, peak MiB", "gateway_mib"),
                ("seconds", "seconds"),
                ("CPU seconds: gateway", "gateway_cpu"),
                ("CPU seconds: Mosquitto", "broker_cpu"),
                ("CPU seconds: influxd", "influxd_cpu"),
                ("CPU seconds: proxy or shim", "proxy_cpu"),
                ("CPU seconds: generator", "generator_cpu"),
            )
        ],
    ),
    Table(
        "Catching up a backlog",
        """
A full journal, then the decide and store threads of the gateway in one process, from zero until the store has all.
Memory counts from the moment it begins (registry loaded); garbage collection is Python's cyclic one, in which no
other thread runs.
""",
        ["embedded, 1,000", "embedded, 10,000", "embedded, 100,000", "influxd, 10,000"],
        [
            (title, [f"backlog/{one}/{key}" for one in _BACKLOG])
            for title, key in (
                ("messages", "messages"),
                ("**stored, msg/s**", "rate"),
                ("stored in a CPU second", "per_cpu"),
                ("us a message", "us"),
                ("- of it: garbage collection", "gc_us"),
                ("longest collection, ms", "gc_longest_ms"),
                ("full collections", "gc_full"),
                ("memory before, MiB", "start_mib"),
                ("memory, peak MiB", "peak_mib"),
                ("alerts fired", "fired"),
            )
        ],
    ),
    Table(
        "At 2,000 messages a second, from publish to webhook",
        """
2,000 msg/s of 1,000 devices into the embedded store, and 20 probes that fire and clear. From the call that publishes
the reading (the second one outside, or the first within) to the arrival of the notice at a receiver in the same
process.
""",
        [""],
        [
            (title, [f"latency/{key}"])
            for title, key in (
                ("p50, ms", "p50_ms"),
                ("p99, ms", "p99_ms"),
                ("longest, ms", "longest_ms"),
                ("fired, p50, ms", "fired_p50_ms"),
                ("cleared, p50, ms", "cleared_p50_ms"),
                ("notices", "notices"),
                ("notices that did not come", "missing"),
                ("gateway at that rate, us a message", "gateway_us"),
            )
        ],
    ),
    Table(
        "Compared with a gateway of the usual kind",
        """
`benchmarks/usual_gateway.py`: aiomqtt with a callback a message, influxdb-client's batching writer, persistent
session, QoS 1; same broker, same generator, same influxd, 1,000 devices. It stores, and does nothing else: no
journal, no validation, no alerts. As fast as the broker takes it; then at 2,000 msg/s with SIGKILL in between and an
immediate restart. Lost is what was acknowledged to the publisher and is not in influxd once nothing more comes.
""",
        ["Hygeia", "usual"],
        [
            ("stored, msg/s", ["sustained/influx/1000/stored_rate", "usual/stored_rate"]),
            ("us a message", ["sustained/influx/1000/gateway_us", "usual/gateway_us"]),
            ("peak MiB", ["sustained/influx/1000/gateway_mib", "usual/gateway_mib"]),
            ("times killed", ["killed/ours/kills", "killed/usual/kills"]),
            ("acknowledged", ["killed/ours/acknowledged", "killed/usual/acknowledged"]),
            ("**lost**", ["killed/ours/lost", "killed/usual/lost"]),
        ],
    ),
    Table(
        "A city in InfluxDB",
        """
24 hours of 2,000 places (100 in a quick run): seven report each 60 s, all others each 300 s, six parameters each;
with hospitals whose waste is taken away. Journaled, decided and stored by the gateway's own parts without a broker,
aggregated (5 minutes, hours, days), mirrored; one hour of a waterworks deleted and sent again by `hygeia influx
reconcile` over the whole day. Then every query of every dashboard, as Grafana asks them, with All and with one of
each; the second time counts, and of what took more than 500 ms the median of five more.
`python -m benchmarks.bench_city PLACES HOURS` measures any size and names the slowest.
""",
        [""],
        [
            (title, [f"city/{key}"])
            for title, key in (
                ("places", "places"),
                ("messages stored (of water)", "points"),
                ("rows of 5 minutes", "rows_5m"),
                ("decided, s", "decide_s"),
                ("waited for the store, s", "store_s"),
                ("aggregated, s", "periods_s"),
                ("mirror, longest pass, s", "mirror_most_s"),
                ("mirror, CPU of all passes, s", "mirror_cpu_s"),
                ("reconciled, values and events", "reconciled"),
                ("reconciled, s", "reconcile_s"),
                ("deleted messages, all sent again", "deleted"),
                ("dashboard queries", "queries"),
                ("queries that failed", "failed"),
                ("**slowest query, ms**", "slowest_ms"),
                ("query, p50, ms", "p50_ms"),
                ("load of the machine at the end", "load"),
            )
        ],
    ),
    Table(
        "With the broker as deployed",
        """
`autosave_on_changes true`, as `hygeia broker config` writes it: Mosquitto saves its whole state at every change, so
that a kill of the broker loses at most what it acknowledged since, within one turn of its loop. It is the broker that
sets this rate; messages come one by one, which is dear everywhere.
""",
        [""],
        [
            ("stored, msg/s", ["deployed/stored_rate"]),
            ("gateway, us a message", ["deployed/gateway_us"]),
            ("CPU seconds: Mosquitto", ["deployed/broker_cpu"]),
            ("seconds", ["deployed/seconds"]),
        ],
    ),
)
