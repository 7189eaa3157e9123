"""What a container is called: the canonical text of each id that a terminal read (pure)."""

from __future__ import annotations

import re

#: Kinds of ids (DESIGN 4.2); the first two are hex.
KINDS = ("epc", "tid", "qr", "text")
#: Bytes of an EPC by the header of its scheme where the scheme has a fixed length (GS1 TDS 2.3, section 14), in whole
#: 16-bit words as a reader reports them.
_EPC_BYTES = dict.fromkeys((0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x3C, 0x3F), 12) | {
    0x36: 26,
    0x37: 22,
    0x38: 26,
    0x39: 26,
    0x3A: 16,
    0x3E: 22,
    0x40: 14,
    0x41: 28,
}
#: An EPC or TID: 8 to 62 bytes.
_HEX = re.compile(r"(?:[0-9A-F]{2}){8,62}")
_LONGEST = 256


def container_ids(ids: object, flags: set[str]) -> list[str]:
    """The canonical text of every id, sorted and distinct; what has no text is left out.

    ``qr`` and ``text`` are taken as they are, ``epc`` and ``tid`` as upper-case hex. Adds ``no_ids`` and ``bad_id`` to
    ``flags``; an id that is no tag content stays, as somebody read it.
    """
    if not isinstance(ids, list):
        flags.add("bad_id")
        return []
    if not ids:
        flags.add("no_ids")
    found = set()
    for one in ids:
        kind, raw = (one.get("k"), one.get("v")) if isinstance(one, dict) else (None, one)
        text = raw.strip() if isinstance(raw, str) and len(raw) <= _LONGEST else ""
        if kind in KINDS[:2]:
            text, good = _tag(text.upper(), epc=kind == "epc")
        else:
            good = kind in KINDS
        if not text or not good:
            flags.add("bad_id")
        if text:
            found.add(text.encode("utf-8", "replace").decode())
    return sorted(found)


def _tag(text: str, *, epc: bool) -> tuple[str, bool]:
    """(canonical hex, whether it is the content of a tag).

    An EPC of a fixed-length scheme loses the zeros that a reader adds behind it; other schemes stay as they are.
    """
    if _HEX.fullmatch(text) is None or not text.strip("0"):
        return text, False
    length = 2 * _EPC_BYTES.get(int(text[:2], 16), 0) if epc else 0
    if not length:
        return text, True
    if len(text) < length or text[length:].strip("0"):
        return text, False
    return text[:length], True
