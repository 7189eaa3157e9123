"""A ledger in a state database, written as decide writes it, and a notary over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.ledger.entry import entry
from custody.ledger.merkle import Frontier, leaf_hash
from custody.ledger.note import key_of, signed_by
from gateway import state
from gateway.config.model import Ledger
from gateway.database import open_state, upgrade
from gateway.doubt import Doubt
from gateway.ledger_book import Book, Signed
from gateway.notary import Asker, Notary

ORIGIN = "test.example/ledger/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = 1_795_312_200_000


class Stopped:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ms = NOW

    def now_ms(self) -> int:
        """Wall time."""
        return self.ms

    def monotonic(self) -> float:
        """Seconds on the same scale."""
        return self.ms / 1000

    def wall_seconds(self, seconds: float) -> float:
        """As real seconds."""
        return seconds


class Rows:
    """The tables of a ledger; every ``add`` is one committed transaction."""

    def __init__(self, path: Path) -> None:
        self.engine = open_state(path)
        upgrade(self.engine)
        self.frontier = Frontier()
        self._heads: dict[str, tuple[int, bytes]] = {}

    def add(self, count: int = 1, kind: str = "custody", entity: str = "container:b-1", **body: Any) -> None:
        """Append entries."""
        entries, links, nodes = [], [], []
        for _ in range(count):
            idx = self.frontier.size
            before = self._heads.get(entity)
            link = (entity, 0, None) if before is None else (entity, before[0] + 1, before[1])
            raw = entry(kind, NOW + idx, idx, 0, [link], body or {"n": idx}, "1", 0)
            leaf = leaf_hash(raw)
            self._heads[entity] = (link[1], leaf)
            entries.append({"idx": idx, "kind": kind, "offset": idx, "at": NOW, "bytes": raw, "leaf": leaf})
            links.append({"entity": entity, "seq": link[1], "idx": idx})
            nodes += [{"level": level, "idx": at, "hash": made} for level, at, made in self.frontier.append(leaf)]
        with self.engine.begin() as connection:
            tables = ((state.ledger_entries, entries), (state.ledger_links, links), (state.ledger_nodes, nodes))
            for table, rows in tables:
                if rows:
                    connection.execute(table.insert(), rows)

    def notes(self) -> list[str]:
        """The heads on record, oldest first."""
        with self.engine.connect() as connection:
            table = state.ledger_checkpoints
            return [str(row.note) for row in connection.execute(sa.select(table).order_by(sa.text("rowid")))]

    def roots(self) -> dict[int, bytes]:
        """The root at each size, from stored nodes."""
        with self.engine.connect() as connection:
            book = Book(connection)
            return {size: book.root(size) for size in range(book.size + 1)}

    def run(self, statement: str) -> None:
        """Do something to the tables that nobody should."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)


class Office:
    """A notary that is looked through by hand; ``alarms`` are those that stand."""

    def __init__(
        self, rows: Rows, folder: Path, asker: Asker | None = None, doubt: Doubt | None = None, **settings: Any
    ) -> None:
        self.clock = Stopped()
        self.alarms: set[str] = set()
        self.replayed = True
        self.file = folder / "head"
        self.notary = Notary(
            rows.engine,
            KEY,
            Ledger(**{"origin": ORIGIN} | settings),
            self.file,
            zone=ZoneInfo("Asia/Shanghai"),
            clock=self.clock,
            alarm=self._alarm,
            replayed=lambda: self.replayed,
            witnesses=asker,
            doubt=doubt,
        )

    def _alarm(self, name: str, *, on: bool) -> None:
        (self.alarms.add if on else self.alarms.discard)(name)

    def look(self, *, later_s: float = 0, at_once: bool = False) -> Signed | None:
        """Let the notary look once, after so many seconds; gives the newest head."""
        self.clock.ms += round(later_s * 1000)
        self.notary.look_safely(at_once=at_once)
        newest = self.notary.newest
        assert newest is None or signed_by(newest.note, key_of(newest.head.origin, KEY))
        return newest
