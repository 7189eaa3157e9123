"""Reading from an offset, in the gateway and from another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import JournalDamagedError, RecordGoneError
from gateway.journal import record
from gateway.journal.reader import OPEN_END, Reader
from gateway.journal.record import HEADER, Kind
from gateway.journal.segment import KEPT_FROM, kept_line, path_of
from gateway.journal.writer import Entry, Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock

BODY = 40
RECORD = 33 + BODY


def _body(offset: int) -> bytes:
    return b"%0*d" % (BODY, offset)


def _segment(folder: Path, first: int, count: int, durable: int | None = None) -> Path:
    """A segment of ``count`` records, each in a batch of its own unless ``durable`` is given."""
    folder.mkdir(exist_ok=True)
    path = path_of(folder, first)
    records = (
        record.encode(n, 1, n if durable is None else durable, Kind.COMMAND, _body(n))
        for n in range(first, first + count)
    )
    path.write_bytes(record.header(first, 1) + b"".join(records))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Offsets 0 to 29 in segments of ten."""
    for first in (0, 10, 20):
        _segment(tmp_path / "journal", first, 10)
    return tmp_path / "journal"


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    """A reader of it."""
    opened = Reader(folder)
    yield opened
    opened.close()


@pytest.mark.parametrize(("offset", "end"), [(0, 29), (0, 0), (5, 14), (9, 10), (10, 19), (13, 27), (29, 29)])
def test_a_range_comes_back_whole_over_segments(reader: Reader, offset: int, end: int) -> None:
    """Both ends are inclusive, wherever segments begin."""
    records = reader.read(offset, end=end)
    assert [(one.offset, one.body) for one in records] == [(n, _body(n)) for n in range(offset, end + 1)]


def test_reading_jumps_to_and_fro(reader: Reader) -> None:
    """One reader serves any order of reads."""
    for offset in (25, 3, 3, 29, 0, 17, 18, 16):
        assert [one.offset for one in reader.read(offset, end=offset)] == [offset]


def test_max_bytes_bounds_a_read_but_one_record_always_comes(reader: Reader) -> None:
    """A read returns what fits, at least one record, and the next read goes on there."""
    assert [one.offset for one in reader.read(4, end=29, max_bytes=3 * RECORD)] == [4, 5, 6]
    assert [one.offset for one in reader.read(7, end=29, max_bytes=RECORD + 10)] == [7]
    assert [one.offset for one in reader.read(8, end=29, max_bytes=1)] == [8]


def test_nothing_before_the_beginning_of_the_range(reader: Reader) -> None:
    """A range whose end is below its offset is empty."""
    assert reader.read(30, end=29) == []


def test_records_larger_than_a_chunk_are_read(tmp_path: Path) -> None:
    """A body of a megabyte between small ones comes back, also after a jump over it."""
    journal = Journal.open(tmp_path / "j", HandClock(), disk=ForgetfulDisk(tmp_path / "j"), idle_ticks=False)
    bodies = [b"small", b"L" * (1 << 20), b"small too", b"M" * (1 << 19)]
    for body in bodies:
        journal.append(Kind.COMMAND, body)
    journal.close()
    reader = Reader(tmp_path / "j")
    got = []
    while len(got) < 4:
        got += reader.read(len(got), end=3, max_bytes=1000)
    assert [one.body for one in got] == bodies
    assert reader.read(2, end=2)[0].body == b"small too"
    reader.close()


def test_below_the_oldest_kept_record_is_a_clear_error(folder: Path, reader: Reader) -> None:
    """What retention removed is named together with what is still there."""
    (folder / KEPT_FROM).write_bytes(kept_line(20))
    with pytest.raises(RecordGoneError, match="record 12 is no longer kept; the oldest one is 20") as caught:
        reader.read(12, end=29)
    assert (caught.value.offset, caught.value.oldest) == (12, 20)


def test_every_flipped_byte_of_a_record_is_reported_with_its_place(folder: Path) -> None:
    """Wherever a byte of record 14 is wrong, the records before it come back and then file, offset and byte."""
    path = path_of(folder, 10)
    data = path.read_bytes()
    begin = HEADER.size + 4 * RECORD
    for at in range(begin, begin + RECORD):
        path.write_bytes(data[:at] + bytes((data[at] ^ 0x40,)) + data[at + 1 :])
        for end in (29, OPEN_END):
            reader = Reader(folder)
            assert [one.offset for one in reader.read(11, end=end)] == [11, 12, 13]
            with pytest.raises(JournalDamagedError) as caught:
                reader.read(14, end=end)
            reader.close()
            assert (caught.value.file, caught.value.offset, caught.value.position) == (path, 14, begin)


def test_a_flipped_length_on_the_way_to_a_record_is_reported(folder: Path) -> None:
    """A jump over a record with a wrong length does not end up somewhere else, nor at a silent end."""
    path = path_of(folder, 20)
    data = bytearray(path.read_bytes())
    for byte, mask in ((0, 1), (2, 0xFF)):
        broken = data.copy()
        broken[HEADER.size + 2 * RECORD + byte] ^= mask
        path.write_bytes(broken)
        for end in (29, OPEN_END):
            with pytest.raises(JournalDamagedError) as caught:
                Reader(folder).read(27, end=end)
            assert (caught.value.file, caught.value.offset) == (path, 22)


def test_records_missing_before_the_durable_end_are_damage(folder: Path) -> None:
    """In the gateway the end is known: a file that stops before it is damaged, even between two records."""
    path = path_of(folder, 20)
    path.write_bytes(path.read_bytes()[:-RECORD])
    reader = Reader(folder)
    assert len(reader.read(20, end=29)) == 9
    with pytest.raises(JournalDamagedError, match=r"record 29 .*missing"):
        reader.read(29, end=29)
    with pytest.raises(JournalDamagedError, match=r"record 29 .*missing"):
        Reader(folder).read(29, end=29)


def test_a_missing_segment_is_damage_for_everybody(folder: Path) -> None:
    """With a gap between files nobody is told that the journal ends there."""
    path_of(folder, 10).unlink()
    for end in (29, OPEN_END):
        reader = Reader(folder)
        assert len(reader.read(0, end=end)) == 10
        with pytest.raises(JournalDamagedError, match=r"record 10 .*missing"):
            reader.read(10, end=end)
        with pytest.raises(JournalDamagedError, match=r"record 10 .*missing"):
            Reader(folder).read(15, end=end)


def test_a_swapped_segment_is_damage(folder: Path) -> None:
    """The header must name the offset of the file name."""
    path_of(folder, 10).write_bytes(path_of(folder, 20).read_bytes())
    with pytest.raises(JournalDamagedError, match="renamed or swapped"):
        Reader(folder).read(15, end=29)


def test_an_incomplete_last_record_ends_an_open_read(tmp_path: Path) -> None:
    """Another process sees the whole records of a write that is under way, and the rest when it is there."""
    path = _segment(tmp_path / "j", 0, 6, durable=0)
    data = path.read_bytes()
    reader = Reader(tmp_path / "j")
    for length in range(HEADER.size, len(data)):
        path.write_bytes(data[:length])
        good = (length - HEADER.size) // RECORD
        assert len(reader.read(0, end=OPEN_END)) == good
        assert reader.read(good, end=OPEN_END) == []
    path.write_bytes(data)
    assert [one.offset for one in reader.read(5, end=OPEN_END)] == [5]
    assert reader.read(6, end=OPEN_END) == []
    assert reader.read(9, end=OPEN_END) == []
    reader.close()


def test_records_that_the_writer_took_back_are_forgotten(tmp_path: Path) -> None:
    """A reader that went past records which a full disk made the writer take back finds the ones written instead."""
    path = _segment(tmp_path / "j", 0, 6, durable=0)
    reader = Reader(tmp_path / "j")
    assert len(reader.read(0, end=OPEN_END)) == 6
    assert reader.read(4, end=OPEN_END)[0].offset == 4
    data = path.read_bytes()[: HEADER.size + 2 * RECORD]
    for n in range(2, 9):
        data += record.encode(n, 1, 2, Kind.COMMAND, b"another %d" % n)
    path.write_bytes(data)
    assert [one.body for one in reader.read(6, end=OPEN_END)] == [b"another 6", b"another 7", b"another 8"]
    assert reader.read(5, end=OPEN_END)[0].body == b"another 5"
    reader.close()


def test_nothing_there_yet_is_an_empty_open_read(tmp_path: Path) -> None:
    """A reader may be there before the journal."""
    assert Reader(tmp_path / "none").read(0, end=OPEN_END) == []


READER = """
import json, sys
from pathlib import Path
from gateway.journal.reader import OPEN_END, Reader
reader, offset, wanted = Reader(Path(sys.argv[1])), 0, int(sys.argv[2])
print("ready", flush=True)
while offset < wanted:
    for one in reader.read(offset, end=OPEN_END, max_bytes=5000):
        assert one.offset == offset and one.body == b"%040d" % offset, one
        offset += 1
print(json.dumps(offset))
"""


def test_another_process_follows_while_records_are_written(tmp_path: Path) -> None:
    """A reader in another process, busy beside the writer over many segments, sees every record once and in order."""
    folder, count = tmp_path / "journal", 6000
    journal = Journal.open(folder, SystemClock(), segment_bytes=20_000, min_free=0, idle_ticks=False)
    command = [sys.executable, "-c", READER, str(folder), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for n in range(0, count, 20):
            journal.submit([Entry(Kind.MESSAGE, 0, _body(n + i)) for i in range(20)], lambda _: None)
            if n % 200 == 0:
                journal.wait(n, 20)
        journal.close()
        out, _ = process.communicate(timeout=60)
    assert json.loads(out) == count
    assert process.returncode == 0
    assert len(list(folder.glob("*.seg"))) > 10
