"""The notary: when it signs, what it refuses to sign, and how a ledger goes on after that."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from custody.ledger import checkpoint
from custody.ledger.note import parse_note
from custody.ledger.origin import origin_body
from gateway.ledger_book import Signed
from tests.support.ledger_rows import ORIGIN, Office, Rows


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """An empty ledger."""
    return Rows(tmp_path / "state.sqlite3")


@pytest.fixture
def office(rows: Rows, tmp_path: Path) -> Office:
    """A notary for it that signs five entries at once, or one after a minute."""
    return Office(rows, tmp_path, sign_every_entries=5, sign_every_s=60)


def head_of(found: Signed | None) -> tuple[int, bytes]:
    """Size and root of a head."""
    assert found is not None
    return found.head.size, found.head.root


def test_nothing_is_signed_before_there_is_an_entry(office: Office) -> None:
    """An empty ledger has no head."""
    assert office.look(later_s=1000, at_once=True) is None
    assert not office.file.exists()


def test_entries_are_signed_by_number_or_by_time(office: Office, rows: Rows) -> None:
    """At minute 0 four arrive: nothing. Fifth: signed. Then one: signed a minute after it was seen, not before."""
    rows.add(4)
    assert office.look() is None
    rows.add(1)
    assert head_of(office.look()) == (5, rows.roots()[5])
    rows.add(1)
    assert head_of(office.look(later_s=30))[0] == 5
    assert head_of(office.look(later_s=59))[0] == 5
    assert head_of(office.look(later_s=1)) == (6, rows.roots()[6])


def test_whoever_needs_a_head_has_it_signed_and_waits(office: Office, rows: Rows) -> None:
    """One entry would wait a minute; who asks has a head over it at once. Without a thread nobody waits."""
    rows.add(1)
    office.notary.cover(60)
    assert office.notary.newest is None
    office.notary.start()
    try:
        for size in (2, 3):
            rows.add(1)
            office.notary.cover(60)
            assert head_of(office.notary.newest) == (size, rows.roots()[size])
        office.notary.cover(60)
        assert head_of(office.notary.newest)[0] == 3
    finally:
        assert office.notary.stop(60)


def test_a_day_that_ends_and_a_stop_sign_at_once(office: Office, rows: Rows) -> None:
    """The first look after local midnight signs what there is; so does the last one of a run."""
    rows.add(1)
    office.look()
    assert office.look(later_s=30) is None
    rows.add(5)
    office.look()
    rows.add(1)
    day_s = 86_400
    assert head_of(office.look(later_s=1))[0] == 6
    assert head_of(office.look(later_s=day_s))[0] == 7
    rows.add(1)
    assert head_of(office.look(at_once=True))[0] == 8


def test_a_head_stands_in_the_file_and_on_record(office: Office, rows: Rows) -> None:
    """Both hold the same note; its line says when, and where the clock has its time from."""
    rows.add(5)
    office.look()
    note = office.file.read_text(encoding="utf-8")
    assert rows.notes() == [note]
    head = checkpoint.parse(parse_note(note.encode()).text)
    assert head.origin == ORIGIN
    assert head.clock is not None
    assert (head.clock.at, head.clock.source) == (office.clock.ms, "unknown")


def test_another_run_goes_on_from_the_last_head(office: Office, rows: Rows, tmp_path: Path) -> None:
    """After a restart with more entries the next head covers all; one that was not recorded is recorded again."""
    rows.add(5)
    office.look()
    rows.run("DELETE FROM ledger_checkpoints")
    rows.add(2)
    again = Office(rows, tmp_path)
    assert head_of(again.look())[0] == 5
    assert len(rows.notes()) == 1
    assert head_of(again.look(at_once=True)) == (7, rows.roots()[7])
    assert again.alarms == set()


def test_while_decide_replays_nothing_is_signed_and_nothing_refused(office: Office, rows: Rows, tmp_path: Path) -> None:
    """Yesterday's state with today's journal: it waits until the same entries are there again, then goes on."""
    rows.add(5)
    office.look()
    restored = Rows(tmp_path / "restored.sqlite3")
    restored.add(3)
    again = Office(restored, tmp_path)
    again.replayed = False
    assert again.look(at_once=True) is None
    assert again.alarms == set()
    restored.add(4)
    again.replayed = True
    assert head_of(again.look(at_once=True)) == (7, restored.roots()[7])
    assert again.alarms == set()


def test_an_older_state_is_not_signed(office: Office, rows: Rows, tmp_path: Path) -> None:
    """Yesterday's state without today's journal: fewer entries than were signed, so it refuses, with an alarm."""
    rows.add(5)
    office.look()
    restored = Rows(tmp_path / "restored.sqlite3")
    restored.add(3)
    again = Office(restored, tmp_path)
    assert again.look(at_once=True) is None
    assert again.alarms == {"ledger_fork"}
    assert "there are 3" in again.notary.words
    restored.add(7)
    assert again.look(at_once=True) is None
    assert restored.notes() == []


def test_another_past_is_not_signed(office: Office, rows: Rows, tmp_path: Path) -> None:
    """A state with as many entries, but others, is refused."""
    rows.add(5)
    office.look()
    other = Rows(tmp_path / "other.sqlite3")
    other.add(9, note="something else")
    again = Office(other, tmp_path)
    assert again.look(at_once=True) is None
    assert "not those" in again.notary.words


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("UPDATE ledger_entries SET bytes = x'7b7d' WHERE idx = 6", "entry 6: its bytes"),
        ("UPDATE ledger_entries SET leaf = zeroblob(32) WHERE idx = 6", "entry 6: its bytes"),
        ("DELETE FROM ledger_entries WHERE idx = 6", "entry 6 is missing"),
        ("UPDATE ledger_nodes SET hash = zeroblob(32) WHERE level = 2 AND idx = 1", "level 2 over entries 4 to 7"),
        ("DELETE FROM ledger_nodes WHERE level = 2 AND idx = 1", "level 2 over entries 4 to 7"),
        ("DELETE FROM ledger_entries WHERE idx >= 4", "now there are 4"),
    ],
)
def test_what_was_changed_before_it_was_signed_is_not_signed(office: Office, rows: Rows, harm: str, words: str) -> None:
    """Between commit and signature nobody can slip in other bytes or hashes."""
    rows.add(5)
    office.look()
    rows.add(3)
    rows.run(harm)
    assert head_of(office.look(at_once=True))[0] == 5
    assert words in office.notary.words
    assert office.alarms == {"ledger_fork"}


@pytest.mark.parametrize("harm", ["", "no note", "\n\n", "cut"])
def test_a_head_file_that_cannot_be_read_is_no_reason_to_sign(
    office: Office, rows: Rows, tmp_path: Path, harm: str
) -> None:
    """Whatever was done to the file, it never lets the notary begin anew."""
    rows.add(5)
    office.look()
    office.file.write_text(office.file.read_text(encoding="utf-8")[:-9] if harm == "cut" else harm, encoding="utf-8")
    again = Office(rows, tmp_path)
    assert again.look(at_once=True) is None
    assert again.alarms == {"ledger_fork"}


def test_without_the_file_the_heads_on_record_count(office: Office, rows: Rows, tmp_path: Path) -> None:
    """The file is lost: signing goes on from the newest head of the state, and the log says what that means."""
    rows.add(5)
    office.look()
    office.file.unlink()
    rows.add(1)
    with structlog.testing.capture_logs() as told:
        assert head_of(Office(rows, tmp_path).look(at_once=True)) == (6, rows.roots()[6])
    assert ["is gone" in one["event"] for one in told] == [True]


def test_a_name_that_was_only_changed_in_the_settings_is_refused(office: Office, rows: Rows, tmp_path: Path) -> None:
    """A ledger is not renamed by a line of configuration."""
    rows.add(5)
    office.look()
    again = Office(rows, tmp_path, origin="test.example/ledger/2")
    assert again.look(at_once=True) is None
    assert "was signed as test.example/ledger/1" in again.notary.words


def test_a_new_origin_that_cites_the_last_head_is_the_way_out(office: Office, rows: Rows, tmp_path: Path) -> None:
    """After a refusal an entry of kind origin is made: from then on heads are signed under its name, the alarm ends."""
    rows.add(5)
    office.look()
    old = office.file.read_text(encoding="utf-8")
    restored = Rows(tmp_path / "restored.sqlite3")
    restored.add(3)
    again = Office(restored, tmp_path)
    again.look(at_once=True)
    assert again.alarms == {"ledger_fork"}
    args = {"origin": "test.example/ledger/2", "reason": "the disk was restored", "old_head": old}
    body = origin_body(args, restored.frontier.size, restored.frontier.root())
    restored.add(kind="origin", entity="ledger", **body)
    found = again.look(at_once=True)
    assert found is not None
    assert (found.head.origin, found.head.size) == ("test.example/ledger/2", 4)
    assert again.alarms == set()
    restored.add(2)
    later = Office(restored, tmp_path)
    assert head_of(later.look(at_once=True)) == (6, restored.roots()[6])
    assert later.alarms == set()


def test_an_origin_that_cites_another_head_is_no_way_out(office: Office, rows: Rows, tmp_path: Path) -> None:
    """Whoever opens a new name must name the head that was last signed."""
    rows.add(5)
    office.look()
    early = office.file.read_text(encoding="utf-8")
    rows.add(5)
    office.look()
    body = origin_body({"origin": "test.example/ledger/2", "reason": "r", "old_head": early}, 10, rows.frontier.root())
    rows.add(kind="origin", entity="ledger", **body)
    again = Office(rows, tmp_path)
    assert again.look(at_once=True) is None
    assert again.alarms == {"ledger_fork"}


def test_a_disk_that_is_full_only_puts_the_signature_off(
    office: Office, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No head without its file: nothing is recorded while the file cannot be written, and all of it afterwards."""
    rows.add(5)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(office.notary._disk, "replace", full)
        assert office.look() is None
    assert rows.notes() == []
    assert head_of(office.look())[0] == 5
    assert office.alarms == set()
