"""SIGKILL between any two steps of a signature, restored data folders, readers while entries are written."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from custody.ledger.merkle import inclusion, verify_consistency, verify_inclusion
from custody.ledger.note import key_of, signed_by
from gateway.client import open_door
from gateway.config.model import Ledger
from gateway.ledger_book import Book, Signed, signed
from tests.support.inside import apply, ask, running, settings_for
from tests.support.ledger_rows import KEY, Office, Rows
from tests.support.waiting import eventually

NO_BROKER = "mqtt://127.0.0.1:9"

#: For each step a child of its own signs on a disk that ends the process before its n-th step; the row in the state is
#: a step too. Prints how many of them were killed.
CHILD = """
import os, signal, sys
from pathlib import Path
import gateway.notary as notary
from gateway.journal.disk import Disk
from tests.support.ledger_rows import Office, Rows

left = 10**6

def step():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(Disk):
    def call(self, what, function, *arguments):
        step()
        return function(*arguments)

record = notary.Notary._record
def recorded(self, made):
    if self.newest is not made:
        step()
    record(self, made)
notary.Notary._record = recorded

folder = Path(sys.argv[1])
rows, killed = Rows(folder / "state.sqlite3"), 0
for number in range(9):
    rows.add(3)
    rows.engine.dispose()
    child = os.fork()
    if child == 0:
        left = number
        office = Office(rows, folder)
        office.notary._disk = Dying()
        office.look(at_once=True)
        os._exit(0)
    killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    head = folder / "head"
    if head.exists():
        (folder / f"seen-{number}").write_bytes(head.read_bytes())
print(killed)
"""


def head_in(file: Path) -> Signed | None:
    """The head in a file, None without one."""
    return signed(file.read_bytes()) if file.exists() else None


def test_a_kill_between_any_two_steps_never_makes_a_fork(tmp_path: Path) -> None:
    """Killed at each step in turn, with more entries each time: every head ever on disk is the past of the last one."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], cwd=Path(__file__).parents[2], capture_output=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert int(child.stdout) >= 5
    rows = Rows(tmp_path / "state.sqlite3")
    seen = [signed(file.read_bytes()) for file in tmp_path.glob("seen-*")]
    office = Office(rows, tmp_path)
    last = office.look(at_once=True)
    assert last is not None
    assert office.alarms == set()
    roots = rows.roots()
    assert len({one.head.size for one in seen}) >= 2
    for one in [*seen, *(signed(note.encode()) for note in rows.notes())]:
        assert signed_by(one.note, key_of(one.head.origin, KEY))
        assert one.head.root == roots[one.head.size]


def test_readers_see_whole_ledgers_while_entries_are_written(tmp_path: Path) -> None:
    """Whatever moment a reader catches, size, root and proofs belong together."""
    rows = Rows(tmp_path / "state.sqlite3")
    rows.add(1)
    stop = threading.Event()
    faults: list[str] = []
    looks: list[int] = []

    def read() -> None:
        while not stop.is_set():
            with rows.engine.connect() as connection:
                book = Book(connection)
                idx = book.size * 2 // 3 if book.size < 3 else book.size - 2
                proof = inclusion(min(idx, book.size - 1), book.size, book.node)
                held = verify_inclusion(
                    min(idx, book.size - 1),
                    book.size,
                    book.node(0, min(idx, book.size - 1)),
                    proof,
                    book.root(book.size),
                )
                looks.append(book.size)
                if not held:
                    faults.append(f"size {book.size}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        deadline = time.monotonic() + 20
        for _ in range(60):
            rows.add(7)
        while len(set(looks)) < 3 and time.monotonic() < deadline:
            rows.add(7)
    finally:
        stop.set()
        for reader in readers:
            reader.join(10)
    assert faults == []
    assert len(set(looks)) >= 3


def ledger(tmp_path: Path, **more: Any) -> Ledger:
    """Signs only at stop; the last head is kept beside the data folder."""
    return Ledger(head_file=tmp_path / "last-head", sign_every_s=3600, sign_every_entries=100_000, **more)


async def a_run(folder: Path, section: Ledger, *names: str) -> None:
    """A gateway runs and an operator registers units: a command is an entry each time."""
    async with running(folder, NO_BROKER, ledger=section) as gateway:
        for name in names:
            await apply(gateway, units=[{"id": name, "kind": "hospital"}])


def entries_of(folder: Path) -> int:
    """How many entries there are in a stopped installation."""
    with sqlite3.connect(folder / "state.sqlite3") as connection:
        found: int = connection.execute("SELECT count(*) FROM ledger_entries").fetchone()[0]
    connection.close()
    return found


async def test_yesterdays_state_with_todays_journal_goes_on(tmp_path: Path) -> None:
    """The state of yesterday is put back, the journal is whole: decide makes the same entries, the head goes on."""
    folder, section = tmp_path / "data", ledger(tmp_path)
    await a_run(folder, section, "u-1", "u-2")
    await asyncio.to_thread(shutil.copytree, folder, tmp_path / "yesterday")
    await a_run(folder, section, "u-3", "u-4")
    today = head_in(tmp_path / "last-head")
    assert today is not None
    for part in ("state.sqlite3", "snapshots"):
        old, new = tmp_path / "yesterday" / part, folder / part
        if old.is_dir():
            await asyncio.to_thread(shutil.rmtree, new)
            await asyncio.to_thread(shutil.copytree, old, new)
        else:
            for beside in folder.glob(f"{part}-*"):
                beside.unlink()
            await asyncio.to_thread(shutil.copy, old, new)
    assert await asyncio.to_thread(entries_of, folder) < today.head.size
    async with running(folder, NO_BROKER, ledger=section) as gateway:
        await eventually(lambda: gateway.signing.notary.newest is not None)
        assert gateway.signing.notary.newest == today
        assert gateway.signing.notary.words == ""
        await apply(gateway, units=[{"id": "u-5", "kind": "hospital"}])
    after = head_in(tmp_path / "last-head")
    assert after is not None
    assert after.head.size > today.head.size


async def test_yesterdays_folder_is_not_signed_until_a_new_origin_cites_the_last_head(tmp_path: Path) -> None:
    """All of yesterday is put back: nothing is signed and an alarm stands until the operator opens a new origin."""
    folder, section = tmp_path / "data", ledger(tmp_path)
    await a_run(folder, section, "u-1")
    await asyncio.to_thread(shutil.copytree, folder, tmp_path / "yesterday")
    await a_run(folder, section, "u-2", "u-3")
    today = head_in(tmp_path / "last-head")
    assert today is not None
    await asyncio.to_thread(shutil.rmtree, folder)
    await asyncio.to_thread(shutil.copytree, tmp_path / "yesterday", folder)
    async with running(folder, NO_BROKER, ledger=section) as gateway:
        await eventually(lambda: gateway.signing.notary.words != "")
        lags = await asyncio.to_thread(gateway.view.lags)
        assert lags["ledger"].state == "held"
        await apply(gateway, units=[{"id": "u-9", "kind": "clinic"}])

        def alarms() -> set[str]:
            return {one["rule"] for one in ask(gateway, "alerts?standing=true")["items"]}

        deadline = time.monotonic() + 20
        while "ledger_fork" not in await asyncio.to_thread(alarms):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    assert head_in(tmp_path / "last-head") == today

    def reopen() -> dict[str, Any]:
        args = {"origin": "new.example/ledger/2", "reason": "restored", "old_head": str(today.note)}
        with open_door(settings_for(folder, NO_BROKER, ledger=section)) as door:
            return door.command("ledger.reopen", args)

    done = await asyncio.to_thread(reopen)
    async with running(folder, NO_BROKER, ledger=section) as gateway:
        await eventually(lambda: not gateway.signing.notary.words)
    after = head_in(tmp_path / "last-head")
    assert after is not None
    assert after.head.origin == "new.example/ledger/2"
    assert after.head.size > done["entry"]
    async with running(folder, NO_BROKER, ledger=section) as gateway:
        await eventually(lambda: gateway.signing.notary.newest is not None)
        assert "ledger_fork" not in await asyncio.to_thread(
            lambda: {one["rule"] for one in ask(gateway, "alerts?standing=true")["items"]}
        )


def test_the_proof_between_two_heads_holds(tmp_path: Path) -> None:
    """Every later head is shown to go on from every earlier one."""
    rows = Rows(tmp_path / "state.sqlite3")
    office = Office(rows, tmp_path)
    heads = []
    for count in (1, 4, 2, 9):
        rows.add(count)
        head = office.look(at_once=True)
        assert head is not None
        heads.append(head.head)
    from custody.ledger.merkle import consistency  # noqa: PLC0415 - used once

    with rows.engine.connect() as connection:
        book = Book(connection)
        for place, new in enumerate(heads):
            for old in heads[:place]:
                proof = consistency(old.size, new.size, book.node)
                assert verify_consistency(old.size, new.size, old.root, new.root, proof)


pytestmark = pytest.mark.timeout(120)
