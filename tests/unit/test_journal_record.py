"""The byte format of the journal, written down by hand."""

from __future__ import annotations

import zlib
from pathlib import Path

from gateway.journal import record
from gateway.journal.fsck import check_journal
from gateway.journal.reader import OPEN_END, Reader
from gateway.journal.record import Kind, Record

# Every field of the docstring of gateway.journal.record, byte by byte.
BODY = (
    b"\x05"  # flags: QoS 1, DUP
    b"\x07\x01"  # packet id 263
    b"\x0b\x00"  # origin has 11 bytes
    b"mqtt\0in\0p\0u"
    b"\x03\x00"  # topic has 3 bytes
    b"a/b"
    b"\x00"  # no content type
    b"{}"
)
HEADER = b"HYGJRNL1" + b"\x05\0\0\0\0\0\0\0" + b"\x00\x68\xe5\xcf\x8b\x01\0\0"
FIRST = b"\x05\0\0\0\0\0\0\0" + b"\x01\x68\xe5\xcf\x8b\x01\0\0" + b"\x05\0\0\0\0\0\0\0" + b"\x01" + BODY
SECOND = b"\x06\0\0\0\0\0\0\0" + b"\x02\x68\xe5\xcf\x8b\x01\0\0" + b"\x06\0\0\0\0\0\0\0" + b"\x0a" + b'{"type":"tick"}'


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


SEGMENT = (
    HEADER
    + _crc(HEADER)
    + b"\x31\0\0\0"  # 25 + 24 bytes follow the crc
    + _crc(FIRST)
    + FIRST
    + b"\x28\0\0\0"
    + _crc(SECOND)
    + SECOND
)


def _place(folder: Path) -> None:
    (folder / "00000000000000000005.seg").write_bytes(SEGMENT)
    (folder / "kept-from").write_bytes(b"5 %08x\n" % zlib.crc32(b"5"))


def test_a_segment_written_by_hand_is_read(tmp_path: Path) -> None:
    """The reader gives back the records of a segment that was put together byte by byte from the docstring."""
    _place(tmp_path)
    assert Reader(tmp_path).read(5, end=OPEN_END) == [
        Record(5, 1_700_000_000_001, Kind.MESSAGE, BODY),
        Record(6, 1_700_000_000_002, Kind.TICK, b'{"type":"tick"}'),
    ]


def test_a_segment_written_by_hand_passes_the_check(tmp_path: Path) -> None:
    """The independent check agrees with the docstring."""
    _place(tmp_path)
    report = check_journal(tmp_path)
    assert (report.faults, report.first, report.next, report.records) == ([], 5, 7, 2)


def test_what_is_encoded_is_the_segment_written_by_hand() -> None:
    """Header, record and message body come out as in the docstring."""
    where = record.origin("mqtt", "in", "p", "u")
    body = record.message_body(5, 263, where, b"a/b", b"", b"{}")
    assert body == BODY
    written = record.header(5, 1_700_000_000_000)
    written += record.encode(5, 1_700_000_000_001, 5, Kind.MESSAGE, body)
    written += record.encode(6, 1_700_000_000_002, 6, Kind.TICK, record.json_body({"type": "tick"}))
    assert written == SEGMENT


def test_a_message_body_is_taken_apart_as_it_was_put_together() -> None:
    """All parts of a message come back, of a cut payload with the length and digest of what was sent."""
    where = record.origin("mqtt", "tls", "10.0.0.7:51000", "wq-1")
    plain = record.parse_message(record.message_body(1, 9, where, b"t", b"application/json", b"x"))
    assert plain == record.Message(1, 9, where, b"t", b"application/json", b"x", 1, None)
    assert record.digest_of(plain).hex().startswith("2d711642b726b04401627ca9fbac32f5")
    cut = record.parse_message(record.message_body(0, 0, where, b"t", b"", b"head", cut=(70_000, b"d" * 32)))
    assert (cut.payload, cut.full_length, cut.sha256, cut.qos) == (b"head", 70_000, b"d" * 32, 0)
    assert record.origin_parts(where)["peer"] == "10.0.0.7:51000"
