"""The one place from which a PUBACK goes out, and the back-pressure that comes from what is not yet durable."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from gateway.journal.writer import Entry
from gateway.mqtt.connection import Connection

#: Reading stops when this much is received and not yet on disk, and goes on below half of it (DESIGN 2).
PAUSE_BYTES = 8 * 1024 * 1024
#: A PUBACK with reason 0 is ``40 02`` and the packet id: one 32-bit number, added to the id.
_PUBACK = 0x40020000


class JournalSink(Protocol):
    """What the intake needs of ``gateway.journal.writer.Journal``."""

    failed: BaseException | None

    @property
    def durable(self) -> int:
        """The highest durable offset, -1 = none."""
        ...

    def submit(self, entries: Sequence[Entry], done: Callable[[int], None]) -> None:
        """Queue entries; ``done(first offset)`` is called in the writer thread once they are durable."""
        ...


class _Batch:
    """What arrived together: its PUBACKs, and the connection they belong to."""

    __slots__ = ("acks", "connection", "durable", "size", "then")

    def __init__(
        self,
        connection: Connection | None,
        acks: list[int],
        size: int,
        then: Callable[[], None] | None,
    ) -> None:
        self.connection = connection
        self.acks = acks
        self.size = size
        self.then = then
        self.durable = False


class Acknowledger:
    """Submits to the journal and sends PUBACKs in the order of the wire, each only on the connection it belongs to.

    Lives in the event loop; only the journal's call comes from another thread. Once the journal has failed nothing is
    acknowledged any more. ``acked`` counts PUBACKs written to a connection that was alive.
    """

    def __init__(self, journal: JournalSink, *, pause_bytes: int = PAUSE_BYTES) -> None:
        self.acked = 0
        self._journal = journal
        self._pause_bytes = pause_bytes
        self._loop: asyncio.AbstractEventLoop
        self._batches: deque[_Batch] = deque()
        self._news: deque[_Batch] = deque()
        self._called = False
        self._pending = 0
        self._current: Connection | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def use(self, connection: Connection) -> None:
        """``connection`` is the one whose reading is paused and resumed from now on."""
        self._loop = asyncio.get_running_loop()
        self._current = connection
        if self._pending >= self._pause_bytes:
            connection.pause()

    def stay_paused(self) -> None:
        """Nothing is to be read any more, however much becomes durable."""
        self._current = None

    def submit(
        self,
        connection: Connection | None,
        entries: list[Entry],
        packet_ids: list[int],
        *,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Make ``entries`` durable, then acknowledge ``packet_ids`` on ``connection`` and call ``then``.

        Without entries that happens as soon as everything submitted before is durable. Raises what the journal
        raises; then nothing of it will be acknowledged.
        """
        size = sum([len(entry.body) for entry in entries])
        batch = _Batch(connection, packet_ids, size, then)
        if entries:
            self._journal.submit(entries, partial(self._durable, batch))
        else:
            batch.durable = True
        self._batches.append(batch)
        self._empty.clear()
        self._pending += size
        if self._pending >= self._pause_bytes and self._current is not None:
            self._current.pause()
        if not entries:
            self._send()

    async def drained(self, timeout: float) -> bool:  # noqa: ASYNC109 - the deadline of a stop, not of one await
        """Wait until everything submitted is durable and acknowledged; says whether it came to that."""
        try:
            await asyncio.wait_for(self._empty.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def _durable(self, batch: _Batch, _first: int) -> None:
        """In the writer thread: pass it on, with one call into the loop for all that comes at once."""
        self._news.append(batch)
        if not self._called:
            self._called = True
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._called = False
        while self._news:
            batch = self._news.popleft()
            batch.durable = True
            self._pending -= batch.size
        self._send()
        if self._current is not None and self._current.paused and self._pending < self._pause_bytes // 2:
            self._current.resume()

    def _send(self) -> None:
        """Send the PUBACKs at the head of the queue, one write a connection."""
        if self._journal.failed is not None:
            return
        ready: list[int] = []
        after: list[Callable[[], None]] = []
        connection = None
        while self._batches and self._batches[0].durable:
            batch = self._batches.popleft()
            if batch.connection is not connection:
                self._write(connection, ready)
                connection, ready = batch.connection, []
            ready += batch.acks
            if batch.then is not None:
                after.append(batch.then)
        self._write(connection, ready)
        if not self._batches:
            self._empty.set()
        for then in after:
            then()

    def _write(self, connection: Connection | None, packet_ids: list[int]) -> None:
        if connection is not None and packet_ids and connection.alive:
            connection.write(struct.pack(f">{len(packet_ids)}I", *[_PUBACK | packet_id for packet_id in packet_ids]))
            self.acked += len(packet_ids)
