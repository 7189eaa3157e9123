"""The journal against a list, through appends, crashes, repairs, retention and a full disk."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.errors import RecordGoneError
from gateway.journal import watch
from gateway.journal.fsck import check_journal
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, Record, parse_json
from gateway.journal.writer import Entry, Journal
from tests.plugins.journal_disks import ForgetfulDisk, HandClock, read_all

DAY = 86_400_000
sizes = st.lists(st.integers(0, 60), min_size=1, max_size=5)


class JournalMachine(RuleBasedStateMachine):
    """``promised`` is what was reported durable, ``records`` what the journal has been seen to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-machine-"))
        self.clock = HandClock()
        self.promised: dict[int, bytes] = {}
        self.records: dict[int, Record] = {}
        self.submitted: set[bytes] = set()
        self.first = 0
        self.count = 0

    @initialize()
    def begin(self) -> None:
        """Open the journal on a disk with room."""
        self._open()

    def _open(self) -> None:
        known = max(self.promised, default=-1)
        self.disk = ForgetfulDisk(self.folder)
        self.journal = Journal.open(
            self.folder, self.clock, disk=self.disk, segment_bytes=300, known_durable=known, idle_ticks=False
        )
        self.reader = Reader(self.folder)
        assert self._submit(Kind.COMMAND, [0]).wait(20)

    def _bodies(self, lengths: list[int]) -> list[bytes]:
        bodies = []
        for length in lengths:
            self.count += 1
            bodies.append(b"%d:%s" % (self.count, b"x" * length))
        self.submitted.update(bodies)
        return bodies

    def _submit(self, kind: int, lengths: list[int]) -> threading.Event:
        bodies, told = self._bodies(lengths), threading.Event()

        def done(first: int) -> None:
            self.promised.update(enumerate(bodies, first))
            told.set()

        self.journal.submit([Entry(kind, self.clock.wall, body) for body in bodies], done)
        return told

    @rule(lengths=sizes)
    def command(self, lengths: list[int]) -> None:
        """Commands are written whatever the disk says."""
        assert self._submit(Kind.COMMAND, lengths).wait(20)

    @rule(lengths=sizes)
    def message(self, lengths: list[int]) -> None:
        """Messages are durable once told; while the disk is low they are not told."""
        told = self._submit(Kind.MESSAGE, lengths)
        assert self._submit(Kind.COMMAND, [1]).wait(20)
        assert told.is_set() is not self.journal.blocked

    @rule(low=st.booleans())
    def fill_the_disk(self, low: bool) -> None:
        """Somebody else fills the disk, or makes room; the next record shows it."""
        self.disk.free_bytes = 0 if low else 1 << 40
        assert self._submit(Kind.COMMAND, [1]).wait(20)
        assert self.journal.blocked is low

    @rule(hours=st.integers(0, 30))
    def let_time_pass(self, hours: int) -> None:
        """Hours go by without a record."""
        self.clock.pass_ms(hours * 3_600_000)

    @rule(lengths=st.lists(st.integers(0, 60), max_size=12), seed=st.integers(0, 2**32))
    def crash(self, lengths: list[int], seed: int) -> None:
        """The power goes after records were written and before they were synced."""
        if lengths:
            self.disk.gate = threading.Event()
            self.disk.calls.clear()
            told = self._submit(Kind.COMMAND, lengths)
            deadline = time.monotonic() + 20
            while "fdatasync" not in self.disk.calls:
                assert time.monotonic() < deadline
                time.sleep(0.0005)
            self.disk.dead = True
            self.disk.gate.set()
            self.journal.close()
            assert not told.is_set()
        self.journal.close()
        self.reader.close()
        self.disk.crash(random.Random(seed))
        report = check_journal(self.folder, known_durable=max(self.promised, default=-1))
        assert report.damage == []
        self._open()

    @rule()
    def restart(self) -> None:
        """The gateway is stopped and started."""
        self.journal.close()
        self.reader.close()
        self._open()

    @rule(data=st.data(), days=st.integers(0, 2))
    def retain(self, data: st.DataObject, days: int) -> None:
        """Old segments below some follower's cursor go."""
        safe = data.draw(st.integers(0, self.journal.durable + 1), label="safe")
        self.journal.retain(safe=safe, keep_days=days)
        first = self.journal.stats().first_offset
        assert self.first <= first <= max(safe, self.first)
        self.first = first

    @rule(data=st.data(), max_bytes=st.integers(1, 500))
    def read(self, data: st.DataObject, max_bytes: int) -> None:
        """Any range that was seen reads as before."""
        durable = self.journal.durable
        offset = data.draw(st.integers(0, durable), label="offset")
        end = data.draw(st.integers(offset, durable), label="end")
        if offset < self.first:
            with pytest.raises(RecordGoneError):
                self.reader.read(offset, end=end, max_bytes=max_bytes)
            return
        got = self.reader.read(offset, end=end, max_bytes=max_bytes)
        assert 1 <= len(got) <= end - offset + 1
        for expected, one in enumerate(got, offset):
            assert one.offset == expected
            assert self.promised.get(expected, one.body) == one.body
            assert self.records.setdefault(expected, one) == one

    @invariant()
    def all_that_was_promised_is_there(self) -> None:
        """The whole journal, as another process sees it: no gap, no change, nothing that nobody wrote."""
        if not hasattr(self, "journal"):
            return
        records = read_all(self.folder, self.first)
        assert [one.offset for one in records] == list(range(self.first, self.first + len(records)))
        times = [one.time for one in records]
        assert times == sorted(times)
        left = {one.offset: one.body for one in records}
        kept = {offset: body for offset, body in self.promised.items() if offset >= self.first}
        assert {offset: left.get(offset) for offset in kept} == kept
        bodies = [one.body for one in records if one.kind != Kind.ALARM]
        assert len(set(bodies)) == len(bodies)
        assert set(bodies) <= self.submitted
        alarms = [parse_json(one.body) for one in records if one.kind == Kind.ALARM]
        assert (alarms[-1]["state"] == "on" if alarms else False) is self.journal.blocked

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.journal.close()
        self.reader.close()
        report = check_journal(self.folder)
        assert report.faults == []
        shutil.rmtree(self.folder)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The free space is looked at with every batch."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.0)


@pytest.mark.usefixtures("eager")
class TestJournal(JournalMachine.TestCase):
    """Runs the machine."""

    settings = settings(
        max_examples=40,
        stateful_step_count=20,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
