"""Checks the whole ledger of an installation from its stored bytes, as a stranger would (``hygeia custody verify``).

Reads only: one read transaction of the state, the file of the last signed head, and the ledger's key. Nothing of
``custody.ledger`` is used: who checks must not make the same mistake. Every level is checked against the stored level
below it, so that one change has one name:

========================  ==================================================================================
``entry_missing``         the numbers of entries have a gap
``entry_changed``         bytes do not have the stored leaf hash
``node``                  a stored inner hash is not that of the two below it, or is missing or too many
``unreadable``            the bytes of an entry are no entry
``chain``                 an entry does not follow the one before it of the same entity
``link``                  the table of links says something else than the entries
``checkpoint``            what is stored as a signed head is none, or of another size
``checkpoint_signature``  a signed head has no right signature
``checkpoint_root``       a signed head has another root: entries and hashes were made anew after it was signed
``truncated``             a signed head covers more entries than there are
``behind_head``           the head kept outside has more entries than the state: an older state was put back
``fork``                  the head kept outside has another root at its size
``heads_missing``         a head is kept outside, and the state has none
``old_head``              the head kept outside is older than the newest in the state
``head_missing``          there are signed heads, and none is kept outside
========================  ==================================================================================
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from custody.evidence.verify import Key, Note

#: Told how many entries were checked, now and then.
Progress = Callable[[int], None]
_STEP = 5000


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong; ``entry`` is the number of the entry, None where it is of none."""

    kind: str
    entry: int | None
    detail: str


class _Link(msgspec.Struct, gc=False):
    entity: str
    entity_seq: int
    entity_prev: str | None


class _Entry(msgspec.Struct, gc=False):
    kind: str
    at: int
    offset: int
    links: list[_Link]


class _Origin(msgspec.Struct):
    old_head: str | None = None


class _Cites(msgspec.Struct):
    body: _Origin


_decode = msgspec.json.Decoder(_Entry).decode


class _Level:
    """The stored hashes of one level, asked for in their order."""

    def __init__(self, connection: sqlite3.Connection, level: int) -> None:
        query = "SELECT idx, hash FROM ledger_nodes WHERE level = ? ORDER BY idx"
        self._rows: Iterator[tuple[int, bytes]] = connection.execute(query, (level,))
        self._next = next(self._rows, None)
        self._passed: list[int] = []

    def at(self, place: int) -> bytes | None:
        """The hash number ``place``; None where there is none."""
        row = self._next
        while row is not None and row[0] < place:
            self._passed.append(row[0])
            row = next(self._rows, None)
        self._next = row
        if row is None or row[0] != place:
            return None
        self._next = next(self._rows, None)
        found: bytes = row[1]
        return found

    def surplus(self) -> list[int]:
        """The numbers of hashes that nobody asked for."""
        rest = [] if self._next is None else [self._next[0], *(place for place, _ in self._rows)]
        return [*self._passed, *rest]


class LedgerCheck:
    """One pass over the ledger. ``key_of`` gives the verifier key under a name; ``head`` is the note kept outside."""

    def __init__(
        self, connection: sqlite3.Connection, key_of: Callable[[str], Key], head: bytes | None, progress: Progress
    ) -> None:
        self._connection = connection
        self._key_of = key_of
        self._outside = head
        self._progress = progress
        self.faults: list[Fault] = []
        self.size = 0
        self._peaks: list[bytes] = []
        self._heads: dict[str, tuple[int, str]] = {}
        self._links = 0
        self._whole = True
        self._cited: set[str] = set()

    def run(self) -> list[Fault]:
        """Every fault, in the order of the entries; then those of heads."""
        notes = self._notes()
        due = {note.size for note in notes.values()}
        outside = self._head()
        due |= {outside.size} if outside is not None else set()
        roots = self._entries(due)
        for note in notes.values():
            self._signed(note, roots)
        self._against_head(outside, notes, roots)
        self._table_of_links()
        return self.faults

    def _fault(self, kind: str, entry: int | None, detail: str) -> None:
        self.faults.append(Fault(kind, entry, detail))

    def _notes(self) -> dict[tuple[str, int], Note]:
        """The signed heads of the state, as far as they are any."""
        found = {}
        for origin, size, text in self._connection.execute(
            "SELECT origin, size, note FROM ledger_checkpoints ORDER BY size, at"
        ):
            try:
                note = Note(str(text).encode())
            except (ValueError, TypeError) as error:
                self._fault("checkpoint", None, f"the head of {origin} over {size} entries: {error}")
                continue
            if (note.origin, note.size) != (origin, size):
                self._fault(
                    "checkpoint", None, f"the head of {origin} over {size} entries says {note.origin}, {note.size}"
                )
            found[origin, size] = note
        return found

    def _head(self) -> Note | None:
        if self._outside is None:
            return None
        try:
            return Note(self._outside)
        except (ValueError, TypeError) as error:
            self._fault("checkpoint", None, f"the head kept outside: {error}")
            return None

    def _entries(self, due: set[int]) -> dict[int, bytes]:
        """Check all entries; gives the roots at the sizes that are asked for."""
        roots = {0: sha256(b"").digest()}
        nodes = [_Level(self._connection, level) for level in range(1, 64)]
        rows = self._connection.execute('SELECT idx, kind, "offset", at, bytes, leaf FROM ledger_entries ORDER BY idx')
        for idx, kind, offset, at, raw, leaf in rows:
            if idx != self.size:
                self._fault("entry_missing", self.size, f"entries {self.size} to {idx - 1} are missing")
                # What covers the gap cannot be worked out any more.
                self._whole = False
                self.size = idx
            if sha256(b"\0" + raw).digest() != leaf:
                self._fault("entry_changed", idx, "the bytes are not those of which the leaf hash was taken")
            self._entry(idx, (kind, offset, at), raw, leaf)
            if self._whole:
                self._grow(idx, leaf, nodes)
            self.size += 1
            if self.size in due and self._whole:
                roots[self.size] = self._root()
            if self.size % _STEP == 0:
                self._progress(self.size)
        for level, rest in enumerate(nodes if self._whole else (), 1):
            for place in rest.surplus():
                self._fault("node", place << level, f"there is a hash of level {level}, number {place}, of no entries")
        self._progress(self.size)
        return roots

    def _grow(self, idx: int, leaf: bytes, nodes: list[_Level]) -> None:
        """Take one leaf in; every inner hash that it completes must be the stored one."""
        level, node, peaks = 0, leaf, self._peaks
        while idx >> level & 1:
            made = sha256(b"\1" + peaks.pop() + node).digest()
            stored = nodes[level].at(idx >> (level := level + 1))
            if stored != made:
                place = idx >> level
                self._fault(
                    "node", idx, f"the stored hash of level {level}, number {place}, is not that of what it covers"
                )
                # Going on with what is stored keeps one change one fault.
                made = stored or made
            node = made
        peaks.append(node)

    def _root(self) -> bytes:
        root = self._peaks[-1] if self._peaks else b""
        for left in reversed(self._peaks[:-1]):
            root = sha256(b"\1" + left + root).digest()
        return root

    def _entry(self, idx: int, row: tuple[str, int, int], raw: bytes, leaf: bytes) -> None:
        try:
            entry = _decode(raw)
        except msgspec.DecodeError as error:
            self._fault("unreadable", idx, str(error))
            return
        if (entry.kind, entry.offset, entry.at) != row:
            self._fault("entry_changed", idx, "kind, offset or time of the row are not those of the entry")
        heads, own = self._heads, leaf.hex()
        for link in entry.links:
            entity, seq = link.entity, link.entity_seq
            before = heads.get(entity)
            if link.entity_prev != (before and before[1]) or seq != (before[0] + 1 if before else 0):
                self._fault("chain", idx, f"entry {seq} of {entity} does not follow the one before it")
            heads[entity] = (seq, own)
            # Text is hashed (SipHash) with a secret of this process: nobody can make two tables with one sum.
            self._links += hash(f"{entity}\0{seq}\0{idx}")
        if entry.kind == "origin":
            cited = msgspec.json.decode(raw, type=_Cites).body.old_head
            self._cited |= {cited} if cited else set()

    def _signed(self, note: Note, roots: dict[int, bytes]) -> None:
        """One signed head against the entries that it covers."""
        name = f"the head of {note.origin} over {note.size} entries"
        try:
            right = self._key_of(note.origin).signed_note(note.body, note.lines)
        except ValueError:
            right = False
        if not right:
            self._fault("checkpoint_signature", None, f"{name} is not signed by the ledger's key")
        if note.size > self.size:
            self._fault("truncated", None, f"{name}: only {self.size} are there")
        elif roots.get(note.size, note.root) != note.root:
            self._fault("checkpoint_root", None, f"{name} has another root than the entries")

    def _against_head(self, head: Note | None, notes: dict[tuple[str, int], Note], roots: dict[int, bytes]) -> None:
        if head is None:
            if notes and self._outside is None:
                self._fault(
                    "head_missing", None, "no signed head is kept outside the state: ledger.head_file is missing"
                )
            return
        if self._outside is not None and self._outside.decode() in self._cited:
            return  # the way out of docs/operations.md: a new origin cites it
        name = f"the head kept outside ({head.origin}, {head.size} entries)"
        try:
            right = self._key_of(head.origin).signed_note(head.body, head.lines)
        except ValueError:
            right = False
        if not right:
            self._fault("checkpoint_signature", None, f"{name} is not signed by the ledger's key")
        if head.size > self.size:
            self._fault("behind_head", None, f"{name}: the state has {self.size}; an older state was put back")
        elif roots.get(head.size, head.root) != head.root:
            self._fault("fork", None, f"{name} has another root than the entries")
        elif not notes:
            self._fault("heads_missing", None, f"{name} was signed, and the state has no signed head at all")
        elif head.size < max(size for _, size in notes):
            self._fault("old_head", None, f"{name} is older than the newest in the state: an older file was put back")

    def _table_of_links(self) -> None:
        """The table by which entries are found must say what the entries say."""
        rows = self._connection.execute("SELECT entity, seq, idx FROM ledger_links")
        if sum(hash(f"{entity}\0{seq}\0{idx}") for entity, seq, idx in rows) == self._links:
            return
        known = self._connection.execute("SELECT entity, seq, idx FROM ledger_links ORDER BY idx")
        listed: dict[int, set[tuple[str, int]]] = {}
        for entity, seq, idx in known:
            listed.setdefault(idx, set()).add((entity, seq))
        for idx, raw in self._connection.execute("SELECT idx, bytes FROM ledger_entries ORDER BY idx"):
            try:
                own = {(link.entity, link.entity_seq) for link in _decode(raw).links}
            except msgspec.DecodeError:
                continue
            for entity, seq in sorted(own ^ listed.pop(idx, set())):
                words = "has no link" if (entity, seq) in own else "has a link that the entry does not have"
                self._fault("link", idx, f"entry {seq} of {entity} {words}")
        for idx, pairs in sorted(listed.items()):
            self._fault("link", idx, f"there are links of an entry that does not exist: {min(pairs)[0]}")


def open_reading(state: Path) -> sqlite3.Connection:
    """A connection that cannot write, in a read transaction: what a running gateway adds meanwhile is not seen."""
    connection = sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA mmap_size = 1073741824")
    connection.execute("BEGIN")
    # The transaction sees what is committed at its first read.
    connection.execute("SELECT count(*) FROM ledger_checkpoints").fetchone()
    return connection
