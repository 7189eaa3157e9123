"""Gathers medical waste: what stands in stores, the balance of days, manifests.

A balance takes the histories of all containers of a unit and day, about a millisecond each, so it is worked out only
for the units and days that an event touched, one after the other, as long as the time of a pass lasts; what is left
comes with the next pass.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
import structlog

from custody.balance import Row, balance, day_of, end_of
from custody.container import Container
from custody.fact import Fact
from custody.profiles import DEFAULT
from gateway import state
from gateway.api.custody_limits import StorageLimitsCache
from gateway.api.services import Services
from gateway.histories import StateFacts
from gateway.mirror.points import DAY_MS, ManifestFigures, StoreFigures, WasteDay
from gateway.mirror.standing import Roster

log = structlog.get_logger(__name__)

#: The categories of the law, for which an empty store says so.
CATEGORIES = ("infectious", "sharps", "pathological", "pharmaceutical", "chemical")
#: States in which waste stands in a store, and the kinds of places that are stores.
_STORED = ("stored", "held")
_STORES = frozenset({"waste_store", "collection_point"})
#: A container belongs to the day of its collection: one that was first named so long before is still looked at.
_FIRST_MS = 7 * DAY_MS
#: Ids asked of the state at a time.
_CHUNK = 500

_decode = msgspec.msgpack.Decoder(Fact).decode


class Job(NamedTuple):
    """A balance to be worked out."""

    unit: str
    day: str


class Stores:
    """What stands in each store, by category."""

    def __init__(self, view: Services) -> None:
        self._view = view
        self._limits = StorageLimitsCache()

    def read(self, roster: Roster, now: int) -> list[StoreFigures]:
        """The stores of the roster with every category of the law, and whatever else stands somewhere."""
        found = {
            (place, category): _Pile()
            for place, kind in roster.kind_of_place.items()
            if kind in _STORES
            for category in CATEGORIES
        }
        limits, registry = self._limits.get(self._view.packs), self._view.registry()
        table = state.containers
        number, net_g = sa.func.count(), sa.func.coalesce(sa.func.sum(table.c.net_g), 0)
        summed = (
            sa.select(table.c.place, table.c.unit, table.c.category, number, net_g, sa.func.min(table.c.stored_at))
            .where(table.c.state.in_(_STORED))
            .group_by(table.c.place, table.c.unit, table.c.category)
        )
        with self._view.engine.connect() as connection:
            for place, unit, category, containers, grams, oldest in connection.execute(summed).all():
                producer = (registry.get("units", unit) or {}).get("producer") or DEFAULT
                holds = limits.of(roster.kind_of_place.get(place, ""), producer)
                overdue = 0
                if holds and oldest is not None and now - oldest >= holds[-1].after_ms:
                    late = sa.select(number).where(
                        table.c.state.in_(_STORED),
                        table.c.place == place,
                        table.c.unit == unit,
                        table.c.category == category,
                        table.c.stored_at <= now - holds[-1].after_ms,
                    )
                    overdue = connection.execute(late).scalar_one()
                found.setdefault((place, category), _Pile()).add(containers, grams, oldest, overdue)
        return [
            StoreFigures(
                place=place,
                unit=roster.unit_of_place.get(place, "-"),
                district=roster.district_of_place.get(place, "-"),
                category=category or "-",
                containers=one.containers,
                net_g=one.net_g,
                oldest_at=one.oldest_at,
                overdue=one.overdue,
            )
            for (place, category), one in sorted(found.items())
        ]


class _Pile(msgspec.Struct):
    """What stands at one place of one category, of however many units."""

    containers: int = 0
    net_g: int = 0
    oldest_at: int | None = None
    overdue: int = 0

    def add(self, containers: int, net_g: int, oldest_at: int | None, overdue: int) -> None:
        """What one unit has there."""
        self.containers += containers
        self.net_g += net_g
        self.overdue += overdue
        if oldest_at is not None:
            self.oldest_at = oldest_at if self.oldest_at is None else min(self.oldest_at, oldest_at)


class Balances:
    """Keeps which balances are to be worked out. ``seen`` is the newest custody event that was looked at."""

    def __init__(self, view: Services) -> None:
        self._view = view
        self._waiting: dict[Job, None] = {}
        #: Categories of each balance as it was worked out last: one that goes is written with zeros.
        self._known: dict[Job, set[str]] = {}
        self._open: set[Job] = set()
        self.seen = -1

    @property
    def waiting(self) -> int:
        """Balances that are still to be worked out."""
        return len(self._waiting)

    def begin(self, now: int, mark: int | None) -> None:
        """Take up what is open, and what changed after ``mark`` (ms; None = nothing was ever written), of some days."""
        table, entries, events = state.containers, state.ledger_entries, state.custody_events
        offset = sa.select(sa.func.max(entries.c.offset)).where(entries.c.at <= (-1 if mark is None else mark))
        with self._view.engine.connect() as connection:
            seen = connection.execute(offset).scalar()
            wanted = _times().where(
                table.c.first_ts >= min(now, now if mark is None else mark) - _FIRST_MS,
                sa.or_(table.c.open, table.c.changed > (-1 if seen is None else seen)),
            )
            self._wait(_jobs(connection.execute(wanted), self._view.settings.zone))
            newest = connection.execute(sa.select(sa.func.max(events.c.offset))).scalar()
        self.seen = -1 if newest is None else newest

    def look(self) -> None:
        """Find what events since the last look touched."""
        table, zone = state.custody_events, self._view.settings.zone
        wanted = sa.select(table.c.offset, table.c.fact).where(table.c.offset > self.seen).order_by(table.c.offset)
        with self._view.engine.connect() as connection:
            rows = connection.execute(wanted).all()
        if not rows:
            return
        facts = [_decode(raw) for _, raw in rows if raw]
        with self._view.histories().known() as known:
            spoken = [[one, *(known.event(one.of) if one.of else ())] for one in facts]
            names = dict.fromkeys(name for about in spoken for name in _names(known, about))
        with self._view.engine.connect() as connection:
            found = list(self._touched(connection, list(names), zone))
        units = {job.unit for job in found}
        days = {_day(fact.ts, zone) for fact in facts}
        self._wait(found)
        # Of a container of which every event was taken back nothing is left in the state.
        self._wait(Job(one.spot.unit, _day(one.ts, zone)) for about in spoken for one in about[1:] if one.spot.unit)
        # What travels in a bin is not named by it.
        self._wait(job for job in sorted(self._open) if job.unit in units)
        self._wait(Job(unit, day) for unit in sorted(units) for day in sorted(days))
        self.seen = rows[-1].offset

    def _wait(self, jobs: Iterable[Job]) -> None:
        self._waiting |= dict.fromkeys(jobs)

    def again(self, now: int) -> None:
        """Look again at days that are over and not all disposed of: what stays away is missed as time goes by."""
        zone = self._view.settings.zone
        oldest, today = _day(now - _FIRST_MS, zone), _day(now, zone)
        self._open = {job for job in self._open if job.day >= oldest}
        self._known = {job: known for job, known in self._known.items() if job.day >= oldest}
        self._wait(job for job in sorted(self._open) if job.day < today)

    def work(self, roster: Roster, now: int, until: float | None) -> tuple[list[WasteDay], list[Job]]:
        """Balances until ``until`` (of ``time.perf_counter``), at least one; without it all of them.

        What was worked out waits until ``done`` says that it is written.
        """
        days: list[WasteDay] = []
        jobs: list[Job] = []
        for job in list(self._waiting):
            try:
                days += self._balance(job, roster, now)
            except sa.exc.OperationalError:
                raise
            except Exception:
                # The others are right all the same; this one is tried again, after them.
                log.exception("a balance could not be worked out", unit=job.unit, day=job.day)
                self._waiting[job] = self._waiting.pop(job)
                continue
            jobs.append(job)
            if until is not None and time.perf_counter() >= until:
                break
        return days, jobs

    def done(self, jobs: Iterable[Job]) -> None:
        """These are written."""
        for job in jobs:
            self._waiting.pop(job, None)

    def _touched(self, connection: sa.Connection, names: Sequence[str], zone: ZoneInfo) -> Iterator[Job]:
        """The units and days of containers: those of the state's rows, else of their histories."""
        table, strange = state.containers, dict.fromkeys(names)
        for at in range(0, len(names), _CHUNK):
            rows = connection.execute(_times().where(table.c.id.in_(names[at : at + _CHUNK]))).all()
            for row in rows:
                strange.pop(row.id, None)
            yield from _jobs(rows, zone)
        for one in self._view.histories().containers(strange):
            day = day_of(one, zone)
            if one.unit and day:
                yield Job(one.unit, day)

    def _balance(self, job: Job, roster: Roster, now: int) -> list[WasteDay]:
        zone, histories = self._view.settings.zone, self._view.histories()
        start = end_of((dt.date.fromisoformat(job.day) - dt.timedelta(days=1)).isoformat(), zone)
        found = histories.containers(self._members(job, start, end_of(job.day, zone)))
        rows = balance(found, job.unit, job.day, zone, histories.profiles, now=now)
        own = [one for one in found if one.unit == job.unit and day_of(one, zone) == job.day]
        district = roster.district_of_unit.get(job.unit, "-")
        days = [waste_of(row, [one for one in own if one.category == row.category], district, start) for row in rows]
        gone = self._known.get(job, set()) - {row.category for row in rows}
        self._known[job] = {row.category for row in rows}
        if any(row.missing or row.disposed_n < row.department_n for row in rows):
            self._open.add(job)
        else:
            self._open.discard(job)
        return [*days, *(WasteDay(job.unit, district, category or "-", start) for category in sorted(gone))]

    def _members(self, job: Job, start: int, end: int) -> list[str]:
        """The containers of a unit that may belong to a day: named by its end, and moved since its beginning."""
        entries, table = state.ledger_entries, state.containers
        first = sa.select(entries.c.offset).where(entries.c.at >= start).order_by(entries.c.at, entries.c.idx).limit(1)
        wanted = sa.select(table.c.id).where(
            table.c.unit == job.unit,
            table.c.first_ts >= start - _FIRST_MS,
            table.c.first_ts < end,
            table.c.changed >= sa.func.coalesce(first.scalar_subquery(), 0),
        )
        with self._view.engine.connect() as connection:
            return sorted(connection.execute(wanted).scalars())


def waste_of(row: Row, containers: Sequence[Container], district: str, start: int) -> WasteDay:
    """The figures of a balance's row; ``containers`` are those of its unit, day and category (pure).

    Packed is what was weighed when it was closed. Disposed is what the disposed ones weighed alone when they were
    weighed last. Exceptions are containers that are missing or left a stage out, and pairs of stages whose weights are
    too far apart.
    """
    disposed = [one for one in containers if one.destroyed_at is not None and one.net_g is not None]
    packed = [one.net_g for found in containers for one in found.weighings if one.step == "pack" and one.group == 1]
    return WasteDay(
        unit=row.unit,
        district=district,
        category=row.category or "-",
        start=start,
        containers=len(containers),
        collected=row.department_n,
        stored=row.store_in_n,
        loaded=row.loaded_n,
        received=row.received_n,
        disposed=row.disposed_n,
        packed_g=sum(packed) if packed else None,
        collected_g=row.department_g,
        stored_g=row.store_in_g,
        out_g=row.store_out_g,
        loaded_g=row.loaded_g,
        received_g=row.received_g,
        disposed_g=sum(one.net_g or 0 for one in disposed) if disposed else None,
        difference_g=row.difference_g,
        tolerance_g=row.tolerance_g,
        unconfirmed=sum(one.handover is not None for one in containers),
        exceptions=len(row.missing) + len(row.skipped) + sum(one.ratio > 1 for one in row.differences),
    )


class Manifests:
    """Manifests that moved, and those that nobody confirmed yet."""

    def __init__(self, view: Services) -> None:
        self._view = view
        self.seen = -1

    def read(self, roster: Roster, since: int | None) -> tuple[list[ManifestFigures], Callable[[], None]]:
        """Those that changed since the last time, and with ``since`` (ms) those opened later that wait for somebody.

        Call what comes with them when they are written.
        """
        table = state.manifests
        wanted = table.c.changed > self.seen
        if since is not None:
            wanted = sa.or_(wanted, sa.and_(table.c.confirmed_at.is_(None), table.c.opened_at >= since))
        with self._view.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(wanted).order_by(table.c.id)).mappings().all()
        newest = max((row["changed"] for row in rows), default=self.seen)

        def written() -> None:
            self.seen = max(self.seen, newest)

        return [one for row in rows if (one := _manifest(row, roster)) is not None], written


def _manifest(row: sa.RowMapping, roster: Roster) -> ManifestFigures | None:
    times = [row[name] for name in ("opened_at", "departed_at", "received_at") if row[name] is not None]
    if not times:
        return None
    unit = row["consignor"] or "-"
    return ManifestFigures(
        manifest=row["id"],
        unit=unit,
        district=row["grid"].partition("/")[0] or roster.district_of_unit.get(unit, "-"),
        state=row["state"],
        containers=row["loaded"],
        net_g=row["net_g"],
        began_at=times[0],
        departed_at=row["departed_at"],
        confirmed_at=row["confirmed_at"],
    )


def _times() -> sa.Select[Any]:
    table = state.containers
    return sa.select(table.c.id, table.c.unit, table.c.first_ts, table.c.sealed_at, table.c.stored_at)


def _jobs(rows: Iterable[sa.Row[Any]], zone: ZoneInfo) -> Iterator[Job]:
    """The days on which containers were first named, closed and stored."""
    for row in rows:
        times = (row.first_ts, row.sealed_at, row.stored_at)
        if row.unit:
            yield from (Job(row.unit, _day(one, zone)) for one in times if one is not None)


def _names(known: StateFacts, about: Sequence[Fact]) -> Iterator[str]:
    """What an event and those that it speaks of are about: their ids, else those of their manifests."""
    for one in about:
        yield from one.names
    if not about[0].names:
        papers = {one.manifest for one in about if one.manifest}
        yield from (name for paper in sorted(papers) for one in known.facts(f"manifest:{paper}") for name in one.names)


def _day(at: int, zone: ZoneInfo) -> str:
    return dt.datetime.fromtimestamp(at / 1000, zone).date().isoformat()
