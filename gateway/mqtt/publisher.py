"""A windowed QoS 1 publisher: as fast as the broker acknowledges, and nothing unacknowledged is ever forgotten."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, NamedTuple, Self

import mqtt5

from gateway.errors import StartError
from gateway.mqtt.connection import Connection, Published, UnreachableError, reason_name
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.replies import publish_frame
from gateway.mqtt.session import connect, full_jitter

_WINDOW = 1000
_STEADY_S = 10.0
#: The session only has to outlive a broken connection; a normal end removes it.
_SESSION_S = 60


class _Item(NamedTuple):
    topic: str
    payload: bytes
    retain: bool
    token: Any


class Publisher:
    """Publishes in order, with at most ``window`` messages (and the broker's receive maximum) unacknowledged.

    ``on_ack(token)`` is called in the event loop for each message that the broker took. ``acknowledged`` counts
    those, ``refused`` the ones it answered with a reason code of 128 or more (its access rules, say), which are not
    sent again; ``on_refused(token, reason)`` hears of them. After a broken connection it reconnects by itself and
    sends what is unacknowledged again, first and in order, with DUP. An async context manager: entering connects.
    """

    def __init__(
        self,
        options: MqttOptions,
        *,
        window: int = _WINDOW,
        on_ack: Callable[[Any], None] | None = None,
        on_refused: Callable[[Any, str], None] | None = None,
    ) -> None:
        self.acknowledged = 0
        self.refused = 0
        self.reconnects = 0
        self._options = replace(options, session_expiry=min(options.session_expiry, _SESSION_S))
        self._dup = False
        self._wanted_window = window
        self._window = window
        self._on_ack = on_ack or (lambda _token: None)
        self._on_refused = on_refused or (lambda _token, _reason: None)
        self._connection: Connection | None = None
        self._under_way: dict[int, _Item] = {}
        self._again: deque[tuple[int, _Item]] = deque()
        self._frames: list[bytes] = []
        self._room: list[asyncio.Future[None]] = []
        self._packet_id = 0
        self._failure: StartError | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises StartError (credentials, TLS) and UnreachableError: one line, what to do."""
        connection = await connect(self._options, self, clean_start=True)
        self._keeper = asyncio.create_task(self._keep(connection))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect; what is unacknowledged then stays so: ``drain`` first."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._connection is not None:
            self._flush()
            await self._connection.disconnect(forget=True)

    async def publish(self, topic: str, payload: bytes, token: Any = None, *, retain: bool = False) -> None:  # noqa: ANN401 - the caller's own
        """Publish one message; waits only while the window is full.

        Raises StartError once the broker, on a later connection, refuses us for good.
        """
        while self._connection is None or self._again or self._full():
            await self._wait()
        packet_id = self._packet_id % 65535 + 1
        while packet_id in self._under_way:
            packet_id = packet_id % 65535 + 1
        self._packet_id = packet_id
        self._under_way[packet_id] = _Item(topic, payload, retain, token)
        self._put(publish_frame(topic, payload, packet_id, retain=retain))

    async def drain(self) -> None:
        """Wait until everything published is acknowledged or refused. Raises as ``publish``."""
        while self._under_way or self._again:
            await self._wait()

    # What the connection calls (``gateway.mqtt.connection.Owner``).

    def connected(self, connection: Connection, answer: mqtt5.ConnAckPacket) -> None:
        """Begin, or go on with what is unacknowledged."""
        self._connection = connection
        self._window = min(self._wanted_window, answer.receive_max)
        self._dup = answer.session_present
        self._frames.clear()
        self._again = deque([*self._under_way.items(), *self._again])
        self._under_way.clear()
        self._go_on()

    def published(self, connection: Connection, messages: list[Published]) -> None:  # noqa: ARG002 - see Owner
        """Nothing was subscribed, so nothing can come."""
        raise UnreachableError("nothing was subscribed")

    def answered(self, connection: Connection, answers: list[tuple[int, int]]) -> None:  # noqa: ARG002 - see Owner
        """The broker took messages, or refused them."""
        for packet_id, code in answers:
            item = self._under_way.pop(packet_id, None)
            if item is None:
                continue
            if code < 0x80:
                self.acknowledged += 1
                self._on_ack(item.token)
            else:
                self.refused += 1
                self._on_refused(item.token, reason_name(mqtt5.PubAckReasonCode(code)))
        self._go_on()

    # Inside.

    def _full(self) -> bool:
        return len(self._under_way) >= self._window

    def _go_on(self) -> None:
        """Send again what the window allows; once that is done, let those go on who wait for room or for the end."""
        while self._again and not self._full():
            packet_id, item = self._again.popleft()
            self._under_way[packet_id] = item
            self._put(publish_frame(item.topic, item.payload, packet_id, retain=item.retain, dup=self._dup))
        if not self._again:
            self._let_go()

    def _let_go(self) -> None:
        for waiting in self._room:
            if not waiting.done():
                waiting.set_result(None)
        self._room.clear()

    async def _wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._flush()
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room.append(waiting)
        await waiting

    def _put(self, frame: bytes) -> None:
        """Gather what is published in one turn of the loop into one write."""
        self._frames.append(frame)
        if len(self._frames) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._frames and self._connection is not None:
            self._connection.write(b"".join(self._frames))
            self._frames.clear()

    async def _keep(self, connection: Connection) -> None:
        """Reconnect whenever the connection breaks."""
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            await asyncio.wait([connection.closed])
            self._connection = None
            if asyncio.get_running_loop().time() - began > _STEADY_S:
                attempt = 0
            connected = False
            while not connected:
                await asyncio.sleep(full_jitter(attempt))
                attempt += 1
                try:
                    connection = await connect(self._options, self)
                    connected = True
                except UnreachableError:
                    continue
                except StartError as error:
                    self._failure = error
                    self._let_go()
                    return
            self.reconnects += 1
