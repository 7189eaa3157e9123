"""Whatever somebody does to the ledger in the database has its own name in the check."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from custody.evidence.verify import Key
from custody.ledger.merkle import Frontier, leaf_hash
from custody.ledger.note import key_of
from gateway.database import open_state, upgrade
from gateway.ledger_check import LedgerCheck, open_reading
from tests.support.evidence import T0, SmallLedger

SIZE = 21


def stored(path: Path, ledger: SmallLedger, *, sizes: tuple[int, ...] = (7, 16, SIZE)) -> SmallLedger:
    """A state that holds ``ledger`` with signed heads over these sizes; gives the ledger."""
    engine = open_state(path)
    upgrade(engine)
    engine.dispose()
    with sqlite3.connect(path) as connection:
        for index, raw in enumerate(ledger.entries):
            entry = json.loads(raw)
            row = (index, entry["kind"], entry["offset"], entry["at"], raw, leaf_hash(raw))
            connection.execute(
                'INSERT INTO ledger_entries (idx, kind, "offset", at, bytes, leaf) VALUES (?,?,?,?,?,?)', row
            )
            links = [(link["entity"], link["entity_seq"], index) for link in entry["links"]]
            connection.executemany("INSERT INTO ledger_links VALUES (?,?,?)", links)
        nodes = [(level, at, node) for (level, at), node in ledger.nodes.items() if level]
        connection.executemany("INSERT INTO ledger_nodes VALUES (?,?,?)", nodes)
        for size in sizes:
            note = head_over(ledger, size).decode()
            connection.execute(
                "INSERT INTO ledger_checkpoints VALUES (?,?,?,?)", (ledger.origin, size, T0 + size, note)
            )
    connection.close()
    return ledger


def head_over(ledger: SmallLedger, size: int) -> bytes:
    """The signed head over the first entries."""
    frontier = Frontier()
    for raw in ledger.entries[:size]:
        frontier.append(leaf_hash(raw))
    kept, ledger.frontier = ledger.frontier, frontier
    entries, ledger.entries = ledger.entries, ledger.entries[:size]
    try:
        return ledger.checkpoint()
    finally:
        ledger.frontier, ledger.entries = kept, entries


def grown(size: int = SIZE, weight: int = 3420) -> SmallLedger:
    """A ledger of three containers in turn."""
    ledger = SmallLedger()
    for number in range(size):
        ledger.event("move", number, [f"MW{number % 3}"], weight={"net_g": weight})
    return ledger


def checked(path: Path, ledger: SmallLedger, head: bytes | None) -> list[tuple[str, int | None]]:
    """Kind and entry of every fault."""
    connection = open_reading(path)
    try:
        keys = LedgerCheck(connection, lambda name: Key(str(key_of(name, ledger.key))), head, lambda _: None)
        return [(one.kind, one.entry) for one in keys.run()]
    finally:
        connection.close()


def change(path: Path, *statements: str, parameters: tuple[object, ...] = ()) -> None:
    """Change the state behind Hygeia's back."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement, parameters)
    connection.commit()
    connection.close()


def rebuild(path: Path) -> None:
    """Make every hash anew from the entries as they are, as somebody does who knows the format."""
    connection = sqlite3.connect(path)
    frontier = Frontier()
    connection.execute("DELETE FROM ledger_nodes")
    for index, raw in connection.execute("SELECT idx, bytes FROM ledger_entries ORDER BY idx").fetchall():
        leaf = leaf_hash(raw)
        connection.execute("UPDATE ledger_entries SET leaf = ? WHERE idx = ?", (leaf, index))
        nodes = frontier.append(leaf)
        connection.executemany("INSERT INTO ledger_nodes VALUES (?,?,?)", nodes)
    connection.commit()
    connection.close()


def edited(ledger: SmallLedger, index: int) -> bytes:
    """The entry with another weight."""
    return ledger.entries[index].replace(b'"net_g":3420', b'"net_g":1420')


def edit(path: Path, ledger: SmallLedger) -> None:
    """Another weight in one entry."""
    change(path, "UPDATE ledger_entries SET bytes = ? WHERE idx = 4", parameters=(edited(ledger, 4),))


def edit_with_leaf(path: Path, ledger: SmallLedger) -> None:
    """Another weight, and the hash of the entry made to fit."""
    raw = edited(ledger, 4)
    leaf = sha256(b"\0" + raw).digest()
    change(path, "UPDATE ledger_entries SET bytes = ?, leaf = ? WHERE idx = 4", parameters=(raw, leaf))


def delete(path: Path, _: SmallLedger) -> None:
    """One entry gone."""
    change(path, "DELETE FROM ledger_entries WHERE idx = 4", "DELETE FROM ledger_links WHERE idx = 4")


def delete_and_close_up(path: Path, ledger: SmallLedger) -> None:
    """One entry gone, the later ones moved down, every hash made anew."""
    delete(path, ledger)
    for index in range(5, SIZE):
        change(path, f"UPDATE ledger_entries SET idx = {index - 1} WHERE idx = {index}")
        change(path, f"UPDATE ledger_links SET idx = {index - 1} WHERE idx = {index}")
    rebuild(path)


def insert(path: Path, ledger: SmallLedger) -> None:
    """An entry more at the end, which nobody linked."""
    names = 'kind, "offset", at, bytes, leaf'
    copied = f"SELECT {SIZE}, {names} FROM ledger_entries WHERE idx = {len(ledger.entries) - 1}"
    change(path, f"INSERT INTO ledger_entries (idx, {names}) {copied}")


def swap(path: Path, _: SmallLedger) -> None:
    """Two entries in each other's place."""
    for source, target in ((5, -5), (8, 5), (-5, 8)):
        change(path, f"UPDATE ledger_entries SET idx = {target} WHERE idx = {source}")


def truncate(path: Path, _: SmallLedger) -> None:
    """The newest entries gone, with all that belongs to them but the signed heads."""
    change(path, "DELETE FROM ledger_entries WHERE idx >= 16", "DELETE FROM ledger_links WHERE idx >= 16")
    change(path, "DELETE FROM ledger_nodes WHERE (idx + 1) << level > 16")


def reorder(path: Path, ledger: SmallLedger) -> None:
    """Two entries swapped and every hash made anew."""
    swap(path, ledger)
    rebuild(path)


def edit_and_rebuild(path: Path, ledger: SmallLedger) -> None:
    """Another weight, and every hash and link made to fit: only signed heads stand against it."""
    change(path, "DELETE FROM ledger_entries", "DELETE FROM ledger_links", "DELETE FROM ledger_nodes")
    change(path, "DELETE FROM ledger_checkpoints")
    stored(path, grown(weight=1420), sizes=())
    for size in (7, 16, SIZE):
        note = head_over(ledger, size).decode()
        row = (ledger.origin, size, T0 + size, note)
        change(path, "INSERT INTO ledger_checkpoints VALUES (?,?,?,?)", parameters=row)


def rebuild_and_sign(path: Path, _: SmallLedger) -> None:
    """Everything made anew, heads too, with a key that is not the ledger's."""
    change(path, "DELETE FROM ledger_entries", "DELETE FROM ledger_links", "DELETE FROM ledger_nodes")
    change(path, "DELETE FROM ledger_checkpoints")
    other = SmallLedger(b"\1" * 32)
    for number in range(SIZE):
        other.event("move", number, [f"MW{number % 3}"], weight={"net_g": 1})
    stored(path, other)


def yesterday(path: Path, ledger: SmallLedger) -> None:
    """The state of an earlier day, whole in itself."""
    truncate(path, ledger)
    change(path, f"DELETE FROM ledger_checkpoints WHERE size = {SIZE}")


def lose_a_node(path: Path, _: SmallLedger) -> None:
    """One inner hash gone."""
    change(path, "DELETE FROM ledger_nodes WHERE level = 2 AND idx = 1")


def move_a_link(path: Path, _: SmallLedger) -> None:
    """A container's entry is found under another one."""
    change(path, "UPDATE ledger_links SET entity = 'container:MW9' WHERE idx = 20")


def forget_heads(path: Path, _: SmallLedger) -> None:
    """Signed heads gone."""
    change(path, "DELETE FROM ledger_checkpoints")


MATRIX: list[tuple[Callable[[Path, SmallLedger], None], set[tuple[str, int | None]]]] = [
    (edit, {("entry_changed", 4)}),
    (edit_with_leaf, {("node", 5), ("chain", 7)}),
    (delete, {("entry_missing", 4), ("chain", 7)}),
    (delete_and_close_up, {("chain", 6), ("checkpoint_root", None), ("truncated", None), ("behind_head", None)}),
    (insert, {("chain", SIZE), ("link", SIZE), ("node", SIZE)}),
    (swap, {("chain", 5), ("chain", 8), ("chain", 11), ("node", 5), ("node", 9), ("link", 5), ("link", 8)}),
    (truncate, {("truncated", None), ("behind_head", None)}),
    (
        reorder,
        {
            ("chain", 5),
            ("chain", 8),
            ("chain", 11),
            ("checkpoint_root", None),
            ("fork", None),
            ("link", 5),
            ("link", 8),
        },
    ),
    (edit_and_rebuild, {("checkpoint_root", None), ("fork", None)}),
    (rebuild_and_sign, {("checkpoint_signature", None), ("fork", None)}),
    (yesterday, {("behind_head", None)}),
    (lose_a_node, {("node", 7)}),
    (move_a_link, {("link", 20)}),
    (forget_heads, {("heads_missing", None)}),
]


@pytest.mark.parametrize(("tamper", "named"), MATRIX, ids=[one.__name__ for one, _ in MATRIX])
def test_each_kind_of_tampering_is_named(
    tmp_path: Path, tamper: Callable[[Path, SmallLedger], None], named: set[tuple[str, int | None]]
) -> None:
    """The matrix: what somebody does, and the faults by which it shows."""
    path = tmp_path / "state.sqlite3"
    ledger = stored(path, grown())
    head = head_over(ledger, SIZE)
    assert checked(path, ledger, head) == []
    tamper(path, ledger)
    assert set(checked(path, ledger, head)) == named


def test_without_a_head_outside_it_says_so(tmp_path: Path) -> None:
    """Only that head shows that a whole state was put back."""
    path = tmp_path / "state.sqlite3"
    ledger = stored(path, grown())
    assert checked(path, ledger, None) == [("head_missing", None)]
    yesterday(path, ledger)
    assert checked(path, ledger, None) == [("head_missing", None)]


def test_a_head_on_disk_that_is_not_on_record_yet_is_no_fault(tmp_path: Path) -> None:
    """The gateway writes it there first; an older one than the newest on record was put there by somebody."""
    path = tmp_path / "state.sqlite3"
    ledger = stored(path, grown(), sizes=(7, 16))
    assert checked(path, ledger, head_over(ledger, SIZE)) == []
    assert checked(path, ledger, head_over(ledger, 7)) == [("old_head", None)]


def test_a_new_origin_that_cites_the_head_outside_is_the_way_out(tmp_path: Path) -> None:
    """After a backup was restored, an entry says from what head on the ledger was lost."""
    path = tmp_path / "state.sqlite3"
    lost = head_over(grown(), SIZE)
    ledger = grown(9)
    ledger.append("origin", ["ledger"], {"origin": "test.example/ledger/2", "old_head": lost.decode()})
    stored(path, ledger, sizes=(7,))
    assert checked(path, ledger, lost) == []
