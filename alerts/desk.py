"""The desk: alerts and their states (pure). Changes of conditions, operators' commands and time in, steps out.

One thread calls it, in journal order; ``now`` and ``at`` are journal time and never run back. Equal states behave
equally and give equal dumps. docs/alert-handling.md says for operators what happens to an alert, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from alerts.actions import Actions
from alerts.alert import Alert, Step, side_of
from alerts.change import Change
from alerts.holds import Holds, latches
from alerts.inhibit import DEFAULTS, RANK, Inhibit
from alerts.lifecycle import FINAL_REASONS, HELD, Event, Reason, State
from alerts.roll import Cause, Roll
from alerts.sessions import Session, Sessions
from devices.observation import Subject

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
GATEWAY = "gateway"


class _Dump(msgspec.Struct):
    alerts: list[Alert]
    sessions: list[Session]
    inhibits: tuple[Inhibit, ...]


class Desk:
    """Alerts that are not over.

    ``shelf_most_ms`` and ``session_most_ms`` bound shelves and maintenance sessions; ``reopen_ms`` is after how long an
    alert that a person closed re-opens while its condition stands, where its rule has no time of its own; ``settle_ms``
    how long an alert stays muted after the one that muted it.
    """

    def __init__(
        self,
        *,
        shelf_most_ms: int = 24 * HOUR_MS,
        session_most_ms: int = 7 * 24 * HOUR_MS,
        reopen_ms: int = HOUR_MS,
        settle_ms: int = MINUTE_MS,
    ) -> None:
        self._roll = Roll(reopen_ms)
        self._sessions = Sessions()
        self._holds = Holds(self._roll, self._sessions.open, settle_ms)
        self._actions = Actions(self._roll, self._holds, self._sessions, shelf_most_ms, session_most_ms)

    @property
    def open(self) -> dict[str, Alert]:
        """All that are not closed, and closed ones while they may re-open, by id; to be read only."""
        return self._roll.open

    @property
    def sessions(self) -> dict[str, Session]:
        """Open maintenance sessions by device; to be read only."""
        return self._sessions.open

    @property
    def alarms(self) -> set[str]:
        """Names of the gateway's own alarms that stand."""
        return {alert.rule for alert in self._roll.near(GATEWAY) if alert.on}

    def take_sessions(self) -> list[Session]:
        """Rows of maintenance sessions that changed since the last time, to be written in place by their key."""
        return self._sessions.take()

    def use(self, inhibit: Sequence[Inhibit], now: int) -> list[Step]:
        """Take what mutes what from the routing policy; alerts that are muted or no longer muted by it are steps."""
        if self._holds.inhibition.entries == (*DEFAULTS, *inhibit):
            return []
        self._holds.inhibition.use(inhibit)
        for alert in tuple(self.open.values()):
            if alert.state != State.CLOSED:
                self._holds.settle(alert, Cause("time", now, now), Reason.CAUSE_OVER)
        return self._roll.take()

    def changed(self, change: Change, offset: int, mint: Callable[[], str]) -> list[Step]:
        """Take one turn of one condition, decided for record ``offset``; ``mint`` gives the id of a new alert."""
        alert = self._roll.find(change.identity)
        cause = Cause(f"rule:{change.pack}/{change.rule}", change.at, change.ts)
        if change.on:
            self._on(alert, change, cause, offset, mint)
        elif alert is not None and alert.on:
            self._off(alert, change, cause)
        return self._roll.take()

    def alarm(  # noqa: PLR0917 - the contract with gateway.decide
        self, name: str, on: bool | None, severity: str, at: int, offset: int, mint: Callable[[], str],
        *, tell: bool = True,
    ) -> list[Step]:  # fmt: skip
        """Take an alarm of the gateway itself: ``on`` True or False, None for something that happened once."""
        subject = Subject(f"gateway/{name}", device=GATEWAY)
        turn = Change(
            on=on is not False, rule=name, pack=GATEWAY, digest="", severity=severity, kind=GATEWAY, subject=subject,
            value=None, limit_value=None, since=at, ts=at, at=at, tell=tell,
            reason=Reason.GATEWAY_WELL if on is False else Reason.GATEWAY_ALARM,
        )  # fmt: skip
        steps = self.changed(turn, offset, mint)
        if on is None:
            over = msgspec.structs.replace(turn, on=False, reason=Reason.GATEWAY_WELL.value)
            # Nobody is told that something that happened once is over.
            steps += [msgspec.structs.replace(step, tell=False) for step in self.changed(over, offset, mint)]
        return steps

    def rebind(self, subject: Subject, now: int) -> list[Step]:
        """The registry says something else of this subject's place: in service or not, notifies or not, unit, grid.

        To be called for the subjects of open alerts whose place changed.
        """
        cause = Cause("time", now, now)
        for alert in self._roll.of_device(subject.device):
            if alert.key == subject.key and alert.place == subject.place:
                self._rebind(alert, subject, cause)
        return self._roll.take()

    def act(self, command: str, args: dict[str, Any], by: str, at: int, offset: int) -> list[Step]:
        """Do what an operator says. Raises ActError; nothing is changed then."""
        self._actions.act(command, args, by, at, offset)
        return self._roll.take()

    @property
    def due(self) -> float:
        """Journal time at which ``tick`` does something next; inf = never."""
        return min(self._roll.due, self._sessions.due)

    def tick(self, now: int) -> list[Step]:
        """Do what time brings: ends of shelves and sessions, re-opening, forgetting of what is closed."""
        while self.due <= now:
            if self._sessions.due <= self._roll.due:
                session = self._sessions.next(now)
                assert session is not None
                self._actions.end_session(session.device, Cause("time", now, session.until))
                continue
            found = self._roll.next(now)
            assert found is not None
            when, alert = found
            if alert.state != State.CLOSED:
                self._held_long_enough(alert, Cause("time", now, when))
            elif alert.on:
                self._open_again(alert, Reason.STILL_STANDING, Cause("time", now, when))
            else:
                self._roll.forget(alert)
        return self._roll.take()

    def dump(self) -> bytes:
        """Everything that is held; equal states give equal bytes."""
        inhibits = self._holds.inhibition.entries[len(DEFAULTS) :]
        return msgspec.msgpack.encode(_Dump(list(self.open.values()), list(self.sessions.values()), inhibits))

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump`` into a desk that is new."""
        held = msgspec.msgpack.decode(state, type=_Dump)
        for session in held.sessions:
            self._sessions.load(session)
        for alert in held.alerts:
            self._roll.add(alert)
        self._holds.inhibition.entries = (*DEFAULTS, *held.inhibits)
        self._holds.load()

    def _on(
        self, alert: Alert | None, change: Change, cause: Cause, offset: int, mint: Callable[[], str]
    ) -> None:  # fmt: skip
        if alert is not None and alert.place != change.subject.place:
            if alert.state != State.CLOSED:
                event = Event.CLEARED if alert.on else Event.CLOSED
                alert.on = False
                self._holds.close(alert, event, Reason.MOVED, cause, for_good=True)
            self._roll.forget(alert)
            alert = None
        if alert is not None and not alert.on and alert.state == State.CLOSED:
            over = alert.closed_at + alert.reopen_ms <= change.at
            if over:
                self._roll.forget(alert)
                alert = None
        if alert is None:
            alert = _alert(change, mint(), offset)
            self._roll.add(alert)
            self._holds.stand(alert, change.reason, cause)
        elif not alert.on:
            _renew(alert, change)
            if alert.state == State.CLOSED:
                self._open_again(alert, Reason.RECURRED, cause)
            else:
                self._holds.stand(alert, change.reason, cause)

    def _rebind(self, alert: Alert, subject: Subject, cause: Cause) -> None:
        notified, alert.notify = alert.notify, alert.tells and subject.notify
        served, alert.service = alert.service, subject.service
        if alert.state == State.CLOSED and not alert.on:
            return
        before, unit = alert.state, alert.unit
        words = _take_place(alert, subject)
        if alert.state != State.CLOSED:
            if alert.service != served and (alert.on or alert.state in HELD):
                self._holds.settle(alert, cause, Reason.PLACE_IN_SERVICE)
            if alert.notify != notified or words:
                self._holds.look_again(alert, cause)
        # Who is called begins anew: for one that nobody was called for meanwhile, and for another unit.
        again = before == alert.state == State.ACTIVE and alert.notify
        if again and not notified:
            self._roll.move(alert, Event.FIRED, State.ACTIVE, Reason.PLACE_ACCEPTED, cause)
        elif again and alert.unit != unit:
            self._roll.move(alert, Event.FIRED, State.ACTIVE, Reason.PLACE_CHANGED, cause._replace(comment=words))
        elif words and alert.id in self.open:
            self._roll.note(alert, Event.COMMENTED, Reason.PLACE_CHANGED, cause._replace(comment=words), tell=False)

    def _held_long_enough(self, alert: Alert, cause: Cause) -> None:
        if alert.shelved_until and alert.shelved_until <= cause.at:
            alert.shelved_until, alert.one_shot = 0, False
            self._holds.settle(alert, cause, Reason.SHELF_OVER)
        elif alert.settle_at:
            alert.settle_at = 0
            self._holds.settle(alert, cause, Reason.CAUSE_OVER)
        if alert.state != State.CLOSED:
            self._roll.arm(alert)

    def _open_again(self, alert: Alert, reason: Reason, cause: Cause) -> None:
        alert.closed_at, alert.closed_by = 0, ""
        alert.fired_at, alert.cleared_at = cause.at, None
        self._holds.stand(alert, reason, cause)

    def _off(self, alert: Alert, change: Change, cause: Cause) -> None:
        alert.on = False
        alert.cleared_at, alert.value = change.at, change.value
        state, reason = State(alert.state), change.reason
        if reason in FINAL_REASONS:
            if state is State.CLOSED:
                self._roll.move(alert, Event.CLEARED, state, reason, cause, tell=False)
                self._roll.forget(alert)
            else:
                self._holds.close(alert, Event.CLEARED, reason, cause, for_good=True)
            return
        latched = latches(alert)
        if state is State.ACTIVE and not latched:
            self._roll.move(alert, Event.CLEARED, State.RETURNED, reason, cause)
        elif state is State.CLOSED:
            self._roll.move(alert, Event.CLEARED, state, reason, cause, tell=False)
            if alert.reopen_ms <= 0:
                self._roll.forget(alert)
            else:
                self._roll.arm(alert)
        elif state in {State.ACTIVE, State.ACKNOWLEDGED} or _ends_held(alert, state):
            if latched:
                self._holds.latch(alert, reason, cause)
            else:
                self._holds.close(alert, Event.CLEARED, reason, cause)
            return
        else:
            self._roll.move(alert, Event.CLEARED, state, reason, cause, tell=False)
        self._holds.sync(alert, cause)


def causes_first(changes: Sequence[Change]) -> list[Change]:
    """Changes of one record in an order in which nobody is told of an alert that another one of them mutes."""
    if len({change.identity for change in changes}) < len(changes):
        return list(changes)
    return sorted(changes, key=lambda one: (one.on, one.early_of != "", one.kind != "silent", -RANK[one.severity]))


def _ends_held(alert: Alert, state: State) -> bool:
    """Whether the end of the condition ends a held alert: shelved until then, place out of service, settling."""
    return (
        (state is State.SHELVED and alert.one_shot)
        or (state is State.OUT_OF_SERVICE and not alert.out_by)
        or (state is State.SUPPRESSED and alert.settle_at > 0)
    )


def _alert(change: Change, name: str, offset: int) -> Alert:
    subject = change.subject
    return Alert(
        id=name, rule=change.rule, pack=change.pack, severity=change.severity, state=State.PENDING.value,
        unit=subject.unit, place=subject.place, device=subject.device, point=subject.point,
        parameter=subject.parameter, value=change.value, limit_value=change.limit_value,
        parameter_unit=subject.parameter_unit, since=change.since, fired_at=change.at, cleared_at=None,
        acknowledged_by=None, reason=change.reason, offset=offset, grid=subject.grid, pack_digest=change.digest,
        key=subject.key, kind=change.kind, notify=subject.notify and change.tell, latching=change.latching,
        early_of=change.early_of, reopen_ms=change.reopen_ms, service=subject.service, tells=change.tell,
        place_kind=subject.place_kind, side=side_of(change.value, change.limit_value),
    )  # fmt: skip


def _take_place(alert: Alert, subject: Subject) -> str:
    """Take unit, grid and kind of the place; what changed, for the history."""
    changed = []
    for name in ("unit", "grid", "place_kind"):
        old, new = getattr(alert, name), getattr(subject, name)
        if new != old:
            setattr(alert, name, new)
            changed.append(f"{name}: {old or '-'} > {new or '-'}")
    return ", ".join(changed)


def _renew(alert: Alert, change: Change) -> None:
    """The same condition again, maybe under a newer version of its rule."""
    subject = change.subject
    alert.severity, alert.pack_digest, alert.kind = change.severity, change.digest, change.kind
    alert.unit, alert.grid, alert.place_kind = subject.unit, subject.grid, subject.place_kind
    alert.value, alert.limit_value, alert.since = change.value, change.limit_value, change.since
    alert.side, alert.fired_at, alert.cleared_at = side_of(change.value, change.limit_value), change.at, None
    alert.latching, alert.early_of, alert.reopen_ms = change.latching, change.early_of, change.reopen_ms
    alert.tells, alert.notify, alert.service = change.tell, subject.notify and change.tell, subject.service
