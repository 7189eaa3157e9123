"""The fold: one record after the other changes what is known and adds to the outputs (pure, no input or output).

What it may ask of the outside comes as ``Lookup``: rows of earlier records that the same transaction order already
fixed, so a replay asks the same questions and gets the same answers.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from alerts.change import Change as Turn
from alerts.evaluate import Evaluation
from alerts.lifecycle import Event
from alerts.policy import Policy, parse_policy
from alerts.route import ChannelInfo
from alerts.rules import Pack, PackError, parse_pack
from custody.fact import Fact
from devices.registry import Change, Registry
from devices.series import Series
from gateway.decide.alerting import Alerting, Cause
from gateway.decide.chain import Chain
from gateway.decide.days import Days
from gateway.decide.entries import command_body, segment_body
from gateway.decide.ledger import Ledger
from gateway.decide.messages import Messages
from gateway.decide.mint import Mint
from gateway.decide.operations import ISSUE, REVOKE, Operations
from gateway.decide.outputs import Outputs
from gateway.decide.readings import Readings
from gateway.decide.routes import Route, Routes
from gateway.decide.watch import Watch
from gateway.journal.record import Kind, Message, Record, digest_of, parse_json, parse_message

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
    *(f"alerts_{event}" for event in Event),
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

    def facts(self, entity: str, since: int | None, until: int | None, before: int) -> list[Fact]:
        """The custody facts that name ``entity``, with ts in [since, until], that records before ``before`` brought."""
        ...

    def named(self, event_id: str, before: int) -> list[Fact]:
        """The custody facts with this event id, whichever terminals sent them."""
        ...

    def speaking(self, event_id: str, before: int) -> list[Fact]:
        """The custody facts whose ``of`` is this event id."""
        ...

    def head(self, entity: str, size: int) -> tuple[int, bytes] | None:
        """(number, leaf hash) of the newest ledger entry of ``entity`` among the first ``size`` entries."""
        ...

    def release(self) -> None:
        """What was asked so far is answered; a transaction comes."""
        ...

    def parked(self, wanted: dict[str, Any], before: int) -> list[Parked]:
        """Messages parked before ``before`` that a redrive names: {"offsets": [...]}, {"reason": R}, {"all": True}."""
        ...


class Fold:
    """All that decisions rest on. ``step`` is called for every record, in order, by one thread."""

    def __init__(self, key: bytes, root: str) -> None:
        self.registry = Registry(root)
        self.series = Series()
        self.watch = Watch(self)
        self.evaluation = Evaluation([], around=self.watch)
        self.pack_texts: dict[str, str] = {}
        self.routes = Routes(self.registry)
        self.mint = Mint(key)
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.ledger = Ledger()
        self.alerting = Alerting(self.registry, self.mint, self.routes.tags, self.counters, self.ledger)
        self.operations = Operations(self)
        self.routing = NO_ROUTING
        self.alerting.route(parse_policy(NO_ROUTING, "routing"), [], self.alerting.zone)
        self.states: dict[str, str] = {}
        #: When a device last sent telemetry, journal time; for the live page.
        self.heard: dict[str, int] = {}
        self.caught_up = False
        self.time = 0
        #: The record that is being decided; what a redrive decides is keyed by the redrive's offset.
        self.offset = -1
        self.days = Days(self)
        self.chain = Chain(self)
        self.messages = Messages(self)
        self.readings = Readings(self)
        self.next_tick = 0
        #: When a fault of our own was last an alarm.
        self.broken_at = -BROKEN_MS
        self._deciders: dict[int, Callable[[Record, dict[str, Any], Lookup, Outputs], None]] = {
            Kind.REGISTRY: self._registry,
            Kind.COMMAND: self._command,
            Kind.REDRIVE: self._redrive,
            Kind.DELIVERY: self._delivery,
            Kind.START: self._start,
            Kind.SESSION_LOST: self._session_lost,
            Kind.CAUGHT_UP: self._caught_up,
            Kind.CLOCK_STEP: self._clock_step,
            Kind.ALARM: self._alarm,
            Kind.SEGMENT: self._segment,
        }

    def step(self, record: Record, lookup: Lookup, out: Outputs) -> None:
        """Decide one record."""
        before, self.time = self.time, record.time
        self.offset = record.offset
        self.chain.begin(lookup, record.offset)
        self.ledger.head_of = lookup.head
        if record.kind in _DEAF or record.time - before > GAP_MS:
            self._deaf(record, again=record.kind not in _DEAF)
        if record.time >= self.next_tick:
            try:
                self._tick(record, out)
            except Exception as error:  # noqa: BLE001 - see _broken
                self._broken(error, record, out)
        if record.kind == Kind.MESSAGE:
            self.messages.decide(record, parse_message(record.body), lookup, out)
            return
        decide = self._deciders.get(record.kind)
        if decide is not None:
            self.mint.begin(record.offset)
            try:
                decide(record, parse_json(record.body), lookup, out)
            except Exception as error:  # noqa: BLE001 - see _broken
                self._broken(error, record, out)

    def _broken(self, error: Exception, record: Record, out: Outputs) -> None:
        """A fault of our own is named and passed over: the same record would stop decide again at each start."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        out.faults.append(f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}")
        if record.kind in _ANSWERED and record.offset not in {row["offset"] for row in out.answers}:
            words = f"the gateway could not decide it ({type(error).__name__}); please report this"
            out.answers.append(answer(record.offset, 500, {"reason": words}))
        if record.time >= self.broken_at + BROKEN_MS:
            self.broken_at = record.time
            with suppress(Exception):
                self.alarm("decide_error", None, record, out)

    def caused(self, turns: Sequence[Turn], route: Route, message: Message, out: Outputs) -> None:
        """Conditions turned by a message, whose bytes are kept with the alerts that it moves."""
        self.mint.begin(self.offset)
        copy = digest_of(message).hex()
        out.copies[copy] = message.payload
        self.alerting.changed(turns, Cause(self.offset, self.time, route.tags, copy), out)

    def changed(self, turns: Sequence[Turn], out: Outputs) -> None:
        """Conditions turned by anything else: time, the registry, a command."""
        if turns:
            self.mint.begin(self.offset)
            self.alerting.changed(turns, Cause(self.offset, self.time), out)

    def device_of(self, topic: bytes) -> str:
        """The device that a topic names, for a message that nobody decoded; empty where it names none."""
        address = self.registry.resolve(topic.decode("utf-8", "replace"))
        return (address.device or "") if address is not None else ""

    def alarm(self, name: str, on: bool | None, record: Record, out: Outputs, *, tell: bool = True) -> None:
        """Raise, clear or note an alarm of the gateway itself."""
        self.mint.begin(record.offset)
        self.alerting.alarm(name, on, Cause(record.offset, record.time), out, tell=tell)

    def load_packs(self, texts: dict[str, str]) -> None:
        """Take the rule packs from their texts, as a START record carries them.

        A pack that this version refuses is left out: it was sound for the version that recorded it.
        """
        packs: list[Pack] = []
        for name, text in texts.items():
            with suppress(PackError):
                packs.append(parse_pack(text, name))
        self.pack_texts = dict(texts)
        self.evaluation.use(packs)
        self.alerting.standing.packs = {pack.id: pack.digest for pack in packs}
        self.alerting.wording.use(packs)

    def _tick(self, record: Record, out: Outputs) -> None:
        self.next_tick = record.time + TICK_MS
        self.mint.begin(record.offset)
        if self.evaluation.due <= record.time:
            self.changed(self.evaluation.tick(record.time), out)
        self.alerting.tick(Cause(record.offset, record.time), out)
        self._sessions(out)
        self.chain.tick(Cause(record.offset, record.time), out)
        if self.days.tick(out):
            self.chain.expect(Cause(record.offset, record.time), out)

    def _sessions(self, out: Outputs) -> None:
        """Readings of a device under maintenance count as flag M or C from now on, or no longer."""
        if out.sessions:
            self.evaluation.use_sessions(self.alerting.flags, self.time)

    def _command(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        cause = Cause(record.offset, record.time)
        said = self.operations.decide(str(body["command"]), dict(body["args"]), str(body["by"]), cause, out)
        self._sessions(out)
        status = said.pop("status")
        self._acted(str(body["command"]), dict(body["args"]), str(body["by"]), status, out)
        out.answers.append(answer(record.offset, status, said))

    def _acted(self, name: str, args: dict[str, Any], by: str, status: int, out: Outputs) -> None:
        """What an operator did stands in the ledger; what a device is known by, also in the history of the device."""
        about = ["operator"]
        if name in {ISSUE, REVOKE} and status == 200 and "device" in args:
            about.append(f"device:{args['device']}")
        self.ledger.append("command", about, command_body(name, args, by, status), self.offset, self.time, out)

    def _redrive(self, record: Record, body: dict[str, Any], lookup: Lookup, out: Outputs) -> None:
        self.messages.redrive(record, body, lookup, out)
        wanted = {key: value for key, value in body.items() if key not in {"type", "by"}}
        self._acted("journal.redrive", wanted, str(body.get("by", "")), 200, out)

    def _segment(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.ledger.append("segment", ["journal"], segment_body(body), record.offset, record.time, out)

    def _registry(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        changes = [Change(one["kind"], one["id"], one["body"]) for one in body["changes"]]
        were = self.chain.tied(changes)
        self.registry.apply(changes, record.offset)
        self.alerting.standing.registry_version = self.ledger.registry = record.offset
        self.routes.clear()
        self.changed(self.watch.changed(changes, record.time), out)
        self._replaced(changes, record, out)
        for change in changes:
            raw = None if change.body is None else json_bytes(change.body)
            out.registry.append({"kind": change.kind, "id": change.id, "offset": record.offset, "body": raw})
        self._acted("registry.apply", {"changes": body["changes"]}, str(body.get("by", "")), 200, out)
        self.chain.registered(changes, were, Cause(record.offset, record.time), out)
        out.filters_changed = True
        out.answers.append(answer(record.offset, 200, {"changed": len(changes)}))

    def _replaced(self, changes: Sequence[Change], record: Record, out: Outputs) -> None:
        """Places go out of service, come back, or notify from now on: so do the alerts that are open there."""
        named = {change.id for change in changes if change.kind == "devices"}
        anywhere = any(change.kind in {"places", "units", "grid"} for change in changes)
        if not named and not anywhere:
            return
        desk, seen = self.alerting.desk, set[str]()
        found = [alert for alert in desk.open.values() if anywhere or alert.device in named]
        cause = Cause(record.offset, record.time)
        for alert in found:
            if alert.key not in seen and self.registry.knows("devices", alert.device):
                seen.add(alert.key)
                subject = self.registry.subject(alert.device, alert.point, alert.parameter, -1, record.time)
                self.alerting.steps(desk.rebind(subject, record.time), cause, out)

    def _delivery(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        offset, n = body["for"]
        outcome = str(body["outcome"])
        delivered = outcome == "delivered"
        self.counters["notifications_sent" if delivered else "notifications_dead"] += 1
        out.settled.append({"offset": offset, "n": n, "state_now": outcome, "settled_by": record.offset})
        cause = Cause(record.offset, record.time)
        if not self.alerting.settled((offset, n), delivered=delivered, cause=cause, out=out):
            self._undelivered(record, body, out)

    def _undelivered(self, record: Record, body: dict[str, Any], out: Outputs) -> None:
        """A notice that somebody had to hear reached nobody: an alarm, which all others hear of."""
        if body.get("event", "fired") in CALLS:
            about = self.alerting.desk.open.get(str(body.get("subject")))
            # That this very alarm could not be told is shown and sent to nobody: it would never end.
            again = about is not None and about.rule == "notification_lost"
            self.alarm("notification_lost", None, record, out, tell=not again)

    def _start(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        alerting = self.alerting
        alerting.standing.version = self.ledger.version = body["version"]
        if "packs" in body:
            self.load_packs(body["packs"])
        if "profiles" in body:
            self.chain.profiled(body["profiles"], Cause(record.offset, record.time), out)
        policy = policy_of(body.get("routing", self.routing))
        if policy is not None:
            self.routing = body.get("routing", self.routing)
        bounds = body.get("bounds")
        if bounds is not None:
            alerting.bound(bounds["shelf_ms"], bounds["session_ms"])
        channels = [ChannelInfo(one, one) if isinstance(one, str) else one for one in body.get("channels", [])]
        known = msgspec.convert(channels, list[ChannelInfo])
        zone = body.get("time_zone", alerting.zone)
        policy = policy or policy_of(self.routing)
        assert policy is not None
        alerting.use(policy, known, zone, Cause(record.offset, record.time), out)

    def _deaf(self, record: Record, *, again: bool) -> None:
        """Nobody could be heard until now, so timers of absence begin anew: at once, or when the marker comes back."""
        if self.caught_up or not again:
            self.evaluation.lost(record.time)
            if again:
                self.evaluation.caught_up(record.time)
        if not again:
            self.caught_up = False
            self.alerting.router.caught_up(yes=False)

    def _session_lost(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.alarm(ALARMS.get(str(body.get("reason")), "session_lost"), None, record, out)

    def _caught_up(self, record: Record, _body: dict[str, Any], _: Lookup, _out: Outputs) -> None:
        self.caught_up = True
        self.evaluation.caught_up(record.time)
        self.alerting.router.caught_up(yes=True)

    def _clock_step(self, record: Record, _body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.alarm("clock_step", None, record, out)

    def _alarm(self, record: Record, body: dict[str, Any], _: Lookup, out: Outputs) -> None:
        self.alarm(str(body["alarm"]), {"on": True, "off": False}.get(str(body.get("state"))), record, out)


#: From these on nobody can be heard until the marker of the intake comes back.
_DEAF = frozenset({Kind.START, Kind.SESSION_LOST, Kind.DISCONNECTED})
#: Notices that ask somebody to do something.
CALLS = frozenset({"fired", "escalated", "reminder", "digest"})
#: Records that somebody waits for an answer to.
_ANSWERED = frozenset({Kind.COMMAND, Kind.REGISTRY, Kind.REDRIVE})
#: Faults of our own are an alarm no more often than this.
BROKEN_MS = 600_000
#: A gateway that runs writes at least a tick a second: where nothing was written for so long, none ran.
GAP_MS = 120_000
#: Before a START record brings a routing file: channels without persons hear of everything.
NO_ROUTING = "routing: none\nversion: '0'\nsteps: [{to: unit_contact}]\n"
#: What an alarm is called by the reason of a SESSION_LOST record.
ALARMS = {"expired": "session_lost", "taken_over": "session_taken_over", "dropped": "broker_dropped"}


def policy_of(text: str) -> Policy | None:
    """A recorded routing file; None where this version refuses it."""
    try:
        return parse_policy(text, "routing")
    except PackError:
        return None


def json_bytes(body: dict[str, Any]) -> bytes:
    """JSON of a registry entry as it is kept."""
    return msgspec.json.encode(body)


def answer(offset: int, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """The row that answers the command at ``offset``."""
    return {"offset": offset, "body": json_bytes({"status": status, **body}).decode()}
