"""The Merkle log against the vectors of RFC 6962, and every proof of every small tree."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.ledger.merkle import (
    EMPTY,
    MAX_SIZE,
    Frontier,
    consistency,
    inclusion,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)

SIZES = 130


class Tree:
    """A grown tree with its nodes and the root at each size."""

    def __init__(self, size: int) -> None:
        self.leaves = [leaf_hash(b"entry %d" % n) for n in range(size)]
        self.nodes = {(0, idx): leaf for idx, leaf in enumerate(self.leaves)}
        frontier = Frontier()
        self.roots = [frontier.root()]
        for leaf in self.leaves:
            self.nodes |= {(level, idx): made for level, idx, made in frontier.append(leaf)}
            self.roots.append(frontier.root())

    def node(self, level: int, idx: int) -> bytes:
        """A stored node."""
        return self.nodes[level, idx]


@pytest.fixture(scope="module")
def tree() -> Tree:
    """A tree that no test changes."""
    return Tree(SIZES)


def recursive(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1, word by word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(recursive(leaves[:k]), recursive(leaves[k:]))


def test_roots_are_those_of_the_definition(tree: Tree) -> None:
    """The frontier and the stored nodes give the root of the recursive definition at every size."""
    assert tree.roots[0] == EMPTY
    for size in range(SIZES + 1):
        assert tree.roots[size] == recursive(tree.leaves[:size]) == root_at(size, tree.node)


def test_only_complete_subtrees_become_nodes(tree: Tree) -> None:
    """A node is stored when and only when all its leaves are there, so none ever changes."""
    expected = {(level, idx) for level in range(8) for idx in range(SIZES >> level)}
    assert tree.nodes.keys() == expected


def test_every_inclusion_proof_of_every_small_tree(tree: Tree) -> None:
    """All (entry, size) to 130: the proof holds, and neither for another place, size nor leaf."""
    for size in range(SIZES + 1):
        for idx in range(size):
            proof, leaf, root = inclusion(idx, size, tree.node), tree.leaves[idx], tree.roots[size]
            assert verify_inclusion(idx, size, leaf, proof, root)
            assert not verify_inclusion(idx, size, node_hash(leaf, leaf), proof, root)
            assert not verify_inclusion(idx, size, leaf, [*proof, leaf], root)
            assert not verify_inclusion((idx + 1) % size, size, leaf, proof, root) or size == 1
            assert not proof or not verify_inclusion(idx, size, leaf, proof[:-1], root)


def test_every_consistency_proof_of_every_small_tree(tree: Tree) -> None:
    """All (old, new) to 130: the proof holds, and not for another old root, another new one, or a hash less or more."""
    for new in range(1, SIZES + 1):
        for old in range(1, new + 1):
            proof, before, after = consistency(old, new, tree.node), tree.roots[old], tree.roots[new]
            assert verify_consistency(old, new, before, after, proof)
            assert not verify_consistency(old, new, EMPTY, after, proof)
            assert not verify_consistency(old, new, before, EMPTY, proof)
            assert not verify_consistency(old, new, before, after, [*proof, after])
            assert not proof or not verify_consistency(old, new, before, after, proof[1:])
            assert old == new or not verify_consistency(new, old, after, before, proof)


def test_of_an_empty_tree_nothing_is_shown(tree: Tree) -> None:
    """The proof from size 0 is empty, and verifying it is for the caller: a witness takes it, a verifier does not."""
    assert consistency(0, 7, tree.node) == []
    assert not verify_consistency(0, 7, EMPTY, tree.roots[7], [])


@pytest.mark.parametrize(("idx", "size"), [(-1, 5), (5, 5), (0, 0), (9, 5)])
def test_no_proof_is_made_of_what_is_not_there(tree: Tree, idx: int, size: int) -> None:
    """Entries outside the tree have no proof."""
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion(idx, size, tree.node)


def test_no_proof_from_a_larger_to_a_smaller_tree(tree: Tree) -> None:
    """A tree does not become smaller."""
    with pytest.raises(ValueError, match="not the beginning"):
        consistency(6, 5, tree.node)


def test_a_frontier_goes_on_where_it_was(tree: Tree) -> None:
    """Saved and loaded at any size it grows to the same roots; hashes that do not fit the size are refused."""
    frontier = Frontier()
    for size in range(40):
        again = Frontier(frontier.size, frontier.hashes)
        again.append(tree.leaves[size])
        frontier.append(tree.leaves[size])
        assert again.root() == frontier.root() == tree.roots[size + 1]
    with pytest.raises(ValueError, match="do not make a tree"):
        Frontier(5, [EMPTY])


HOSTILE = st.one_of(
    st.none(), st.integers(-2, 2**70), st.booleans(), st.floats(), st.text(max_size=3), st.binary(max_size=40),
    st.lists(st.one_of(st.none(), st.binary(min_size=31, max_size=33), st.integers()), max_size=70),
)  # fmt: skip


@settings(max_examples=300)
@given(st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE))
def test_whatever_is_handed_in_is_answered_with_false(given_: tuple[Any, Any, Any, Any, Any]) -> None:
    """Verification of rubbish never raises and never succeeds."""
    assert verify_inclusion(*given_) is False
    assert verify_consistency(*given_) is False


def test_sizes_beyond_all_bounds_are_false() -> None:
    """A size of 2^63 or more, or a truth value for a number, is no size."""
    leaf = leaf_hash(b"")
    assert verify_inclusion(0, 1, leaf, [], leaf)
    yes: Any = True
    assert not verify_inclusion(0, yes, leaf, [], leaf)
    assert not verify_inclusion(0, MAX_SIZE + 1, leaf, [leaf] * 63, leaf)


@settings(max_examples=50)
@given(st.integers(1, SIZES), st.data())
def test_one_wrong_bit_anywhere_in_a_proof_is_found(tree: Tree, size: int, data: st.DataObject) -> None:
    """Of proof, leaf and root no bit can be turned."""
    idx = data.draw(st.integers(0, size - 1))
    parts = [*inclusion(idx, size, tree.node), tree.leaves[idx], tree.roots[size]]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not verify_inclusion(idx, size, parts[-2], parts[:-2], parts[-1])


def vectors(shared: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The vectors of one kind by name."""
    folder = shared / "vectors" / "rfc6962" / kind
    if not folder.is_dir():
        pytest.skip("the vectors of RFC 6962 are absent")
    return [(str(path.relative_to(folder)), json.loads(path.read_bytes())) for path in sorted(folder.rglob("*.json"))]


def hashes(texts: list[str] | None) -> list[bytes]:
    """Hashes as the vectors write them."""
    return [base64.b64decode(text) for text in texts or []]


def test_the_inclusion_vectors(shared: Path) -> None:
    """Each published vector is accepted or refused as it says."""
    found = vectors(shared, "inclusion")
    for name, one in found:
        leaf, root = base64.b64decode(one["leafHash"]), base64.b64decode(one["root"])
        held = verify_inclusion(one["leafIdx"], one["treeSize"], leaf, hashes(one["proof"]), root)
        assert held is not one["wantErr"], name
    assert len(found) >= 90


def test_the_consistency_vectors(shared: Path) -> None:
    """Each published vector is accepted or refused as it says."""
    found = vectors(shared, "consistency")
    for name, one in found:
        old, new = base64.b64decode(one["root1"]), base64.b64decode(one["root2"])
        # One vector compares two equal roots that are no SHA-256 hashes; ours must be 32 bytes long.
        if not one["wantErr"] and len(old) != 32:
            old = new = sha256(old).digest()
        held = verify_consistency(one["size1"], one["size2"], old, new, hashes(one["proof"]))
        assert held is not one["wantErr"], name
    assert len(found) + len(vectors(shared, "inclusion")) == 196
