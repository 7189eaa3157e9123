"""The journal in memory keeps the contract of ``Journal.submit``."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import JournalFailedError
from gateway.journal.record import Kind
from gateway.journal.writer import Entry
from tests.support.memory_journal import MemoryJournal


def entry(body: bytes) -> Entry:
    """One entry."""
    return Entry(Kind.TICK, 5, body)


def test_submitters_are_told_in_order_from_another_thread(memory_journal: MemoryJournal) -> None:
    """``done`` comes with the offset of the first entry, once the records are there."""
    told: list[tuple[int, int, bool]] = []
    over = threading.Event()
    for n in range(3):
        memory_journal.submit(
            [entry(b"a"), entry(b"b")],
            lambda first, n=n: told.append((n, first, threading.current_thread() is threading.main_thread())),  # type: ignore[misc]
        )
    memory_journal.submit([entry(b"c")], lambda _: over.set())
    assert over.wait(10)
    assert told == [(0, 0, False), (1, 2, False), (2, 4, False)]
    assert memory_journal.durable == 6


def test_nothing_becomes_durable_while_it_is_held(memory_journal: MemoryJournal) -> None:
    """``hold`` keeps everything back until ``release``."""
    over = threading.Event()
    memory_journal.hold()
    memory_journal.submit([entry(b"a")], lambda _: over.set())
    assert not over.wait(0.05)
    assert memory_journal.durable == -1
    memory_journal.release()
    assert over.wait(10)
    assert memory_journal.durable == 0


def test_after_a_failure_nobody_is_told_and_nothing_is_taken(memory_journal: MemoryJournal) -> None:
    """As after an error of fsync."""
    told: list[int] = []
    memory_journal.hold()
    memory_journal.submit([entry(b"a")], told.append)
    memory_journal.fail()
    with pytest.raises(JournalFailedError):
        memory_journal.submit([entry(b"b")], told.append)
    memory_journal.close()
    assert told == []
