"""The writer: order, durability before telling, time, rotation, too little disk."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.clock import SimulatedClock
from gateway.errors import JournalFailedError, StartError
from gateway.journal import record, watch
from gateway.journal.disk import Disk
from gateway.journal.fsck import check_journal
from gateway.journal.record import Kind, parse_json
from gateway.journal.writer import Entry, Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock, read_all

NOW = 1_700_000_000_000
DAY = 86_400_000


def _message(text: str, at: int = NOW) -> Entry:
    return Entry(Kind.MESSAGE, at, text.encode())


def _until(condition: Callable[[], object], what: str = "condition") -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in time"
        time.sleep(0.002)


@pytest.fixture
def clock() -> HandClock:
    """A clock that the test moves."""
    return HandClock(NOW)


@pytest.fixture
def disk(tmp_path: Path) -> ForgetfulDisk:
    """A disk that the test can hold and fill."""
    return ForgetfulDisk(tmp_path / "journal")


@pytest.fixture
def journal(tmp_path: Path, clock: HandClock, disk: ForgetfulDisk) -> Iterator[Journal]:
    """A fresh journal without ticks."""
    opened = Journal.open(tmp_path / "journal", clock, disk=disk, idle_ticks=False)
    yield opened
    opened.close()


def test_append_returns_consecutive_offsets_of_durable_records(journal: Journal, tmp_path: Path) -> None:
    """Each record gets the next offset and can be read once append returns."""
    assert [journal.append(Kind.COMMAND, b'{"type":"x"}') for _ in range(3)] == [0, 1, 2]
    assert journal.durable == 2
    assert [one.offset for one in read_all(tmp_path / "journal")] == [0, 1, 2]


def test_all_that_waits_is_written_and_synced_once(journal: Journal, disk: ForgetfulDisk, tmp_path: Path) -> None:
    """What gathers while the disk works becomes one write and one fdatasync, told in order of submission."""
    disk.gate = threading.Event()
    told: list[int] = []
    journal.submit([_message("first")], told.append)
    _until(lambda: "fdatasync" in disk.calls, "first sync")
    for n in range(50):
        journal.submit([_message(f"{n}a"), _message(f"{n}b")], told.append)
    assert told == []
    assert journal.waiting_bytes > 50 * 2 * record.OVERHEAD
    disk.calls.clear()
    disk.gate.set()
    assert journal.wait(100, 20)
    _until(lambda: len(told) == 51, "telling")
    assert told == [0, *range(1, 101, 2)]
    assert disk.calls == ["write", "fdatasync"]
    assert journal.waiting_bytes == 0
    assert [one.body for one in read_all(tmp_path / "journal", 99)] == [b"49a", b"49b"]


def test_nobody_is_told_before_the_sync_returns(journal: Journal, disk: ForgetfulDisk) -> None:
    """While fdatasync has not returned, durable stands still, wait times out and done is not called."""
    disk.gate = threading.Event()
    told: list[int] = []
    journal.submit([_message("x")], told.append)
    _until(lambda: "fdatasync" in disk.calls, "sync")
    assert (journal.durable, journal.wait(0, 0.01), told) == (-1, False, [])
    disk.gate.set()
    assert journal.wait(0, 20)


def test_submit_returns_while_the_disk_hangs(journal: Journal, disk: ForgetfulDisk) -> None:
    """A disk that does not answer blocks no submitter."""
    disk.gate = threading.Event()
    began = time.monotonic()
    for _ in range(1000):
        journal.submit([_message("x" * 100)], lambda _: None)
    assert time.monotonic() - began < 2
    assert journal.waiting_bytes == 1000 * (100 + record.OVERHEAD)
    disk.gate.set()


def test_append_that_is_not_durable_in_time_raises_timeout(journal: Journal, disk: ForgetfulDisk) -> None:
    """The caller of append learns that nothing is promised."""
    disk.gate = threading.Event()
    with pytest.raises(TimeoutError, match=r"not durable within 0\.01 s"):
        journal.append(Kind.COMMAND, b"{}", timeout=0.01)
    disk.gate.set()


def test_journal_time_never_runs_back(journal: Journal, tmp_path: Path) -> None:
    """A record received earlier than the one before it gets the time of that one."""
    told = threading.Event()
    entries = [_message("a", NOW + 5), _message("b", NOW), _message("c", NOW + 9)]
    journal.submit(entries, lambda _: told.set())
    assert told.wait(20)
    assert [one.time for one in read_all(tmp_path / "journal")] == [NOW + 5, NOW + 5, NOW + 9]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "entries is empty; at least one is needed"),
        ([Entry(1, NOW, bytes(record.MAX_BODY + 1))], "a body has 16777217 bytes; at most 16777216 are allowed"),
    ],
)
def test_what_could_not_be_read_back_is_refused(journal: Journal, entries: list[Entry], words: str) -> None:
    """No entries and bodies over the limit raise at once and write nothing."""
    with pytest.raises(ValueError, match=words):
        journal.submit(entries, lambda _: None)
    assert (journal.waiting_bytes, journal.durable) == (0, -1)


def test_an_error_in_done_does_not_stop_the_journal(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    """A submitter that cannot be told is logged; the record is durable and the next ones are written."""

    def broken(first: int) -> None:
        raise RuntimeError("Event loop is closed")

    journal.submit([_message("x")], broken)
    assert journal.append(Kind.COMMAND, b"{}") == 1
    assert "could not be told of record 0" in caplog.text


def test_segments_end_before_they_exceed_their_size(tmp_path: Path, clock: HandClock) -> None:
    """Each segment but for one of a single too large batch is at most segment_bytes long, named by its first offset."""
    folder = tmp_path / "journal"
    journal = Journal.open(folder, clock, disk=ForgetfulDisk(folder), segment_bytes=200, idle_ticks=False)
    for n in range(10):
        journal.append(Kind.COMMAND, b"%030d" % n)
    journal.append(Kind.COMMAND, b"x" * 500)
    stats = journal.stats()
    journal.close()
    sizes = {path.name: path.stat().st_size for path in sorted(folder.glob("*.seg"))}
    assert list(sizes)[:3] == [f"{n:020d}.seg" for n in (0, 2, 4)]
    assert [size <= 200 for size in sizes.values()] == [True] * 5 + [False]
    assert (stats.segments, stats.bytes) == (6, sum(sizes.values()))
    assert [one.offset for one in read_all(folder)] == list(range(11))


def test_a_segment_ends_with_the_utc_day(journal: Journal, clock: HandClock, tmp_path: Path) -> None:
    """The first record of a UTC day begins a segment."""
    journal.append(Kind.COMMAND, b"{}")
    clock.pass_ms(DAY - NOW % DAY - 1)
    journal.append(Kind.COMMAND, b"{}")
    clock.pass_ms(1)
    journal.append(Kind.COMMAND, b"{}")
    assert [path.name for path in sorted((tmp_path / "journal").glob("*.seg"))] == [f"{n:020d}.seg" for n in (0, 2)]


def test_a_tick_comes_after_a_second_without_a_record(tmp_path: Path, clock: HandClock) -> None:
    """Clock time without records yields ticks; without clock time there are none."""
    folder = tmp_path / "journal"
    journal = Journal.open(folder, clock, disk=ForgetfulDisk(folder))
    clock.pass_ms(900)
    assert not journal.wait(0, 0.15)
    clock.pass_ms(100)
    assert journal.wait(0, 20)
    clock.pass_ms(1000)
    assert journal.wait(1, 20)
    journal.close()
    ticks = read_all(folder)
    assert [(one.kind, one.time, one.body) for one in ticks] == [
        (Kind.TICK, NOW + 1000, b'{"type":"tick"}'),
        (Kind.TICK, NOW + 2000, b'{"type":"tick"}'),
    ]


def test_ticks_on_a_fast_clock_come_at_most_twenty_times_a_second(tmp_path: Path) -> None:
    """With 10 simulated minutes a second the journal is not flooded with ticks."""
    folder = tmp_path / "journal"
    began = time.monotonic()
    journal = Journal.open(folder, SimulatedClock(NOW, 600.0), disk=ForgetfulDisk(folder))
    assert journal.wait(2, 20)
    assert journal.durable <= (time.monotonic() - began) / 0.05
    journal.close()


def test_journal_time_goes_on_while_the_wall_clock_is_behind_it(
    journal: Journal, clock: HandClock, tmp_path: Path
) -> None:
    """After a step back of a minute journal time runs at half pace until the wall clock has caught up."""
    begun = clock.wall
    journal.append(Kind.COMMAND, b"{}")
    clock.wall -= 60_000
    times = []
    for passed in (1, 10_000, 30_000, 80_000, 10_000):
        clock.pass_ms(passed)
        journal.append(Kind.COMMAND, b"{}")
        times.append(read_all(tmp_path / "journal")[-1].time - begun)
    assert times == [1, 5_001, 20_001, 60_001, 70_001]


@pytest.mark.parametrize("step", [60_000, -60_000])
def test_a_step_of_the_wall_clock_is_recorded_before_the_next_record(
    journal: Journal, clock: HandClock, tmp_path: Path, step: int
) -> None:
    """A clock set by somebody yields a CLOCK_STEP with both times and the monotonic difference."""
    journal.append(Kind.COMMAND, b"{}")
    clock.pass_ms(2_000)
    clock.wall += step
    journal.append(Kind.COMMAND, b"{}")
    records = read_all(tmp_path / "journal")
    assert [one.kind for one in records] == [Kind.COMMAND, Kind.CLOCK_STEP, Kind.COMMAND]
    assert parse_json(records[1].body) == {
        "type": "clock_step",
        "from": NOW,
        "to": NOW + 2_000 + step,
        "monotonic_ms": 2_000,
    }
    assert records[0].time <= records[1].time <= records[2].time


def test_time_that_passes_and_small_corrections_are_no_step(journal: Journal, clock: HandClock, tmp_path: Path) -> None:
    """An hour that both clocks saw, and five seconds of correction, are not recorded."""
    journal.append(Kind.COMMAND, b"{}")
    clock.pass_ms(3_600_000)
    clock.wall += 5_000
    journal.append(Kind.COMMAND, b"{}")
    assert len(read_all(tmp_path / "journal")) == 2


def test_a_clock_behind_the_journal_at_start_is_a_step(tmp_path: Path, clock: HandClock) -> None:
    """A machine that starts with its clock an hour back says so before its first record."""
    folder = tmp_path / "journal"
    journal = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    journal.append(Kind.COMMAND, b"{}")
    journal.close()
    again = Journal.open(folder, HandClock(NOW - 3_600_000), disk=ForgetfulDisk(folder), idle_ticks=False)
    again.append(Kind.COMMAND, b"{}")
    again.close()
    assert [(one.kind, one.time) for one in read_all(folder)] == [
        (Kind.COMMAND, NOW),
        (Kind.CLOCK_STEP, NOW),
        (Kind.COMMAND, NOW),
    ]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the free space with every batch."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.0)


def test_too_little_disk_holds_messages_only_and_recovers(
    eager: None, journal: Journal, disk: ForgetfulDisk, tmp_path: Path
) -> None:
    """Below min_free messages wait while commands and an alarm are written; with space again all goes on by itself."""
    told: list[str] = []
    disk.free_bytes = 100
    journal.append(Kind.COMMAND, b'{"type":"seen"}')
    journal.submit([_message("held")], lambda _: told.append("held"))
    assert journal.append(Kind.COMMAND, b'{"type":"meanwhile"}') == 2
    assert (journal.blocked, told) == (True, [])
    assert journal.waiting_bytes == record.OVERHEAD + 4
    disk.free_bytes = 1 << 40
    _until(lambda: told == ["held"], "recovery")
    assert not journal.blocked
    records = read_all(tmp_path / "journal")
    low = {"type": "alarm", "alarm": "disk_low", "min_free": 512 << 20}
    assert [one.body if one.kind == Kind.MESSAGE else parse_json(one.body) for one in records] == [
        {**low, "state": "on", "free": 100},
        {"type": "seen"},
        {"type": "meanwhile"},
        {**low, "state": "off", "free": 1 << 40},
        b"held",
    ]


def test_free_space_just_above_the_limit_does_not_flap(eager: None, journal: Journal, disk: ForgetfulDisk) -> None:
    """Once low, a sixteenth more than min_free must be free."""
    disk.free_bytes = (512 << 20) - 1
    journal.append(Kind.COMMAND, b"{}")
    disk.free_bytes = 520 << 20
    journal.append(Kind.COMMAND, b"{}")
    assert journal.blocked
    disk.free_bytes = 544 << 20
    _until(lambda: not journal.blocked, "recovery")


def test_the_state_of_the_alarm_survives_restart_and_rotation(eager: None, tmp_path: Path, clock: HandClock) -> None:
    """An alarm that was on when the gateway stopped is cleared by a record of the next start."""
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder)
    disk.free_bytes = 0
    journal = Journal.open(folder, clock, disk=disk, segment_bytes=300, idle_ticks=False)
    for _ in range(5):
        journal.append(Kind.COMMAND, b"x" * 150)
    journal.close()
    again = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    assert not again.blocked
    again.append(Kind.COMMAND, b"{}")
    again.close()
    assert parse_json(read_all(folder)[-2].body)["state"] == "off"


def test_a_full_disk_takes_back_the_batch_and_tries_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: HandClock
) -> None:
    """ENOSPC on a write loses nothing and tells nobody: the same records are written once there is room."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder, fail_at=3, how="ENOSPC", only="write")
    journal = Journal.open(folder, clock, disk=disk, idle_ticks=False)
    journal.append(Kind.COMMAND, b"before")
    journal.append(Kind.COMMAND, b"before too")
    assert journal.append(Kind.COMMAND, b"after") >= 2
    told = threading.Event()
    journal.submit([_message("message")], lambda _: told.set())
    assert told.wait(20)
    journal.close()
    records = [one for one in read_all(folder) if one.kind != Kind.ALARM]
    assert [one.body for one in records] == [b"before", b"before too", b"after", b"message"]


def test_half_a_batch_taken_back_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: HandClock
) -> None:
    """What a full disk took of a long message is gone when a shorter record is written in its place."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder, fail_at=2, how="short+ENOSPC", only="write")
    journal = Journal.open(folder, clock, disk=disk, idle_ticks=False)
    journal.append(Kind.COMMAND, b"before")
    disk.free_bytes = 0
    journal.submit([_message("m" * 10_000)], lambda _: None)
    _until(lambda: journal.blocked, "full disk")
    journal.append(Kind.COMMAND, b"short")
    journal.close()
    assert check_journal(folder).faults == []
    assert [one.body for one in read_all(folder) if one.kind != Kind.ALARM] == [b"before", b"short"]


def test_close_writes_all_that_waits_first(tmp_path: Path, clock: HandClock) -> None:
    """What was submitted before close is durable and told after it; later submissions are refused."""
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder)
    journal = Journal.open(folder, clock, disk=disk, idle_ticks=False)
    disk.gate = threading.Event()
    told: list[int] = []
    for n in range(20):
        journal.submit([_message(str(n))], told.append)
    threading.Timer(0.05, disk.gate.set).start()
    journal.close()
    journal.close()
    assert told == list(range(20))
    with pytest.raises(JournalFailedError, match="the journal is closed"):
        journal.submit([_message("late")], told.append)


def test_after_an_fsync_error_the_journal_is_finished(tmp_path: Path, clock: HandClock) -> None:
    """A failed fdatasync is not retried: failed is set, on_failure called once, nobody told, everything refused."""
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder, fail_at=0, how="EIO", only="fdatasync")
    failures: list[BaseException] = []
    journal = Journal.open(folder, clock, disk=disk, idle_ticks=False, on_failure=failures.append)
    told: list[int] = []
    journal.submit([_message("x")], told.append)
    with pytest.raises(JournalFailedError, match="fdatasync failed: Input/output error"):
        journal.wait(0, 20)
    with pytest.raises(JournalFailedError):
        journal.append(Kind.COMMAND, b"{}")
    journal.close()
    assert (told, failures, journal.durable) == ([], [journal.failed], -1)
    assert disk.calls.count("fdatasync") == 1
    assert "Input/output error" in journal.stats().failed


def test_stats_tell_what_was_written(journal: Journal) -> None:
    """The figures of the journal agree with what was done."""
    for _ in range(3):
        journal.append(Kind.COMMAND, b"{}")
    stats = journal.stats()
    assert (stats.first_offset, stats.durable, stats.written, stats.batches) == (0, 2, 3, 3)
    assert (stats.segments, stats.bytes) == (1, 28 + 3 * 35)
    assert (stats.free, stats.blocked, stats.waiting_bytes, stats.time) == (1 << 40, False, 0, NOW)
    assert 0 <= stats.last_fsync_ms <= stats.worst_fsync_ms


class _ReadOnly(Disk):
    """A file system mounted read-only."""

    def call(self, what: str, function: Callable[..., object], *arguments: object) -> object:
        """Refuse everything that changes the disk."""
        raise OSError(30, os.strerror(30))


def test_a_read_only_folder_is_a_start_error(tmp_path: Path, clock: HandClock) -> None:
    """One line says which folder cannot be written and why."""
    with pytest.raises(StartError, match=r"journal: cannot write here: Read-only file system"):
        Journal.open(tmp_path / "journal", clock, disk=_ReadOnly())


def test_a_file_in_place_of_the_folder_is_a_start_error(tmp_path: Path, clock: HandClock) -> None:
    """A path that is no folder is refused with one line."""
    (tmp_path / "journal").write_text("")
    with pytest.raises(StartError, match="cannot write here"):
        Journal.open(tmp_path / "journal", clock)


def test_the_real_disk_keeps_files_to_their_owner(tmp_path: Path, clock: HandClock) -> None:
    """Segments hold what devices said and are readable by their owner only."""
    journal = Journal.open(tmp_path / "data" / "journal", clock, min_free=0)
    journal.append(Kind.COMMAND, b"{}")
    journal.close()
    (path,) = (tmp_path / "data" / "journal").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_replace_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    """An atomic replacement that fails at any call leaves the old content or has the new one, and no rubbish."""
    path = tmp_path / "cursor"
    for number in range(8):
        Disk().replace(path, b"old")
        disk = ForgetfulDisk(tmp_path, fail_at=number, how="EIO")
        try:
            disk.replace(path, b"new")
        except (OSError, JournalFailedError):
            assert path.read_bytes() in {b"old", b"new"}
        else:
            assert path.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [path]


def test_an_alarm_lost_with_a_new_segment_is_known_from_the_one_before(
    eager: None, tmp_path: Path, clock: HandClock
) -> None:
    """A crash between beginning a segment and its first record does not forget that the disk was low."""
    folder = tmp_path / "journal"
    disk = ForgetfulDisk(folder)
    disk.free_bytes = 0
    journal = Journal.open(folder, clock, disk=disk, segment_bytes=300, idle_ticks=False)
    for _ in range(5):
        journal.append(Kind.COMMAND, b"x" * 150)
    journal.close()
    last = max(folder.glob("*.seg"))
    last.write_bytes(last.read_bytes()[: record.HEADER.size])
    again = Journal.open(folder, clock, disk=ForgetfulDisk(folder), idle_ticks=False)
    again.append(Kind.COMMAND, b"{}")
    again.close()
    assert parse_json(read_all(folder)[-2].body)["state"] == "off"
