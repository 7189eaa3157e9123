"""Which windows are to be worked out again: what the store touches, what others mark, and what is removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devices.reading import Row
from gateway import state
from gateway.database import open_state, upgrade
from gateway.periods.marks import (
    BEGUN,
    DONE,
    Stale,
    count_stale,
    mark_ahead,
    mark_stale,
    mark_touched,
    next_stale,
    settle_stale,
    write_marks,
)
from gateway.store.base import Item, Quiet, Tags, Telemetry

MINUTE = 60_000
T0 = 1_772_380_800_000
HOUR = 60 * MINUTE
WINDOW = 5 * MINUTE
YEAR = 365 * 24 * HOUR


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A transaction on an empty state in which the windows of an hour are begun."""
    engine = open_state(tmp_path / "state.sqlite")
    state.metadata.create_all(engine)
    with engine.begin() as connection:
        write_marks(connection, {BEGUN: T0 + HOUR, DONE: T0 + HOUR})
        yield connection
    engine.dispose()


def reading(minute: float, device: str = "wq-1", kind: str = "water") -> Item:
    """A message of one reading."""
    return Telemetry(1, T0, 1, Tags(device, kind), [Row("-", T0 + int(minute * MINUTE), ("ph",), [7.0])])


def stale(connection: sa.Connection) -> list[Stale]:
    """All rows, oldest first."""
    return sorted(next_stale(connection, T0 + HOUR, 24 * HOUR, 10_000))


def test_the_store_marks_only_windows_that_were_begun(connection: sa.Connection) -> None:
    """Of readings before and after the mark, of another kind, and of no readings: two windows."""
    items = [reading(0), reading(4.99), reading(59.9, "wq-2"), reading(60), reading(3, kind="terminal"), Quiet(9, 1)]
    mark_touched(connection, items, 9)

    assert stale(connection) == [
        Stale("water", T0, "wq-1", T0 + WINDOW, due=False, cursor=9),
        Stale("water", T0 + 55 * MINUTE, "wq-2", T0 + HOUR, due=False, cursor=9),
    ]


def test_before_the_first_window_nothing_is_marked(connection: sa.Connection) -> None:
    """Without a mark there are no figures that could be wrong."""
    connection.execute(sa.delete(state.period_marks))
    mark_touched(connection, [reading(0)], 9)
    mark_stale(connection, "water", T0, T0 + HOUR, due=True)

    assert stale(connection) == []


def test_more_than_64_devices_of_a_window_are_all_of_them(connection: sa.Connection) -> None:
    """In one batch or in several; who comes later adds no row."""
    mark_touched(connection, [reading(0, f"wq-{n}") for n in range(64)], 9)
    assert len(stale(connection)) == 64
    mark_touched(connection, [reading(1, "wq-64")], 10)
    assert stale(connection) == [Stale("water", T0, "*", T0 + WINDOW, due=False, cursor=10)]
    mark_touched(connection, [reading(1, "wq-65")], 11)
    assert [one.device for one in stale(connection)] == ["*"]


def test_a_row_that_was_written_again_meanwhile_is_not_removed(connection: sa.Connection) -> None:
    """Whoever worked a window out removes what was there before, not what came meanwhile, whoever marked it."""
    mark_touched(connection, [reading(0), reading(5)], 9)
    seen = stale(connection)
    mark_stale(connection, "water", T0, T0 + 1, ["wq-1"], due=True)
    mark_touched(connection, [reading(1)], 9)
    settle_stale(connection, dict.fromkeys(seen, T0 + HOUR))

    assert stale(connection) == [Stale("water", T0, "wq-1", T0 + WINDOW, due=True, cursor=11)]


def test_a_span_is_marked_as_far_as_it_is_worked_out(connection: sa.Connection) -> None:
    """Windows that overlap it, none that is to come."""
    mark_stale(connection, "water", T0 + 54 * MINUTE, T0 + 3 * HOUR, due=True)

    assert stale(connection) == [Stale("water", T0 + 50 * MINUTE, "*", T0 + HOUR, due=True, cursor=0)]
    assert count_stale(connection) == 2


def test_a_pass_takes_whole_windows_of_one_kind_and_span(connection: sa.Connection) -> None:
    """The newest first; a window is never cut in two."""
    mark_stale(connection, "radiation", T0 - 5 * MINUTE, T0 - 4 * MINUTE, due=True)
    mark_stale(connection, "water", T0, T0 + 15 * MINUTE, [f"wq-{n}" for n in range(3)], due=True)

    mark_stale(connection, "water", T0 - 5 * MINUTE, T0 - 4 * MINUTE, ["wq-9"], due=True)

    assert {one.device for one in next_stale(connection, T0 + HOUR, HOUR, 4)} == {"wq-0", "wq-1", "wq-2"}
    assert len(next_stale(connection, T0 + HOUR, WINDOW, 100)) == 3
    assert {one.kind for one in next_stale(connection, T0 + HOUR, HOUR, 100)} == {"water"}
    assert next_stale(connection, T0 - WINDOW, HOUR, 100) == []


def test_a_change_that_reaches_back_a_year_is_one_row_a_device(connection: sa.Connection) -> None:
    """It is taken piece by piece; of a row that was written again meanwhile nothing is taken."""
    mark_stale(connection, "water", T0 - YEAR, T0 + YEAR, ["wq-1", "wq-2"], due=True)
    first = next_stale(connection, T0 + HOUR, 6 * HOUR, 100)
    assert [(one.start, one.until) for one in first] == [(T0 - YEAR, T0 + HOUR)] * 2
    mark_stale(connection, "water", T0 - YEAR, T0 - YEAR + MINUTE, ["wq-2"], due=False)
    settle_stale(connection, dict.fromkeys(first, T0 - YEAR + 6 * HOUR))

    rows = sorted(next_stale(connection, T0 + HOUR, YEAR, 100))
    assert [((one.start - T0 + YEAR) // HOUR, one.device) for one in rows] == [(0, "wq-2"), (6, "wq-1"), (6, "wq-2")]
    assert {one.until for one in rows} == {T0 + HOUR}
    assert count_stale(connection) == (3 * (YEAR + HOUR) - 12 * HOUR) // WINDOW


def test_what_comes_late_does_not_wait_for_a_change_that_reaches_back_a_year(connection: sa.Connection) -> None:
    """Both are there: the newest comes first, of whatever kind."""
    mark_stale(connection, "radiation", T0 - YEAR, T0 + HOUR, due=True)
    mark_touched(connection, [reading(30)], 9)

    assert {one.kind for one in next_stale(connection, T0 + HOUR, 6 * HOUR, 100)} == {"water"}


def test_many_devices_in_one_window_do_not_shorten_a_longer_stretch(connection: sa.Connection) -> None:
    """What a batch marks for all devices takes no row that reaches further, or says more."""
    mark_stale(connection, "water", T0, T0 + HOUR, ["wq-1"], due=False)
    mark_stale(connection, "water", T0, T0 + WINDOW, ["wq-2"], due=True)
    mark_touched(connection, [reading(0, f"wq-{n}") for n in range(70)], 9)

    assert {(one.device, one.until - T0, one.due) for one in stale(connection)} == {
        ("wq-1", HOUR, False),
        ("wq-2", WINDOW, True),
        ("*", WINDOW, False),
    }


def test_windows_that_are_to_come_wait_until_they_are_over(connection: sa.Connection) -> None:
    """They are neither handed out nor counted before."""
    mark_ahead(connection, "water", T0 + 55 * MINUTE, T0 + 2 * HOUR, {"wq-1"})
    assert count_stale(connection) == 1
    rows = stale(connection)
    settle_stale(connection, dict.fromkeys(rows, T0 + HOUR))
    assert (stale(connection), count_stale(connection)) == ([], 0)

    write_marks(connection, {DONE: T0 + HOUR + WINDOW})
    assert count_stale(connection) == 1
    assert [one.start for one in next_stale(connection, T0 + HOUR + WINDOW, HOUR, 9)] == [T0 + HOUR]


def test_windows_that_were_stale_before_migration_5_stay_so(tmp_path: Path) -> None:
    """A row of migration 4 is one window, of which everything is worked out again."""
    engine = open_state(tmp_path / "older.sqlite")
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE periods_stale")
        connection.exec_driver_sql(
            "CREATE TABLE periods_stale (kind TEXT NOT NULL, start BIGINT NOT NULL, device TEXT NOT NULL, "
            '"cursor" BIGINT NOT NULL, PRIMARY KEY (kind, start, device)) WITHOUT ROWID'
        )
        connection.exec_driver_sql(f"INSERT INTO periods_stale VALUES ('water', {T0}, 'wq-1', 7)")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")
    upgrade(engine)
    with engine.connect() as connection:
        assert stale(connection) == [Stale("water", T0, "wq-1", T0 + WINDOW, due=True, cursor=7)]
    engine.dispose()
