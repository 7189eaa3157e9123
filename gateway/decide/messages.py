"""The fate of a device's message: accepted, parked or repeated (pure; DESIGN 1 invariant 2 and 4.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from custody import event as custody
from devices.reading import Decoded
from gateway.decide.alerting import Cause
from gateway.decide.outputs import Outputs
from gateway.decide.routes import Route
from gateway.journal.record import MAX_PAYLOAD, RETAINED, TRUNCATED, Message, Record, digest_of
from gateway.store.base import CustodyPoints, Quiet, Telemetry

if TYPE_CHECKING:
    from gateway.decide.fold import Fold, Lookup, Parked

#: Codes of ``down/reply`` (DESIGN 4.1).
CODES = {"accepted": 0, "repeated": 1, "parked": 2}
CONFLICT_CODE = 3
STATES = ("online", "offline", "sleeping")


class Verdict(msgspec.Struct):
    """The fate of one message and what a reply says of it."""

    fate: str
    reason: str = ""
    detail: dict[str, Any] = msgspec.field(default_factory=dict)
    id: str | int | None = None
    object: str | None = None
    flags: list[str] = msgspec.field(default_factory=list)
    noteworthy: bool = False


class Messages:
    """Decides MESSAGE records for a ``Fold``; keeps nothing but the custody events of the batch at hand."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._fresh: dict[tuple[str, str], tuple[int, str]] = {}

    def committed(self) -> None:
        """The outputs so far are in the state: ``Lookup`` finds them from now on."""
        self._fresh.clear()
        self._fold.chain.committed()
        self._fold.ledger.committed()

    def decide(self, record: Record, message: Message, lookup: Lookup, out: Outputs) -> None:
        """Give one message its fate."""
        counters = self._fold.counters
        counted = message.qos > 0
        counters["journaled" if counted else "qos0"] += 1
        route, verdict = self._decided(record, message, lookup, out)
        if route is not None and route.plan is not None:
            sent = self._fold.days.sent
            sent[route.device] = sent.get(route.device, 0) + 1
        if counted:
            counters[verdict.fate] += 1
        if verdict.fate != "accepted" or verdict.noteworthy:
            out.outcomes.append(self._outcome(record, message, route, verdict, out))
        if verdict.id is not None and route is not None and route.reply:
            out.replies.append((route.reply, msgspec.json.encode(reply_of(verdict))))

    def redrive(self, record: Record, body: dict[str, Any], lookup: Lookup, out: Outputs) -> None:
        """Decide parked messages again with what is known now; those that come in move from parked to accepted."""
        left: dict[str, int] = {}
        found = lookup.parked(body, record.offset)
        for parked in found:
            reason = self._once_more(parked, record, lookup, out)
            if reason is not None:
                left[reason] = left.get(reason, 0) + 1
        answer = {"status": 200, "redriven": len(found) - sum(left.values()), "still_parked": left}
        named = set(body.get("offsets", ())) - {parked.offset for parked in found}
        if named:
            # Refused values of an accepted message, what a store refused, too large, redriven already, or no message.
            answer["not_redriven"] = sorted(named)
        out.answers.append({"offset": record.offset, "body": msgspec.json.encode(answer).decode()})

    def _once_more(self, parked: Parked, record: Record, lookup: Lookup, out: Outputs) -> str | None:
        """Decide one parked message again; returns why it stays parked, None where it is taken back."""
        counters = self._fold.counters
        message = Message(parked.qos, 0, b"", parked.topic, b"", parked.payload, len(parked.payload), None)
        again = Record(parked.offset, parked.received_at, record.kind, b"")
        items = len(out.items)
        before = counters["points_rejected"], counters["points_conflict"]
        _, verdict = self._decided(again, message, lookup, out)
        if verdict.fate == "parked" or parked.reason not in {"unknown_device", "unknown_topic"}:
            # Its refused values were counted when it was parked, or will be when it comes in.
            counters["points_rejected"], counters["points_conflict"] = before
        rows = [row for one in out.items[items:] if isinstance(one, Telemetry) for row in one.rows]
        detail = msgspec.json.encode(verdict.detail | {"rows": rows}).decode()
        if verdict.fate == "parked":
            row = {"offset": parked.offset, "reason_now": verdict.reason, "detail_now": detail}
            out.still_parked.append(row)
            return verdict.reason
        if parked.qos:
            counters["parked"] -= 1
            counters[verdict.fate] += 1
        row = {"offset": parked.offset, "redriven_by": record.offset, "fate": verdict.fate, "detail": detail}
        out.redriven.append(row)
        return None

    def _decided(self, record: Record, message: Message, lookup: Lookup, out: Outputs) -> tuple[Route | None, Verdict]:
        """The verdict of ``_judge``. A fault of our own parks the one message that meets it, and stops nobody else."""
        items = len(out.items)
        try:
            return self._judge(record, message, lookup, out)
        except Exception as error:  # noqa: BLE001 - any fault of decoding or judging, named in outcome and alarm
            del out.items[items:]
            self._fold.alarm("decide_error", None, Record(self._fold.offset, self._fold.time, 0, b""), out)
            words = f"the gateway could not decide it ({type(error).__name__}); please report this with the message"
            return None, Verdict("parked", "decide_error", {"words": words})

    def _judge(self, record: Record, message: Message, lookup: Lookup, out: Outputs) -> tuple[Route | None, Verdict]:
        if message.flags & TRUNCATED:
            words = f"payload of {message.full_length} bytes: at most {MAX_PAYLOAD} are taken"
            whole = {"words": words, "length": message.full_length, "sha256": digest_of(message).hex()}
            return None, Verdict("parked", "too_large", whole)
        route = self._fold.routes.find(message.topic, message.payload, record.time)
        if route is None:
            return None, Verdict("parked", "unknown_topic", {"words": "no source of the registry has this topic"})
        if route.plan is None:
            words = f"device {route.device!r} is not in the registry"
            return route, Verdict("parked", "unknown_device", {"words": words}, id=id_of(message.payload))
        if route.channel == "telemetry":
            return route, self._telemetry(record, message, route, out)
        if route.channel == "event":
            return route, self._event(record, message, route, lookup, out)
        return route, self._status(record, message, route, out)

    def _telemetry(self, record: Record, message: Message, route: Route, out: Outputs) -> Verdict:
        fold = self._fold
        assert route.plan is not None
        decoded = route.decode(message.payload, route.plan, record.time)
        if decoded.fault is not None:
            return Verdict("parked", decoded.fault, {"words": decoded.detail}, id=decoded.id)
        known = len(fold.series)
        judged = fold.series.judge(route.device, decoded, record.time)
        if len(fold.series) > known:
            fold.evaluation.presence.grew(route.device, fold.time)
        if record.offset == fold.offset:
            fold.readings.came(route, decoded, record.time, message, out)
            if decoded.refusals:
                fold.readings.refused(route, decoded, message, out)
        if decoded.refusals:
            self._count_refusals(decoded)
        if judged.plain:
            verdict = Verdict("accepted", id=decoded.id)
        else:
            verdict = _exceptional(judged.fate, judged.reason, decoded)
        if verdict.fate == "accepted":
            fold.heard[route.device] = record.time
            out.items.append(Telemetry(record.offset, record.time, message.qos, route.tags, decoded.rows))
            self._fold.readings.evaluate(route, decoded, message, out)
        return verdict

    def _count_refusals(self, decoded: Decoded) -> None:
        counters = self._fold.counters
        conflicts = sum(refusal.reason == "conflict" for refusal in decoded.refusals)
        counters["points_conflict"] += conflicts
        counters["points_rejected"] += len(decoded.refusals) - conflicts

    def _event(self, record: Record, message: Message, route: Route, lookup: Lookup, out: Outputs) -> Verdict:
        fold = self._fold
        if record.offset == fold.offset:
            fold.readings.came(route, None, record.time, message, out)
        event = custody.decode(message.payload, record.time)
        if event.fault is not None:
            return Verdict("parked", event.fault, {"words": event.detail}, id=id_of(message.payload))
        assert event.id is not None
        identity = (route.device, event.id)
        known = self._fresh.get(identity) or lookup.event(*identity, self._fold.offset)
        asks = id_of(message.payload) or event.id
        if known is not None:
            first = fold.chain.leading(event.containers)
            if known[1] == event.digest:
                return Verdict("repeated", "repeated", {"first": known[0]}, id=asks, object=first)
            words = f"event {event.id} of {route.device} is known with other content since record {known[0]}"
            copy = hashlib.sha256(message.payload).hexdigest()
            fold.chain.conflict(route.device, event.id, Cause(fold.offset, fold.time, route.tags, copy), out)
            return Verdict("parked", "conflict", {"words": words, "first": known[0]}, id=asks, object=first)
        copy = hashlib.sha256(message.payload).hexdigest()
        out.copies[copy] = message.payload
        fact = fold.chain.event(event, route.device, Cause(record.offset, record.time, route.tags, copy), out)
        self._fresh[identity] = (record.offset, event.digest)
        fold.counters["custody_events"] += 1
        out.items.append(
            CustodyPoints(
                record.offset,
                record.time,
                message.qos,
                route.tags,
                event.ts,
                event.step,
                event.category,
                event.id,
                event.containers,
                event.grams,
            ),
        )
        object_ = fold.chain.leading(event.containers)
        return Verdict("accepted", id=asks, object=object_, flags=list(fact.flags))

    def _status(self, record: Record, message: Message, route: Route, out: Outputs) -> Verdict:
        try:
            document = msgspec.json.decode(message.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Verdict("parked", "not_json", {"words": "a status is JSON"})
        state = document.get("state") if isinstance(document, dict) else None
        asks = id_of(message.payload)
        if state not in STATES:
            words = f"state {str(state)[:60]!r}: allowed are {', '.join(STATES)}"
            return Verdict("parked", "bad_shape", {"words": words}, id=asks)
        if message.flags & RETAINED and self._fold.states.get(route.device) == state:
            return Verdict("repeated", "repeated", {"words": "retained status, known already"}, id=asks)
        self._fold.states[route.device] = state
        if record.offset == self._fold.offset:
            self._fold.readings.status(route, state, message, out)
        out.items.append(Quiet(record.offset, message.qos))
        return Verdict("accepted", id=asks)

    def _outcome(
        self, record: Record, message: Message, route: Route | None, verdict: Verdict, out: Outputs
    ) -> dict[str, Any]:
        copy = None
        if verdict.fate == "parked" or "refusals" in verdict.detail:
            # Of a payload that was too large only the beginning is at hand; its own digest stands in the detail.
            copy = hashlib.sha256(message.payload).hexdigest()
            out.copies[copy] = message.payload
        return {
            "offset": record.offset,
            "fate": verdict.fate,
            "reason": verdict.reason,
            "device": route.device if route else self._fold.device_of(message.topic),
            "topic": message.topic.decode("utf-8", "replace"),
            "received_at": record.time,
            "qos": message.qos,
            "detail": msgspec.json.encode(verdict.detail).decode(),
            "copy": copy,
        }


def _exceptional(fate: str, reason: str, decoded: Decoded) -> Verdict:
    """A message of which not every value is new and in order: its rows as decided stand with its fate."""
    detail: dict[str, Any] = {}
    flags = []
    if decoded.refusals:
        detail["refusals"] = decoded.refusals
        flags.append("refused")
    if fate == "accepted":
        detail["rows"] = decoded.rows
        if any(row.late is not None for row in decoded.rows):
            flags.append("late")
        if any(row.ahead for row in decoded.rows):
            flags.append("ahead")
    return Verdict(fate, reason, detail, id=decoded.id, flags=flags, noteworthy=True)


def reply_of(verdict: Verdict) -> dict[str, Any]:
    """What the sender of a message hears of its fate (DESIGN 4.1, ``down/reply``)."""
    code = CONFLICT_CODE if verdict.reason == "conflict" else CODES[verdict.fate]
    return {
        "id": verdict.id,
        "code": code,
        "reason": verdict.reason or None,
        "object": verdict.object,
        "flags": verdict.flags,
    }


def id_of(payload: bytes) -> str | int | None:
    """The ``id`` of a message that nobody decoded, so that its sender hears why."""
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = document.get("id") if isinstance(document, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None
