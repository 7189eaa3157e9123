"""The one writer of the journal: group commit without a timer, in a thread of its own.

Life of a submission: ``submit`` puts it in a queue and returns. The writer thread takes all that waits, gives each
entry its offset and journal time, writes everything with one call, calls fdatasync once, and only then tells each
submitter the offset of its first entry. While the disk works, the next batch gathers: the more there is to do, the
larger the batches.

While too little disk is free, messages are held and everything else (commands, alarms, deliveries) is still written,
so it may overtake held messages; otherwise the order is that of submission.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gateway.clock import Clock
from gateway.errors import JournalFailedError, StartError
from gateway.journal.disk import Disk
from gateway.journal.lanes import Done, Entry, Lanes, Submission, own, submission
from gateway.journal.record import Kind
from gateway.journal.retention import retain
from gateway.journal.segment import survey
from gateway.journal.stats import JournalStats
from gateway.journal.tail import Tail
from gateway.journal.watch import ClockWatch, SpaceWatch

__all__ = ["Done", "Entry", "Journal"]

log = logging.getLogger(__name__)

MIB = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """An open journal. All methods may be called from any thread but the writer's own.

    After an error of the disk ``failed`` is set, ``on_failure`` is called once in the writer thread, nobody who still
    waits is told that anything is durable, and every call raises JournalFailedError: the process must end. ``torn``
    names the copy of a torn tail that was cut off when the journal was opened.
    """

    @classmethod
    def open(
        cls,
        folder: Path,
        clock: Clock,
        *,
        disk: Disk | None = None,
        segment_bytes: int = 64 * MIB,
        min_free: int = 512 * MIB,
        known_durable: int = -1,
        idle_ticks: bool = True,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> Journal:
        """Open or begin the journal in ``folder`` and start its writer thread.

        A torn tail of the last segment is cut off and kept beside it; ``known_durable`` is the highest offset that
        any follower has passed. A segment is closed before it would exceed ``segment_bytes`` and when a UTC day
        ends. Below ``min_free`` bytes of free disk messages are held. Without ``idle_ticks`` no TICK is written.

        Raises JournalDamagedError for damage that is no torn tail (nothing is changed then), StartError where the
        folder cannot be written, JournalFailedError on an fsync error.
        """
        disk = disk or Disk()
        disk.prepare(folder)
        try:
            found = survey(folder, known_durable)
            disk.remove(folder.glob("*.tmp"))
            tail = Tail(folder, disk, found, clock.now_ms(), segment_bytes)
            space = SpaceWatch(disk, folder, min_free, low=found is not None and found.end.disk_low)
            return cls(tail, disk, clock, space, idle_ticks=idle_ticks, on_failure=on_failure)
        except OSError as error:
            raise StartError(f"{error.filename or folder}: {error.strerror}; make it readable and writable") from error

    def __init__(
        self,
        tail: Tail,
        disk: Disk,
        clock: Clock,
        space: SpaceWatch,
        *,
        idle_ticks: bool,
        on_failure: Callable[[BaseException], None] | None,
    ) -> None:
        self.failed: BaseException | None = None
        self.torn = tail.torn
        self.on_failure = on_failure
        self._tail = tail
        self._disk = disk
        self._clock = clock
        self._space = space
        self._clock_watch = ClockWatch(clock, tail.time)
        self._idle_ticks = idle_ticks
        self._closing = False
        self._durable = tail.next - 1
        self._lanes = Lanes()
        # No lock in ``submit``: it runs in the event loop, which must not wait for whoever holds it.
        self._queue: SimpleQueue[Submission | None] = SimpleQueue()
        self._submitted: dict[int, int] = {}  # bytes by thread: each adds to its own
        self._settled_bytes = 0
        self._settled = threading.Condition()
        self._written = self._batches = 0
        self._fsync_ms = self._worst_fsync_ms = 0.0
        self._remark(Kind.ALARM, space.look(), clock.now_ms())
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    @property
    def durable(self) -> int:
        """Highest offset that is on disk, -1 = none."""
        return self._durable

    @property
    def waiting_bytes(self) -> int:
        """Bytes submitted and not yet durable, held messages included."""
        return sum(list(self._submitted.values())) - self._settled_bytes

    @property
    def blocked(self) -> bool:
        """Messages are held because too little disk is free."""
        return self._space.low

    def submit(self, entries: Sequence[Entry], done: Done) -> None:
        """Hand over ``entries`` (at least one; not to be changed afterwards) to be written together, in order.

        Never blocks and has no bound of its own: whoever takes in from outside watches ``waiting_bytes``. ``done`` is
        called in the writer thread with the offset of the first entry; it must be short. It is never called when the
        journal fails or closes before they are durable. Raises JournalFailedError; ValueError for a body over
        ``record.MAX_BODY``.
        """
        if self.failed is not None or self._closing:
            raise JournalFailedError(str(self.failed or f"{self._tail.folder}: the journal is closed"))
        submitted = submission(entries, done)
        thread = threading.get_ident()
        self._submitted[thread] = self._submitted.get(thread, 0) + submitted.size
        self._queue.put(submitted)

    def append(self, kind: int, body: bytes, timeout: float = 30.0) -> int:
        """Write one record and wait until it is durable; returns its offset. Raises as ``append_all``."""
        return self.append_all([Entry(kind, self._clock.now_ms(), body)], timeout)

    def append_all(self, entries: Sequence[Entry], timeout: float = 30.0) -> int:
        """Write ``entries`` (at least one) one after the other and wait until they are durable; offset of the first.

        Raises TimeoutError after ``timeout`` real seconds (the records may still be written later) and
        JournalFailedError.
        """
        offsets: list[int] = []
        self.submit(entries, offsets.append)
        with self._settled:
            self._settled.wait_for(lambda: offsets or self.failed is not None, timeout)
        if offsets:
            return offsets[0]
        if self.failed is not None:
            raise JournalFailedError(str(self.failed))
        raise TimeoutError(f"{self._tail.folder}: a record was not durable within {timeout} s")

    def wait(self, offset: int, timeout: float) -> bool:
        """Wait at most ``timeout`` real seconds until ``durable >= offset``; says whether it is.

        Raises JournalFailedError when that cannot come true any more.
        """
        if self._durable >= offset:
            return True
        with self._settled:
            self._settled.wait_for(lambda: self._durable >= offset or self.failed is not None, timeout)
        if self._durable < offset and self.failed is not None:
            raise JournalFailedError(str(self.failed))
        return self._durable >= offset

    def retain(self, safe: int, keep_days: float) -> list[Path]:
        """Remove segments with all records below ``safe`` and older than ``keep_days``; see ``retention.retain``.

        Returns the files removed. To be called from one thread at a time.
        """
        now = max(self._tail.time, self._clock.now_ms())
        gone = retain(self._tail.folder, self._disk, safe=safe, keep_days=keep_days, now=now)
        for one in gone:
            self._tail.segments.pop(one.first, None)
        return [one.path for one in gone]

    def stats(self) -> JournalStats:
        """The present figures, from memory."""
        segments = dict(self._tail.segments)
        return JournalStats(
            first_offset=min(segments),
            durable=self._durable,
            time=self._tail.time,
            segments=len(segments),
            bytes=sum(segments.values()),
            free=self._space.free,
            min_free=self._space.min_free,
            blocked=self._space.low,
            waiting_bytes=self.waiting_bytes,
            written=self._written,
            batches=self._batches,
            last_fsync_ms=self._fsync_ms,
            worst_fsync_ms=self._worst_fsync_ms,
            failed=str(self.failed or ""),
        )

    def close(self) -> None:
        """Write all that waits, but for messages that are held, and end the writer thread."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
            self._thread.join()
            self._tail.close()

    # The rest runs in the writer thread.

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except JournalFailedError as error:
            self._fail(error)
        except OSError as error:
            self._fail(JournalFailedError(f"{self._tail.path}: write failed: {error.strerror}"))
        except BaseException as error:
            # A writer that has ended must never look alive.
            log.exception("journal: the writer ended")
            self._fail(JournalFailedError(f"{self._tail.path}: the writer ended: {error!r}"))

    def _fail(self, error: JournalFailedError) -> None:
        self.failed = error
        with self._settled:
            self._settled.notify_all()
        if self.on_failure is not None:
            self.on_failure(error)

    def _turn(self) -> bool:
        """Write what waits; False once the journal is to be closed."""
        incoming, closing = self._collect()
        now, step = self._clock_watch.look()
        self._remark(Kind.CLOCK_STEP, step, now)
        self._remark(Kind.ALARM, self._space.look(), now)
        batch = self._lanes.choose(incoming, low=self._space.low, full=self._space.full)
        if not batch and self._idle_ticks and self._clock_watch.tick_due() and not self._space.full:
            batch = [own(Kind.TICK, {"type": "tick"}, now)]
        if batch:
            self._commit(batch, now)
        return not closing

    def _collect(self) -> tuple[list[Submission], bool]:
        """All that waits, after waiting for something to do; and whether to close."""
        patience = None
        if self._idle_ticks:
            patience = self._clock_watch.until_tick()
        if self._space.low:
            patience = min(self._space.until_look(), patience or 1.0)
        if self._lanes.urgent:
            patience = 0.0
        queue = self._queue
        try:
            first = queue.get(timeout=patience)
            waiting = [first, *(queue.get_nowait() for _ in range(queue.qsize()))]
        except Empty:
            return [], False
        incoming = [one for one in waiting if one is not None]
        return incoming, len(incoming) < len(waiting)

    def _commit(self, batch: list[Submission], now: int) -> None:
        """Write the batch, sync it, tell everybody. Raises OSError and JournalFailedError: the journal has failed."""
        tail = self._tail
        try:
            if tail.rotation_due(sum(one.size for one in batch), now):
                tail.begin(now)
                if self._space.low:  # so that the last segment always tells the state
                    batch.insert(0, own(Kind.ALARM, self._space.alarm(), now))
            data, firsts, following, last = tail.encode(batch, now if self._clock_watch.ahead else 0)
            tail.write(data)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._take_back(batch, now)
            return
        began = time.perf_counter()
        tail.sync(len(data), following, last)
        self._fsync_ms = (time.perf_counter() - began) * 1000
        self._worst_fsync_ms = max(self._fsync_ms, self._worst_fsync_ms)
        self._written += following - self._durable - 1
        self._batches += 1
        self._durable = following - 1
        self._clock_watch.wrote()
        self._space.wrote(len(data))
        self._tell(batch, firsts)

    def _take_back(self, batch: list[Submission], now: int) -> None:
        """The disk is full: nothing of the batch was synced or told; it is tried again later."""
        self._tail.take_back()
        log.warning("journal: the disk of %s is full", self._tail.folder)
        self._remark(Kind.ALARM, self._space.refused(), now)
        self._lanes.put_back(batch)

    def _tell(self, batch: list[Submission], firsts: list[int]) -> None:
        self._settled_bytes += sum(one.size for one in batch if one.done is not None)
        for submitted, first in zip(batch, firsts, strict=True):
            if submitted.done is not None:
                try:
                    submitted.done(first)
                except Exception:
                    log.exception("journal: a submitter could not be told of record %d", first)
        with self._settled:
            self._settled.notify_all()

    def _remark(self, kind: Kind, document: dict[str, Any] | None, now: int) -> None:
        if document is not None:
            self._lanes.remark(own(kind, document, now))
