"""What is recognised as sent again, from memory and from the journal."""

from __future__ import annotations

from gateway.journal.record import Kind, Record, json_body, message_body, origin
from gateway.mqtt.redelivery import Redelivery
from tests.support.memory_journal import MemoryJournal, MemoryRecords

HERE = origin("mqtt", "mqtt://b:1", "10.0.0.1:1", "gateway")


def journal_of(*bodies: tuple[Kind, bytes]) -> MemoryJournal:
    """A journal with these records."""
    journal = MemoryJournal()
    journal.records = [Record(offset, 0, kind, body) for offset, (kind, body) in enumerate(bodies)]
    return journal


def message(packet_id: int, payload: bytes, where: bytes = HERE, qos: int = 1) -> tuple[Kind, bytes]:
    """A MESSAGE record."""
    return Kind.MESSAGE, message_body(qos, packet_id, where, b"t", b"", payload)


def recalled(journal: MemoryJournal, size: int = 10) -> Redelivery:
    """What is known after a restart on that journal."""
    redelivery = Redelivery(size)
    redelivery.recall(MemoryRecords(journal), journal.durable, "mqtt://b:1", "gateway")
    journal.close()
    return redelivery


def test_only_the_latest_message_of_a_packet_id_is_known() -> None:
    """Another topic, another payload, another id, or an older one: not known."""
    redelivery = Redelivery(10)
    redelivery.remember(1, "t", b"old")
    redelivery.remember(1, "t", b"new")
    assert redelivery.is_known(1, "t", b"new")
    assert not redelivery.is_known(1, "t", b"old")
    assert not redelivery.is_known(2, "t", b"new")
    assert not redelivery.is_known(1, "u", b"new")
    redelivery.forget()
    assert not redelivery.is_known(1, "t", b"new")


def test_memory_is_bounded_and_keeps_the_latest() -> None:
    """A packet id that came round again counts as late as it came last."""
    redelivery = Redelivery(100)
    for n in range(10_000):
        redelivery.remember(n % 5000 + 1, "t", b"%d" % n)
        redelivery.remember(6000, "t", b"always")
    assert redelivery.is_known(6000, "t", b"always")
    assert redelivery.is_known(5000, "t", b"9999")
    assert not redelivery.is_known(1, "t", b"5000")
    assert len(redelivery._latest) <= 200


def test_a_restart_knows_the_last_messages_of_this_session() -> None:
    """Records between them do not matter; QoS 0 and other clients' messages do not count."""
    elsewhere = origin("mqtt", "mqtt://b:1", "10.0.0.1:1", "another")
    filler = [(Kind.TICK, json_body({"type": "tick"}))] * 5000
    journal = journal_of(
        message(1, b"a"), *filler, message(2, b"b"), message(1, b"x", elsewhere), message(1, b"zero", qos=0), *filler
    )
    redelivery = recalled(journal)
    assert redelivery.is_known(1, "t", b"a")
    assert redelivery.is_known(2, "t", b"b")


def test_a_restart_looks_no_further_back_than_the_window() -> None:
    """What is older than the last ``size`` messages was acknowledged for certain."""
    redelivery = recalled(journal_of(*(message(n, b"%d" % n) for n in range(1, 31))), size=10)
    assert redelivery.is_known(21, "t", b"21")
    assert not redelivery.is_known(20, "t", b"20")


def test_a_lost_session_is_a_border() -> None:
    """Packet ids of an earlier session mean nothing; a loss of another kind or of another client is no border."""
    lost = Kind.SESSION_LOST, json_body({"type": "session_lost", "reason": "expired", "client_id": "gateway"})
    dropped = Kind.SESSION_LOST, json_body({"type": "session_lost", "reason": "dropped", "client_id": "gateway"})
    redelivery = recalled(journal_of(message(1, b"a"), lost, message(2, b"b"), dropped, message(3, b"c")))
    assert not redelivery.is_known(1, "t", b"a")
    assert redelivery.is_known(2, "t", b"b")
    assert redelivery.is_known(3, "t", b"c")
