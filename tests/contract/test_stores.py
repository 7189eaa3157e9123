"""One suite for every time-series store: what ``gateway.store.base.TimeSeriesStore`` promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from devices.reading import Row
from gateway import state
from gateway.store.base import (
    AlertPoint,
    CustodyPoints,
    Item,
    Quiet,
    StoredReading,
    StoreStats,
    Tags,
    Telemetry,
    TimeSeriesStore,
)
from gateway.store.embedded import EmbeddedStore
from gateway.store.influx import InfluxStore

T0 = 1_732_200_000_000
TAGS = Tags("wq-1", "water", "wtp-1-out", "wtp-1", "gulou")
Opened = Callable[[], TimeSeriesStore]


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("influx", marks=pytest.mark.influxd),
        # An InfluxDB 1.x as it is, without the shim that makes it look like 2.x.
        pytest.param("influx-1", marks=pytest.mark.influxd),
    ]
)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """A function that opens the same installation's store, closing the one opened before: a restart."""
    current: list[TimeSeriesStore] = []
    bucket = request.getfixturevalue("influx_bucket") if request.param.startswith("influx") else None
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'state.sqlite'}")
    state.metadata.create_all(engine)

    def again() -> TimeSeriesStore:
        if current:
            current.pop().close()
        store: TimeSeriesStore = EmbeddedStore(tmp_path / "series.duckdb")
        if bucket is not None:
            url = bucket.url if request.param == "influx" else bucket.influxd.url
            store = InfluxStore(url, bucket.org, bucket.bucket, bucket.token, engine)
        store.open()
        current.append(store)
        return store

    yield again
    if current:
        current.pop().close()
    engine.dispose()


def telemetry(offset: int, ts: int, late: bool | None = None, qos: int = 1, **values: float) -> Telemetry:
    """A message of ``TAGS`` with one row."""
    marks = None if late is None else [late] * len(values)
    return Telemetry(offset, ts + 7, qos, TAGS, [Row("-", ts, tuple(values), list(values.values()), late=marks)])


def read(store: TimeSeriesStore, **asked: Any) -> list[StoredReading]:
    """All readings of ``TAGS``, or as asked."""
    given = {"device": "wq-1", "point": None, "parameter": None, "start": 0, "end": 2 * T0, "limit": 1000} | asked
    return store.read(**given)


def values(store: TimeSeriesStore, **asked: Any) -> list[tuple[int, str, float]]:
    """(ms after T0, parameter, value) of what ``read`` gives."""
    return [(one.ts - T0, one.parameter, one.value) for one in read(store, **asked)]


def test_a_new_store_is_empty_and_its_cursor_stands_before_the_first_record(opened: Opened) -> None:
    """Nothing is in a new store."""
    store = opened()
    assert store.stats() == StoreStats()
    assert store.last_parked() == []
    assert read(store) == []


def test_what_is_written_is_there_after_a_restart_and_counted_once(opened: Opened) -> None:
    """Readings, cursor and totals survive; the same batch again changes nothing."""
    batch: list[Item] = [telemetry(3, T0, ph=7.25, chlorine_free=0.42), Quiet(4, 1), telemetry(5, T0 + 60_000, ph=-0.0)]
    assert opened().write(batch, 6) == []
    store = opened()
    expected = StoreStats(cursor=6, stored=3, points=3)
    assert store.stats() == expected
    assert store.write(batch, 6) == []
    assert store.stats() == expected
    assert values(store) == [(0, "chlorine_free", 0.42), (0, "ph", 7.25), (60_000, "ph", 0.0)]


def test_values_keep_every_digit(opened: Opened) -> None:
    """Floats come back bit for bit, tiny and huge ones and integers too."""
    given = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -1e-7, 123456789.12345679, 3, 1e22, 0.0]
    store = opened()
    store.write([telemetry(n, T0 + n, ph=value) for n, value in enumerate(given)], len(given))
    assert [one.value for one in read(store)] == given


def test_an_empty_batch_moves_the_cursor(opened: Opened) -> None:
    """Records that no store writes still pass."""
    store = opened()
    assert store.write([], 17) == []
    assert opened().stats() == StoreStats(cursor=17)


def test_qos_0_is_stored_and_not_counted_as_a_message(opened: Opened) -> None:
    """QoS 0 is counted apart; its values are points like all others."""
    store = opened()
    store.write([telemetry(0, T0, qos=0, ph=7.0), Quiet(1, 0), telemetry(2, T0 + 1, ph=7.0)], 2)
    assert store.stats() == StoreStats(cursor=2, stored=1, points=2)


def test_a_late_value_that_is_new_is_stored(opened: Opened) -> None:
    """Late data fill a gap."""
    store = opened()
    store.write([telemetry(0, T0 + 60_000, ph=7.0)], 0)
    assert store.write([telemetry(1, T0, late=True, ph=7.1)], 1) == []
    assert values(store) == [(0, "ph", 7.1), (60_000, "ph", 7.0)]
    assert store.stats() == StoreStats(cursor=1, stored=2, points=2)


def test_a_late_value_that_is_known_is_left_alone(opened: Opened) -> None:
    """The same value of one identity again is no conflict and no point."""
    store = opened()
    store.write([telemetry(0, T0, ph=7.0, chlorine_free=0.3), telemetry(1, T0 + 60_000, ph=7.2)], 1)
    assert store.write([telemetry(2, T0, late=True, ph=7.0)], 2) == []
    assert store.stats() == StoreStats(cursor=2, stored=3, points=3)


def test_0_02_followed_by_0_42_of_one_time_leaves_0_02_and_one_conflict(opened: Opened) -> None:
    """A reading never overwrites another; the second is parked with both values."""
    store = opened()
    store.write([telemetry(0, T0, chlorine_free=0.02), telemetry(1, T0 + 60_000, chlorine_free=0.3)], 1)
    (parked,) = store.write([telemetry(2, T0, late=True, chlorine_free=0.42)], 2)
    assert (parked.offset, parked.reason, parked.whole) == (2, "conflict", True)
    assert (parked.detail["value"], parked.detail["known"], parked.detail["ts"]) == (0.42, 0.02, T0)
    assert values(store, end=T0 + 1) == [(0, "chlorine_free", 0.02)]
    assert store.stats() == StoreStats(cursor=2, stored=2, parked=1, points=2, points_conflict=1)
    assert opened().last_parked() == [parked]


def test_late_values_of_one_batch_are_compared_with_each_other_and_with_the_batch(opened: Opened) -> None:
    """The first in the journal stays, whether it is stored already or comes with the same call."""
    store = opened()
    parked = store.write(
        [
            telemetry(0, T0, ph=7.0),
            telemetry(1, T0 + 60_000, ph=7.5),
            telemetry(2, T0, late=True, ph=7.9),
            telemetry(3, T0 - 5, late=True, ph=6.5),
            telemetry(4, T0 - 5, late=True, ph=6.5),
            telemetry(5, T0 - 5, late=True, ph=6.6),
        ],
        5,
    )
    assert [(one.offset, one.detail["value"], one.detail["known"]) for one in parked] == [(2, 7.9, 7.0), (5, 6.6, 6.5)]
    assert values(store) == [(-5, "ph", 6.5), (0, "ph", 7.0), (60_000, "ph", 7.5)]
    assert store.stats() == StoreStats(cursor=5, stored=4, parked=2, points=3, points_conflict=2)


def test_a_message_with_a_conflict_and_a_new_value_is_stored_with_the_new_one(opened: Opened) -> None:
    """A refused value does not park its neighbours."""
    store = opened()
    store.write([telemetry(0, T0, ph=7.0), telemetry(1, T0 + 1, ph=7.0)], 1)
    row = Row("-", T0, ("ph", "turbidity"), [8.0, 0.3], late=[True, False])
    (parked,) = store.write([Telemetry(2, T0 + 2, 1, TAGS, [row])], 2)
    assert not parked.whole
    assert values(store, end=T0 + 1) == [(0, "ph", 7.0), (0, "turbidity", 0.3)]
    assert store.stats() == StoreStats(cursor=2, stored=3, points=3, points_conflict=1)


def test_a_row_that_asks_to_be_compared_is_compared_and_is_not_late(opened: Opened) -> None:
    """Where a device clock ran ahead, a later value of the same time is a repeat or a conflict."""

    def ahead(offset: int, value: float) -> Telemetry:
        return Telemetry(offset, T0, 1, TAGS, [Row("-", T0 + 600_000, ("ph",), [value], ahead=True, compare=True)])

    store = opened()
    assert store.write([ahead(0, 7.0)], 0) == []
    assert [one.offset for one in store.write([ahead(1, 7.0), ahead(2, 7.5)], 2)] == [2]
    assert [(one.value, one.late) for one in read(store)] == [(7.0, False)]
    assert store.stats() == StoreStats(cursor=2, stored=2, parked=1, points=1, points_conflict=1)


def test_late_values_of_many_devices_and_distant_times_are_found(opened: Opened) -> None:
    """Comparing works across devices, points and gaps, in one batch."""
    places = [("a", "-", 0), ("b", "in", 1), ("b", "out", 1), ("c'd", "-", 86_400_000), ("a", "-", 400 * 86_400_000)]

    def batch(first: int, value: float, *, late: bool = False) -> list[Telemetry]:
        rows = [Row(p, T0 + at, ("ph",), [value], late=[True] if late else None) for _, p, at in places]
        return [Telemetry(first + n, T0, 1, Tags(d, "water"), [rows[n]]) for n, (d, _, _) in enumerate(places)]

    store = opened()
    store.write(batch(0, 7.0), 4)
    assert store.write(batch(5, 7.0, late=True), 9) == []
    assert [one.offset for one in store.write(batch(10, 7.5, late=True), 14)] == [10, 11, 12, 13, 14]
    assert store.stats().points == len(places)


def test_flags_and_qualifiers_come_back(opened: Opened) -> None:
    """Each value keeps its own flag and qualifier; without one it is N and plain."""
    row = Row("-", T0, ("ph", "chlorine_free"), [7.0, 0.02], flags=["M", "N"], qualifiers=["", "<"])
    store = opened()
    store.write([Telemetry(0, T0, 1, TAGS, [row]), telemetry(1, T0 + 1, ph=7.1)], 1)
    found = [(one.parameter, one.flag, one.qualifier) for one in read(store)]
    assert found == [("chlorine_free", "N", "<"), ("ph", "M", ""), ("ph", "N", "")]


def test_reading_a_range_takes_start_in_and_end_out_and_goes_on_after_a_page(opened: Opened) -> None:
    """Start counts, end does not; order is (ts, parameter); page follows page without a gap or a repeat."""
    store = opened()
    store.write([telemetry(n, T0 + n, ph=n / 2, turbidity=n / 4) for n in range(10)], 9)
    everything = values(store, start=T0 + 2, end=T0 + 7)
    assert [at for at, _, _ in everything] == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    paged: list[tuple[int, str, float]] = []
    while page := values(store, start=T0 + 2, end=T0 + 7, limit=3, after=len(paged) - 1):
        paged += page
    assert paged == everything
    assert values(store, parameter="turbidity", start=T0 + 8) == [
        (8, "turbidity", 2.0),
        (9, "turbidity", 2.25),
    ]
    assert values(store, device="nobody") == []
    assert values(store, parameter="orp") == []


def test_points_of_one_device_are_kept_apart(opened: Opened) -> None:
    """Two sensors of one parameter in one device have one series each."""
    rows = [Row(point, T0, ("turbidity",), [value]) for point, value in (("in", 1.5), ("out", 0.1))]
    store = opened()
    store.write([Telemetry(0, T0, 1, TAGS, rows)], 0)
    assert [(one.point, one.value) for one in read(store)] == [("in", 1.5), ("out", 0.1)]
    assert [one.value for one in read(store, point="out")] == [0.1]
    assert store.stats().points == 2


def test_messages_with_other_parameters_and_kinds_share_a_batch(opened: Opened) -> None:
    """A new parameter widens the store; rows without it stay without it."""
    store = opened()
    climate = Telemetry(2, T0, 1, Tags("room-1", "store_climate"), [Row("-", T0, ("humidity",), [40.0])])
    store.write([telemetry(0, T0, ph=7.0), telemetry(1, T0, orp=650.0), climate], 2)
    store = opened()
    store.write([telemetry(3, T0 + 1, uv254=2.5, ph=7.1)], 3)
    assert values(store) == [(0, "orp", 650.0), (0, "ph", 7.0), (1, "ph", 7.1), (1, "uv254", 2.5)]
    assert values(store, device="room-1") == [(0, "humidity", 40.0)]


def test_custody_and_alerts_are_mirrored_and_are_no_points(opened: Opened) -> None:
    """Events count as messages, alerts as nothing, neither as points."""
    bags = CustodyPoints(0, T0, 1, TAGS, T0, "collect", "infectious", "T7-1", ["a", "b"], {"net_g": 900})
    alert = AlertPoint(0, 1, TAGS, T0, "-", "chlorine-low", "major", "active", "al-1", 0.02, 0.05)
    store = opened()
    assert store.write([bags, alert], 0) == []
    assert store.stats() == StoreStats(cursor=0, stored=1)


def test_names_with_awkward_letters_come_back(opened: Opened) -> None:
    """Spaces, commas, quotes, backslashes and Chinese in names break nothing."""
    tags = Tags("wq 1,a=b'\"", "water", "水厂 出口\\", "u\n1", "")
    row = Row("进水, 1", T0, ("ph",), [7.0])
    store = opened()
    assert store.write([Telemetry(0, T0, 1, tags, [row])], 0) == []
    assert [one.value for one in read(store, device="wq 1,a=b'\"", point="进水, 1")] == [7.0]
