"""A ledger that was restored from a backup is signed on only when somebody said how it goes on."""

from __future__ import annotations

from pathlib import Path

from custody.ledger.origin import origin_body
from gateway.doubt import Doubt, doubt_file, read_doubt, write_doubt
from gateway.journal.disk import Disk
from gateway.notary import ALARM
from tests.support.ledger_rows import Office, Rows

MADE = 1_772_323_200_000  # 2026-03-01T00:00:00Z


def test_nothing_is_signed_until_the_ledger_has_a_new_name(tmp_path: Path) -> None:
    """New entries stay without a head and the alarm stands; the new name, which cites the old head, ends it."""
    rows = Rows(tmp_path / "state.sqlite3")
    rows.add(3)
    last = Office(rows, tmp_path).look(at_once=True)
    assert last is not None
    restored = Office(rows, tmp_path, doubt=Doubt(MADE, 3, MADE + 1))
    rows.add(2)

    assert restored.look(at_once=True) is None
    assert "3 entries was restored from a backup of 2026-03-01T00:00:00+00:00" in restored.notary.words
    assert restored.alarms == {ALARM}
    args = {"origin": "test.example/ledger/2", "reason": "restored", "old_head": restored.file.read_text("utf-8")}
    rows.add(kind="origin", entity="ledger", **origin_body(args, rows.frontier.size, rows.frontier.root()))
    found = restored.look(at_once=True)

    assert found is not None
    assert (found.head.origin, found.head.size) == ("test.example/ledger/2", 6)
    assert restored.alarms == set()
    rows.engine.dispose()


def test_a_name_that_was_opened_before_the_backup_is_no_way_out(tmp_path: Path) -> None:
    """Only what was said after the restore counts."""
    rows = Rows(tmp_path / "state.sqlite3")
    rows.add(2)
    args = {"origin": "test.example/ledger/2", "reason": "another time", "old_head": None}
    rows.add(kind="origin", entity="ledger", **origin_body(args, rows.frontier.size, rows.frontier.root()))
    rows.add(2)
    restored = Office(rows, tmp_path, doubt=Doubt(MADE, 5, MADE + 1))

    assert restored.look(at_once=True) is None
    assert restored.alarms == {ALARM}
    rows.engine.dispose()


def test_the_mark_is_read_as_it_was_left_and_counts_when_it_is_damaged(tmp_path: Path) -> None:
    """A mark that somebody scribbled in is no reason to sign."""
    assert read_doubt(tmp_path) is None
    doubt_file(tmp_path).parent.mkdir()
    write_doubt(tmp_path, Doubt(MADE, 7, MADE + 1), Disk())
    assert read_doubt(tmp_path) == Doubt(MADE, 7, MADE + 1)
    doubt_file(tmp_path).write_text("{", encoding="utf-8")
    found = read_doubt(tmp_path)
    assert found is not None
    assert "take it away" in found.words()
