"""A city's waste day by day: who works when, and every scan in the order in which it is sent (pure).

Two paces: ``Days`` are those of a calendar; ``Rounds`` let everybody go through a whole day every few seconds or
minutes, so that somebody who watches sees whole chains.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from devices.simulate.chains import Work
from devices.simulate.city import City, Clinic, Hospital
from devices.simulate.numbers import Numbers
from devices.simulate.rates import day_of, visit_of
from devices.simulate.scan import Bag, Chain, Scan

#: Labels of one unit and round; no day has more containers.
LABELS = 500
#: Minutes of a round at which the first container is closed and the last one of the same day is burnt.
FIRST, LAST = 390.0, 1150.0
#: A scan is with the broker after so many ms at the most.
NETWORK_MS = 900

_encode = msgspec.json.Encoder().encode
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Sent(NamedTuple):
    """One message of a terminal: when (ms), its event id, and its bytes."""

    at: int
    terminal: str
    id: str
    payload: bytes


class Pace(Protocol):
    """When rounds are and what day it is."""

    def at(self, round_: int, minute: float) -> int:
        """A minute of a round in ms since 1970 UTC."""
        ...

    def date(self, round_: int) -> dt.date | None:
        """The day that a round is; None where rounds are no days."""
        ...

    def number(self, round_: int) -> str:
        """Ten digits that name a round."""
        ...


class Days:
    """Round n is the n-th day from ``first`` on, in ``zone``."""

    def __init__(self, first: dt.date, zone: str = "Asia/Shanghai") -> None:
        self._first = first
        self._zone = ZoneInfo(zone)
        self._midnights: dict[int, int] = {}

    def at(self, round_: int, minute: float) -> int:
        """See ``Pace``."""
        found = self._midnights.get(round_)
        if found is None:
            day = self.date(round_)
            midnight = dt.datetime(day.year, day.month, day.day, tzinfo=self._zone)
            found = self._midnights[round_] = (midnight - _EPOCH) // dt.timedelta(milliseconds=1)
        return found + int(minute * 60_000)

    def date(self, round_: int) -> dt.date:
        """See ``Pace``."""
        return self._first + dt.timedelta(days=round_)

    def number(self, round_: int) -> str:
        """See ``Pace``."""
        return f"{self.date(round_):%Y%m%d}00"


class Rounds:
    """Rounds that begin every ``every_ms`` from ``start`` (ms) on, each a whole day within ``length_ms``."""

    def __init__(self, start: int, every_ms: int, length_ms: int) -> None:
        self._start = start
        self._every = every_ms
        self._minute = length_ms / (LAST - FIRST)

    def at(self, round_: int, minute: float) -> int:
        """See ``Pace``."""
        return self._start + round_ * self._every + int((minute - FIRST) * self._minute)

    def date(self, _round: int) -> None:
        """See ``Pace``."""

    def number(self, round_: int) -> str:
        """See ``Pace``."""
        return f"{self._start // 1000 + round_:010d}"[-10:]


class Closures(NamedTuple):
    """Holidays and shifted working days of clinics and collection points, as ISO dates."""

    holidays: frozenset[str] = frozenset()
    workdays: frozenset[str] = frozenset()

    def open_on(self, day: dt.date) -> bool:
        """Whether a clinic works: Monday to Saturday, but for holidays."""
        text = day.isoformat()
        return text in self.workdays or (text not in self.holidays and day.isoweekday() < 7)


class Trouble(Protocol):
    """What goes wrong (``devices.simulate.mishaps``)."""

    def forgotten(self, hospital: Hospital, round_: int) -> str | None:
        """The department whose waste nobody fetches on that day."""
        ...

    def happen(self, chain: Chain, round_: int) -> None:
        """Spoil a clean chain, or leave it as it is."""
        ...


#: Spring Festival of 2026 as the State Council set it: nine days off, two Saturdays worked.
SPRING_2026 = Closures(frozenset(f"2026-02-{day}" for day in range(15, 24)), frozenset({"2026-02-14", "2026-02-28"}))


class Waste:
    """Every chain and every message of a city, the same for the same arguments.

    ``stamp`` tells one run of the terminals from another (their ``boot``); ``each`` as for ``Work``.
    """

    def __init__(
        self,
        city: City,
        pace: Pace,
        *,
        seed: int,
        stamp: int,
        closures: Closures = Closures(),  # noqa: B008 - a tuple that never changes
        each: bool = False,
        trouble: Trouble | None = None,
    ) -> None:
        self.work = Work(city, stamp, each=each)
        self.closures = closures
        self._city = city
        self._pace = pace
        self._seed = seed
        self._stamp = stamp
        self._trouble = trouble
        self._visited: dict[str, int] = {}
        self._left: dict[str, list[Bag]] = {}

    def sent(self, rounds: int | None = None) -> Iterator[Sent]:
        """All messages in the order in which they are sent; without end where ``rounds`` is None."""
        scans: list[tuple[int, int, Scan]] = []
        order = count()
        minted = _Mint(self._stamp, self._pace.at(0, FIRST))
        for round_ in count() if rounds is None else range(rounds):
            for scan in self.scans(round_):
                heapq.heappush(scans, (scan.at, next(order), scan))
            # Nothing of a later round happens before its first minute; ids are minted by the time of the scan.
            yield from minted.until(scans, self._pace.at(round_ + 1, FIRST))
        yield from minted.until(scans, None)

    def scans(self, round_: int) -> Iterator[Scan]:
        """What everybody does that begins in a round, in no order."""
        for hospital in self._city.hospitals:
            yield from self._hospital(hospital, round_)
        yield from self._clinics(round_)

    def _hospital(self, one: Hospital, round_: int) -> Iterator[Scan]:
        numbers = Numbers(self._seed, one.id, round_)
        share = self._share(round_)
        number = round_ * LABELS + 1
        forgotten = self._trouble.forgotten(one, round_) if self._trouble else None
        ready = []
        for department in one.departments:
            of_day = share(department.kind.weekend, department.kind.festival)
            portions = day_of(department.kind, department.beds, of_day, numbers)
            item = one.number + 1 if one.tagged else 0
            bags = self.work.bags(one.id, department.place, number, portions, item)
            number += len(bags)
            yield from self.work.pack(department, bags, self._when(round_), numbers)
            bags = self._left.pop(department.place, []) + bags
            if department.place == forgotten:
                self._left[department.place] = bags
            else:
                ready.append((department, bags))
        manifest = f"{self._pace.number(round_)}{one.number:04d}"
        chain = self.work.hospital(one, ready, manifest, self._when(round_))
        yield from self._gone_through(chain, round_)

    def _clinics(self, round_: int) -> Iterator[Scan]:
        city, number = self._city, self._pace.number(round_)
        brought: dict[str, list[Bag]] = {}
        stops: dict[str, int] = {}
        for clinic in city.clinics:
            if not self._visits(clinic, round_):
                continue
            numbers = Numbers(self._seed, clinic.id, round_)
            bags = self.work.bags(clinic.id, clinic.place, round_ * LABELS + 1, visit_of(numbers))
            stop = stops.get(clinic.truck.id, 0)
            stops[clinic.truck.id] = stop + 1
            minute = 470 + 8.0 * (stop % 50) + 0.11 * (stop % 7)
            chain = self.work.clinic(clinic, bags, f"{number}{1000 + clinic.number:04d}", minute, self._when(round_))
            if clinic.point:
                brought.setdefault(clinic.point.id, []).extend(bags)
            yield from self._gone_through(chain, round_)
        for point in city.points:
            bags = brought.get(point.id, [])
            if bags:
                chain = self.work.point(point, bags, f"{number}{9000 + point.number:04d}", self._when(round_))
                yield from self._gone_through(chain, round_)

    def _gone_through(self, chain: Chain, round_: int) -> Sequence[Scan]:
        if self._trouble is not None:
            self._trouble.happen(chain, round_)
        return chain.scans

    def _visits(self, clinic: Clinic, round_: int) -> bool:
        """Weekly on its weekday, or on the first working day after a week has passed; on call as it comes."""
        day = self._pace.date(round_)
        if day is None:
            return (round_ + clinic.number) % 2 == 0
        if not self.closures.open_on(day):
            return False
        if clinic.calls:
            return Numbers(self._seed, clinic.id, "calls", round_).chance(0.08)
        last = self._visited.get(clinic.id)
        if day.isoweekday() == clinic.weekday or (last is not None and round_ - last >= 7):
            self._visited[clinic.id] = round_
            return True
        return False

    def _share(self, round_: int) -> Share:
        """How much of a usual day a round is, of a department's shares at weekends and in the festival."""
        day = self._pace.date(round_)
        if day is None:
            return lambda _weekend, _festival: 1.0
        if day.isoformat() in self.closures.holidays:
            return lambda _weekend, festival: festival
        if day.isoweekday() > 5 and day.isoformat() not in self.closures.workdays:
            return lambda weekend, _festival: weekend
        return lambda _weekend, _festival: 1.0

    def _when(self, round_: int) -> When:
        return lambda minute: self._pace.at(round_, minute)


class Share(Protocol):
    """See ``Waste._share``."""

    def __call__(self, _weekend: float, _festival: float, /) -> float:
        """Of the two shares, the one that holds."""
        ...


class When(Protocol):
    """See ``devices.simulate.chains.When``."""

    def __call__(self, _minute: float, /) -> int:
        """Ms since 1970 UTC."""
        ...


class _Mint:
    """Numbers the scans of each terminal in the order of their time, and sends them in the order of arrival."""

    def __init__(self, boot: int, synced: int) -> None:
        self._boot = boot
        self._synced = synced
        self._minted: dict[str, int] = {}
        self._waiting: list[tuple[int, int, Sent]] = []
        self._order = count()

    def until(self, scans: list[tuple[int, int, Scan]], end: int | None) -> Iterator[Sent]:
        """Take the scans before ``end`` from the heap; gives what is sent before ``end`` (None: all)."""
        waiting = self._waiting
        while scans and (end is None or scans[0][0] < end):
            at, _, scan = heapq.heappop(scans)
            yield from self._due(at)
            self._take(scan)
        yield from self._due(end)
        if end is None:
            assert not waiting

    def _due(self, at: int | None) -> Iterator[Sent]:
        waiting = self._waiting
        while waiting and (at is None or waiting[0][0] <= at):
            yield heapq.heappop(waiting)[2]

    def _take(self, scan: Scan) -> None:
        terminal = scan.terminal
        number = self._minted[terminal] = self._minted.get(terminal, 0) + 1
        scan.id = f"{terminal}-{self._boot:x}-{number:06d}"
        ts = scan.at + scan.clock_ms
        event = {"id": scan.id, "boot": self._boot, "seq": number, "ts": ts, "clock_sync": self._synced, **scan.event}
        if scan.of is not None:
            event["of"] = scan.of.id
        payload = _encode(event)
        other = _encode(event | scan.other) if scan.other else payload
        at = scan.at + scan.late_ms + (number * 7919 % NETWORK_MS if not scan.late_ms else 0)
        for n in range(scan.times):
            sent = Sent(at + n * 1_000, terminal, scan.id, other if n else payload)
            heapq.heappush(self._waiting, (sent.at, next(self._order), sent))
