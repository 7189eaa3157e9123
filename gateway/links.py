"""Links by which one person acknowledges one alert: a token names a row of the outbox, and only this gateway makes it.

A token is base64url without padding of 28 bytes::

    offset   8 bytes, big endian   the row of the outbox that
    n        4 bytes, big endian   carries the link
    mac     16 bytes               the first half of HMAC-SHA256(installation key, LABEL + offset + n)

Nothing else is in it: whom it is for, what it is about and until when it holds stands in the row. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct

_LABEL = b"hygeia/acknowledge-link/1\x00"
_PLACE = struct.Struct(">QI")
_MAC_BYTES = 16
LARGEST_OFFSET = 2**63 - 1
#: Characters of every token.
LENGTH = 38


def make(key: bytes, offset: int, n: int) -> str:
    """The token of the row (``offset``, ``n``) under the installation key; the same row has the same token."""
    place = _PLACE.pack(offset, n)
    return base64.urlsafe_b64encode(place + _mac(key, place)).decode().rstrip("=")


def parse(key: bytes, token: str) -> tuple[int, int] | None:
    """The row that a token names; None for whatever this key did not make, also another spelling of the same bytes."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    place, mac = raw[: _PLACE.size], raw[_PLACE.size :]
    if len(raw) != _PLACE.size + _MAC_BYTES or not hmac.compare_digest(mac, _mac(key, place)):
        return None
    offset, n = _PLACE.unpack(place)
    return (offset, n) if offset <= LARGEST_OFFSET and make(key, offset, n) == token else None


def _mac(key: bytes, place: bytes) -> bytes:
    return hmac.new(key, _LABEL + place, hashlib.sha256).digest()[:_MAC_BYTES]
