"""The check finds every fault, names file and offset, and tells a torn tail from damage."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from gateway.journal import record
from gateway.journal.fsck import Fault, check_journal
from gateway.journal.record import HEADER, Kind

LENGTH = 33 + 8
COUNT = 5


def _segment(first: int, *, count: int = COUNT, batch: int = 1, created: int = 1000) -> bytes:
    """``count`` records, ``batch`` to a sync."""
    records = (
        record.encode(n, created + n, n - (n - first) % batch, Kind.COMMAND, b"%08d" % n)
        for n in range(first, first + count)
    )
    return record.header(first, created) + b"".join(records)


def _name(first: int) -> str:
    return f"{first:020d}.seg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three segments of five records, one sync each."""
    for first in (0, 5, 10):
        (tmp_path / _name(first)).write_bytes(_segment(first))
    return tmp_path


def _place(position: int, first: int) -> int:
    """The offset that a byte of a segment belongs to; the header counts as its first record's."""
    return first + max(0, (position - HEADER.size) // LENGTH)


def test_a_whole_journal_has_no_fault(folder: Path) -> None:
    """Nothing is wrong, and the figures are those of the files."""
    report = check_journal(folder)
    assert (report.faults, report.torn, report.damage) == ([], None, [])
    assert (report.first, report.next, report.segments, report.records, report.bytes) == (0, 15, 3, 15, 15 * LENGTH)


@pytest.mark.parametrize("first", [0, 5, 10])
@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_every_flipped_byte_is_found_in_its_file_and_record(folder: Path, first: int, mask: int) -> None:
    """Of any byte of header and records, the first fault names the file and the record it is in, and only that one."""
    path = folder / _name(first)
    data = path.read_bytes()
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :])
        report = check_journal(folder)
        assert [(one.file, one.offset) for one in report.faults] == [(path, _place(at, first))], at
        place = 0 if at < HEADER.size else HEADER.size + (_place(at, first) - first) * LENGTH
        assert report.faults[0].position == place
        last_record = first == 10 and at >= HEADER.size + (COUNT - 1) * LENGTH
        assert (report.torn is not None) is last_record, at


@pytest.mark.parametrize("first", [0, 5, 10])
def test_every_missing_record_is_found(folder: Path, first: int) -> None:
    """A record cut out of a segment is named, but for the very last, which a cursor must vouch for."""
    path = folder / _name(first)
    data = path.read_bytes()
    for n in range(COUNT):
        at = HEADER.size + n * LENGTH
        path.write_bytes(data[:at] + data[at + LENGTH :])
        report = check_journal(folder, known_durable=14)
        assert report.faults[0].offset == first + n
        assert report.damage
    path.write_bytes(data[:-LENGTH])
    assert bool(check_journal(folder).faults) is (first != 10)


def test_every_pair_of_swapped_records_is_found(folder: Path) -> None:
    """Two whole records that changed places are damage, also in the last segment."""
    path = folder / _name(10)
    data = path.read_bytes()
    for n in range(COUNT - 1):
        at = HEADER.size + n * LENGTH
        one, other = data[at : at + LENGTH], data[at + LENGTH : at + 2 * LENGTH]
        path.write_bytes(data[:at] + other + one + data[at + 2 * LENGTH :])
        report = check_journal(folder)
        assert report.faults[0][1:4] == (10 + n, at, f"record {11 + n} stands in place of {10 + n}")
        assert report.damage


@pytest.mark.parametrize("first", [0, 5, 10])
def test_a_missing_segment_is_found(folder: Path, first: int) -> None:
    """A file that is gone is named by what it held; the last one needs a cursor to be missed."""
    (folder / _name(first)).unlink()
    report = check_journal(folder, known_durable=14)
    assert [one.offset for one in report.faults] == [first]
    assert f"records {first} to {first + 4} are missing" in report.faults[0].what
    assert report.damage


def test_swapped_and_misnamed_segments_are_found(folder: Path) -> None:
    """A header that does not fit the name, and a name that is none, are faults of that file."""
    first, second = folder / _name(0), folder / _name(5)
    content = first.read_bytes(), second.read_bytes()
    first.write_bytes(content[1])
    second.write_bytes(content[0])
    faults = check_journal(folder).faults
    assert {(one.file, one.position) for one in faults if "renamed or swapped" in one.what} == {(first, 0), (second, 0)}
    first.write_bytes(content[0])
    second.unlink()
    (folder / "5.seg").write_bytes(content[1])
    assert "not 20 digits" in check_journal(folder).faults[0].what


def test_every_truncated_segment_is_found(folder: Path) -> None:
    """A segment that ends too early is found at any length, unless it is the last and ends between two records."""
    for first in (5, 10):
        path = folder / _name(first)
        data = path.read_bytes()
        for length in range(len(data)):
            path.write_bytes(data[:length])
            report = check_journal(folder)
            whole = length >= HEADER.size and (length - HEADER.size) % LENGTH == 0
            assert bool(report.faults) is not (first == 10 and whole)
            assert bool(report.damage) is (first == 5)
            if report.faults and not whole:
                assert (report.faults[0].file, report.faults[0].offset) == (path, _place(length, first))
        path.write_bytes(data)


def test_a_hole_in_the_last_batch_is_a_torn_tail(tmp_path: Path) -> None:
    """Of a batch that was never synced any part may be missing; before it, nothing may."""
    data = _segment(0, count=4) + _segment(4, count=4, batch=4)[HEADER.size :]
    path = tmp_path / _name(0)
    for n in range(8):
        at = HEADER.size + n * LENGTH
        path.write_bytes(data[: at + 3] + bytes(30) + data[at + 33 :])
        report = check_journal(tmp_path)
        assert report.faults[0][:3] == (path, n, at)
        assert (report.torn == report.faults[0]) is (n >= 4)
        assert bool(report.damage) is (n < 4)
        assert check_journal(tmp_path, known_durable=7).damage


def test_damage_over_several_records_names_what_is_lost(tmp_path: Path) -> None:
    """Where lengths are gone too, the check goes on with the next record it recognises and names those between."""
    path = tmp_path / _name(0)
    data = _segment(0, count=20)
    at = HEADER.size + 3 * LENGTH
    path.write_bytes(data[:at] + b"\xa5" * (4 * LENGTH) + data[at + 4 * LENGTH :])
    report = check_journal(tmp_path)
    assert [one.offset for one in report.faults] == [3, 4]
    assert report.faults[1].what == "records 4 to 6 are unreadable too"
    assert (report.records, report.next) == (16, 20)


def test_records_that_cannot_be_true_are_found(tmp_path: Path) -> None:
    """A valid CRC does not excuse a time that runs back, a durable above the offset, or an unknown kind."""
    path = tmp_path / _name(0)
    good = record.header(0, 1) + record.encode(0, 50, 0, Kind.COMMAND, b"{}")
    for wrong in (
        record.encode(1, 49, 1, Kind.COMMAND, b"{}"),
        record.encode(1, 50, 2, Kind.COMMAND, b"{}"),
        record.encode(1, 50, 1, 99, b"{}"),
    ):
        path.write_bytes(good + wrong)
        (fault,) = check_journal(tmp_path).faults
        assert (fault.offset, fault.position) == (1, len(good))


def test_damaged_kept_from_is_found(folder: Path) -> None:
    """The file that says where the journal begins is checked as well."""
    (folder / "kept-from").write_bytes(b"0 %08x\n" % zlib.crc32(b"0"))
    assert check_journal(folder).faults == []
    for content in (b"", b"5\n", b"1 %08x\n" % zlib.crc32(b"0"), b"0 %08x" % zlib.crc32(b"0")):
        (folder / "kept-from").write_bytes(content)
        fault = Fault(folder / "kept-from", 0, 0, "kept-from is damaged, the oldest offset is unknown")
        assert check_journal(folder).faults == [fault]


def test_an_empty_folder_is_an_empty_journal(tmp_path: Path) -> None:
    """Nothing is wrong where nothing was written, unless a follower has read something."""
    assert check_journal(tmp_path).faults == []
    assert check_journal(tmp_path, known_durable=3).faults[0].what == "records 0 to 3 are missing at the end"


def test_the_check_shares_no_code_with_the_journal() -> None:
    """Importing fsck loads neither writer, reader, segment nor record."""
    code = "import sys, gateway.journal.fsck; print(*[m for m in sys.modules if m.startswith('gateway.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"gateway.journal", "gateway.journal.fsck"}
