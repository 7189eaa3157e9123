"""The store on InfluxDB: line protocol in, InfluxQL out, cursor and totals in the state database.

InfluxDB has no transactions, so exactly once rests on this order: late values are compared with what is stored; which
of them are new is made durable; all lines are written until each is answered by 204 or refused for itself; then
cursor, totals and what was refused are committed together. A crash anywhere is repaired by doing the same batch again:
equal lines fall on themselves, and the remembered late values are not taken for repeats of themselves.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from gateway.errors import StartError
from gateway.periods.marks import mark_touched
from gateway.state import store_cursors
from gateway.store.base import (
    AlertPoint,
    CustodyPoints,
    Item,
    RetryError,
    StoredReading,
    StoreParked,
    StoreStats,
)
from gateway.store.influx_link import InfluxLink, Target
from gateway.store.influx_query import (
    Found,
    event_statements,
    events_taken,
    late_statements,
    late_stored,
    measurement_of,
    read_statement,
    readings,
)
from gateway.store.influx_write import Backoff, UnwrittenError, Verdict, judge
from gateway.store.late import Place, Refused, Settlement, late_values, parked_of, settle, totals
from gateway.store.lines import Built, Lines

#: Lines in one request, and bytes (aiohttp warns above 1 MiB; 2.x reads far more).
_LINES = 2500
_BYTES = 700_000
_FEWEST = 50
#: Statements in one query request.
_STATEMENTS = 200


class _Saved(msgspec.Struct):
    """The body of a row of ``store_cursors``. ``fresh`` holds for the batch that follows ``stats.cursor``."""

    stats: StoreStats = msgspec.field(default_factory=StoreStats)
    parked: list[StoreParked] = msgspec.field(default_factory=list)
    fresh: list[Place] = msgspec.field(default_factory=list)


def stored_upto(connection: sa.Connection) -> int:
    """The journal offset up to which the store has everything; -1 = nothing yet."""
    body = connection.scalar(sa.select(store_cursors.c.body).where(store_cursors.c.store == InfluxStore.name))
    return msgspec.json.decode(body, type=_Saved).stats.cursor if body else -1


class InfluxStore:
    """A ``TimeSeriesStore`` in the bucket of an InfluxDB 2, 3 or 1.x.

    ``bucket`` is a name or ``database/retention policy``; the token (1.x: ``user:password``) needs to write and to read
    it. ``engine`` is the state database, ``ca`` a file of certificates for https, ``timeout`` seconds for one request.
    """

    name = "influx"

    def __init__(
        self,
        url: str,
        org: str,
        bucket: str,
        token: str,
        engine: sa.Engine,
        *,
        ca: str | None = None,
        timeout: float = 30.0,
        gzip: bool = False,
        in_flight: int = 2,
        dice: random.Random | None = None,
    ) -> None:
        self._target = Target(url, org, bucket, token, ca, timeout, gzip)
        self._engine = engine
        self._in_flight = in_flight
        self._link: InfluxLink | None = None
        self._saved = _Saved()
        self._lines = Lines()
        self._chunk = _LINES
        #: The server has taken us once: from then on each answer speaks for itself.
        self._admitted = False
        self._backoff = Backoff(dice or random.Random())  # noqa: S311 - jitter is no secret
        #: Lines of the batch at hand that are in already: an attempt that fails half-way brings the next one forward.
        self._written: set[bytes] = set()
        #: Newest event written since the start, by (measurement, device): what is newer cannot meet an older one.
        self._newest: dict[tuple[str, str], int] = {}

    def open(self) -> None:
        """See ``TimeSeriesStore.open``. The server is not asked: alerts wait neither for it nor for a valid token."""
        with self._engine.connect() as connection:
            body = connection.scalar(sa.select(store_cursors.c.body).where(store_cursors.c.store == self.name))
        self._saved = msgspec.json.decode(body, type=_Saved) if body else _Saved()
        self._link = InfluxLink(self._target, self._in_flight)
        try:
            self._link.open()
        except (OSError, ValueError) as error:
            self.close()
            raise StartError(f"InfluxDB {self._target.url}: {error}") from error

    def _check(self) -> None:
        """Before the first lines: is this the server, and may we write and read? Raises UnwrittenError where not."""
        link = self._link
        assert link is not None, "open comes first"
        answer = link.post(b"# hygeia looks whether it may write")
        verdict = judge(answer.status)
        if answer.status <= 0:
            # Nobody there, or not known to us: writing says it.
            return
        # 3 Core says so where 1.x and 2.x say 204.
        nothing = "incoming write was empty" in answer.words
        if verdict is Verdict.HOLD or (verdict is Verdict.SPLIT and not answer.influx and not nothing):
            raise UnwrittenError(self._advice(f"HTTP {answer.status} {answer.words}".strip()), held=True)
        try:
            link.query(["SHOW MEASUREMENTS LIMIT 1"])
        except UnwrittenError as error:
            if error.held:
                raise UnwrittenError(self._advice(str(error)), held=True) from error
            return
        self._admitted = True

    def _advice(self, words: str) -> str:
        return (
            f"{self._target.url} refuses bucket {self._target.bucket!r}: {words}; "
            "check influx.url, influx.org, influx.bucket and that influx.token may read and write it"
        )

    def stats(self) -> StoreStats:
        """See ``TimeSeriesStore.stats``."""
        return self._saved.stats

    def last_parked(self) -> list[StoreParked]:
        """See ``TimeSeriesStore.last_parked``."""
        return self._saved.parked

    def write(self, items: Sequence[Item], cursor: int) -> list[StoreParked]:
        """See ``TimeSeriesStore.write``."""
        done = self._saved.stats.cursor
        if cursor <= done:
            return self._saved.parked if cursor == done else []
        try:
            parked = self._write(items, cursor)
        except UnwrittenError as error:
            self._lines.forget()
            if error.silent:
                # Perhaps it cannot do so much in time.
                self._chunk = max(_FEWEST, self._chunk // 2)
            raise RetryError(str(error), self._backoff.failed(error.retry_after), held=error.held) from error
        except sa.exc.OperationalError as error:
            self._lines.forget()
            raise RetryError(f"state database: {error.orig}", after=1.0) from error
        self._written.clear()
        self._backoff.succeeded()
        self._chunk = min(_LINES, self._chunk * 2)
        return parked

    def _write(self, items: Sequence[Item], cursor: int) -> list[StoreParked]:
        if items and not self._admitted:
            self._check()
        settlement = self._settle(items)
        built = self._lines.build(items, settlement.fresh, self._taken(items))
        refused = self._deliver(built)
        kept = Counter(built.items) if refused or settlement.conflicts else Counter[int]()
        kept.subtract(one.item for one in refused)
        parked = parked_of(items, settlement, refused, kept)
        points = sum(built.points) - sum(one.points for one in refused)
        conflicts = sum(len(one) for one in settlement.conflicts.values())
        self._save(_Saved(totals(self._saved.stats, items, cursor, parked, points, conflicts), parked), items)
        for item in items:
            if isinstance(item, CustodyPoints | AlertPoint):
                where = (measurement_of(item), item.tags.device)
                self._newest[where] = max(item.ts, self._newest.get(where, item.ts))
        return parked

    def _settle(self, items: Sequence[Item]) -> Settlement:
        """Decide the late values of a batch, and make durable which are new before one of them is written."""
        late = late_values(items)
        if not late:
            return Settlement()
        stored = late_stored(late, self._query(late_statements(late)))
        decided = set(self._saved.fresh)
        settlement = settle(items, late, stored, decided)
        if not settlement.fresh <= decided:
            self._save(_Saved(self._saved.stats, self._saved.parked, sorted(decided | settlement.fresh)))
        return settlement

    def _taken(self, items: Sequence[Item]) -> dict[tuple[str, int], str]:
        """What may stand where the events of this batch want to: asked only of those that are not the newest."""
        older = []
        for item in items:
            if isinstance(item, CustodyPoints | AlertPoint):
                newest = self._newest.get((measurement_of(item), item.tags.device))
                if newest is None or item.ts <= newest:
                    older.append(item)
        return events_taken(self._query(event_statements(older))) if older else {}

    def _deliver(self, built: Built) -> list[Refused]:
        """Write all lines. Every request has ended when this returns or raises UnwrittenError."""
        assert self._link is not None, "open comes first"
        waiting: Sequence[int] = range(len(built.texts))
        if self._written:
            waiting = [at for at in waiting if built.texts[at] not in self._written]
        texts = [built.texts[at] for at in waiting]
        futures = [(span, self._link.write(texts, *span)) for span in self._spans(texts)]
        errors = [error for _, future in futures if (error := future.exception()) is not None]
        refusals = [one for _, future in futures if future.exception() is None for one in future.result()]
        if errors:
            for (first, last), future in futures:
                if future.exception() is None:
                    self._written.update(texts[first:last])
            self._written.difference_update(texts[at] for at, _ in refusals)
            raise max(errors, key=lambda error: isinstance(error, UnwrittenError) and error.held)
        return [
            Refused(built.items[waiting[at]], built.points[waiting[at]], texts[at].decode("utf-8", "replace"), words)
            for at, words in refusals
        ]

    def _spans(self, texts: Sequence[bytes]) -> list[tuple[int, int]]:
        """Cut lines into requests."""
        average = 1 + sum(map(len, texts)) // max(len(texts), 1)
        size = max(1, min(self._chunk, _BYTES // average))
        return [(at, min(at + size, len(texts))) for at in range(0, len(texts), size)]

    def _query(self, statements: Sequence[str]) -> list[list[Found]]:
        assert self._link is not None, "open comes first"
        answers = []
        for at in range(0, len(statements), _STATEMENTS):
            answers += self._link.query(statements[at : at + _STATEMENTS])
        return answers

    def _save(self, saved: _Saved, items: Sequence[Item] = ()) -> None:
        """Commit the row of the store, and which finished windows the ``items`` that were written reach back to."""
        body = msgspec.json.encode(saved).decode()
        with self._engine.begin() as connection:
            changed = connection.execute(
                sa.update(store_cursors).where(store_cursors.c.store == self.name).values(body=body)
            )
            if not changed.rowcount:
                connection.execute(sa.insert(store_cursors).values(store=self.name, body=body))
            # After the write, so that nobody begins a window between this look and the commit.
            mark_touched(connection, items, saved.stats.cursor)
        self._saved = saved

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
        """See ``TimeSeriesStore.read``. Not kept there: ``received_at`` is ``ts``, ``offset`` -1, ``late`` False."""
        if limit <= 0 or start >= end:
            return []
        if self._link is None:
            raise RetryError("InfluxDB: the store is not open", after=2.0)
        rows = after + 1 + limit
        try:
            answers = self._link.query([read_statement(device, point, parameter, start=start, end=end, rows=rows)])
        except UnwrittenError as error:
            raise RetryError(str(error), after=error.retry_after or 2.0, held=error.held) from error
        found = [reading for one in answers[0] for reading in readings(device, one)] if answers else []
        found.sort(key=lambda one: (one.ts, one.parameter, one.point))
        return found[after + 1 : rows]

    def close(self) -> None:
        """See ``TimeSeriesStore.close``."""
        if self._link is not None:
            self._link.close()
            self._link = None
