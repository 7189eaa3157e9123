"""Retention: only what nobody needs, oldest first, never the last segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import JournalFailedError
from gateway.journal.fsck import check_journal
from gateway.journal.record import HEADER, Kind
from gateway.journal.retention import retain
from gateway.journal.segment import KEPT_FROM, path_of
from gateway.journal.writer import Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock, PowerCutError, read_all

DAY = 86_400_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five days with two records each: segments 0, 2, 4, 6, 8."""
    path = tmp_path / "journal"
    clock = HandClock(10 * DAY)
    journal = Journal.open(path, clock, disk=ForgetfulDisk(path), idle_ticks=False)
    for _ in range(5):
        journal.append(Kind.COMMAND, b"{}")
        journal.append(Kind.COMMAND, b"{}")
        clock.pass_ms(DAY)
    journal.close()
    return path


def _firsts(folder: Path) -> list[int]:
    return [int(path.stem) for path in sorted(folder.glob("*.seg"))]


@pytest.mark.parametrize(
    ("safe", "keep_days", "left"),
    [
        (10, 0, [8]),  # never the last one
        (6, 0, [6, 8]),  # records 0 to 5 are below
        (5, 0, [4, 6, 8]),  # record 5 is not
        (1, 0, [0, 2, 4, 6, 8]),
        (10, 2, [4, 6, 8]),  # the newest of the others ended 12, 11, 10 ... days after 1970 and now is day 14
        (10, 30, [0, 2, 4, 6, 8]),
    ],
)
def test_a_segment_goes_when_it_is_passed_and_old(folder: Path, safe: int, keep_days: int, left: list[int]) -> None:
    """Both conditions must hold: all records below the safe offset, and older than keep_days."""
    gone = retain(folder, ForgetfulDisk(folder), safe=safe, keep_days=keep_days, now=14 * DAY + 1)
    assert _firsts(folder) == left
    assert [one.path for one in gone] == [path_of(folder, first) for first in (0, 2, 4, 6, 8) if first not in left]
    assert check_journal(folder).faults == []
    assert [one.offset for one in read_all(folder, left[0])] == list(range(left[0], 10))


def test_the_journal_goes_on_after_retention(folder: Path) -> None:
    """Removed by an open journal, the figures follow and a restart accepts what is left."""
    clock = HandClock(50 * DAY)
    journal = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    assert journal.retain(safe=8, keep_days=30) == [path_of(folder, first) for first in (0, 2, 4, 6)]
    stats = journal.stats()
    journal.close()
    assert (stats.first_offset, stats.segments) == (8, 1)
    again = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    assert again.append(Kind.COMMAND, b"{}") == 10
    again.close()


def test_retention_stopped_anywhere_leaves_a_whole_journal(folder: Path) -> None:
    """An error or a power cut at any call: the journal opens, what must be kept is kept, and the next call ends it."""
    original = {path.name: path.read_bytes() for path in folder.iterdir()}
    for how in ("EIO", "cut"):
        for number in range(20):
            for path in folder.iterdir():
                path.unlink()
            for name, content in original.items():
                (folder / name).write_bytes(content)
            disk = ForgetfulDisk(folder, fail_at=number, how=how)
            try:
                retain(folder, disk, safe=6, keep_days=0, now=20 * DAY)
            except (OSError, JournalFailedError, PowerCutError):
                assert check_journal(folder).faults == []
                journal = Journal.open(folder, HandClock(20 * DAY), disk=ForgetfulDisk(folder), idle_ticks=False)
                assert journal.durable == 9
                journal.retain(safe=6, keep_days=0)
                journal.close()
            assert _firsts(folder) == [6, 8]
            assert not list(folder.glob("*.tmp"))
    assert len(disk.calls) < number, "more calls than were made to fail"


def test_a_first_segment_that_retention_did_not_remove_is_missing(folder: Path) -> None:
    """kept-from tells a removed file from a lost one."""
    retain(folder, ForgetfulDisk(folder), safe=4, keep_days=0, now=20 * DAY)
    assert (folder / KEPT_FROM).read_bytes().startswith(b"4 ")
    path_of(folder, 4).unlink()
    (fault,) = check_journal(folder).faults
    assert (fault.offset, fault.what) == (4, "records 4 to 5 are missing before this file")
    assert HEADER.size == 28
