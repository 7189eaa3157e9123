"""The counters of the report that no journal record holds."""

from __future__ import annotations

from pathlib import Path

from gateway.database import open_state, upgrade
from gateway.report import keep_redelivered, redelivered_before


def test_redelivered_messages_are_counted_over_restarts(tmp_path: Path) -> None:
    """What the wire brought twice is no record of the journal; its total is kept in the state."""
    engine = open_state(tmp_path / "state.sqlite3")
    upgrade(engine)
    assert redelivered_before(engine) == 0
    keep_redelivered(engine, 7)
    keep_redelivered(engine, 9)
    assert redelivered_before(engine) == 9
    engine.dispose()
