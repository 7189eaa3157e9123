"""A journal in memory with the contract of ``gateway.journal.writer.Journal.submit``, and a tap to close it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from gateway.errors import JournalFailedError
from gateway.journal.record import Kind, Message, Record, parse_json, parse_message
from gateway.journal.writer import Entry


class MemoryJournal:
    """Keeps records in a list; its thread tells submitters in order, unless ``hold`` was called."""

    def __init__(self) -> None:
        self.failed: BaseException | None = None
        self.records: list[Record] = []
        self.submitted = 0
        self._queue: SimpleQueue[tuple[Sequence[Entry], Callable[[int], None]] | None] = SimpleQueue()
        self._open = threading.Event()
        self._open.set()
        self._thread = threading.Thread(target=self._run, name="memory-journal", daemon=True)
        self._thread.start()

    @property
    def durable(self) -> int:
        """The offset of the last record, -1 = none."""
        return len(self.records) - 1

    @property
    def messages(self) -> list[Message]:
        """The MESSAGE records taken apart."""
        return [parse_message(record.body) for record in self.records if record.kind == Kind.MESSAGE]

    def payloads(self) -> list[bytes]:
        """The payloads of the MESSAGE records."""
        return [message.payload for message in self.messages]

    def documents(self, kind: Kind) -> list[dict[str, object]]:
        """The JSON bodies of the records of another kind."""
        return [parse_json(record.body) for record in self.records if record.kind == kind]

    def submit(self, entries: Sequence[Entry], done: Callable[[int], None]) -> None:
        """As ``Journal.submit``."""
        if self.failed is not None:
            raise JournalFailedError(str(self.failed))
        if not entries:
            raise ValueError("entries is empty; at least one is needed")
        self.submitted += len(entries)
        self._queue.put((entries, done))

    def hold(self) -> None:
        """Nothing becomes durable from now on."""
        self._open.clear()

    def release(self) -> None:
        """Everything held becomes durable, in order."""
        self._open.set()

    def fail(self) -> None:
        """The disk refuses: nobody who waits is ever told."""
        self.failed = JournalFailedError("the test said so")
        self._open.set()

    def close(self) -> None:
        """End the thread."""
        self._open.set()
        self._queue.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._open.wait()
            if self.failed is not None:
                continue
            entries, done = item
            first = len(self.records)
            self.records += [Record(first + n, e.received_at, e.kind, e.body) for n, e in enumerate(entries)]
            done(first)


class MemoryRecords:
    """Reads a memory journal as ``gateway.journal.reader.Reader`` reads files."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def read(self, offset: int, *, end: int, max_bytes: int = 1 << 20) -> list[Record]:
        """The records ``offset`` to ``end``; ``max_bytes`` counts bodies."""
        found: list[Record] = []
        for record in self._journal.records[offset : end + 1]:
            max_bytes -= len(record.body)
            if found and max_bytes < 0:
                break
            found.append(record)
        return found

    def close(self) -> None:
        """Nothing to release."""
