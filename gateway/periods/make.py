"""Works windows out: reads readings back from InfluxDB, writes figures; hours, days and districts from the figures."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from gateway import state
from gateway.periods.book import Book
from gateway.periods.compute import STATE_MS, Line, Stood, work_out
from gateway.periods.figures import Figures, Work
from gateway.periods.lines import (
    district_line,
    district_statements,
    districts,
    figures_statement,
    line,
    merge,
    readings_statement,
    states_statement,
    stored,
)
from gateway.periods.windows import HOUR_MS, WINDOW_MS, days_of, hour_of
from gateway.store.influx_link import InfluxLink
from gateway.store.influx_query import Found
from gateway.store.lines import plain

log = structlog.get_logger(__name__)

#: Devices asked for in one statement, and windows times devices in one answer.
DEVICES = 200
_CELLS = 1_000
#: Lines of one request (about 200 bytes each; aiohttp warns above 1 MiB).
_LINES = 2_500


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """The work was given up because the gateway stops; it is done again."""


class Maker:
    """Makes figures with a link of its own. Every call raises UnwrittenError where the server does not take part."""

    def __init__(self, link: InfluxLink, engine: sa.Engine, zone: ZoneInfo, stopping: threading.Event) -> None:
        self._link = link
        self._engine = engine
        self._zone = zone
        self._stopping = stopping

    def five(
        self,
        book: Book,
        kind: str,
        windows: range,
        devices: Sequence[str],
        *,
        anew: bool,
        stands: Collection[str] | None = None,
    ) -> None:
        """Write the 5-minute figures of ``windows``; ``anew``: what stood there and is no more becomes nothing.

        ``stands``, where the windows were worked out before: the devices of which readings alone changed. What was due
        of them stays what it was. Of the others what is due is worked out again, but an entry of the registry without
        a ``from`` makes nothing due where nothing stood: it may be younger than the window.
        """
        start, end = windows[0], windows[-1] + WINDOW_MS
        works = self._works(start, end)
        for some in _chunks(devices, max(10, min(DEVICES, _CELLS // len(windows)))):
            statements = [readings_statement(kind, some, start, end)]
            statements += self._states(book, kind, some, start)
            if anew:
                statements.append(figures_statement(f"{kind}_5m", some, start, end))
            answers = self._ask(statements)
            found: dict[str, list[Found]] = {}
            for series in itertools.chain.from_iterable(answers[: -1 if anew else None]):
                found.setdefault(series.tags["device"], []).append(series)
            before = list(stored(answers[-1])) if anew else []
            stood: dict[str, dict[Stood, int]] = {plain(device): {} for device in some if device in (stands or ())}
            for one in before:
                if one.device in stood:
                    stood[one.device][one[1:5]] = one.figures.due
            made = [
                line._replace(device=key)
                for device in some
                for key in [plain(device)]
                for line in work_out(book, device, windows, found.get(key, ()), works.get(device, ()), stood.get(key))
            ]
            if stands is not None:
                made = _known(book, some, made, before)
            keys = {one[:5] for one in made}
            gone = [one for one in before if one[:5] not in keys]
            made += [one._replace(figures=Figures(due=one.figures.due if one.device in stood else 0)) for one in gone]
            self._write(line(f"{kind}_5m", one) for one in made)

    @staticmethod
    def _states(book: Book, kind: str, devices: Sequence[str], start: int) -> list[str]:
        """Statements that find the states, before ``start``, of channels that say whether others count."""
        watched: dict[str, list[str]] = {}
        for device in devices:
            for parameter in {guard.parameter for guard in book.guards(device, start).values()}:
                watched.setdefault(parameter, []).append(device)
        return [
            states_statement(kind, parameter, some, start - STATE_MS, start)
            for parameter, some in sorted(watched.items())
        ]

    def hours(self, kind: str, hours: Iterable[int], devices: Sequence[str]) -> None:
        """Write the figures of hours anew from those of their 5 minutes."""
        for hour in hours:
            self._merge(f"{kind}_5m", f"{kind}_1h", hour, hour + HOUR_MS, devices)
            self._districts(kind, "1h", hour)

    def days(self, kind: str, hours: Collection[int], devices: Sequence[str]) -> None:
        """Write the figures of the local days anew that ``hours`` touch."""
        for start, end in days_of(hours, self._zone):
            # Days of zones a half hour off begin within an hour.
            whole = start == hour_of(start) and end == hour_of(end)
            self._merge(f"{kind}_1h" if whole else f"{kind}_5m", f"{kind}_1d", start, end, devices)
            self._districts(kind, "1d", start)

    def oldest(self, kinds: Sequence[str], start: int, end: int) -> int | None:
        """The time (ms) of the oldest reading with ``start`` <= t < ``end``."""
        times = []
        for kind in kinds:
            statement = (
                f'SELECT *::field FROM "{kind}" WHERE time >= {start}000000 AND time < {end}000000 '  # noqa: S608 - ours
                "ORDER BY time ASC LIMIT 1"
            )
            (found,) = self._ask([statement])
            times += [one.values[0][0] // 1_000_000 for one in found]
        return min(times, default=None)

    def _merge(self, source: str, target: str, start: int, end: int, devices: Sequence[str]) -> None:
        for some in _chunks(devices, DEVICES):
            (answer,) = self._ask([figures_statement(source, some, start, end)])
            self._write(line(target, one) for one in merge(stored(answer), start))

    def _districts(self, kind: str, size: str, start: int) -> None:
        answers = self._ask(district_statements(f"{kind}_{size}", start))
        self._write(
            district_line(f"district_{size}", kind, district, parameter, start, sums)
            for district, parameter, sums in districts(answers)
        )

    def _works(self, start: int, end: int) -> dict[str, list[Work]]:
        """The maintenance sessions between two times by device; an open one lasts until its end by time."""
        table = state.sessions
        until = sa.func.coalesce(table.c.closed_at, table.c.until)
        query = sa.select(table.c.device, table.c.opened_at, until, table.c.kind).where(
            table.c.opened_at < end, until > start
        )
        found: dict[str, list[Work]] = {}
        with self._engine.connect() as connection:
            for device, opened, closed, kind in connection.execute(query):
                found.setdefault(device, []).append(Work(int(opened), int(closed), kind == "outage"))
        return found

    def _ask(self, statements: Sequence[str]) -> list[list[Found]]:
        if self._stopping.is_set():
            raise Stopped
        return self._link.query(statements)

    def _write(self, lines: Iterable[bytes]) -> None:
        texts = list(lines)
        futures = [self._link.write(texts, at, min(at + _LINES, len(texts))) for at in range(0, len(texts), _LINES)]
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
        for future in futures:
            for at, words in future.result():
                # Nothing of ours is refused but by a field of another type, which somebody else wrote there.
                log.error("figures were refused", line=texts[at].decode("utf-8", "replace")[:300], words=words)


def _known(book: Book, devices: Sequence[str], made: Sequence[Line], before: Sequence[Line]) -> list[Line]:
    """The lines of those who were there: something came, something stood, or the registry says since when."""
    there = {(one.device, one.start) for one in before}
    dated = {plain(device) for device in devices if book.dated(device)}
    return [one for one in made if one.figures.received or one.device in dated or (one.device, one.start) in there]


def _chunks(devices: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (devices[at : at + size] for at in range(0, len(devices), size))
