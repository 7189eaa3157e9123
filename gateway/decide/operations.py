"""Commands about alerts, maintenance sessions and channels, as COMMAND records carry them (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.arguments import TEST_CHANNEL, ActError, Bounds, faults_of, person_id
from alerts.arguments import shown as quoted
from alerts.route import Message
from custody.ledger.origin import REOPEN, origin_body, origin_faults
from devices.registry import Registry
from gateway.decide.alerting import Cause
from gateway.decide.outputs import Outputs
from gateway.decide.rows import shown

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

#: A credential of an account at the broker is in force from now on, or no longer; ``args`` are account and version,
#: the device where the account is one's, and the serial of a certificate. Digests stand in no record.
ISSUE = "credentials.issue"
REVOKE = "credentials.revoke"

#: The commands that decide judges with all that it knows; docs/http.md lists their arguments.
OPERATIONS = (
    "alerts.ack",
    "alerts.close",
    "alerts.shelve",
    "alerts.unshelve",
    "alerts.comment",
    "alerts.assign",
    "alerts.out_of_service",
    "alerts.in_service",
    TEST_CHANNEL,
    "maintenance.open",
    "maintenance.close",
    REOPEN,
    ISSUE,
    REVOKE,
)
#: A test of a channel is given up after seconds: whoever asked for it waits.
TEST_S = 60
#: A link that was used is remembered for so long; none is valid for longer.
LINK_MS = 48 * 3_600_000

Link = tuple[int, int]


def refusals(name: str, args: dict[str, Any], registry: Registry, bounds: tuple[int, int]) -> list[str]:
    """All that is wrong with the arguments of a command whatever alerts there are, and people that nobody registered.

    Where no people are registered at all, ``by`` may be any id. Whom a link of a message names was a person when the
    message went out.
    """
    if name == REOPEN:
        return origin_faults(args)
    if name in {ISSUE, REVOKE}:
        return _credential_faults(args, registry)
    faults = faults_of(name, args, Bounds(*bounds))
    asked = {"to": args.get("to")} if name == "alerts.assign" else {}
    if args.get("link") is None and registry.ids("people"):
        asked["by"] = args.get("by")
    for field, written in asked.items():
        person = person_id(written)
        if person is not None and not registry.knows("people", person):
            faults.append(f"{field}: {person!r} is no person of the registry; allowed: an id of people")
    return faults


def _credential_faults(args: dict[str, Any], registry: Registry) -> list[str]:
    account, version, device = args.get("account"), args.get("version"), args.get("device")
    faults = []
    if not isinstance(account, str) or not 0 < len(account) <= 80:
        faults.append("account: allowed is the id of a device, or source-ID")
    if type(version) is not int or not 0 < version < 2**53:
        faults.append("version: allowed is a whole number from 1")
    if device is not None and (device != account or not registry.knows("devices", account)):
        faults.append(f"device: {quoted(device)!r} is not in the registry, or not the account")
    return faults


class Operations:
    """Carries out COMMAND records for a ``Fold``; remembers which acknowledge links were used (row of the outbox)."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.links: dict[Link, int] = {}

    def decide(self, name: str, args: dict[str, Any], by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        """The answer to one command: ``status`` and what it changed, or ``reason``."""
        wrong = refusals(name, args, self._fold.registry, self._fold.alerting.bounds)
        if wrong:
            return {"status": 422, "reason": "; ".join(wrong)}
        try:
            by = by if ":" in by else f"account:{by}"
            own = {TEST_CHANNEL: self._test_channel, REOPEN: self._reopen, ISSUE: self._said, REVOKE: self._said}
            do = own.get(name, self._desk)
            return {"status": 200, **do(name, args, by, cause, out)}
        except ActError as error:
            return {"status": error.status, "reason": str(error)}

    def _desk(self, name: str, args: dict[str, Any], by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        fold = self._fold
        link = self._link(args, cause)
        self._known(name, args, cause)
        steps = fold.alerting.act(name, args, by, cause, out)
        if link is not None:
            self.links[link] = cause.time
            out.links.append({"offset": link[0], "n": link[1], "used_by": cause.offset})
        if name.startswith("maintenance."):
            return {"device": args["device"], "session": out.sessions[-1] if out.sessions else None}
        # Others may have moved with it: what it explains, or what explains it.
        own = [step.alert for step in steps if step.alert.id == args["id"]]
        alert = own[-1] if own else fold.alerting.desk.open[args["id"]]
        more = {"assigned_to": alert.assigned_to, "shelved_until": alert.shelved_until or None}
        return {"alert": shown(alert) | more}

    def _link(self, args: dict[str, Any], cause: Cause) -> Link | None:
        """The link that a person acknowledges by; each works once."""
        written = args.get("link")
        if written is None:
            return None
        link = (written[0], written[1])
        for old in [one for one, at in self.links.items() if cause.time - at > LINK_MS]:
            del self.links[old]
        if link in self.links:
            raise ActError(409, "this link was used already")
        return link

    def _known(self, name: str, args: dict[str, Any], cause: Cause) -> None:
        """Work is done on a device of the registry."""
        if name == "maintenance.open" and self._fold.registry.get("devices", args["device"], cause.time) is None:
            raise ActError(404, f"device: {quoted(args['device'])!r} is not in the registry")

    def _reopen(self, _name: str, args: dict[str, Any], _by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        """The ledger goes on under another name, from an entry that cites its last signed head."""
        ledger = self._fold.ledger
        body = origin_body(args, ledger.size, ledger.root())
        return {
            "origin": args["origin"],
            "entry": ledger.append("origin", ["ledger"], body, cause.offset, cause.time, out),
        }

    def _said(self, _name: str, args: dict[str, Any], _by: str, _cause: Cause, _out: Outputs) -> dict[str, Any]:
        """The ledger entry of the command is all: nothing is decided by credentials."""
        return {"account": args["account"], "version": args["version"]}

    def _test_channel(self, _name: str, args: dict[str, Any], _by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        """A test notice through one channel, as any other notice goes out."""
        alerting = self._fold.alerting
        channel, person = args["channel"], args.get("person") or ""
        if channel not in alerting.channels:
            known = ", ".join(alerting.channels) or "none is configured"
            raise ActError(422, f"channel: {quoted(channel)!r}; allowed: {known}")
        personal = alerting.channels[channel].personal
        if personal and not self._fold.registry.knows("people", person):
            words = f"person: {person!r} is no person of the registry; {channel} sends to persons: name one"
            raise ActError(422, words)
        n = alerting.send(Message(channel, person if personal else "", "test", (), max_age_s=TEST_S), cause, out)
        return {"offset_of_notice": cause.offset, "n": n}
