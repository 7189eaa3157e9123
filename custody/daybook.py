"""Days that are over: when each unit's balance and production are judged, and judged anew (pure).

A day of a unit is judged ``settle_h`` hours after its end, when what waited offline has come. What comes for it later
has it judged again, at most once an hour, for ``REVISED_DAYS``. Which containers a day has is remembered for as long.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import msgspec

from custody.balance import balance, conditions, day_of, end_of
from custody.container import Condition, Container
from custody.production import Day, Production
from custody.profile import Profile
from custody.profiles import profile_of
from custody.round import Round, rounds
from devices.registry import Registry

#: A change of a day that is longer over is shown, and judged by nobody.
REVISED_DAYS = 7
#: Days that one tick judges at the most.
PIECE = 10
_HOUR_MS = 3_600_000

#: The containers, as they are now, that these ids belong to; asked when a day is judged.
Asked = Callable[[Sequence[str]], Iterable[Container]]


class _Saved(msgspec.Struct, array_like=True):
    used: int
    closed: dict[str, str]
    again: list[tuple[int, str, str]]
    ids: list[tuple[str, str, list[str]]]
    wrong: list[tuple[str, str, list[Condition]]]
    production: list[tuple[str, list[Day]]]


class DayBook:
    """The days that units closed. ``use`` comes first of all, and with every registry or set of profiles."""

    def __init__(self) -> None:
        self._zone = ZoneInfo("UTC")
        self._profiles: Mapping[str, Profile] = {}
        self._rounds: dict[str, list[Round]] = {}
        self._used = 0
        # The newest day of each unit that was judged, and days to be judged again.
        self._closed: dict[str, str] = {}
        self._again: dict[tuple[str, str], int] = {}
        self._ids: dict[tuple[str, str], set[str]] = {}
        self._wrong: dict[tuple[str, str], list[Condition]] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._production = Production()

    def use(self, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> None:
        """Judge by these from ``now`` on. A unit that is new begins with the day of ``now``."""
        self._prepare(registry, profiles, zone, now)
        yesterday = self._date(now) - dt.timedelta(days=1)
        for unit in sorted(self._rounds.keys() - self._closed.keys()):
            self._closed[unit] = yesterday.isoformat()
        for unit in self._closed.keys() - self._rounds.keys():
            del self._closed[unit]
            for kept in (self._wrong, self._ids, self._again):
                for key in [key for key in kept if key[0] == unit]:
                    del kept[key]
        self._fill()

    def changed(self, containers: Iterable[Container], now: int) -> None:
        """Containers as they were before an event that was received at ``now``, and as they are since."""
        for one in containers:
            day = day_of(one, self._zone)
            closed = self._closed.get(one.unit)
            if not day or closed is None or not self._remembered(closed) < day <= self._date(now).isoformat():
                continue
            self._ids.setdefault((one.unit, day), set()).add(one.id)
            if day <= closed and (one.unit, day) not in self._again:
                self._again[one.unit, day] = now + _HOUR_MS
                heapq.heappush(self._heap, (now + _HOUR_MS, one.unit, day))

    @property
    def due(self) -> int | None:
        """When ``tick`` has something to do; None = never as things stand."""
        return self._heap[0][0] if self._heap else None

    def tick(self, now: int, asked: Asked) -> list[Condition]:
        """Judge days that are due at ``now``, ``PIECE`` at the most: midnight must not hold up what comes meanwhile."""
        found: list[Condition] = []
        for _ in range(PIECE):
            if not self._heap or self._heap[0][0] > now:
                break
            due, unit, day = heapq.heappop(self._heap)
            again = self._again.pop((unit, day), 0) == due
            containers = list(asked(sorted(self._ids.get((unit, day), ()))))
            at = now if again else end_of(day, self._zone)
            rows = balance(containers, unit, day, self._zone, self._profiles, now=now)
            found += self._turned(unit, day, conditions(rows, at), at)
            found += self._produced(unit, day, containers, at)
            if not again:
                self._close(unit, day)
        return found

    def _turned(self, unit: str, day: str, wrong: Sequence[Condition], at: int) -> list[Condition]:
        """What is wrong with a day, and (value 0) what was and is no longer."""
        before = self._wrong.pop((unit, day), [])
        if wrong:
            self._wrong[unit, day] = list(wrong)
        names = {(one.about, one.quantity) for one in wrong}
        over = [one for one in before if (one.about, one.quantity) not in names]
        return [msgspec.structs.replace(one, value=0.0, at=at) for one in over] + list(wrong)

    def _close(self, unit: str, day: str) -> None:
        """The day was judged; the next one is on."""
        self._closed[unit] = day
        heapq.heappush(self._heap, self._next(unit))
        oldest = self._remembered(day)
        self._wrong.pop((unit, oldest), None)
        self._ids.pop((unit, oldest), None)

    def dump(self) -> bytes:
        """All that is remembered; equal bytes for equal states."""
        again = sorted((at, unit, day) for (unit, day), at in self._again.items())
        ids = [(unit, day, sorted(found)) for (unit, day), found in sorted(self._ids.items())]
        wrong = [(unit, day, found) for (unit, day), found in sorted(self._wrong.items())]
        closed = dict(sorted(self._closed.items()))
        return msgspec.msgpack.encode(_Saved(self._used, closed, again, ids, wrong, self._production.dump()))

    def load(self, saved: bytes, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo) -> None:
        """Go on from ``dump``, with what was in use then."""
        state = msgspec.msgpack.decode(saved, type=_Saved)
        self._prepare(registry, profiles, zone, state.used)
        self._closed = state.closed
        self._again = {(unit, day): at for at, unit, day in state.again}
        self._ids = {(unit, day): set(found) for unit, day, found in state.ids}
        self._wrong = {(unit, day): found for unit, day, found in state.wrong}
        self._production.load(state.production)
        self._fill()

    def _prepare(self, registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> None:
        self._profiles, self._zone, self._used = profiles, zone, now
        self._rounds = {}
        for one in rounds(registry, profiles, zone, now):
            self._rounds.setdefault(one.spot.unit, []).append(one)

    def _fill(self) -> None:
        self._heap = [self._next(unit) for unit in self._closed]
        self._heap += [(at, unit, day) for (unit, day), at in self._again.items()]
        heapq.heapify(self._heap)

    def _next(self, unit: str) -> tuple[int, str, str]:
        day = (dt.date.fromisoformat(self._closed[unit]) + dt.timedelta(days=1)).isoformat()
        hours = max(profile_of(self._profiles, one.spot.producer).settle_h for one in self._rounds[unit])
        return end_of(day, self._zone) + hours * _HOUR_MS, unit, day

    @staticmethod
    def _remembered(closed: str) -> str:
        """The newest day that is not judged any more, where ``closed`` is the newest one that was."""
        return (dt.date.fromisoformat(closed) - dt.timedelta(days=REVISED_DAYS)).isoformat()

    def _produced(self, unit: str, day: str, containers: Sequence[Container], at: int) -> Iterator[Condition]:
        """What the unit's places handed over on that day, against what is usual there."""
        date = dt.date.fromisoformat(day)
        for one in self._rounds.get(unit, ()):
            waste = [known for known in containers if known.department == one.spot.place]
            weights = [known.net_g for known in waste]
            grams = -1 if None in weights else sum(weight for weight in weights if weight is not None)
            noon = dt.datetime.combine(date, dt.time(12), self._zone)
            works = one.works.open_at(int(noon.timestamp()) * 1000)
            ratio = self._production.settle(
                one.spot.place,
                Day(date.toordinal(), works, len(waste), grams),
                profile_of(self._profiles, one.spot.producer),
                daily=one.every == "daily",
            )
            if ratio is not None:
                yield Condition("custody.production", f"department:{one.spot.place}", at, one.spot, ratio)

    def _date(self, ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(ms / 1000, self._zone).date()
