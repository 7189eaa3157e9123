"""Which filters the broker's session has of us, which it should have, and what was known of it in the last run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mqtt5
import msgspec

from devices.topics import uncovered
from gateway.errors import JournalFailedError
from gateway.mqtt import note
from gateway.mqtt.connection import Connection, UnreachableError
from gateway.mqtt.options import MqttOptions

#: Mosquitto's counter of messages it threw away because a client's queue was full.
DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
_SUBSCRIBE_TIMEOUT_S = 30.0


class Subscriptions:
    """The filters of one session. Lives in the event loop; files are written in a thread.

    ``tell(name, details)`` hears of what an operator should see.
    """

    def __init__(self, options: MqttOptions, folder: Path, tell: Callable[[str, dict[str, Any]], None]) -> None:
        self._options = options
        self._folder = folder
        self._tell = tell
        self._note = note.Note(options.address, options.client_id)
        self._unsaved = False
        self._drops_told = True

    async def load(self) -> None:
        """Read what the last run knew."""
        self._note = await asyncio.to_thread(note.load, self._folder, self._options)

    def connected(self, *, session_present: bool) -> bool:
        """The broker has our session, or not; says whether one was lost."""
        lost = self._note.session and not session_present
        if not session_present:
            self._note.session = False
            self._note.filters = []
            self._note.asked = []
        return lost

    async def update(self, connection: Connection, wanted: list[str]) -> list[str]:
        """Have the session match what ``wanted`` matches; gives what was refused.

        A broker delivers a message once a subscription that matches it, so a filter that another one covers is not
        subscribed, unless the wider one is refused. Nothing is sent where the session has exactly these filters.
        Raises UnreachableError, TimeoutError.
        """
        known = self._note
        have, asked = list(known.filters), list(known.asked)
        needed = uncovered(wanted)
        if set(needed) <= set(have) and set(asked) <= set(needed):
            return []
        known.session = True
        known.asked = list(dict.fromkeys([*asked, *wanted]))
        await self.save()
        refused: list[str] = []
        async with asyncio.timeout(None if connection.paused else _SUBSCRIBE_TIMEOUT_S):
            while new := [one for one in needed if one not in have]:
                codes = await connection.subscribe([_filter(one) for one in new])
                for one, code in zip(new, codes, strict=True):
                    if code >= 0x80:
                        refused.append(one)
                        self._tell("subscription_refused", {"filter": one, "reason": f"reason code {code}"})
                    else:
                        have.append(one)
                needed = uncovered(one for one in wanted if one not in refused)
            old = [one for one in asked if one not in needed]
            if old:
                await connection.unsubscribe(old)
        known.filters = needed
        known.asked = list(needed)
        await self.save()
        return refused

    async def watch_dropped(self, connection: Connection) -> bool:
        """Have the broker say how many messages it dropped: now, and whenever that changes.

        This one filter is subscribed anew on each connection, because only then the present value comes: what was
        dropped while we were away would stay unknown until the next loss. QoS 0, so it never fills our queue.
        False says that the broker threw us out for asking (rumqttd does): this run does not ask again.
        """
        if not self._drops_told:
            return True
        topic = mqtt5.TopicFilter(DROPPED_TOPIC, max_qos=mqtt5.QoS.AT_MOST_ONCE)
        try:
            async with asyncio.timeout(None if connection.paused else _SUBSCRIBE_TIMEOUT_S):
                await connection.subscribe([topic])
        except UnreachableError as error:
            self._drops_told = False
            self._tell("drops_unknown", {"topic": DROPPED_TOPIC, "reason": str(error)})
            return False
        return True

    def dropped(self, payload: bytes) -> int:
        """The counter came; gives by how much it rose since it was last seen, by this run or the one before."""
        try:
            now = int(payload)
        except ValueError:
            return 0
        before = self._note.dropped
        if now != before:
            self._note.dropped = now
            self._unsaved = True
        if before is None:
            return 0
        return now - before if now >= before else now  # it began at 0 again with the broker

    async def save_if_changed(self) -> None:
        """Write the note if something in it came without being saved."""
        if self._unsaved:
            await self.save()

    async def save(self) -> None:
        """Write the note; a disk that refuses is told, and costs no more than a needless SUBSCRIBE later."""
        self._unsaved = False
        try:
            await asyncio.to_thread(note.save, self._folder, msgspec.json.encode(self._note))
        except (OSError, JournalFailedError) as error:
            self._tell("note_not_saved", {"file": str(self._folder / note.FILE), "reason": str(error)})


def _filter(pattern: str) -> mqtt5.TopicFilter:
    return mqtt5.TopicFilter(
        pattern,
        max_qos=mqtt5.QoS.AT_LEAST_ONCE,
        retain_as_published=False,
        retain_handling=mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS,
    )
