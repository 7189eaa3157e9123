"""Figures of periods on a real influxd: what comes late, is moved, silent, worked on or interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway import state
from gateway.periods import follow
from gateway.periods.marks import count_stale, mark_stale, read_marks
from gateway.store.influx_write import UnwrittenError
from tests.plugins.influx import Bucket
from tests.support.periods_site import CHANNELS, DEVICE, HOUR, MIDNIGHT, MINUTE, PLACE, Site
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.influxd
COUNTS = ("due", "received", "valid", "judged", "compliant")
SIZES = ("water_5m", "water_1h", "water_1d")
KEY = (0, "wq-1", "out-1", "chlorine_free")


@pytest.fixture
def site(tmp_path: Path, influx_bucket: Bucket) -> Iterator[Site]:
    """An outlet with one device of two channels that reports every minute."""
    site = Site(tmp_path, influx_bucket)
    site.register("places", PLACE)
    site.register("devices", DEVICE | {"channels": CHANNELS})
    yield site
    site.close()


def soon(condition: Callable[[], object]) -> None:
    """Wait until a thread made ``condition()`` true."""
    end, pause = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert time.monotonic() < end
        pause.wait(0.005)


def of(site: Site, key: tuple[Any, ...] = KEY, *fields: str) -> list[tuple[Any, ...]]:
    """The figures of one channel in its first 5 minutes, hour and day."""
    return [site.figures(size, *(fields or COUNTS))[key] for size in SIZES]


def test_a_late_reading_changes_the_figures_of_5_minutes_hour_and_day(site: Site) -> None:
    """Four of five readings came; the fifth comes later and breaks the limit."""
    site.every("wq-1", [0, 1, 2, 3], chlorine_free=0.5)
    site.at(6)
    assert of(site) == [(5, 4, 4, 4, 4)] * 3

    site.clock.now = MIDNIGHT + 7 * MINUTE
    site.send("wq-1", MIDNIGHT + 4 * MINUTE, {"chlorine_free": 0.1}, late=True)
    site.at(8)

    assert of(site) == [(5, 5, 5, 5, 4)] * 3
    assert of(site, KEY, "min", "max", "low", "high") == [(0.1, 0.5, 0.3, 2)] * 3
    assert of(site, KEY, "mean", "sum") == [(pytest.approx(0.42), pytest.approx(2.1))] * 3


def test_a_channel_that_is_registered_and_silent_is_due_and_has_nothing(site: Site) -> None:
    """Of pH nothing came: it was due all the same."""
    site.every("wq-1", [0], chlorine_free=0.5)
    site.at(6)

    assert of(site, (0, "wq-1", "out-1", "ph")) == [(5, 0, 0, 0, 0)] * 3


def test_a_session_makes_the_readings_in_it_invalid_after_the_fact(site: Site) -> None:
    """A session that reaches back into a finished window takes two of its readings out of all figures."""
    site.every("wq-1", range(10), chlorine_free=0.5)
    site.at(11)
    assert of(site)[1] == (10, 10, 10, 10, 10)

    site.session("wq-1", MIDNIGHT + 3 * MINUTE, MIDNIGHT + 5 * MINUTE)
    site.at(11.1)

    assert of(site) == [(5, 5, 3, 3, 3), (10, 10, 8, 8, 8), (10, 10, 8, 8, 8)]


def test_extremes_of_a_window_without_valid_readings_are_in_no_hour(site: Site) -> None:
    """InfluxDB keeps the old minimum of a window that became invalid; the hour does not take it."""
    site.every("wq-1", range(5), chlorine_free=0.1)
    site.every("wq-1", range(5, 10), chlorine_free=0.5)
    site.at(11)
    site.session("wq-1", MIDNIGHT, MIDNIGHT + 5 * MINUTE)
    site.at(11.1)

    assert of(site, KEY, "valid", "min", "max")[1:] == [(5, 0.5, 0.5)] * 2


def test_an_outage_that_was_announced_is_no_time_in_which_anything_is_due(site: Site) -> None:
    """An approved stop lowers what is due, in a window that was finished as well."""
    site.every("wq-1", [0, 1], chlorine_free=0.5)
    site.at(6)
    site.session("wq-1", MIDNIGHT + 2 * MINUTE, None, kind="outage", until=MIDNIGHT + 60 * MINUTE)
    site.at(6.1)

    assert of(site)[0] == (2, 2, 2, 2, 2)


def test_a_moved_device_has_its_figures_at_both_places(site: Site) -> None:
    """Readings count where they came from; what is due follows the registry, and an old window stays where it was."""
    site.every("wq-1", range(5), chlorine_free=0.5, ph=7.0)
    site.at(6)
    site.register("places", PLACE | {"id": "end-1", "kind": "network_end"})
    site.register("devices", DEVICE | {"place": "end-1", "channels": CHANNELS})
    site.every("wq-1", range(5, 10), chlorine_free=0.1, ph=7.0)
    site.session("wq-1", MIDNIGHT, MIDNIGHT + MINUTE)
    site.at(11)

    found = site.figures("water_5m", *COUNTS)
    assert found[0, "wq-1", "out-1", "chlorine_free"] == (5, 5, 4, 4, 4)
    # At the end of the network 0.05 mg/L are enough.
    assert found[5, "wq-1", "end-1", "chlorine_free"] == (5, 5, 5, 5, 5)
    assert len(found) == 4


def test_a_date_in_the_past_takes_back_what_was_due(site: Site) -> None:
    """The place is said, afterwards, to have been out of service from minute 5 on."""
    site.every("wq-1", range(5), chlorine_free=0.5)
    site.at(16)
    assert of(site)[1] == (15, 5, 5, 5, 5)

    before, after = PLACE | {"to": MIDNIGHT + 5 * MINUTE}, PLACE | {"state": "suspended", "from": MIDNIGHT + 5 * MINUTE}
    site.register("places", {"id": "out-1", "periods": [before, after]})
    site.at(16.1)

    assert of(site) == [(5, 5, 5, 5, 5)] * 3
    assert site.figures("water_5m", "due")[5, "wq-1", "out-1", "chlorine_free"] == (0,)


def test_a_late_reading_under_new_labels_leaves_nothing_due_twice(site: Site) -> None:
    """Silent at the old place, moved without a date, then a late reading under the new labels: due once."""
    site.every("wq-1", [0, 10], chlorine_free=0.5)
    site.at(16)
    site.register("places", PLACE | {"id": "end-1", "kind": "network_end"})
    site.register("devices", DEVICE | {"place": "end-1", "channels": CHANNELS})
    site.send("wq-1", MIDNIGHT + 7 * MINUTE, {"chlorine_free": 0.5}, late=True)
    site.at(16.1)

    found = site.figures("water_5m", "due", "received")
    assert found[5, "wq-1", "out-1", "chlorine_free"] == (5, 0)
    assert found[5, "wq-1", "end-1", "chlorine_free"] == (0, 1)
    assert site.figures("water_1h", "due")[KEY] == (15,)


def test_districts_have_the_sums_of_their_places(site: Site) -> None:
    """Two places of one district, one row a parameter and one of all."""
    site.register("places", PLACE | {"id": "out-2"})
    site.register("devices", DEVICE | {"id": "wq-2", "place": "out-2", "channels": CHANNELS})
    site.every("wq-1", range(5), chlorine_free=0.5)
    site.at(6)

    rows = {row["parameter"]: row for row in site.bucket.rows("district_1h")}
    assert {key: (row["due"], row["received"], row["places"]) for key, row in rows.items()} == {
        "chlorine_free": (10, 5, 2),
        "ph": (10, 0, 2),
        "-": (20, 5, 2),
    }
    assert {(row["district"], row["kind"]) for row in rows.values()} == {("gulou", "water")}


def test_a_window_begun_before_a_crash_is_worked_out_again(site: Site) -> None:
    """The power fails between the lines and the mark; what is stored meanwhile is in the figures all the same."""
    site.every("wq-1", range(4), chlorine_free=0.5)

    class PowerCutError(Exception):
        """The process ends here."""

    writes: list[int] = []

    def bomb(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO period_marks"):
            writes.append(1)
            # The beginning, what is known of registry and sessions, the windows begun: then they are done.
            if len(writes) == 4:
                raise PowerCutError

    sa.event.listen(site.engine, "before_cursor_execute", bomb)
    with pytest.raises(PowerCutError):
        site.at(6)
    sa.event.remove(site.engine, "before_cursor_execute", bomb)
    assert of(site)[0] == (5, 4, 4, 4, 4)
    with site.engine.connect() as connection:
        assert read_marks(connection)["periods"] == MIDNIGHT

    site.again()
    site.send("wq-1", MIDNIGHT + 4 * MINUTE, {"chlorine_free": 0.5})
    site.at(6)

    assert of(site) == [(5, 5, 5, 5, 5)] * 3
    with site.engine.connect() as connection:
        assert count_stale(connection) == 0


def test_windows_wait_for_a_store_that_lags(site: Site) -> None:
    """What is journaled and not stored yet belongs to the window: it is not worked out before."""
    site.every("wq-1", range(4), chlorine_free=0.5)
    site.clock.now = MIDNIGHT + 6 * MINUTE
    site.offset += 1

    assert not site.periods.run_once()

    assert site.periods.lag_ms == 5 * MINUTE
    assert site.bucket.rows("water_5m") == []
    site.at(6)
    assert site.periods.lag_ms == 0


def test_the_thread_catches_up_and_survives_a_server_that_was_away(tmp_path: Path, own_influx: Bucket) -> None:
    """The server is away when windows are due; the thread says so, tries again and loses nothing."""
    site = Site(tmp_path, own_influx)
    site.register("places", PLACE)
    site.register("devices", DEVICE | {"channels": CHANNELS})
    site.every("wq-1", range(70), chlorine_free=0.5)
    site.at(0.6)
    own_influx.influxd.kill()
    site.clock.now = MIDNIGHT + 71 * MINUTE
    with pytest.raises(UnwrittenError):
        site.periods.run_once()

    site.periods.start()
    soon(lambda: site.periods.state == "behind")
    own_influx.influxd.start()
    soon(lambda: site.periods.state == "ok" and site.periods.lag_ms == 0)

    assert site.figures("water_1h", *COUNTS)[KEY] == (60, 60, 60, 60, 60)
    assert site.figures("water_1d", *COUNTS)[KEY] == (70, 70, 70, 70, 70)
    site.close()


def test_a_value_does_not_count_while_the_cell_was_said_to_be_dry_before(site: Site) -> None:
    """The state of the flow came once, in an earlier window that was worked out before."""
    channels = [{"parameter": "chlorine_free", "valid_when": "cell_flow"}, {"parameter": "cell_flow"}]
    site.register("devices", DEVICE | {"channels": channels})
    site.send("wq-1", MIDNIGHT, {"cell_flow": 0.0})
    site.at(6)
    site.every("wq-1", [6, 7], chlorine_free=0.1)
    site.at(11)

    assert site.figures("water_5m", *COUNTS)[5, "wq-1", "out-1", "chlorine_free"] == (5, 2, 0, 0, 0)


@pytest.mark.parametrize("few", [200, 0])
def test_a_device_that_is_removed_keeps_what_it_sent_until_then(
    site: Site, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Removed before its last windows are worked out: nothing is short of them, and as much was due as came."""
    monkeypatch.setattr(follow, "FEW", few)
    site.register("devices", DEVICE | {"id": "wq-2", "channels": CHANNELS})
    for device in ("wq-1", "wq-2"):
        site.every(device, range(40), chlorine_free=0.5)
    site.at(41)
    site.every("wq-2", range(40, 47), chlorine_free=0.1)
    site.remove("wq-2")
    site.at(47.1)
    site.at(130)

    key = (0, "wq-2", "out-1", "chlorine_free")
    assert [site.figures(size, *COUNTS)[key] for size in SIZES[1:]] == [(47, 47, 47, 47, 40)] * 2
    (hour,) = [
        row
        for row in site.bucket.rows("district_1h")
        if row["parameter"] == "chlorine_free" and row["time"] == MIDNIGHT * 1_000_000
    ]
    assert (hour["received"], hour["compliant"]) == (87, 80)
    with site.engine.connect() as connection:
        assert count_stale(connection) == 0


def test_a_limit_that_reaches_back_a_month_over_many_devices_locks_nobody_out(site: Site) -> None:
    """A place of 70 devices is told a limit since 30 days: it is written in few statements, and the figures follow."""
    site.register("devices", *(DEVICE | {"id": f"wq-{n}", "channels": CHANNELS} for n in range(2, 71)))
    site.send("wq-1", MIDNIGHT - 30 * 24 * 60 * MINUTE + HOUR, {"ph": 7.0})
    site.clock.now = MIDNIGHT
    written: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "periods_stale" in statement and not statement.startswith("SELECT"):
            written.append(statement)

    with site.engine.begin() as connection:
        connection.execute(sa.insert(state.period_marks), [
            {"name": name, "upto": upto}
            for name, upto in {
                "periods": MIDNIGHT, "periods.begun": MIDNIGHT, "periods.since": MIDNIGHT - 40 * 24 * HOUR,
                "periods.registry": site.offset - 1, "periods.sessions": -1,
            }.items()
        ])  # fmt: skip
    limits = [{"parameter": "ph", "min": 7.5, "from": MIDNIGHT - 30 * 24 * HOUR}]
    site.register("places", PLACE | {"limits": limits})
    site.store.write([], site.offset)
    sa.event.listen(site.engine, "before_cursor_execute", count)
    site.periods.run_once(0)
    sa.event.remove(site.engine, "before_cursor_execute", count)

    assert len(written) < 6
    with site.engine.connect() as connection:
        assert 0 < count_stale(connection) < 30 * 24 * 12
    found = site.figures("water_5m", "judged", "compliant", "low")
    assert found[-30 * 24 * 60 + 60, "wq-1", "out-1", "ph"] == (1, 0, 7.5)


def test_what_was_due_stands_where_only_readings_changed(site: Site) -> None:
    """A device that is new and an interval of 10 s, both undated, change no window before them."""
    site.every("wq-1", [0, 1, 2, 3], chlorine_free=0.5)
    site.at(6)
    site.register(
        "devices", DEVICE | {"report_s": 10, "channels": CHANNELS}, DEVICE | {"id": "wq-2", "channels": CHANNELS}
    )
    site.clock.now = MIDNIGHT + 7 * MINUTE
    site.send("wq-1", MIDNIGHT + 4 * MINUTE, {"chlorine_free": 0.5}, late=True)
    site.at(8)
    assert of(site) == [(5, 5, 5, 5, 5)] * 3

    with site.engine.begin() as connection:
        mark_stale(connection, "water", MIDNIGHT, MIDNIGHT + 5 * MINUTE, due=False)
    site.at(9)
    assert of(site) == [(5, 5, 5, 5, 5)] * 3
    assert of(site, (0, "wq-1", "out-1", "ph")) == [(5, 0, 0, 0, 0)] * 3
    assert {key[1] for key in site.figures("water_5m", "due")} == {"wq-1"}

    site.session("wq-1", MIDNIGHT, MIDNIGHT + 4 * MINUTE, kind="outage")
    site.at(9.1)
    assert of(site)[0] == (6, 1, 1, 1, 1)

    # A dated limit of the place reaches back for both, but says nothing of when the second came.
    limits = [{"parameter": "ph", "min": 7.5, "from": MIDNIGHT - 1}]
    site.register("places", PLACE | {"limits": limits})
    site.at(9.2)
    found = site.figures("water_5m", "due", "low")
    assert found[0, "wq-1", "out-1", "ph"] == (6, 7.5)
    assert (0, "wq-2", "out-1", "ph") not in found


def test_a_reading_of_a_wrong_clock_makes_nothing_else_due(site: Site) -> None:
    """A day long before the beginning gets figures of the one channel that came alone."""
    site.every("wq-1", [0], chlorine_free=0.5)
    site.at(6)
    before = -30 * 24 * 60
    site.send("wq-1", MIDNIGHT + before * MINUTE, {"chlorine_free": 0.5}, late=True)
    site.at(8)

    assert [key for key in site.figures("water_1d", "due") if key[0] == before] == [
        (before, "wq-1", "out-1", "chlorine_free")
    ]


def test_a_place_whose_figures_became_nothing_is_no_place_of_its_district(site: Site) -> None:
    """The device was moved, and somebody dated it afterwards: the old place has zeros, which are not counted."""
    site.register("places", PLACE | {"id": "end-1", "kind": "network_end"})
    site.every("wq-1", [0], ph=7.0)
    site.at(76)
    moved = DEVICE | {"place": "end-1", "channels": CHANNELS, "from": MIDNIGHT + 60 * MINUTE}
    site.register(
        "devices", {"id": "wq-1", "periods": [DEVICE | {"channels": CHANNELS, "to": MIDNIGHT + 60 * MINUTE}, moved]}
    )
    site.store.write([], site.offset)
    site.at(130)

    hours = {
        (row["time"] // 1_000_000 - MIDNIGHT) // MINUTE: row["places"]
        for row in site.bucket.rows("district_1h", "WHERE parameter = 'chlorine_free'")
    }
    assert hours[60] == 1
