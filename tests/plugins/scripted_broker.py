"""A broker that says exactly what a test tells it to: for what no real broker does on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import mqtt5
import pytest

from tests.support.waiting import eventually, free_port

TELEMETRY = "hygeia/v1/site/device/up/telemetry"


class Client:
    """One connection of a client to the scripted broker: ``packets`` are those it sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.packets: list[Any] = []
        self.gone = False
        self.reader = reader
        self.writer = writer

    def send(self, *frames: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(b"".join(frames))

    def of(self, kind: type) -> list[Any]:
        """The packets of one type that the client sent."""
        return [packet for packet in self.packets if type(packet) is kind]

    @property
    def acks(self) -> list[int]:
        """The packet ids that the client acknowledged, in order."""
        return [packet.packet_id for packet in self.of(mqtt5.PubAckPacket)]

    def close(self) -> None:
        """Close the connection without a word."""
        self.writer.transport.abort()


class ScriptedBroker:
    """Greets every client and grants every subscription; the rest the test does.

    ``greeting`` is what it answers to CONNECT; ``session_present`` makes the usual greeting say so.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.clients: list[Client] = []
        self.session_present = False
        self.greeting: bytes | None = None
        self.answers_pings = True
        self.returns_marker = True
        self._server: asyncio.Server | None = None
        self._packet_id = 60000

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for client in self.clients:
            client.close()
        await eventually(lambda: all(client.gone for client in self.clients))

    async def client(self, number: int = 0) -> Client:
        """The client that came as number 0, 1, …, once it is there and has sent a marker."""
        await eventually(lambda: len(self.clients) > number and self.clients[number].of(mqtt5.PublishPacket))
        return self.clients[number]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        self.clients.append(client)
        buffer = b""
        try:
            while data := await reader.read(65536):
                buffer += data
                while buffer:
                    try:
                        packet, length = mqtt5.read(buffer)  # type: ignore[arg-type]
                    except IndexError:
                        break
                    buffer = buffer[length:]
                    client.packets.append(packet)
                    self._answer(client, packet)
        except OSError:
            pass
        finally:
            client.gone = True
            writer.close()

    def _answer(self, client: Client, packet: Any) -> None:
        kind = type(packet)
        if kind is mqtt5.ConnectPacket:
            client.send(self.greeting or mqtt5.ConnAckPacket(session_present=self.session_present).write())
        elif kind is mqtt5.SubscribePacket:
            granted = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE for _ in packet.topic_filters]
            client.send(mqtt5.SubAckPacket(packet.packet_id, granted).write())
        elif kind is mqtt5.UnsubscribePacket:
            done = [mqtt5.UnsubAckReasonCode.SUCCESS for _ in packet.patterns]
            client.send(mqtt5.UnsubAckPacket(packet.packet_id, done).write())
        elif kind is mqtt5.PingReqPacket and self.answers_pings:
            client.send(mqtt5.PingRespPacket().write())
        elif kind is mqtt5.PublishPacket:
            client.send(mqtt5.PubAckPacket(packet.packet_id).write())
            if packet.topic.endswith("/down/marker") and self.returns_marker:
                self._packet_id += 1
                client.send(message(self._packet_id, packet.payload, packet.topic))


def message(packet_id: int | None, payload: bytes, topic: str = TELEMETRY, *, dup: bool = False) -> bytes:
    """One PUBLISH: QoS 1 with a packet id, QoS 0 without."""
    qos = mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE
    return mqtt5.PublishPacket(topic, payload, qos=qos, packet_id=packet_id, duplicate=dup).write()


@pytest.fixture
async def scripted_broker() -> AsyncIterator[ScriptedBroker]:
    """A scripted broker that listens."""
    broker = ScriptedBroker()
    await broker.start()
    yield broker
    await broker.stop()
