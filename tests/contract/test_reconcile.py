"""``hygeia influx reconcile`` on a real influxd: what is missing comes back as it was, and nothing else is touched."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ByteSize

import gateway.reconcile
from gateway import state
from gateway.cli import call
from gateway.config.model import JournalSection
from gateway.database import open_state, writing
from gateway.errors import HygeiaError
from gateway.journal.segment import created_of, listing
from gateway.periods.marks import BEGUN, write_marks
from gateway.reconcile import Report, reconcile
from gateway.store.influx_link import InfluxLink
from gateway.store.influx_write import UnwrittenError
from tests.plugins.influx import Bucket
from tests.support.influx_site import MINUTE, InfluxSite

pytestmark = pytest.mark.influxd
T0 = 1_732_200_000_000 // 3_600_000 * 3_600_000
HOUR = 60 * MINUTE
KINDS = ("water", "custody", "alert")
Again = Callable[..., Report]


@pytest.fixture
def site(tmp_path: Path, influx_bucket: Bucket) -> Iterator[InfluxSite]:
    """An installation that received two hours: order, delay, contradiction, a move, alerts, waste and refusals."""
    site = InfluxSite(tmp_path / "data", influx_bucket, T0)
    # Somebody else's text in a field that is a number: InfluxDB refuses ours.
    write(influx_bucket, f'water,device=stranger orp="text" {T0}000000')
    for minute in range(120):
        at = T0 + minute * MINUTE
        low = 60 <= minute < 70
        values = {"chlorine_free": 0.01 if low else 0.4 + minute / 1000}
        flags = {"flags": {"chlorine_free": "M"}} if 30 <= minute < 33 else {}
        site.receive(at + 700, "wq-1", {"ts": at, "values": values} | flags)
        if minute % 10 == 0:
            rows = [{"ts": at + n * 1000, "values": {"ph": 7.0 + n / 10, "turbidity": "<0.02"}} for n in range(3)]
            site.receive(at + 900, "wq-2", rows)
        if minute == 50:
            site.register(devices=[{"id": "wq-2", "place": "out", "kind": "water", "report_s": 60,
                                    "channels": [{"parameter": "ph"}]}])  # fmt: skip
    late = T0 + 121 * MINUTE
    site.receive(late, "wq-1", {"ts": T0 + 30_000, "values": {"chlorine_free": 0.5, "ph": 7.2}})
    site.receive(late, "wq-1", {"ts": T0 + 60_000, "values": {"chlorine_free": 0.77, "ph": 7.3}})
    site.receive(late, "wq-2", b"\xff no json")
    site.receive(late, "wq-2", {"ts": late, "values": {"orp": 650}})
    for n in range(3):
        scan = {"id": f"T7-{n}", "boot": 1, "seq": n, "ts": T0 + HOUR, "step": "collect", "category": "infectious",
                "ids": [{"k": "qr", "v": f"MW-{n}-{k}"} for k in range(1 + 4 * n)],
                "weight": {"gross_g": 3650, "tare_g": 230, "net_g": 3420}}  # fmt: skip
        site.receive(late + n, "scale-1", scan, channel="event")
    site.settle()
    yield site
    site.close()


@pytest.fixture
def again(site: InfluxSite) -> Iterator[Again]:
    """A function that reconciles the whole range, beside the running gateway and with a connection of its own."""
    engine = open_state(site.core.installation.state)

    def work(start: int = T0 - HOUR, end: int = T0 + 24 * HOUR, **more: Any) -> Report:
        return reconcile(site.core.installation.journal, engine, "hygeia/v1", site.target, start=start, end=end, **more)

    yield work
    engine.dispose()


def write(bucket: Bucket, line: str) -> None:
    """Write one line behind the gateway's back."""
    asked = urllib.request.Request(f"{bucket.influxd.url}/write?db={bucket.bucket}", line.encode())
    urllib.request.urlopen(asked, timeout=10).close()


def rows(bucket: Bucket) -> dict[str, list[dict[str, Any]]]:
    """All that is stored; an explicit flag ``N`` says what silence says."""
    found = {}
    for kind in KINDS:
        found[kind] = [
            {
                key: value
                for key, value in row.items()
                if value is not None and not (key.endswith("_flag") and value == "N")
            }
            for row in bucket.rows(kind)
            if row["device"] != "stranger"
        ]
        found[kind].sort(key=lambda row: json.dumps(row, sort_keys=True))
    return found


def test_a_database_that_has_everything_lacks_nothing(again: Again, influx_bucket: Bucket) -> None:
    """What was refused, parked or contradicted then is not sent, and nothing is written."""
    before = rows(influx_bucket)
    report = again()
    assert (report.missing, report.sent, report.different) == (0, 0, 0)
    # What the server refused, and the contradiction; what is no JSON was never a value.
    assert (report.refused, report.expired) == (2, 0)
    assert report.compared == 120 + 12 * 3 * 2 + 3 + 15 + len(before["alert"])
    assert len(before["alert"]) > 0
    assert rows(influx_bucket) == before
    assert (report.held_from, report.waiting) == (None, 0)


def test_all_that_was_lost_comes_back_with_the_tags_and_times_of_then(again: Again, influx_bucket: Bucket) -> None:
    """Readings with flags and qualifiers, events and alerts to the nanosecond, the move of a device in the middle."""
    before = rows(influx_bucket)
    assert {row["place"] for row in before["water"] if row["device"] == "wq-2"} == {"end", "out"}
    for kind in KINDS:
        influx_bucket.query(f"DROP MEASUREMENT {kind}")
    told: list[int] = []
    lost = again(dry_run=True)
    assert not any(rows(influx_bucket).values())
    report = again(tell=lambda done: told.append(done.sent))
    assert rows(influx_bucket) == before
    assert lost.missing == report.missing == report.sent == report.compared
    assert told[-1] == report.sent
    assert again().missing == 0


def test_only_what_is_missing_is_sent_and_its_windows_are_worked_out_again(
    again: Again, site: InfluxSite, influx_bucket: Bucket
) -> None:
    """Ten minutes of one device: ten values, and their windows are marked stale."""
    with writing(site.core.engine) as connection:
        write_marks(connection, {BEGUN: T0 + 24 * HOUR})
        connection.execute(sa.delete(state.periods_stale))
    before = rows(influx_bucket)
    first, last = (T0 + minute * MINUTE * 1 for minute in (20, 30))
    influx_bucket.query(f"DELETE FROM water WHERE device='wq-1' AND time >= {first}ms AND time < {last}ms")
    report = again()
    assert (report.missing, report.sent) == (10, 10)
    assert rows(influx_bucket) == before
    marked = stale(site)
    assert {("water", "wq-1", first), ("water", "wq-1", last - 5 * MINUTE)} <= marked


def stale(site: InfluxSite) -> set[tuple[str, str, int]]:
    """(kind, device, window) of all windows whose figures have to be worked out again."""
    with site.core.engine.connect() as connection:
        return {
            (one.kind, one.device, window)
            for one in connection.execute(sa.select(state.periods_stale))
            for window in range(one.start, one.until, 5 * MINUTE)
        }


def test_what_a_run_sent_before_it_broke_off_is_marked(
    again: Again, site: InfluxSite, influx_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third request is refused for good: the windows of all lines that are there have to be worked out again."""
    with writing(site.core.engine) as connection:
        write_marks(connection, {BEGUN: T0 + 24 * HOUR})
        connection.execute(sa.delete(state.periods_stale))
    influx_bucket.query("DROP MEASUREMENT water")
    monkeypatch.setattr(gateway.reconcile, "_LINES", 50)
    real, calls = InfluxLink.write, []

    def third(link: InfluxLink, lines: Sequence[bytes], start: int, end: int) -> Future[list[Any]]:
        calls.append(len(lines))
        if len(calls) < 3:
            return real(link, lines, start, end)
        held: Future[list[Any]] = Future()
        held.set_exception(UnwrittenError("HTTP 401", held=True))
        return held

    monkeypatch.setattr(InfluxLink, "write", third)
    with pytest.raises(HygeiaError, match="HTTP 401"):
        again()

    sent = [(row["device"], row["time"] // 1_000_000) for row in rows(influx_bucket)["water"]]
    there = {("water", device, ts - ts % (5 * MINUTE)) for device, ts in sent}
    assert len(there) > 10
    assert there <= stale(site)


def test_a_value_that_the_database_has_otherwise_is_named_and_left(again: Again, influx_bucket: Bucket) -> None:
    """Nothing is overwritten: somebody must look."""
    (row,) = [row for row in influx_bucket.rows("water") if row["time"] == T0 * 1_000_000 and row["device"] == "wq-1"]
    line = "water,device=wq-1,district=gulou,place=out,point=-,unit=wtp-1 chlorine_free=9.9 "
    write(influx_bucket, line + str(row["time"]))
    report = again()
    assert (report.different, report.missing) == (1, 0)
    (one,) = report.differences
    assert (one.device, one.ts, one.field, one.journal, one.database) == ("wq-1", T0, "chlorine_free", 0.4, 9.9)
    (row,) = [row for row in influx_bucket.rows("water") if row["time"] == T0 * 1_000_000 and row["device"] == "wq-1"]
    assert row["chlorine_free"] == 9.9


def test_the_range_is_one_of_receive_times(again: Again, influx_bucket: Bucket) -> None:
    """Late data belong to the hour in which they came; the end of the range is outside it."""
    influx_bucket.query("DROP MEASUREMENT water")
    assert again(T0, T0 + 10 * MINUTE, dry_run=True).missing == 10 + 6
    late = again(T0 + 121 * MINUTE, T0 + 122 * MINUTE, dry_run=True)
    assert late.missing == 3
    assert again(T0 - HOUR, T0, dry_run=True).compared == 0


def test_a_retention_hides_what_is_older(again: Again, influx_bucket: Bucket) -> None:
    """What the database would drop at once is not called missing."""
    influx_bucket.query(f'ALTER RETENTION POLICY autogen ON "{influx_bucket.bucket}" DURATION 24h SHARD DURATION 1h')
    report = again(dry_run=True)
    assert (report.compared, report.missing) == (0, 0)
    assert report.expired > 100


def test_the_command_tells_by_its_exit_code_whether_something_is_missing(
    site: InfluxSite, influx_bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 with --dry-run where something is missing; 0 when it was sent and when nothing is missing."""
    (tmp_path / "hygeia.toml").write_text(
        f'data.dir = "data"\ntimeseries.store = "influx"\ninflux.url = "{site.target.url}"\ninflux.org = "tests"\n'
        f'influx.bucket = "{influx_bucket.bucket}"\ninflux.token = "{site.target.token}"\n',
        "utf-8",
    )
    arguments = ["influx", "reconcile", "--config", str(tmp_path / "hygeia.toml"), "--from", str(T0), "--to"]

    def run(*more: str) -> tuple[int, dict[str, Any]]:
        code = call([*arguments, str(T0 + HOUR), "--json", *more])
        return code, json.loads(capsys.readouterr().out)

    assert run()[0] == 0
    influx_bucket.query("DROP MEASUREMENT water")
    code, document = run("--dry-run")
    assert (code, document["from"], document["to"], document["sent"]) == (1, T0, T0 + HOUR, 0)
    assert document["missing"] > 60
    code, sent = run()
    assert (code, sent["sent"]) == (0, document["missing"])
    assert {"compared", "missing", "sent", "different", "refused", "from", "to"} <= sent.keys()
    assert call([*arguments, str(T0)]) == 2
    assert "--to" in capsys.readouterr().err


def test_what_the_journal_no_longer_holds_is_told(tmp_path: Path, influx_bucket: Bucket) -> None:
    """From when on it compared; what came before is neither missing nor there. What the store has not passed waits."""
    section = JournalSection(segment=ByteSize(64 * 1024), min_free=ByteSize(1 << 20))
    site = InfluxSite(tmp_path / "data", influx_bucket, T0, journal=section)
    for hour in range(3):
        for n in range(500):
            at = T0 + hour * HOUR + n * 1000
            site.receive(at, "wq-1", {"ts": at, "values": {"chlorine_free": 0.4}})
        site.settle()
    upto = site.core.decider.cursor
    site.core.journal.retain(upto, 0.01)
    kept = listing(site.core.installation.journal)
    assert kept[0].first > 0
    where = (site.core.installation.journal, site.core.engine, "hygeia/v1", site.target)
    influx_bucket.query("DROP MEASUREMENT water")
    report = reconcile(*where, start=T0, end=T0 + 24 * HOUR)
    assert report.held_from == created_of(kept[0])
    assert 0 < report.missing == report.sent < 1500
    assert reconcile(*where, start=report.held_from + 1, end=T0 + 24 * HOUR).held_from is None
    body = json.dumps({"stats": {"cursor": kept[-1].first}})
    with site.core.engine.begin() as connection:
        connection.execute(sa.update(state.store_cursors).values(body=body))
    assert reconcile(*where, start=T0, end=T0 + 24 * HOUR).waiting == upto - kept[-1].first
    site.close()


def test_a_server_that_refuses_us_ends_it_in_one_line(site: InfluxSite) -> None:
    """A wrong token is not tried again and again."""
    target = site.target._replace(token="wrong-token")
    with pytest.raises(HygeiaError, match="run it again") as caught:
        reconcile(site.core.installation.journal, site.core.engine, "hygeia/v1", target, start=T0, end=T0 + HOUR)
    assert "wrong-token" not in str(caught.value) + repr(target)


def test_a_line_that_the_server_refuses_now_is_counted_as_refused(again: Again, influx_bucket: Bucket) -> None:
    """Somebody wrote text where our number belongs: all else is sent, and the rest stays missing."""
    influx_bucket.query("DROP MEASUREMENT water")
    write(influx_bucket, f'water,device=stranger ph="text" {T0}000000')
    report = again()
    assert report.sent < report.missing
    assert report.refused == 2 + report.missing - report.sent
    assert again(dry_run=True).missing == report.missing - report.sent
