"""The queue of replies: bounded, in order, within the broker's window."""

from __future__ import annotations

from typing import cast

import mqtt5

from gateway.mqtt.connection import Connection
from gateway.mqtt.replies import Replies


class Wire:
    """A connection that keeps what is written."""

    def __init__(self, receive_maximum: int) -> None:
        self.receive_maximum = receive_maximum
        self.alive = True
        self.payloads: list[bytes] = []
        self.writes = 0
        self._packet_id = 0

    def next_packet_id(self) -> int:
        """1, 2, 3 and again."""
        self._packet_id = self._packet_id % 3 + 1
        return self._packet_id

    def write(self, frames: bytes) -> None:
        """Take the payloads out."""
        self.writes += 1
        while frames:
            packet, length = mqtt5.read(frames)  # type: ignore[arg-type]
            assert isinstance(packet, mqtt5.PublishPacket)
            self.payloads.append(packet.payload)
            frames = frames[length:]


def attached(replies: Replies, receive_maximum: int) -> Wire:
    """A connection that the replies go to."""
    wire = Wire(receive_maximum)
    replies.attach(cast("Connection", wire))
    return wire


def test_too_many_waiting_replies_cost_the_oldest() -> None:
    """Without a connection a bounded number is kept, and the rest is counted."""
    replies = Replies(limit=3)
    for n in range(5):
        replies.offer("t", b"%d" % n, 1)
    wire = attached(replies, 10)
    assert wire.payloads == [b"2", b"3", b"4"]
    assert (wire.writes, replies.dropped) == (1, 2)


def test_the_brokers_window_is_kept() -> None:
    """QoS 1 replies beyond the receive maximum wait for PUBACKs; an id in use is not taken again."""
    replies = Replies()
    wire = attached(replies, 2)
    for n in range(4):
        replies.offer("t", b"%d" % n, 1)
    replies.flush()
    assert wire.payloads == [b"0", b"1"]
    replies.acknowledged(2, 0)
    replies.acknowledged(77, 0)
    replies.flush()
    assert wire.payloads == [b"0", b"1", b"2"]
    replies.acknowledged(1, 0)
    replies.flush()
    assert wire.payloads == [b"0", b"1", b"2", b"3"]
    assert replies.dropped == 0


def test_refused_and_interrupted_replies_are_counted_and_not_sent_again() -> None:
    """A reply is never retried."""
    replies = Replies()
    wire = attached(replies, 10)
    replies.offer("t", b"refused", 1)
    replies.offer("t", b"interrupted", 1)
    replies.offer("t", b"promised nothing", 0)
    replies.flush()
    replies.acknowledged(1, 0x87)
    wire.alive = False
    replies.detach()
    replies.offer("t", b"later", 1)
    assert replies.dropped == 2
    assert attached(replies, 10).payloads == [b"later"]
