"""What a fold may ask of the state: facts of earlier records, read in the journal's order."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from custody.fact import Fact
from gateway import state
from gateway.decide.fold import Parked

_decode = msgspec.msgpack.Decoder(Fact).decode

_EVENT = (
    'SELECT "offset", digest FROM custody_events WHERE terminal = ? AND event_id = ? AND "offset" < ? AND decided < ?'
    ' ORDER BY "offset" LIMIT 1'
)
_FACTS = (
    'SELECT e."offset", e.fact FROM custody_links l JOIN custody_events e ON e."offset" = l."offset"'
    " WHERE l.entity = ? AND l.ts >= ? AND l.ts <= ? AND l.decided < ?"
)
_NAMED = 'SELECT "offset", fact FROM custody_events WHERE event_id = ? AND decided < ?'
_SPEAKING = 'SELECT "offset", fact FROM custody_events WHERE "of" = ? AND decided < ?'
_HEAD = (
    "SELECT l.seq, e.leaf FROM ledger_links l JOIN ledger_entries e ON e.idx = l.idx"
    " WHERE l.entity = ? AND l.idx < ? ORDER BY l.seq DESC LIMIT 1"
)
#: Facts that are remembered as they were taken apart.
DECODED = 30_000
_EVER = (-(2**62), 2**62)


class StateLookup:
    """``Lookup`` over the tables of ``gateway.state``. Asked only for custody events and redrives, so a query each.

    One connection is kept from the first question until ``release``: opening one costs more than a question.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._decoded: dict[int, Fact] = {}
        self._open: sa.PoolProxiedConnection | None = None

    def release(self) -> None:
        """Let the connection go; what is committed until the next question will be seen by it."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _rows(self, query: str, *parameters: Any) -> list[Any]:  # noqa: ANN401 - whatever the driver takes
        if self._open is None:
            self._open = self._engine.raw_connection()
        # The driver's own: SQLAlchemy takes four times as long as SQLite does.
        cursor = self._open.cursor()
        cursor.execute(query, parameters)
        return list(cursor.fetchall())

    def event(self, terminal: str, event_id: str, before: int) -> tuple[int, str] | None:
        """See ``Lookup.event``."""
        rows = self._rows(_EVENT, terminal, event_id, before, before)
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def facts(self, entity: str, since: int | None, until: int | None, before: int) -> list[Fact]:
        """See ``Lookup.facts``."""
        begin, end = _EVER[0] if since is None else since, _EVER[1] if until is None else until
        return self._facts(self._rows(_FACTS, entity, begin, end, before))

    def named(self, event_id: str, before: int) -> list[Fact]:
        """See ``Lookup.named``."""
        return self._facts(self._rows(_NAMED, event_id, before))

    def speaking(self, event_id: str, before: int) -> list[Fact]:
        """See ``Lookup.speaking``."""
        return self._facts(self._rows(_SPEAKING, event_id, before))

    def _facts(self, rows: list[Any]) -> list[Fact]:
        """Facts of rows of (offset, bytes), those of before as the same objects: taking one apart costs 10 us."""
        found = []
        for offset, raw in rows:
            if raw:
                fact = self._decoded.get(offset)
                if fact is None:
                    if len(self._decoded) >= DECODED:
                        self._decoded.clear()
                    fact = self._decoded[offset] = _decode(raw)
                found.append(fact)
        return found

    def head(self, entity: str, size: int) -> tuple[int, bytes] | None:
        """See ``Lookup.head``."""
        rows = self._rows(_HEAD, entity, size)
        return (int(rows[0][0]), bytes(rows[0][1])) if rows else None

    def parked(self, wanted: dict[str, Any], before: int) -> list[Parked]:
        """See ``Lookup.parked``; what an earlier redrive took back is not found again."""
        table = state.outcomes
        query = (
            sa.select(table, state.copies.c.bytes)
            .join(state.copies, state.copies.c.sha256 == table.c.copy)
            .where(
                table.c.offset < before,
                table.c.reason != "too_large",
                sa.or_(
                    sa.and_(table.c.fate == "parked", table.c.redriven_by.is_(None)),
                    table.c.redriven_by >= before,
                ),
            )
            .order_by(table.c.offset)
        )
        if "offsets" in wanted:
            query = query.where(table.c.offset.in_(wanted["offsets"]))
        elif "reason" in wanted:
            query = query.where(table.c.reason == wanted["reason"])
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Parked(
                offset=row["offset"],
                topic=row["topic"].encode(),
                received_at=row["received_at"],
                payload=row["bytes"],
                qos=row["qos"],
                reason=row["reason"],
            )
            for row in rows
        ]
