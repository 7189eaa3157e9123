"""What was reported durable is never missing: errors, short writes, power cuts and SIGKILL at every call."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import JournalFailedError, StartError
from gateway.journal import watch
from gateway.journal.fsck import check_journal
from gateway.journal.record import Kind
from gateway.journal.writer import Entry, Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock, PowerCutError, read_all

DAY = 86_400_000


class Promises:
    """Keeps what the journal reported durable, and what it was only handed."""

    def __init__(self) -> None:
        self.durable: dict[int, bytes] = {}
        self.submitted: list[bytes] = []

    def submit(self, journal: Journal, *bodies: bytes) -> threading.Event:
        """Submit ``bodies`` together; what they are promised is kept when it is told."""
        told = threading.Event()

        def done(first: int) -> None:
            self.durable.update(enumerate(bodies, first))
            told.set()

        self.submitted += bodies
        journal.submit([Entry(Kind.MESSAGE, 0, body) for body in bodies], done)
        return told

    def check(self, folder: Path, first: int = 0) -> int:
        """Open what is left and find everything that was promised; returns the number of messages."""
        highest = max(self.durable, default=-1)
        Journal.open(folder, SystemClock(), min_free=0, known_durable=highest, idle_ticks=False).close()
        assert check_journal(folder, known_durable=highest).faults == []
        left = {one.offset: one.body for one in read_all(folder, first) if one.kind == Kind.MESSAGE}
        kept = {offset: body for offset, body in self.durable.items() if offset >= first}
        assert {offset: left.get(offset) for offset in kept} == kept
        assert set(left.values()) <= set(self.submitted)
        assert len(set(left.values())) == len(left), "a record is there twice"
        return len(left)


def _live(folder: Path, disk: ForgetfulDisk, promises: Promises) -> tuple[bool, int]:
    """A life of a journal over several segments with retention; whether it came to its end, and its first offset."""
    clock, first = HandClock(), 0
    try:
        journal = Journal.open(folder, clock, disk=disk, segment_bytes=220, min_free=0, idle_ticks=False)
    except (OSError, StartError, JournalFailedError, PowerCutError):
        return False, 0
    try:
        for n in range(8):
            told = promises.submit(journal, b"message %d" % n, b"and %d" % n)
            journal.append(Kind.COMMAND, b"")  # after what was submitted before
            assert told.is_set()
            if n == 5:
                clock.pass_ms(2 * DAY)
                first = 3
                journal.retain(safe=first, keep_days=1)
    except (OSError, JournalFailedError, PowerCutError):
        return False, first
    finally:
        journal.close()
    return True, first


@pytest.mark.parametrize("how", ["EIO", "ENOSPC", "short", "short+EIO", "short+ENOSPC", "cut"])
def test_what_was_durable_is_there_after_a_fault_at_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """One fault at the n-th call that changes the disk, then a power cut: everything promised is read back."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    failed = 0
    for number in range(1000):
        folder = tmp_path / str(number)
        disk, promises = ForgetfulDisk(folder, fail_at=number, how=how), Promises()
        complete, first = _live(folder, disk, promises)
        if folder.exists():
            disk.crash(random.Random(number))
            first = first if (folder / "kept-from").exists() else 0
            promises.check(folder, first)
        failed += not complete
        if number >= len(disk.calls):
            assert complete
            break
    assert len(disk.calls) > 60, "the life has become too short to mean anything"
    assert bool(failed) is (how != "short")


@pytest.mark.parametrize("how", ["EIO", "ENOSPC", "short", "cut"])
def test_a_repair_that_is_disturbed_can_be_repeated(tmp_path: Path, how: str) -> None:
    """A fault at any call while a torn tail is cut: nothing durable is lost, a copy is kept, the next start works."""
    for number in range(100):
        folder = tmp_path / str(number)
        promises = Promises()
        journal = Journal.open(folder, HandClock(), disk=ForgetfulDisk(folder), min_free=0, idle_ticks=False)
        promises.submit(journal, b"kept")
        assert journal.wait(0, 20)
        promises.submit(journal, b"torn" * 50)
        journal.close()
        (path,) = folder.glob("*.seg")
        tail = path.read_bytes()[:-10]
        path.write_bytes(tail)
        del promises.durable[1]
        disk = ForgetfulDisk(folder, fail_at=number, how=how)
        try:
            Journal.open(folder, HandClock(), disk=disk, min_free=0, idle_ticks=False).close()
        except (OSError, StartError, JournalFailedError, PowerCutError):
            disk.crash(random.Random(number))
        assert promises.check(folder) == 1
        copies = [one.read_bytes() for one in folder.glob("*.torn")]
        assert b"torn" * 40 in b"".join(copies)
        if number >= len(disk.calls):
            break
    assert number > 8


def test_done_is_never_called_for_a_batch_that_failed(tmp_path: Path) -> None:
    """Of batches before and after a failed fdatasync only those before are told, and the failure is told once."""
    disk = ForgetfulDisk(tmp_path / "j", fail_at=2, how="EIO", only="fdatasync")
    failures: list[BaseException] = []
    journal = Journal.open(tmp_path / "j", HandClock(), disk=disk, idle_ticks=False, on_failure=failures.append)
    promises = Promises()
    for n in range(2):
        promises.submit(journal, b"%d" % n)
        assert journal.wait(n, 20)
    lost = [promises.submit(journal, b"lost %d" % n) for n in range(50)]
    with pytest.raises(JournalFailedError):
        journal.wait(2, 20)
    with pytest.raises(JournalFailedError):
        promises.submit(journal, b"refused")
    journal.close()
    assert not any(one.is_set() for one in lost)
    assert (sorted(promises.durable), len(failures), journal.durable) == ([0, 1], 1, 1)


WRITER = """
import sys, threading
from pathlib import Path
from gateway.clock import SystemClock
from gateway.journal.writer import Entry, Journal
folder, start, known = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
journal = Journal.open(folder, SystemClock(), segment_bytes=100_000, min_free=0, known_durable=known, idle_ticks=False)
n = start
while True:
    bodies = [b"%d %s" % (n + i, b"x" * (7 * i)) for i in range(30)]
    def done(first, bodies=bodies):
        sys.stdout.write("".join(f"{first + i} {body.decode().split()[0]}\\n" for i, body in enumerate(bodies)))
        sys.stdout.flush()
    journal.submit([Entry(1, 0, body) for body in bodies], done)
    n += 30
    while journal.waiting_bytes > 50_000:
        threading.Event().wait(0.0005)
"""


def test_records_reported_durable_survive_sigkill(tmp_path: Path) -> None:
    """A process killed at random moments under load, six times in a row, loses nothing that it reported."""
    rng = random.Random(7)
    durable: dict[int, int] = {}
    for life in range(6):
        known = max(durable, default=-1)
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(life * 1_000_000), str(known)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            killer = threading.Timer(rng.uniform(0.0, 0.15), os.kill, (process.pid, signal.SIGKILL))
            killer.start()
            lines += process.stdout.readlines()
            killer.join()
        told = [line.split() for line in lines if line.endswith("\n")]
        assert told, "the writer did not come up"
        durable.update((int(offset), int(number)) for offset, number in told)
        assert check_journal(tmp_path, known_durable=max(durable)).damage == []
    left = {one.offset: int(one.body.split()[0]) for one in read_all(tmp_path)}
    assert {offset: left.get(offset) for offset in durable} == durable
    assert sorted(left) == list(range(len(left)))
    assert len(set(left.values())) == len(left)


def test_waiting_for_a_journal_that_fails_ends_at_once(tmp_path: Path) -> None:
    """Nobody hangs in append or wait when the disk dies."""
    disk = ForgetfulDisk(tmp_path / "j", fail_at=1, how="EIO", only="write")
    journal = Journal.open(tmp_path / "j", HandClock(), disk=disk, idle_ticks=False)
    began = time.monotonic()
    with pytest.raises(JournalFailedError, match="write failed: Input/output error"):
        journal.append(Kind.COMMAND, b"{}", timeout=30)
    assert time.monotonic() - began < 10
    journal.close()
