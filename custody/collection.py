"""Which departments were not collected in time: wards of hospitals, clinics, collection points (pure).

When something is due says the profile of the producer, or the unit itself by ``collection`` in the registry; its
``calendar`` says on which days (none = every day: a hospital works at weekends). ``daily`` asks for one collection in
the 24 hours up to each working day's due time, ``weekly`` for the next one 7 days after the last, on the first working
day from then on, ``call`` for none.

A department that packed nothing is visited all the same. A place of which no collection was ever recorded is not called
late before the first whole interval after it became known. What arrives late counts as of its own time: it ends what it
was missing for.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from custody.container import Condition
from custody.fact import Fact, Spot
from custody.profile import Profile
from custody.profiles import profile_of
from devices.calendars import WorkingTime
from devices.registry import Registry

#: Sections of the registry of which a change makes ``Departments.use`` necessary.
KINDS = frozenset({"units", "places", "calendars"})
#: The steps by which waste leaves a place, by the kind of the place.
TAKEN: Mapping[str, frozenset[str]] = {
    "department": frozenset({"collect"}),
    "clinic": frozenset({"collect", "store_out", "load"}),
    "collection_point": frozenset({"collect", "store_out", "load"}),
}
_DAY_MS = 86_400_000
_SEARCHED_DAYS = 400


class _Plan(NamedTuple):
    """When a place is due, as of the registry."""

    spot: Spot
    every: str
    by: dt.time
    grace: int
    works: WorkingTime


class _Place(msgspec.Struct, array_like=True):
    """What is remembered of one place, in ms since 1970 UTC; 0 = none.

    ``due`` is the next time at which something is due, ``open`` the one that was missed, ``last`` the newest
    collection. A collection up to ``spent`` ended a miss of the same day and does not count for the next.
    """

    since: int
    last: int = 0
    due: int = 0
    open: int = 0
    spent: int = 0


class _Saved(msgspec.Struct, array_like=True):
    used: int
    places: list[tuple[str, _Place]]


class Departments:
    """The collections that are due. ``tick`` before or with every question about time; ``use`` comes first of all."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._plans: dict[str, _Plan] = {}
        self._heap: list[tuple[int, str]] = []
        self._zone = ZoneInfo("UTC")
        self._used = 0

    def use(self, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> list[Condition]:
        """Judge by this registry and these profiles from ``now`` on; at least once a day, for what begins by date.

        What is not due any longer (place gone, day off, on call) is over.
        """
        before = self._plans
        self._prepare(registry, profiles, zone, now)
        found = []
        for name in sorted(self._places.keys() - self._plans.keys()):
            gone = self._places.pop(name)
            if gone.open:
                found.append(_over(before[name].spot if name in before else Spot(name), max(now, gone.open)))
        for name, plan in self._plans.items():
            place = self._places.setdefault(name, _Place(now))
            if place.open and not self._holds(plan, place):
                found.append(_over(plan.spot, max(now, place.open)))
                place.open = 0
            if not place.due or place.due + plan.grace > now:
                place.due = self._next(plan, place, now - plan.grace)
        self._fill()
        return found

    def collected(self, fact: Fact) -> list[Condition]:
        """Something was taken away; of a fact that says nothing of the kind, nothing follows."""
        name = fact.spot.place
        plan, place = self._plans.get(name), self._places.get(name)
        if plan is None or place is None or fact.step not in TAKEN[plan.spot.kind]:
            return []
        at = min(fact.ts, fact.received_at)
        found = []
        if place.open and at > self._begin(plan, place, place.open):
            found.append(_over(plan.spot, max(at, place.open)))
            if plan.every == "daily" and at > place.open + plan.grace and self._date(at) == self._date(place.open):
                place.spent = at
            place.open = 0
        if at > place.last:
            place.last = at
            if plan.every == "weekly":
                place.due = self._next(plan, place, 0)
                heapq.heappush(self._heap, (place.due + plan.grace, name))
        return found

    @property
    def due(self) -> int | None:
        """When ``tick`` has something to do (ms since 1970 UTC); None = nothing as things stand."""
        while self._heap:
            at, name = self._heap[0]
            place, plan = self._places.get(name), self._plans.get(name)
            if place is not None and plan is not None and place.due and place.due + plan.grace == at:
                return at
            heapq.heappop(self._heap)
        return None

    def tick(self, now: int) -> list[Condition]:
        """What was due and was not collected until ``now``, in the order of time and place."""
        found = []
        while (at := self.due) is not None and at <= now:
            _, name = heapq.heappop(self._heap)
            place, plan = self._places[name], self._plans[name]
            if not place.open and place.last <= self._begin(plan, place, place.due):
                place.open = place.due
                found.append(Condition("custody.not_collected", f"department:{name}", place.due, plan.spot))
            place.due = self._next(plan, place, place.due) if plan.every == "daily" else 0
            if place.due:
                heapq.heappush(self._heap, (place.due + plan.grace, name))
        return found

    def dump(self) -> bytes:
        """All that is remembered; equal bytes for equal states."""
        return msgspec.msgpack.encode(_Saved(self._used, sorted(self._places.items())))

    def load(self, saved: bytes, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo) -> None:
        """Go on from ``dump``, with what was in use then; tells nothing."""
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self._places = dict(state.places)
        self._prepare(registry, profiles, zone, state.used)
        self._fill()

    def _prepare(self, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> None:
        self._zone, self._used = zone, now
        self._plans = {plan.spot.place: plan for plan in _plans(registry, profiles, zone, now)}

    def _fill(self) -> None:
        self._heap = [
            (place.due + self._plans[name].grace, name)
            for name, place in self._places.items()
            if place.due and name in self._plans
        ]
        heapq.heapify(self._heap)

    def _next(self, plan: _Plan, place: _Place, after: int) -> int:
        """The first due time after ``after``; 0 where there is none."""
        if plan.every == "daily":
            day = self._date(max(after, place.since + _DAY_MS))
            return next((at for at in self._working(plan, day) if at > max(after, place.since + _DAY_MS)), 0)
        if plan.every == "weekly" and not place.open:
            begin = place.last or place.since
            return next(self._working(plan, self._date(begin) + dt.timedelta(days=7)), 0)
        return 0

    def _working(self, plan: _Plan, day: dt.date) -> Iterator[int]:
        """Due times of working days from ``day`` on."""
        for ahead in range(_SEARCHED_DAYS):
            at = self._moment(day + dt.timedelta(days=ahead), plan.by)
            if plan.works.open_at(at):
                yield at

    def _begin(self, plan: _Plan, place: _Place, due: int) -> int:
        """A collection after this time is in time for ``due``, or ends its miss."""
        return max(due + plan.grace - _DAY_MS, place.spent) if plan.every == "daily" else place.last

    def _holds(self, plan: _Plan, place: _Place) -> bool:
        """Whether a missed due time is one still, by the plan as it is now."""
        return plan.every == "weekly" or (plan.every == "daily" and plan.works.open_at(place.open))

    def _date(self, ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(ms / 1000, self._zone).date()

    def _moment(self, day: dt.date, clock: dt.time) -> int:
        return int(dt.datetime.combine(day, clock, self._zone).timestamp()) * 1000


def _over(spot: Spot, at: int) -> Condition:
    return Condition("custody.not_collected", f"department:{spot.place}", at, spot, 0.0)


def _plans(registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> Iterator[_Plan]:
    """The plan of every place that is accepted and has waste to be taken away."""
    calendars: dict[str, WorkingTime] = {}
    for name in registry.ids("places"):
        place = registry.get("places", name, now)
        if place is None or place["kind"] not in TAKEN or place.get("state", "accepted") != "accepted":
            continue
        unit_id, grid = _above(registry, place, now)
        unit = registry.get("units", unit_id, now) or {}
        profile = profile_of(profiles, unit.get("producer", ""))
        own = {"every": profile.collection.every, "by": profile.collection.by} | (unit.get("collection") or {})
        calendar = unit.get("calendar", "")
        if calendar not in calendars:
            calendars[calendar] = WorkingTime(_days(registry.body("calendars", calendar)), zone)
        spot = Spot(name, place["kind"], unit_id, grid or unit.get("grid", ""), unit.get("producer", ""))
        by = dt.time.fromisoformat(own["by"])
        yield _Plan(spot, own["every"], by, profile.collection.grace_min * 60_000, calendars[calendar])


def _above(registry: Registry, place: Mapping[str, Any], at: int) -> tuple[str, str]:
    """Unit and grid path of a place: its own, else those of the nearest place above."""
    unit, grid, seen = "", "", set()
    above: Mapping[str, Any] | None = place
    while above is not None and above["id"] not in seen and not (unit and grid):
        seen.add(above["id"])
        unit, grid = unit or above.get("unit", ""), grid or above.get("grid", "")
        above = registry.get("places", above.get("parent", ""), at)
    return unit, grid


def _days(calendar: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A calendar with its days and without its hours: a collection may be due after hours."""
    if calendar is None:
        return None
    periods = [
        {key: value for key, value in one.items() if key != "hours"} for one in calendar.get("periods") or [calendar]
    ]
    return {"periods": periods}
