"""Recorded data as journal records for a trial (``gateway.drive.backtest``): a journal, or a CSV file with its map."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from devices.files import Document, MapFile, changes_of
from devices.registry import Registry
from gateway.decide.history import load_registry
from gateway.drive.firings import DAY_MS
from gateway.drive.replay import rows
from gateway.errors import UsageError
from gateway.installation import Installation
from gateway.journal import segment
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, Record, json_body, message_body, origin, parse_json
from gateway.progress import known_durable

#: Topics of the messages that a CSV file becomes.
ROOT = "hygeia/v1"
#: A journal is read from so long before ``--from``, so that what stands then has begun.
WARM_UP_MS = DAY_MS
#: Between two rows of a CSV file time is looked at when something is due and as often as this: well below the gap
#: (``gateway.decide.fold.GAP_MS``) after which a gateway was down.
_TICK_MS = 60_000
_SECOND_MS = 1000
#: Records that a trial leaves out: outcomes of notices and alarms of the gateway itself.
_SKIPPED = frozenset({Kind.DELIVERY, Kind.ALARM})

#: Tells the journal time at which something may happen without a message (inf = never).
Due = Callable[[], float]


class Window:
    """The time that is looked at, ``start`` to ``end`` (exclusive), and what of it there were data for; ms."""

    def __init__(self, start: int | None, end: int | None) -> None:
        self.start, self.end = start, end
        self.first: int | None = None
        self.last: int | None = None

    def holds(self, at: int) -> bool:
        """Whether a time is looked at."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)

    def saw(self, at: int) -> None:
        """There was a record at a time that is looked at."""
        self.first = at if self.first is None else self.first
        self.last = at

    @property
    def bounds(self) -> tuple[int, int]:
        """(from, to) of the report: as asked for, else the first record and the one after the last."""
        first, last = self.first or 0, self.last or 0
        return (first if self.start is None else self.start), (last + 1 if self.end is None else self.end)


class Source(msgspec.Struct):
    """Records in order, the registry as of before the first, how many records there are (None = not known)."""

    records: Callable[[Due], Iterator[Record]]
    registry: Registry
    count: int | None
    root: str


def start_body(routing: str, zone: str) -> dict[str, Any]:
    """What a START record says of a gateway that tells nobody."""
    return {"type": "start", "version": "backtest", "channels": [], "routing": routing, "time_zone": zone}


def of_journal(installation: Installation, root: str, start: dict[str, Any], window: Window) -> Source:
    """The records that are decided so far and still kept, also while the gateway runs. Raises UsageError."""
    last = known_durable(installation.state)
    kept = [one for one in segment.listing(installation.journal) if one.first <= last]
    if not kept:
        raise UsageError(f"{installation.folder}: no record is decided yet; allowed: --csv FILE --map MAP")
    first = kept[0].first
    if window.start is not None:
        early = [one.first for one in kept if segment.created_of(one) <= window.start - WARM_UP_MS]
        first = early[-1] if early else first
    registry = Registry(root)
    if first > 0:
        engine = sa.create_engine("sqlite://", creator=lambda: _read_only(installation.state))
        try:
            load_registry(registry, engine, first - 1)
        finally:
            engine.dispose()

    def records(_: Due) -> Iterator[Record]:
        return _journaled(installation.journal, first, last, start, window)

    return Source(records, registry, last + 1 - first, root)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)


def _journaled(folder: Path, first: int, last: int, start: dict[str, Any], window: Window) -> Iterator[Record]:
    reader = Reader(folder)
    try:
        at = first
        while at <= last and (records := reader.read(at, end=last)):
            if at == first > 0:
                # What was said before the oldest record kept: absence is judged from here on.
                yield Record(first - 1, records[0].time, Kind.START, json_body(start))
                yield Record(first - 1, records[0].time, Kind.CAUGHT_UP, json_body({"type": "caught_up"}))
            for record in records:
                if window.end is not None and record.time >= window.end:
                    return
                kept = _without_people(record)
                if kept is not None:
                    yield kept
            at = records[-1].offset + 1
    finally:
        reader.close()


def _without_people(record: Record) -> Record | None:
    """A record as trials take it: without packs and channels of its own; None for what they leave out."""
    if record.kind in _SKIPPED:
        return None
    if record.kind == Kind.COMMAND:
        return record if str(parse_json(record.body).get("command", "")).startswith("maintenance.") else None
    if record.kind != Kind.START:
        return record
    body = {name: value for name, value in parse_json(record.body).items() if name != "packs"}
    return record._replace(body=json_body(body | {"channels": []}))


def of_csv(
    path: Path, mapping: MapFile, document: Document, start: dict[str, Any], skipped: Callable[[str], None]
) -> Source:
    """The rows of a CSV file as messages of its device, received at their own time; time passes between them.

    ``document`` is what the map file registers; ``skipped`` hears of rows without a time or a value. The gateway
    hears its broker from before the first row.
    """
    changes = [msgspec.to_builtins(change) for change in changes_of(document, Registry(ROOT))]
    where = origin("backtest", "", "", mapping.device)
    topic = f"{ROOT}/_/{mapping.device}/up/telemetry".encode()

    def records(due: Due) -> Iterator[Record]:
        offset, now = 0, -1
        for row in rows(path, mapping, skipped):
            if not offset:
                now = row.at
                yield Record(0, now, Kind.START, json_body(start))
                yield Record(1, now, Kind.REGISTRY, json_body({"type": "registry", "changes": changes, "file": ""}))
                yield Record(2, now, Kind.CAUGHT_UP, json_body({"type": "caught_up"}))
                offset = 3
            for at in _ticks(now, row.at, due):
                yield Record(offset, at, Kind.TICK, json_body({"type": "tick"}))
                offset += 1
            # Journal time never runs back; a row from before the last one is late.
            now = max(now, row.at)
            yield Record(offset, now, Kind.MESSAGE, message_body(1, offset & 0xFFFF, where, topic, b"", row.payload))
            offset += 1

    return Source(records, Registry(ROOT), None, ROOT)


def _ticks(now: int, until: int, due: Due) -> Iterator[int]:
    """Times between two rows at which something may happen, and so many that nobody thinks the gateway was down."""
    while True:
        wanted = due()
        now = max(now + _SECOND_MS, int(wanted) + 1) if now < wanted < now + _TICK_MS else now + _TICK_MS
        if now >= until:
            return
        yield now
