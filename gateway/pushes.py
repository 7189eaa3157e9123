"""Custody events that come over HTTP: each becomes the journal record that it would be over MQTT (DESIGN 1 and 4.2).

What is answered is durable. Blocks: call it from a thread.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from custody.event import decode
from gateway import state
from gateway.api.services import Taken
from gateway.clock import Clock
from gateway.config import Settings
from gateway.decide.decider import Decider
from gateway.decide.messages import Verdict, id_of, reply_of
from gateway.errors import JournalFailedError
from gateway.journal.record import MAX_PAYLOAD, Kind, message_body, origin
from gateway.journal.writer import Entry, Journal

#: Counted and answered as what MQTT brings with QoS 1.
_QOS_1 = 1
_CONTENT_TYPE = b"application/json"
_FULL = "too little free disk space on the gateway: nothing was taken, keep the events and send them again"
_FAILED = "the gateway's journal has failed: keep the events and send them again"
_SLOW = "the gateway's disk does not answer: keep the events and send them again"


class Pushes:
    """Takes events of one terminal in order; ``decide`` decides to the end where no thread does (offline)."""

    def __init__(  # noqa: PLR0917 - the parts of the gateway, put together in one place
        self,
        engine: sa.Engine,
        journal: Journal,
        decider: Decider,
        settings: Settings,
        clock: Clock,
        decide: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._decider = decider
        self._settings = settings
        self._clock = clock
        self._decide = decide

    def take(self, device: str, payloads: Sequence[bytes], peer: str, by: str, timeout: float = 5.0) -> Taken:
        """Make ``payloads`` durable and wait until they are decided, for ``timeout`` seconds at most."""
        if self._journal.blocked:
            return Taken([], _FULL)
        where = origin("http", self._settings.http.listen, peer, by)
        topic = f"{self._settings.mqtt.root}/_/{device}/up/event".encode()
        now = self._clock.now_ms()
        entries = [Entry(Kind.MESSAGE, now, _body(where, topic, payload)) for payload in payloads]
        end = time.monotonic() + timeout
        try:
            first = self._journal.append_all(entries, timeout)
        except TimeoutError:
            return Taken([], _FULL if self._journal.blocked else _SLOW)
        except JournalFailedError:
            return Taken([], _FAILED)
        if self._decide is not None:
            self._decide()
        else:
            self._decider.wait(first + len(payloads) - 1, max(0.0, end - time.monotonic()))
        return Taken([self._reply(first + n, payload, now) for n, payload in enumerate(payloads)])

    def _reply(self, offset: int, payload: bytes, received_at: int) -> dict[str, Any]:
        """What ``down/reply`` says of the record, read from what decide has committed."""
        event = decode(payload, received_at)
        asks = id_of(payload) or event.id
        if self._decider.cursor < offset:
            return {"id": asks, "code": None, "reason": "not_decided", "object": None, "flags": []}
        outcomes, events = state.outcomes, state.custody_events
        with self._engine.connect() as connection:
            told = sa.select(outcomes.c.fate, outcomes.c.reason).where(outcomes.c.offset == offset)
            outcome = connection.execute(told).first()
            flags = connection.execute(sa.select(events.c.flags).where(events.c.offset == offset)).scalar()
        container = event.containers[0] if event.containers else None
        if outcome is not None:
            known = container if outcome.reason in {"repeated", "conflict"} else None
            return reply_of(Verdict(outcome.fate, outcome.reason, id=asks, object=known))
        return reply_of(Verdict("accepted", id=asks, object=container, flags=msgspec.json.decode(flags or "[]")))


def _body(where: bytes, topic: bytes, payload: bytes) -> bytes:
    """The record of one event; of a longer payload only the first 64 KiB are kept, with length and hash of all."""
    cut = None
    if len(payload) > MAX_PAYLOAD:
        cut = len(payload), hashlib.sha256(payload).digest()
    return message_body(_QOS_1, 0, where, topic, _CONTENT_TYPE, payload[:MAX_PAYLOAD], cut=cut)
