"""The alerts that are not over: by id, identity and device, when each is due, and the steps they take (pure)."""

from __future__ import annotations

import copy
import heapq
import math
from typing import NamedTuple

from alerts.alert import Alert, Step
from alerts.lifecycle import Event, Reason, State, check


class Cause(NamedTuple):
    """Who or what moves an alert, in journal and in event time, with a remark and the SHA-256 of a file."""

    by: str
    at: int
    ts: int
    comment: str = ""
    file: str = ""


class Roll:
    """Alerts that are not closed, and closed ones while they may re-open. ``reopen_ms``: see ``Desk``."""

    def __init__(self, reopen_ms: int) -> None:
        self.open: dict[str, Alert] = {}
        self._reopen_ms = reopen_ms
        self._identity: dict[tuple[str, str, str], str] = {}
        self._device: dict[str, dict[str, None]] = {}
        # (when, id); what is no longer so is left out when its turn comes.
        self._timers: list[tuple[int, str]] = []
        self._steps: list[Step] = []

    def find(self, identity: tuple[str, str, str]) -> Alert | None:
        """The alert of this condition of this subject."""
        known = self._identity.get(identity)
        return None if known is None else self.open[known]

    def of_device(self, device: str) -> list[Alert]:
        """The alerts of a device, the earliest first."""
        return sorted(self.near(device), key=lambda alert: (alert.offset, alert.id))

    def near(self, device: str) -> list[Alert]:
        """The alerts of a device in no order that may decide anything."""
        return [self.open[alert] for alert in self._device.get(device, ())]

    def add(self, alert: Alert) -> None:
        """Take a new alert, or one of a dump."""
        self.open[alert.id] = alert
        self._identity[alert.identity] = alert.id
        self._device.setdefault(alert.device, {})[alert.id] = None
        self.arm(alert)

    def forget(self, alert: Alert) -> None:
        """It is over for good; a second time changes nothing."""
        if self.open.pop(alert.id, None) is None:
            return
        del self._identity[alert.identity]
        listed = self._device[alert.device]
        del listed[alert.id]
        if not listed:
            del self._device[alert.device]

    def arm(self, alert: Alert) -> None:
        """Have it come up when time moves it next."""
        when = self.due_of(alert)
        if when is not None:
            heapq.heappush(self._timers, (when, alert.id))

    def due_of(self, alert: Alert) -> int | None:
        """When time moves this alert next: a shelf ends, it settles, or the time in which it may re-open is over."""
        if alert.state == State.CLOSED:
            return alert.closed_at + (alert.reopen_ms or self._reopen_ms if alert.on else alert.reopen_ms)
        shelved, settles = alert.shelved_until, alert.settle_at
        return (min(shelved, settles) if shelved and settles else shelved or settles) or None

    @property
    def due(self) -> float:
        """When time moves an alert next; inf = never."""
        while self._timers and not self._holds(self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else math.inf

    def next(self, now: int) -> tuple[int, Alert] | None:
        """The next alert that is due, with when it was; it does not come up again before it is armed."""
        if self.due > now:
            return None
        when, alert = heapq.heappop(self._timers)
        return when, self.open[alert]

    def _holds(self, entry: tuple[int, str]) -> bool:
        alert = self.open.get(entry[1])
        return alert is not None and self.due_of(alert) == entry[0]

    def move(self, alert: Alert, event: Event, to: str, reason: str, cause: Cause, *, tell: bool | None = None) -> None:
        """Take one step. All other fields of the alert are already as they are after it.

        Without ``tell`` somebody hears of what becomes active, and of the rest only who heard of it before.
        Raises TransitionError where the move is impossible.
        """
        before = alert.state
        check(before, event, to)
        # The words themselves: members of an enumeration would come back from a dump as words.
        to, reason = str(to), str(reason)
        alert.state = to
        if to != before:
            alert.reason = reason
        if tell is None:
            tell = to == State.ACTIVE or alert.told
        tell = tell and alert.notify
        if to == State.ACTIVE and tell:
            alert.told = True
        self._steps.append(
            Step(
                copy.copy(alert), event.value, before, to, reason, cause.by, cause.at, cause.ts, cause.comment,
                cause.file, tell,
            )
        )  # fmt: skip

    def note(self, alert: Alert, event: Event, reason: Reason, cause: Cause, *, tell: bool) -> None:
        """Take a step that leaves the state as it is."""
        self.move(alert, event, alert.state, reason, cause, tell=tell)

    def take(self) -> list[Step]:
        """The steps since the last time."""
        steps, self._steps = self._steps, []
        return steps
