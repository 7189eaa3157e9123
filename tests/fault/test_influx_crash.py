"""The InfluxDB store on a real influxd: identities of events, refusals, crashes of either side."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devices.reading import Row
from gateway import state
from gateway.store.base import AlertPoint, CustodyPoints, Item, RetryError, StoreStats, Tags, Telemetry
from gateway.store.influx import InfluxStore
from tests.plugins.influx import Bucket

pytestmark = pytest.mark.influxd
T0 = 1_732_200_000_000
TAGS = Tags("wq-1", "water", "wtp-1-out", "wtp-1", "gulou")
SCALE = Tags("scale-1", "terminal", "hosp-1-store", "hosp-1", "gulou")
Build = Callable[..., InfluxStore]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty state database."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    state.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def build(engine: sa.Engine) -> Iterator[Build]:
    """A function that opens a store on a bucket, as after a start of the gateway."""
    stores: list[InfluxStore] = []

    def make(where: Bucket, **changed: Any) -> InfluxStore:
        given = {"url": where.url, "org": where.org, "bucket": where.bucket, "token": where.token} | changed
        stores.append(InfluxStore(engine=engine, **given))
        stores[-1].open()
        return stores[-1]

    yield make
    for store in stores:
        store.close()


class PowerCutError(Exception):
    """The process ends here."""


def cut_power_at(engine: sa.Engine, commit: int) -> Callable[[], None]:
    """Let the ``commit``-th write of the store's row from now on (1 = the next) fail; returns what repairs it."""
    seen: list[str] = []

    def bomb(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE store_cursors"):
            seen.append(statement)
            if len(seen) == commit:
                raise PowerCutError

    sa.event.listen(engine, "before_cursor_execute", bomb)
    return lambda: sa.event.remove(engine, "before_cursor_execute", bomb)


def reading(offset: int, ts: int, value: float, *, late: bool = False, **more: Any) -> Telemetry:
    """A pH of ``TAGS``."""
    return Telemetry(offset, ts, 1, TAGS, [Row("-", ts, ("ph",), [value], late=[True] if late else None, **more)])


def scan(offset: int, ts: int, bags: list[str], **grams: int) -> CustodyPoints:
    """One scan at ``SCALE``."""
    return CustodyPoints(offset, ts, 1, SCALE, ts, "collect", "infectious", f"T7-{offset}", sorted(bags), grams)


def test_20_bags_in_one_scan_give_20_rows_with_one_group_weight(influx_bucket: Bucket, build: Build) -> None:
    """Equal tags and times never share an identity; the group's weight stands once, with the lowest id."""
    build(influx_bucket).write([scan(41, T0, [f"bag-{n:02d}" for n in range(20)], net_g=18_400, gross_g=20_000)], 41)
    rows = influx_bucket.rows("custody")
    assert sorted(row["container"] for row in rows) == [f"bag-{n:02d}" for n in range(20)]
    assert {row["time"] // 1_000_000 for row in rows} == {T0}
    weights = [(row["container"], row["group_net_g"], row["group_n"]) for row in rows if row["group_net_g"] is not None]
    assert weights == [("bag-00", 18_400, 20)]
    assert "net_g" not in rows[0]


def test_the_weight_of_one_bag_is_its_own(influx_bucket: Bucket, build: Build) -> None:
    """One container carries net, gross and tare."""
    build(influx_bucket).write([scan(1, T0, ["a"], net_g=900, gross_g=1000, tare_g=100)], 1)
    (row,) = influx_bucket.rows("custody")
    assert (row["net_g"], row["gross_g"], row["tare_g"]) == (900, 1000, 100)
    assert {key: row[key] for key in ("device", "place", "step", "category", "event_id")} == {
        "device": "scale-1",
        "place": "hosp-1-store",
        "step": "collect",
        "category": "infectious",
        "event_id": "T7-1",
    }


def test_a_terminal_whose_clock_stands_still_loses_no_row(influx_bucket: Bucket, build: Build) -> None:
    """Any number of scans and bags at one device time are all there, over restarts, crashes and far offsets."""
    items: list[Item] = [scan(n * 1_000_000 // 4, T0, [f"b{n}-{k}" for k in range(30)]) for n in range(60)]
    items.append(scan(20_000_000, T0, [f"many-{k:04d}" for k in range(1500)]))
    build(influx_bucket).write(items[:30], items[29].offset)
    build(influx_bucket).write(items[30:], items[-1].offset)
    rows = influx_bucket.rows("custody")
    assert len({row["container"] for row in rows}) == len(rows) == 60 * 30 + 1500


def test_alerts_of_one_moment_are_all_there(influx_bucket: Bucket, build: Build) -> None:
    """Transitions with equal tags and time are told apart by their place in the journal."""
    items = [
        AlertPoint(7 + n // 5, n % 5, TAGS, T0, "-", "chlorine-low", "major", "active", f"al-{n}", 0.02, None)
        for n in range(10)
    ]
    build(influx_bucket).write(items, 8)
    rows = influx_bucket.rows("alert")
    assert sorted(row["alert_id"] for row in rows) == sorted(f"al-{n}" for n in range(10))
    assert {(row["value"], row["state"], row["severity"]) for row in rows} == {(0.02, "active", "major")}


def test_flags_are_written_where_the_value_is_or_was_not_normal(influx_bucket: Bucket, build: Build) -> None:
    """The first line says the flag; then it is silent until it changes, and says when it is normal again."""
    store = build(influx_bucket)
    flags = ["N", "N", "M", "M", "N", "N"]
    store.write([reading(n, T0 + n, 7.0, flags=None if f == "N" else [f]) for n, f in enumerate(flags)], 5)
    assert [row["ph_flag"] for row in influx_bucket.rows("water")] == ["N", None, "M", "M", "N", None]


@pytest.mark.parametrize("bare", [False, True], ids=["2.x shim", "1.x bare"])
def test_one_bad_line_among_5000_is_parked_with_the_words_of_influxd(
    *, bare: bool, influx_bucket: Bucket, build: Build
) -> None:
    """A field of another type refuses one device's line; everything else is in."""
    store = build(influx_bucket, **({"url": influx_bucket.influxd.url} if bare else {}))
    store.write([Telemetry(0, T0, 1, TAGS, [Row("-", T0, ("ph",), [7.0])])], 0)
    # "ph_flag" is a string field by now, so a parameter of that name cannot be a number.
    bad = Telemetry(500, T0, 1, TAGS, [Row("-", T0 + 500, ("ph_flag", "orp"), [1.0, 2.0])])
    items: list[Item] = [reading(n, T0 + n, n / 100) for n in range(1, 5001)]
    items[499] = bad
    (parked,) = store.write(items, 5000)
    assert (parked.offset, parked.reason, parked.whole) == (500, "store_refused", True)
    assert "field type conflict" in parked.detail["words"]
    assert [row["ph"] for row in influx_bucket.rows("water")] == [7.0, *(n / 100 for n in range(1, 5001) if n != 500)]
    assert store.stats() == StoreStats(cursor=5000, stored=5000, parked=1, points=5000)


def test_a_time_that_influxdb_cannot_hold_is_parked_and_stops_nothing(influx_bucket: Bucket, build: Build) -> None:
    """The year 2400 is refused line by line, late or not."""
    store = build(influx_bucket)
    far = 13_569_465_600_000
    parked = store.write([reading(0, far, 7.0), reading(1, far - 1, 7.0, late=True), reading(2, T0, 7.1, late=True)], 2)
    assert [one.offset for one in parked] == [0, 1]
    assert store.stats() == StoreStats(cursor=2, stored=1, parked=2, points=1)


@pytest.mark.parametrize("commit", [1, 2])
def test_a_crash_at_either_commit_of_a_batch_with_late_values_changes_nothing(
    commit: int, influx_bucket: Bucket, build: Build, engine: sa.Engine
) -> None:
    """Before the lines or after them: the same batch again gives the same rows, totals and conflicts."""
    first: list[Item] = [reading(0, T0, 7.0), reading(1, T0 + 60_000, 7.1)]
    second: list[Item] = [
        reading(2, T0 + 120_000, 7.2),
        reading(3, T0 + 30_000, 6.9, late=True),
        reading(4, T0, 7.0, late=True),
        reading(5, T0, 7.7, late=True),
        reading(6, T0 + 30_000, 6.8, late=True),
        scan(7, T0, ["a", "b"]),
    ]
    store = build(influx_bucket)
    store.write(first, 1)
    repair = cut_power_at(engine, commit)
    with pytest.raises(PowerCutError):
        store.write(second, 7)
    repair()
    store.close()
    again = build(influx_bucket)
    assert again.stats() == StoreStats(cursor=1, stored=2, points=2)
    # Since the crash decide has gone on: the batch has other bounds.
    parked = again.write([*second, reading(8, T0 + 30_000, 6.9, late=True)], 8)
    assert [(one.offset, one.detail["value"], one.detail["known"]) for one in parked] == [(5, 7.7, 7.0), (6, 6.8, 6.9)]
    assert again.stats() == StoreStats(cursor=8, stored=7, parked=2, points=4, points_conflict=2)
    assert [row["ph"] for row in influx_bucket.rows("water")] == [7.0, 6.9, 7.1, 7.2]
    assert len(influx_bucket.rows("custody")) == 2


def test_influxd_killed_and_started_again_loses_and_doubles_nothing(own_influx: Bucket, build: Build) -> None:
    """While it is away the store asks to be called again; what it acknowledged survives SIGKILL."""
    store = build(own_influx, timeout=5.0)
    store.write([reading(n, T0 + n, n / 100) for n in range(1000)], 999)
    own_influx.influxd.kill()
    rest: list[Item] = [reading(n, T0 + n, n / 100) for n in range(1000, 2000)]
    with pytest.raises(RetryError) as caught:
        store.write(rest, 1999)
    assert not caught.value.held
    with pytest.raises(RetryError):
        store.read(device="wq-1", point=None, parameter=None, start=T0, end=T0 + 9, limit=1)
    own_influx.influxd.start()
    assert store.write(rest, 1999) == []
    assert store.stats() == StoreStats(cursor=1999, stored=2000, points=2000)
    assert [row["ph"] for row in own_influx.rows("water")] == [n / 100 for n in range(2000)]


@pytest.mark.parametrize("wrong", [{"token": "wrong"}, {"bucket": "absent"}], ids=["token", "bucket"])
def test_a_refused_token_or_a_missing_bucket_holds_the_store(
    wrong: dict[str, str], influx_bucket: Bucket, build: Build
) -> None:
    """It opens, so that alerts go on; one line names address, bucket and what to check, without the token."""
    store = build(influx_bucket, **wrong)
    with pytest.raises(RetryError) as caught:
        store.write([reading(0, T0, 7.0)], 0)
    words = str(caught.value)
    assert caught.value.held
    assert influx_bucket.url in words
    assert "influx.bucket" in words
    assert "\n" not in words
    assert influx_bucket.token not in words


def test_compressed_bodies_are_understood(influx_bucket: Bucket, build: Build) -> None:
    """The client's gzip works where a line is thin."""
    build(influx_bucket, gzip=True).write([reading(0, T0, 7.0)], 0)
    assert len(influx_bucket.rows("water")) == 1


def test_reading_goes_on_in_other_threads_while_writing(influx_bucket: Bucket, build: Build) -> None:
    """Any thread may read and ask for totals."""
    store = build(influx_bucket)

    def look(_: int) -> tuple[int, int]:
        found = store.read(device="wq-1", point="-", parameter="ph", start=T0, end=T0 + 10_000, limit=10_000)
        return store.stats().points, len(found)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(look, n) for n in range(20)]
        for n in range(20):
            store.write([reading(k, T0 + k, 7.0) for k in range(n * 50, n * 50 + 50)], n * 50 + 49)
        for one in looks:
            counted, found = one.result()
            assert counted <= 1000
            assert found <= 1000
    assert look(0) == (1000, 1000)


@pytest.mark.parametrize("bare", [False, True], ids=["2.x shim", "1.x bare"])
def test_a_series_of_more_than_one_chunk_comes_back_whole(*, bare: bool, influx_bucket: Bucket, build: Build) -> None:
    """25,000 rows of one device beside those of another, in two statements; late values among them are known."""
    store = build(influx_bucket, **({"url": influx_bucket.influxd.url} if bare else {}))
    count = 25_000
    items: list[Item] = [reading(n, T0 + n * 1000, n / 8) for n in range(count)]
    items.append(Telemetry(count, T0, 1, Tags("wq-2", "water"), [Row("-", T0, ("ph",), [7.0])]))
    store.write(items, count)
    found = store.read(device="wq-1", point="-", parameter="ph", start=T0, end=T0 + count * 1000, limit=count + 1)
    assert [one.value for one in found] == [n / 8 for n in range(count)]
    late: list[Item] = [
        reading(count + 1 + n, T0 + n * 1000, n / 8 + (n == 24_000), late=True) for n in range(0, count, 500)
    ]
    (parked,) = store.write(late, 2 * count)
    assert (parked.reason, parked.detail["value"], parked.detail["known"]) == ("conflict", 3001.0, 3000.0)
    assert store.stats().points == count + 1
