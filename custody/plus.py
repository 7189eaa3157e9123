"""The "+" schemes of GS1 EPC Tag Data Standard 2.3, section 14.5: keys without the length of a company prefix (pure).

They map to a GS1 Digital Link URI only. ``epcpy`` does not know them.
"""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import quote

#: File-safe base 64 and URN Code 40 of sections 14.5.6.4 and 14.5.6.5.
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODE40 = " ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
#: Characters of GS1 General Specifications, figure 7.11-1.
_GS1 = frozenset("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
#: Bits of a 16-bit word, in which tags are read.
_WORD = 16
_HOST = "https://id.gs1.org"


class PlusError(ValueError):
    """The bits are not of the scheme that their header names."""


class Plus(NamedTuple):
    """``text`` is the hex of the scheme's own bits in whole words, ``uri`` the Digital Link."""

    text: str
    uri: str


class _Scheme(NamedTuple):
    """``digits`` of the key under the application identifier ``key``, then a serial under ``serial``.

    Without a ``serial`` the longer text goes on behind the key. ``longest`` 0 = the key alone; ``digits`` 0 = digits up
    to a delimiter.
    """

    key: str
    digits: int
    serial: str
    longest: int


_SCHEMES = {
    0xF1: _Scheme("8003", 14, "", 16),  # GRAI+
    0xF2: _Scheme("414", 13, "254", 20),  # SGLN+
    0xF4: _Scheme("8018", 18, "", 0),  # GSRN+
    0xF7: _Scheme("01", 14, "21", 20),  # SGTIN+
    0xF9: _Scheme("00", 18, "", 0),  # SSCC+
    0xFA: _Scheme("8004", 0, "", 30),  # GIAI+
}


def is_plus(header: int) -> bool:
    """Whether the header is that of a scheme that ``decode_plus`` knows."""
    return header in _SCHEMES


class _Bits:
    """The bits of a tag, taken from the left."""

    def __init__(self, text: str) -> None:
        self._value = int(text, 16)
        self._left = 4 * len(text)
        self.taken = 0

    def take(self, count: int) -> int:
        self._left -= count
        self.taken += count
        if self._left < 0:
            raise PlusError("the bits end too early")
        return (self._value >> self._left) & ((1 << count) - 1)

    def digit(self) -> str:
        found = self.take(4)
        if found > 9:
            raise PlusError(f"{found:X} is no digit")
        return str(found)

    @property
    def rest(self) -> int:
        return self._value & ((1 << self._left) - 1)


def decode_plus(text: str) -> Plus:
    """The key and serial in the hex of a tag of a "+" scheme. Raises PlusError.

    What stands behind it where the tag says that it carries more data (+AIDC data, section 14.5.2) is not looked at.
    """
    bits = _Bits(text)
    scheme = _SCHEMES[bits.take(8)]
    more = bits.take(1)
    bits.take(3)  # the filter value, which is for readers
    key = "".join(bits.digit() for _ in range(scheme.digits))
    serial = ""
    if not scheme.digits:
        key = _delimited(bits, scheme.longest)
    elif scheme.longest:
        serial = _text(bits, scheme.longest)
    if bits.rest and not more:
        raise PlusError("bits that the scheme has not")
    length = -(-bits.taken // _WORD) * _WORD // 4
    # A word that the tag's other data share is kept without them.
    own = (int(text, 16) >> (4 * len(text) - bits.taken)) << (length * 4 - bits.taken)
    behind = f"/{scheme.serial}/{quote(serial, safe='')}" if scheme.serial and serial else quote(serial, safe="")
    return Plus(f"{own:0{length}X}", f"{_HOST}/{scheme.key}/{quote(key, safe='')}{behind}")


def _delimited(bits: _Bits, longest: int) -> str:
    """Digits until F (end) or E (a text follows), section 14.5.5."""
    digits = ""
    while (found := bits.take(4)) < 10:
        digits += str(found)
    if found == 0xE:
        digits += _text(bits, longest - len(digits))
    elif found != 0xF:
        raise PlusError(f"{found:X} is neither digit nor delimiter")
    if not 4 < len(digits) <= longest:
        raise PlusError(f"{len(digits)} characters")
    return digits


def _text(bits: _Bits, longest: int) -> str:
    """A text of variable length with its encoding and length before it, section 14.5.6."""
    encoding, length = bits.take(3), bits.take(5)
    if not 0 < length <= longest:
        raise PlusError(f"{length} characters")
    if encoding == 0:
        return _integer(bits, length)
    if encoding in {1, 2}:
        digits = "".join(f"{bits.take(4):X}" for _ in range(length))
        return digits if encoding == 1 else digits.lower()
    if encoding == 3:
        return "".join(_BASE64[bits.take(6)] for _ in range(length))
    if encoding == 4:
        return _ascii(bits, length)
    if encoding == 5:
        return _code40(bits, length)
    raise PlusError(f"encoding {encoding}")


def _integer(bits: _Bits, length: int) -> str:
    found = str(bits.take(math.ceil(length * math.log2(10))))
    if len(found) > length:
        raise PlusError(f"{found} has more than {length} digits")
    return found.zfill(length)


def _ascii(bits: _Bits, length: int) -> str:
    text = "".join(chr(bits.take(7)) for _ in range(length))
    if not _GS1.issuperset(text):
        raise PlusError("characters that GS1 has not")
    return text


def _code40(bits: _Bits, length: int) -> str:
    text = ""
    while len(text) < length:
        word = bits.take(16) - 1
        if not 0 <= word < 40**3:
            raise PlusError("no word of URN Code 40")
        text += _CODE40[word // 1600] + _CODE40[word // 40 % 40] + _CODE40[word % 40]
    if text[length:].strip() or " " in text[:length]:
        raise PlusError("padding of URN Code 40 that is none")
    return text[:length]
