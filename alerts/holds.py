"""What holds an alert from telling, and what becomes of it when the hold ends (pure).

Holds are independent of each other and of the condition: out of service, shelf, maintenance session, another alert.
The first of them in this order shows as the alert's state; when it ends the next one takes its place. After an alert
that muted others these stay muted for a moment (``settle_ms``): data that come again come channel by channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from alerts.alert import Alert
from alerts.inhibit import Inhibition
from alerts.lifecycle import HELD, Event, Reason, State
from alerts.roll import Cause, Roll
from alerts.sessions import Session

_ENTER = {
    State.SUPPRESSED: Event.SUPPRESSED,
    State.SHELVED: Event.SHELVED,
    State.OUT_OF_SERVICE: Event.OUT_OF_SERVICE,
}
_LEAVE = {
    State.SUPPRESSED: Event.UNSUPPRESSED,
    State.SHELVED: Event.UNSHELVED,
    State.OUT_OF_SERVICE: Event.IN_SERVICE,
}
_RANK = {State.SUPPRESSED: 0, State.SHELVED: 1, State.OUT_OF_SERVICE: 2}
#: Ends of a hold after which an acknowledged alert is still acknowledged: nobody worked on it, or a person did this.
_SOFT = frozenset({Reason.CAUSE_OVER, Reason.BY_HAND})


class Hold(NamedTuple):
    """One hold: the state it makes, what holds (``Alert.held_by``), and why."""

    state: State
    by: str
    reason: Reason


class Holds:
    """Moves alerts into and out of their holds, and closes them. ``sessions`` are the open ones by device."""

    def __init__(self, roll: Roll, sessions: Mapping[str, Session], settle_ms: int) -> None:
        self.inhibition = Inhibition(roll.open, roll.near)
        self._roll = roll
        self._sessions = sessions
        self._settle_ms = settle_ms
        self._muted: dict[str, dict[str, None]] = {}

    def load(self) -> None:
        """Take the alerts of a dump as they stand."""
        self._muted.clear()
        for alert in self._roll.open.values():
            self._count(alert, alert.held_by)
        self.inhibition.renew()

    def of(self, alert: Alert) -> Hold | None:
        """What holds this alert now."""
        if alert.out_by:
            return Hold(State.OUT_OF_SERVICE, alert.out_by, Reason.TAKEN_OUT)
        if not alert.service:
            return Hold(State.OUT_OF_SERVICE, f"place:{alert.place}", Reason.PLACE_OUT_OF_SERVICE)
        if alert.shelved_until:
            return Hold(State.SHELVED, "", Reason.SHELVED_ONCE if alert.one_shot else Reason.SHELVED_FOR_TIME)
        # What is over makes no noise: only what is held already stays so.
        return self._suppression(alert) if alert.on or alert.state == State.SUPPRESSED else None

    def _suppression(self, alert: Alert) -> Hold | None:
        if alert.device in self._sessions:
            return Hold(State.SUPPRESSED, f"maintenance:{alert.device}", Reason.MAINTENANCE)
        source = self.inhibition.source_of(alert)
        if source is not None:
            return Hold(State.SUPPRESSED, f"alert:{source}", Reason.INHIBITED)
        return Hold(State.SUPPRESSED, alert.held_by, Reason.INHIBITED) if alert.settle_at else None

    def settle(self, alert: Alert, cause: Cause, over: Reason) -> None:
        """Bring the state in line with what holds it; ``over`` says why a hold ended, if one did."""
        hold, before = self.of(alert), State(alert.state)
        if hold is None:
            if before in HELD:
                self._release(alert, cause, over)
            return
        if before in HELD:
            if (hold.state, hold.by) == (before, alert.held_by):
                return
            self._hold_by(alert, hold.by)
            if _RANK[hold.state] < _RANK[before]:
                self._roll.move(alert, _LEAVE[before], hold.state, over, cause, tell=False)
            else:
                self._roll.move(alert, _ENTER[hold.state], hold.state, hold.reason, cause, tell=False)
        else:
            alert.kept = before.value
            self._hold_by(alert, hold.by)
            self._roll.move(alert, _ENTER[hold.state], hold.state, hold.reason, cause)
        self.sync(alert, cause)

    def stand(self, alert: Alert, reason: str, cause: Cause) -> None:
        """The condition holds (again): the alert is active, or held from the beginning."""
        before = alert.state
        alert.on = True
        alert.acknowledged_by, alert.acknowledged_at = None, 0
        if before in HELD:
            alert.kept = State.ACTIVE.value if alert.kept == State.ACKNOWLEDGED else alert.kept
            self._roll.move(alert, Event.FIRED, before, reason, cause, tell=False)
            self.sync(alert, cause)
            return
        alert.kept = before if before in {State.RETURNED, State.LATCHED} else ""
        hold = self.of(alert)
        if hold is None:
            alert.kept = ""
            self._roll.move(alert, Event.FIRED, State.ACTIVE, reason, cause)
        else:
            self._hold_by(alert, hold.by)
            self._roll.move(alert, Event.FIRED, hold.state, reason, cause, tell=False)
        self.sync(alert, cause)

    def close(self, alert: Alert, event: Event, reason: str, cause: Cause, *, for_good: bool = False) -> None:
        """End it; it may re-open for a while unless that is ``for_good``."""
        alert.closed_at, alert.closed_by = cause.at, cause.by
        alert.shelved_until, alert.one_shot, alert.out_by, alert.kept = 0, False, "", ""
        self._hold_by(alert, "")
        self._roll.move(alert, event, State.CLOSED, reason, cause)
        alert.told = False
        self.sync(alert, cause)
        if for_good or (not alert.on and alert.reopen_ms <= 0):
            self._roll.forget(alert)
        else:
            self._roll.arm(alert)

    def latch(self, alert: Alert, reason: str, cause: Cause) -> None:
        """Its condition is over, and a person has to close it."""
        alert.shelved_until, alert.one_shot, alert.kept = 0, False, ""
        self._hold_by(alert, "")
        self._roll.move(alert, Event.CLEARED, State.LATCHED, reason, cause)
        self.sync(alert, cause)

    def look_again(self, alert: Alert, cause: Cause) -> None:
        """Whether it notifies, its unit or its grid has changed: who may mute whom, too."""
        self.inhibition.put(alert)
        muted = self._muted_by(alert)
        for target in (alert, *muted, *(self.inhibition.targets_of(alert))):
            if target.on and target.state != State.CLOSED:
                self.settle(target, cause, Reason.CAUSE_OVER)

    def sync(self, alert: Alert, cause: Cause) -> None:
        """Mute what this alert explains now, and release what it explains no longer; after every change of it."""
        was = self.inhibition.is_source(alert)
        self.inhibition.put(alert)
        stands = self.inhibition.is_source(alert)
        if stands == was:
            return
        through = Cause(f"rule:{alert.pack}/{alert.rule}", cause.at, cause.ts)
        if stands:
            for target in self._muted_by(alert):
                target.settle_at = 0
            for target in self.inhibition.targets_of(alert):
                self.settle(target, through, Reason.CAUSE_OVER)
        else:
            for target in self._muted_by(alert):
                if target.on and self._settle_ms > 0:
                    target.settle_at = cause.at + self._settle_ms
                    self._roll.arm(target)
                self.settle(target, through, Reason.CAUSE_OVER)

    def _muted_by(self, source: Alert) -> list[Alert]:
        listed = (self._roll.open[target] for target in self._muted.get(source.id, ()))
        return sorted(listed, key=lambda alert: (alert.offset, alert.id))

    def _release(self, alert: Alert, cause: Cause, over: Reason) -> None:
        before, kept = State(alert.state), alert.kept
        if alert.on:
            to = State.ACKNOWLEDGED if kept == State.ACKNOWLEDGED and over in _SOFT else State.ACTIVE
        elif kept in {State.RETURNED, State.LATCHED}:
            to = State(kept)
        else:
            to = State.LATCHED if latches(alert) else State.CLOSED
        if to is State.CLOSED:
            self.close(alert, Event.CLOSED, over, cause)
            return
        alert.kept = ""
        self._hold_by(alert, "")
        if to is State.ACTIVE:
            alert.acknowledged_by, alert.acknowledged_at = None, 0
        self._roll.move(alert, _LEAVE[before], to, over, cause)
        self.sync(alert, cause)

    def _hold_by(self, alert: Alert, by: str) -> None:
        before = alert.held_by.removeprefix("alert:")
        if before != alert.held_by:
            muted = self._muted[before]
            del muted[alert.id]
            if not muted:
                del self._muted[before]
        alert.held_by, alert.settle_at = by, 0
        self._count(alert, by)

    def _count(self, alert: Alert, by: str) -> None:
        source = by.removeprefix("alert:")
        if source != by:
            self._muted.setdefault(source, {})[alert.id] = None


def latches(alert: Alert) -> bool:
    """Whether it stays after its condition is over: a latching alert that was not born into its hold."""
    return alert.latching and (alert.state not in HELD or alert.kept != "")
