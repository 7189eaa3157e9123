"""An outbox, a journal and a clock, and delivery at work over them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from alerts.notify.webhook import Webhook
from gateway.channels import Sender, Traits
from gateway.clock import SystemClock
from gateway.database import open_state
from gateway.deliver import Deliver, Linking
from gateway.http_sender import HttpSender
from gateway.journal.record import Kind
from gateway.lane import Pace
from gateway.state import attempts, metadata, outbox, people_private, registry
from tests.plugins.memory_journal import MemoryJournal
from tests.plugins.webhook import Received, Receiver

SECRET = "throw-away"
#: So fast that a test need not wait, and still a back-off.
QUICK = Pace(first_s=0.01, most_s=0.05, look_s=600.0)
DEADLINE_S = 20.0


class JumpingClock(SystemClock):
    """The machine's clock, which a test may set forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return super().now_ms() + round(self.ahead_s * 1000)

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return super().monotonic() + self.ahead_s


class Site:
    """An outbox, a journal and a clock; ``delivering`` runs delivery over them, again and again if need be."""

    def __init__(self, engine: sa.Engine, journal: MemoryJournal, receiver: Receiver) -> None:
        self.engine = engine
        self.journal = journal
        self.receiver = receiver
        self.clock = JumpingClock()
        self._offset = 0

    def put(self, *alerts: str, channel: str = "webhook", event: str = "fired", age_s: float = 0, **more: Any) -> None:
        """Put one row an alert into the outbox, as decide does in one transaction; ``more`` are columns."""
        rows = []
        for n, alert in enumerate(alerts):
            rows.append(
                {
                    "offset": self._offset,
                    "n": n,
                    "channel": channel,
                    "event": event,
                    "key": f"{alert}:{self._offset}:{n}",
                    "body": json.dumps({"id": alert, "offset": self._offset}),
                    "created_at": self.clock.now_ms() - round(age_s * 1000),
                    "state_now": "waiting",
                    **more,
                }
            )
        self._offset += 1
        with self.engine.begin() as connection:
            connection.execute(outbox.insert(), rows)

    def know(self, person: str, offset: int = 0, language: str | None = None, **private: Any) -> None:
        """Register a person, or change one: names and addresses stand in the erasable table only."""
        body = {"id": person, "role": "contact"} | ({"language": language} if language else {})
        with self.engine.begin() as connection:
            connection.execute(people_private.delete().where(people_private.c.id == person))
            connection.execute(people_private.insert().values(id=person, body=json.dumps(private)))
            connection.execute(
                registry.insert().values(kind="people", id=person, offset=offset, body=msgspec.json.encode(body))
            )

    @asynccontextmanager
    async def delivering(
        self,
        *,
        pace: Pace = QUICK,
        channels: Mapping[str, Sender] | None = None,
        traits: Mapping[str, Traits] | None = None,
        linking: Linking | None = None,
        stop: bool = True,
    ) -> AsyncIterator[Deliver]:
        """Delivery at work; afterwards stopped in order, or ended on the spot as a crash does."""
        if channels is None:
            channels = {"webhook": HttpSender(Webhook(self.receiver.url, SECRET), timeout_s=0.5)}
        more: dict[str, Any] = {"traits": traits, "linking": linking, "pace": pace}
        deliver = Deliver(self.engine, self.journal, self.clock, channels, jitter=lambda: 1.0, **more)
        task = asyncio.create_task(deliver.run())
        try:
            yield deliver
        finally:
            if stop:
                await deliver.stop(5)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The DELIVERY records."""
        return self.journal.documents(Kind.DELIVERY)

    def attempts(self) -> list[dict[str, Any]]:
        """Delivery's notes in the state."""
        with self.engine.connect() as connection:
            query = sa.select(attempts).order_by(attempts.c.offset, attempts.c.n)
            return [dict(row) for row in connection.execute(query).mappings()]

    async def noted(self) -> list[dict[str, Any]]:
        """``attempts``, outside the event loop."""
        return await asyncio.to_thread(self.attempts)

    async def received(self, requests: int) -> list[Received]:
        """The first requests, once they have come."""
        return await asyncio.to_thread(self.receiver.wait_for, requests, deadline_s=DEADLINE_S)

    async def settled(self, rows: int) -> list[dict[str, Any]]:
        """The outcomes of so many rows, once they are in the journal and noted."""
        await until(lambda: len(self.outcomes) >= rows)
        await until(lambda: sum(row["done"] for row in self.attempts()) >= rows)
        return self.outcomes


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; fails at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - the condition is another thread's
            await asyncio.sleep(0.005)


@pytest.fixture
def site(tmp_path: Path, memory_journal: MemoryJournal, receiver: Receiver) -> Iterator[Site]:
    """An installation's outbox with nothing in it."""
    engine = open_state(tmp_path / "state.db")
    metadata.create_all(engine)
    yield Site(engine, memory_journal, receiver)
    engine.dispose()


Put = Callable[..., Awaitable[None]]


@pytest.fixture
def put(site: Site) -> Put:
    """``Site.put`` outside the event loop."""

    async def call(*alerts: str, **more: Any) -> None:
        await asyncio.to_thread(site.put, *alerts, **more)

    return call
