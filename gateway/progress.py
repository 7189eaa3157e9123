"""How far decisions have come, read from the state of an installation that another process may hold."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def known_durable(state: Path) -> int:
    """The highest journal offset that any cursor in the state file is past: it was on disk once. -1 = none.

    Nothing is written and no lock is kept. A state that cannot be read proves nothing, so it counts as none.
    """
    if not state.exists():
        return -1
    try:
        with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            (found,) = connection.execute("SELECT max(offset) FROM cursors").fetchone()
    except sqlite3.Error:
        return -1
    return -1 if found is None else int(found)
