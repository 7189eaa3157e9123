"""The thread that decides: reads the journal, folds, commits, hands on. It never waits for a store or for delivery."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
import structlog

from gateway.decide import snapshot
from gateway.decide.commit import batches, commit, read_cursor
from gateway.decide.fold import Fold
from gateway.decide.history import load_registry
from gateway.decide.lookup import StateLookup
from gateway.decide.outputs import Outputs
from gateway.handoff import Handoff
from gateway.journal.disk import Disk
from gateway.journal.reader import Reader
from gateway.journal.record import Record
from gateway.journal.writer import Journal

log = structlog.get_logger(__name__)

#: Bytes of journal decided in one transaction at the most.
BATCH_BYTES = 1 << 20
#: A batch with so many records behind it is old: nobody waits for its alerts to the moment.
OLD_RECORDS = 20_000
#: Seconds that an old batch may wait for a store that keeps up.
STORE_PATIENCE_S = 0.25
#: Seconds before a refused commit is tried again.
COMMIT_AGAIN_S = 1.0
#: Records between two snapshots at the least; a snapshot costs about 0.2 us a channel.
SNAPSHOT_RECORDS = 500_000


class Decider:
    """Folds the journal from the newest snapshot on and commits what it decides.

    ``after`` is called in the decider's thread after every commit with the batch's outputs (replies, wake delivery).
    """

    def __init__(
        self,
        *,
        engine: sa.Engine,
        journal: Journal,
        folder: Path,
        key: bytes,
        root: str,
        snapshots: Path,
        handoff: Handoff,
        after: Callable[[Outputs], None],
        give_up: Callable[[], None],
    ) -> None:
        self.fold = Fold(key, root)
        self.cursor = -1
        self.failed: BaseException | None = None
        self._engine = engine
        self._journal = journal
        self._reader = Reader(folder)
        self._lookup = StateLookup(engine)
        self._snapshots = snapshots
        self._snapshot_at = -1
        self._disk = Disk()
        self._handoff = handoff
        self._after = after
        self._give_up = give_up
        self._stopping = threading.Event()
        self._moved = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="decide", daemon=True)

    def load(self) -> None:
        """Load the newest snapshot and fold the journal up to the cursor again, writing nothing."""
        self.cursor = read_cursor(self._engine)
        parts = snapshot.newest(self._snapshots, self.cursor)
        begin = -1 if parts is None else parts.offset
        load_registry(self.fold.registry, self._engine, begin)
        if parts is not None:
            snapshot.restore(self.fold, parts)
        self._snapshot_at = begin
        at = begin + 1
        scrap = Outputs()
        while at <= self.cursor:
            for record in self._reader.read(at, end=self.cursor, max_bytes=BATCH_BYTES):
                self.fold.step(record, self._lookup, scrap)
                at = record.offset + 1
            self.fold.messages.committed()
            scrap.clear()

    def start(self) -> None:
        """Start deciding."""
        self._thread.start()

    def decide_available(self) -> int:
        """Decide one batch of what is durable; returns how many records. Offline it is called without the thread."""
        durable = self._journal.durable
        if durable <= self.cursor:
            return 0
        records = self._reader.read(self.cursor + 1, end=durable, max_bytes=BATCH_BYTES)
        for batch in batches(records):
            self._decide(batch)
        if self.cursor - self._snapshot_at >= SNAPSHOT_RECORDS:
            self.save()
        return len(records)

    def _decide(self, batch: list[Record]) -> None:
        out = Outputs()
        for record in batch:
            self.fold.step(record, self._lookup, out)
        last = batch[-1].offset
        self._commit(out, last)
        self.fold.messages.committed()
        old = self._journal.durable - last > OLD_RECORDS
        self._handoff.put(batch[0].offset, last, out.items, STORE_PATIENCE_S if old else 0.0)
        with self._moved:
            self.cursor = last
            self._moved.notify_all()
        self._after(out)

    def _commit(self, out: Outputs, last: int) -> None:
        """Commit, again and again where the disk has no room: what is folded cannot be folded a second time."""
        while True:
            try:
                commit(self._engine, out, last, self.fold.counters)
            except sa.exc.OperationalError as error:
                log.warning("the state cannot be written", words=str(error.orig))
                if self._stopping.wait(COMMIT_AGAIN_S):
                    raise
            else:
                return

    def wait(self, offset: int, timeout: float) -> bool:
        """Block until record ``offset`` is decided; False after ``timeout`` seconds."""
        with self._moved:
            return self._moved.wait_for(lambda: self.cursor >= offset or self.failed is not None, timeout)

    def save(self) -> None:
        """Save a snapshot at the cursor."""
        if self.cursor > self._snapshot_at:
            snapshot.save(self._snapshots, self.fold, self.cursor, self._disk)
            self._snapshot_at = self.cursor

    @property
    def snapshot_offset(self) -> int:
        """Offset of the newest snapshot: the journal below it is not needed for a restart."""
        return self._snapshot_at

    def stop(self, timeout: float) -> bool:
        """Decide what is durable, save a snapshot, end; False when that took longer than ``timeout`` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if not self.decide_available():
                    self._journal.wait(self.cursor + 1, 0.2)
            while self.decide_available():
                pass
            self.save()
        except BaseException as error:
            self.failed = error
            log.exception("decide has stopped", cursor=self.cursor)
            with self._moved:
                self._moved.notify_all()
            self._give_up()
