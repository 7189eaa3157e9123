"""What a registry file may say of working time and duty: calendars and teams (``devices.calendars`` reads them)."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from devices.fields import Day, Id, Instant, Name, Text, ZoneName, problem, refuse
from devices.model import Entry, Part, Period

_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_SPAN = re.compile(rf"{_CLOCK}-({_CLOCK}|24:00)")


def _weekdays(days: list[int]) -> list[int]:
    wrong = [((index,), day, problem("choice", "1 to 7")) for index, day in enumerate(days) if not 1 <= day <= 7]
    if wrong:
        refuse(list(wrong))
    return days


def _hours(spans: list[str]) -> list[str]:
    wrong = [
        ((index,), one, problem("choice", "08:00-17:30")) for index, one in enumerate(spans) if not _SPAN.fullmatch(one)
    ]
    if wrong:
        refuse(list(wrong))
    return spans


#: 1 (Monday) to 7.
Weekdays = Annotated[list[int], AfterValidator(_weekdays)]
#: ``08:00-17:30``; an end that is not after its begin is on the next day.
Hours = Annotated[list[Text], AfterValidator(_hours)]


class Calendar(Entry):
    """Working time: weekdays (none = Monday to Friday), hours (none = all day), days off, shifted working days."""

    name: Name | None = None
    zone: ZoneName | None = None
    weekdays: Weekdays = Field(default=[])
    hours: Hours = Field(default=[])
    holidays: list[Day] = Field(default=[])
    workdays: list[Day] = Field(default=[])


class Shift(Period):
    """Who has duty when: on ``dates`` and ``weekdays`` (neither = every day), in ``hours`` (none = all day)."""

    people: list[Id] = Field(min_length=1)
    weekdays: Weekdays = Field(default=[])
    hours: Hours = Field(default=[])
    dates: list[Day] = Field(default=[])


class Rotation(Part):
    """Duty that goes round: each of ``people`` for ``every_days`` days, changing at the local time of ``from``."""

    every_days: int = Field(ge=1, le=366)
    from_: Instant = Field(alias="from")
    people: list[Id] = Field(min_length=1)


class Team(Entry):
    """People who are called together or by roster. ``calendar``: the time in which the team is called at all."""

    name: Name | None = None
    members: list[Id] = Field(default=[])
    calendar: Id | None = None
    roster: list[Shift] = Field(default=[])
    rotate: Rotation | None = None
