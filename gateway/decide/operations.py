"""Commands about alerts, maintenance sessions and channels, as COMMAND records carry them (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.actions import ActError
from alerts.route import Message
from gateway.decide.alerting import Cause
from gateway.decide.outputs import Outputs
from gateway.decide.rows import shown

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

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
    "alerts.test-channel",
    "maintenance.open",
    "maintenance.close",
)
#: A test of a channel is given up after seconds: whoever asked for it waits.
TEST_S = 60
#: A link that was used is remembered for so long; none is valid for longer.
LINK_MS = 48 * 3_600_000

Link = tuple[int, int]


class Operations:
    """Carries out COMMAND records for a ``Fold``; remembers which acknowledge links were used (row of the outbox)."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.links: dict[Link, int] = {}

    def decide(self, name: str, args: dict[str, Any], by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        """The answer to one command: ``status`` and what it changed, or ``reason``."""
        try:
            by = by if ":" in by else f"account:{by}"
            do = self._test_channel if name == "alerts.test-channel" else self._desk
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
        alert = steps[-1].alert if steps else fold.alerting.desk.open[args["id"]]
        more = {"assigned_to": alert.assigned_to, "shelved_until": alert.shelved_until or None}
        return {"alert": shown(alert) | more}

    def _link(self, args: dict[str, Any], cause: Cause) -> Link | None:
        """The link that a person acknowledges by; each works once."""
        written = args.get("link")
        if written is None:
            return None
        link = (int(written[0]), int(written[1]))
        for old in [one for one, at in self.links.items() if cause.time - at > LINK_MS]:
            del self.links[old]
        if link in self.links:
            raise ActError(409, "this link was used already")
        return link

    def _known(self, name: str, args: dict[str, Any], cause: Cause) -> None:
        """What a command names must be registered."""
        registry = self._fold.registry
        if name == "alerts.assign":
            person = args.get("to")
            if not isinstance(person, str) or (person and not registry.knows("people", person)):
                raise ActError(422, f"to: {str(person)[:60]!r} is no person of the registry; allowed: an id of people")
        if name == "maintenance.open":
            device = args.get("device")
            if not isinstance(device, str) or registry.get("devices", device, cause.time) is None:
                raise ActError(404, f"device: {str(device)[:60]!r} is not in the registry")

    def _test_channel(self, _name: str, args: dict[str, Any], _by: str, cause: Cause, out: Outputs) -> dict[str, Any]:
        """A test notice through one channel, as any other notice goes out."""
        alerting = self._fold.alerting
        channel, person = args.get("channel"), args.get("person") or ""
        if channel not in alerting.channels:
            known = ", ".join(alerting.channels) or "none is configured"
            raise ActError(422, f"channel: {str(channel)[:60]!r}; allowed: {known}")
        personal = alerting.channels[channel].personal
        if personal and not (isinstance(person, str) and self._fold.registry.knows("people", person)):
            words = f"person: {str(person)[:60]!r} is no person of the registry; {channel} sends to persons: name one"
            raise ActError(422, words)
        n = alerting.send(Message(channel, person if personal else "", "test", (), max_age_s=TEST_S), cause, out)
        return {"offset_of_notice": cause.offset, "n": n}
