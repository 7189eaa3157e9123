"""A device that wants to be sure: it sends a message again and again until the reply to its ``id`` has come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from types import TracebackType
from typing import Any, NamedTuple, Self

import aiomqtt

ROOT = "hygeia/v1"
#: Without it the PUBACK of a reply holds back the next message for 40 ms (Nagle).
AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
#: Seconds between two attempts to reach the broker.
AGAIN_S = 0.05


class Reply(NamedTuple):
    """What the gateway said, on which topic, and how many seconds after the (last) sending."""

    document: dict[str, Any]
    topic: str
    after_s: float

    @property
    def code(self) -> int:
        """The fate: 0 accepted, 1 repeated, 2 parked, 3 conflict."""
        code: int = self.document["code"]
        return code


class Resender:
    """An MQTT 3.1.1 client at 127.0.0.1:``port`` with a clean session; it hears every ``down/reply`` of the root.

    ``send`` returns the reply; without one it publishes again every ``every_s`` seconds, also through a broker that
    was away meanwhile. ``replies`` are all that came, in order.
    """

    def __init__(self, port: int, every_s: float = 5.0) -> None:
        self.replies: list[Reply] = []
        self.sent = 0
        self._port = port
        self._every_s = every_s
        self._client: aiomqtt.Client | None = None
        self._there = asyncio.Event()
        self._waiting: dict[object, tuple[float, asyncio.Future[Reply]]] = {}
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        self._keeper = asyncio.create_task(self._keep())
        await self._there.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        assert self._keeper is not None
        self._keeper.cancel()
        await asyncio.wait([self._keeper])

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish once to ``{root}/{topic}``; with QoS 1 it returns when the broker has acknowledged."""
        await self.publish_at(f"{ROOT}/{topic}", payload, qos=qos, retain=retain)

    async def publish_at(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish once to any topic."""
        await self._there.wait()
        assert self._client is not None
        self.sent += 1
        await self._client.publish(topic, payload, qos=qos, retain=retain)

    async def send(self, topic: str, document: dict[str, Any]) -> Reply:
        """Publish ``document`` to ``{root}/{topic}`` until its reply comes."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        payload = json.dumps(document).encode()
        while not future.done():
            self._waiting[document["id"]] = (loop.time(), future)
            with contextlib.suppress(aiomqtt.MqttError):
                await self.publish(topic, payload)
            await asyncio.wait([future], timeout=self._every_s)
        return await future

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self._port, timeout=5, socket_options=AT_ONCE) as client:
                    await client.subscribe(f"{ROOT}/+/+/down/reply", qos=1)
                    self._client = client
                    self._there.set()
                    async for message in client.messages:
                        self._take(str(message.topic), message.payload)
            self._there.clear()
            await asyncio.sleep(AGAIN_S)

    def _take(self, topic: str, payload: object) -> None:
        assert isinstance(payload, bytes)
        document = json.loads(payload)
        began, future = self._waiting.pop(document["id"], (0.0, None))
        loop = asyncio.get_running_loop()
        reply = Reply(document, topic, loop.time() - began)
        self.replies.append(reply)
        if future is not None and not future.done():
            future.set_result(reply)
