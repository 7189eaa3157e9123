"""Publishes QoS 1 as fast as the broker acknowledges, or at a rate, from frames that were encoded before.

``python -m benchmarks.generator PORT DEVICES MESSAGES START FIRST RATE CONNECTIONS``: from round FIRST on; RATE 0 is as
fast as it goes.
Answers once when it is connected and ready; on any line it publishes, and answers when all is acknowledged, with
``seconds``, ``acknowledged`` and the average length of a payload. MQTT 3.1.1, as most devices speak it. Messages of a
device stay on one connection, so they stay in order. It costs about 2 us a message.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from array import array
from typing import cast

import uvloop

from benchmarks.load import Load, publish_frame
from benchmarks.processes import answer

#: Messages that one connection has unacknowledged at the most.
WINDOW = 500
_PUBACK = 4
_CONNACK = 4
_BEAT_S = 0.005


class Stream(asyncio.Protocol):
    """One connection with all that it will send, encoded."""

    def __init__(self, name: str) -> None:
        self.acknowledged = 0
        self.sent = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()
        self.ends = array("Q", [0])
        self.released = 0
        self._name = name.encode()
        self._bytes = bytearray()
        self._seen = 0
        self._transport: asyncio.Transport | None = None

    def add(self, topic: bytes, payload: bytes) -> None:
        """Append a message."""
        self._bytes += publish_frame(topic, payload, (len(self.ends) - 1) % 65535 + 1, version=4)
        self.ends.append(len(self._bytes))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves: clean session, keep-alive of ten minutes."""
        self._transport = cast(asyncio.Transport, transport)
        body = b"\0\4MQTT\4\2" + struct.pack(">HH", 600, len(self._name)) + self._name
        self._transport.write(b"\x10" + bytes((len(body),)) + body)

    def data_received(self, data: bytes) -> None:
        """The CONNACK, then nothing but PUBACKs."""
        self._seen += len(data)
        if not self.ready.done() and self._seen >= _CONNACK:
            self.ready.set_result(None)
        self.acknowledged = max(0, self._seen - _CONNACK) // _PUBACK
        if self.released:
            self.go_on()
        if self.acknowledged >= len(self.ends) - 1 and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody reconnects here: the run has failed."""
        for waiting in (self.ready, self.done):
            if not waiting.done():
                waiting.set_exception(ConnectionError(f"the broker is gone: {exc}"))

    def release(self, upto: int) -> None:
        """Messages before ``upto`` may go."""
        self.released = min(upto, len(self.ends) - 1)
        self.go_on()

    def go_on(self) -> None:
        """Send what the window and the rate allow, in one write."""
        upto = min(self.acknowledged + WINDOW, self.released)
        if upto > self.sent and self._transport is not None:
            self._transport.write(bytes(memoryview(self._bytes)[self.ends[self.sent] : self.ends[upto]]))
            self.sent = upto


async def _run(port: int, load: Load, messages: int, rate: float, connections: int) -> None:
    loop = asyncio.get_running_loop()
    streams = [Stream(f"generator-{n}") for n in range(connections)]
    size = 0
    for device, topic, payload in load.messages(messages):
        streams[device % connections].add(topic, payload)
        size += len(payload)
    for stream in streams:
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", port)  # type: ignore[misc]
        await stream.ready
    answer(ready=True, payload=size / messages)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    # Every beat releases what is due by then; without a rate everything is due at once.
    left = [stream for stream in streams if len(stream.ends) > 1]
    while rate and any(stream.released < len(stream.ends) - 1 for stream in left):
        due = int((time.perf_counter() - began) * rate / connections) + 1
        for stream in left:
            stream.release(due)
        await asyncio.sleep(_BEAT_S)
    for stream in left:
        stream.release(sys.maxsize)
    await asyncio.gather(*[stream.done for stream in left])
    seconds = time.perf_counter() - began
    answer(seconds=seconds, acknowledged=sum(stream.acknowledged for stream in streams))


def main(*arguments: str) -> None:
    """Read the command line; see the module's docstring."""
    port, devices, messages, start, first, rate, connections = arguments
    load = Load(int(devices), int(start), int(first))
    uvloop.run(_run(int(port), load, int(messages), float(rate), int(connections)))


if __name__ == "__main__":
    main(*sys.argv[1:])
