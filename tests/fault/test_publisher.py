"""The publisher: its window, and that nothing unacknowledged is forgotten."""

from __future__ import annotations

import asyncio

import mqtt5
import pytest

from gateway.errors import StartError
from gateway.mqtt.connection import UnreachableError
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.session import connect
from tests.plugins.mosquitto import Mosquitto
from tests.plugins.scripted_broker import Client, ScriptedBroker
from tests.support.waiting import eventually


def options(broker: ScriptedBroker | Mosquitto) -> MqttOptions:
    """How to reach the broker."""
    return MqttOptions.parse(broker.url, client_id="publisher")


def published(client: Client) -> list[tuple[bytes, int, bool]]:
    """Payload, packet id and DUP of what came."""
    return [(one.payload, one.packet_id, one.duplicate) for one in client.of(mqtt5.PublishPacket)]


class Silent(ScriptedBroker):
    """Acknowledges no PUBLISH by itself."""

    def _answer(self, client: Client, packet: object) -> None:
        if type(packet) is not mqtt5.PublishPacket:
            super()._answer(client, packet)


@pytest.mark.parametrize(("window", "receive_max", "expected"), [(3, 65535, 3), (100, 2, 2)])
async def test_no_more_than_the_window_is_unacknowledged(window: int, receive_max: int, expected: int) -> None:
    """The smaller of our window and the broker's receive maximum holds ``publish`` up."""
    broker = Silent()
    broker.greeting = mqtt5.ConnAckPacket(receive_max=receive_max).write()
    await broker.start()
    tokens: list[object] = []
    async with Publisher(options(broker), window=window, on_ack=tokens.append) as publisher:

        async def work() -> None:
            for n in range(5):
                await publisher.publish("t", b"%d" % n, n)
            await publisher.drain()

        task = asyncio.create_task(work())
        await eventually(lambda: broker.clients and len(published(broker.clients[0])) == expected)
        for n in range(5):
            await eventually(lambda n=n: len(published(broker.clients[0])) == min(5, expected + n))  # type: ignore[misc]
            broker.clients[0].send(mqtt5.PubAckPacket(n + 1).write())
        await task
        assert tokens == [0, 1, 2, 3, 4]
        assert publisher.acknowledged == 5
    await broker.stop()


@pytest.mark.parametrize("session_present", [True, False])
async def test_what_is_unacknowledged_is_sent_again_first_and_in_order(session_present: bool) -> None:
    """After a broken connection it comes with the same packet ids, marked DUP where the session went on."""
    broker = Silent()
    await broker.start()
    tokens: list[object] = []
    async with Publisher(options(broker), window=3, on_ack=tokens.append) as publisher:
        for n in range(3):
            await publisher.publish("t", b"%d" % n, n)
        later = asyncio.create_task(publisher.publish("t", b"3", 3))
        await eventually(lambda: broker.clients and len(published(broker.clients[0])) == 3)
        broker.clients[0].send(mqtt5.PubAckPacket(1).write())
        await later
        await eventually(lambda: len(published(broker.clients[0])) == 4)
        broker.greeting = mqtt5.ConnAckPacket(session_present=session_present, receive_max=2).write()
        broker.clients[0].close()
        drained = asyncio.create_task(publisher.drain())
        await eventually(lambda: len(broker.clients) == 2 and len(published(broker.clients[1])) == 2)
        second = broker.clients[1]
        second.send(mqtt5.PubAckPacket(2).write(), mqtt5.PubAckPacket(3).write())
        await eventually(lambda: len(published(second)) == 3)
        assert published(second) == [(b"%d" % n, n + 1, session_present) for n in (1, 2, 3)]
        second.send(mqtt5.PubAckPacket(4).write())
        await drained
        assert tokens == [0, 1, 2, 3]
        assert (publisher.acknowledged, publisher.reconnects) == (4, 1)
    await broker.stop()
    assert [client.of(mqtt5.ConnectPacket)[0].clean_start for client in broker.clients] == [True, False]


async def test_a_refused_message_is_told_and_not_sent_again() -> None:
    """A broker may forbid a topic; that must not hold up the rest."""
    broker = Silent()
    await broker.start()
    refused: list[tuple[object, str]] = []
    async with Publisher(options(broker), on_refused=lambda *what: refused.append(what)) as publisher:
        await publisher.publish("forbidden", b"x", "token")
        await eventually(lambda: broker.clients and published(broker.clients[0]))
        broker.clients[0].send(mqtt5.PubAckPacket(1, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED).write())
        await publisher.drain()
        assert refused == [("token", "not authorized")]
        assert (publisher.acknowledged, publisher.refused) == (0, 1)
    await broker.stop()


async def test_no_broker_at_the_start_is_one_line(scripted_broker: ScriptedBroker) -> None:
    """Whoever starts a simulation wants to know at once."""
    await scripted_broker.stop()
    with pytest.raises(UnreachableError, match="cannot be reached: Connection refused"):
        async with Publisher(options(scripted_broker)):
            pass


async def test_a_refusal_for_good_reaches_whoever_publishes() -> None:
    """A password that was changed meanwhile ends the work with one line."""
    broker = Silent()
    await broker.start()
    async with Publisher(options(broker)) as publisher:
        await publisher.publish("t", b"x")
        code = mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD
        broker.greeting = mqtt5.ConnAckPacket(reason_code=code).write()
        broker.clients[0].close()
        with pytest.raises(StartError, match="password"):
            await publisher.drain()
        with pytest.raises(StartError, match="password"):
            await publisher.publish("t", b"y")
    await broker.stop()


@pytest.mark.mosquitto
async def test_the_session_of_a_publisher_does_not_stay_at_the_broker(mosquitto: Mosquitto) -> None:
    """A thousand simulations leave nothing behind."""
    async with Publisher(options(mosquitto)) as publisher:
        await publisher.publish("t", b"retained", retain=True)
        await publisher.drain()
    await eventually(lambda: "Client publisher disconnected" in mosquitto.words())
    connection = await connect(options(mosquitto), Publisher(options(mosquitto)))
    assert (await connection.answer).session_present is False
    await connection.disconnect()
