"""Whatever somebody changes in what the state says of containers, events and alerts has its own name in the check."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import Settings
from gateway.errors import StartError, UsageError
from gateway.installation import Installation
from gateway.journal.record import Kind
from gateway.state_check import check_installation
from tests.support.deciding import decided
from tests.support.evidence import frontier_of, sign_head
from tests.support.waste import HOUR, WasteScript


def key_of(folder: Path) -> Ed25519PrivateKey:
    """The installation's key, made where there is none."""
    installation = Installation(folder)
    installation.prepare()
    installation.create_keys()
    return installation.ledger_key()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of an installation with a clean chain, a container with an alert, and a signed head."""
    folder = tmp_path_factory.mktemp("whole")
    script = WasteScript()
    script.open_city()
    script.chain("MW1", "MW2")
    script.event("T-ward", "collect", "MW3", category="sharps", by={"badge": "9999"})
    script.now += 30 * HOUR
    script.other(Kind.TICK)
    script.other(Kind.TICK)
    done = decided(folder, script, "state")
    head = sign_head(done.engine, frontier_of(done.engine), key_of(folder), script.now)
    done.engine.dispose()
    (folder / "ledger").mkdir()
    (folder / "ledger" / "head").write_bytes(head)
    return folder


def checked(folder: Path) -> list[str]:
    """The kinds of all faults."""
    faults, _ = check_installation(Settings(data={"dir": folder}), lambda *_: None)
    return [one.kind for one in faults]


CHANGES = {
    "row_changed": "UPDATE custody_events SET step = 'dispose' WHERE event_id = 'T-ward-0001'",
    "row_without_entry entry_without_row": "UPDATE custody_events SET fact = ("
    "SELECT fact FROM custody_events WHERE event_id = 'T-ward-0001') WHERE event_id = 'T-ward-0002'",
    "entry_without_row": "DELETE FROM custody_events WHERE event_id = 'T-plant-0001'",
    "copy_missing": "DELETE FROM copies WHERE sha256 = (SELECT copy FROM custody_events WHERE event_id='T-ward-0001')",
    "copy_changed": "UPDATE copies SET bytes = x'7b7d' WHERE sha256 ="
    " (SELECT copy FROM custody_events WHERE event_id='T-ward-0001')",
    "row_unlinked": "DELETE FROM custody_links WHERE entity = 'vehicle:van-1'",
    "container_changed": "UPDATE containers SET net_g = 1 WHERE id = 'MW1'",
    "container_missing": "DELETE FROM containers WHERE id = 'MW2'",
    "container_surplus": "INSERT INTO containers (id, \"offset\", changed) VALUES ('MW9', 3, 3)",
    "manifest_changed": "UPDATE manifests SET net_g = 1",
    "manifest_missing": "DELETE FROM manifests",
    "transition_changed": "UPDATE transitions SET reason = 'x' WHERE rowid = (SELECT min(rowid) FROM transitions)",
    "entry_without_transition": "DELETE FROM transitions WHERE rowid = (SELECT max(rowid) FROM transitions)",
    "row_changed unread": "UPDATE custody_events SET fact = x'00' WHERE event_id = 'T-ward-0001'",
    "row_changed container_changed": "UPDATE custody_events SET fact = x'' WHERE event_id = 'T-ward-0001'",
    "unreadable": "UPDATE ledger_entries SET bytes = x'7b' WHERE idx IN (SELECT idx FROM ledger_entries"
    " WHERE kind IN ('alert', 'custody') GROUP BY kind)",
    "alert_missing": "DELETE FROM alerts WHERE rowid = (SELECT min(rowid) FROM alerts)",
    "alert_surplus": "DELETE FROM ledger_entries WHERE kind = 'alert'",
    "alert_changed": "UPDATE alerts SET state = 'shelved' WHERE rowid = (SELECT min(rowid) FROM alerts)",
}


def test_an_installation_that_nobody_touched_has_no_fault(whole: Path) -> None:
    """Ledger, events, bytes, containers, manifests and alerts follow from each other."""
    told: list[str] = []
    faults, size = check_installation(Settings(data={"dir": whole}), lambda what, *_: told.append(what))
    assert faults == []
    assert size > 20
    assert "entries" in told


@pytest.mark.parametrize(("named", "statement"), CHANGES.items(), ids=list(CHANGES))
def test_each_change_of_the_state_is_named(tmp_path: Path, whole: Path, named: str, statement: str) -> None:
    """One change in the database, the kinds by which it shows."""
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    connection = sqlite3.connect(folder / "state.sqlite3")
    assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()
    found = set(checked(folder))
    assert set(named.split()) <= found, found


@pytest.mark.parametrize(
    "change",
    [
        *("severity = 'notice'", "value = 7.5", "limit_value = 1", "unit = 'hosp-9'", "point = 'MW9'", "rule = 'x'"),
        *("fired_at = fired_at - 100000", "closed_at = 5", "acknowledged_by = 'p-gate'", "acknowledged_at = 5"),
        *("cleared_at = 5", "pack_digest = ''", '"offset" = 4'),
    ],
)
def test_whatever_is_changed_in_an_alert_is_named(tmp_path: Path, whole: Path, change: str) -> None:
    """All that its entries in the ledger say of it."""
    folder = tmp_path / "data"
    shutil.copytree(whole, folder)
    connection = sqlite3.connect(folder / "state.sqlite3")
    connection.execute(f"UPDATE alerts SET {change} WHERE rowid = (SELECT min(rowid) FROM alerts)")
    connection.commit()
    connection.close()
    assert checked(folder) == ["alert_changed"]


def test_it_changes_nothing_and_needs_an_installation(tmp_path: Path, whole: Path) -> None:
    """A folder without a state is wrong use; a file that is no database is told as damaged."""
    before = (whole / "state.sqlite3").read_bytes()
    assert checked(whole) == []
    assert (whole / "state.sqlite3").read_bytes() == before
    with pytest.raises(UsageError, match="no installation here"):
        checked(tmp_path)
    shutil.copytree(whole, tmp_path / "broken")
    for name in ("state.sqlite3-wal", "state.sqlite3-shm"):
        (tmp_path / "broken" / name).unlink(missing_ok=True)
    (tmp_path / "broken" / "state.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(StartError, match="A damaged state"):
        checked(tmp_path / "broken")
