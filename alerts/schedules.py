"""When rules with a schedule are judged (pure)."""

from __future__ import annotations

import json

from alerts.bounds import Bound
from alerts.surroundings import Surroundings
from devices.calendars import WorkingTime


class Schedules:
    """Hours that rules name themselves are kept; calendars of the registry are asked for each time."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._hours: dict[tuple[str, str], WorkingTime] = {}

    def open_at(self, bound: Bound, at: int) -> bool:
        """Whether a rule is judged at ``at``; one whose calendar is not registered always is."""
        if not bound.schedule:
            return True
        zone = self._around.zone()
        key = (bound.schedule, zone.key)
        hours = self._hours.get(key)
        if hours is None:
            body = json.loads(bound.schedule)
            if "calendar" in body:
                hours = self._around.hours(body["calendar"])
            else:
                hours = self._hours[key] = WorkingTime(body, zone)
        return hours is None or hours.open_at(at)
