"""Merkle trees of RFC 6962 section 2.1: hashes, a growing frontier, inclusion and consistency proofs (pure).

A *node* ``(level, idx)`` is the hash of the complete subtree over leaves ``[idx << level, (idx + 1) << level)``; those
of level 0 are the leaf hashes. Nodes never change once they exist: a log that only grows only ever adds nodes.
All hashes are SHA-256, 32 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
#: Root hash of the empty tree (RFC 6962 section 2.1).
EMPTY = sha256(b"").digest()
#: No tree is larger; a proof never has more hashes than bits in its size.
MAX_SIZE = 2**63 - 1
#: Gives the hash of the stored node (level, idx).
Node = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry; the prefix 0x00 keeps an entry from ever being taken for an inner node."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of the inner node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def peaks(size: int) -> list[tuple[int, int]]:
    """The complete subtrees that make a tree of ``size`` leaves, as (level, idx), from left (largest) to right."""
    found = []
    start = 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


class Frontier:
    """A tree of which only the roots of its complete subtrees are kept, ``hashes`` from left to right (``peaks``)."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count():
            msg = f"ledger: {len(hashes)} subtree hashes do not make a tree of {size} entries, {size.bit_count()} do"
            raise ValueError(msg)
        self.size = size
        self.hashes = list(hashes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf hash; gives the nodes of level 1 and up that it completes, lowest first."""
        at = self.size
        self.size += 1
        made = []
        level = 0
        while at & 1:
            leaf = node_hash(self.hashes.pop(), leaf)
            at >>= 1
            level += 1
            made.append((level, at, leaf))
        self.hashes.append(leaf)
        return made

    def root(self) -> bytes:
        """The root hash over all leaves so far."""
        return _folded(self.hashes)


def root_at(size: int, node: Node) -> bytes:
    """The root of the tree that the first ``size`` leaves make, from stored nodes."""
    return _folded([node(level, idx) for level, idx in peaks(size)])


def inclusion(idx: int, size: int, node: Node) -> list[bytes]:
    """The proof that leaf ``idx`` is in the tree of the first ``size`` leaves (RFC 6962 section 2.1.1).

    Raises:
        ValueError: there is no such leaf in a tree of that size.
    """
    if not 0 <= idx < size:
        msg = f"ledger: entry {idx} is not in a tree of {size} entries"
        raise ValueError(msg)
    return [_subtree(start, end, node) for start, end in _path(idx, size)]


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 6962 section 2.1.2).

    It is empty for ``old`` 0 and for equal sizes, where there is nothing to show.

    Raises:
        ValueError: ``old`` is greater than ``new``, or negative.
    """
    if not 0 <= old <= new:
        msg = f"ledger: a tree of {old} entries is not the beginning of one of {new}"
        raise ValueError(msg)
    if old in (0, new):
        return []
    return [_subtree(start, end, node) for start, end in _between(old, new)]


def verify_inclusion(idx: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows that the leaf hash is entry ``idx`` of the tree with that size and root.

    Anything may be handed in; what is not a proof is False, never an error.
    """
    if not (_size(idx) and _size(size) and idx < size and _hashes(leaf, root) and _proof(proof)):
        return False
    spans = list(_path(idx, size))
    if len(spans) != len(proof):
        return False
    made = leaf
    for (start, _), sibling in zip(spans, proof, strict=True):
        made = node_hash(sibling, made) if start < idx else node_hash(made, sibling)
    return made == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree (old, old_root) is the beginning of the tree (new, new_root).

    Nothing can be shown of an empty tree: ``old`` 0 is False. Anything may be handed in, see ``verify_inclusion``.
    """
    if not (_size(old) and _size(new) and 0 < old <= new and _hashes(old_root, new_root) and _proof(proof)):
        return False
    if old == new:
        return not proof and old_root == new_root
    spans = list(_between(old, new))
    # A complete old tree is itself a node of the new one: its root is known and stands in no proof.
    given = [old_root, *proof] if old.bit_count() == 1 else list(proof)
    if old.bit_count() == 1:
        spans = [(0, old), *spans]
    if len(spans) != len(given):
        return False
    (start, end), made_old, made_new = spans[0], given[0], given[0]
    for (left, right), sibling in zip(spans[1:], given[1:], strict=True):
        if left < start:
            made_new = node_hash(sibling, made_new)
            made_old = node_hash(sibling, made_old)
        else:
            made_new = node_hash(made_new, sibling)
        start, end = min(start, left), max(end, right)
    return (start, end) == (0, new) and made_old == old_root and made_new == new_root


def _folded(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY
    made = hashes[-1]
    for left in reversed(hashes[:-1]):
        made = node_hash(left, made)
    return made


def _split(count: int) -> int:
    """The largest power of two that is smaller than ``count`` (RFC 6962 calls it k)."""
    return 1 << ((count - 1).bit_length() - 1)


def _path(idx: int, size: int) -> Iterator[tuple[int, int]]:
    """The spans of leaves [start, end) beside the way from leaf ``idx`` up to the root, lowest first."""
    start, end = 0, size
    spans = []
    while end - start > 1:
        middle = start + _split(end - start)
        if idx < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return reversed(spans)


def _between(old: int, new: int) -> Iterator[tuple[int, int]]:
    """The spans of a consistency proof: lowest first; the old tree as a whole is left out (0 < old < new)."""
    start, end = 0, new
    spans = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return reversed(spans)


def _subtree(start: int, end: int, node: Node) -> bytes:
    """Hash of the tree over leaves [start, end); ``start`` is where the split of a larger tree put it."""
    return _folded([node(level, (start >> level) + idx) for level, idx in peaks(end - start)])


def _size(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_SIZE


def _hashes(*values: object) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_BYTES for value in values)


def _proof(proof: object) -> bool:
    return isinstance(proof, list | tuple) and len(proof) <= MAX_SIZE.bit_length() and _hashes(*proof)
