"""The frame cutter against streams that nobody thought of."""

from __future__ import annotations

import hashlib

import mqtt5
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mqtt.frames import Frame, FrameCutter, LongPublish

KEEP = 300


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Any packet a broker sends, with payloads around and above what is kept."""
    kind = draw(st.sampled_from(["publish", "publish", "puback", "ping", "suback"]))
    packet_id = draw(st.integers(1, 65535))
    if kind == "puback":
        return mqtt5.PubAckPacket(packet_id).write()
    if kind == "ping":
        return mqtt5.PingRespPacket().write()
    if kind == "suback":
        return mqtt5.SubAckPacket(packet_id, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]).write()
    size = draw(st.one_of(st.integers(0, 5), st.integers(100, 150), st.integers(KEEP - 20, KEEP + 20), st.just(20_000)))
    at_least_once = draw(st.booleans())
    return mqtt5.PublishPacket(
        draw(st.sampled_from(["a", "hygeia/v1/s/d/up/telemetry", "t" * 400])),
        draw(st.binary(min_size=1, max_size=4)).ljust(size, b"x")[:size],
        qos=mqtt5.QoS.AT_LEAST_ONCE if at_least_once else mqtt5.QoS.AT_MOST_ONCE,
        packet_id=packet_id if at_least_once else None,
        content_type=draw(st.sampled_from([None, "application/json", "c" * 200])),
    ).write()


def feed(stream: bytes, cuts: list[int]) -> tuple[list[Frame], str | None]:
    """What comes of ``stream`` when it arrives in pieces that end at ``cuts``."""
    cutter = FrameCutter(KEEP)
    frames: list[Frame] = []
    at = 0
    for cut in [*sorted(cuts), len(stream)]:
        frames += cutter.feed(stream[at:cut])
        at = max(at, cut)
    return frames, cutter.fault


@given(st.lists(packets(), max_size=8), st.data())
def test_any_split_of_any_stream_gives_the_same_frames(sent: list[bytes], data: st.DataObject) -> None:
    """What was sent comes out, packet for packet, wherever the network cuts the stream."""
    stream = b"".join(sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=30))
    frames, fault = feed(stream, cuts)
    assert fault is None
    assert len(frames) == len(sent)
    for frame, packet in zip(frames, sent, strict=True):
        if isinstance(frame, LongPublish):
            whole = mqtt5.read(packet)[0]  # type: ignore[arg-type]
            kept = mqtt5.read(frame.frame)[0]  # type: ignore[arg-type]
            assert isinstance(whole, mqtt5.PublishPacket)
            assert isinstance(kept, mqtt5.PublishPacket)
            assert (kept.topic, kept.packet_id, kept.content_type) == (whole.topic, whole.packet_id, whole.content_type)
            assert kept.payload == whole.payload[:KEEP]
            assert (frame.length, frame.sha256) == (len(whole.payload), hashlib.sha256(whole.payload).digest())
        else:
            assert frame == packet


@settings(max_examples=300)
@given(st.binary(max_size=2000), st.data())
def test_garbage_never_raises_and_does_not_depend_on_the_split(garbage: bytes, data: st.DataObject) -> None:
    """Any bytes give frames and perhaps a fault, the same in one piece and in many."""
    cuts = data.draw(st.lists(st.integers(0, len(garbage)), max_size=30))
    assert feed(garbage, cuts) == feed(garbage, [])


@given(st.lists(packets(), min_size=1, max_size=4), st.data())
def test_a_flipped_byte_never_raises_and_gives_only_whole_frames(sent: list[bytes], data: st.DataObject) -> None:
    """A damaged stream is cut into frames whose length fits, or is refused."""
    stream = bytearray(b"".join(sent))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= data.draw(st.integers(1, 255))
    frames, _ = feed(bytes(stream), [place])
    assert sum(len(frame) for frame in frames if isinstance(frame, bytes)) <= len(stream)
