"""The intake against a broker that does what no real one does on demand."""

from __future__ import annotations

import asyncio
import hashlib

import mqtt5
import pytest

from gateway.errors import JournalFailedError, StartError
from gateway.journal.record import DUP, TRUNCATED, Kind
from gateway.mqtt.subscriptions import DROPPED_TOPIC
from tests.plugins.intakes import StartIntake
from tests.plugins.scripted_broker import TELEMETRY, ScriptedBroker, message
from tests.support.memory_journal import MemoryJournal
from tests.support.waiting import eventually

BAD_TOPIC = bytes([0x32, 7, 0, 2, 0xFF, 0xFE, 0, 9, 0])


async def test_it_introduces_itself_as_designed(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A lasting session, our window, no maximum packet size, no topic aliases; QoS 1 and retained only when new."""
    await start_intake(scripted_broker.url, memory_journal, receive_maximum=321, keep_alive=7, filters=["dtu/+/data"])
    client = await scripted_broker.client()
    connect = client.of(mqtt5.ConnectPacket)[0]
    assert (connect.clean_start, connect.receive_max, connect.keep_alive) == (False, 321, 7)
    assert connect.session_expiry_interval > 0
    assert (connect.max_packet_size, connect.topic_alias_max) == (None, 0)
    dropped, own = client.of(mqtt5.SubscribePacket)
    assert [one.pattern for one in dropped.topic_filters] == [DROPPED_TOPIC]
    marker = "hygeia/v1/_/gateway/down/marker"
    assert [one.pattern for one in own.topic_filters] == ["hygeia/v1/+/+/up/+", marker, "dtu/+/data"]
    for one in own.topic_filters:
        assert one.max_qos == mqtt5.QoS.AT_LEAST_ONCE
        assert one.retain_handling == mqtt5.RetainHandling.SEND_IF_SUBSCRIPTION_NOT_EXISTS


async def test_a_resumed_session_is_not_subscribed_again(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """With the session present only changed filters go over the wire, besides the broker's own counter."""
    running = await start_intake(scripted_broker.url, memory_journal, filters=["a", "b"])
    await running.stop()
    scripted_broker.session_present = True
    running = await start_intake(scripted_broker.url, memory_journal, filters=["a", "b"])
    second = await scripted_broker.client(1)
    assert [one.topic_filters[0].pattern for one in second.of(mqtt5.SubscribePacket)] == [DROPPED_TOPIC]
    await running.stop()
    await start_intake(scripted_broker.url, memory_journal, filters=["b", "c"])
    third = await scripted_broker.client(2)
    assert [one.pattern for one in third.of(mqtt5.SubscribePacket)[1].topic_filters] == ["c"]
    assert [packet.patterns for packet in third.of(mqtt5.UnsubscribePacket)] == [["a"]]


async def test_nothing_is_acknowledged_before_it_is_durable_and_then_in_order(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A journal that does not get on keeps the PUBACKs back; they then go out in PUBLISH order."""
    await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    await eventually(lambda: len(client.acks) == 1)  # the marker
    memory_journal.hold()
    for n in (5, 3, 9):
        client.send(message(n, b"%d" % n))
    client.send(message(None, b"promised nothing"))
    await eventually(lambda: memory_journal.submitted == 5)
    assert len(client.acks) == 1
    memory_journal.release()
    await eventually(lambda: client.acks[1:] == [5, 3, 9])
    assert memory_journal.payloads() == [b"5", b"3", b"9", b"promised nothing"]


async def test_no_acknowledgement_goes_to_a_newer_connection(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """What became durable after its connection broke is acknowledged only when it comes again."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    memory_journal.hold()
    client.send(message(1, b"one"), message(2, b"two"))
    await eventually(lambda: memory_journal.submitted == 3)
    scripted_broker.session_present = True
    client.close()
    newer = await scripted_broker.client(1)
    newer.send(message(1, b"one", dup=True))
    await eventually(lambda: running.intake.stats.redelivered == 1)
    assert newer.acks == []  # not before the first record of it is durable
    memory_journal.release()
    await eventually(lambda: 1 in newer.acks)
    assert 2 not in newer.acks
    newer.send(message(2, b"two", dup=True))
    await eventually(lambda: 2 in newer.acks)
    assert memory_journal.payloads() == [b"one", b"two"]
    assert running.intake.stats.redelivered == 2


async def test_only_a_marked_repeat_of_the_same_message_on_a_resumed_session_is_recognised(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Without DUP, with another payload, topic or id it is a message of its own."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    client.send(message(1, b"x"), message(1, b"x", dup=True))
    await eventually(lambda: len(memory_journal.messages) == 2)  # this session is new: nothing can come again
    scripted_broker.session_present = True
    client.close()
    newer = await scripted_broker.client(1)
    newer.send(
        message(1, b"y", dup=True),
        message(1, b"y"),
        message(1, b"y", topic=TELEMETRY + "2", dup=True),
        message(2, b"y", dup=True),
        message(2, b"y", dup=True),
    )
    await eventually(lambda: newer.acks.count(1) == 3 and newer.acks.count(2) == 2)
    assert memory_journal.payloads() == [b"x", b"x", b"y", b"y", b"y", b"y"]
    assert [message.flags & DUP for message in memory_journal.messages] == [0, DUP, DUP, 0, DUP, DUP]
    assert running.intake.stats.redelivered == 1


# mqtt5 panics on bad UTF-8 and leaves the exception behind, which Python reports as unraisable.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "poison",
    [
        BAD_TOPIC,
        b"\x34\x06\0\1a\0\1\0",  # QoS 2
        b"\x32\xff\xff\xff\xff\x01",  # remaining length
        b"\x00\x00",
        mqtt5.ConnAckPacket().write(),
        mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]).write(),
        bytes([0x32, 8, 0, 0, 0, 9, 3, 0x23, 0, 1]),  # a topic alias
    ],
    ids=["bad-utf8", "qos-2", "length", "type-0", "connack", "subscribe", "alias"],
)
async def test_a_frame_that_breaks_the_protocol_ends_the_connection_and_not_the_intake(
    poison: bytes, scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """What came before it is kept, what comes on the next connection is taken."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    client.send(message(1, b"before") + poison + message(2, b"after"))
    await eventually(lambda: client.gone)
    newer = await scripted_broker.client(1)
    newer.send(message(3, b"next"))
    await eventually(lambda: 3 in newer.acks)
    assert memory_journal.payloads() == [b"before", b"next"]
    assert running.intake.stats.reconnects == 1
    assert len(running.told("disconnected")) == 1


async def test_a_message_that_cannot_be_taken_is_not_taken_for_known_when_it_comes_again(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """An error on our side ends the connection; the message is journaled at the next attempt."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    await eventually(lambda: len(client.acks) == 1)
    submit, memory_journal.submit = memory_journal.submit, None  # type: ignore[method-assign,assignment]
    client.send(message(1, b"one"))
    await eventually(lambda: client.gone)
    memory_journal.submit = submit  # type: ignore[method-assign]
    scripted_broker.session_present = True
    newer = await scripted_broker.client(1)
    newer.send(message(1, b"one", dup=True))
    await eventually(lambda: 1 in newer.acks)
    assert memory_journal.payloads() == [b"one"]
    assert "could not be taken" in running.told("disconnected")[0]["reason"]


async def test_of_an_over_long_payload_the_front_is_journaled_with_length_and_digest(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """So it can be parked as too large; sent again it is recognised all the same."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    payload = bytes(n % 251 for n in range(200_000))
    client.send(message(1, payload))
    await eventually(lambda: 1 in client.acks)
    (record,) = memory_journal.messages
    assert record.flags & TRUNCATED
    assert (record.full_length, record.sha256) == (len(payload), hashlib.sha256(payload).digest())
    assert record.payload == payload[:65536]
    scripted_broker.session_present = True
    client.close()
    newer = await scripted_broker.client(1)
    newer.send(message(1, payload, dup=True))
    await eventually(lambda: 1 in newer.acks)
    assert (running.intake.stats.too_large, running.intake.stats.redelivered) == (1, 1)


async def test_a_session_that_is_gone_is_a_record_before_what_the_new_one_brings(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Session Present 0 where there was a session: SESSION_LOST, and everything is subscribed anew."""
    running = await start_intake(scripted_broker.url, memory_journal)
    await running.stop()
    running = await start_intake(scripted_broker.url, memory_journal)
    kinds = [record.kind for record in memory_journal.records]
    assert kinds == [Kind.CAUGHT_UP, Kind.SESSION_LOST, Kind.CAUGHT_UP]
    (lost,) = memory_journal.documents(Kind.SESSION_LOST)
    assert (lost["type"], lost["reason"], lost["client_id"]) == ("session_lost", "expired", "gateway")
    assert running.intake.stats.sessions_lost == 1
    second = await scripted_broker.client(1)
    assert len(second.of(mqtt5.SubscribePacket)[1].topic_filters) == 2


async def test_repeated_takeovers_are_a_record(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Two clients with one id fight over the session: one takeover may be an accident, the second is not."""
    running = await start_intake(scripted_broker.url, memory_journal)
    scripted_broker.session_present = True
    taken_over = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write()
    (await scripted_broker.client(0)).send(taken_over)
    second = await scripted_broker.client(1)
    assert memory_journal.documents(Kind.SESSION_LOST) == []
    second.send(taken_over)
    await eventually(lambda: memory_journal.documents(Kind.SESSION_LOST))
    assert memory_journal.documents(Kind.SESSION_LOST)[0]["reason"] == "taken_over"
    assert "session taken over" in running.told("disconnected")[0]["reason"]


async def test_a_rise_of_dropped_messages_is_a_record_even_over_a_restart(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """The first value is where counting begins; each rise says by how much, and absence is suspended anew."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    client.send(
        message(None, b"5", DROPPED_TOPIC), message(None, b"5", DROPPED_TOPIC), message(None, b"x", DROPPED_TOPIC)
    )
    client.send(message(None, b"7", DROPPED_TOPIC))
    await running.caught_up(2)
    assert [lost["count"] for lost in memory_journal.documents(Kind.SESSION_LOST)] == [2]
    assert memory_journal.documents(Kind.SESSION_LOST)[0]["reason"] == "dropped"
    assert running.intake.stats.broker_dropped == 2
    await running.stop()
    scripted_broker.session_present = True
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client(1)
    client.send(message(None, b"10", DROPPED_TOPIC))
    await eventually(lambda: running.intake.stats.broker_dropped == 3)
    client.send(message(None, b"1", DROPPED_TOPIC))  # the broker began anew
    await eventually(lambda: running.intake.stats.broker_dropped == 4)
    assert memory_journal.messages == []


async def test_caught_up_comes_only_behind_what_was_received_before(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """While messages wait to become durable the marker's return is not recorded; an old marker never is."""
    scripted_broker.returns_marker = False
    running = await start_intake(scripted_broker.url, memory_journal, wait=False)
    client = await scripted_broker.client()
    (marker,) = client.of(mqtt5.PublishPacket)
    assert (marker.topic, marker.qos, marker.retain) == (
        "hygeia/v1/_/gateway/down/marker",
        mqtt5.QoS.AT_LEAST_ONCE,
        False,
    )
    memory_journal.hold()
    client.send(message(1, b"one"), message(2, b'{"n":1}', marker.topic), message(3, b"{", marker.topic))
    client.send(message(4, marker.payload, marker.topic))
    await eventually(lambda: running.intake.stats.received == 1)
    assert running.told("caught_up") == []
    memory_journal.release()
    await running.caught_up()
    assert [record.kind for record in memory_journal.records] == [Kind.MESSAGE, Kind.CAUGHT_UP]
    await eventually(lambda: client.acks == [1, 2, 3, 4])


async def test_a_failed_journal_acknowledges_nothing_ever_again(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """``run`` ends with JournalFailedError."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    await eventually(lambda: len(client.acks) == 1)
    memory_journal.hold()
    client.send(message(1, b"one"))
    await eventually(lambda: memory_journal.submitted == 2)
    memory_journal.fail()
    client.send(message(2, b"two"))
    assert running.task is not None
    with pytest.raises(JournalFailedError, match="nothing is acknowledged"):
        await running.task
    assert len(client.acks) == 1


async def test_a_stop_acknowledges_what_was_read_and_says_goodbye(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Nothing that is on disk comes again after a graceful stop."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    memory_journal.hold()
    client.send(message(1, b"one"))
    await eventually(lambda: memory_journal.submitted == 2)
    stopping = asyncio.create_task(running.stop())
    await eventually(lambda: running.intake.stats.paused)
    memory_journal.release()
    client.send(message(2, b"too late"))
    await stopping
    await eventually(lambda: client.gone)
    assert client.acks[-1] == 1
    assert memory_journal.payloads() == [b"one"]
    assert type(client.packets[-1]) is mqtt5.DisconnectPacket
    assert client.packets[-1].reason_code == mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION


async def test_a_stop_does_not_wait_for_a_journal_that_is_stuck(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """After the deadline what is not durable stays unacknowledged."""
    running = await start_intake(scripted_broker.url, memory_journal)
    client = await scripted_broker.client()
    memory_journal.hold()
    client.send(message(1, b"one"))
    await eventually(lambda: memory_journal.submitted == 2)
    await running.stop(0.05)
    await eventually(lambda: client.gone)
    assert 1 not in client.acks


async def test_a_silent_broker_is_given_up(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Without any sign for one and a half keep-alive intervals the connection is made anew."""
    scripted_broker.answers_pings = False
    running = await start_intake(scripted_broker.url, memory_journal, keep_alive=1)
    client = await scripted_broker.client()
    await eventually(lambda: client.gone)
    assert client.of(mqtt5.PingReqPacket)
    await scripted_broker.client(1)
    assert "silent for 1.5 s" in running.told("disconnected")[0]["reason"]


async def test_back_pressure_pauses_reading_and_survives_the_keep_alive(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """While nothing is read for longer than the keep-alive allows, PINGREQs go out and nobody is declared dead."""
    running = await start_intake(scripted_broker.url, memory_journal, keep_alive=1)
    client = await scripted_broker.client()
    running.intake._acknowledger._pause_bytes = 100_000
    memory_journal.hold()
    sent = [b"%d" % n + bytes(60_000) for n in range(20)]
    for n, payload in enumerate(sent, 1):
        client.send(message(n, payload))
    await eventually(lambda: running.intake.stats.paused)
    pings = len(client.of(mqtt5.PingReqPacket))
    await eventually(lambda: len(client.of(mqtt5.PingReqPacket)) >= pings + 5)  # 2.5 s
    assert running.intake.stats.received < 20
    memory_journal.release()
    await eventually(lambda: len(client.acks) == 21)
    assert memory_journal.payloads() == sent
    assert not running.intake.stats.paused
    assert running.intake.stats.reconnects == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD, "mqtt.url"),
        (mqtt5.ConnAckReasonCode.NOT_AUTHORIZED, "rules"),
        (mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID, "mqtt.client_id"),
    ],
)
async def test_a_refusal_that_needs_a_person_is_one_line_at_the_start(
    code: mqtt5.ConnAckReasonCode, words: str, scripted_broker: ScriptedBroker, start_intake: StartIntake
) -> None:
    """It names the broker and what to do, and no credentials."""
    scripted_broker.greeting = mqtt5.ConnAckPacket(reason_code=code).write()
    url = scripted_broker.url.replace("://", "://someone:hush@")
    with pytest.raises(StartError) as caught:
        await start_intake(url, MemoryJournal())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "someone" not in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_a_broker_without_mqtt_5_is_named(scripted_broker: ScriptedBroker, start_intake: StartIntake) -> None:
    """It answers with a CONNACK of MQTT 3.1.1."""
    scripted_broker.greeting = b"\x20\x02\x00\x01"
    with pytest.raises(StartError, match="does not speak MQTT 5"):
        await start_intake(scripted_broker.url, MemoryJournal())


async def test_a_busy_broker_is_tried_again(
    scripted_broker: ScriptedBroker, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A refusal that time may heal is no StartError."""
    scripted_broker.greeting = mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.SERVER_BUSY).write()
    running = await start_intake(scripted_broker.url, memory_journal, wait=False)
    assert "server busy" in running.told("unreachable")[0]["reason"]
    scripted_broker.greeting = None
    await running.caught_up()
