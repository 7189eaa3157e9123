"""The intake against real Mosquitto: credentials, restarts, kills, windows; with the real journal where it matters."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import mqtt5
import pytest

from gateway.clock import SystemClock
from gateway.errors import StartError
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, Message, parse_message
from gateway.journal.writer import Journal
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from tests.plugins.intakes import StartIntake
from tests.plugins.mosquitto import Certificates, Mosquitto, StartMosquitto
from tests.support.memory_journal import MemoryJournal
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.mosquitto
TOPIC = "hygeia/v1/site/wq-1/up/telemetry"
OpenJournal = Callable[[], Journal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[OpenJournal]:
    """Call it to open the journal in ``tmp_path/journal``, as often as a gateway would start."""
    journals: list[Journal] = []

    def opened() -> Journal:
        for journal in journals:
            journal.close()
        journals.append(Journal.open(tmp_path / "journal", SystemClock(), min_free=0, idle_ticks=False))
        return journals[-1]

    yield opened
    for journal in journals:
        journal.close()


def messages(folder: Path) -> list[Message]:
    """All messages of a journal."""
    reader = Reader(folder)
    found: list[Message] = []
    offset = 0
    while block := reader.read(offset, end=2**63 - 1):
        found += [parse_message(record.body) for record in block if record.kind == Kind.MESSAGE]
        offset = block[-1].offset + 1
    reader.close()
    return found


async def send(url: str, *payloads: bytes, topic: str = TOPIC, retain: bool = False) -> None:
    """Publish and wait until the broker has acknowledged everything."""
    async with Publisher(MqttOptions.parse(url, client_id="sender")) as publisher:
        for payload in payloads:
            await publisher.publish(topic, payload, retain=retain)
        await publisher.drain()


async def test_user_and_password_open_the_door_and_a_wrong_one_is_one_line(
    start_mosquitto: StartMosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """The line names the setting and shows neither user nor password."""
    broker = start_mosquitto(users={"gateway": "hush"})
    await start_intake(broker.url_for("gateway", "hush"), memory_journal)
    for url in (broker.url, broker.url_for("gateway", "wrong")):
        with pytest.raises(StartError) as caught:
            await start_intake(url, memory_journal)
        assert "mqtt.url" in str(caught.value)
        assert "wrong" not in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(StartError, match=r"mqtt\.url"):
        async with Publisher(MqttOptions.parse(broker.url)):
            pass


async def test_tls_with_a_client_certificate(
    start_mosquitto: StartMosquitto,
    start_intake: StartIntake,
    memory_journal: MemoryJournal,
    certificates: Certificates,
) -> None:
    """With the right authority and certificate messages flow."""
    broker = start_mosquitto(tls=certificates, client_certificates=True)
    tls = {"ca": certificates.ca, "cert": certificates.client_cert, "key": certificates.client_key}
    running = await start_intake(broker.url, memory_journal, **tls)
    running.intake.publish_soon(TOPIC, b"secret")
    await eventually(lambda: memory_journal.payloads() == [b"secret"])


async def test_tls_that_does_not_fit_is_one_line_at_the_start(
    start_mosquitto: StartMosquitto, start_intake: StartIntake, certificates: Certificates
) -> None:
    """An unknown authority, a missing client certificate, and TLS towards a port without it."""
    broker = start_mosquitto(tls=certificates, client_certificates=True)
    with pytest.raises(StartError, match=r"TLS failed: .*certificate verify failed.*mqtt\.ca"):
        await start_intake(broker.url, MemoryJournal(), ca=certificates.other_ca)
    with pytest.raises(StartError, match=r"TLS failed: .*mqtt\.cert"):
        await start_intake(broker.url, MemoryJournal(), ca=certificates.ca)


async def test_a_port_that_does_not_speak_tls_is_told(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal, certificates: Certificates
) -> None:
    """Mosquitto hangs up without a word, so it is tried again; what is told gives the hint."""
    url = mosquitto.url.replace("mqtt://", "mqtts://")
    running = await start_intake(url, memory_journal, ca=certificates.ca, wait=False)
    assert "TLS" in running.told("unreachable")[0]["reason"]


async def test_a_broker_that_is_not_there_yet_is_waited_for(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """An unreachable broker is no error of the start."""
    mosquitto.stop()
    running = await start_intake(mosquitto.url, memory_journal, wait=False)
    assert "cannot be reached: Connection refused" in running.told("unreachable")[0]["reason"]
    await asyncio.to_thread(mosquitto.start)
    await running.caught_up()


async def test_the_window_is_what_the_broker_may_have_unacknowledged(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """While nothing becomes durable no more than the receive maximum comes."""
    running = await start_intake(mosquitto.url, memory_journal, receive_maximum=7)
    memory_journal.hold()
    await send(mosquitto.url, *(b"%d" % n for n in range(30)))
    await eventually(lambda: running.intake.stats.received == 7)
    running.intake.publish_soon("elsewhere", b"")  # a round trip, after which more would have come
    other = MemoryJournal()
    await start_intake(mosquitto.url, other, client_id="other")
    other.close()
    assert running.intake.stats.received == 7
    memory_journal.release()
    await eventually(lambda: memory_journal.payloads() == [b"%d" % n for n in range(30)])


async def test_a_message_that_never_became_durable_comes_again(
    mosquitto: Mosquitto, start_intake: StartIntake, tmp_path: Path
) -> None:
    """A gateway that dies with it in memory has not acknowledged it."""
    stuck = MemoryJournal()
    first = await start_intake(mosquitto.url, stuck)
    stuck.hold()
    await send(mosquitto.url, b"1", b"2")
    await eventually(lambda: first.intake.stats.received == 2)
    await first.vanish()
    journal = MemoryJournal()
    second = await start_intake(mosquitto.url, journal)
    assert journal.payloads() == [b"1", b"2"]
    assert second.intake.stats.redelivered == 0
    for one in (stuck, journal):
        one.close()


async def test_a_restarted_gateway_recognises_what_is_in_its_journal(
    mosquitto: Mosquitto, start_intake: StartIntake, open_journal: OpenJournal, tmp_path: Path
) -> None:
    """Killed between the disk and the PUBACK, the next run acknowledges the repeats and journals none of them."""
    journal = await asyncio.to_thread(open_journal)
    first = await start_intake(mosquitto.url, journal)
    first.intake._acknowledger._send = lambda: None  # type: ignore[method-assign] # PUBACKs never leave
    await send(mosquitto.url, b"1", b"2", b"3")
    await eventually(lambda: first.intake.stats.received == 3 and journal.waiting_bytes == 0)
    await first.vanish()
    journal = await asyncio.to_thread(open_journal)
    second = await start_intake(mosquitto.url, journal)
    assert second.intake.stats.redelivered == 3
    await send(mosquitto.url, b"4")
    await eventually(lambda: second.intake.stats.acked == 5)
    found = await asyncio.to_thread(messages, tmp_path / "journal")
    assert [message.payload for message in found] == [b"1", b"2", b"3", b"4"]


async def test_a_broker_restart_under_load_loses_nothing(
    mosquitto: Mosquitto, start_intake: StartIntake, open_journal: OpenJournal, tmp_path: Path
) -> None:
    """SIGTERM in the middle of publishing: all that a publisher was told is there gets into the journal."""
    running = await start_intake(mosquitto.url, await asyncio.to_thread(open_journal))
    payloads = [b'{"n": %d}' % n for n in range(600)]
    async with Publisher(MqttOptions.parse(mosquitto.url, client_id="sender"), window=20) as publisher:
        for n, payload in enumerate(payloads):
            await publisher.publish(TOPIC, payload)
            if n % 300 == 150:
                await asyncio.to_thread(mosquitto.stop)
                await asyncio.to_thread(mosquitto.start)
        await publisher.drain()
        assert publisher.reconnects == 2
    found: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S):
        while not set(payloads) <= set(found):
            found = [message.payload for message in await asyncio.to_thread(messages, tmp_path / "journal")]
    assert running.told("session_lost") == []


async def test_a_killed_broker_that_saved_our_session_goes_on_with_it(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """What a killed broker had not saved its publisher must send again; what it had comes again and is recognised."""
    broker = mosquitto
    running = await start_intake(broker.url, memory_journal)
    saved = broker.folder / "mosquitto.db"
    memory_journal.hold()
    await send(broker.url, b"1", b"2")
    await eventually(lambda: running.intake.stats.received == 2)
    await eventually(lambda: saved.exists() and b"site/wq-1" in saved.read_bytes())  # it saves each second
    broker.kill()
    await asyncio.to_thread(broker.start)
    await eventually(lambda: running.intake.stats.redelivered == 2)
    memory_journal.release()
    await running.caught_up(2)
    assert running.told("session_lost") == []
    await send(broker.url, b"3")
    await eventually(lambda: memory_journal.payloads()[-1] == b"3")
    assert memory_journal.payloads() == [b"1", b"2", b"3"]


async def test_what_a_stopped_broker_sends_again_is_journaled_once(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Messages still on their way to the disk while the broker restarts are recognised and then acknowledged."""
    running = await start_intake(mosquitto.url, memory_journal)
    payloads = [b"%d" % n for n in range(50)]
    memory_journal.hold()
    await send(mosquitto.url, *payloads)
    await eventually(lambda: running.intake.stats.received == 50)
    mosquitto.stop()
    await asyncio.to_thread(mosquitto.start)
    await eventually(lambda: running.intake.stats.redelivered == 50)
    memory_journal.release()
    await running.caught_up(2)
    assert memory_journal.payloads() == payloads
    assert running.told("session_lost") == []


async def test_a_session_that_the_broker_lost_is_made_anew(
    start_mosquitto: StartMosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Killed before it saved anything, the broker knows nothing of us: a record, and messages flow again."""
    broker = start_mosquitto("persistence false\n")
    running = await start_intake(broker.url, memory_journal)
    broker.kill()
    await asyncio.to_thread(broker.start)
    await running.caught_up(2)
    assert [record.kind for record in memory_journal.records] == [Kind.CAUGHT_UP, Kind.SESSION_LOST, Kind.CAUGHT_UP]
    await send(broker.url, b"again")
    await eventually(lambda: memory_journal.payloads() == [b"again"])


async def test_back_pressure_longer_than_the_keep_alive_keeps_the_connection(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """Mosquitto throws out who is silent for one and a half intervals; a paused intake is not silent."""
    running = await start_intake(mosquitto.url, memory_journal, keep_alive=1)
    running.intake._acknowledger._pause_bytes = 200_000
    memory_journal.hold()
    payloads = [b"%d" % n + bytes(50_000) for n in range(40)]
    await send(mosquitto.url, *payloads)
    await eventually(lambda: running.intake.stats.paused)
    before = mosquitto.words().count("Received PINGREQ from gateway")
    await eventually(lambda: mosquitto.words().count("Received PINGREQ from gateway") >= before + 6)  # 3 s
    memory_journal.release()
    await eventually(lambda: memory_journal.payloads() == payloads)
    assert running.intake.stats.reconnects == 0


async def test_a_retained_status_comes_once_and_is_marked(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """The stored copy comes with a new subscription, not again with a resumed session or a changed filter."""
    await send(mosquitto.url, b"online", topic="hygeia/v1/site/wq-1/up/status", retain=True)
    running = await start_intake(mosquitto.url, memory_journal)
    await eventually(lambda: len(memory_journal.messages) == 1)
    assert memory_journal.messages[0].flags & 0b1000
    await running.stop()
    running = await start_intake(mosquitto.url, memory_journal, filters=["other/#"])
    await send(mosquitto.url, b"live", topic="hygeia/v1/site/wq-1/up/status", retain=True)
    await eventually(lambda: memory_journal.payloads() == [b"online", b"live"])
    assert not memory_journal.messages[1].flags & 0b1000


async def test_messages_that_the_broker_dropped_are_noticed(
    start_mosquitto: StartMosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A queue that was too short while we were away leaves a record, though nothing else tells."""
    broker = start_mosquitto("max_queued_messages 5\n")
    running = await start_intake(broker.url, memory_journal)
    await eventually(lambda: running.intake._subscriptions._note.dropped is not None)
    await running.stop()
    await send(broker.url, *(b"%d" % n for n in range(20)))
    running = await start_intake(broker.url, memory_journal)
    await eventually(lambda: memory_journal.documents(Kind.SESSION_LOST))
    assert memory_journal.documents(Kind.SESSION_LOST)[0]["reason"] == "dropped"
    assert running.intake.stats.broker_dropped > 0


async def test_a_refused_subscription_stops_the_start(
    start_mosquitto: StartMosquitto, start_intake: StartIntake, tmp_path: Path
) -> None:
    """Access rules that hide the devices' topics are one line, not silence; a refused source filter is told."""
    rules = tmp_path / "acl"
    rules.write_text("user gateway\ntopic read nothing/#\n", encoding="utf-8")
    rules.chmod(0o600)
    broker = start_mosquitto(f"acl_file {rules}\n", users={"gateway": "hush"})
    journal = MemoryJournal()
    try:
        running = await start_intake(broker.url_for("gateway", "hush"), journal, wait=False)
    except StartError as error:
        assert "hygeia/v1/+/+/up/+" in str(error)  # noqa: PT017 - Mosquitto 2.1 refuses
    else:
        await eventually(lambda: running.told("marker_refused"))  # 2.0 grants and never delivers
    journal.close()


async def test_a_client_with_a_bad_topic_does_not_reach_the_intake(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A device that writes garbage to the broker's socket disturbs nobody else."""
    running = await start_intake(mosquitto.url, memory_journal)
    with socket.create_connection(("127.0.0.1", mosquitto.port)) as raw:
        raw.sendall(mqtt5.ConnectPacket("bad").write())
        raw.sendall(bytes([0x32, 9, 0, 4]) + b"a/\xff\xfe" + bytes([0, 9, 0]))
        raw.sendall(b"\xff" * 100)
    await send(mosquitto.url, b"good")
    await eventually(lambda: memory_journal.payloads() == [b"good"])
    assert running.intake.stats.reconnects == 0
