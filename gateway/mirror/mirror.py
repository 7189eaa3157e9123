"""The thread that mirrors the state into InfluxDB: at each full minute what changed, every five minutes all of it.

It belongs to nobody's way: it reads the state and what decide last heard, takes no lock of theirs, and writes over a
connection of its own. What cannot be written is gathered and written anew at the next minute; days, manifests and
loads catch up from the last minute that was written whole (``period_marks``), moments that were missed stay missed.
Every point has the time of its minute, or of the day, slot or trip that it is about, so that writing it twice changes
nothing.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Collection, Sequence

import sqlalchemy as sa
import structlog

from alerts.kpi import SLOT_MS
from custody.balance import end_of
from gateway import state
from gateway.api.services import Services
from gateway.clock import Clock
from gateway.core import Core
from gateway.database import writing
from gateway.mirror import answers, points
from gateway.mirror.own import own_figures
from gateway.mirror.points import DAY_MS, Memory, Point
from gateway.mirror.standing import Roster, Standing
from gateway.mirror.waste import Balances, Manifests, Stores
from gateway.periods.marks import write_marks
from gateway.store.influx_link import InfluxLink, Target
from gateway.store.influx_write import UnwrittenError
from gateway.store.lines import NS_PER_MS

log = structlog.get_logger(__name__)

MINUTE_MS = 60_000
WHOLE_MS = 5 * MINUTE_MS
#: Seconds that balances may take in one pass.
BALANCES_S = 0.4
#: Nothing older than this is caught up, and no manifest grows older.
BACK_MS = 31 * DAY_MS
#: Lines in one request.
_LINES = 2500
MARK = "mirror"


def sums_statement(start: int) -> str:
    """What asks for the sums of ``waste_day`` over the units of each district on the day from ``start`` (ms)."""
    sums = ", ".join(f'SUM("{name}") AS "{name}"' for name in points.SUMMED)
    return (
        f'SELECT {sums}, COUNT("difference_g") AS "units" FROM "waste_day" '  # noqa: S608 - names of our own
        f'WHERE time = {start * NS_PER_MS} GROUP BY "district", "category"'
    )


class Mirror:
    """Writes the state of one gateway; made where ``timeseries.store`` is ``influx``.

    ``view`` and ``core`` are read only, but for the row ``mirror`` of ``period_marks``.
    """

    def __init__(self, view: Services, core: Core, clock: Clock) -> None:
        self._view = view
        self._core = core
        self._clock = clock
        self._link: InfluxLink | None = None
        self._standing = Standing(view, core)
        self._stores, self._balances, self._manifests = Stores(view), Balances(view), Manifests(view)
        self._memory = Memory()
        self._mark: int | None = None
        self._hour = -1
        self._steps_seen = -1
        self._days: set[int] = set()
        self._slots_from: int | None = None
        self._begun = False
        #: ``ok``, ``behind`` (trying again) or ``held`` (a person must act), and why.
        self.state, self.words = "ok", ""
        self._written: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    @property
    def behind(self) -> int:
        """How many full minutes were missed since the newest that was written."""
        written = self._written
        return 0 if written is None else max(0, self._clock.now_ms() // MINUTE_MS - written // MINUTE_MS - 1)

    def start(self) -> None:
        """Begin with the next full minute."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End; a pass under way is given ``timeout`` seconds. False where it took longer."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        if self._link is not None:
            self._link.close()
            self._link = None
        return True

    def run_once(self, now: int, *, within_s: float | None = None) -> int:
        """Write the minute of ``now`` (ms); gives how many points.

        Balances may take ``within_s`` seconds, and go on with the next pass; without it all are worked out. Raises
        UnwrittenError, and writes all anew the next time, where InfluxDB did not take it.
        """
        minute = now // MINUTE_MS * MINUTE_MS
        whole = minute % WHOLE_MS == 0
        until = None if within_s is None else time.perf_counter() + within_s
        if not self._begun:
            self._begin(minute)
        roster = self._standing.roster(minute)
        self._balances.look()
        if minute // points.HOUR_MS != self._hour:
            self._balances.again(minute)
        found = self._memory.now(self._moment(roster, minute), whole=whole)
        manifests, manifests_written = self._manifests.read(roster, minute - BACK_MS if whole else None)
        dated = [points.manifest(one, minute) for one in manifests]
        days, steps_seen = self._alert_days(minute)
        dated += days + self._loads(roster, minute)
        balances, jobs = self._balances.work(roster, minute, until)
        dated += [points.waste_day(one) for one in balances]
        found += self._memory.dated(dated, whole=whole)
        try:
            self._write([one.line() for one in found])
            self._write([one.line() for one in self._districts({one.start for one in balances})])
        except BaseException:
            self._memory.forget()
            raise
        self._hour = minute // points.HOUR_MS
        self._written = minute
        manifests_written()
        self._balances.done(jobs)
        self._steps_seen, self._days = steps_seen, set()
        self._slots_from = minute // SLOT_MS * SLOT_MS
        self._memory.forget_before(minute - BACK_MS - DAY_MS)
        if whole and not self._balances.waiting:
            self._keep_mark(minute)
        return len(found)

    def _begin(self, minute: int) -> None:
        """Take up where the last run ended."""
        table = state.period_marks
        with self._view.engine.connect() as connection:
            upto = connection.execute(sa.select(table.c.upto).where(table.c.name == MARK)).scalar()
            newest = connection.execute(sa.select(sa.func.max(state.transitions.c.offset))).scalar()
            first = connection.execute(sa.select(sa.func.min(state.transitions.c.at))).scalar()
        self._mark = None if upto is None else max(int(upto), minute - BACK_MS)
        self._balances.begin(minute, self._mark)
        since = max(minute - 7 * DAY_MS, minute if first is None else first) if self._mark is None else self._mark
        self._days = set(range(since, minute, DAY_MS)) | {minute}
        self._steps_seen = -1 if newest is None else newest
        self._slots_from = since // SLOT_MS * SLOT_MS
        self._begun = True

    def _moment(self, roster: Roster, minute: int) -> list[Point]:
        places, devices = self._standing.read(minute)
        own = own_figures(self._view, self._core.installation.folder)
        return [
            *(points.place(one, minute) for one in places),
            *(points.unit(one, minute) for one in roster.units),
            *(points.device(one, minute) for one in devices),
            *(points.waste_store(one, minute) for one in self._stores.read(roster, minute)),
            points.gateway(self._view.settings.mqtt.client_id, own, minute),
        ]

    def _alert_days(self, minute: int) -> tuple[list[Point], int]:
        """The days on which something happened to alerts since the last pass."""
        fired, seen = answers.moved_since(self._view.engine, self._steps_seen)
        zone = self._view.settings.zone
        days = {dt.datetime.fromtimestamp(at / 1000, zone).date() for at in {*fired, *self._days, minute}}
        found: list[Point] = []
        for day in sorted(days):
            end = end_of(day.isoformat(), zone)
            start = end_of((day - dt.timedelta(days=1)).isoformat(), zone)
            found += [
                points.alert_day(one) for one in answers.day_of_alerts(self._view, start, min(end, minute + MINUTE_MS))
            ]
        return found, seen

    def _loads(self, roster: Roster, minute: int) -> list[Point]:
        """The slot of this minute, the one before it, and those that were missed."""
        present = minute // SLOT_MS * SLOT_MS
        first = min(present - SLOT_MS, present if self._slots_from is None else self._slots_from)
        slots = range(first, present + SLOT_MS, SLOT_MS)
        found = answers.loads(answers.alarms(self._view, first, present + SLOT_MS), slots, SLOT_MS, roster.districts)
        now_open = answers.open_by_district(self._view.engine)
        return [
            points.alert_load(district, fired, now_open[district] if start == present else None, start)
            for (district, start), fired in sorted(found.items())
        ]

    def _districts(self, starts: Collection[int]) -> list[Point]:
        """The balances of districts on these days, added up from what is written of their units."""
        found = []
        for start in sorted(starts):
            for one in self._opened().query([sums_statement(start)])[0]:
                values = dict(zip(one.columns, one.values[0], strict=True))
                tags = one.tags
                sums = {name: values[name] for name in (*points.SUMMED, "units")}
                found.append(points.waste_district_day(tags["district"], tags["category"], sums, start))
        return found

    def _opened(self) -> InfluxLink:
        if self._link is None:
            link = InfluxLink(Target.of(self._view.settings.influx), in_flight=1)
            link.open()
            self._link = link
        return self._link

    def _write(self, lines: Sequence[bytes]) -> None:
        link = self._opened()
        for at in range(0, len(lines), _LINES):
            refused = link.write(lines, at, min(at + _LINES, len(lines))).result()
            for one in refused:
                log.warning(
                    "the mirror: a line was refused", words=one.words, line=lines[one.at].decode("utf-8", "replace")
                )

    def _keep_mark(self, minute: int) -> None:
        with writing(self._view.engine) as connection:
            write_marks(connection, {MARK: minute})

    def _run(self) -> None:
        while not self._wait():
            try:
                self.run_once(self._clock.now_ms(), within_s=BALANCES_S)
            except UnwrittenError as error:
                self._say("held" if error.held else "behind", str(error))
            except sa.exc.OperationalError as error:
                self._say("behind", f"state database: {error.orig}")
            except Exception as error:
                log.exception("the mirror failed")
                self._say("behind", f"{type(error).__name__}: {error}")
            else:
                self._say("ok", "")

    def _wait(self) -> bool:
        """Wait for the next full minute; whether to end."""
        left_ms = MINUTE_MS - self._clock.now_ms() % MINUTE_MS
        return self._stopping.wait(self._clock.wall_seconds(left_ms / 1000))

    def _say(self, standing: str, words: str) -> None:
        """Say once that InfluxDB is away, and once that it is back."""
        if standing != self.state:
            if words:
                log.warning("the mirror cannot be written; it goes on by itself", state=standing, words=words)
            else:
                log.info("the mirror is written again")
        self.state, self.words = standing, words
