"""The order of call of one alert: which step is next, and when (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import msgspec

from alerts.alert import Alert
from alerts.policy import CallStep, Policy

#: Nobody is called for an alert in one of these states.
MUTED = frozenset({"shelved", "suppressed", "out_of_service"})


class Case(msgspec.Struct):
    """What routing knows of one alert. Times are journal time in ms since 1970 UTC; 0 = not set.

    Delays of steps count from ``base``; ``done`` is the delay of the last step that was called (-1 = none yet) and
    ``asked`` are its receivers who may still hear of it (``person:ID`` by any channel, ``channel:NAME``). ``told`` are
    the receivers (channel, person) who know of it and hear what becomes of it. ``called`` says that anybody could be
    called at all. ``overdue`` says that it was acknowledged too long ago: steps go on.

    ``kept`` is the alert as last seen, and None while no queue names it: then only the desk knows it.
    """

    kept: Alert | None
    base: int = 0
    done: int = -1
    next_at: int = 0
    called: bool = False
    asked: list[str] = []
    told: list[tuple[str, str]] = []
    remind_at: int = 0
    reminded: int = 0
    timeout_at: int = 0
    overdue: bool = False

    @property
    def due(self) -> int:
        """When something is to be done next; 0 = never."""
        return min((at for at in (self.next_at, self.remind_at, self.timeout_at) if at), default=0)

    @property
    def alert(self) -> Alert:
        """The alert as last seen; only to be asked while it is kept."""
        assert self.kept is not None
        return self.kept

    def seen(self, live: Alert | None) -> Alert:
        """The alert as it stands: ``live``, of which a copy is kept because others change it, else as last seen."""
        if live is not None and live != self.kept:
            self.kept = copy(live)
        return self.alert

    def rest(self) -> None:
        """Nobody is called any more."""
        self.next_at = self.remind_at = self.timeout_at = 0
        self.asked = []
        self.overdue = False


class PlannedStep(msgspec.Struct, frozen=True):
    """Targets that are called at the same time, ``after`` so many ms."""

    after: int
    targets: tuple[str, ...]


class Order:
    """The orders of call of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._routes = [(route.match.side, route.calls, route.further) for route in policy.routes]
        self._steps = policy.steps
        self._usual: dict[str, list[PlannedStep]] = {}

    def of(self, alert: Alert) -> list[PlannedStep]:
        """The order of call of an alert, by delay; steps of the same delay are one."""
        if self._routes:
            return self._planned(alert)
        if alert.severity not in self._usual:
            self._usual[alert.severity] = self._planned(alert)
        return self._usual[alert.severity]

    def _planned(self, alert: Alert) -> list[PlannedStep]:
        steps: dict[int, list[str]] = {}
        for step in self._called(alert):
            after = step.after.get(alert.severity)
            if after is not None:
                steps.setdefault(after, []).extend(step.to)
        return [PlannedStep(after, tuple(dict.fromkeys(targets))) for after, targets in sorted(steps.items())]

    def _called(self, alert: Alert) -> Iterator[CallStep]:
        for side, calls, further in self._routes:
            if side.fits(alert):
                yield from calls
                if not further:
                    return
        yield from self._steps
