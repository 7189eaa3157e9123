"""The signed head of the ledger as people see it: which one covers an entry, and its short code for paper."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import sqlalchemy as sa

from gateway import state

_TABLE = state.ledger_checkpoints
#: Base32 letters of the root that a short code has: 50 bits. Whoever wants to be sure compares the whole root.
_LETTERS = 10


def covering(connection: sa.Connection, entry: int) -> dict[str, Any] | None:
    """The newest signed head that covers ``entry``; None where none was signed since."""
    statement = (
        sa.select(_TABLE).where(_TABLE.c.size > entry).order_by(_TABLE.c.at.desc(), _TABLE.c.size.desc()).limit(1)
    )
    return _head(connection.execute(statement).mappings().first())


def of_time(connection: sa.Connection, start: int, end: int) -> dict[str, Any] | None:
    """The newest head that was signed in ``start`` <= time < ``end``; ms since 1970 UTC."""
    statement = (
        sa.select(_TABLE)
        .where(_TABLE.c.at >= start, _TABLE.c.at < end)
        .order_by(_TABLE.c.at.desc(), _TABLE.c.size.desc())
        .limit(1)
    )
    return _head(connection.execute(statement).mappings().first())


def short_code(size: int, root: bytes) -> str:
    """``SIZE-LETTERS``: the size finds the head again, the letters say whether it is the same."""
    return f"{size}-{base64.b32encode(root).decode()[:_LETTERS]}"


def _head(row: sa.RowMapping | None) -> dict[str, Any] | None:
    """``origin, size, at, root`` (base64) and ``code`` of a row; the third line of a note is the root (C2SP)."""
    if row is None:
        return None
    lines = str(row["note"]).split("\n")
    written = lines[2] if len(lines) > 2 else ""
    try:
        root = base64.b64decode(written, validate=True)
    except binascii.Error:
        root = b""
    code = short_code(row["size"], root) if root else str(row["size"])
    return {"origin": row["origin"], "size": row["size"], "at": row["at"], "root": written, "code": code}
