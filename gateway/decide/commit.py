"""One transaction a batch: every output and decide's cursor, or none of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway import state
from gateway.decide.alerting import KEPT
from gateway.decide.outputs import Outputs
from gateway.journal.record import Kind, Record

CURSOR = "decide"


def batches(records: list[Record]) -> Iterator[list[Record]]:
    """``records`` cut so that a redrive stands alone: it looks up what was committed before it."""
    begin = 0
    for place, record in enumerate(records):
        if record.kind == Kind.REDRIVE:
            if place > begin:
                yield records[begin:place]
            yield [record]
            begin = place + 1
    if begin < len(records):
        yield records[begin:]


def commit(engine: sa.Engine, outputs: Outputs, cursor: int, counters: Mapping[str, int]) -> None:
    """Write ``outputs``, the counters and the cursor durably; raises SQLAlchemyError and has written nothing then."""
    with engine.begin() as connection:
        _facts(connection, outputs)
        _standing(connection, outputs)
        _totals(connection, cursor, counters)


def read_cursor(engine: sa.Engine) -> int:
    """The offset of the last decided record, -1 = none."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(state.cursors.c.offset).where(state.cursors.c.name == CURSOR)).scalar()
    return -1 if found is None else int(found)


def _facts(connection: sa.Connection, outputs: Outputs) -> None:
    if outputs.copies:
        statement = upsert(state.copies).on_conflict_do_nothing()
        connection.execute(statement, [{"sha256": key, "bytes": raw} for key, raw in outputs.copies.items()])
    for table, rows in (
        (state.outcomes, outputs.outcomes),
        (state.registry, outputs.registry),
        (state.transitions, outputs.transitions),
        (state.findings, outputs.findings),
        (state.links, outputs.links),
        (state.custody_events, outputs.custody_events),
        (state.ledger_entries, outputs.entries),
        (state.ledger_links, outputs.entry_links),
        (state.ledger_nodes, outputs.nodes),
        (state.outbox, outputs.outbox),
        (state.told, outputs.told),
        (state.answers, outputs.answers),
    ):
        if rows:
            connection.execute(table.insert(), rows)
    if outputs.custody_links:
        connection.execute(upsert(state.custody_links).on_conflict_do_nothing(), outputs.custody_links)


def _standing(connection: sa.Connection, outputs: Outputs) -> None:
    _containers(connection, outputs)
    if outputs.alerts:
        connection.execute(_ALERT, list(outputs.alerts.values()))
    for row in outputs.sessions:
        connection.execute(_SESSION, row)
    for row in outputs.settled:
        where = (state.outbox.c.offset == row["offset"]) & (state.outbox.c.n == row["n"])
        values = {"state_now": row["state_now"], "settled_by": row["settled_by"]}
        connection.execute(state.outbox.update().where(where).values(values))
    for row in outputs.still_parked:
        where = state.outcomes.c.offset == row["offset"]
        values = {name: row[name] for name in ("reason_now", "detail_now")}
        connection.execute(state.outcomes.update().where(where).values(values))
    for row in outputs.redriven:
        where = state.outcomes.c.offset == row["offset"]
        values = {name: row[name] for name in ("redriven_by", "fate", "detail")}
        connection.execute(state.outcomes.update().where(where).values(values))


def _containers(connection: sa.Connection, outputs: Outputs) -> None:
    for rows, write, remove in (
        (outputs.containers, _CONTAINER, _NO_CONTAINER),
        (outputs.manifests, _MANIFEST, _NO_MANIFEST),
    ):
        gone = [{"gone": name} for name, row in rows.items() if row is None]
        there = [row for row in rows.values() if row is not None]
        if gone:
            connection.execute(remove, gone)
        if there:
            connection.execute(write, there)


def _upsert(table: sa.Table, key: Sequence[str], kept: Sequence[str] = ()) -> sa.Insert:
    statement = upsert(table)
    columns = {name: statement.excluded[name] for name in table.c.keys() if name not in {*key, *kept}}  # noqa: SIM118
    return statement.on_conflict_do_update(index_elements=list(key), set_=columns)


def _keep_newest(table: sa.Table, key: str) -> sa.Insert:
    statement = upsert(table)
    return statement.on_conflict_do_update(index_elements=["name"], set_={key: statement.excluded[key]})


# Made once: in a small batch, making them costs more than all the rest of a commit (530 us with it, 250 without).
_CURSOR = _keep_newest(state.cursors, "offset")
_COUNTER = _keep_newest(state.counters, "value")
# An alert names the versions that it was fired under.
_ALERT = _upsert(state.alerts, ["id"], kept=KEPT)
_CONTAINER = _upsert(state.containers, ["id"])
_NO_CONTAINER = state.containers.delete().where(state.containers.c.id == sa.bindparam("gone"))
_MANIFEST = _upsert(state.manifests, ["id"])
_NO_MANIFEST = state.manifests.delete().where(state.manifests.c.id == sa.bindparam("gone"))
_SESSION = _upsert(state.sessions, ["device", "offset"])


def _totals(connection: sa.Connection, cursor: int, counters: Mapping[str, int]) -> None:
    connection.execute(_CURSOR, [{"name": CURSOR, "offset": cursor}])
    if counters:
        connection.execute(_COUNTER, [{"name": name, "value": value} for name, value in counters.items()])
