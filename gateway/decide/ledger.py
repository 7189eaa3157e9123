"""Entries of the ledger, appended in decide's transaction: bytes, leaf, links of each entity, nodes (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from custody.ledger.entry import entry
from custody.ledger.merkle import Frontier, leaf_hash
from gateway.decide.outputs import Outputs

#: Newest entries of so many entities are remembered; the others are asked for.
HEADS = 50_000
#: (number of the newest entry of an entity, its leaf hash)
Head = tuple[int, bytes]


class Saved(msgspec.Struct):
    """What of the ledger is in a snapshot: the roots of its complete subtrees."""

    size: int = 0
    hashes: list[bytes] = []


class Ledger:
    """Appends entries for a ``Fold``. ``head_of`` answers for entities of which nothing is remembered."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._heads: dict[str, Head] = {}
        self._fresh: dict[str, Head] = {}
        self._offset = -1
        self._n = 0
        self.head_of: Callable[[str, int], Head | None] = _unknown
        #: Every entry names them: software version and version of the registry.
        self.version = ""
        self.registry = -1

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._frontier.size

    def root(self) -> bytes:
        """The RFC 6962 root hash over all entries."""
        return self._frontier.root()

    def head(self, entity: str) -> Head | None:
        """The newest entry of an entity; None where it has none."""
        found = self._fresh.get(entity) or self._heads.get(entity)
        if found is None:
            found = self.head_of(entity, self.size)
            if found is not None:
                self._keep(entity, found)
        return found

    def append(  # noqa: PLR0917 - what an entry is made of
        self, kind: str, entities: Sequence[str], body: dict[str, Any], offset: int, at: int, out: Outputs
    ) -> int:
        """Add one entry about ``entities`` that record ``offset`` brought at journal time ``at``; gives its number."""
        if offset != self._offset:
            self._offset, self._n = offset, 0
        links = []
        for entity in entities:
            before = self.head(entity)
            links.append((entity, 0, None) if before is None else (entity, before[0] + 1, before[1]))
        raw = entry(kind, at, offset, self._n, links, body, self.version, self.registry)
        self._n += 1
        index, leaf = self.size, leaf_hash(raw)
        out.entries.append({"idx": index, "kind": kind, "offset": offset, "at": at, "bytes": raw, "leaf": leaf})
        for entity, seq, _ in links:
            out.entry_links.append({"entity": entity, "seq": seq, "idx": index})
            self._fresh[entity] = (seq, leaf)
        out.nodes += [{"level": level, "idx": at, "hash": node} for level, at, node in self._frontier.append(leaf)]
        return index

    def committed(self) -> None:
        """The entries so far are in the state."""
        for entity, head in self._fresh.items():
            self._keep(entity, head)
        self._fresh.clear()

    def _keep(self, entity: str, head: Head) -> None:
        self._heads.pop(entity, None)
        if len(self._heads) >= HEADS:
            del self._heads[next(iter(self._heads))]
        self._heads[entity] = head

    def dump(self) -> Saved:
        """What a snapshot keeps."""
        return Saved(self._frontier.size, list(self._frontier.hashes))

    def load(self, saved: Saved) -> None:
        """Go on from a snapshot."""
        self._frontier = Frontier(saved.size, list(saved.hashes))
        self._heads.clear()
        self._fresh.clear()


def _unknown(_entity: str, _size: int) -> Head | None:
    return None
