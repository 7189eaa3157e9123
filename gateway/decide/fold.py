"""The fold: one record after the other changes what is known and adds to the outputs (pure, no input or output).

What it may ask of the outside comes as ``Lookup``: rows of earlier records that the same transaction order already
fixed, so a replay asks the same questions and gets the same answers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from alerts.change import Change as AlertChange
from alerts.evaluate import Evaluation
from alerts.rules import Pack, parse_pack
from devices.observation import Observation
from devices.reading import Row
from devices.registry import Change, Registry
from devices.series import Series
from gateway.decide.alerting import Alerting, Standing
from gateway.decide.messages import Messages
from gateway.decide.mint import Mint
from gateway.decide.outputs import Outputs
from gateway.decide.routes import Route, Routes
from gateway.journal.record import Kind, Message, Record, digest_of, parse_json, parse_message
from gateway.store.base import Tags

#: Timers are looked at no more often than this in journal time.
TICK_MS = 1000
COUNTERS = (
    "journaled",
    "qos0",
    "accepted",
    "parked",
    "repeated",
    "points_rejected",
    "points_conflict",
    "custody_events",
    "alerts_fired",
    "alerts_cleared",
    "notifications_sent",
    "notifications_dead",
)


class Parked(msgspec.Struct):
    """A parked message as a redrive finds it again, with its bytes."""

    offset: int
    topic: bytes
    received_at: int
    payload: bytes
    qos: int
    reason: str


class Lookup(Protocol):
    """What earlier records of the same journal left behind."""

    def event(self, terminal: str, event_id: str, before: int) -> tuple[int, str] | None:
        """(offset, digest) of the custody event with this identity, decided before ``before``; None = unknown."""
        ...

    def parked(self, wanted: dict[str, Any], before: int) -> list[Parked]:
        """Messages parked before ``before`` that a redrive names: {"offsets": [...]}, {"reason": R}, {"all": True}."""
        ...


class Fold:
    """All that decisions rest on. ``step`` is called for every record, in order, by one thread."""

    def __init__(self, key: bytes, root: str) -> None:
        self.registry = Registry(root)
        self.series = Series()
        self.evaluation = Evaluation([])
        self.pack_texts: dict[str, str] = {}
        self.standing = Standing()
        self.alerting = Alerting()
        self.routes = Routes(self.registry)
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.states: dict[str, str] = {}
        #: When a device last sent telemetry, journal time; for the live page.
        self.heard: dict[str, int] = {}
        self.caught_up = False
        self.time = 0
        #: The record that is being decided; what a redrive decides is keyed by the redrive's offset.
        self.offset = -1
        self.mint = Mint(key)
        self.messages = Messages(self)
        self.next_tick = 0
        # Bounds within which a normal value changes nothing; an empty interval sends the value the long way.
        self.low = array("d")
        self.high = array("d")
        self._deciders: dict[int, Callable[[Record, dict[str, Any], Lookup, Outputs], None]] = {
            Kind.REGISTRY: self._registry,
            Kind.REDRIVE: self.messages.redrive,
            Kind.DELIVERY: self._delivery,
            Kind.START: self._start,
            Kind.SESSION_LOST: self._session_lost,
            Kind.CAUGHT_UP: self._caught_up,
            Kind.CLOCK_STEP: self._clock_step,
            Kind.ALARM: self._alarm,
        }

    def step(self, record: Record, lookup: Lookup, out: Outputs) -> None:
        """Decide one record."""
        self.time = record.time
        self.offset = record.offset
        if record.time >= self.next_tick:
            self._tick(record, out)
        if record.kind == Kind.MESSAGE:
            self.messages.decide(record, parse_message(record.body), lookup, out)
            return
        self.mint.begin(record.offset)
        body = parse_json(record.body)
        decide = self._deciders.get(record.kind)
        if decide is not None:
            decide(record, body, lookup, out)

    def evaluate(self, route: Route, row: Row, place: int, message: Message, out: Outputs) -> None:
        """Hand one live value to the rules and remember how quiet the channel may be from now on."""
        index, value = row.channels[place], row.values[place]
        flag = "N" if row.flags is None else row.flags[place]
        subject = route.subject(index, row.parameters[place], row.point)
        judged = value
        if row.qualifiers is not None and row.qualifiers[place]:
            # "<0.05" lies below 0.05 and must not meet a minimum of 0.05; ">2" likewise on the other side.
            judged = math.nextafter(value, -math.inf if row.qualifiers[place] == "<" else math.inf)
        self.mint.begin(self.offset)
        observation = Observation(subject, judged, row.ts, self.time, flag)
        for change in self.evaluation.observe(observation):
            copy = digest_of(message).hex()
            out.copies[copy] = message.payload
            shown = msgspec.structs.replace(change, value=value) if change.value == judged else change
            self._changed(shown, route.tags, copy, out)
        low, high = self.low, self.high
        while len(low) <= index:
            low.append(math.inf)
            high.append(-math.inf)
        if subject.key in self.evaluation.watched:
            low[index], high[index] = math.inf, -math.inf
        else:
            low[index], high[index] = self.evaluation.band(subject)

    def device_of(self, topic: bytes) -> str:
        """The device that a topic names, for a message that nobody decoded; empty where it names none."""
        address = self.registry.resolve(topic.decode("utf-8", "replace"))
        return (address.device or "") if address is not None else ""

    def alarm(self, name: str, on: bool | None, record: Record, out: Outputs, *, tell: bool = True) -> None:
        """Raise, clear or note an alarm of the gateway itself."""
        fired = len(out.transitions)
        self.mint.begin(record.offset)
        self.alerting.alarm(name, on, record.time, record.offset, self.mint, self.standing, out, tell=tell)
        self._count(out, fired)

    def load_packs(self, texts: dict[str, str]) -> None:
        """Take the rule packs from their texts, as a START record carries them."""
        packs: list[Pack] = [parse_pack(text, name) for name, text in texts.items()]
        self.pack_texts = dict(texts)
        state = self.evaluation.dump()
        self.evaluation = Evaluation(packs)
        self.evaluation.load(state)
        self.standing.packs = {pack.id: pack.digest for pack in packs}
        self.forget_bands()

    def forget_bands(self) -> None:
        """Every channel goes the long way once: rules or registry changed."""
        self.low = array("d", [math.inf]) * len(self.low)
        self.high = array("d", [-math.inf]) * len(self.high)

    def _tick(self, record: Record, out: Outputs) -> None:
        self.next_tick = record.time + TICK_MS
        if not self.evaluation.watched:
            return
        self.mint.begin(record.offset)
        for change in self.evaluation.tick(record.time):
            subject = change.subject
            tags = self.routes.tags(subject.device, record.time)
            self._changed(change, tags, None, out)

    def _changed(self, change: AlertChange, tags: Tags, copy: str | None, out: Outputs) -> None:
        fired = len(out.transitions)
        self.alerting.change(change, self.offset, self.mint, self.standing, tags, copy, out)
        self._count(out, fired)

    def _count(self, out: Outputs, first: int) -> None:
        for row in out.transitions[first:]:
            name = f"alerts_{row['event']}"
            if name in self.counters:
                self.counters[name] += 1

    def _registry(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        changes = [Change(one["kind"], one["id"], one["body"]) for one in body["changes"]]
        self.registry.apply(changes, record.offset)
        self.standing.registry_version = record.offset
        self.routes.clear()
        self.forget_bands()
        self._rebind(record, out)
        for change in changes:
            raw = None if change.body is None else json_bytes(change.body)
            out.registry.append({"kind": change.kind, "id": change.id, "offset": record.offset, "body": raw})
        out.filters_changed = True
        out.answers.append(answer(record.offset, 200, {"changed": len(changes)}))

    def _rebind(self, record: Record, out: Outputs) -> None:
        """Alerts of channels that moved or are gone from the registry are over."""
        for key in sorted(self.evaluation.watched):
            device, point, parameter = key.split("/", 2)
            if self.registry.get("devices", device, record.time) is None:
                changes = self.evaluation.forget(key, record.time)
            else:
                index = self.series.index(device, point, parameter)
                subject = self.registry.subject(device, point, parameter, index, record.time)
                changes = self.evaluation.rebind(subject, record.time)
            for change in changes:
                self._changed(change, self.routes.tags(device, record.time), None, out)

    def _delivery(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        offset, n = body["for"]
        outcome = str(body["outcome"])
        self.counters["notifications_sent" if outcome == "delivered" else "notifications_dead"] += 1
        out.settled.append({"offset": offset, "n": n, "state_now": outcome, "settled_by": record.offset})
        if outcome != "delivered":
            # Shown, not sent: what could not be delivered would come back to the same receiver for ever.
            self.alarm("notification_lost", None, record, out, tell=False)

    def _start(self, _record: Record, body: dict[str, Any], _: Lookup, _out: Outputs) -> None:
        self.caught_up = False
        self.standing.version = body["version"]
        self.standing.channels = list(body.get("channels", []))
        if "packs" in body:
            self.load_packs(body["packs"])

    def _session_lost(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.caught_up = False
        self.alarm(ALARMS.get(str(body.get("reason")), "session_lost"), None, record, out)

    def _caught_up(self, _record: Record, _body: dict[str, Any], _: Lookup, _out: Outputs) -> None:
        self.caught_up = True

    def _clock_step(self, record: Record, _body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.alarm("clock_step", None, record, out)

    def _alarm(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.alarm(str(body["alarm"]), {"on": True, "off": False}.get(str(body.get("state"))), record, out)


#: What an alarm is called by the reason of a SESSION_LOST record.
ALARMS = {"expired": "session_lost", "taken_over": "session_taken_over", "dropped": "broker_dropped"}


def json_bytes(body: dict[str, Any]) -> bytes:
    """JSON of a registry entry as it is kept."""
    return msgspec.json.encode(body)


def answer(offset: int, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """The row that answers the command at ``offset``."""
    return {"offset": offset, "body": json_bytes({"status": status, **body}).decode()}
