"""From PUBLISH packets to journal records: the hot path of the intake."""

from __future__ import annotations

from collections.abc import Callable

from gateway.clock import Clock
from gateway.journal.record import DUP, RETAINED, message_body, origin
from gateway.journal.writer import Entry
from gateway.mqtt.acknowledge import Acknowledger
from gateway.mqtt.connection import Connection, Published
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.redelivery import Records, Redelivery

#: How many windows of messages are remembered: one would do, if brokers always kept to it.
_MEMORY_WINDOWS = 4


class Receiver:
    """Turns what arrives together into one submission. Lives in the event loop.

    ``received`` counts device messages of any QoS, redelivered ones included.
    """

    def __init__(self, options: MqttOptions, clock: Clock, acknowledger: Acknowledger) -> None:
        self.received = self.qos0 = self.redelivered = self.too_large = 0
        self._options = options
        self._clock = clock
        self._acknowledger = acknowledger
        self._redelivery = Redelivery(_MEMORY_WINDOWS * options.receive_maximum)
        self._resumed = False
        self._where = b""

    def recall(self, records: Records, last: int) -> None:
        """Know again what the broker may send again, from the journal up to offset ``last``. Reads files."""
        try:
            self._redelivery.recall(records, last, self._options.address, self._options.client_id)
        finally:
            records.close()

    def begin(self, connection: Connection, *, resumed: bool) -> None:
        """What arrives next belongs to ``connection`` and to a session that goes on or is new."""
        self._where = origin("mqtt", self._options.address, connection.peer, self._options.client_id)
        self._resumed = resumed
        if not resumed:
            self._redelivery.forget()

    def take(
        self,
        connection: Connection,
        messages: list[Published],
        own: Callable[[str, bytes], Callable[[], None] | None],
        own_topic: str,
    ) -> None:
        """Submit what arrived together; an exception means that nothing of it was taken.

        Messages of ``own_topic`` and of the broker itself (``$…``) go to ``own``, which may return what is to be done
        once everything that came before is durable.
        """
        try:
            self._take(connection, messages, own, own_topic)
        except BaseException:
            # What is remembered and not journaled must not be recognised: better twice than never.
            self._redelivery.forget()
            raise

    def _take(
        self,
        connection: Connection,
        messages: list[Published],
        own: Callable[[str, bytes], Callable[[], None] | None],
        own_topic: str,
    ) -> None:
        now = self._clock.now_ms()
        where, redelivery = self._where, self._redelivery
        entries: list[Entry] = []
        packet_ids: list[int] = []
        then: Callable[[], None] | None = None
        for packet, cut in messages:
            topic, payload, packet_id = packet.topic, packet.payload, packet.packet_id
            if not topic:
                connection.abort("the broker broke the protocol: a topic alias, which was not allowed")
                break
            if packet_id is not None:
                packet_ids.append(packet_id)
            if topic == own_topic or topic[0] == "$":
                then = own(topic, payload) or then
                continue
            self.received += 1
            flags = 0
            if packet_id is None:
                self.qos0 += 1
            else:
                flags = 1
                content = payload if cut is None else cut[1]
                if packet.duplicate:
                    if self._resumed and redelivery.is_known(packet_id, topic, content):
                        self.redelivered += 1
                        continue
                    flags = 1 | DUP
                redelivery.remember(packet_id, topic, content)
            if packet.retain:
                flags |= RETAINED
            if cut is not None:
                self.too_large += 1
            kind = packet.content_type
            kind_bytes = kind.encode()[:255] if kind else b""
            body = message_body(flags, packet_id or 0, where, topic.encode(), kind_bytes, payload, cut=cut)
            entries.append(Entry(1, now, body))  # Kind.MESSAGE; plain for speed
        self._acknowledger.submit(connection, entries, packet_ids, then=then)
