"""Days that are over: when they are judged, judged anew, and what is usual of a department."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from custody.container import Condition, Container
from custody.daybook import DayBook
from custody.production import Day, Production
from devices.registry import Change, Registry
from tests.support.custody_story import PROFILES, ZONE, City, ms

HOSPITAL = PROFILES["hospital"]


def registry(*wards: str) -> Registry:
    """A hospital with these wards."""
    found = Registry()
    found.apply([Change("units", "hosp-1", {"id": "hosp-1", "kind": "hospital", "grid": "gulou"})], 0)
    bodies = [{"id": ward, "unit": "hosp-1", "kind": "department"} for ward in wards]
    found.apply([Change("places", str(body["id"]), body) for body in bodies], 1)
    return found


class Book:
    """A day book over a city; ``told`` is what it said of balances, as ``QUANTITY ABOUT VALUE``."""

    def __init__(self) -> None:
        self.city = City()
        self.book = DayBook()
        self.book.use(registry("ward-7"), PROFILES, ZONE, ms("03-01 12:00"))
        self.asked: list[list[str]] = []
        self.told: list[str] = []

    def hear(self, now: str) -> None:
        """All that was said so far is known at ``now``."""
        self.book.changed(self.city.containers(), ms(now))

    def until(self, now: str) -> None:
        """Time goes on; only when a day is due is anybody asked."""
        while (due := self.book.due) is not None and due <= ms(now):
            self._tell(self.book.tick(due, self._containers))

    def _containers(self, names: Sequence[str]) -> list[Container]:
        self.asked.append(list(names))
        return self.city.containers(" ".join(names)) if names else []

    def _tell(self, conditions: list[Condition]) -> None:
        self.told += [f"{one.quantity[8:]} {one.about} {one.value:.2f}" for one in conditions]


def cheated() -> Book:
    """Two bags that are much lighter in the store; known by the evening."""
    found = Book()
    for label in "ab":
        found.city.say("03-02 08:00", "collect", label, 10_000)
        found.city.say("03-02 10:00", "store_in", label, 8_000)
    found.hear("03-02 20:00")
    return found


def test_a_day_is_judged_once_when_it_has_settled() -> None:
    """24 hours after its end; the days on which nothing happened have nothing to say."""
    book = cheated()
    book.until("03-03 23:59")
    assert book.told == []
    book.until("03-09 00:00")
    assert book.told == ["weight_difference balance:hosp-1:infectious:2026-03-02 10.00"]
    assert [names for names in book.asked if names] == [["a", "b"]]


def test_what_comes_late_has_the_day_judged_again() -> None:
    """A correction of both weights ends the difference, an hour after it came."""
    book = cheated()
    book.until("03-04 12:00")
    for label in "ab":
        book.city.say("03-02 10:30", "store_in", label, 10_000)
    book.hear("03-04 12:00")
    book.until("03-04 12:59")
    assert len(book.told) == 1
    book.until("03-04 13:00")
    assert book.told[1:] == ["weight_difference balance:hosp-1:infectious:2026-03-02 0.00"]


def test_a_day_long_over_is_not_judged_again() -> None:
    """Ten days later nobody is woken for it; the balance shows it all the same."""
    book = cheated()
    book.until("03-12 12:00")
    told = len(book.told)
    book.hear("03-12 12:00")
    book.until("03-13 23:00")
    assert (told, len(book.told)) == (1, 1)


@pytest.mark.parametrize("cut", ["03-02 21:00", "03-04 12:00", "03-04 12:30"])
def test_a_snapshot_at_any_point_tells_the_same(cut: str) -> None:
    """Before the judgement, after it, and while it waits to be judged again."""
    whole, parted = cheated(), cheated()
    for book in (whole, parted):
        book.until(min(cut, "03-04 12:00"))
        if cut == "03-04 12:30":
            book.city.say("03-02 10:30", "store_in", "a", 10_000)
            book.hear("03-04 12:00")
    saved = parted.book.dump()
    assert saved == whole.book.dump()
    parted.book = DayBook()
    parted.book.load(saved, registry("ward-7"), PROFILES, ZONE)
    for book in (whole, parted):
        book.until("03-09 00:00")
    assert (parted.told, parted.book.dump()) == (whole.told, whole.book.dump())
    assert whole.told


def test_a_ward_that_stops_is_told_when_the_day_has_settled() -> None:
    """Eight usual days, then a day without anything; the double load after it is no second alarm."""
    book = Book()
    for day in range(2, 10):
        book.city.say(f"03-{day:02d} 16:00", "collect", f"d{day}", 5_000 + 10 * day)
        book.hear(f"03-{day:02d} 16:01")
    book.city.say("03-11 16:00", "collect", "much", 12_900)
    book.hear("03-11 16:01")
    book.until("03-13 00:00")
    # The first 7 days, from 1 March, make the baseline; 1 March itself had nothing.
    assert [one for one in book.told if one.startswith("production")] == [
        "production department:ward-7 1.01",
        "production department:ward-7 1.01",
        "production department:ward-7 0.00",
    ]


def days(amounts: Sequence[int], *, grams: bool = True) -> list[Day]:
    """Worked days in a row."""
    return [Day(100 + n, works=True, count=amount, grams=amount if grams else -1) for n, amount in enumerate(amounts)]


def last(found: Sequence[Day], *, daily: bool = True) -> float | None:
    """What is said of the last of these days."""
    production = Production()
    said = [production.settle("ward", day, HOSPITAL, daily=daily) for day in found]
    return said[-1]


@pytest.mark.parametrize(
    ("why", "found", "expected"),
    [
        ("seven days are enough", days([100] * 7 + [50]), 0.5),
        ("six are not", days([100] * 6 + [50]), None),
        ("nothing is nothing", days([100] * 10 + [0]), 0.0),
        ("where nothing is usual, something is no ratio", days([0] * 10 + [5]), None),
        ("a ward that comes and goes is not judged", days([100, 0, 0, 300, 0, 100, 0, 200, 100, 900]), None),
        ("but its normal days are told", days([100, 0, 30, 300, 0, 100, 100, 200, 100, 110]), 1.1),
        ("one odd day makes it no other ward", days([100] * 7 + [0, 100, 0]), 0.0),
        ("two in ten do", days([100] * 7 + [0, 100, 0, 0]), None),
        ("by count where not all was weighed", [*days([4] * 9, grams=False), *days([2])], None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_usual(why: str, found: list[Day], expected: float | None) -> None:
    """The ratio of the last day to the median of those before it."""
    if why.startswith("by count"):
        found = [*found[:-1], Day(200, works=True, count=2, grams=9)]
        expected = 0.5
    assert last(found) == expected, why


def test_days_off_are_compared_with_days_off() -> None:
    """A Sunday clinic of 10 kg is usual for a Sunday."""
    week = [Day(100 + n, works=n % 2 == 0, count=1, grams=1000 if n % 2 == 0 else 100) for n in range(20)]
    assert last([*week, Day(200, works=False, count=1, grams=110)]) == 1.1


def test_on_call_only_days_with_a_collection_count() -> None:
    """A clinic that is collected weekly has six days of nothing, which is not news."""
    weekly = [Day(100 + n, works=True, count=int(n % 7 == 0), grams=700 * (n % 7 == 0)) for n in range(70)]
    assert last(weekly, daily=False) is None
    assert last([*weekly, Day(200, works=True, count=2, grams=2100)], daily=False) == 3.0


def test_a_day_that_is_judged_again_takes_the_place_of_itself() -> None:
    """And of a day before the newest nothing is said."""
    production = Production()
    for day in days([100] * 8):
        production.settle("ward", day, HOSPITAL, daily=True)
    assert production.settle("ward", Day(107, works=True, count=1, grams=150), HOSPITAL, daily=True) == 1.5
    assert production.settle("ward", Day(103, works=True, count=1, grams=150), HOSPITAL, daily=True) is None
    ((_, kept),) = production.dump()
    assert [day.grams for day in kept] == [100, 100, 100, 150, 100, 100, 100, 150]


def test_memory_is_bounded_by_the_baseline() -> None:
    """A year of days leaves those of the profile."""
    production = Production()
    for day in days([100] * 365):
        production.settle("ward", day, HOSPITAL, daily=True)
    ((_, kept),) = production.dump()
    assert len(kept) == HOSPITAL.baseline_days
