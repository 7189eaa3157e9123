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
from zoneinfo import ZoneInfo

import msgspec

from custody.container import Condition
from custody.fact import Fact, Spot
from custody.profile import Profile
from custody.round import KINDS, TAKEN, Round, rounds
from devices.registry import Registry

__all__ = ["KINDS", "Departments"]

_DAY_MS = 86_400_000
_SEARCHED_DAYS = 400


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
        self._rounds: dict[str, Round] = {}
        self._heap: list[tuple[int, str]] = []
        self._zone = ZoneInfo("UTC")
        self._used = 0

    def use(self, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> list[Condition]:
        """Judge by this registry and these profiles from ``now`` on; at least once a day, for what begins by date.

        What is not due any longer (place gone, day off, on call) is over.
        """
        before = self._rounds
        self._prepare(registry, profiles, zone, now)
        found = []
        for name in sorted(self._places.keys() - self._rounds.keys()):
            gone = self._places.pop(name)
            if gone.open:
                found.append(_over(before[name].spot if name in before else Spot(name), max(now, gone.open)))
        for name, round_ in self._rounds.items():
            place = self._places.setdefault(name, _Place(now))
            if place.open and not self._holds(round_, place):
                found.append(_over(round_.spot, max(now, place.open)))
                place.open = 0
            if not place.due or place.due + round_.grace > now:
                place.due = self._next(round_, place, now - round_.grace)
        self._fill()
        return found

    def collected(self, fact: Fact) -> list[Condition]:
        """Something was taken away; of a fact that says nothing of the kind, nothing follows."""
        name = fact.spot.place
        round_, place = self._rounds.get(name), self._places.get(name)
        if round_ is None or place is None or fact.step not in TAKEN[round_.spot.kind]:
            return []
        at = min(fact.ts, fact.received_at)
        found = []
        if place.open and at > self._begin(round_, place, place.open):
            found.append(_over(round_.spot, max(at, place.open)))
            if round_.every == "daily" and at > place.open + round_.grace and self._date(at) == self._date(place.open):
                place.spent = at
            place.open = 0
        if at > place.last:
            place.last = at
            if round_.every == "weekly":
                place.due = self._next(round_, place, 0)
                heapq.heappush(self._heap, (place.due + round_.grace, name))
        return found

    @property
    def due(self) -> int | None:
        """When ``tick`` has something to do (ms since 1970 UTC); None = nothing as things stand."""
        while self._heap:
            at, name = self._heap[0]
            place, round_ = self._places.get(name), self._rounds.get(name)
            if place is not None and round_ is not None and place.due and place.due + round_.grace == at:
                return at
            heapq.heappop(self._heap)
        return None

    def tick(self, now: int) -> list[Condition]:
        """What was due and was not collected until ``now``, in the order of time and place."""
        found = []
        while (at := self.due) is not None and at <= now:
            _, name = heapq.heappop(self._heap)
            place, round_ = self._places[name], self._rounds[name]
            if not place.open and place.last <= self._begin(round_, place, place.due):
                place.open = place.due
                found.append(Condition("custody.not_collected", f"department:{name}", place.due, round_.spot))
            place.due = self._next(round_, place, place.due) if round_.every == "daily" else 0
            if place.due:
                heapq.heappush(self._heap, (place.due + round_.grace, name))
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
        self._rounds = {round_.spot.place: round_ for round_ in rounds(registry, profiles, zone, now)}

    def _fill(self) -> None:
        self._heap = [
            (place.due + self._rounds[name].grace, name)
            for name, place in self._places.items()
            if place.due and name in self._rounds
        ]
        heapq.heapify(self._heap)

    def _next(self, round_: Round, place: _Place, after: int) -> int:
        """The first due time after ``after``; 0 where there is none."""
        if round_.every == "daily":
            day = self._date(max(after, place.since + _DAY_MS))
            return next((at for at in self._working(round_, day) if at > max(after, place.since + _DAY_MS)), 0)
        if round_.every == "weekly" and not place.open:
            begin = place.last or place.since
            return next(self._working(round_, self._date(begin) + dt.timedelta(days=7)), 0)
        return 0

    def _working(self, round_: Round, day: dt.date) -> Iterator[int]:
        """Due times of working days from ``day`` on."""
        for ahead in range(_SEARCHED_DAYS):
            at = self._moment(day + dt.timedelta(days=ahead), round_.by)
            if round_.works.open_at(at):
                yield at

    def _begin(self, round_: Round, place: _Place, due: int) -> int:
        """A collection after this time is in time for ``due``, or ends its miss."""
        return max(due + round_.grace - _DAY_MS, place.spent) if round_.every == "daily" else place.last

    def _holds(self, round_: Round, place: _Place) -> bool:
        """Whether a missed due time is one still, as the registry is now."""
        return round_.every == "weekly" or (round_.every == "daily" and round_.works.open_at(place.open))

    def _date(self, ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(ms / 1000, self._zone).date()

    def _moment(self, day: dt.date, clock: dt.time) -> int:
        return int(dt.datetime.combine(day, clock, self._zone).timestamp()) * 1000


def _over(spot: Spot, at: int) -> Condition:
    return Condition("custody.not_collected", f"department:{spot.place}", at, spot, 0.0)
