"""When people may be told: quiet hours, and the time of day of the daily digest (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from alerts.policy import Policy
from devices.calendars import WorkingTime
from devices.registry import Registry

_DAY = dt.timedelta(days=1)
#: A calendar without working days for so long is not waited for.
_SEARCHED = 60


class Hours:
    """Quiet hours and digest time of a policy in a time zone."""

    def __init__(self, policy: Policy, zone: ZoneInfo) -> None:
        self._zone = zone
        self._digest = policy.digest
        self._quiet = policy.quiet_hours
        spans = policy.quiet_hours.hours if policy.quiet_hours else []
        # The same reading of hours as everywhere: a span that reaches over midnight belongs to the day of its begin.
        every_day = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "hours": spans}
        self._spans = WorkingTime(every_day, zone) if spans else None
        self._known: tuple[Registry | None, int] = (None, -1)
        self._calendars: dict[str, WorkingTime] = {}

    def quiet_until(self, severity: str, now: int, registry: Registry) -> int:
        """When people may be told of an alert of this severity: ``now``, or the end of the quiet hours."""
        if self._quiet is None or severity in self._quiet.exempt:
            return now
        until = now
        for _ in range(_SEARCHED):
            later = self._awake(until, registry)
            if later == until:
                return until
            until = later
        return now

    def _awake(self, at: int, registry: Registry) -> int:
        if self._spans is not None and self._spans.open_at(at):
            return self._spans.next_change(at) or at
        if self._quiet is not None and self._quiet.calendar:
            calendar = self._calendar(self._quiet.calendar, registry)
            if not calendar.open_at(at):
                return calendar.next_change(at) or at
        return at

    def digest_at(self, now: int, registry: Registry) -> int:
        """The next time of the daily digest after ``now``."""
        hour, minute = (int(part) for part in self._digest.at.split(":"))
        day = dt.datetime.fromtimestamp(now // 1000, self._zone).date()
        works = self._works(registry)
        for ahead in range(_SEARCHED):
            that = day + ahead * _DAY
            at = int(dt.datetime.combine(that, dt.time(hour, minute), self._zone).timestamp()) * 1000
            if at > now and works(at):
                return at
        return now + 86_400_000

    def _works(self, registry: Registry) -> Callable[[int], bool]:
        if not self._digest.calendar:
            return lambda _: True
        calendar = self._calendar(self._digest.calendar, registry)
        # The day counts, not the hour: a digest at 08:30 is due also where work begins at 09:00.
        return lambda at: calendar.open_at(at) or _same_day(at, calendar.next_change(at), self._zone)

    def _calendar(self, name: str, registry: Registry) -> WorkingTime:
        if self._known != (registry, registry.version):
            self._known, self._calendars = (registry, registry.version), {}
        found = self._calendars.get(name)
        if found is None:
            found = self._calendars[name] = WorkingTime(registry.body("calendars", name), self._zone)
        return found


def _same_day(at: int, other: int | None, zone: ZoneInfo) -> bool:
    if other is None:
        return False
    days = {dt.datetime.fromtimestamp(one // 1000, zone).date() for one in (at, other)}
    return len(days) == 1
