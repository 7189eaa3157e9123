"""Collections that are due, told as stories: what is registered, what comes when, what is missed and when that ends."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from custody.collection import Departments
from custody.container import Condition
from custody.fact import Fact, Spot
from custody.profiles import parse_profiles, shipped
from devices.registry import Change, Registry

ZONE = ZoneInfo("Asia/Shanghai")
PROFILES = parse_profiles(shipped())
#: Spring Festival of 2026: off from 16 to 22 February (Monday to Sunday), the Saturdays around it are worked.
FESTIVAL = {
    "id": "office",
    "holidays": [f"2026-02-{day}" for day in range(16, 23)],
    "workdays": ["2026-02-14", "2026-02-28"],
}


def ms(text: str) -> int:
    """``2026-03-02 18:00`` in China."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * 1000


def registry(unit: dict[str, Any], place: dict[str, Any] | None = None, *calendars: dict[str, Any]) -> Registry:
    """One unit with one place."""
    found = Registry()
    changed: list[Change] = [
        Change("units", "u", {"id": "u", "grid": "g", **unit}),
        Change("places", "ward", {"id": "ward", "unit": "u", "kind": "department", **(place or {})}),
        *(Change("calendars", one["id"], one) for one in calendars),
    ]
    found.apply(changed, 0)
    return found


HOSPITAL = {"kind": "hospital", "producer": "hospital"}
CLINIC = {"kind": "clinic", "producer": "clinic"}
IN_CLINIC = {"kind": "clinic"}


def collect(
    text: str, received: str = "", step: str = "collect", place: str = "ward", kind: str = "department"
) -> Fact:
    """Something is taken away, by the terminal's clock; received then if nothing else is said."""
    at = ms(text)
    return Fact(0, 0, text, "t", step, at, ms(received) if received else at, spot=Spot(place, kind))


class Story:
    """Departments in a registry; what they tell, as ``MM-DD HH:MM value``."""

    def __init__(self, found: Registry, begin: str) -> None:
        self.registry = found
        self.departments = Departments()
        self.told: list[str] = []
        self.use(begin, found)

    def use(self, now: str, found: Registry) -> None:
        """Another registry from ``now`` on."""
        self.registry = found
        self._tell(self.departments.use(found, PROFILES, ZONE, ms(now)))

    def until(self, now: str) -> None:
        """Time goes on; only when something is due is anybody asked."""
        while (due := self.departments.due) is not None and due <= ms(now):
            self._tell(self.departments.tick(due))

    def collected(self, fact: Fact) -> None:
        """A fact comes, at its receive time."""
        self._tell(self.departments.tick(fact.received_at))
        self._tell(self.departments.collected(fact))

    def _tell(self, conditions: list[Condition]) -> None:
        for one in conditions:
            assert (one.quantity, one.about, one.spot.unit) == ("custody.not_collected", "department:ward", "u")
            at = dt.datetime.fromtimestamp(one.at / 1000, ZONE)
            self.told.append(f"{at:%m-%d %H:%M} {one.value:.0f}")


def story(found: Registry, begin: str, facts: list[Fact], until: str) -> list[str]:
    """What is told of these facts in the order of their receipt."""
    made = Story(found, begin)
    for fact in sorted(facts, key=lambda one: one.received_at):
        made.until(dt.datetime.fromtimestamp(fact.received_at / 1000, ZONE).isoformat(" ")[:16])
        made.collected(fact)
    made.until(until)
    return made.told


@pytest.mark.parametrize(
    ("why", "unit", "facts", "until", "expected"),
    [
        ("known since 08:00, so the first whole interval ends the next day", HOSPITAL, [], "2026-03-03 19:59", []),
        ("and then it is missed, once", HOSPITAL, [], "2026-03-09 12:00", ["03-03 18:00 1"]),
        ("a round each day, at weekends too", HOSPITAL,
         [collect(f"2026-03-{day:02d} 16:30") for day in range(2, 10)], "2026-03-10 19:59", []),
        ("within the grace is in time", HOSPITAL,
         [collect("2026-03-03 19:30"), collect("2026-03-04 19:30")], "2026-03-05 19:59", []),
        ("missed, and ended by the round of the next day, which counts for that day", HOSPITAL,
         [collect("2026-03-02 16:00"), collect("2026-03-04 10:00")], "2026-03-05 19:59",
         ["03-03 18:00 1", "03-04 10:00 0"]),
        ("late the same evening ends the miss and is not the round of the next day", HOSPITAL,
         [collect("2026-03-02 16:00"), collect("2026-03-03 21:00")], "2026-03-05 12:00",
         ["03-03 18:00 1", "03-03 21:00 0", "03-04 18:00 1"]),
        ("a second round that evening is", HOSPITAL,
         [collect("2026-03-02 16:00"), collect("2026-03-03 21:00"), collect("2026-03-03 23:00")], "2026-03-05 12:00",
         ["03-03 18:00 1", "03-03 21:00 0"]),
        ("what was in time and arrives late ends it as of the due time", HOSPITAL,
         [collect("2026-03-02 16:00"), collect("2026-03-03 16:00", received="2026-03-04 02:00")], "2026-03-04 19:59",
         ["03-03 18:00 1", "03-03 18:00 0"]),
        ("what was before the miss does not end it", HOSPITAL,
         [collect("2026-03-02 19:00", received="2026-03-03 22:00")], "2026-03-04 12:00", ["03-03 18:00 1"]),
        ("a clock years ahead makes no day good but that of its receipt", HOSPITAL,
         [collect("2030-01-01 00:00", received="2026-03-03 16:00")], "2026-03-05 12:00", ["03-04 18:00 1"]),
        ("other steps take nothing away", HOSPITAL,
         [collect("2026-03-03 16:00", step="pack")], "2026-03-04 12:00", ["03-03 18:00 1"]),
        ("a unit with its own time", HOSPITAL | {"collection": {"every": "daily", "by": "09:00"}},
         [collect("2026-03-03 08:30"), collect("2026-03-04 13:00")], "2026-03-04 19:00",
         ["03-04 09:00 1", "03-04 13:00 0"]),
        ("on call nothing is ever due", HOSPITAL | {"collection": {"every": "call"}}, [], "2026-12-31 00:00", []),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_daily(why: str, unit: dict[str, Any], facts: list[Fact], until: str, expected: list[str]) -> None:
    """A ward that is known since Monday, 2 March 2026, 08:00; due at 18:00 with two hours of grace."""
    assert story(registry(unit), "2026-03-02 08:00", facts, until) == expected, why


def test_days_off_and_shifted_working_days() -> None:
    """An office that is closed for Spring Festival is due on the Saturdays that are worked, and on no day off."""
    found = registry(HOSPITAL | {"calendar": "office"}, None, FESTIVAL)
    worked = [f"2026-02-{day} 15:00" for day in (10, 11, 12, 13, 14, 23, 24, 25, 26, 27)]
    assert story(found, "2026-02-09 07:00", [collect(one) for one in worked], "2026-03-02 19:00") == ["02-28 18:00 1"]


def test_the_round_is_due_after_office_hours_too() -> None:
    """The hours of a calendar say when an office is open, not when waste is due."""
    found = registry(HOSPITAL | {"calendar": "office"}, None, {**FESTIVAL, "hours": ["08:00-17:00"]})
    assert story(found, "2026-03-02 07:00", [], "2026-03-04 00:00") == ["03-03 18:00 1"]


@pytest.mark.parametrize(
    ("why", "facts", "until", "expected"),
    [
        ("7 days after it became known, with a day of grace", [], "2026-03-10 17:59", []),
        ("missed then", [], "2026-03-10 18:00", ["03-09 18:00 1"]),
        ("once, for as long as nobody comes", [], "2026-06-10 18:00", ["03-09 18:00 1"]),
        ("7 days after the last one, whenever that was",
         [collect("2026-03-04 10:00", kind="clinic")], "2026-03-12 18:00", ["03-11 18:00 1"]),
        ("the next one ends it and counts from then on",
         [collect("2026-03-04 10:00"), collect("2026-03-13 09:00")], "2026-03-21 18:00",
         ["03-11 18:00 1", "03-13 09:00 0", "03-20 18:00 1"]),
        ("loaded by the carrier without a collect is taken away as well",
         [collect("2026-03-04 10:00", step="load")], "2026-03-12 18:00", ["03-11 18:00 1"]),
        ("a week that was collected in time and is told of late",
         [collect("2026-03-09 10:00", received="2026-03-12 08:00")], "2026-03-17 17:59",
         ["03-09 18:00 1", "03-09 18:00 0"]),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_weekly(why: str, facts: list[Fact], until: str, expected: list[str]) -> None:
    """A clinic that is known since Monday, 2 March 2026, 08:00."""
    assert story(registry(CLINIC, IN_CLINIC), "2026-03-02 08:00", facts, until) == expected, why


def test_weekly_on_a_day_off_is_due_on_the_next_working_day() -> None:
    """Collected on the Tuesday before Spring Festival, the next one is due on the first day after it."""
    found = registry(CLINIC | {"calendar": "office"}, IN_CLINIC, FESTIVAL)
    facts = [collect("2026-02-10 10:00")]
    assert story(found, "2026-02-05 08:00", facts, "2026-02-24 17:59") == []
    assert story(found, "2026-02-05 08:00", facts, "2026-02-24 18:00") == ["02-23 18:00 1"]


@pytest.mark.parametrize(
    ("why", "unit", "place", "calendars"),
    [
        ("the day turns out to be off", {"calendar": "office"}, {}, [{"id": "office", "holidays": ["2026-03-03"]}]),
        ("it is on call from now on", {"collection": {"every": "call"}}, {}, []),
        ("the place is on trial", {}, {"state": "trial"}, []),
        ("the place is another kind", {}, {"kind": "waste_store"}, []),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_another_registry_ends_what_is_not_due_any_longer(
    why: str, unit: dict[str, Any], place: dict[str, Any], calendars: list[dict[str, Any]]
) -> None:
    """Holidays are entered late, clinics go on call: nobody has to wait for a collection then."""
    told = Story(registry(HOSPITAL), "2026-03-02 08:00")
    told.until("2026-03-03 22:00")
    told.use("2026-03-03 22:00", registry(HOSPITAL | unit, place, *calendars))
    assert told.told == ["03-03 18:00 1", "03-03 22:00 0"], why


def test_the_same_registry_again_changes_nothing() -> None:
    """Any change of the registry brings the same question again, also between due time and grace."""
    told = Story(registry(HOSPITAL), "2026-03-02 08:00")
    told.use("2026-03-03 19:00", registry(HOSPITAL))
    told.until("2026-03-03 21:00")
    told.use("2026-03-03 21:00", registry(HOSPITAL))
    told.until("2026-03-06 21:00")
    assert told.told == ["03-03 18:00 1"]


@pytest.mark.parametrize("cut", range(5))
def test_a_snapshot_at_any_point_tells_the_same(cut: int) -> None:
    """Dump and load between two facts; the bytes of equal states are equal."""
    facts = [collect(one) for one in ("2026-03-02 16:00", "2026-03-03 21:00", "2026-03-05 10:00", "2026-03-07 10:00")]
    whole, parted = (Story(registry(HOSPITAL), "2026-03-02 08:00") for _ in range(2))
    for index, fact in enumerate([*facts, None]):
        if index == cut:
            saved = parted.departments.dump()
            assert saved == whole.departments.dump()
            parted.departments = Departments()
            parted.departments.load(saved, parted.registry, PROFILES, ZONE)
        for one in (whole, parted):
            if fact is not None:
                one.until(dt.datetime.fromtimestamp(fact.received_at / 1000, ZONE).isoformat(" ")[:16])
                one.collected(fact)
            else:
                one.until("2026-03-09 21:00")
    assert whole.told == parted.told
    assert len(whole.told) > 4
    assert whole.departments.dump() == parted.departments.dump()


def test_five_thousand_departments_are_judged_once_a_day_each() -> None:
    """What is not due costs nothing: a week of 5,000 wards asks at 6 moments."""
    found = Registry()
    found.apply([Change("units", "u", {"id": "u", **HOSPITAL})], 0)
    found.apply([Change("places", f"w{n}", {"id": f"w{n}", "unit": "u", "kind": "department"}) for n in range(5000)], 1)
    departments = Departments()
    departments.use(found, PROFILES, ZONE, ms("2026-03-01 00:00"))
    moments, told = 0, 0
    while (due := departments.due) is not None and due < ms("2026-03-08 00:00"):
        moments, told = moments + 1, told + len(departments.tick(due))
    assert (moments, told) == (6, 5000)
    assert len(msgspec.msgpack.decode(departments.dump())[1]) == 5000
