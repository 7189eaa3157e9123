"""The frame cutter, case by case."""

from __future__ import annotations

import hashlib

import mqtt5
import pytest

from gateway.mqtt.frames import FrameCutter, LongPublish

KEEP = 65536


def publish(payload: bytes, topic: str = "a/b", packet_id: int | None = 7, **properties: object) -> bytes:
    """One PUBLISH as the codec writes it."""
    qos = mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE
    return mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=packet_id, **properties).write()  # type: ignore[arg-type]


def in_pieces(cutter: FrameCutter, stream: bytes, size: int) -> list[object]:
    """Feed ``stream`` in pieces of ``size`` bytes."""
    return [frame for at in range(0, len(stream), size) for frame in cutter.feed(stream[at : at + size])]


@pytest.mark.parametrize("size", [0, 1, 100, 124, 125, 200, 16380, 16390, 65000, KEEP - 6, KEEP])
def test_a_frame_comes_out_as_it_came_in(size: int) -> None:
    """Whatever its length takes in bytes, a frame is given unchanged and at once."""
    frame = publish(bytes(size))
    assert FrameCutter().feed(frame) == [frame]


def test_several_frames_of_one_read_come_in_order() -> None:
    """A read may hold many frames and the beginning of another."""
    frames = [publish(b"%d" % n) for n in range(5)]
    cutter = FrameCutter()
    assert cutter.feed(b"".join(frames)[:-1]) == frames[:4]
    assert cutter.feed(frames[4][-1:]) == [frames[4]]


def test_byte_by_byte_gives_the_same() -> None:
    """Even a length that is split over reads is understood."""
    frames = [publish(bytes(300)), mqtt5.PingRespPacket().write(), publish(b"")]
    assert in_pieces(FrameCutter(), b"".join(frames), 1) == frames


@pytest.mark.parametrize("size", [KEEP + 1, 300_000])
@pytest.mark.parametrize("packet_id", [7, None])
def test_of_a_long_payload_the_front_is_kept_with_length_and_digest_of_all(size: int, packet_id: int | None) -> None:
    """The kept frame is whole, so that the codec reads it; what was sent is measured to the end."""
    payload = bytes(n % 251 for n in range(size))
    cutter = FrameCutter()
    after = publish(b"after")
    first, second = in_pieces(cutter, publish(payload, packet_id=packet_id, content_type="text/plain") + after, 1000)
    assert isinstance(first, LongPublish)
    assert (first.length, first.sha256) == (size, hashlib.sha256(payload).digest())
    packet, length = mqtt5.read(first.frame)  # type: ignore[arg-type]
    assert isinstance(packet, mqtt5.PublishPacket)
    assert length == len(first.frame)
    assert (packet.topic, packet.packet_id, packet.content_type) == ("a/b", packet_id, "text/plain")
    assert packet.payload == payload[:KEEP]
    assert second == after


def test_a_long_payload_is_not_buffered() -> None:
    """Of 64 MiB the cutter never holds more than the front that it keeps."""
    size = 64 << 20
    cutter = FrameCutter()
    piece = bytes(1 << 20)
    head = publish(b"")[2:]
    cutter.feed(b"\x32" + _varint(len(head) + size) + head)
    for _ in range(size // len(piece) - 1):
        assert cutter.feed(piece) == []
        assert cutter._long is not None
        assert len(cutter._long._payload) + len(cutter._rest) <= KEEP
    (frame,) = cutter.feed(piece)
    assert isinstance(frame, LongPublish)
    assert frame.length == size


def test_a_frame_that_is_long_for_its_topic_alone_is_given_whole() -> None:
    """What is limited is the payload."""
    frame = publish(bytes(KEEP), topic="t" * 30_000)
    (given,) = in_pieces(FrameCutter(), frame, 4096)
    assert given == frame


def test_long_properties_of_a_long_publish_are_left_out() -> None:
    """User properties of any length cost no memory and spoil nothing."""
    properties = [("k" * 60_000, "v" * 60_000)]
    (given,) = in_pieces(FrameCutter(), publish(b"payload", user_properties=properties), 4096)
    assert isinstance(given, bytes)
    packet, _ = mqtt5.read(given)  # type: ignore[arg-type]
    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.topic, packet.payload, packet.packet_id) == ("a/b", b"payload", 7)
    assert packet.user_properties == []


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (b"\x32\xff\xff\xff\xff", "remaining length"),
        (b"\x32\xff\xff\xff\xff\x01", "remaining length"),
        (b"\x90\x80\x80\x08", "type 9"),
        (b"\x32\x80\x80\x08" + b"\xff\xff" + bytes(65535) + b"\0\1" + b"\xff\xff\xff\xff", "property length"),
        (b"\x32\x80\x80\x08" + b"\0\1a\0\1" + b"\x90\x80\x08" + bytes(131072), "within its header"),
    ],
)
def test_a_broken_stream_is_named_once_and_for_all(stream: bytes, fault: str) -> None:
    """The frame before the fault is given, nothing after it, and the fault says what it is."""
    for size in (1, 3, len(stream) + 10):
        cutter = FrameCutter()
        good = publish(b"good")
        assert in_pieces(cutter, good + stream, size) == [good]
        assert cutter.fault is not None
        assert fault in cutter.fault
        assert cutter.feed(good) == []


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
