"""A month of a city's medical waste over Spring Festival, through the real decide: silent while clean, exact when not.

The whole city (30 hospitals, 570 clinics) takes many minutes and runs by ``make month``; every run of the tests has a
small one over the festival.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from alerts.rules import pack_text, parse_pack
from benchmarks.waste_city import PACK, Offline, records
from devices.simulate.city import City
from devices.simulate.mishaps import Mishaps
from devices.simulate.waste import SPRING_2026, Days, Waste
from gateway import state

#: The festival begins on the eleventh day and lasts nine.
FIRST = dt.date(2026, 2, 5)
DAY = 86_400_000
#: Days after the last mishap: what it leads to within a week must show.
AFTER = 9


class Month:
    """A city and its days; ``share`` of its containers meet with something."""

    def __init__(self, folder: Path, *, hospitals: int, clinics: int, points: int, days: int, beds: int | None) -> None:
        self.offline = Offline(folder)
        self._city = City.of(hospitals=hospitals, clinics=clinics, points=points, beds=beds)
        self._days = days

    def run(self, mishaps: Mishaps | None = None) -> None:
        """Let it go by."""
        pace = Days(FIRST)
        waste = Waste(self._city, pace, seed=1, stamp=1_770_000_000, closures=SPRING_2026, trouble=mishaps)
        self.offline.decide(records(waste, self._city, pace, self._days))

    def states(self) -> dict[str, int]:
        """How many containers are in which state."""
        table = state.containers
        query = sa.select(table.c.state, sa.func.count().label("number")).group_by(table.c.state)
        with self.offline.engine.connect() as connection:
            return {row.state: row.number for row in connection.execute(query)}

    def flags(self) -> dict[tuple[str, str], str]:
        """The flags of each event, as JSON, by terminal and id."""
        table = state.custody_events
        query = sa.select(table.c.terminal, table.c.event_id, table.c.flags)
        with self.offline.engine.connect() as connection:
            return {(terminal, name): flags for terminal, name, flags in connection.execute(query)}


def judged() -> set[str]:
    """Quantities that the shipped rules are about."""
    return {rule.quantity for rule in parse_pack(pack_text(PACK), PACK).rules if rule.quantity}


def assert_silent(month: Month) -> None:
    """All went its way and nobody was called."""
    month.run()
    assert month.offline.alerts() == set()
    assert set(month.states()) <= {"destroyed", "empty"}
    assert month.offline.fold.counters["parked"] == 0


def assert_exact(month: Month, mishaps: Mishaps) -> None:
    """Every mishap is found, nothing else is, and doubled messages count once."""
    month.run(mishaps)
    wanted = {one for injected in mishaps.injected for one in injected.truth() if one[0] in judged()}
    kinds = {one: injected.kind for injected in mishaps.injected for one in injected.truth()}
    found = month.offline.alerts()
    missed = sorted((kinds[one], *one) for one in wanted - found)
    assert (missed, sorted(found - wanted)) == ([], [])
    flags = month.flags()
    for injected in mishaps.injected:
        assert all(flag in flags[scan.terminal, scan.id] for flag, scan in injected.flags)
    counters = month.offline.fold.counters
    assert counters["repeated"] == sum(injected.kind == "duplicate" for injected in mishaps.injected)


def test_twelve_clean_days_over_the_festival_raise_no_alarm(tmp_path: Path) -> None:
    """Departments, clinics that are closed and a collection point: nobody is called."""
    assert_silent(Month(tmp_path, hospitals=1, clinics=24, points=1, days=12, beds=40))


def test_clean_days_with_bins_raise_no_alarm(tmp_path: Path) -> None:
    """A second hospital, whose bags have tags and travel in re-usable bins."""
    assert_silent(Month(tmp_path, hospitals=2, clinics=0, points=0, days=3, beds=40))


def test_mishaps_are_found_exactly(tmp_path: Path) -> None:
    """Of many kinds of mishaps each is found with what follows from it, and nothing else."""
    mishaps = Mishaps(5, share=0.08, first=1, last=6)
    assert_exact(Month(tmp_path, hospitals=1, clinics=24, points=1, days=6 + AFTER, beds=40), mishaps)
    assert len({one.kind for one in mishaps.injected}) > 5


@pytest.mark.slow
@pytest.mark.month
def test_a_clean_month_of_the_whole_city_raises_no_alarm(tmp_path: Path) -> None:
    """Thirty hospitals and 570 clinics over Spring Festival."""
    assert_silent(Month(tmp_path, hospitals=30, clinics=570, points=5, days=30, beds=None))


@pytest.mark.slow
@pytest.mark.month
def test_a_month_with_two_percent_of_mishaps_shows_exactly_those(tmp_path: Path) -> None:
    """The same city, where two of a hundred containers meet with something."""
    mishaps = Mishaps(5, share=0.02, first=1, last=30 - AFTER)
    assert_exact(Month(tmp_path, hospitals=30, clinics=570, points=5, days=30, beds=None), mishaps)
