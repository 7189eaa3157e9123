"""The registry as it was: every version of every entry stands in the state with the offset that brought it."""

from __future__ import annotations

import sqlalchemy as sa

from devices.registry import Registry
from gateway import state


def load_registry(registry: Registry, engine: sa.Engine, upto: int) -> None:
    """Put the registry as of record ``upto`` into ``registry``, forgetting what was there."""
    table = state.registry
    newest = (
        sa.select(table.c.kind, table.c.id, sa.func.max(table.c.offset).label("offset"))
        .where(table.c.offset <= upto)
        .group_by(table.c.kind, table.c.id)
        .subquery()
    )
    query = sa.select(table.c.kind, table.c.id, table.c.body, table.c.offset).join(
        newest,
        sa.and_(table.c.kind == newest.c.kind, table.c.id == newest.c.id, table.c.offset == newest.c.offset),
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    version = max((row.offset for row in rows), default=-1)
    registry.load(((row.kind, row.id, row.body) for row in rows if row.body is not None), version)
