"""Draft a migration from the difference between gateway/state.py and the newest migration.

Usage: python scripts/migration.py "what changes"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from gateway.database import open_state, upgrade
from gateway.migrations.apply import configuration


def main(message: str) -> None:
    """Write the next numbered file below gateway/migrations/versions."""
    config = configuration()
    config.set_main_option("file_template", "m%%(rev)s_%%(slug)s")
    count = len(list(ScriptDirectory.from_config(config).walk_revisions()))
    with tempfile.TemporaryDirectory() as folder:
        engine = open_state(Path(folder) / "state.sqlite3")
        if count:
            upgrade(engine)
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True, rev_id=f"{count + 1:04d}")
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
