"""The ledger as it stands in the state, for those who read it: entries, chains, proofs, the newest signed head."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa

from custody.ledger.merkle import inclusion

_CHUNK = 900


class Head(msgspec.Struct, frozen=True):
    """A signed head: ``note`` is the C2SP checkpoint as it was signed, ``at`` ms since 1970 UTC."""

    origin: str
    size: int
    at: int
    note: str


class LedgerRows:
    """Questions about the ledger over one open connection, whose transaction makes the answers agree."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._nodes: dict[tuple[int, int], bytes] = {}

    def head(self) -> Head | None:
        """The newest signed head; None before the first."""
        query = "SELECT origin, size, at, note FROM ledger_checkpoints ORDER BY at DESC, size DESC LIMIT 1"
        row = self._connection.exec_driver_sql(query).first()
        return None if row is None else Head(*row)

    def chain(self, entity: str) -> list[int]:
        """The numbers of all entries of an entity, in their order; the place in the list is their ``entity_seq``."""
        query = "SELECT idx FROM ledger_links WHERE entity = ? ORDER BY seq"
        return [int(idx) for (idx,) in self._connection.exec_driver_sql(query, (entity,))]

    def entries(self, indices: Iterable[int]) -> dict[int, bytes]:
        """The bytes of entries by their number."""
        wanted = sorted(indices)
        found: dict[int, bytes] = {}
        for begin in range(0, len(wanted), _CHUNK):
            chunk = tuple(wanted[begin : begin + _CHUNK])
            query = f"SELECT idx, bytes FROM ledger_entries WHERE idx IN ({', '.join('?' * len(chunk))})"  # noqa: S608 - only marks
            found |= {int(idx): bytes(raw) for idx, raw in self._connection.exec_driver_sql(query, chunk)}
        return found

    def span(self, begin: int, end: int) -> tuple[int, int] | None:
        """The first and the last entry with ``begin`` <= journal time < ``end`` (ms); None where there is none."""
        query = "SELECT min(idx), max(idx) FROM ledger_entries WHERE at >= ? AND at < ?"
        first, last = self._connection.exec_driver_sql(query, (begin, end)).one()
        return None if first is None else (int(first), int(last))

    def naming(self, entity: str, kind: str, text: str, after: int = -1) -> list[int]:
        """The entries of an entity and kind beyond entry ``after`` whose bytes contain ``text``, oldest first."""
        query = (
            "SELECT e.idx FROM ledger_links l JOIN ledger_entries e ON e.idx = l.idx"
            " WHERE l.entity = ? AND l.idx > ? AND e.kind = ? AND instr(e.bytes, ?) > 0 ORDER BY l.seq LIMIT 400"
        )
        rows = self._connection.exec_driver_sql(query, (entity, after, kind, text.encode()))
        return [int(idx) for (idx,) in rows]

    def at_offsets(self, offsets: Sequence[int], kind: str) -> list[int]:
        """The entries of a kind that these journal records brought."""
        query = 'SELECT idx FROM ledger_entries WHERE "offset" = ? AND kind = ?'
        return [int(idx) for one in offsets for (idx,) in self._connection.exec_driver_sql(query, (one, kind))]

    def proof(self, index: int, size: int) -> list[bytes]:
        """The inclusion proof of an entry in the tree of the first ``size`` entries."""
        return inclusion(index, size, self._node)

    def _node(self, level: int, idx: int) -> bytes:
        found = self._nodes.get((level, idx))
        if found is None:
            query = "SELECT hash FROM ledger_nodes WHERE level = ? AND idx = ?"
            args: tuple[int, ...] = (level, idx)
            if level == 0:
                query, args = "SELECT leaf FROM ledger_entries WHERE idx = ?", (idx,)
            found = self._nodes[level, idx] = bytes(self._connection.exec_driver_sql(query, args).scalar_one())
        return found

    def copies(self, digests: Iterable[str]) -> list[bytes]:
        """The raw bytes with these SHA-256, as far as they are kept."""
        query = "SELECT bytes FROM copies WHERE sha256 = ?"
        rows = (self._connection.exec_driver_sql(query, (one,)).scalar() for one in sorted(digests))
        return [bytes(raw) for raw in rows if raw is not None]

    def segments(self, offsets: Iterable[int]) -> list[int]:
        """The entries of the journal segments in which these records are, as far as they are closed."""
        wanted = sorted(offsets)
        query = (
            "SELECT e.idx, e.bytes FROM ledger_links l JOIN ledger_entries e ON e.idx = l.idx"
            ' WHERE l.entity = ? AND e.kind = ? AND e."offset" > ? ORDER BY l.seq'
        )
        found = []
        if wanted:
            for idx, raw in self._connection.exec_driver_sql(query, ("journal", "segment", wanted[0])):
                body = json.loads(raw)["body"]
                if any(body["first"] <= one <= body["last"] for one in wanted):
                    found.append(int(idx))
                if body["last"] >= wanted[-1]:
                    break
        return found
