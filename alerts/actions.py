"""What operators do to alerts and devices: commands, and the answers to what is not possible (pure)."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.alert import Alert
from alerts.arguments import COMMANDS, ActError, Args, Bounds, read
from alerts.holds import Holds
from alerts.lifecycle import HELD, Event, Reason, State
from alerts.roll import Cause, Roll
from alerts.sessions import Session, Sessions

__all__ = ["COMMANDS", "ActError", "Actions", "person"]


class Actions:
    """Does commands on alerts and sessions; see ``Desk`` for the bounds."""

    def __init__(
        self, roll: Roll, holds: Holds, sessions: Sessions, shelf_most_ms: int, session_most_ms: int
    ) -> None:  # fmt: skip
        self._roll = roll
        self._holds = holds
        self._sessions = sessions
        self._bounds = Bounds(shelf_most_ms, session_most_ms)
        self._alert_actions = {
            "alerts.ack": self._ack,
            "alerts.close": self._close,
            "alerts.shelve": self._shelve,
            "alerts.unshelve": self._unshelve,
            "alerts.comment": self._comment,
            "alerts.assign": self._assign,
            "alerts.out_of_service": self._out_of_service,
            "alerts.in_service": self._in_service,
        }

    def act(self, command: str, raw: dict[str, Any], by: str, at: int, offset: int) -> None:
        """Do one command. Raises ActError before anything is changed."""
        args = read(command, raw, self._bounds)
        who = person(args.by) if args.by else by
        cause = Cause(who, at, at, args.comment, args.file)
        if command == "maintenance.open":
            self._open_session(args, cause, offset)
        elif command == "maintenance.close":
            if args.device not in self._sessions.open:
                raise ActError(409, f"no maintenance session is open for device {args.device}")
            self.end_session(args.device, cause)
        else:
            alert = self._roll.open.get(args.id)
            if alert is None:
                raise ActError(404, f"alert {args.id} is not known, or closed too long ago to be changed")
            self._alert_actions[command](alert, args, cause)

    def end_session(self, device: str, cause: Cause) -> None:
        """Close the session of a device, and let its alerts be what their conditions say."""
        self._sessions.end(device, cause.at, cause.by)
        for alert in self._roll.of_device(device):
            if alert.state == State.SUPPRESSED:
                self._holds.settle(alert, cause, Reason.MAINTENANCE_OVER)

    def _ack(self, alert: Alert, _: Args, cause: Cause) -> None:
        if alert.acknowledged_by == cause.by:
            return
        _not_closed(alert)
        if alert.acknowledged_by is not None:
            raise ActError(409, f"alert {alert.id} is {alert.state}: already acknowledged by {alert.acknowledged_by}")
        alert.acknowledged_by, alert.acknowledged_at = cause.by, cause.at
        if alert.state == State.RETURNED:
            self._holds.close(alert, Event.ACKNOWLEDGED, Reason.SEEN, cause)
        elif alert.state == State.ACTIVE:
            self._roll.move(alert, Event.ACKNOWLEDGED, State.ACKNOWLEDGED, Reason.SEEN, cause)
        else:
            if alert.state in HELD and alert.kept != State.LATCHED:
                alert.kept = State.ACKNOWLEDGED.value
            self._roll.note(alert, Event.ACKNOWLEDGED, Reason.SEEN, cause, tell=alert.told)
            # Somebody knows of it now: it may explain others.
            self._holds.sync(alert, cause)

    def _close(self, alert: Alert, args: Args, cause: Cause) -> None:
        if alert.closed_by == cause.by:
            return
        _not_closed(alert)
        self._holds.close(alert, Event.CLOSED, args.reason, cause)

    def _shelve(self, alert: Alert, args: Args, cause: Cause) -> None:
        _allow(alert, "shelved", State.ACTIVE, State.ACKNOWLEDGED, State.RETURNED, State.SHELVED)
        if args.one_shot and not alert.on:
            words = f"alert {alert.id} is {alert.state}: it is over already; allowed: for_ms in place of one_shot"
            raise ActError(409, words)
        alert.shelved_until = cause.at + (args.for_ms or self._bounds.shelf_most_ms)
        alert.one_shot = args.one_shot
        self._roll.arm(alert)
        if alert.state == State.SHELVED:
            reason = Reason.SHELVED_ONCE if alert.one_shot else Reason.SHELVED_FOR_TIME
            self._roll.note(alert, Event.SHELVED, reason, cause, tell=False)
        else:
            self._holds.settle(alert, cause, Reason.BY_HAND)

    def _unshelve(self, alert: Alert, _: Args, cause: Cause) -> None:
        _allow(alert, "unshelved", State.SHELVED)
        alert.shelved_until, alert.one_shot = 0, False
        self._holds.settle(alert, cause, Reason.BY_HAND)

    def _comment(self, alert: Alert, _: Args, cause: Cause) -> None:
        self._roll.note(alert, Event.COMMENTED, Reason.REMARK, cause, tell=False)

    def _assign(self, alert: Alert, args: Args, cause: Cause) -> None:
        _not_closed(alert)
        to = args.to or None
        if alert.assigned_to == to:
            return
        alert.assigned_to = to
        self._roll.note(alert, Event.ASSIGNED, Reason.HANDED_OVER, cause, tell=True)

    def _out_of_service(self, alert: Alert, _: Args, cause: Cause) -> None:
        if alert.out_by == cause.by:
            return
        _not_closed(alert)
        if alert.out_by:
            words = f"alert {alert.id} is out_of_service: already by {alert.out_by}; allowed: in_service"
            raise ActError(409, words)
        alert.out_by = cause.by
        self._holds.settle(alert, cause, Reason.BY_HAND)

    def _in_service(self, alert: Alert, _: Args, cause: Cause) -> None:
        _allow(alert, "taken into service", State.OUT_OF_SERVICE)
        if not alert.out_by:
            words = f"because its place {alert.place} is; allowed: when the registry says in service"
            raise ActError(409, f"alert {alert.id} is out_of_service {words}")
        alert.out_by = ""
        self._holds.settle(alert, cause, Reason.BY_HAND)

    def _open_session(self, args: Args, cause: Cause, offset: int) -> None:
        known, until = self._sessions.open.get(args.device), cause.at + args.for_ms
        if known is not None:
            if known.kind != args.kind:
                words = f"allowed: maintenance.close first, or {known.kind} again"
                raise ActError(409, f"device {args.device} is under {known.kind} by {known.opened_by}; {words}")
            self._sessions.put(msgspec.structs.replace(known, until=max(known.until, until)))
            return
        self._sessions.put(
            Session(args.device, offset, args.kind, cause.at, until, cause.by, args.comment),
        )
        for alert in self._roll.of_device(args.device):
            if alert.on and alert.state != State.CLOSED:
                self._holds.settle(alert, cause, Reason.MAINTENANCE_OVER)


def person(name: str) -> str:
    """A person as steps name one."""
    return name if name.startswith("person:") else f"person:{name}"


def _allow(alert: Alert, words: str, *states: State) -> None:
    if alert.state not in states:
        raise ActError(409, f"alert {alert.id} is {alert.state} and cannot be {words}; allowed in: {', '.join(states)}")


def _not_closed(alert: Alert) -> None:
    if alert.state == State.CLOSED:
        raise ActError(409, f"alert {alert.id} is closed: already closed by {alert.closed_by}; allowed: comment")
