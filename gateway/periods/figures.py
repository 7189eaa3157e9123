"""The figures of one channel and one window, from its readings and what held meanwhile (pure).

What counts, in the words of docs/periods.md:

- ``due``: due times in the window, less those in an approved stop (a place suspended or retired, a device not yet or no
  longer registered, a session of kind ``outage``). Due times are the multiples of the channel's interval since 1970
  UTC, so that the sums over an hour or a day are right for an interval of any length. A channel without an interval
  promises nothing: of it as much was due as came.
- ``received``: readings outside approved stops, whatever their flag. One (device, point, parameter, ts) is one reading.
- ``valid``: of these, flag N, plausible, not in a maintenance session, and not while another channel says that the
  value does not count (``valid_when``). T, M, C, D, F, B and S do not enter (HJ 212-2017 table 8).
- ``judged``: valid ones to which a limit applies, at a place that is accepted.
- ``compliant``: judged ones inside the limits, both ends included.
- ``sum, min, max, mean`` of the valid ones; ``low, high``: the limits in force.

Rates are quotients of sums of these counts and are stored nowhere. That transmission is received by due and validity
is valid by received follows the practice of HJ 212 networks; no text of law was at hand that says so for drinking
water, so none is cited.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

INF = math.inf


class Sample(NamedTuple):
    """One reading as stored. ``valid`` is False where another channel says that it does not count."""

    ts: int
    value: float
    flag: str = "N"
    qualifier: str = ""
    valid: bool = True


class Terms(NamedTuple):
    """What holds for a channel at one place from ``start`` to ``end`` (ms, exclusive).

    ``interval`` (ms) 0: the channel promises nothing; None: it is not due here. ``service``: not in an approved stop;
    ``counts``: the place is accepted. ``low``, ``high``: limits in force; ``least``, ``most``: plausible values.
    """

    start: int
    end: int
    interval: int | None = 0
    service: bool = True
    counts: bool = True
    low: float = -INF
    high: float = INF
    least: float = -INF
    most: float = INF

    @property
    def limited(self) -> bool:
        """Whether any limit applies."""
        return self.low > -INF or self.high < INF


class Work(NamedTuple):
    """A maintenance session; ``outage``: an approved stop."""

    start: int
    end: int
    outage: bool = False


class Figures(msgspec.Struct):
    """See the module's docstring. ``sum`` is of the valid values; min and max mean something where ``valid`` > 0."""

    due: int = 0
    received: int = 0
    valid: int = 0
    judged: int = 0
    compliant: int = 0
    sum: float = 0.0
    min: float = INF
    max: float = -INF
    low: float = -INF
    high: float = INF

    @property
    def empty(self) -> bool:
        """Whether nothing was due and nothing came."""
        return not self.due and not self.received

    @property
    def mean(self) -> float:
        """The mean of the valid ones; needs one."""
        return self.sum / self.valid

    def add(self, other: Figures) -> None:
        """Make these the figures of both windows together; ``other`` is the later one."""
        self.due += other.due
        self.received += other.received
        self.valid += other.valid
        self.judged += other.judged
        self.compliant += other.compliant
        self.sum += other.sum
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        if other.low > -INF or other.high < INF:
            self.low, self.high = other.low, other.high


def figures(samples: Sequence[Sample], terms: Sequence[Terms], works: Sequence[Work]) -> Figures:
    """Figures of the window that ``terms`` cover together, without gap or overlap, in order of time."""
    found = Figures()
    for one in terms:
        if one.service and one.interval:
            found.due += due_in(one.start, one.end, one.interval, [work for work in works if work.outage])
        if one.limited:
            found.low, found.high = one.low, one.high
        if one.service:
            _count(found, samples, one, works)
    return found


def _count(found: Figures, samples: Sequence[Sample], terms: Terms, works: Sequence[Work]) -> None:
    """Count the samples of the time of ``terms``: the loop that costs most, so plain."""
    start, end, interval, _, counts, low, high, least, most = terms
    judge = counts and terms.limited
    received = valid = compliant = 0
    total, lowest, highest = found.sum, found.min, found.max
    for ts, value, flag, qualifier, fine in samples:
        if not start <= ts < end:
            continue
        held = [work.outage for work in works if work.start <= ts < work.end] if works else works
        if held and any(held):
            continue
        received += 1
        if held or flag != "N" or not fine or not least <= value <= most:
            continue
        valid += 1
        total += value
        lowest = min(lowest, value)
        highest = max(highest, value)
        if judge and low <= (_judged(value, qualifier) if qualifier else value) <= high:
            compliant += 1
    found.received += received
    found.due += received if interval == 0 else 0
    found.valid += valid
    found.judged += valid if judge else 0
    found.compliant += compliant
    found.sum, found.min, found.max = total, lowest, highest


def _judged(value: float, qualifier: str) -> float:
    """What meets the limit: "<0.05" lies below 0.05 and must not meet a minimum of 0.05; ">2" likewise."""
    return math.nextafter(value, -INF if qualifier == "<" else INF)


def due_in(start: int, end: int, interval: int, stops: Sequence[Work]) -> int:
    """How many multiples of ``interval`` lie in ``start`` <= t < ``end`` and in no stop."""
    due, at = 0, start
    for stop in sorted(stops):
        if stop.end > at and stop.start < end:
            due += _multiples(at, max(at, stop.start), interval)
            at = max(at, stop.end)
    return due + _multiples(at, max(at, end), interval)


def _multiples(start: int, end: int, interval: int) -> int:
    return -(-end // interval) + (-start // interval)
