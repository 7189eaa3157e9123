"""Stories of routing: what happens to alerts at which minute, and every message that goes out because of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerts.alert import Alert, Step
from alerts.policy import SHIPPED_POLICY, Policy, parse_policy
from alerts.route import ChannelInfo, Message, Router
from devices.registry import Change, Registry

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000
#: Wednesday, 12 November 2025, 10:00 in Shanghai.
START = int(dt.datetime(2025, 11, 12, 10, tzinfo=ZONE).timestamp()) * 1000

HOOK = ChannelInfo("hook", "webhook")
SMS = ChannelInfo("sms", "modem", personal=True)
MAIL = ChannelInfo("mail", "mail", personal=True)

#: Everybody of the usual order of call.
CITY: dict[str, list[dict[str, Any]]] = {
    "units": [{"id": "hosp", "kind": "hospital", "contacts": ["contact"]}],
    "places": [{"id": "hosp-1", "kind": "network", "unit": "hosp", "grid": "gulou/hunan-lu"}],
    "grid": [{"id": "gulou", "officers": ["district"]}, {"id": "hunan-lu", "officers": ["officer"]}],
    "people": [
        {"id": "contact", "role": "contact", "unit": "hosp"},
        {"id": "head", "role": "head", "unit": "hosp"},
        {"id": "officer", "role": "officer"},
        {"id": "district", "role": "officer"},
        {"id": "operator", "role": "operator"},
    ],
}
_EVENTS = {
    "fire": ("fired", "active"),
    "mute": ("fired", "suppressed"),
    "ack": ("acknowledged", "acknowledged"),
    "clear": ("cleared", "returned"),
    "close": ("closed", "closed"),
    "shelve": ("shelved", "shelved"),
    "unshelve": ("unshelved", "active"),
    "suppress": ("suppressed", "suppressed"),
    "unsuppress": ("unsuppressed", "active"),
    "assign": ("assigned", ""),
}


def registry_of(sections: dict[str, list[dict[str, Any]]]) -> Registry:
    """A registry with these entries."""
    registry = Registry()
    registry.apply((Change(kind, one["id"], one) for kind, many in sections.items() for one in many), 0)
    return registry


def policy_of(text: str = "") -> Policy:
    """The shipped policy, where ``text`` (YAML) names a key with that instead."""
    if not text:
        return parse_policy(SHIPPED_POLICY.read_text(encoding="utf-8"), "routing.yaml")
    head = "routing: story\nversion: '1'\n"
    steps = "" if "steps:" in text else "steps: [{to: unit_contact}, {to: unit_head, after: 15m}]\n"
    return parse_policy(head + steps + text, "story.yaml")


def alert_of(name: str, *, at: int = START, offset: int = 0, **more: Any) -> Alert:
    """An alert of the hospital that has just fired."""
    fields: dict[str, Any] = {
        "id": name, "rule": "chlorine-low", "pack": "gb5749-2022", "severity": "major", "state": "active",
        "unit": "hosp", "place": "hosp-1", "device": f"wq-{name}", "point": "-", "parameter": "chlorine_free",
        "value": 0.1, "limit_value": 0.3, "parameter_unit": "mg/L", "since": at, "fired_at": at, "cleared_at": None,
        "acknowledged_by": None, "reason": "bad_readings", "offset": offset, "grid": "gulou/hunan-lu",
        "place_kind": "network", "kind": "limit", "key": f"wq-{name}/-/chlorine_free",
    }  # fmt: skip
    return Alert(**{**fields, **more})


class Story:
    """Runs a router by the minute and writes down what it says, as ``MINUTE CHANNEL [PERSON] EVENT ALERT...``."""

    def __init__(
        self,
        policy: str = "",
        *,
        channels: Sequence[ChannelInfo] = (SMS,),
        registry: dict[str, list[dict[str, Any]]] | None = None,
        start: int = START,
        reload: bool = False,
    ) -> None:
        self.policy, self.channels, self.start = policy_of(policy), channels, start
        self.registry = registry_of(CITY if registry is None else registry)
        self.reload = reload
        self.router = self._new()
        self.now = start
        self.alerts: dict[str, Alert] = {}
        self.told: list[str] = []
        self.messages: list[Message] = []

    def _new(self) -> Router:
        router = Router()
        router.use(self.policy, self.channels, ZONE)
        return router

    def until(self, minute: float) -> None:
        """Let time pass, exactly as decide does: a tick whenever one is due."""
        end = self.start + round(minute * MINUTE)
        while self.router.due <= end:
            self.now = max(self.now, int(self.router.due))
            self.note(self.router.tick(self.now, self.alerts, self.registry))
            self._restart()
        self.now = end

    def do(self, what: str, **more: Any) -> None:
        """``fire A``, ``fire A severity=critical``, ``ack A``, ...; ``more`` are fields of the alert, and ``ts``."""
        verb, name, *words = what.split()
        more |= dict(word.split("=") for word in words)
        ts = more.pop("ts", self.now)
        event, state = _EVENTS[verb]
        known = self.alerts.get(name)
        before = known.state if known else ""
        if verb in {"fire", "mute"} and (known is None or known.state == "closed"):
            known = alert_of(name, at=self.now, offset=len(self.alerts), **more)
        assert known is not None
        if verb == "clear":
            more = {"on": False, "cleared_at": self.now, **more}
            state = "closed" if before == "acknowledged" else "returned"
        if verb == "ack" and before == "returned":
            state = "closed"
        live = self.alerts[name] = msgspec.structs.replace(known, **{"state": state or before, **more})
        step = Step(msgspec.structs.replace(live), event, before, live.state, "", "rule:r", self.now, ts)
        self.note(self.router.step(step, self.registry, self.now))
        if live.state == "closed":
            del self.alerts[name]
        self._restart()

    def fail(self, message: Message) -> None:
        """Delivery refused a message or gave it up."""
        self.note(self.router.failed(message, self.alerts, self.registry, self.now))

    def note(self, messages: Iterable[Message]) -> None:
        """Write down what goes out now."""
        for one in messages:
            self.messages.append(one)
            minute = f"{(self.now - self.start) / MINUTE:g}"
            about = " ".join(alert.id for alert in one.alerts)
            self.told.append(" ".join(filter(None, (minute, one.channel, one.person, one.event, about))))

    def _restart(self) -> None:
        if self.reload:
            raw = self.router.dump()
            self.router = self._new()
            self.router.load(raw)
            assert self.router.dump() == raw


def tell(actions: Sequence[tuple[float, str]], until: float, policy: str = "", **more: Any) -> list[str]:
    """All messages of a story; it is told twice, the second time with a restart after every call."""
    both = []
    for reload in (False, True):
        story = Story(policy, reload=reload, **more)
        for minute, what in actions:
            story.until(minute)
            story.do(what)
        story.until(until)
        both.append(story.told)
    assert both[0] == both[1], "a restart changed what is told"
    return both[0]
