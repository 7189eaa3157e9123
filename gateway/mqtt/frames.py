"""Cuts whole MQTT frames out of a byte stream that arrives in any pieces. Pure: no input or output.

A frame is ``type and flags u8 | remaining length varint (1 to 4 bytes) | that many bytes`` (MQTT 5, section 2.1).
Frames come out as the bytes they came in, with one exception: of a PUBLISH whose payload is longer than is kept
(DESIGN 2: 64 KiB) only the front is kept, while its length and SHA-256 are computed over all of it and the rest is
discarded as it arrives. So a cutter never holds more than about three times what is kept, whatever a sender announces.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from gateway.journal.record import MAX_PAYLOAD

#: Longer properties of an over-long PUBLISH are discarded: nothing of them is used but a content type.
_MAX_PROPERTIES = 64 * 1024
_PUBLISH = 3


class LongPublish(NamedTuple):
    """A PUBLISH whose payload was cut: ``frame`` is a whole frame that holds the front of the payload.

    ``length`` and ``sha256`` (digest) are those of the payload as it was sent.
    """

    frame: bytes
    length: int
    sha256: bytes


Frame = bytes | LongPublish


class FrameCutter:
    """Cuts one connection's stream; ``keep`` is the longest payload that is kept whole.

    ``fault`` is None until the stream breaks the protocol; then it says how, and ``feed`` gives nothing more. The
    frames before the fault have been given: they do not depend on how the stream was split.
    """

    def __init__(self, keep: int = MAX_PAYLOAD) -> None:
        self.fault: str | None = None
        self._keep = keep
        self._rest = bytearray()
        self._needed = 0
        self._long: _LongCut | None = None

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and give the frames that are whole now, in order. Never raises."""
        frames: list[Frame] = []
        while data and self.fault is None:
            if self._long is not None:
                data = self._feed_long(self._long, data, frames)
                continue
            if self._rest:
                self._rest += data
                if len(self._rest) < self._needed:
                    break
                data = bytes(self._rest)
                self._rest.clear()
            data = self._cut(data, frames)
        return frames

    def _cut(self, data: bytes, frames: list[Frame]) -> bytes:
        """Cut ordinary frames; what is left is kept for later, or given back where a long PUBLISH begins."""
        at, end, longest = 0, len(data), self._keep
        stop = 2
        while end - at > 1:
            length, start = data[at + 1], at + 2
            if length > 0x7F:
                if start < end and data[start] < 0x80:
                    length += (data[start] << 7) - 0x80
                    start += 1
                else:
                    length, start = _remaining_length(data, at)
                    if length < 0:
                        self.fault = "malformed remaining length"
                        return b""
            if length > longest:
                if data[at] >> 4 == _PUBLISH:
                    self._long = _LongCut(data[at], length, longest)
                    return data[start:]
                self.fault = f"a packet of type {data[at] >> 4} announces {length} bytes"
                return b""
            stop = start + length
            if stop > end:
                break
            frames.append(data[at:stop])
            at = stop
            stop = at + 2
        self._needed = stop - at
        self._rest += data[at:]
        return b""

    def _feed_long(self, cut: _LongCut, data: bytes, frames: list[Frame]) -> bytes:
        piece = data[: cut.left]
        cut.take(piece)
        if cut.fault:
            self.fault = cut.fault
        elif not cut.left:
            frames.append(cut.frame())
            self._long = None
        return data[len(piece) :]


def _remaining_length(data: bytes, at: int) -> tuple[int, int]:
    """(remaining length, where it ends) of the frame at ``at``.

    A length of -1 is malformed; (0, one past the data) says that more bytes are needed.
    """
    length = 0
    for n in range(4):
        place = at + 1 + n
        if place >= len(data):
            return 0, len(data) + 1
        length |= (data[place] & 0x7F) << (7 * n)
        if data[place] < 0x80:
            return length, place + 1
    return -1, at


def _varint(number: int) -> bytes:
    """``number`` as a variable byte integer (MQTT 5, section 1.5.5)."""
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | 0x80 if number else low)
        if not number:
            return bytes(out)


class _LongCut:
    """One over-long PUBLISH on its way: ``left`` bytes of it are still to come."""

    def __init__(self, first: int, length: int, keep: int) -> None:
        self.left = length
        self.fault: str | None = None
        self._first = first
        self._keep = keep
        self._head = bytearray()
        self._in_payload = False
        self._skip = 0
        self._payload = bytearray()
        self._length = 0
        self._sha256 = hashlib.sha256()

    def take(self, piece: bytes) -> None:
        """Take bytes of this frame, never more than ``left``."""
        self.left -= len(piece)
        if not self._in_payload:
            self._head += piece
            piece = self._after_head()
        if self._in_payload and piece:
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            self._add(piece[skipped:])
        if not self.left and (self._skip or not self._in_payload):
            self.fault = "a PUBLISH ends within its header"

    def _after_head(self) -> bytes:
        """Once topic, packet id and properties are here: keep them apart and give what follows them."""
        head = self._head
        if len(head) < 2:
            return b""
        at = 2 + (head[0] << 8 | head[1]) + (2 if self._first & 0b110 else 0)
        if len(head) <= at:
            return b""
        length, start = _remaining_length(bytes(head[at : at + 4]), -1)
        if length < 0:
            self.fault = "malformed property length"
            return b""
        if start > len(head) - at:
            return b""
        stop = at + start + length
        if length > _MAX_PROPERTIES:
            self._skip = length
            stop = at + start
        elif len(head) < stop:
            return b""
        rest = bytes(head[stop:])
        del head[stop:]
        if self._skip:
            head[at:] = b"\0"
        self._in_payload = True
        return rest

    def _add(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._length += len(piece)
        room = self._keep - len(self._payload)
        if room > 0:
            self._payload += piece[:room]

    def frame(self) -> Frame:
        """The frame as it is handed on, once nothing is left."""
        body = self._head + self._payload
        frame = bytes((self._first,)) + _varint(len(body)) + body
        if self._length <= self._keep:
            return frame
        return LongPublish(frame, self._length, self._sha256.digest())
