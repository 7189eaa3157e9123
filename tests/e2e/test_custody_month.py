"""A city's medical waste over Spring Festival, through the real decide: silent while clean, exact when not.

The whole city (30 hospitals, 570 clinics, a month) goes by ``make month``; every run of the tests has a small one.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.waste_city import Offline, records
from benchmarks.waste_month import AFTER, FIRST, STAMP, differences, states
from devices.simulate.city import City
from devices.simulate.mishaps import Mishaps
from devices.simulate.waste import SPRING_2026, Days, Waste


def month(folder: Path, city: City, days: int, mishaps: Mishaps | None = None) -> Offline:
    """Let days go by from before the festival on."""
    pace = Days(FIRST)
    waste = Waste(city, pace, seed=1, stamp=STAMP, closures=SPRING_2026, trouble=mishaps)
    offline = Offline(folder)
    offline.decide(records(waste, city, pace, days))
    return offline


def assert_silent(offline: Offline) -> None:
    """All went its way and nobody was called."""
    assert differences(offline, None) == ([], [])
    assert set(states(offline)) <= {"destroyed", "empty"}
    assert offline.fold.counters["parked"] == 0


def test_twelve_clean_days_over_the_festival_raise_no_alarm(tmp_path: Path) -> None:
    """Departments, clinics that are closed and a collection point: nobody is called."""
    assert_silent(month(tmp_path, City.of(hospitals=1, clinics=24, points=1, beds=40), 12))


def test_clean_days_with_bins_raise_no_alarm(tmp_path: Path) -> None:
    """A second hospital, whose bags have tags and travel in re-usable bins."""
    assert_silent(month(tmp_path, City.of(hospitals=2, clinics=0, beds=40), 3))


def test_mishaps_are_found_exactly(tmp_path: Path) -> None:
    """Of many kinds of mishaps each is found with what follows from it, and nothing else."""
    mishaps = Mishaps(5, share=0.08, first=1, last=6)
    offline = month(tmp_path, City.of(hospitals=1, clinics=24, points=1, beds=40), 6 + AFTER, mishaps)

    assert differences(offline, mishaps) == ([], [])
    assert len({one.kind for one in mishaps.injected}) > 5


def test_what_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """Decided in pieces, with a snapshot and some records after it, the ledger and all containers are the same."""
    city, pace = City.of(hospitals=1, clinics=0, beds=40), Days(FIRST)
    every = list(records(Waste(city, pace, seed=1, stamp=STAMP), city, pace, 2))
    ways = {}
    for name, pieces in (("whole", [len(every)]), ("pieces", [len(every) // 3, len(every) // 2, len(every)])):
        (folder := tmp_path / name).mkdir()
        for end in pieces:
            offline = Offline(folder)
            rest = [one for one in offline.resume(every) if one.offset < end]
            offline.decide(rest[:100])
            offline.save()
            offline.decide(rest[100:])
            ways[name] = states(offline), offline.fold.counters, offline.fold.ledger.dump()
            offline.close()

    assert ways["whole"] == ways["pieces"]
