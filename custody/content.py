"""What an event says, whatever its spelling: the RFC 8785 form, its digest, and the fractions as written (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, NamedTuple

import msgspec
import rfc8785

from devices.codecs.document import parse

_LARGEST = 2**53 - 1
#: Keys beyond the basic plane sort otherwise.
_ASTRAL = re.compile(rb"[\xf0-\xf4]")
_encode = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode

_Value = None | bool | str | Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
_Inner = _Value | dict[str, _Value]
#: As deep as the events of DESIGN 4.2 are.
_plain = msgspec.json.Decoder(dict[str, _Inner | list[_Inner]]).decode


class Document(NamedTuple):
    """An event as JSON. ``plain``: without fractions and integers beyond 2^53, so its numbers have one spelling."""

    value: object
    plain: bool


def read(payload: bytes) -> Document:
    """The document of ``payload``. Raises ``NotJsonError`` only."""
    try:
        return Document(_plain(payload), plain=True)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Document(parse(payload), plain=False)


class Content(NamedTuple):
    """``exact`` is the document with fractions as Decimal, ``digest`` a SHA-256 (hex).

    ``signed`` is the RFC 8785 form without ``sig`` (None = none, or there is no ``sig``).
    """

    exact: dict[str, Any]
    digest: str
    signed: bytes | None


def content(document: dict[str, Any], payload: bytes, flags: set[str], *, plain: bool) -> Content:
    """The content of ``document``, which ``read`` found in ``payload``.

    Where it has no RFC 8785 form (NaN, integers beyond 2^53, a key twice in one object, half a surrogate pair) the
    digest is that of the bytes. Adds ``duplicate_keys`` and ``not_canonical`` to ``flags``.
    """
    rest = {key: value for key, value in document.items() if key != "sig"} if document.get("sig") is not None else None
    if plain and _is_spelt_so(document, payload):
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


def _is_spelt_so(document: dict[str, Any], payload: bytes) -> bool:
    """Whether the sender wrote all but the order of keys as RFC 8785 does; true of most, and ten times as fast."""
    written = _encode(document)
    if payload != written and msgspec.json.format(payload, indent=-1) != written:
        return False
    return written.isascii() or _ASTRAL.search(written) is None


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
