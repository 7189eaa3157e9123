"""Closed journal segments: their roots, what is recorded once, and what is never sealed."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest

from custody.ledger.entry import parse
from custody.ledger.merkle import Frontier, leaf_hash
from gateway import state
from gateway.decide.entries import segment_body
from gateway.errors import JournalDamagedError
from gateway.journal.record import HEADER, Kind, encode, json_body, parse_json
from gateway.journal.segment import Segment, listing
from gateway.journal.writer import Journal
from gateway.segments import Segments, seal
from tests.support.ledger_rows import Rows, Stopped
from tests.support.memory_journal import MemoryJournal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of several closed segments and an open one."""
    folder = tmp_path / "journal"
    journal = Journal.open(folder, Stopped(), segment_bytes=400, min_free=0, idle_ticks=False)
    for number in range(12):
        journal.append(Kind.ALARM, json_body({"type": "alarm", "alarm": f"a{number}", "state": "x" * 60}))
    journal.close()
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """A state without entries about segments."""
    return Rows(tmp_path / "state.sqlite3")


def closed(folder: Path) -> list[tuple[Segment, int]]:
    """Each closed segment with the offset after it."""
    return [(one, following.first) for one, following in pairwise(listing(folder))]


def test_the_root_is_over_the_records_as_they_stand(folder: Path) -> None:
    """Root and digest are those of the file taken apart by hand."""
    segments = closed(folder)
    assert len(segments) >= 3
    for one, following in segments:
        data = one.path.read_bytes()
        frontier, at = Frontier(), HEADER.size
        while at < len(data):
            end = at + 8 + int.from_bytes(data[at : at + 4], "little")
            frontier.append(leaf_hash(data[at:end]))
            at = end
        body = seal(one, following)
        assert body["root"] == frontier.root().hex()
        assert body["sha256"] == hashlib.sha256(data).hexdigest()
        assert (body["first"], body["last"], body["records"]) == (one.first, following - 1, frontier.size)


def test_a_record_is_a_leaf_with_its_frame() -> None:
    """What is hashed is what ``encode`` writes, so one record can be proved without the others."""
    raw = encode(7, 1000, 7, Kind.TICK, b"{}")
    assert 8 + int.from_bytes(raw[:4], "little") == len(raw)


@pytest.mark.parametrize("harm", ["cut", "longer", "renumbered"])
def test_a_segment_that_does_not_end_with_its_records_is_not_sealed(folder: Path, harm: str) -> None:
    """Damage is named, not made official."""
    one, following = closed(folder)[0]
    if harm == "cut":
        one.path.write_bytes(one.path.read_bytes()[:-3])
    elif harm == "longer":
        one.path.write_bytes(one.path.read_bytes() + b"xyz")
    with pytest.raises(JournalDamagedError):
        seal(one, following + (harm == "renumbered"))


def test_each_closed_segment_is_recorded_once(folder: Path, rows: Rows) -> None:
    """All that is closed is sealed in order, the open one is not; a second look finds nothing to do."""
    journal = MemoryJournal()
    segments = Segments(rows.engine, journal, folder, Stopped(), lambda: True)
    segments.look()
    segments.look()
    found = [parse_json(record.body) for record in journal.records]
    assert [body["last"] + 1 for body in found] == [following for _, following in closed(folder)]
    assert [record.kind for record in journal.records] == [Kind.SEGMENT] * len(found)
    assert segments.recorded == closed(folder)[-1][1]
    journal.close()


def test_what_the_ledger_has_is_not_recorded_again(folder: Path, rows: Rows) -> None:
    """A start goes on behind the newest entry about a segment, once decide has replayed."""
    done = closed(folder)[1]
    rows.add(kind="segment", entity="journal", **segment_body(seal(*done)))
    journal = MemoryJournal()
    replayed = False
    segments = Segments(rows.engine, journal, folder, Stopped(), lambda: replayed)
    segments.look()
    assert (journal.records, segments.recorded) == ([], 0)
    replayed = True
    segments.look()
    assert parse_json(journal.records[0].body)["first"] == done[1]
    assert len(journal.records) == len(closed(folder)) - 2
    journal.close()


def test_before_it_is_durable_nothing_counts_as_recorded(folder: Path, rows: Rows) -> None:
    """Retention must not take a segment whose root is still on its way."""
    journal = MemoryJournal()
    journal.hold()
    segments = Segments(rows.engine, journal, folder, Stopped(), lambda: True)
    segments.start()
    assert segments.stop(5)
    assert segments.recorded == 0
    journal.release()
    journal.close()


def test_the_entry_says_what_the_record_says(folder: Path, rows: Rows) -> None:
    """First, last, number, root and digest stand in the ledger."""
    body = seal(*closed(folder)[0])
    rows.add(kind="segment", entity="journal", **segment_body(body))
    with rows.engine.connect() as connection:
        raw = connection.execute(state.ledger_entries.select()).one().bytes
    assert parse(raw).body == {key: value for key, value in body.items() if key != "type"}
