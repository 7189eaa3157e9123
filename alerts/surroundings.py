"""What evaluation asks of whoever calls it; decide answers from registry and series (pure contract, no state)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from devices.calendars import WorkingTime
from devices.observation import Subject


class Seen(NamedTuple):
    """The newest value of a channel in order of event time; ``flag`` is an HJ 212 flag."""

    ts: int
    value: float
    flag: str


class Term(NamedTuple):
    """The end of a certificate, which rules of kind ``overdue`` watch."""

    subject: Subject
    at: int


class Surroundings(Protocol):
    """All answers are as of the journal record at hand, and the same whenever the same record is decided."""

    def latest(self, device: str, point: str, parameter: str) -> Seen | None:
        """The newest value of a channel; None where none is known."""
        ...

    def index(self, device: str, point: str, parameter: str) -> int:
        """The channel's index, -1 where it never sent."""
        ...

    def subjects(self, device: str, now: int) -> list[Subject]:
        """The device itself first, then its registered channels; empty where it is not registered."""
        ...

    def device(self, device: str, now: int) -> Subject | None:
        """The first of ``subjects`` alone; None where the device is not registered."""
        ...

    def until(self, device: str, now: int) -> int | None:
        """When what ``subjects`` says changes by itself (``from``, ``to``); None = it does not."""
        ...

    def measured_at(self, place: str, parameter: str, now: int) -> tuple[str, str] | None:
        """(device, point) of the channel that measures a parameter at a place."""
        ...

    def zone(self) -> ZoneInfo:
        """The time zone that days and hours follow."""
        ...

    def hours(self, calendar: str) -> WorkingTime | None:
        """A calendar by its id; None where there is none."""
        ...

    def certificates(self, now: int, before: int, also: Collection[str]) -> Iterable[Term]:
        """Certificates whose last day ends before ``before``, and all of the devices and scales ``also``.

        ``at`` is the end of that day.
        """
        ...


class Nothing:
    """Surroundings in which nothing else is known."""

    def zone(self) -> ZoneInfo:
        """The one of the design."""
        return ZoneInfo("Asia/Shanghai")

    def latest(self, device: str, point: str, parameter: str) -> Seen | None:  # noqa: ARG002 - the contract's
        """Nothing."""
        return None

    def index(self, device: str, point: str, parameter: str) -> int:  # noqa: ARG002 - the contract's
        """Nothing."""
        return -1

    def subjects(self, device: str, now: int) -> list[Subject]:  # noqa: ARG002 - the contract's
        """Nothing."""
        return []

    def device(self, device: str, now: int) -> Subject | None:  # noqa: ARG002 - the contract's
        """Nothing."""
        return None

    def until(self, device: str, now: int) -> int | None:  # noqa: ARG002 - the contract's
        """Nothing."""
        return None

    def measured_at(self, place: str, parameter: str, now: int) -> tuple[str, str] | None:  # noqa: ARG002 - the contract's
        """Nothing."""
        return None

    def hours(self, calendar: str) -> WorkingTime | None:  # noqa: ARG002 - the contract's
        """Nothing."""
        return None

    def certificates(self, now: int, before: int, also: Collection[str]) -> Iterable[Term]:  # noqa: ARG002 - the contract's
        """Nothing."""
        return ()
