"""The byte format of the journal, and the life of one record.

A segment file is named ``{first offset, 20 digits}.seg`` and holds a header and records, all integers little-endian::

    header   magic 8s = b"HYGJRNL1" | first offset u64 | created ms i64 | crc32 u32 of the 24 bytes before
    record   length u32 | crc32 u32 | offset u64 | time i64 | durable u64 | kind u8 | body
             length  bytes that follow the crc32 field (25 + len(body))
             crc32   of those bytes
             offset  0, 1, 2, ... without a gap over all segments
             time    journal time: ms since 1970 UTC when the gateway received it, never runs back
             durable every record below this offset was on disk (fsync returned) when this record was written
             kind    see ``Kind``

    body of MESSAGE
             flags u8 | packet id u16 | origin length u16 | origin | topic length u16 | topic
             | content type length u8 | content type | [full length u64 | sha256 32s] | payload
             flags   bits 0-1 QoS, bit 2 DUP, bit 3 retained, bit 4 truncated: then the bracketed part is present and
                     the payload is only the first 64 KiB of what was sent
             origin  source kind, listener, peer and principal in UTF-8, separated by a zero byte
             topic   MQTT topic or HTTP path, UTF-8

    body of every other kind: one JSON object, UTF-8, with at least ``"type"``.

Life of a record: the intake encodes the body and submits it; the writer gives it offset, time and crc, writes all
that waits in one call, calls fdatasync once, and only then tells the submitter; followers read it from the file.

``durable`` tells a torn tail from damage: what cannot be read at the end of the last file may be cut only where no
evidence exists that it was ever on disk (no later record's ``durable`` and no follower's cursor is above it).
"""

from __future__ import annotations

import enum
import hashlib
import struct
import zlib
from typing import Any, NamedTuple

import msgspec

MAGIC = b"HYGJRNL1"
HEADER = struct.Struct("<8sQqI")
FRAME = struct.Struct("<II")
HEAD = struct.Struct("<QqQB")
#: Bytes of a record before its body.
OVERHEAD = FRAME.size + HEAD.size
#: A record longer than this is damage, not data: 64 KiB of payload and 256 KiB of names or command fit well.
MAX_BODY = 16 * 1024 * 1024
#: Of a longer payload only this much is kept (DESIGN 2).
MAX_PAYLOAD = 64 * 1024

_MESSAGE = struct.Struct("<BHH")
_U16 = struct.Struct("<H")
_CUT = struct.Struct("<Q32s")

QOS_MASK = 0b11
DUP = 0b100
RETAINED = 0b1000
TRUNCATED = 0b10000


class Kind(enum.IntEnum):
    """What a record is. All inputs of a decision are one of these (DESIGN 1)."""

    MESSAGE = 1
    REGISTRY = 2
    COMMAND = 3
    REDRIVE = 4
    DELIVERY = 5
    START = 6
    SESSION_LOST = 7
    CAUGHT_UP = 8
    CLOCK_STEP = 9
    TICK = 10
    ALARM = 11
    DISCONNECTED = 12
    SEGMENT = 13


class Record(NamedTuple):
    """One record as followers see it; ``time`` is ms since 1970 UTC, ``body`` as in the module's docstring."""

    offset: int
    time: int
    kind: int
    body: bytes


class Message(NamedTuple):
    """A MESSAGE body taken apart; ``full_length`` and ``sha256`` are those of what was sent, not of what was kept."""

    flags: int
    packet_id: int
    origin: bytes
    topic: bytes
    content_type: bytes
    payload: bytes
    full_length: int
    sha256: bytes | None

    @property
    def qos(self) -> int:
        """MQTT quality of service it came with."""
        return self.flags & QOS_MASK


def origin(source: str, listener: str, peer: str, principal: str) -> bytes:
    """Where messages of one connection come from, encoded once a connection."""
    return b"\0".join(part.encode() for part in (source, listener, peer, principal))


def origin_parts(encoded: bytes) -> dict[str, str]:
    """``origin`` taken apart: source, listener, peer, principal."""
    parts = encoded.decode("utf-8", "replace").split("\0")
    return dict(zip(("source", "listener", "peer", "principal"), parts, strict=False))


def message_body(  # noqa: PLR0917 - the order of the bytes, called for every message
    flags: int,
    packet_id: int,
    where: bytes,
    topic: bytes,
    content_type: bytes,
    payload: bytes,
    *,
    cut: tuple[int, bytes] | None = None,
) -> bytes:
    """Encode a MESSAGE body. ``cut`` = (full length, sha256 digest) of a payload that was longer than is kept."""
    parts = [
        _MESSAGE.pack(flags | TRUNCATED if cut else flags, packet_id, len(where)),
        where,
        _U16.pack(len(topic)),
        topic,
        bytes((len(content_type),)),
        content_type,
    ]
    if cut:
        parts.append(_CUT.pack(*cut))
    parts.append(payload)
    return b"".join(parts)


def parse_message(body: bytes) -> Message:
    """Take a MESSAGE body apart. Raises struct.error or IndexError on bytes that ``message_body`` never made."""
    flags, packet_id, length = _MESSAGE.unpack_from(body)
    at = 5 + length
    where = body[5:at]
    (length,) = _U16.unpack_from(body, at)
    at += 2
    topic = body[at : at + length]
    at += length
    length = body[at]
    at += 1
    content_type = body[at : at + length]
    at += length
    if flags & TRUNCATED:
        full, digest = _CUT.unpack_from(body, at)
        return Message(flags, packet_id, where, topic, content_type, body[at + _CUT.size :], full, digest)
    payload = body[at:]
    return Message(flags, packet_id, where, topic, content_type, payload, len(payload), None)


def digest_of(message: Message) -> bytes:
    """SHA-256 of the bytes that were sent."""
    return message.sha256 if message.sha256 is not None else hashlib.sha256(message.payload).digest()


def json_body(document: dict[str, Any]) -> bytes:
    """Encode the body of any record that is not a MESSAGE."""
    return msgspec.json.encode(document)


def parse_json(body: bytes) -> dict[str, Any]:
    """Decode the body of any record that is not a MESSAGE."""
    document: dict[str, Any] = msgspec.json.decode(body)
    return document


def encode(offset: int, time: int, durable: int, kind: int, body: bytes) -> bytes:
    """One whole record, ready to be written."""
    rest = HEAD.pack(offset, time, durable, kind) + body
    return FRAME.pack(len(rest), zlib.crc32(rest)) + rest


def header(first: int, created: int) -> bytes:
    """The header of a segment whose first record is ``first``."""
    front = HEADER.pack(MAGIC, first, created, 0)[:-4]
    return front + struct.pack("<I", zlib.crc32(front))
