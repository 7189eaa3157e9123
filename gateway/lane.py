"""The way of notices through one channel: in order for each alert, several at once, again after a failure."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple, Protocol

import sqlalchemy as sa
import structlog

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from alerts.notify.hidden import discreet
from gateway.allowance import Allowance
from gateway.channels import Sender, Traits
from gateway.clock import Clock
from gateway.outbox import BEGINNING, Attempt, Place, Waiting

log = structlog.get_logger(__name__)

#: So many failed tries without one that went well mean that the receiver is down, not that a notice is bad.
_DOWN = 3
#: Real seconds before a database that failed is asked again.
_DATABASE_S = 1.0


class Pace(NamedTuple):
    """How hard delivery tries, a lane. Seconds are those of the gateway's clock.

    ``held`` bounds the notices in memory; what is beyond waits in the outbox. ``look_s``: how often a lane looks for
    new rows although nobody woke it.
    """

    first_s: float = 1.0
    most_s: float = 300.0
    max_age_s: float = 24 * 3600.0
    parallel: int = 8
    held: int = 1000
    look_s: float = 30.0


class Counts:
    """What delivery did since it started."""

    def __init__(self) -> None:
        self.delivered = self.refused = self.dead = self.failed_tries = 0


class Office(Protocol):
    """What a lane needs of delivery."""

    clock: Clock
    pace: Pace
    counts: Counts
    jitter: Callable[[], float]

    @property
    def stopping(self) -> bool:
        """Whether nothing more may begin."""
        ...

    async def fetch(self, channel: str | None, after: Place, limit: int) -> tuple[list[Waiting], int]:
        """At most ``limit`` rows of a channel beyond ``after``, and how many more there are."""
        ...

    async def addressed(self, row: Waiting, traits: Traits) -> Notice:
        """The notice of a row with its recipient as known now, and its link."""
        ...

    async def settle(self, row: Waiting, outcome: str, status: int | None, words: str, tries: int) -> None:
        """Write the outcome into the journal; when this returns it is durable."""
        ...

    def note(self, row: Waiting, attempt: Attempt) -> None:
        """Keep this of a row, soon."""
        ...


async def send_to(sender: Sender, traits: Traits, notice: Notice) -> Outcome:
    """Try once. Who cannot be reached is refused; whatever the receiver said, the words name nobody but by id."""
    if traits.needs and not (notice.to and getattr(notice.to, traits.needs)):
        return Refused(f"no {traits.needs} of {notice.to.id if notice.to else 'anybody'} is known")
    return discreet(await sender.send(notice), notice.to)


class Lane:
    """What goes out by one channel; ``name`` None is for channels that are not configured.

    A line is what stays in order: what one receiver is told of one alert (``Waiting.line``).
    """

    def __init__(self, office: Office, name: str | None, sender: Sender, traits: Traits | None = None) -> None:
        self.name = name
        self.sender = sender
        self._traits = traits or Traits()
        self._allowance = Allowance(self._traits.limits)
        self.seen = BEGINNING
        self._office = office
        # Of each line its notices in order; the first one is due at a time, or under way.
        self._queues: dict[str, deque[Waiting]] = {}
        self._due: dict[str, float] = {}
        # (due, number, line); an entry that is not what ``_due`` says is stale.
        self._heap: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._under_way: set[asyncio.Task[None]] = set()
        self._held = 0
        self._beyond = 0
        self._paused_until = 0.0
        self._failed_in_a_row = 0
        self._changed = asyncio.Event()
        self._look = True
        self._fault: BaseException | None = None

    @property
    def waiting(self) -> int:
        """Notices in memory and in the outbox beyond."""
        return self._held + self._beyond

    def look(self) -> None:
        """Look for new rows."""
        self._look = True
        self._changed.set()

    async def run(self) -> None:
        """Send until delivery stops, then wait for what is under way."""
        try:
            while not self._office.stopping:
                if self._fault is not None:
                    raise self._fault
                self._changed.clear()
                if self._look and self._has_room():
                    await self._fill()
                self._begin_due()
                await self._wait()
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    def _has_room(self) -> bool:
        # A backlog is read by halves, not by a row whenever one has gone.
        held = self._office.pace.held
        return self._held < (max(held // 2, 1) if self._beyond else held)

    async def _fill(self) -> None:
        self._look = False
        try:
            rows, self._beyond = await self._office.fetch(self.name, self.seen, self._office.pace.held - self._held)
        except sa.exc.SQLAlchemyError as error:
            log.warning("deliver: the outbox cannot be read", channel=self.name, error=type(error).__name__)
            asyncio.get_running_loop().call_later(_DATABASE_S, self.look)
            return
        self._look |= self._beyond > 0
        clock, now = self._office.clock, self._office.clock.monotonic()
        for row in rows:
            self.seen = row.place
            self._held += 1
            queue = self._queues.setdefault(row.line, deque())
            queue.append(row)
            if len(queue) == 1:
                # A clock that was set back must not put a try off for longer than any back-off does.
                left = min(max((row.next_at - clock.now_ms()) / 1000, 0.0), self._office.pace.most_s)
                self._put(row.line, now + left)

    def _put(self, line: str, due: float) -> None:
        self._due[line] = due
        heapq.heappush(self._heap, (due, next(self._numbers), line))

    def _begin_due(self) -> None:
        now = self._office.clock.monotonic()
        while len(self._under_way) < self._office.pace.parallel and self._next_due() <= now:
            line = heapq.heappop(self._heap)[2]
            del self._due[line]
            self._allowance.take(now)
            task = asyncio.create_task(self._try(line), name=f"deliver.{self.name}")
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # The journal takes nothing any more: delivery cannot go on, and says so.
            self._fault = task.exception()
        self._changed.set()

    def _next_due(self) -> float:
        """When the next notice may go out, on the clock's monotonic scale."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return max(self._heap[0][0], self._paused_until, self._allowance.free_at()) if self._heap else float("inf")

    async def _wait(self) -> None:
        """Until something changes, a notice is due, or it is time to look by oneself."""
        clock, pace = self._office.clock, self._office.pace
        full = len(self._under_way) >= pace.parallel
        left = pace.look_s if full else min(self._next_due() - clock.monotonic(), pace.look_s)
        try:
            async with asyncio.timeout(max(clock.wall_seconds(left), 0.0)):
                await self._changed.wait()
        except TimeoutError:
            self._look |= left >= pace.look_s

    async def _try(self, line: str) -> None:
        row = self._queues[line][0]
        tries = row.tries + 1
        outcome = await self._send(row)
        age_s = (self._office.clock.now_ms() - row.notice.at) / 1000
        if isinstance(outcome, Retry):
            self._failed_in_a_row += 1
            if self._failed_in_a_row == _DOWN:
                log.warning("deliver: the receiver fails", channel=row.channel, words=outcome.words)
            self._office.counts.failed_tries += 1
            left_s = (row.max_age_s or self._office.pace.max_age_s) - age_s
            if left_s > 0:
                self._again(line, row._replace(tries=tries), outcome, left_s)
                return
        await self._settle(line, row, outcome, tries)
        if isinstance(outcome, Delivered):
            self._receiver_is_well()

    async def _send(self, row: Waiting) -> Outcome:
        try:
            notice = await self._office.addressed(row, self._traits)
            return await send_to(self.sender, self._traits, notice)
        except Exception as error:  # noqa: BLE001 - a fault of one channel must not end delivery
            # Only its kind: the text of an error may hold an address, and an address a token.
            log.warning("deliver: a channel failed", channel=row.channel, error=type(error).__name__)
            return Retry(f"the channel failed: {type(error).__name__}")

    def _again(self, line: str, row: Waiting, outcome: Retry, left_s: float) -> None:
        clock, pace = self._office.clock, self._office.pace
        now = clock.monotonic()
        if outcome.after is not None:
            # Asked for by the receiver, so it holds for all that goes there.
            self._paused_until = max(self._paused_until, now + min(outcome.after, left_s))
        bound = min(pace.most_s, pace.first_s * 2.0 ** min(row.tries - 1, 30))
        delay = max(min(self._office.jitter() * bound, left_s), self._paused_until - now)
        self._queues[line][0] = row
        self._put(line, now + delay)
        self._office.note(row, Attempt(row.tries, clock.now_ms() + round(delay * 1000), outcome.words, done=False))
        log.debug(
            "deliver: a try failed", channel=row.channel, key=row.notice.key, tries=row.tries, words=outcome.words
        )

    async def _settle(self, line: str, row: Waiting, outcome: Outcome, tries: int) -> None:
        name = {Delivered: "delivered", Refused: "refused", Retry: "dead"}[type(outcome)]
        await self._office.settle(row, name, outcome.status, outcome.words, tries)
        counts = self._office.counts
        setattr(counts, name, getattr(counts, name) + 1)
        if name != "delivered":
            words = {"channel": row.channel, "key": row.notice.key, "tries": tries, "words": outcome.words}
            log.warning("deliver: given up", outcome=name, **words)
        queue = self._queues[line]
        queue.popleft()
        self._held -= 1
        if queue:
            self._put(line, self._office.clock.monotonic())
        else:
            del self._queues[line]

    def _receiver_is_well(self) -> None:
        """It took one after it had failed for long: what waits for its next try need not wait any longer."""
        if self._failed_in_a_row >= _DOWN:
            log.info("deliver: the receiver takes notices again", channel=self.name)
            now = self._office.clock.monotonic()
            for line in list(self._due):
                self._put(line, now)
        self._failed_in_a_row = 0
