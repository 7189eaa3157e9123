"""The intake by itself: real Connection and Intake behind a transport and a journal that only listen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mqtt5
import uvloop

from benchmarks.load import Sent, publish_frame
from gateway.clock import SystemClock
from gateway.intake import Intake
from gateway.journal.record import Record
from gateway.journal.writer import Entry
from gateway.mqtt.connection import Connection
from gateway.mqtt.options import MqttOptions

#: Messages that arrive in one read: about 50 KiB.
TOGETHER = 200
_PATIENCE_S = 10.0


class _Transport(asyncio.Transport):
    """Counts the PUBACKs."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        return ("127.0.0.1", 1883) if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += len(data)

    def abort(self) -> None:
        raise AssertionError("the intake ended the connection")


class _Journal:
    """Keeps what is submitted and calls it durable at once."""

    def __init__(self) -> None:
        self.failed: BaseException | None = None
        self.durable = -1
        self.entries: list[Entry] = []

    def submit(self, entries: Sequence[Entry], done: Callable[[int], None]) -> None:
        self.entries += entries
        self.durable += len(entries)
        done(self.durable)

    def read(self, *_: object, **__: object) -> list[Record]:
        return []

    def close(self) -> None:
        return


class IntakeStage:
    """``take`` is frame cutting, parsing, the journal's bodies, and one write of PUBACKs for each read."""

    def __init__(self, folder: Path) -> None:
        self._journal = _Journal()
        self._loop = uvloop.new_event_loop()
        self._packet_id = 0
        self._transport = _Transport()
        self._connection = self._loop.run_until_complete(self._connected(folder))

    async def _connected(self, folder: Path) -> Connection:
        options = MqttOptions("127.0.0.1", 1883, keep_alive=65535)
        intake = Intake(options, self._journal, SystemClock(), filters=list, data_dir=folder, records=self._journal)
        # ``start`` would connect by TCP.
        intake._loop = asyncio.get_running_loop()  # noqa: SLF001 - see above
        connection = Connection(options, intake)
        connection.connection_made(self._transport)
        connection.data_received(mqtt5.ConnAckPacket().write())
        self._transport.written = 0
        return connection

    def chunks(self, sent: Sequence[Sent]) -> list[bytes]:
        """The stream of a broker, as it arrives."""
        frames = []
        for _, topic, payload in sent:
            self._packet_id = self._packet_id % 65535 + 1
            frames.append(publish_frame(topic, payload, self._packet_id, version=5))
        return [b"".join(frames[first : first + TOGETHER]) for first in range(0, len(frames), TOGETHER)]

    def take(self, chunks: Sequence[bytes]) -> list[Entry]:
        """Take in all chunks; the entries that went to the journal."""
        self._loop.run_until_complete(self._take(chunks))
        entries, self._journal.entries = self._journal.entries, []
        self._transport.written = 0
        return entries

    async def _take(self, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            self._connection.data_received(chunk)
            await asyncio.sleep(0)
        async with asyncio.timeout(_PATIENCE_S):
            while self._transport.written < 4 * len(self._journal.entries):  # noqa: ASYNC110 - an Event would cost
                await asyncio.sleep(0)

    def close(self) -> None:
        """End the loop."""
        self._loop.close()
