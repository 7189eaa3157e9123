"""The same journal decided again from zero gives the same outputs (DESIGN 1): the proof, table by table."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from gateway import state
from gateway.decide.commit import batches, commit
from gateway.decide.fold import Fold
from gateway.decide.lookup import StateLookup
from gateway.decide.outputs import Outputs
from gateway.journal.reader import Reader

#: What decide writes. ``settings``, accounts, attempts and what stores refuse are not its outputs.
TABLES = (
    state.outcomes,
    state.copies,
    state.registry,
    state.alerts,
    state.transitions,
    state.findings,
    state.sessions,
    state.links,
    state.custody_events,
    state.custody_links,
    state.containers,
    state.manifests,
    state.ledger_entries,
    state.ledger_links,
    state.ledger_nodes,
    state.outbox,
    state.told,
    state.answers,
    state.counters,
    state.cursors,
)


def decide_again(journal: Path, last: int, key: bytes, root: str, engine: sa.Engine) -> Fold:
    """Fold records 0 to ``last`` into the empty state of ``engine`` and return the fold."""
    fold, reader, lookup = Fold(key, root), Reader(journal), StateLookup(engine)
    at = 0
    while at <= last:
        for batch in batches(reader.read(at, end=last)):
            out = Outputs()
            for record in batch:
                fold.step(record, lookup, out)
            at = batch[-1].offset + 1
            commit(engine, out, at - 1, fold.counters)
            fold.messages.committed()
    return fold


def differences(one: sa.Engine, other: sa.Engine) -> list[str]:
    """What two states do not agree on, a line a table and row; empty = the same outputs."""
    found = []
    for table in TABLES:
        rows, others = _rows(one, table), _rows(other, table)
        found += [f"{table.name}: only in the first: {row}" for row in sorted(rows - others)]
        found += [f"{table.name}: only in the second: {row}" for row in sorted(others - rows)]
    return found


def _rows(engine: sa.Engine, table: sa.Table) -> set[str]:
    with engine.connect() as connection:
        return {repr(tuple(row)) for row in connection.execute(sa.select(table))}
