"""Publish a fleet's messages in its own time and remember which of them the broker acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from devices.simulate.fleet import Emission
from gateway.clock import Clock
from gateway.mqtt.publisher import Publisher

#: Wall seconds that the pace-maker sleeps at the most, so that a stop is noticed.
NAP_S = 0.25
#: Messages between two chances for others in the loop.
BREATH = 50


class Acknowledged:
    """What the broker acknowledged: numbers by device, messages and readings."""

    def __init__(self) -> None:
        self.published = 0
        self.points = 0
        self.numbers: dict[str, set[int | str]] = {}

    def note(self, token: object) -> None:
        """The publisher's ``on_ack``: ``token`` is the emission."""
        assert isinstance(token, Emission)
        self.published += 1
        self.points += token.points
        self.numbers.setdefault(token.device, set()).update(token.numbers)


async def drive(
    emissions: Iterator[Emission], publisher: Publisher, root: str, clock: Clock, going: Callable[[int], bool]
) -> None:
    """Publish until ``going(at)`` is False for the next message, then wait until all is acknowledged."""
    for count, one in enumerate(emissions):
        while one.at > clock.now_ms() and going(one.at):  # noqa: ASYNC110 - waits for a time, not for a condition
            await asyncio.sleep(min(NAP_S, clock.wall_seconds((one.at - clock.now_ms()) / 1000) + 0.0005))
        if not going(one.at):
            break
        await publisher.publish(f"{root}/{one.site}/{one.device}/up/{one.channel}", one.payload, token=one)
        if count % BREATH == 0:
            await asyncio.sleep(0)
    await publisher.drain()
