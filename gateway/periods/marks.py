"""What is worked out, what has to be worked out again, and how both stay true through crashes.

``period_marks`` holds, each in ms since 1970 UTC but for the offsets:

- ``periods``: 5-minute windows that end at or before it are worked out;
- ``periods.begun``: the same, or further: the end of the windows that are being worked out. It is written before the
  readings are read, so that whatever comes in meanwhile is marked stale by the store and nothing falls between;
- ``periods.since``: the first window of all;
- ``periods.registry``, ``periods.sessions``: offsets up to which changes of the registry and sessions are considered.

A row of ``periods_stale`` says that the windows from ``start`` to ``until`` have to be worked out again, however many:
a change that reaches back a year is one row. ``due`` says that it is not readings alone that changed. Its ``cursor``
grows whenever it is written again; whoever worked windows out takes them from the row only with the cursor that was
there before the readings were read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway.periods.book import KINDS
from gateway.periods.windows import WINDOW_MS, window_of, windows
from gateway.state.figures import period_marks, periods_stale
from gateway.store.base import Item, Telemetry

DONE, BEGUN, SINCE = "periods", "periods.begun", "periods.since"
REGISTRY, SESSIONS = "periods.registry", "periods.sessions"
#: All devices of a kind.
EVERY = "*"
#: More devices than this in one window are all devices.
MANY = 64
#: Windows asked for in one statement.
_NAMED = 500
#: (kind, start, until): windows of a kind, in a row.
Stretch = tuple[str, int, int]


class Stale(NamedTuple):
    """A row of ``periods_stale``."""

    kind: str
    start: int
    device: str
    until: int
    due: bool
    cursor: int


def read_marks(connection: sa.Connection) -> dict[str, int]:
    """All marks by name."""
    return {row.name: int(row.upto) for row in connection.execute(sa.select(period_marks))}


def write_marks(connection: sa.Connection, marks: Mapping[str, int]) -> None:
    """Set marks."""
    statement = upsert(period_marks)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"upto": statement.excluded.upto})
    connection.execute(statement, [{"name": name, "upto": upto} for name, upto in marks.items()])


def mark_touched(connection: sa.Connection, items: Iterable[Item], cursor: int) -> None:
    """Mark the windows stale that a batch of the store touched after they were begun; in the transaction of its cursor.

    On the live path this is one question a batch and one comparison a reading.
    """
    begun = connection.scalar(sa.select(period_marks.c.upto).where(period_marks.c.name == BEGUN))
    if begun is None:
        return
    touched: dict[Stretch, set[str]] = {}
    for item in items:
        if type(item) is Telemetry:
            for row in item.rows:
                if row.ts < begun and item.tags.kind in KINDS:
                    window = window_of(row.ts)
                    touched.setdefault((item.tags.kind, window, window + WINDOW_MS), set()).add(item.tags.device)
    if touched:
        _put(connection, touched, cursor, due=False)


def mark_stale(
    connection: sa.Connection, kind: str, start: int, end: int, devices: Collection[str] | None = None, *, due: bool
) -> None:
    """Have the windows that overlap ``start`` <= t < ``end`` (ms) worked out again, as far as they are worked out.

    ``kind`` is one of ``book.KINDS``, ``devices`` None = all of them. ``due``: what was due too, else only what came of
    it. Call it in a transaction, after what it is about was written.
    """
    begun = read_marks(connection).get(BEGUN)
    if begun is not None:
        mark_ahead(connection, kind, start, min(end, begun), {EVERY} if devices is None else set(devices), due=due)


def mark_ahead(
    connection: sa.Connection, kind: str, start: int, end: int, devices: set[str], *, due: bool = True
) -> None:
    """The same; windows that are not worked out yet are worked out again, or at all, as soon as they are over."""
    found = windows(start, end)
    if found and devices:
        _put(connection, {(kind, found[0], found[-1] + WINDOW_MS): devices}, 0, due=due)


def _put(connection: sa.Connection, touched: Mapping[Stretch, set[str]], cursor: int, *, due: bool) -> None:
    crowded = _crowded(connection, touched)
    rows: list[dict[str, str | int]] = []
    gone: list[dict[str, str | int]] = []
    for (kind, start, until), devices in touched.items():
        if EVERY in devices or len(devices) + crowded.get((kind, start), 0) > MANY:
            gone.append({"k": kind, "s": start, "u": until, "d": due})
            devices = {EVERY}  # noqa: PLW2901 - all of them, then
        rows += [Stale(kind, start, device, until, due, cursor)._asdict() for device in devices]
    table = periods_stale
    if gone:
        same = (table.c.kind == sa.bindparam("k"), table.c.start == sa.bindparam("s"))
        less = (table.c.until <= sa.bindparam("u"), table.c.due <= sa.bindparam("d"), table.c.device != EVERY)
        one = sa.and_(*same, *less)
        connection.execute(sa.delete(table).where(one), gone)
    _upsert(connection, rows)


def _upsert(connection: sa.Connection, rows: Sequence[Mapping[str, str | int]]) -> None:
    table = periods_stale
    statement = upsert(table)
    newer = {
        "cursor": sa.func.max(table.c.cursor + 1, statement.excluded.cursor),
        "until": sa.func.max(table.c.until, statement.excluded.until),
        "due": sa.func.max(table.c.due, statement.excluded.due),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["kind", "start", "device"], set_=newer), rows)


def _crowded(connection: sa.Connection, touched: Iterable[Stretch]) -> dict[tuple[str, int], int]:
    """How many rows stand already by (kind, start); one of all devices counts as too many."""
    table = periods_stale
    weight = sa.func.sum(sa.case((table.c.device == EVERY, MANY), else_=1))
    found: dict[tuple[str, int], int] = {}
    starts: dict[str, set[int]] = {}
    for kind, start, _ in touched:
        starts.setdefault(kind, set()).add(start)
    for kind, named in starts.items():
        wanted = sorted(named)
        for at in range(0, len(wanted), _NAMED):
            some = wanted[at : at + _NAMED]
            query = (
                sa.select(table.c.start, weight)
                .where(table.c.kind == kind, table.c.start.in_(some))
                .group_by(table.c.start)
            )
            found |= {(kind, int(start)): int(n) for start, n in connection.execute(query)}
    return found


def next_stale(connection: sa.Connection, done: int, span: int, most: int) -> list[Stale]:
    """The newest rows of one kind that begin within ``span`` ms, about ``most`` of them; empty = none at all.

    Newest first, so that what came late yesterday does not wait for a change that reaches back a year. Windows from
    ``done`` on are left: nobody has worked them out yet.
    """
    table = periods_stale
    newest = sa.select(table).where(table.c.start < done).order_by(table.c.start.desc(), table.c.kind).limit(1)
    first = connection.execute(newest).first()
    if first is None:
        return []
    start = int(first.start)
    query = (
        sa.select(table)
        .where(table.c.kind == first.kind, table.c.start <= start, table.c.start > start - span)
        .order_by(table.c.start.desc())
        .limit(most)
    )
    rows = [
        Stale(row.kind, int(row.start), row.device, int(row.until), row.due, int(row.cursor))
        for row in connection.execute(query)
    ]
    if len(rows) == most and rows[-1].start != start:
        rows = [row for row in rows if row.start > rows[-1].start]
    return rows


def settle_stale(connection: sa.Connection, rows: Mapping[Stale, int]) -> None:
    """Take the windows before a time (ms) from each row that was not written again meanwhile."""
    table = periods_stale
    one = sa.and_(*(table.c[name] == sa.bindparam(f"b_{name}") for name in Stale._fields))
    connection.execute(
        sa.delete(table).where(one), [{f"b_{key}": value for key, value in row._asdict().items()} for row in rows]
    )
    rest = [row._replace(start=upto)._asdict() for row, upto in rows.items() if row.until > upto]
    if rest:
        _upsert(connection, rest)


def count_stale(connection: sa.Connection) -> int:
    """How many windows wait to be worked out again (each with one device or all); those that are to come do not."""
    done = read_marks(connection).get(DONE, 0)
    table = periods_stale
    waiting = sa.func.sum(sa.func.min(table.c.until, done) - table.c.start)
    return int(connection.scalar(sa.select(waiting).where(table.c.start < done)) or 0) // WINDOW_MS
