"""Entries of the ledger: what they say and their one form in bytes, RFC 8785 JSON of integers and text (pure).

An entry is written once; whoever checks it hashes the bytes as they are stored and never writes them anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
import rfc8785

#: What entries are about; a reader leaves alone what it does not know.
KINDS = frozenset({"custody", "alert", "command", "segment", "device_day", "heads", "origin"})
VERSION = 1
#: Beyond it, a reader in another language may not hold an integer exactly (RFC 8785 section 3.2.2.3).
_LARGEST = 2**53 - 1
_KEYS = frozenset({"v", "kind", "at", "offset", "n", "version", "registry", "links", "body"})
_LINK_KEYS = frozenset({"entity", "entity_seq", "entity_prev"})
_HASH = re.compile(r"[0-9a-f]{64}")


class EntryError(ValueError):
    """Not an entry; the message says why, in one line."""


class Link(msgspec.Struct, frozen=True):
    """Entry number ``seq`` (from 0) of ``entity``; ``prev`` is the leaf hash of the one before, None for the first."""

    entity: str
    seq: int
    prev: bytes | None


class Entry(msgspec.Struct, frozen=True):
    """One entry. ``at`` is the journal time in ms UTC, ``offset`` the record that brought it, ``n`` its place there."""

    kind: str
    at: int
    offset: int
    n: int
    version: str
    registry: int
    links: tuple[Link, ...]
    body: dict[str, Any]


def entry(  # noqa: PLR0917 - all eight are what an entry is; decide calls it in one place
    kind: str,
    at: int,
    offset: int,
    n: int,
    links: Sequence[tuple[str, int, bytes | None]],
    body: dict[str, Any],
    version: str,
    registry: int,
) -> bytes:
    """The bytes of an entry.

    Raises:
        EntryError: ``body`` holds what an entry cannot: a fraction, an integer beyond 2^53-1, a lone surrogate.
    """
    whole: dict[str, Any] = {
        "v": VERSION,
        "kind": kind,
        "at": at,
        "offset": offset,
        "n": n,
        "version": version,
        "registry": registry,
        "links": [
            {"entity": entity, "entity_seq": seq, "entity_prev": None if prev is None else prev.hex()}
            for entity, seq, prev in links
        ],
        "body": body,
    }
    return canonical(whole)


def canonical(value: dict[str, Any]) -> bytes:
    """The RFC 8785 form of an object of integers, text, truth values and null.

    Where all keys are ASCII, and ours are, sorting by UTF-8 and by UTF-16 is the same: ``msgspec`` then writes what
    ``rfc8785`` writes, in a fiftieth of the time (a property test compares them).

    Raises:
        EntryError: it holds something else, or text that is not Unicode (a lone surrogate).
    """
    try:
        if _ascii_keys(value):
            return msgspec.json.encode(value, order="sorted")
        return rfc8785.dumps(value)
    except (UnicodeEncodeError, rfc8785.CanonicalizationError, RecursionError) as error:
        msg = f"entry: cannot be written as RFC 8785 JSON: {type(error).__name__}"
        raise EntryError(msg) from None


def parse(raw: bytes) -> Entry:
    """Read the bytes of an entry, strictly.

    Raises:
        EntryError: they are not the RFC 8785 form of an entry (a key twice, a fraction, another order or key).
    """
    try:
        whole = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_float=_refused, parse_constant=_refused)
    except EntryError:
        raise
    except (ValueError, RecursionError) as error:
        msg = f"entry: not JSON of the ledger: {type(error).__name__}"
        raise EntryError(msg) from None
    if not isinstance(whole, dict) or whole.keys() != _KEYS:
        msg = f"entry: keys must be {', '.join(sorted(_KEYS))}"
        raise EntryError(msg)
    if canonical(whole) != raw:
        msg = "entry: the bytes are not the RFC 8785 form of what they say"
        raise EntryError(msg)
    return _checked(whole)


def _checked(whole: dict[str, Any]) -> Entry:
    numbers = ("at", "offset", "n", "registry")
    faults = [f"{key} must be an integer" for key in numbers if type(whole[key]) is not int]
    faults += [f"{key} must be text" for key in ("kind", "version") if not isinstance(whole[key], str)]
    if type(whole["v"]) is not int or whole["v"] != VERSION:
        faults.append(f"v must be {VERSION}")
    if not isinstance(whole["body"], dict):
        faults.append("body must be an object")
    links: list[Any] = whole["links"] if isinstance(whole["links"], list) else [None]
    if not all(map(_is_link, links)):
        faults.append("links must be objects of entity, entity_seq (from 0) and entity_prev (64 hex digits or null)")
    if faults:
        raise EntryError("entry: " + "; ".join(faults))
    return Entry(
        kind=whole["kind"],
        at=whole["at"],
        offset=whole["offset"],
        n=whole["n"],
        version=whole["version"],
        registry=whole["registry"],
        links=tuple(Link(one["entity"], one["entity_seq"], _prev(one["entity_prev"])) for one in links),
        body=whole["body"],
    )


def _prev(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _is_link(one: object) -> bool:
    if not isinstance(one, dict) or one.keys() != _LINK_KEYS or not isinstance(one["entity"], str):
        return False
    seq, prev = one["entity_seq"], one["entity_prev"]
    if type(seq) is not int or seq < 0:
        return False
    if prev is None:
        return seq == 0
    return seq > 0 and isinstance(prev, str) and _HASH.fullmatch(prev) is not None


def _ascii_keys(whole: dict[str, Any]) -> bool:
    """Whether all keys are ASCII; raises EntryError for what is no part of an entry."""
    ascii_only = True
    open_ends: list[Any] = [whole]
    while open_ends:
        value = open_ends.pop()
        if isinstance(value, str) or value is None:
            continue
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    msg = f"entry: the key {key!r:.60} is not text"
                    raise EntryError(msg)
                ascii_only &= key.isascii()
            open_ends.extend(value.values())
        elif isinstance(value, list | tuple):
            open_ends.extend(value)
        elif not isinstance(value, int):
            msg = f"entry: {value!r:.60} is not integer, text, list or object; fractions are written as decimal text"
            raise EntryError(msg)
        elif not -_LARGEST <= value <= _LARGEST:
            msg = f"entry: {value} is beyond 2^53-1"
            raise EntryError(msg)
    return ascii_only


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        msg = "entry: a key stands twice in one object"
        raise EntryError(msg)
    return made


def _refused(text: str) -> NoReturn:
    msg = f"entry: {text[:40]} is not an integer"
    raise EntryError(msg)
