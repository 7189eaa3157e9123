"""A test notice through one real channel, while no gateway runs: sent right now, journaled nowhere."""

from __future__ import annotations

import asyncio

import msgspec

from alerts.notify import Context, Notice, Outcome
from gateway.channels import channel_of, configured
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.database import open_state
from gateway.errors import UsageError
from gateway.installation import Installation
from gateway.lane import send_to
from gateway.outbox import Outbox


def send_trial(settings: Settings, channel: str, person: str) -> Outcome:
    """Send it and return what became of it. Blocking.

    Raises:
        UsageError: there is no such channel, or it wants a person.
    """
    found = channel_of(settings, channel)
    if found is None:
        known = ", ".join(configured(settings)) or "none is configured; see docs/configuration.md"
        raise UsageError(f"there is no channel {channel!r}; allowed: {known}")
    sender, traits = found
    if traits.needs and not person:
        raise UsageError(f"channel {channel!r} sends to persons; name one with --to PERSON")
    to = None
    if person:
        engine = open_state(Installation(settings.data.dir).state)
        try:
            to = Outbox(engine).recipient(person, traits.language)
        finally:
            engine.dispose()
    now = SystemClock().now_ms()
    context = msgspec.json.encode(Context(zone=settings.time_zone))
    notice = Notice("test", f"test:{channel}:{now}", now, b"[]", context, to)

    async def send() -> Outcome:
        try:
            return await send_to(sender, traits, notice)
        finally:
            await sender.close()

    return asyncio.run(send())
