"""What the gateway publishes beside its intake: replies to devices. Bounded, never retried (DESIGN 4.1)."""

from __future__ import annotations

import threading
from collections import deque

import mqtt5

from gateway.mqtt.connection import Connection

_LIMIT = 10_000


class Replies:
    """A queue that any thread may fill and that the event loop empties into the current connection.

    At most the broker's receive maximum of QoS 1 replies is unacknowledged. ``dropped`` counts the oldest that had to
    go because ``limit`` was reached, those under way when a connection broke, and those the broker refused.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[str, bytes, int]] = deque()
        self._limit = limit
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._under_way: set[int] = set()

    def offer(self, topic: str, payload: bytes, qos: int) -> None:
        """Queue one reply; any thread."""
        with self._lock:
            if len(self._waiting) >= self._limit:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append((topic, payload, qos))

    def attach(self, connection: Connection) -> None:
        """Publish on ``connection`` from now on; the event loop only, like all that follows."""
        self.detach()
        self._connection = connection
        self.flush()

    def detach(self) -> None:
        """The connection is gone, and what was under way on it with it."""
        self._connection = None
        with self._lock:
            self.dropped += len(self._under_way)
        self._under_way.clear()

    def acknowledged(self, packet_id: int, code: int) -> None:
        """The broker answered a QoS 1 reply; unknown ids are somebody else's."""
        if packet_id in self._under_way:
            self._under_way.discard(packet_id)
            if code >= 0x80:
                with self._lock:
                    self.dropped += 1

    def flush(self) -> None:
        """Send what the window allows, in one write."""
        connection = self._connection
        if connection is None or not connection.alive:
            return
        frames = []
        with self._lock:
            while self._waiting and len(self._under_way) < connection.receive_maximum:
                topic, payload, qos = self._waiting.popleft()
                packet_id = self._free_id(connection) if qos else None
                frames.append(publish_frame(topic, payload, packet_id))
        if frames:
            connection.write(b"".join(frames))

    def _free_id(self, connection: Connection) -> int:
        packet_id = connection.next_packet_id()
        while packet_id in self._under_way:
            packet_id = connection.next_packet_id()
        self._under_way.add(packet_id)
        return packet_id


def publish_frame(
    topic: str, payload: bytes, packet_id: int | None, *, retain: bool = False, dup: bool = False
) -> bytes:
    """One PUBLISH: QoS 1 with a packet id, QoS 0 without."""
    qos = mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE
    return mqtt5.PublishPacket(topic, payload, qos=qos, retain=retain, packet_id=packet_id, duplicate=dup).write()
