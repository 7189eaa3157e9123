"""Working time of calendars, spans of rosters and turns of duty, as the clocks of a place show them (pure).

A day begins its hours by itself: ``20:00-08:00`` belongs to the day of its 20:00 and reaches into the next morning,
also where that next day is off. Where the clocks of a zone go forward or back, hours begin at the first moment and end
at the last one at which the clock shows the time that is written.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

#: How far ahead ``next_change`` looks.
SEARCHED_DAYS = 400

_DAY_MS = 86_400_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ONE_MS = dt.timedelta(milliseconds=1)
_ONE_DAY = dt.timedelta(days=1)
_WHOLE_DAY = ((0, 24 * 60),)
_FOREVER = (-(2**62), 2**62)

#: [begin, end) in ms since 1970 UTC.
Span = tuple[int, int]


class WorkingTime:
    """When a calendar is open.

    ``body`` is a calendar of the registry (``devices.model.Calendar``), with its periods where it has several; None is
    open always. ``zone`` counts where the body names none.

    - No ``weekdays`` means Monday to Friday, no ``hours`` the whole day.
    - A date in ``workdays`` (a shifted working day) is open, whatever weekday or holiday it is; a date in ``holidays``
      is closed else; then the weekday decides.
    - Before ``from`` and from ``to`` on it is closed.
    """

    def __init__(self, body: Mapping[str, Any] | None, zone: ZoneInfo) -> None:
        periods = [] if body is None else body.get("periods") or [body]
        self._periods = [_Period(period, zone) for period in periods]
        self._always = body is None
        # What the last answer was, and the time between which it holds: readings come in the order of time.
        self._known: tuple[int, int, bool] = (0, 0, False)

    def open_at(self, ms: int) -> bool:
        """Whether it is working time at ``ms`` (since 1970 UTC)."""
        if self._always:
            return True
        begin, end, is_open = self._known
        if not begin <= ms < end:
            begin, end, is_open = self._known = self._around(ms)
        return is_open

    def next_change(self, ms: int) -> int | None:
        """The first time after ``ms`` at which it opens or closes; None where that is not within 400 days."""
        limit = ms + SEARCHED_DAYS * _DAY_MS
        for begin, end in self._spans(ms, SEARCHED_DAYS):
            turn = end if begin <= ms else begin
            if end > ms:
                return turn if turn <= limit else None
        return None

    def _around(self, ms: int) -> tuple[int, int, bool]:
        """(begin, end, open) of a time around ``ms`` in which nothing changes; it may go on beyond."""
        closed = ms
        for begin, end in self._spans(ms, 2):
            if begin <= ms < end:
                return begin, end, True
            if begin > ms:
                return closed, begin, False
            closed = end
        return ms, ms + _DAY_MS, False

    def _spans(self, ms: int, days: int) -> Iterator[Span]:
        """Spans that do not touch each other, in order, from those that may hold at ``ms`` to ``days`` days later."""
        begin, end = 0, -1
        for span in heapq.merge(*(period.spans(ms, days) for period in self._periods)):
            if end < 0:
                begin, end = span
            elif span[0] <= end:
                end = max(end, span[1])
            else:
                yield begin, end
                begin, end = span
        if end >= 0:
            yield begin, end


class _Period:
    """One period of a calendar: its days and hours, cut at ``from`` and ``to``."""

    def __init__(self, body: Mapping[str, Any], zone: ZoneInfo) -> None:
        self._zone = ZoneInfo(body["zone"]) if body.get("zone") else zone
        self._weekdays = frozenset(body.get("weekdays") or range(1, 6))
        self._holidays = frozenset(body.get("holidays", ()))
        self._workdays = frozenset(body.get("workdays", ()))
        self._hours = sorted(_minutes(span) for span in body.get("hours", ())) or _WHOLE_DAY
        self._from, self._to = body.get("from", _FOREVER[0]), body.get("to", _FOREVER[1])

    def spans(self, ms: int, days: int) -> Iterator[Span]:
        """Spans in order, from the day before the one of ``ms`` to ``days`` days after it; they may overlap."""
        today = _local(ms, self._zone).date()
        for ahead in range(-1, days + 2):
            day = today + ahead * _ONE_DAY
            if not self._works(day):
                continue
            for first, last in self._hours:
                begin = max(_moment(day, first, self._zone), self._from)
                end = min(_moment(day, last, self._zone, last_pass=True), self._to)
                if begin < end:
                    yield begin, end

    def _works(self, day: dt.date) -> bool:
        text = day.isoformat()
        return text in self._workdays or (text not in self._holidays and day.isoweekday() in self._weekdays)


def on_duty(team: Mapping[str, Any], ms: int, zone: ZoneInfo) -> list[str]:
    """The people of a team (its body as of ``ms``) who have duty at ``ms``, in the order of the roster, each once.

    All roster entries that hold at ``ms`` count, then the one whose turn it is by ``rotate``. A team with neither has
    all its members on duty; with either, nobody may be. The team's calendar is not looked at.
    """
    roster, rotate = team.get("roster", []), team.get("rotate")
    if not roster and not rotate:
        return list(dict.fromkeys(team.get("members", [])))
    found = [person for entry in roster if _shift(entry, zone).open_at(ms) for person in entry["people"]]
    if rotate and (person := turn_of(rotate, ms, zone)) is not None:
        found.append(person)
    return list(dict.fromkeys(found))


def turn_of(rotate: Mapping[str, Any], ms: int, zone: ZoneInfo) -> str | None:
    """Whose turn it is: ``people`` follow each other every ``every_days`` days, at the local time of ``from``.

    None before ``from``.
    """
    begin, at = (_local(one, zone).replace(tzinfo=None) for one in (rotate["from"], ms))
    if ms < rotate["from"]:
        return None
    people: list[str] = rotate["people"]
    every: int = rotate["every_days"]
    return people[max(0, (at - begin).days) // every % len(people)]


def _shift(entry: Mapping[str, Any], zone: ZoneInfo) -> WorkingTime:
    """When a roster entry holds: on its ``dates`` and ``weekdays``; every day where it names neither."""
    dates, weekdays = entry.get("dates", []), entry.get("weekdays", [])
    # Weekday 0 is no day: only the dates count.
    days = weekdays or ([0] if dates else list(range(1, 8)))
    return WorkingTime({**entry, "weekdays": days, "workdays": dates}, zone)


def _local(ms: int, zone: ZoneInfo) -> dt.datetime:
    return (_EPOCH + ms * _ONE_MS).astimezone(zone)


def _moment(day: dt.date, minutes: int, zone: ZoneInfo, *, last_pass: bool = False) -> int:
    """Ms since 1970 UTC at which the clocks of ``zone`` show a time of ``day``: the first or the last such moment.

    A time that the clocks leave out is the same distance after the jump.
    """
    shown = dt.datetime(day.year, day.month, day.day) + dt.timedelta(minutes=minutes)  # noqa: DTZ001 - the zone is put on next
    first, last = (shown.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    # Of a time that is left out, fold 0 is the later moment.
    return ((last if last_pass and last > first else first) - _EPOCH) // _ONE_MS


def _minutes(span: str) -> tuple[int, int]:
    """``08:00-17:30`` as minutes from midnight; an end that is not after its begin is on the next day."""
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return begin, end if end > begin else end + 24 * 60
