"""JSON as senders write it: parsed without ever raising, to the same result on every machine and stack.

Senders in Python and C write NaN, Infinity and 1e999; such a document is taken, so that one bad value does not cost
its neighbours. Everything else must be JSON (RFC 8259) in UTF-8, with or without a byte order mark.
"""

from __future__ import annotations

import json
import math
import re

import msgspec

#: Deepest nesting of objects and arrays that is taken.
DEPTH = 64

_BOM = b"\xef\xbb\xbf"
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]+|[\]}]+', re.DOTALL)
_parse = msgspec.json.Decoder().decode


class NotJsonError(ValueError):
    """The bytes are no document; the message says where and why."""


def parse(payload: bytes) -> object:
    """The document of ``payload``. Numbers beyond a 64-bit float become infinite. Raises NotJsonError only."""
    if too_deep(payload):
        raise NotJsonError(f"objects and arrays are nested deeper than {DEPTH}")
    payload = payload.removeprefix(_BOM)
    try:
        document: object = _parse(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _lenient(payload)
    return document


def too_deep(payload: bytes) -> bool:
    """Whether the nesting goes beyond ``DEPTH``; what Python itself would take depends on who calls it."""
    if payload.count(b"[") + payload.count(b"{") <= DEPTH:
        return False
    depth = 0
    for found in _BRACKETS.finditer(payload):
        first = payload[found.start()]
        if first in b"[{":
            depth += found.end() - found.start()
            if depth > DEPTH:
                return True
        elif first in b"]}":
            depth -= found.end() - found.start()
    return False


def _lenient(payload: bytes) -> object:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise NotJsonError(f"byte {error.start} is not UTF-8") from None
    try:
        document: object = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise NotJsonError(f"not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise NotJsonError(f"not JSON: {error}") from None
    return document


def _integer(text: str) -> int | float:
    if len(text) <= 400:
        return int(text)
    return -math.inf if text.startswith("-") else math.inf
