"""What the intake and the publisher rely on, on every broker that Hygeia is run with."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.journal.record import Kind
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from tests.plugins.intakes import StartIntake
from tests.plugins.iotcore import Iotcore
from tests.plugins.mosquitto import Mosquitto
from tests.support.memory_journal import MemoryJournal
from tests.support.waiting import eventually

pytestmark = pytest.mark.mosquitto
TOPIC = "hygeia/v1/site/wq-1/up/telemetry"


@pytest.fixture(params=["mosquitto", "iotcore_broker"])
def broker(request: pytest.FixtureRequest) -> Any:
    """Each broker in turn."""
    return request.getfixturevalue(request.param)


async def send(url: str, *payloads: bytes, topic: str = TOPIC, retain: bool = False) -> list[object]:
    """Publish and wait until the broker has acknowledged; gives the tokens in that order."""
    acknowledged: list[object] = []
    options = MqttOptions.parse(url, client_id="sender")
    async with Publisher(options, on_ack=acknowledged.append) as publisher:
        for payload in payloads:
            await publisher.publish(topic, payload, payload, retain=retain)
        await publisher.drain()
    return acknowledged


async def test_every_message_is_journaled_in_order_with_its_topic(
    broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """What devices publish stands in the journal in their order and is acknowledged."""
    running = await start_intake(broker.url, memory_journal)
    payloads = [b'{"ph": %d}' % n for n in range(500)]
    assert await send(broker.url, *payloads) == payloads
    await eventually(lambda: len(memory_journal.messages) == 500)
    assert memory_journal.payloads() == payloads
    assert {message.topic for message in memory_journal.messages} == {TOPIC.encode()}
    await eventually(lambda: running.intake.stats.acked == 501)  # with the marker


async def test_caught_up_is_recorded_when_the_marker_comes_back(
    broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """One CAUGHT_UP record follows a connection, and the marker itself is no message."""
    await start_intake(broker.url, memory_journal)
    assert [record.kind for record in memory_journal.records] == [Kind.CAUGHT_UP]


async def test_messages_of_an_absence_come_with_the_resumed_session(
    broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A gateway that stops and starts again misses nothing, and catches up only behind it."""
    first = await start_intake(broker.url, memory_journal)
    await first.stop()
    await send(broker.url, b"1", b"2", b"3")
    second = await start_intake(broker.url, memory_journal)
    assert second.told("connected")[-1]["session_present"] is True
    # iotcore throws the second gateway out for asking for $SYS, and sends again with neither DUP nor the same ids.
    assert list(dict.fromkeys(memory_journal.payloads())) == [b"1", b"2", b"3"]
    assert len(memory_journal.messages) == 3 or isinstance(broker, Iotcore)
    assert [record.kind for record in memory_journal.records][-1] == Kind.CAUGHT_UP
    assert memory_journal.documents(Kind.SESSION_LOST) == []


async def test_filters_of_sources_are_subscribed_and_taken_back_on_a_living_connection(
    broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A changed registry changes the subscriptions at once, without a reconnect."""
    running = await start_intake(broker.url, memory_journal, filters=["old/+/data"])
    await send(broker.url, b"old", topic="old/1/data")
    await eventually(lambda: memory_journal.payloads() == [b"old"])
    running.filters = ["new/+/data"]
    running.intake.set_filters()
    await eventually(lambda: "old/+/data" not in running.intake._subscriptions._note.asked)
    await send(broker.url, b"not any more", topic="old/1/data")
    await send(broker.url, b"new", topic="new/1/data")
    await eventually(lambda: memory_journal.payloads() == [b"old", b"new"])
    assert running.intake.stats.reconnects == 0


async def test_replies_reach_the_device(broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal) -> None:
    """What the gateway publishes soon arrives, in order."""
    running = await start_intake(broker.url, memory_journal)
    other = MemoryJournal()
    device = await start_intake(broker.url, other, filters=["hygeia/v1/+/+/down/reply"], client_id="device")
    for n in range(50):
        running.intake.publish_soon("hygeia/v1/site/wq-1/down/reply", b"%d" % n, qos=n % 2)
    await eventually(lambda: len(other.messages) == 50)
    assert other.payloads() == [b"%d" % n for n in range(50)]
    assert running.intake.stats.replies_dropped == 0
    await device.stop()
    other.close()


async def test_qos_0_is_journaled_and_counted_apart(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A QoS 0 message is a record without packet id; nothing acknowledges it (iotcore raises it to QoS 1)."""
    running = await start_intake(mosquitto.url, memory_journal)
    running.intake.publish_soon(TOPIC, b"promised nothing", qos=0)
    await eventually(lambda: memory_journal.payloads() == [b"promised nothing"])
    (message,) = memory_journal.messages
    assert (message.qos, message.packet_id) == (0, 0)
    assert (running.intake.stats.qos0, running.intake.stats.received) == (1, 1)


async def test_a_window_of_one_still_brings_everything(
    broker: Any, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A receive maximum of 1 makes it slow and loses nothing."""
    await start_intake(broker.url, memory_journal, receive_maximum=1)
    payloads = [b"%d" % n for n in range(30)]
    await send(broker.url, *payloads)
    await eventually(lambda: memory_journal.payloads() == payloads)
