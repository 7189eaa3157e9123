"""Figures of the alert system as ISA-18.2 asks for them: distributions and shares, not means (pure).

An alarm here is an alert that came up in front of people: it fired, or came out of shelving or suppression while its
cause stood. All times are ms since 1970 UTC of the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

MINUTE_MS = 60_000
SLOT_MS = 10 * MINUTE_MS
#: As many alarms within 10 minutes are a flood (ISA-18.2 counts for one operator).
FLOOD = 10
#: As many alarms of one condition within a minute are chattering.
CHATTER = 3
STALE_MS = 24 * 60 * MINUTE_MS
TOP = 10
#: Lower ends of the bins of the distribution: alarms within 10 minutes; the last one has no upper end.
BINS = (0, 1, 3, 6, 10, 20, 50, 100)


class Alarm(msgspec.Struct, frozen=True):
    """One alarm. ``identity`` is the condition of a subject: the same text for each time that it comes up."""

    at: int
    alert: str
    identity: str
    rule: str
    place: str
    district: str
    unit: str
    severity: str


class Life(msgspec.Struct, frozen=True):
    """One alert: when it first came up, was acknowledged and was over; None = not, or not yet."""

    alert: str
    district: str
    unit: str
    fired_at: int
    acknowledged_at: int | None
    over_at: int | None


class Share(msgspec.Struct, frozen=True):
    """How many alarms something has, and which part of all that is."""

    name: str
    count: int
    share: float


class Answering(msgspec.Struct, frozen=True):
    """Time from an alert to its acknowledgement (ms) of those that were; ``waiting`` counts the others."""

    acknowledged: int
    waiting: int
    median_ms: int | None
    p90_ms: int | None


class Group(msgspec.Struct, frozen=True):
    """The figures of a district or unit; an empty name = alarms without one."""

    name: str
    alarms: int
    stale: int
    answering: Answering


class Flood(msgspec.Struct, frozen=True):
    """A span during which the 10 minutes before each moment held a flood; ``most`` is the highest such count."""

    start: int
    end: int
    most: int


class Kpi(msgspec.Struct, frozen=True):
    """The figures of one period, ``start`` <= time < ``end``.

    ``distribution`` counts slots of 10 minutes by the alarms in them: (lowest, highest or None, slots). The percentiles
    are alarms in a slot. ``top_share`` is the share of the ten most frequent conditions.
    """

    start: int
    end: int
    alarms: int
    slots: int
    distribution: list[tuple[int, int | None, int]]
    p50: int
    p95: int
    most: int
    floods: list[Flood]
    flood_ms: int
    flood_share: float
    chattering: list[Share]
    stale: list[str]
    top_rules: list[Share]
    top_places: list[Share]
    top_share: float
    severities: list[Share]
    answering: Answering
    districts: list[Group]
    units: list[Group]


def kpi(alarms: Iterable[Alarm], lives: Sequence[Life], start: int, end: int) -> Kpi:
    """The figures from ``start`` to ``end``.

    ``alarms`` reach back to 10 minutes before ``start``, so that a flood that began then is seen; ``lives`` are all
    alerts that came up before ``end`` and were not over before ``start``. ``end`` is not after now.
    """
    known = sorted(alarms, key=lambda one: (one.at, one.alert))
    inside = [one for one in known if start <= one.at < end]
    floods = list(_floods([one.at for one in known if one.at < end], start, end))
    slots = _slots([one.at for one in inside], start, end)
    within = [one for one in lives if start <= one.fired_at < end]
    stale = [one for one in lives if _stands_long(one, end)]
    conditions = shares(one.identity for one in inside)
    flood_ms = sum(one.end - one.start for one in floods)
    return Kpi(
        start=start,
        end=end,
        alarms=len(inside),
        slots=len(slots),
        distribution=_distribution(slots),
        p50=percentile(slots, 50) or 0,
        p95=percentile(slots, 95) or 0,
        most=max(slots, default=0),
        floods=floods,
        flood_ms=flood_ms,
        flood_share=flood_ms / (end - start) if end > start else 0.0,
        chattering=_chattering(inside),
        stale=[one.alert for one in stale],
        top_rules=shares(one.rule for one in inside)[:TOP],
        top_places=shares(one.place for one in inside)[:TOP],
        top_share=sum(one.share for one in conditions[:TOP]),
        severities=shares(one.severity for one in inside),
        answering=answering(within),
        districts=_groups(inside, within, stale, lambda one: one.district),
        units=_groups(inside, within, stale, lambda one: one.unit),
    )


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The nearest-rank percentile: a value that occurs; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def shares(names: Iterable[str]) -> list[Share]:
    """How often each name occurs, the most frequent first."""
    counted = Counter(names)
    whole = counted.total()
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [Share(name, count, count / whole) for name, count in ordered]


def answering(lives: Iterable[Life]) -> Answering:
    """How long it took until somebody acknowledged."""
    times: list[int] = []
    waiting = 0
    for one in lives:
        if one.acknowledged_at is None:
            waiting += 1
        else:
            times.append(max(0, one.acknowledged_at - one.fired_at))
    return Answering(len(times), waiting, percentile(times, 50), percentile(times, 90))


def _slots(times: Iterable[int], start: int, end: int) -> list[int]:
    """Alarms in each slot of 10 minutes from ``start`` on; what is left of the last one counts as a slot."""
    counts = [0] * max(0, -(-(end - start) // SLOT_MS))
    for at in times:
        counts[(at - start) // SLOT_MS] += 1
    return counts


def _distribution(slots: Iterable[int]) -> list[tuple[int, int | None, int]]:
    found = [0] * len(BINS)
    for count in slots:
        found[max(index for index, low in enumerate(BINS) if low <= count)] += 1
    highest = [*(low - 1 for low in BINS[1:]), None]
    return list(zip(BINS, highest, found, strict=True))


def _floods(times: Sequence[int], start: int, end: int) -> Iterator[Flood]:
    """Spans in which ``FLOOD`` alarms lie within the 10 minutes up to each moment, cut to the period.

    The moments for which alarm ``i`` completes a flood reach from ``times[i]`` until the ``FLOOD``-th alarm before is
    10 minutes old; overlapping ones are one flood.
    """
    begun, until, most, first = -1, -1, 0, 0
    for index in range(FLOOD - 1, len(times)):
        while times[first] <= times[index] - SLOT_MS:
            first += 1
        count = index - first + 1
        if count < FLOOD:
            continue
        if begun >= 0 and times[index] > until:
            yield from _cut(begun, until, most, start, end)
            begun = -1
        if begun < 0:
            begun, most = times[index], 0
        until, most = times[index - FLOOD + 1] + SLOT_MS, max(most, count)
    if begun >= 0:
        yield from _cut(begun, until, most, start, end)


def _cut(begun: int, until: int, most: int, start: int, end: int) -> Iterator[Flood]:
    if max(begun, start) < min(until, end):
        yield Flood(max(begun, start), min(until, end), most)


def _chattering(alarms: Iterable[Alarm]) -> list[Share]:
    """Conditions that came up at least ``CHATTER`` times within a minute, with all that they came up in the period."""
    times: dict[str, list[int]] = {}
    total = 0
    for one in alarms:
        times.setdefault(one.identity, []).append(one.at)
        total += 1
    found = [
        Share(name, len(at), len(at) / total)
        for name, at in times.items()
        if any(last - first < MINUTE_MS for first, last in zip(at, at[CHATTER - 1 :], strict=False))
    ]
    return sorted(found, key=lambda one: (-one.count, one.name))


def _stands_long(life: Life, end: int) -> bool:
    """Whether it stands at the end of the period and has for more than 24 h."""
    return end - life.fired_at > STALE_MS and (life.over_at is None or life.over_at >= end)


def _groups(
    alarms: Iterable[Alarm], lives: Iterable[Life], stale: Iterable[Life], key: Callable[[Alarm | Life], str]
) -> list[Group]:
    counted = Counter(key(one) for one in alarms)
    standing = Counter(key(one) for one in stale)
    of: dict[str, list[Life]] = {}
    for one in lives:
        of.setdefault(key(one), []).append(one)
    names = sorted({*counted, *standing, *of}, key=lambda name: (-counted[name], name))
    return [Group(name, counted[name], standing[name], answering(of.get(name, []))) for name in names]
