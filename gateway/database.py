"""The state database: SQLite in WAL mode with every commit on disk, and its migrations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

import sqlalchemy as sa

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
    try:
        with engine.connect() as connection:
            current = revision(connection)
            if current == newest_revision():
                return
            if current is not None and current not in _revisions():
                where = engine.url.database
                raise StartError(
                    f"{where}: a newer Hygeia wrote this state (migration {current}); install that version"
                )
            # Alembic takes half a second to load, and most starts find the tables as they should be.
            from gateway.migrations.apply import apply  # noqa: PLC0415 - see above

            apply(connection)
            connection.commit()
    except sa.exc.DatabaseError as error:
        raise StartError(f"{engine.url.database}: {error.orig}; see docs/operations.md, 'A damaged state'") from error


def revision(connection: sa.Connection) -> str | None:
    """Return the migration that the file is at, None when it has no tables yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def newest_revision() -> str:
    """Return the migration that this version of Hygeia needs."""
    return _revisions()[-1]


def _revisions() -> list[str]:
    """Every migration by its number; its file is ``m{number}_{what}.py``."""
    names = (entry.name for entry in (files("gateway.migrations") / "versions").iterdir())
    return sorted(name[1:].split("_", 1)[0] for name in names if name.startswith("m") and name.endswith(".py"))


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
