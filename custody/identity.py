"""What a container is called: the canonical text of each id that a terminal read (pure)."""

from __future__ import annotations

import re

from custody.epc import canonical
from custody.fact import ContainerId

#: Kinds of ids (DESIGN 4.2); the first two are hex.
KINDS = ("epc", "tid", "qr", "text")
#: What one text is called that was read as several kinds.
_LEADING = {"qr": 0, "epc": 1, "text": 2}
#: An EPC or TID: 8 to 62 bytes.
_HEX = re.compile(r"(?:[0-9A-F]{2}){8,62}")
#: Class identifiers of ISO/IEC 15963 with which the content of a TID bank begins.
_TID = ("E0", "E2")
_LONGEST = 256
#: Stands between the elements of a GS1 code (General Specifications, 7.8.3); nothing else that does not print may.
_SEPARATOR = "\x1d"


def read_ids(ids: object, flags: set[str]) -> list[ContainerId]:
    """The ids of ``ids``, sorted by text and distinct.

    ``qr`` and ``text`` are taken as they are, ``epc`` as upper-case hex without the zeros that a reader adds. A ``tid``
    says what chip it is and names no container, a blank tag nothing at all: both are left out. Adds ``no_ids``,
    ``no_identity`` and ``bad_id`` to ``flags``; an id that is no tag content, or does not print, stays as
    somebody read it.
    """
    if not isinstance(ids, list):
        flags.add("bad_id")
        return []
    found: dict[str, ContainerId] = {}
    for raw in ids:
        one = read_id(raw, flags)
        if one is not None and (one.v not in found or _rank(one) < _rank(found[one.v])):
            found[one.v] = one
    if not found:
        flags.add("no_identity" if ids else "no_ids")
    return [found[text] for text in sorted(found)]


def read_id(raw: object, flags: set[str], plain: str | None = None) -> ContainerId | None:
    """One id; ``plain`` is the kind of a bare text (None = bare text is an id of unknown kind). None = no identity."""
    kind, sent = (raw.get("k"), raw.get("v")) if isinstance(raw, dict) else (plain, raw)
    text = sent.strip() if isinstance(sent, str) and len(sent) <= _LONGEST else ""
    if not text:
        flags.add("bad_id")
        return None
    if kind == "tid":
        if _HEX.fullmatch(text.upper()) is None:
            flags.add("bad_id")
        return None
    if kind == "epc":
        return _epc(text.upper(), flags)
    if not isinstance(kind, str) or kind not in _LEADING:
        flags.add("bad_id")
        kind = "text"
    text = text.encode("utf-8", "replace").decode()
    if not text.replace(_SEPARATOR, "").isprintable():
        flags.add("bad_id")
    return ContainerId(kind, text)


def _rank(one: ContainerId) -> int:
    return _LEADING[one.k]


def _epc(text: str, flags: set[str]) -> ContainerId | None:
    if _HEX.fullmatch(text) is None:
        flags.add("bad_id")
        return ContainerId("epc", text.encode("utf-8", "replace").decode())
    if text.startswith(_TID) or not text.strip("0"):
        flags.add("bad_id")
        return None
    found = canonical(text)
    if not found.good:
        flags.add("bad_id")
    return ContainerId("epc", found.text, found.uri)
