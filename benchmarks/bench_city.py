"""A city in InfluxDB: a day written, aggregated, mirrored and reconciled, then every dashboard's queries asked.

Run: ``python -m benchmarks.bench_city [PLACES [HOURS]]`` (2,000 and 24 unless said); prints a table, with ``--json`` a
line of JSON. Seven places report each 60 s, all others each 300 s, six parameters each; one hospital for each 100
places has its waste taken away, with as many clinics. The way is the gateway's own but for the broker: journal,
decide, InfluxDB store, periods, mirror, then ``hygeia influx reconcile`` over the day with one hour taken out before.
Queries are asked one after the other, as Grafana asks them, each dashboard in its own range, with All and with one
place; each one twice, the second counts (the first reads what is on disk). One that took longer than the budget of
500 ms is asked five times more, and the median counts: something else may have had the processors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.servers import BUCKET, InfluxServer
from dashboards.grafana.build import DASHBOARDS, build
from devices.simulate.city import City
from gateway.config import Settings
from gateway.database import open_state
from gateway.installation import Installation
from gateway.reconcile import Report, reconcile
from gateway.store.influx_link import Target
from tests.plugins.influx import Bucket
from tests.support.grafana_queries import Influx, Ran, run
from tests.support.influx_city import InfluxCity, fill
from tests.support.influx_town import Town
from tests.support.inside import settings_for

Found = dict[str, float]
FULL, QUICK = 2_000, 100
HOURS = 24
_HOUR_MS = 3_600_000
#: What the slowest query may take, and how often one is asked again that took longer.
_BUDGET_S = 0.5
_AGAIN = 5
#: Slowest queries that are named.
_NAMED = 10


def measure(places: int, hours: int, folder: Path) -> tuple[Found, list[Ran]]:
    """All figures, and the queries, the slowest first."""
    server = InfluxServer(folder / "influx")
    try:
        bucket = Bucket(server.influxd, server.url, BUCKET)
        settings = settings_for(folder / "data", "mqtt://127.0.0.1:1", bucket)
        began = time.perf_counter()
        city = fill(bucket, settings, *_city(places), end=time.time_ns() // 1_000_000, hours=hours)
        found: Found = {"places": places, "hours": hours, "fill_s": time.perf_counter() - began}
        found |= {f"{name}_s": seconds for name, seconds in city.seconds.items()}
        found |= {"points": _count(bucket, "water", "ph"), "rows_5m": _count(bucket, "water_5m", "due")}
        found |= _reconciled(bucket, settings, city)
        ran = _asked(city)
    finally:
        server.stop()
    ran.sort(key=lambda one: -one.seconds)
    timed = sorted(one.seconds for one in ran)
    found |= {
        "queries": len(ran),
        "failed": sum(bool(one.error) for one in ran),
        "slowest_ms": timed[-1] * 1000,
        "p50_ms": timed[len(timed) // 2] * 1000,
        "load": os.getloadavg()[0],
    }
    return found, ran


def _city(places: int) -> tuple[Town, City]:
    waste = City.of(hospitals=max(1, places // 100), clinics=max(1, places // 100), points=1, beds=80)
    town = Town.of(places, districts=8)
    town.climate(waste)
    return town, waste


def _count(bucket: Bucket, measurement: str, field: str) -> float:
    found = bucket.query(f'SELECT COUNT("{field}") FROM "{measurement}"')
    return float(found[0]["values"][0][1]) if found else 0.0


def _reconciled(bucket: Bucket, settings: Settings, city: InfluxCity) -> Found:
    """An hour of one waterworks is deleted; journal and database are compared and it is sent again."""
    gone = (city.start + city.end) // 2 - _HOUR_MS
    before = _count(bucket, "water", "ph")
    bucket.query(
        f'DELETE FROM "water" WHERE "unit" = \'{city.waterworks}\' '
        f"AND time >= {gone * 1_000_000} AND time < {(gone + _HOUR_MS) * 1_000_000}"
    )
    missing = before - _count(bucket, "water", "ph")
    installation = Installation(settings.data.dir)
    engine = open_state(installation.state)
    began = time.perf_counter()
    report: Report = reconcile(
        installation.journal,
        engine,
        settings.mqtt.root,
        Target.of(settings.influx),
        start=city.start,
        end=city.end,
    )
    seconds = time.perf_counter() - began
    engine.dispose()
    back = _count(bucket, "water", "ph")
    if not missing or back != before:
        raise RuntimeError(f"{before - back:g} of {missing:g} messages are missing after reconcile ({report})")
    return {"reconcile_s": seconds, "reconciled": report.compared, "deleted": missing, "sent": report.sent}


def _asked(city: InfluxCity) -> list[Ran]:
    """Every query of every dashboard, the second time; the slow ones with their median."""
    influx = Influx(city.bucket.influxd.url, city.bucket.bucket)
    dashboards = [json.loads(text) for _, text in zip(DASHBOARDS, build("en").values(), strict=True)]
    typed = {"container": city.container}
    for _ in range(2):
        ran = list(run(influx, dashboards, now_ms=city.end, typed=typed))
    return [one if one.seconds < _BUDGET_S else _again(influx, one) for one in ran]


def _again(influx: Influx, one: Ran) -> Ran:
    taken = []
    for _ in range(_AGAIN):
        began = time.perf_counter()
        influx.ask(one.statement)
        taken.append(time.perf_counter() - began)
    return one._replace(seconds=statistics.median(taken))


def main(arguments: list[str]) -> int:
    """Measure and print; 1 where a query failed or is too slow."""
    parser = argparse.ArgumentParser(prog="benchmarks.bench_city")
    parser.add_argument("places", type=int, nargs="?", default=FULL)
    parser.add_argument("hours", type=int, nargs="?", default=HOURS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hygeia-city-") as folder:
        found, ran = measure(options.places, options.hours, Path(folder))
    if options.json:
        print(json.dumps(found), flush=True)
        return 0
    table = Table("figure", "value")
    for name, value in found.items():
        table.add_row(name, f"{value:,.3f}")
    slow = Table("ms", "rows", "dashboard", "panel", "selection", "query")
    for one in ran[:_NAMED]:
        words: Any = one.question.where
        slow.add_row(f"{one.seconds * 1000:.0f}", str(one.rows), one.dashboard, words, one.selection, one.statement)
    Console(width=200).print(table, slow)
    return 1 if found["failed"] or found["slowest_ms"] > _BUDGET_S * 1000 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
