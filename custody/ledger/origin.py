"""The way out when a ledger may not be signed on: a new name that cites the last head of the old one (pure).

A restored backup, or a state that somebody changed, can no longer show that it goes on from the last signed head.
Signing it under the same name would be a fork; so an entry of kind ``origin`` says who goes on, why, and from what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from custody.ledger.checkpoint import parse as parse_checkpoint
from custody.ledger.note import NoteError, parse_note

#: The command that asks for it, and its arguments.
REOPEN = "ledger.reopen"
MOST_REASON = 200
_ARGUMENTS = ("origin", "reason", "old_head")
_ORIGIN = re.compile(r"[^\s+\u0000-\u0020]{1,200}")


def origin_faults(args: Mapping[str, Any]) -> list[str]:
    """All that is wrong with the arguments of the command; what decide adds of its own cannot be wrong."""
    faults = [f"{name}: is no argument of {REOPEN}; allowed: {', '.join(_ARGUMENTS)}"
              for name in sorted(set(args) - set(_ARGUMENTS))]  # fmt: skip
    origin, reason, old = (args.get(name) for name in _ARGUMENTS)
    if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
        faults.append(f"origin: {str(origin)[:60]!r}; allowed: 1 to 200 characters without space and +")
    if not isinstance(reason, str) or not 1 <= len(reason) <= MOST_REASON or not reason.isprintable():
        faults.append(f"reason: allowed: 1 to {MOST_REASON} printable characters; it stays in the ledger for ever")
    if old not in {None, ""}:
        try:
            if cited_origin(str(old)) == origin:
                faults.append(f"origin: {origin!r} is the old one; allowed: a name that this ledger never had")
        except NoteError as error:
            faults.append(f"old_head: {error}; allowed: the text of a signed head, or nothing where there is none")
    return faults


def origin_body(args: Mapping[str, Any], size: int, root: bytes) -> dict[str, Any]:
    """The body of the entry of kind ``origin``; ``size`` and ``root`` are those of the ledger before it.

    ``args`` have no faults (``origin_faults``). ``old_head`` is the text of the last signed head, None without one.
    """
    return {
        "origin": args["origin"],
        "reason": args["reason"],
        "old_head": args.get("old_head") or None,
        "size": size,
        "root": root.hex(),
    }


def cited_origin(note: str) -> str:
    """The origin of a signed head. Raises NoteError."""
    return parse_checkpoint(parse_note(note.encode("utf-8", "replace")).text).origin
