"""What a fold may ask of the state: facts of earlier records, read in the journal's order."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway import state
from gateway.decide.fold import Parked


class StateLookup:
    """``Lookup`` over the tables of ``gateway.state``. Asked only for custody events and redrives, so a query each."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def event(self, terminal: str, event_id: str, before: int) -> tuple[int, str] | None:
        """See ``Lookup.event``."""
        table = state.custody_events
        query = (
            sa.select(table.c.offset, table.c.digest)
            .where(table.c.terminal == terminal, table.c.event_id == event_id, table.c.offset < before)
            .order_by(table.c.offset)
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (int(row[0]), str(row[1]))

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
