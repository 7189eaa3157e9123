"""What an event says, whatever its spelling: the RFC 8785 form, its digest, and the fractions as written (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
import rfc8785

_BOM = b"\xef\xbb\xbf"
#: What may keep a sorted document from being its RFC 8785 form: a fraction, an exponent, an integer that may be beyond
#: 2^53; and keys beyond the basic plane, which sort otherwise. Inside a text they only cost the slow way.
_NUMBER = re.compile(rb"[:\[,]-?\d(?:\d{15}|\d*[.eE])")
_ASTRAL = re.compile(rb"[\xf0-\xf4]")
_encode = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode


class Content(NamedTuple):
    """``exact`` is the document with fractions as Decimal, ``digest`` a SHA-256 (hex).

    ``signed`` is the RFC 8785 form without ``sig`` (None = none, or there is no ``sig``).
    """

    exact: dict[str, Any]
    digest: str
    signed: bytes | None


def content(document: dict[str, Any], payload: bytes, flags: set[str]) -> Content:
    """The content of ``document``, which was parsed from ``payload``.

    Where it has no RFC 8785 form (NaN, integers beyond 2^53, a key twice in one object, half a surrogate pair) the
    digest is that of the bytes. Adds ``duplicate_keys`` and ``not_canonical`` to ``flags``.
    """
    rest = {key: value for key, value in document.items() if key != "sig"} if document.get("sig") is not None else None
    if _is_plain(document, payload):
        digest = hashlib.sha256(_sorted(document)).hexdigest()
        return Content(document, digest, None if rest is None else _sorted(rest))
    exact = _exact(payload, flags)
    try:
        if "duplicate_keys" not in flags:
            digest = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
            return Content(exact or document, digest, None if rest is None else rfc8785.dumps(rest))
    except (rfc8785.CanonicalizationError, ValueError, RecursionError):
        pass
    flags.add("not_canonical")
    return Content(exact or document, hashlib.sha256(payload).hexdigest(), None)


def _is_plain(document: dict[str, Any], payload: bytes) -> bool:
    """Whether the sender spelled all but the order of keys as RFC 8785 does; true of most, and ten times as fast."""
    try:
        compact = msgspec.json.format(payload.removeprefix(_BOM), indent=-1)
        if compact != _encode(document) or _NUMBER.search(compact) is not None:
            return False
        return compact.isascii() or _ASTRAL.search(compact) is None
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def _exact(payload: bytes, flags: set[str]) -> dict[str, Any]:
    """The event again, with fractions as they were written, so that no weight goes through a float."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            flags.add("duplicate_keys")
        return found

    try:
        document = json.loads(
            payload.decode("utf-8-sig"), parse_float=Decimal, parse_int=_integer, object_pairs_hook=once
        )
    except (ValueError, InvalidOperation, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= 20 else Decimal(text)
