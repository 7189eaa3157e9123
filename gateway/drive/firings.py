"""What a trial of rule packs would have told, counted and compared (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

DAY_MS = 86_400_000


class Firing(msgspec.Struct):
    """One time that an alert would have fired; times in ms since 1970 UTC.

    ``since`` and ``until`` are event time, ``fired_at`` and ``cleared_at`` journal time; those of its end are None
    where the condition stood at the end of the trial. ``held``: it would have told nobody, since another
    alert, a maintenance session or the state of its place held it. ``value`` is what fired it.
    """

    rule: str
    pack: str
    severity: str
    unit: str
    place: str
    device: str
    point: str
    parameter: str
    parameter_unit: str
    value: float | None
    limit_value: float | None
    since: int
    fired_at: int
    cleared_at: int | None = None
    until: int | None = None
    held: bool = False

    @property
    def subject(self) -> tuple[str, str, str, str]:
        """What two trials have in common, whatever their packs are called."""
        return self.rule, self.device, self.point, self.parameter

    def duration(self, end: int) -> int:
        """Ms from its beginning until it was over, at ``end`` at the latest."""
        return max(0, (end if self.until is None else self.until) - self.since)


def by_rule(firings: Iterable[Firing], end: int) -> list[dict[str, Any]]:
    """``{rule, pack, severity, alerts, held, total_ms, longest_ms}`` of each rule, those that fired most first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in firings:
        empty = {"rule": one.rule, "pack": one.pack, "severity": one.severity}
        row = rows.setdefault((one.pack, one.rule), empty | dict.fromkeys(_SUMS, 0))
        lasted = one.duration(end)
        row["alerts"] += 1
        row["held"] += one.held
        row["total_ms"] += lasted
        row["longest_ms"] = max(row["longest_ms"], lasted)
    return sorted(rows.values(), key=lambda row: (-row["alerts"], row["rule"], row["pack"]))


_SUMS = ("alerts", "held", "total_ms", "longest_ms")


def per_day(firings: Iterable[Firing], start: int, end: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    """``{day, alerts}`` of every day from ``start`` to ``end`` (exclusive), also of those without alerts."""
    if end <= start:
        return []
    first, last = _day(start, zone), _day(end - 1, zone)
    counts = {first + dt.timedelta(days=ahead): 0 for ahead in range((last - first).days + 1)}
    for one in firings:
        day = _day(one.fired_at, zone)
        if day in counts:
            counts[day] += 1
    return [{"day": day.isoformat(), "alerts": count} for day, count in counts.items()]


def _day(at: int, zone: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(at / 1000, zone).date()


def summary(firings: Sequence[Firing], start: int, end: int, zone: ZoneInfo) -> dict[str, Any]:
    """Counts and durations of one trial over ``start`` to ``end``."""
    lasted = [one.duration(end) for one in firings]
    days = (end - start) / DAY_MS
    return {
        "count": len(firings),
        "held": sum(one.held for one in firings),
        "a_day": round(len(firings) / days, 3) if days > 0 else None,
        "total_ms": sum(lasted),
        "longest_ms": max(lasted, default=0),
        "by_rule": by_rule(firings, end),
        "per_day": per_day(firings, start, end, zone),
    }


def difference(here: Sequence[Firing], present: Sequence[Firing], end: int) -> dict[str, Any]:
    """``{both, only_here, only_present}``: firings of the same rule and channel that overlap in time are the same.

    ``both`` counts those of ``here`` that the other one has as well; the lists hold what only one of them has.
    """
    mine, theirs = _spans(here, end), _spans(present, end)
    only_here = [one for one in here if not _meets(one, theirs, end)]
    only_present = [one for one in present if not _meets(one, mine, end)]
    return {"both": len(here) - len(only_here), "only_here": only_here, "only_present": only_present}


Spans = Mapping[tuple[str, str, str, str], Sequence[tuple[int, int]]]


def _spans(firings: Iterable[Firing], end: int) -> Spans:
    found: dict[tuple[str, str, str, str], list[tuple[int, int]]] = {}
    for one in firings:
        found.setdefault(one.subject, []).append((one.since, one.since + one.duration(end)))
    return found


def _meets(one: Firing, spans: Spans, end: int) -> bool:
    begin, over = one.since, one.since + one.duration(end)
    return any(since <= over and begin <= until for since, until in spans.get(one.subject, ()))
