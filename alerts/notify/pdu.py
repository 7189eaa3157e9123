"""Short messages as a GSM modem takes them: SMS-SUBMIT in PDU mode (pure).

Sources: 3GPP TS 23.040 (9.2.2.2 SMS-SUBMIT, 9.2.3.24.1 concatenation), 23.038 (6.2.1 default alphabet, UCS2), 27.005
(AT+CMGS counts the octets after the service centre's address).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

#: The default alphabet but for its extension table; the place of a character is its code.
GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_CODES = {mark: code for code, mark in enumerate(GSM7) if mark != "\x1b"}
#: Octets of user data; with a header of 6 octets for one of several parts.
MOST_OCTETS = 140
_HEADER_OCTETS = 6
_SEPTETS, _SEPTETS_OF_PART = 160, 153
#: The network tries for a day (relative validity: 12 h + (n - 143) * 30 min).
_VALID_A_DAY = 167
_NUMBER = re.compile(r"\+?[0-9*#]{3,20}")
_IGNORED = re.compile(r"[\s().-]")


class Pdu(NamedTuple):
    """One part: hexadecimal text for the modem, and the octets that AT+CMGS announces."""

    hex: str
    octets: int


def submits(number: str, text: str, key: str) -> list[Pdu]:
    """The parts of a message, in order. ``key`` gives the parts their common reference, the same at every try.

    Raises:
        ValueError: the number is none, or the text is longer than 255 parts.
    """
    seven = all(mark in _CODES for mark in text)
    parts = _septet_parts(text) if seven else _ucs2_parts(text)
    if len(parts) > 255:
        raise ValueError(f"the text has {len(parts)} parts; allowed: 255")
    address, reference = _address(number), hashlib.sha256(key.encode()).digest()[0]
    several = len(parts) > 1
    found = []
    for place, part in enumerate(parts, 1):
        header = bytes([5, 0, 3, reference, len(parts), place]) if several else b""
        data, length = _packed(part, header) if seven else (header + part, len(header) + len(part))
        first = 0x11 | (0x40 if several else 0)  # SMS-SUBMIT, relative validity; a header where there are several
        coding = 0x00 if seven else 0x08
        body = bytes([first, 0]) + address + bytes([0, coding, _VALID_A_DAY, length]) + data
        found.append(Pdu("00" + body.hex().upper(), len(body)))
    return found


def is_number(text: str) -> bool:
    """Whether a telephone number may be dialled."""
    return _NUMBER.fullmatch(_IGNORED.sub("", text)) is not None


def _address(number: str) -> bytes:
    """Digits in swapped pairs, with how many and of which kind (international or not)."""
    plain = _IGNORED.sub("", number)
    if not _NUMBER.fullmatch(plain):
        raise ValueError("not a telephone number")
    digits = plain.removeprefix("+")
    kind = 0x91 if plain.startswith("+") else 0x81
    nibbles = [_DIGITS.index(mark) for mark in digits] + ([0xF] if len(digits) % 2 else [])
    pairs = bytes(high << 4 | low for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))
    return bytes([len(digits), kind]) + pairs


_DIGITS = "0123456789*#"


def _septet_parts(text: str) -> list[bytes]:
    codes = bytes(_CODES[mark] for mark in text)
    size = _SEPTETS if len(codes) <= _SEPTETS else _SEPTETS_OF_PART
    return [codes[begin : begin + size] for begin in range(0, len(codes), size)] or [b""]


def _ucs2_parts(text: str) -> list[bytes]:
    whole = text.encode("utf-16-be", "replace")
    if len(whole) <= MOST_OCTETS:
        return [whole]
    return list(_cut(text, MOST_OCTETS - _HEADER_OCTETS))


def _cut(text: str, most: int) -> Iterator[bytes]:
    """Parts of at most ``most`` octets; a character of two units (an emoji) is never divided."""
    part = b""
    for mark in text:
        code = mark.encode("utf-16-be", "replace")
        if len(part) + len(code) > most:
            yield part
            part = b""
        part += code
    yield part


def _packed(codes: bytes, header: bytes) -> tuple[bytes, int]:
    """Septets packed behind a header that ends on a septet's boundary, and the length in septets."""
    skipped = -(-len(header) * 8 // 7)
    bits = int.from_bytes(header, "little")
    for place, code in enumerate(codes, skipped):
        bits |= code << (7 * place)
    length = skipped + len(codes)
    return bits.to_bytes(-(-length * 7 // 8), "little"), length
