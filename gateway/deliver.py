"""Delivery: tells what decide put into the outbox, at least once, and never waits for anybody but its own receiver.

Each channel has a lane of its own, so a dead receiver delays no other. In a lane several notices are under way at
once, but of one alert only the oldest: what happened later is told later. A try that failed comes again after a random
time up to a bound that doubles (full jitter), or when the receiver said so, until the notice is older than
``Pace.max_age_s`` and is given up, visibly.

Life of a notice: row of the outbox (decide) -> sent -> DELIVERY record with the outcome in the journal, durable ->
``attempts.done``, so that a restart does not send it again -> decide settles the row. A crash between sending and
record sends it again with the same key. Retries are delivery's own matter (``attempts``) and no input of any decision.

Who a person is (name, number, address) is looked up for each try and kept nowhere; what cannot be erased (journal, log,
notes) has the person's id only.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
import structlog

from alerts.notify import Notice
from gateway import links
from gateway.channels import MissingChannel, Sender, Traits, channels_of, traits_of
from gateway.clock import Clock
from gateway.config import Settings
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Done, Entry
from gateway.lane import Counts, Lane, Pace
from gateway.outbox import Attempt, Outbox, Place, Waiting

log = structlog.get_logger(__name__)

#: Events of an alert that waits for somebody.
LINKED = frozenset({"fired", "escalated", "reminder"})
#: Real seconds before a database that failed is asked again.
_DATABASE_S = 1.0


class Submits(Protocol):
    """The part of the journal that delivery needs."""

    def submit(self, entries: Sequence[Entry], done: Done) -> None:
        """See ``Journal.submit``."""
        ...


class Linking(NamedTuple):
    """What links are made of: the address of the pages, empty = no links, and the installation's key."""

    public_url: str
    key: bytes

    def of(self, row: Waiting) -> str:
        """The link of a row about one alert that waits for somebody, else empty.

        A person may acknowledge by it without signing in; a group gets the alert's page, where one signs in.
        """
        alert = row.notice.subject
        if not self.public_url or row.notice.event not in LINKED or alert == row.notice.key:
            return ""
        if not row.person:
            return f"{self.public_url}/alerts/{quote(alert, safe='')}"
        return f"{self.public_url}/ack/{links.make(self.key, *row.place)}" if self.key else ""


class Deliver:
    """Sends waiting rows of the outbox. ``run`` is one task; ``wake`` may be called from any thread."""

    @classmethod
    def of(cls, settings: Settings, engine: sa.Engine, journal: Submits, clock: Clock, key: bytes = b"") -> Deliver:
        """Delivery as an installation configures it; ``key`` is the installation's, for acknowledge links."""
        channels = channels_of(settings)
        pace = Pace(max_age_s=settings.deliver.max_age_h * 3600.0)
        linking = Linking(settings.http.public_url, key)
        return cls(engine, journal, clock, channels, traits=traits_of(settings), pace=pace, linking=linking)

    def __init__(
        self,
        engine: sa.Engine,
        journal: Submits,
        clock: Clock,
        channels: Mapping[str, Sender],
        *,
        traits: Mapping[str, Traits] | None = None,
        linking: Linking | None = None,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.counts = Counts()
        self.clock = clock
        self.pace = pace or Pace()
        self.jitter = jitter
        self._journal = journal
        self._outbox = Outbox(engine)
        self._names = frozenset(channels)
        self._linking = linking or Linking("", b"")
        found = traits or {}
        self._lanes = [Lane(self, name, sender, found.get(name)) for name, sender in channels.items()]
        self._lanes.append(Lane(self, None, MissingChannel()))
        self._notes: dict[tuple[int, int], Attempt] = {}
        self._noted = asyncio.Event()
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        # Threads of its own: reading new rows never waits for a commit, nor for threads that others hold.
        self._reading = ThreadPoolExecutor(1, "deliver-reading")
        self._writing = ThreadPoolExecutor(1, "deliver-writing")

    async def run(self) -> None:
        """Deliver until ``stop``. Called once."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            async with asyncio.TaskGroup() as group:
                notes = group.create_task(self._keep_notes())
                lanes = [group.create_task(lane.run()) for lane in self._lanes]
                await asyncio.wait(lanes)
                notes.cancel()  # what is left is written below
        finally:
            await asyncio.shield(self._close())

    def wake(self) -> None:
        """There may be new rows; from any thread, also before ``run`` and after ``stop``."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody delivers any more
                self._loop.call_soon_threadsafe(self._wake_lanes)

    async def stop(self, deadline_s: float) -> None:
        """Begin nothing more, let what is under way end within ``deadline_s`` real seconds, and close."""
        self._stopping = True
        self._wake_lanes()
        if self._task is None or self._task.done():
            return
        await asyncio.wait([self._task], timeout=deadline_s)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    def waiting(self) -> int:
        """How many notices are known to wait, those under way included; any thread."""
        return sum(lane.waiting for lane in self._lanes)

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping

    async def fetch(self, channel: str | None, after: Place, limit: int) -> tuple[list[Waiting], int]:
        """See ``lane.Office.fetch``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._outbox.waiting, channel, self._names, after, limit)

    async def addressed(self, row: Waiting, traits: Traits) -> Notice:
        """See ``lane.Office.addressed``."""
        loop = asyncio.get_running_loop()
        to, context = await loop.run_in_executor(self._reading, self._outbox.addressed, row, traits.language)
        link = self._linking.of(row) if traits.link else ""
        return msgspec.structs.replace(row.notice, to=to, context=context, link=link)

    async def settle(self, row: Waiting, outcome: str, status: int | None, words: str, tries: int) -> None:
        """See ``lane.Office.settle``."""
        body = {
            "type": "delivery",
            "for": list(row.place),
            "event": row.notice.event,
            "subject": row.notice.subject,
            "channel": row.channel,
            "person": row.person,
            "outcome": outcome,
            "status": status,
            "words": words,
            "tries": tries,
        }
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()

        def done(_first: int) -> None:
            with suppress(RuntimeError):  # the loop is closed: the record is durable all the same
                loop.call_soon_threadsafe(_resolve, durable)

        self._journal.submit([Entry(Kind.DELIVERY, self.clock.now_ms(), json_body(body))], done)
        await durable
        self.note(row, Attempt(tries, 0, "" if outcome == "delivered" else words, done=True))

    def note(self, row: Waiting, attempt: Attempt) -> None:
        """See ``lane.Office.note``; several notes share a transaction."""
        self._notes[row.place] = attempt
        self._noted.set()

    async def _keep_notes(self) -> None:
        while True:
            await self._noted.wait()
            self._noted.clear()
            if not await self._write_notes():
                await asyncio.sleep(_DATABASE_S)
                self._noted.set()

    async def _write_notes(self) -> bool:
        """Write what is to be noted; False where the database refused and it is still to be noted."""
        notes, self._notes = self._notes, {}
        if not notes:
            return True
        try:
            await asyncio.get_running_loop().run_in_executor(self._writing, self._outbox.note, notes)
        except asyncio.CancelledError:
            # The thread may write them or not: written again they are the same.
            self._notes = notes | self._notes
            raise
        except sa.exc.SQLAlchemyError as error:
            # Without notes a restart sends again and counts tries from where they were: no more than that.
            log.warning("deliver: tries could not be noted", error=type(error).__name__)
            self._notes = notes | self._notes
            return False
        return True

    async def _close(self) -> None:
        await self._write_notes()
        for lane in self._lanes:
            await lane.sender.close()
        self._reading.shutdown(wait=False)
        self._writing.shutdown(wait=False)

    def _wake_lanes(self) -> None:
        for lane in self._lanes:
            lane.look()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
