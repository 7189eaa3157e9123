"""Compares the journal with InfluxDB and sends what is missing there, with the tags of that time.

It works beside a running gateway or without one: journal and state are only read (but for the marks of windows whose
figures have to be worked out again), and records that the store has not passed yet are left to it. A range is one of
receive times: whatever the database lost was received some time, and a restored backup lacks exactly what was received
since. The journal is read a few thousand records at a time, so memory does not grow with the range.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from gateway import state
from gateway.database import writing
from gateway.errors import HygeiaError, RecordGoneError
from gateway.journal import segment
from gateway.journal.reader import Reader
from gateway.journal.record import Record
from gateway.periods.book import KINDS
from gateway.periods.marks import mark_stale
from gateway.reconcile_points import Compared, Comparison, Difference, Lack, Refused, statements
from gateway.rederive import Rederive
from gateway.store.base import Item
from gateway.store.influx import InfluxStore, stored_upto
from gateway.store.influx_link import InfluxLink, Target
from gateway.store.influx_query import Found, identifier, seconds_of
from gateway.store.influx_write import Backoff, UnwrittenError

#: Bytes of journal compared at a time, some 20,000 messages; lines in one request; statements in one.
_CHUNK = 4 << 20
_LINES = 2500
_STATEMENTS = 50
#: Attempts at one request before giving up: some two minutes.
_TRIES = 8
_MOST_NAMED = 100
_HOUR = 3_600_000
_Result = TypeVar("_Result")


class Progress(msgspec.Struct):
    """How far it is: journal time (ms) of the last record compared, and what was found so far."""

    at: int
    compared: int
    missing: int
    sent: int


class Report(msgspec.Struct):
    """What was found and done; counts are values and event points.

    ``refused``: by the store then (parked, not sent) or by the server now. ``expired``: older than the retention.
    ``held_from`` (ms): the journal holds nothing before it, so nothing before it was compared; None = all was.
    ``waiting``: records that the store has not passed yet. ``different`` are left as they are, the first are named.
    """

    start: int
    end: int
    compared: int = 0
    missing: int = 0
    sent: int = 0
    different: int = 0
    refused: int = 0
    expired: int = 0
    held_from: int | None = None
    waiting: int = 0
    differences: list[Difference] = msgspec.field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The report as ``--json`` prints it: ``start`` and ``end`` are called ``from`` and ``to``."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {"from": found.pop("start"), "to": found.pop("end")} | found


def reconcile(
    journal: Path,
    engine: sa.Engine,
    root: str,
    target: Target,
    *,
    start: int,
    end: int,
    dry_run: bool = False,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Compare what was received in ``start`` <= t < ``end`` (ms) and send what is missing, unless ``dry_run``.

    ``engine`` is the state database, ``root`` the setting ``mqtt.root``; ``tell`` is called after each part. Raises
    HygeiaError where the server does not answer for long, or holds us: what was sent is there, and may be sent again.
    """
    link = InfluxLink(target)
    try:
        link.open()
        return _Reconcile(journal, engine, root, link, Report(start, end), dry_run=dry_run).run(tell)
    except UnwrittenError as error:
        raise HygeiaError(f"InfluxDB {target.url}: {error}; what was sent so far is there, run it again") from error
    except OSError as error:
        raise HygeiaError(f"InfluxDB {target.url}: {error}") from error
    finally:
        link.close()


class _Reconcile:
    def __init__(
        self, journal: Path, engine: sa.Engine, root: str, link: InfluxLink, report: Report, *, dry_run: bool
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._rederive = Rederive(engine, root)
        self._link = link
        self._report = report
        self._dry_run = dry_run
        self._backoff = Backoff(random.Random())  # noqa: S311 - jitter is no secret
        self._expired = 0

    def run(self, tell: Callable[[Progress], None]) -> Report:
        """All parts in journal order."""
        report = self._report
        self._expired = self._oldest_kept()
        for records in self._records():
            items = self._rederive.items(records)
            compared = self._compare(items, records)
            report.compared += compared.compared
            report.refused += compared.refused
            report.expired += compared.expired
            report.missing += compared.missing
            report.different += len(compared.different)
            report.differences += compared.different[: max(0, _MOST_NAMED - len(report.differences))]
            if compared.lacking and not self._dry_run:
                self._send(compared.lacking)
            tell(Progress(records[-1].time, report.compared, report.missing, report.sent))
        return report

    def _records(self) -> Iterator[list[Record]]:
        """Records of the range that the store has passed, some at a time."""
        with self._engine.connect() as connection:
            upto = stored_upto(connection)
            decided = connection.scalar(sa.select(sa.func.max(state.cursors.c.offset)))
        reader = Reader(self._journal)
        try:
            offset, ended = self._first(), False
            while not ended:
                try:
                    records = reader.read(offset, end=upto, max_bytes=_CHUNK)
                except RecordGoneError as error:  # retention was faster
                    offset = error.oldest
                    self._report.held_from = segment.created_of(segment.listing(self._journal)[0])
                    continue
                if not records:
                    self._report.waiting = max(0, (-1 if decided is None else int(decided)) - upto)
                    return
                offset = records[-1].offset + 1
                ended = records[-1].time >= self._report.end
                chosen = [one for one in records if self._report.start <= one.time < self._report.end]
                if chosen:
                    yield chosen
        finally:
            reader.close()

    def _first(self) -> int:
        """Where to begin to read: the last segment that was begun before the range."""
        kept = segment.listing(self._journal)
        if not kept:
            return 0
        before = [one for one in kept if segment.created_of(one) < self._report.start]
        if not before and kept[0].first > 0:
            self._report.held_from = segment.created_of(kept[0])
        return (before or kept)[-1 if before else 0].first

    def _compare(self, items: Sequence[Item], records: Sequence[Record]) -> Compared:
        comparison = Comparison(self._refused(items, records), self._expired)
        asked = statements(items, self._expired)
        for at in range(0, len(asked), _STATEMENTS):
            comparison.take(self._query(asked[at : at + _STATEMENTS]))
        return comparison.compare(items)

    def _refused(self, items: Sequence[Item], records: Sequence[Record]) -> dict[int, Refused]:
        """What the store once refused, by offset; redriven messages keep theirs, which is older than the range."""
        table = state.store_parked
        older = sorted({item.offset for item in items if item.offset < records[0].offset})
        wheres = [table.c.offset.between(records[0].offset, records[-1].offset)]
        wheres += [table.c.offset.in_(older[at : at + 500]) for at in range(0, len(older), 500)]
        found = {}
        with self._engine.connect() as connection:
            for where in wheres:
                query = sa.select(table).where(table.c.store == InfluxStore.name, where)
                for row in connection.execute(query).mappings():
                    found[row["offset"]] = Refused(
                        bool(row["whole"]), msgspec.json.decode(row["detail"]).get("refusals", [])
                    )
        return found

    def _send(self, lacking: Sequence[Lack]) -> None:
        """Send lines, and say that the figures of their windows have to be worked out again.

        It is said before and after, so that it stands wherever this breaks off, and is not taken for what was worked
        out before the lines were there.
        """
        for at in range(0, len(lacking), _LINES):
            part = lacking[at : at + _LINES]
            lines = [one.line for one in part]
            self._mark(part)
            try:
                refusals = self._insist(lambda lines=lines: self._link.write(lines, 0, len(lines)).result())  # type: ignore[misc]
            finally:
                self._mark(part)
            gone = sum(part[one.at].points for one in refusals)
            self._report.refused += gone
            self._report.sent += sum(one.points for one in part) - gone

    def _mark(self, part: Sequence[Lack]) -> None:
        touched: dict[tuple[str, int], set[str]] = {}
        for one in part:
            if one.kind in KINDS:
                touched.setdefault((one.kind, one.ts // _HOUR * _HOUR), set()).add(one.device)
        with writing(self._engine) as connection:
            for (kind, hour), devices in touched.items():
                mark_stale(connection, kind, hour, hour + _HOUR, devices, due=False)

    def _query(self, asked: Sequence[str]) -> list[list[Found]]:
        return self._insist(lambda: self._link.query(asked))

    def _insist(self, work: Callable[[], _Result]) -> _Result:
        """Do it, again and again while the server is busy."""
        for left in range(_TRIES, -1, -1):
            try:
                found = work()
            except UnwrittenError as error:
                if error.held or not left:
                    raise
                time.sleep(self._backoff.failed(error.retry_after))
            else:
                self._backoff.succeeded()
                return found
        raise AssertionError("the last attempt returns or raises")

    def _oldest_kept(self) -> int:
        """Before which time (ms) the database has dropped everything; far back where it keeps all or does not say."""
        database, _, policy = self._link.target.bucket.partition("/")
        try:
            ((found, *_),) = self._link.query([f"SHOW RETENTION POLICIES ON {identifier(database)}"])
        except (UnwrittenError, ValueError):
            return -(2**63)
        for row in found.values:
            said = dict(zip(found.columns, row, strict=True))
            if said.get("name") == (policy or said.get("name")) and (policy or said.get("default")):
                kept = 1000 * seconds_of(str(said.get("duration")))
                return time.time_ns() // 1_000_000 - kept if kept else -(2**63)
        return -(2**63)
