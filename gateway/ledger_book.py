"""The ledger as it is committed: what readers ask of its tables, in one read transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from custody.ledger.checkpoint import Checkpoint
from custody.ledger.checkpoint import parse as parse_checkpoint
from custody.ledger.entry import parse as parse_entry
from custody.ledger.merkle import peaks, root_at
from custody.ledger.note import Note, parse_note
from gateway import state

#: Entries fetched at a time.
PIECE = 1000
#: The entity of entries about the ledger: what each day leaves, and its names.
ITSELF = "ledger"


class Signed(NamedTuple):
    """A signed head: the note and what it says."""

    note: Note
    head: Checkpoint


class Opened(NamedTuple):
    """Under which name the ledger goes on since entry ``idx`` of kind ``origin``; ``body`` is that entry's."""

    idx: int
    body: dict[str, Any]


class Stored(NamedTuple):
    """An entry as it is stored."""

    idx: int
    raw: bytes
    leaf: bytes


def signed(raw: bytes) -> Signed:
    """A head from the bytes of its note; whose signature it is, is not asked. Raises NoteError."""
    note = parse_note(raw)
    return Signed(note, parse_checkpoint(note.text))


class Book:
    """Reads the ledger through ``connection``; what it says holds for the moment at which its transaction began."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.size = size_of(connection)

    def node(self, level: int, idx: int) -> bytes:
        """A stored node, see ``custody.ledger.merkle``. Raises LookupError."""
        if level == 0:
            entries = state.ledger_entries
            query = sa.select(entries.c.leaf).where(entries.c.idx == idx)
        else:
            nodes = state.ledger_nodes
            query = sa.select(nodes.c.hash).where(nodes.c.level == level, nodes.c.idx == idx)
        found = self._connection.execute(query).scalar()
        if found is None:
            raise LookupError(f"the hash over entries {idx << level} to {(idx + 1 << level) - 1} is missing")
        return bytes(found)

    def nodes(self, level: int, first: int, last: int) -> list[tuple[int, bytes]]:
        """(idx, hash) of the stored nodes ``first`` to ``last`` of a level above 0, in order."""
        nodes = state.ledger_nodes
        query = sa.select(nodes.c.idx, nodes.c.hash).where(nodes.c.level == level, nodes.c.idx.between(first, last))
        return [(int(row.idx), bytes(row.hash)) for row in self._connection.execute(query.order_by(nodes.c.idx))]

    def peaks(self, size: int) -> list[bytes]:
        """The hashes of the complete subtrees that make the first ``size`` entries. Raises LookupError."""
        return [self.node(level, idx) for level, idx in peaks(size)]

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries, from stored nodes. Raises LookupError."""
        return root_at(size, self.node)

    def entries(self, start: int) -> Iterator[Stored]:
        """All entries from ``start`` on, in order."""
        table = state.ledger_entries
        query = sa.select(table.c.idx, table.c.bytes, table.c.leaf).where(table.c.idx >= start).order_by(table.c.idx)
        for row in self._connection.execute(query, execution_options={"yield_per": PIECE}):
            yield Stored(int(row.idx), bytes(row.bytes), bytes(row.leaf))

    def openings(self) -> int:
        """The number of the newest entry about the ledger itself, -1 = none: while it stays, so does ``opened``."""
        links = state.ledger_links
        highest = self._connection.execute(sa.select(sa.func.max(links.c.seq)).where(links.c.entity == ITSELF)).scalar()
        return -1 if highest is None else int(highest)

    def opened(self) -> Opened | None:
        """The newest entry of kind ``origin``. Raises EntryError where its bytes are none."""
        table, links = state.ledger_entries, state.ledger_links
        query = (
            sa.select(table.c.idx, table.c.bytes)
            .join(links, links.c.idx == table.c.idx)
            .where(links.c.entity == ITSELF, table.c.kind == "origin")
            .order_by(links.c.seq.desc())
            .limit(1)
        )
        row = self._connection.execute(query).first()
        return None if row is None else Opened(int(row.idx), parse_entry(bytes(row.bytes)).body)

    def newest(self, origin: str | None = None) -> Signed | None:
        """The newest signed head that is on record, of ``origin`` if given. Raises NoteError."""
        found = newest_note(self._connection, origin)
        return None if found is None else signed(found.encode())


def size_of(connection: sa.Connection) -> int:
    """How many entries there are."""
    highest = connection.execute(sa.select(sa.func.max(state.ledger_entries.c.idx))).scalar()
    return 0 if highest is None else int(highest) + 1


def newest_note(connection: sa.Connection, origin: str | None = None) -> str | None:
    """The text of the newest signed head, with the signatures of witnesses so far."""
    table = state.ledger_checkpoints
    if origin is None:
        # There is a head a minute: by insertion, so that nobody sorts the heads of years.
        query = sa.select(table.c.note).order_by(sa.literal_column("rowid").desc())
    else:
        query = sa.select(table.c.note).where(table.c.origin == origin).order_by(table.c.size.desc())
    found = connection.execute(query.limit(1)).scalar()
    return None if found is None else str(found)
