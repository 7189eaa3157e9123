"""The state database: SQLite in WAL mode with every commit on disk, and its migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.errors import StartError

#: How long a transaction waits for another writer of the same file.
BUSY_MS = 10_000


def open_state(path: Path) -> sa.Engine:
    """Return an engine for the SQLite file ``path``, which is created on first use; usable from any thread.

    ``engine.begin()`` takes the write lock at its first write; a transaction that reads before it writes must use
    ``writing(engine)``, else SQLite refuses it when another writer was faster.
    """
    engine = sa.create_engine(f"sqlite:///{path}")
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Run a transaction that holds the write lock from its start, so what it reads stays true until it commits."""
    with engine.connect().execution_options(write_lock=True) as connection, connection.begin():
        yield connection


def upgrade(engine: sa.Engine) -> None:
    """Bring the tables to this version. Raises StartError where a newer version wrote the file, or it is unusable."""
    scripts = _scripts()
    try:
        with engine.connect() as connection:
            current = revision(connection)
            if current == scripts.get_current_head():
                return
            if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
                raise StartError(
                    f"{engine.url.database}: a newer Hygeia wrote this state (migration {current}); install that"
                )
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except sa.exc.DatabaseError as error:
        raise StartError(f"{engine.url.database}: {error.orig}; see docs/operations.md, 'A damaged state'") from error


def revision(connection: sa.Connection) -> str | None:
    """Return the migration that the file is at, None when it has no tables yet."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Return the migration that this version of Hygeia needs."""
    return _scripts().get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _prepare(connection: SqliteConnection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's pool record
    # Transactions are begun by _begin alone: the driver's own begin comes too late for reads.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    locked = connection.get_execution_options().get("write_lock", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if locked else "BEGIN")
