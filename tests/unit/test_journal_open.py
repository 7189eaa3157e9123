"""Opening a journal: a torn tail is cut with a copy kept, any other damage is refused and nothing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import JournalDamagedError
from gateway.journal.fsck import check_journal
from gateway.journal.record import HEADER, Kind
from gateway.journal.writer import Entry, Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock, read_all

RECORD = 33 + 20
BATCH = 4


def _open(folder: Path, **options: object) -> Journal:
    return Journal.open(folder, HandClock(), disk=ForgetfulDisk(folder), idle_ticks=False, **options)


def _fill(folder: Path, *, singles: int, batch: int = BATCH, segment_bytes: int = 1 << 20) -> None:
    """Write ``singles`` records, one sync each, then ``batch`` records with one sync; each is RECORD bytes long."""
    journal = _open(folder, segment_bytes=segment_bytes)
    for n in range(singles):
        journal.append(Kind.COMMAND, b"%020d" % n)
    if batch:
        journal.submit([Entry(Kind.COMMAND, 0, b"%020d" % (singles + n)) for n in range(batch)], lambda _: None)
    journal.close()


def _state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three records of their own and a last batch of four."""
    path = tmp_path / "journal"
    _fill(path, singles=3)
    return path


def _last(folder: Path) -> Path:
    return max(folder.glob("*.seg"))


def test_a_tail_cut_anywhere_in_the_last_batch_is_repaired(folder: Path, tmp_path: Path) -> None:
    """Whatever length the last write reached: open, append 10, read all back; the bytes cut off are kept."""
    whole = _last(folder).read_bytes()
    for length in range(HEADER.size + 3 * RECORD, len(whole)):
        torn = tmp_path / str(length)
        shutil.copytree(folder, torn)
        _last(torn).write_bytes(whole[:length])
        good = (length - HEADER.size) // RECORD
        journal = _open(torn, known_durable=2)
        assert journal.durable == good - 1
        for n in range(10):
            assert journal.append(Kind.COMMAND, b"new %d" % n) == good + n
        journal.close()
        records = read_all(torn)
        assert [one.body for one in records[:good]] == [b"%020d" % n for n in range(good)]
        assert [one.body for one in records[good:]] == [b"new %d" % n for n in range(10)]
        assert check_journal(torn).faults == []
        end = HEADER.size + good * RECORD
        kept = b"" if journal.torn is None else journal.torn.read_bytes()
        assert kept == whole[end:length]
        shutil.rmtree(torn)


@pytest.mark.parametrize("length", range(HEADER.size + 1))
def test_a_first_segment_cut_in_its_header_begins_again(tmp_path: Path, length: int) -> None:
    """A file system that lost the header of an empty journal costs nothing."""
    folder = tmp_path / "journal"
    _fill(folder, singles=0, batch=0)
    _last(folder).write_bytes(_last(folder).read_bytes()[:length])
    journal = _open(folder)
    assert journal.append(Kind.COMMAND, b"{}") == 0
    journal.close()
    assert len(read_all(folder)) == 1


def test_a_later_segment_cut_in_its_header_keeps_offset_and_time(tmp_path: Path) -> None:
    """A last segment without a whole header begins again where the one before it ends."""
    folder = tmp_path / "journal"
    _fill(folder, singles=3, batch=0, segment_bytes=100)
    _last(folder).write_bytes(b"HYGJ")
    clock = HandClock(1_600_000_000_000)
    journal = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    journal.append(Kind.COMMAND, b"{}")
    journal.close()
    records = read_all(folder)
    assert [(one.offset, one.kind) for one in records[2:]] == [(2, Kind.CLOCK_STEP), (3, Kind.COMMAND)]
    assert records[1].time == records[2].time


@pytest.mark.parametrize("hole", [3, 4, 5, 6])
def test_a_hole_in_the_last_batch_is_a_torn_tail(folder: Path, hole: int) -> None:
    """Sectors of the last write that never reached the disk, with later ones that did, are cut from the hole on."""
    path = _last(folder)
    data = bytearray(path.read_bytes())
    at = HEADER.size + hole * RECORD
    data[at + 2 : at + 30] = bytes(28)
    path.write_bytes(data)
    journal = _open(folder)
    assert journal.durable == hole - 1
    journal.close()


@pytest.mark.parametrize("hole", [0, 1, 2])
def test_a_hole_before_the_last_batch_is_damage(folder: Path, hole: int) -> None:
    """A later record says that these bytes were on disk: refused with file, offset and byte, and nothing changed."""
    path = _last(folder)
    data = bytearray(path.read_bytes())
    at = HEADER.size + hole * RECORD
    data[at + 2 : at + 30] = bytes(28)
    path.write_bytes(data)
    before = _state(folder)
    with pytest.raises(JournalDamagedError, match="restore this file") as caught:
        _open(folder)
    assert (caught.value.file, caught.value.offset, caught.value.position) == (path, hole, at)
    assert _state(folder) == before


def test_a_follower_that_passed_a_record_proves_it_was_on_disk(folder: Path) -> None:
    """A torn tail below a follower's cursor is damage."""
    path = _last(folder)
    path.write_bytes(path.read_bytes()[:-1])
    before = _state(folder)
    with pytest.raises(JournalDamagedError, match="record 6 was read before") as caught:
        _open(folder, known_durable=6)
    assert (caught.value.offset, caught.value.position) == (6, HEADER.size + 6 * RECORD)
    assert _state(folder) == before
    _open(folder, known_durable=5).close()


def test_records_missing_at_a_clean_end_are_found_by_a_followers_cursor(folder: Path) -> None:
    """A file that ends between two records but before a follower's cursor has lost records."""
    path = _last(folder)
    path.write_bytes(path.read_bytes()[:-RECORD])
    with pytest.raises(JournalDamagedError, match="record 6 was read before"):
        _open(folder, known_durable=6)


def test_a_whole_record_out_of_place_is_damage(folder: Path) -> None:
    """Swapped records are no torn tail, even in the last batch: a stopped write does not swap."""
    path = _last(folder)
    data = path.read_bytes()
    at = HEADER.size + 5 * RECORD
    path.write_bytes(data[:at] + data[at + RECORD :] + data[at : at + RECORD])
    with pytest.raises(JournalDamagedError, match="record 6 stands in its place") as caught:
        _open(folder)
    assert (caught.value.offset, caught.value.position) == (5, at)


def _remove(paths: list[Path]) -> tuple[Path, int]:
    paths[2].unlink()
    return paths[1], 4


def _remove_first(paths: list[Path]) -> tuple[Path, int]:
    paths[0].unlink()
    return paths[0], 0


def _swap(paths: list[Path]) -> tuple[Path, int]:
    first, second = paths[1].read_bytes(), paths[2].read_bytes()
    paths[1].write_bytes(second)
    paths[2].write_bytes(first)
    return paths[1], 2


def _misname(paths: list[Path]) -> tuple[Path, int]:
    wrong = paths[1].with_name("2.seg")
    paths[1].rename(wrong)
    return wrong, 0


def _renumber(paths: list[Path]) -> tuple[Path, int]:
    wrong = paths[-1].with_name(f"{9:020d}.seg")
    paths[-1].rename(wrong)
    return paths[-2], 8


def _cut(paths: list[Path]) -> tuple[Path, int]:
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    return paths[1], 3


def _drop_record(paths: list[Path]) -> tuple[Path, int]:
    paths[1].write_bytes(paths[1].read_bytes()[:-RECORD])
    return paths[1], 3


def _cut_header(paths: list[Path]) -> tuple[Path, int]:
    paths[1].write_bytes(paths[1].read_bytes()[:20])
    return paths[1], 2


def _flip_header(paths: list[Path]) -> tuple[Path, int]:
    data = bytearray(paths[-1].read_bytes())
    data[9] ^= 1
    paths[-1].write_bytes(data)
    return paths[-1], 8


def _damage_kept_from(paths: list[Path]) -> tuple[Path, int]:
    path = paths[0].with_name("kept-from")
    path.write_bytes(b"4 00000000\n")
    return path, 0


@pytest.mark.parametrize(
    "damage",
    [
        _remove,
        _remove_first,
        _swap,
        _misname,
        _renumber,
        _cut,
        _drop_record,
        _cut_header,
        _flip_header,
        _damage_kept_from,
    ],
)
def test_damaged_files_are_refused_and_left_alone(
    tmp_path: Path, damage: Callable[[list[Path]], tuple[Path, int]]
) -> None:
    """Missing, swapped, misnamed, cut and flipped segments are named with file and offset; nothing changes."""
    folder = tmp_path / "journal"
    _fill(folder, singles=10, batch=0, segment_bytes=HEADER.size + 2 * RECORD)
    file, offset = damage(sorted(folder.glob("*.seg")))
    before = _state(folder)
    with pytest.raises(JournalDamagedError) as caught:
        _open(folder)
    assert (caught.value.file, caught.value.offset) == (file, offset)
    assert _state(folder) == before


def test_a_journal_that_is_gone_is_found_by_a_followers_cursor(tmp_path: Path) -> None:
    """An empty folder where followers have read before is not a new journal."""
    with pytest.raises(JournalDamagedError, match="record 7 was read before"):
        _open(tmp_path / "journal", known_durable=7)


def test_a_record_inside_a_payload_is_no_record(tmp_path: Path) -> None:
    """A device that sends the bytes of a record cannot confuse the search behind a torn record."""
    folder = tmp_path / "journal"
    _fill(folder, singles=0, batch=2)
    forged = _last(folder).read_bytes()[HEADER.size :]
    journal = _open(folder)
    journal.submit([Entry(Kind.MESSAGE, 0, b"torn"), Entry(Kind.MESSAGE, 0, b"<" + forged + b">")], lambda _: None)
    journal.close()
    path = _last(folder)
    data = bytearray(path.read_bytes())
    data[HEADER.size + 2 * RECORD + 5] ^= 1
    path.write_bytes(data)
    again = _open(folder)
    assert again.durable == 1
    again.close()


def test_what_a_crash_left_half_made_is_cleared_away(folder: Path) -> None:
    """Temporary files of a creation that was stopped vanish at the next start."""
    (folder / f"{7:020d}.seg.tmp").write_bytes(b"HYG")
    _open(folder).close()
    assert not list(folder.glob("*.tmp"))


def test_bytes_that_may_never_have_been_synced_are_written_again(folder: Path) -> None:
    """After a process died between write and sync, the last batch is written once more before it counts as durable."""
    disk = ForgetfulDisk(folder)
    before = _last(folder).read_bytes()
    journal = Journal.open(folder, HandClock(), disk=disk, idle_ticks=False)
    calls = list(disk.calls)
    journal.close()
    assert calls[-2:] == ["write", "fdatasync"]
    assert _last(folder).read_bytes() == before
