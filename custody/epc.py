"""What the memory of an RFID tag says: one text a content, and its URI (pure; GS1 EPC Tag Data Standard 2.3)."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import NamedTuple

from custody.plus import PlusError, decode_plus, is_plus

with warnings.catch_warnings():
    # Its sources have escapes that Python warns of when it compiles them, which is not the user's concern.
    warnings.simplefilter("ignore")
    from epcpy.utils.common import ConvertException
    from epcpy.utils.parsers import hex_to_tag_encodable

#: Bytes of an EPC by the header of its scheme where the scheme has a fixed length (TDS 2.3, section 14), in whole
#: 16-bit words as a reader reports them.
_BYTES = dict.fromkeys((0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3C, 0x3F), 12) | {
    0x36: 26,
    0x37: 22,
    0x38: 26,
    0x39: 26,
    0x3A: 16,
    0x3E: 22,
    0x40: 14,
    0x41: 28,
}
#: Decoding takes 40 us; a bag is read five to ten times in its life.
_REMEMBERED = 16_384


class Epc(NamedTuple):
    """``text`` is the canonical upper-case hex, ``uri`` empty where the scheme is none of GS1's.

    ``good`` is False where the header names a scheme and what follows is not of it.
    """

    text: str
    uri: str
    good: bool


@lru_cache(_REMEMBERED)
def canonical(text: str) -> Epc:
    """Decode upper-case hex of whole bytes. A company prefix is told only where the scheme says its length."""
    header = int(text[:2], 16)
    if is_plus(header):
        try:
            decoded = decode_plus(text)
        except PlusError:
            return Epc(text, "", good=False)
        return Epc(decoded.text, decoded.uri, good=True)
    length = 2 * _BYTES.get(header, 0)
    if not length:
        return Epc(text, "", good=True)
    if len(text) < length or text[length:].strip("0"):
        return Epc(text, "", good=False)
    text = text[:length]
    try:
        uri = hex_to_tag_encodable(text).epc_uri
    except (ConvertException, ValueError):
        return Epc(text, "", good=False)
    return Epc(text, str(uri), good=True)
