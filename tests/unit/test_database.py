"""The state database: durable pragmas, migrations that make the tables of gateway.state, one writer at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway.database import newest_revision, open_state, revision, upgrade, writing
from gateway.errors import StartError
from gateway.state import counters, metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An upgraded state."""
    engine = open_state(tmp_path / "state.sqlite3")
    upgrade(engine)
    yield engine
    engine.dispose()


def test_migrations_make_the_tables_of_the_model(engine: sa.Engine) -> None:
    """The newest migration and gateway/state.py agree; if not, 'make migration' drafts what is missing."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert revision(connection) == newest_revision()


def test_upgrading_twice_changes_nothing(engine: sa.Engine) -> None:
    """A second upgrade keeps the data."""
    with engine.begin() as connection:
        connection.execute(counters.insert().values(name="journaled", value=3))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.select(counters.c.value)).scalar_one() == 3


def test_every_connection_is_durable(engine: sa.Engine) -> None:
    """WAL, synchronous FULL, foreign keys and a time-out hold on each connection of the pool."""
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            found = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_reader_sees_one_state_while_a_writer_commits(engine: sa.Engine) -> None:
    """Two reads of one transaction agree though a writer committed between them."""
    with engine.connect() as reader:
        count = sa.select(sa.func.count()).select_from(counters)
        before = reader.execute(count).scalar_one()
        with writing(engine) as writer:
            writer.execute(counters.insert().values(name="a", value=1))
        assert reader.execute(count).scalar_one() == before
    with engine.connect() as reader:
        assert reader.execute(count).scalar_one() == before + 1


def test_read_then_write_of_many_threads_loses_no_update(engine: sa.Engine) -> None:
    """Threads that read a counter and write it plus one under ``writing`` never overwrite each other."""
    with writing(engine) as connection:
        connection.execute(counters.insert().values(name="n", value=0))

    def add() -> None:
        for _ in range(10):
            with writing(engine) as connection:
                value = connection.execute(sa.select(counters.c.value)).scalar_one()
                connection.execute(counters.update().values(value=value + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.execute(sa.select(counters.c.value)).scalar_one() == 40


def test_a_failed_write_leaves_nothing(engine: sa.Engine) -> None:
    """An exception inside ``writing`` takes everything back."""
    row = counters.insert().values(name="a", value=1)
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(sa.insert(counters), [{"name": "a", "value": 1}, {"name": "a", "value": 2}])
    with pytest.raises(LookupError), writing(engine) as connection:  # noqa: PT012 - the error comes after the write
        connection.execute(row)
        raise LookupError
    with engine.connect() as connection:
        assert connection.execute(sa.select(counters)).all() == []


def test_the_state_of_a_newer_version_is_refused(engine: sa.Engine) -> None:
    """An unknown migration is one line that says to install the newer version, and nothing is touched."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match=r"newer Hygeia wrote this state \(migration 9999\)"):
        upgrade(engine)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Other bytes under the state's name are one line, not a traceback."""
    file = tmp_path / "state.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StartError, match=r"state\.sqlite3: .*not a database"):
        upgrade(open_state(file))
