"""The store for installations without a time-series server: DuckDB in one file, written column by column.

Readings, cursor and totals are committed in one transaction, so after a crash the cursor says exactly what is in.
Tables: ``readings_<kind>`` (see ``gateway.store.columns``), ``custody`` and ``alert`` (mirrors of the state), and
``store_state``, one row: cursor, totals, what the last batch parked.
There is no key on purpose: it costs 80 us a message where an insert costs 5 (docs/stores.md).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import msgspec
import numpy as np

from gateway.errors import StartError
from gateway.store.base import Item, RetryError, StoredReading, StoreParked, StoreStats
from gateway.store.columns import ALERT, BASE, CUSTODY, Batch, Columns
from gateway.store.embedded_read import quote, readings, select
from gateway.store.late import Identity, LateValue, kept_of, late_values, parked_of, settle, totals

#: Version of the tables; a file of a newer one is not touched.
LAYOUT = 1
_PREFIX = "readings_"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "128MB",
    "threads": 1,
    # Nothing is fetched from anywhere while the gateway runs.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_parked_json = msgspec.json.Decoder(list[StoreParked])


class EmbeddedStore:
    """A ``TimeSeriesStore`` in the DuckDB file ``path``."""

    name = "embedded"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._base: duckdb.DuckDBPyConnection | None = None
        self._writer: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        #: Held while the file changes.
        self._changing = threading.RLock()
        self._tables: dict[str, dict[str, str]] = {}
        self._stats = StoreStats()
        self._parked: list[StoreParked] = []

    def open(self) -> None:
        """See ``TimeSeriesStore.open``."""
        try:
            self._connect()
            self.path.chmod(0o600)
        except duckdb.Error as error:
            self.close()
            raise StartError(_start_words(self.path, str(error))) from error

    def stats(self) -> StoreStats:
        """See ``TimeSeriesStore.stats``."""
        return self._stats

    def last_parked(self) -> list[StoreParked]:
        """See ``TimeSeriesStore.last_parked``."""
        return self._parked

    def write(self, items: Sequence[Item], cursor: int) -> list[StoreParked]:
        """See ``TimeSeriesStore.write``. After a failed transaction the file is opened anew by the next call."""
        try:
            with self._changing:
                if self._writer is None:
                    self._connect()
                if cursor <= self._stats.cursor:
                    return self._parked if cursor == self._stats.cursor else []
                return self._commit(items, cursor)
        except duckdb.Error as error:
            self.close()
            raise RetryError(f"{self.path}: {_line(str(error))}", after=2.0) from error

    def read(
        self,
        *,
        device: str,
        point: str | None,
        parameter: str | None,
        start: int,
        end: int,
        limit: int,
        after: int = -1,
    ) -> list[StoredReading]:
        """See ``TimeSeriesStore.read``."""
        if limit <= 0:
            return []
        with self._lock:
            if self._base is None:
                raise RetryError(f"{self.path} is not open", after=2.0)
            tables = self._tables
            cursor = self._base.cursor()
        found: list[StoredReading] = []
        try:
            for table, columns in tables.items():
                parameters = [name for name, kind in columns.items() if kind == "DOUBLE" and parameter in {None, name}]
                if parameters and table.startswith(_PREFIX):
                    query, values = select(table, columns, parameters, point, after + 1 + limit)
                    values |= {"device": device, "start": start, "end": end}
                    for row in cursor.execute(query, values).fetchall():
                        found += readings(device, parameters, row)
        finally:
            cursor.close()
        found.sort(key=lambda one: (one.ts, one.parameter, one.point))
        return found[after + 1 : after + 1 + limit]

    def copy(self, folder: Path) -> int:
        """Copy the file as it is between two writes, log beside it, to ``folder``; from any thread.

        Returns the cursor of the copy. Writes wait meanwhile, and readings in the journal. Raises OSError.
        """
        with self._changing:
            for name in (self.path.name, f"{self.path.name}.wal"):
                source, target = self.path.with_name(name), folder / name
                target.unlink(missing_ok=True)
                if source.exists():
                    target.touch(mode=0o600)
                    shutil.copyfile(source, target)
            return self._stats.cursor

    def close(self) -> None:
        """See ``TimeSeriesStore.close``."""
        with self._changing, self._lock:
            for connection in (self._writer, self._base):
                if connection is not None:
                    connection.close()
            self._writer = self._base = None

    def _connect(self) -> None:
        base = duckdb.connect(str(self.path), config=_CONFIG)
        writer = base.cursor()
        with self._lock:
            self._base, self._writer = base, writer
        writer.execute("CREATE TABLE IF NOT EXISTS layout (version INTEGER)")
        if (found := writer.execute("SELECT max(version) FROM layout").fetchone()) and found[0] is not None:
            if found[0] > LAYOUT:
                self.close()
                raise StartError(f"{self.path}: a newer Hygeia wrote this store (layout {found[0]}); install that")
        else:
            writer.execute("INSERT INTO layout VALUES (?)", [LAYOUT])
        writer.execute(
            'CREATE TABLE IF NOT EXISTS store_state ("cursor" BIGINT, stored BIGINT, parked BIGINT, points BIGINT, '
            "points_conflict BIGINT, parked_json VARCHAR)"
        )
        self._know_tables()
        self._widen("custody", CUSTODY)
        self._widen("alert", ALERT)
        row = writer.execute("SELECT * FROM store_state").fetchone()
        if row is None:
            writer.execute("INSERT INTO store_state VALUES (-1, 0, 0, 0, 0, '[]')")
            row = (-1, 0, 0, 0, 0, "[]")
        self._stats = StoreStats(*row[:5])
        self._parked = _parked_json.decode(row[5])

    def _commit(self, items: Sequence[Item], cursor: int) -> list[StoreParked]:
        assert self._writer is not None
        late = late_values(items)
        settlement = settle(items, late, self._stored(late))
        batch = Batch(items, settlement.fresh)
        kept = kept_of(items, settlement)
        parked = parked_of(items, settlement, (), kept)
        conflicts = sum(len(one) for one in settlement.conflicts.values())
        after = totals(self._stats, items, cursor, parked, batch.points, conflicts)
        inserts = {}
        for kind, rows in batch.kinds.items():
            if rows.heads:
                columns, types = rows.columns()
                self._widen(_PREFIX + kind, BASE | types)
                inserts[_PREFIX + kind] = columns
        writer = self._writer
        writer.execute("BEGIN")
        for table, columns in (inserts | batch.events()).items():
            writer.register("batch", columns)
            writer.execute(f"INSERT INTO {quote(table)} BY NAME SELECT * FROM batch")  # noqa: S608 - quoted name
            writer.unregister("batch")
        writer.execute(
            'UPDATE store_state SET "cursor" = ?, stored = ?, parked = ?, points = ?, points_conflict = ?, '
            "parked_json = ?",
            [*msgspec.structs.astuple(after), msgspec.json.encode(parked).decode()],
        )
        writer.execute("COMMIT")
        self._stats, self._parked = after, parked
        return parked

    def _stored(self, late: Sequence[LateValue]) -> dict[Identity, float]:
        """What is stored of the identities of ``late``; one query a kind."""
        assert self._writer is not None
        found: dict[Identity, float] = {}
        for table in {_PREFIX + one.kind for one in late} & self._tables.keys():
            wanted = [one.identity for one in late if _PREFIX + one.kind == table]
            parameters = sorted({identity[2] for identity in wanted} & self._tables[table].keys())
            if not parameters:
                continue
            keys = sorted({(device, point, ts) for device, point, _, ts in wanted})
            self._writer.register("late", _key_columns(keys))
            names = ", ".join(f"r.{quote(name)}" for name in parameters)
            times = [ts for _, _, ts in keys]
            rows = self._writer.execute(
                f"SELECT r.device, r.point, r.ts, {names} FROM {quote(table)} r "  # noqa: S608 - quoted names
                "JOIN late USING (device, point, ts) WHERE r.ts BETWEEN ? AND ?",
                [min(times), max(times)],
            ).fetchall()
            self._writer.unregister("late")
            for device, point, ts, *values in rows:
                for parameter, value in zip(parameters, values, strict=True):
                    if value is not None:
                        found[device, point, parameter, ts] = value
        return found

    def _know_tables(self) -> None:
        assert self._writer is not None
        rows = self._writer.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'main'"
        ).fetchall()
        tables: dict[str, dict[str, str]] = {}
        for table, column, kind in rows:
            tables.setdefault(table, {})[column] = kind
        with self._lock:
            self._tables = tables

    def _widen(self, table: str, types: Mapping[str, str]) -> None:
        """Create the table or the columns that it lacks. Each stands by itself: an empty column harms nobody."""
        assert self._writer is not None
        have = self._tables.get(table, {})
        if have.keys() >= types.keys():
            return
        if not have:
            columns = ", ".join(f"{quote(name)} {kind}" for name, kind in types.items())
            self._writer.execute(f"CREATE TABLE IF NOT EXISTS {quote(table)} ({columns})")
        for name, kind in types.items() if have else ():
            if name not in have:
                self._writer.execute(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(name)} {kind}")
        with self._lock:
            self._tables = self._tables | {table: {**have, **types}}


def _key_columns(keys: Sequence[tuple[str, str, int]]) -> Columns:
    devices, points, times = zip(*keys, strict=True)
    return {"device": np.array(devices, object), "point": np.array(points, object), "ts": np.array(times, np.int64)}


def _line(words: str) -> str:
    return " ".join(words.split())[:300]


def _start_words(path: Path, words: str) -> str:
    """One line that says what to do, from the words of DuckDB."""
    if "lock" in words.lower():
        return f"{path} is in use by another process; stop that gateway or use another --data-dir ({_line(words)})"
    if "version" in words.lower() or "not a valid" in words.lower():
        return f"{path} is no store that this version reads; move it away or install that version ({_line(words)})"
    return f"{path} cannot be opened: {_line(words)}"
