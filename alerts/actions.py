"""What operators do to alerts and devices: commands, their arguments, and the answers to wrong ones (pure)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from alerts.alert import Alert
from alerts.holds import Holds
from alerts.lifecycle import CLOSE_REASONS, HELD, Event, Reason, State
from alerts.roll import Cause, Roll
from alerts.sessions import Session, Sessions, Work

MINUTE_MS = 60_000
MOST_COMMENT = 2000
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: For each command: what it must be given, and what it may. ``link`` names the message whose link was used; taken by
#: all and looked at by none.
_ABOUT = frozenset({"comment", "by", "file"})
_COMMANDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "alerts.ack": (frozenset({"id"}), _ABOUT),
    "alerts.close": (frozenset({"id", "reason"}), _ABOUT),
    "alerts.shelve": (frozenset({"id"}), _ABOUT | {"for_ms", "one_shot"}),
    "alerts.unshelve": (frozenset({"id"}), _ABOUT),
    "alerts.comment": (frozenset({"id", "comment"}), _ABOUT),
    "alerts.assign": (frozenset({"id", "to"}), _ABOUT),
    "alerts.out_of_service": (frozenset({"id", "comment"}), _ABOUT),
    "alerts.in_service": (frozenset({"id"}), _ABOUT),
    "maintenance.open": (frozenset({"device", "kind", "for_ms"}), frozenset({"comment", "by"})),
    "maintenance.close": (frozenset({"device"}), frozenset({"comment", "by"})),
}
COMMANDS = tuple(_COMMANDS)
_TYPES: dict[str, type] = {"for_ms": int, "one_shot": bool}


class ActError(Exception):
    """A command that is not done: ``status`` 409 (not now), 422 (wrong arguments) or 404 (unknown alert)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Args(msgspec.Struct, frozen=True):
    """The arguments of a command; what was not given is empty."""

    id: str = ""
    reason: str = ""
    comment: str = ""
    by: str = ""
    for_ms: int = 0
    one_shot: bool = False
    to: str = ""
    file: str = ""
    device: str = ""
    kind: str = ""


class Actions:
    """Does commands on alerts and sessions; see ``Desk`` for the bounds."""

    def __init__(
        self, roll: Roll, holds: Holds, sessions: Sessions, shelf_most_ms: int, session_most_ms: int
    ) -> None:  # fmt: skip
        self._roll = roll
        self._holds = holds
        self._sessions = sessions
        self._shelf_most_ms = shelf_most_ms
        self._session_most_ms = session_most_ms
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
        args = self._args(command, raw)
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

    def _args(self, command: str, raw: dict[str, Any]) -> Args:
        if command not in _COMMANDS:
            raise ActError(422, f"command: {command} is not known; allowed: {', '.join(_COMMANDS)}")
        required, allowed = _COMMANDS[command]
        given = {name: value for name, value in raw.items() if value is not None and (value != "" or name == "to")}
        given.pop("link", None)
        faults = [f"{name}: not taken by {command}" for name in given if name not in required | allowed]
        faults += [f"{name}: missing" for name in sorted(required - given.keys())]
        well = {name: value for name, value in given.items() if _typed(name, value)}
        for name in sorted((given.keys() - well.keys()) & (required | allowed)):
            wanted = _TYPES.get(name)
            faults.append(f"{name}: {given[name]!r} is not {'a text' if wanted is None else wanted.__name__}")
        faults += self._faults(command, well, given)
        if faults:
            raise ActError(422, "; ".join(faults))
        return Args(**well)

    def _faults(self, command: str, well: dict[str, Any], given: dict[str, Any]) -> list[str]:
        """Faults of the arguments that have the right type; ``given`` are all."""
        faults = []
        reason, comment, file = well.get("reason"), well.get("comment", ""), well.get("file")
        if reason is not None and reason not in CLOSE_REASONS:
            faults.append(f"reason: {reason} is not known; allowed: {', '.join(CLOSE_REASONS)}")
        if reason == Reason.OTHER and not comment.strip():
            faults.append("comment: missing; the reason other needs one")
        if len(comment) > MOST_COMMENT:
            faults.append(f"comment: {len(comment)} characters; at most {MOST_COMMENT}")
        if file is not None and not _SHA256.fullmatch(file):
            faults.append("file: not a SHA-256 of 64 hexadecimal digits in small letters")
        if command == "alerts.shelve" and "for_ms" not in given and not given.get("one_shot"):
            faults.append("for_ms: missing; or one_shot: true, until the condition is over")
        if "for_ms" in well:
            session = command == "maintenance.open"
            least, most = (MINUTE_MS, self._session_most_ms) if session else (1, self._shelf_most_ms)
            if not least <= well["for_ms"] <= most:
                faults.append(f"for_ms: {well['for_ms']}; allowed: {least} to {most}")
        if "kind" in well and well["kind"] not in set(Work):
            faults.append(f"kind: {well['kind']} is not known; allowed: {', '.join(Work)}")
        if well.get("device") == "gateway":
            faults.append("device: gateway is not a device")
        return faults

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
        alert.shelved_until = cause.at + (args.for_ms or self._shelf_most_ms)
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


def _typed(name: str, value: object) -> bool:
    wanted = _TYPES.get(name)
    known = name in Args.__struct_fields__
    return known and (isinstance(value, str) if wanted is None else type(value) is wanted)


def person(name: str) -> str:
    """A person as steps name one."""
    return name if name.startswith("person:") else f"person:{name}"


def _allow(alert: Alert, words: str, *states: State) -> None:
    if alert.state not in states:
        raise ActError(409, f"alert {alert.id} is {alert.state} and cannot be {words}; allowed in: {', '.join(states)}")


def _not_closed(alert: Alert) -> None:
    if alert.state == State.CLOSED:
        raise ActError(409, f"alert {alert.id} is closed: already closed by {alert.closed_by}; allowed: comment")
