"""The heartbeat: called while all is well, silent when it is not, and quiet about its address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from gateway.heartbeat import Heartbeat, Progress
from tests.plugins.webhook import Receiver, Reply
from tests.support.waiting import eventually


@asynccontextmanager
async def beating(heart: Heartbeat) -> AsyncIterator[None]:
    """A heartbeat at work."""
    task = asyncio.create_task(heart.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_calls_while_all_is_well_and_not_while_it_is_not(receiver: Receiver) -> None:
    """What listens raises the alarm when the calls stop: a gateway that is not well must not call."""
    well, asked = True, 0

    def healthy() -> bool:
        nonlocal asked
        asked += 1
        return well

    heart = Heartbeat(receiver.url + "?token=s3cret", 0.01, healthy)
    with structlog.testing.capture_logs() as lines:
        async with beating(heart):
            await eventually(lambda: heart.taken >= 3)
            well = False
            await eventually(lambda: lines)
            before, asked = len(receiver.received), 0
            await eventually(lambda: asked >= 5)
            assert len(receiver.received) == before
            well = True
            await eventually(lambda: len(receiver.received) > before)
    assert "s3cret" not in repr(lines)
    assert lines[0]["words"] == "the gateway is not well: the call is left out on purpose"


async def test_a_receiver_that_fails_is_said_once_and_called_again(receiver: Receiver) -> None:
    """A fault of the outside is one line, not one a minute, and the calls go on."""
    structlog.reset_defaults()  # another test may have set a level above that of good news
    receiver.usual = Reply(503)
    heart = Heartbeat(receiver.url, 0.01, lambda: True)
    with structlog.testing.capture_logs() as lines:
        async with beating(heart):
            await eventually(lambda: len(receiver.received) >= 4)
            assert heart.taken == 0
            receiver.usual = Reply(200)
            await eventually(lambda: heart.taken >= 2)
    assert [line["words"] for line in lines] == ["status 503", "well"]


def test_what_stands_still_behind_is_not_well() -> None:
    """Nothing new is well, going on is well, standing still before the end of the last look is not."""
    end, cursor = 0, 0
    goes_on = Progress(lambda: end, lambda: cursor)
    table = [(0, 0, True), (10, 0, True), (20, 5, True), (30, 5, False), (30, 30, True), (30, 30, True)]
    found = []
    for end, cursor, _ in table:  # noqa: B007 - read by the functions above
        found.append(goes_on())
    assert found == [well for _, _, well in table]
