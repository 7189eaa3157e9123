"""Credentials of broker accounts: digests in an erasable table, kept by the command layer (DESIGN 1, invariant 10).

A version is never used twice: not for an account that was revoked and comes back, and not where the table was lost and
only the ledger knows of it. Times are ms since 1970 UTC of the machine's own clock. Any thread; whoever changes
something brings a transaction that holds the write lock (``gateway.database.writing``).
"""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa

from gateway.broker.passwords import DIGEST
from gateway.broker.rights import SOURCE
from gateway.state import credentials, ledger_entries, ledger_links


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was made for an account. None for ``digest`` or ``serial``: as in the version before."""

    account: Annotated[str, msgspec.Meta(max_length=80)]
    digest: Annotated[str, msgspec.Meta(pattern=DIGEST)] | None = None
    serial: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{1,40}$")] | None = None
    expires_at: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None


def issue(connection: sa.Connection, given: Given) -> int:
    """Put the next version of an account in force and those before out of it; returns its number."""
    now = time.time_ns() // 1_000_000
    rows = _rows(connection, given.account)
    last = next((row for row in rows if row["revoked_at"] is None), None)
    old = last or {"digest": "", "serial": "", "expires_at": None}
    carried = given.serial is None
    row: dict[str, Any] = {
        "name": given.account,
        "version": 1 + max(rows[0]["version"] if rows else 0, _told(connection, given.account)),
        "digest": old["digest"] if given.digest is None else given.digest,
        "serial": old["serial"] if carried else given.serial,
        "issued_at": now,
        "expires_at": old["expires_at"] if carried else given.expires_at,
    }
    _end(connection, given.account, now)
    connection.execute(credentials.insert().values(row))
    return int(row["version"])


def revoke(connection: sa.Connection, account: str) -> int:
    """Put all versions of an account out of force; returns the version that was in force, 0 where none was."""
    now = time.time_ns() // 1_000_000
    held = [row["version"] for row in _rows(connection, account) if row["revoked_at"] is None]
    _end(connection, account, now)
    return int(max(held, default=0))


def listed(engine: sa.Engine) -> list[dict[str, Any]]:
    """All rows, by account and version."""
    query = sa.select(credentials).order_by(credentials.c.name, credentials.c.version)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _rows(connection: sa.Connection, account: str) -> list[dict[str, Any]]:
    """The rows of an account, the newest first."""
    query = sa.select(credentials).where(credentials.c.name == account).order_by(credentials.c.version.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def _told(connection: sa.Connection, account: str) -> int:
    """The newest version of an account that the ledger tells of, 0 where it tells of none."""
    links, entries = ledger_links.c, ledger_entries.c
    entity = "operator" if account.startswith(SOURCE) else f"device:{account}"
    query = sa.select(entries.bytes).join(ledger_links, links.idx == entries.idx)
    query = query.where(links.entity == entity, entries.kind == "command")
    query = query.where(sa.func.instr(entries.bytes, f'"account":"{account}"'.encode()) > 0)
    found = connection.execute(query.order_by(links.seq.desc())).scalars()
    named = (msgspec.json.decode(raw)["body"]["named"] for raw in found)
    return max((int(one.get("version", 0)) for one in named if one.get("account") == account), default=0)


def _end(connection: sa.Connection, account: str, now: int) -> None:
    """What is no longer in force keeps its version and serial, and no hash."""
    table = credentials.c
    connection.execute(
        credentials.update().where(table.name == account, table.revoked_at.is_(None)).values(revoked_at=now, digest="")
    )
