"""The thread that keeps figures of 5 minutes, hours and days: window by window by the clock, then what is stale."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog

from alerts.rulebook import Rulebook
from alerts.rules import parse_pack
from devices.registry import Registry
from gateway.clock import Clock
from gateway.database import writing
from gateway.decide.history import load_registry
from gateway.periods import marks
from gateway.periods.book import KINDS, Book, Channel
from gateway.periods.changes import Sessions, changed_entries, newest_change, reached, removed
from gateway.periods.make import Maker, Stopped
from gateway.periods.windows import GRACE_MS, HOUR_MS, WINDOW_MS, day_of, hour_of, window_of
from gateway.store.influx_link import InfluxLink, Target
from gateway.store.influx_write import Backoff, UnwrittenError

if TYPE_CHECKING:
    from gateway.core import Core

log = structlog.get_logger(__name__)

#: Stale windows are taken by spans of so many ms and rows, so that a pass ends soon.
_SPAN_MS = 6 * HOUR_MS
_ROWS = 2_000
#: Stale windows gather for so long, so that a device that sends a backlog costs its hours and days once.
GATHER_S = 120.0
#: Seconds between passes at the most.
_PAUSE_S = 2.0
#: With more devices of a kind an hour is written when it is over, and a day after each of its hours (docs/periods.md).
FEW = 200
#: Later than any window.
FOREVER = 2**62
#: A device, or all of them, and whether what was due has to be worked out again as well.
Named = tuple[str, bool]


class Periods:
    """Keeps the figures of ``gateway.periods`` in the InfluxDB of the settings.

    ``stored`` tells the store's cursor. ``start`` and ``stop`` run it as a thread; ``run_once`` does all that is due
    in the caller's thread instead. ``state`` is ``ok``, ``behind`` (trying again) or ``held`` (a person must act),
    ``words`` say why.
    """

    def __init__(self, core: Core, stored: Callable[[], int], clock: Clock) -> None:
        self.state, self.words = "ok", ""
        self._core = core
        self._engine = core.engine
        self._stored = stored
        self._clock = clock
        self._zone = ZoneInfo(core.settings.time_zone)
        self._stopping = threading.Event()
        self._link: InfluxLink | None = None
        self._sessions = Sessions()
        self._backoff = Backoff(random.Random())  # noqa: S311 - jitter is no secret
        self._book: Book | None = None
        self._packs: object = None
        #: Windows up to .0 may be worked out as soon as the store has record .1.
        self._asked = (0, 0)
        self._upto: int | None = None
        self._gather_until = 0.0
        self._thread = threading.Thread(target=self._run, name="periods", daemon=True)

    @property
    def lag_ms(self) -> int:
        """How far the figures are behind the clock: 0 = every window that is over for 30 s is worked out."""
        return 0 if self._upto is None else max(0, self._target() - self._upto)

    @property
    def stale(self) -> int:
        """How many windows wait to be worked out again."""
        with self._engine.connect() as connection:
            return marks.count_stale(connection)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End after the request at hand; what is begun is done again after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        if self._link is not None:
            self._link.close()
            self._link = None
        return True

    def run_once(self, limit_s: float | None = None) -> bool:
        """Do all that is due now, for about ``limit_s`` seconds at the most; whether nothing is left.

        Raises UnwrittenError where the server does not take part: nothing is lost, call again.
        """
        until = None if limit_s is None else time.monotonic() + limit_s
        while self._step(eager=True):
            if self._stopping.is_set() or (until is not None and time.monotonic() >= until):
                return False
        return self.lag_ms == 0

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = min(_PAUSE_S, self._clock.wall_seconds(GRACE_MS / 1000))
            try:
                if self._step(eager=False):
                    pause = 0.0
            except Stopped:
                return
            except UnwrittenError as error:
                pause = self._trouble("held" if error.held else "behind", str(error), error.retry_after)
                continue
            except Exception as error:
                log.exception("figures of periods failed")
                pause = self._trouble("behind", f"{type(error).__name__}: {error}", None)
                continue
            if self.state != "ok":
                log.info("figures of periods go on")
                self._backoff.succeeded()
                self.state, self.words = "ok", ""

    def _trouble(self, kind: str, words: str, retry_after: float | None) -> float:
        if self.state != kind:
            log.warning("figures of periods are behind", state=kind, words=words)
        self.state, self.words = kind, words
        return self._backoff.failed(retry_after)

    def _step(self, *, eager: bool) -> bool:
        """One bounded piece of work; False where nothing is due. ``eager``: stale windows need not gather."""
        maker = self._maker()
        known = self._begin(maker)
        if known is None:
            return False
        book = self._look(known)
        if self._by_clock(maker, book, known):
            return True
        if not eager and time.monotonic() < self._gather_until:
            return False
        return self._again(maker, book, known)

    def _maker(self) -> Maker:
        if self._link is None:
            link = InfluxLink(Target.of(self._core.settings.influx), in_flight=1)
            link.open()
            self._link = link
        return Maker(self._link, self._engine, self._zone, self._stopping)

    def _target(self) -> int:
        """The end of the newest window that is over for long enough."""
        return window_of(self._clock.now_ms() - GRACE_MS)

    def _begin(self, maker: Maker) -> dict[str, int] | None:
        """The marks. The first time they begin at the oldest reading of the time that the journal is kept."""
        with self._engine.connect() as connection:
            known = marks.read_marks(connection)
        if marks.DONE not in known:
            now = self._clock.now_ms()
            kept = self._core.settings.journal.keep_days * 24 * HOUR_MS
            oldest = maker.oldest(KINDS, now - kept, now)
            if oldest is None:
                return None
            first = window_of(oldest)
            known = {marks.DONE: first, marks.BEGUN: first, marks.SINCE: first}
            with writing(self._engine) as connection:
                marks.write_marks(connection, known)
        self._upto = known[marks.DONE]
        return known

    def _look(self, known: dict[str, int]) -> Book:
        """Registry and rules as they are now; marks what their changes and those of sessions reach back for."""
        before = known.get(marks.REGISTRY)
        with self._engine.connect() as connection:
            version = newest_change(connection)
            changed = {} if before is None else changed_entries(connection, before, version)
            reaches, sessions = self._sessions.look(connection, known.get(marks.SESSIONS))
        book = self._book
        if book is None or version != book.registry.version or self._packs is not self._core.decider.fold.pack_texts:
            book = self._book = self._read_book(version)
        now = {marks.REGISTRY: version, marks.SESSIONS: sessions}
        if not reaches and now.items() <= known.items():
            return book
        old = Registry(self._core.settings.mqtt.root)
        if changed:
            load_registry(old, self._engine, -1 if before is None else before)
        # Worked out first: decide waits for whoever writes.
        stretches: dict[tuple[str, int, int], set[str]] = {}
        for kind, device, since in reached(old, book.registry, changed):
            stretches.setdefault((kind, max(since, known[marks.SINCE]), FOREVER), set()).add(device)
        for device, start, end in reaches:
            for kind in book.kinds(device):
                stretches.setdefault((kind, start, end), set()).add(device)
        # Nobody asks by the clock for devices that were removed. What they sent until then counts all the same, and
        # their hour is put together when it is over.
        ends = hour_of(self._clock.now_ms()) + HOUR_MS
        gone = removed(old, book.registry, changed)
        with writing(self._engine) as connection:
            for (kind, start, end), devices in stretches.items():
                marks.mark_stale(connection, kind, start, end, devices, due=True)
            for kind, devices in gone.items():
                marks.mark_ahead(connection, kind, known[marks.DONE], ends, devices)
            marks.write_marks(connection, now)
        return book

    def _read_book(self, version: int) -> Book:
        registry = Registry(self._core.settings.mqtt.root)
        load_registry(registry, self._engine, version)
        self._packs = texts = self._core.decider.fold.pack_texts
        rules = Rulebook([parse_pack(text, name) for name, text in texts.items()])
        return Book(registry, rules, self._heard)

    def _heard(self, device: str) -> list[Channel]:
        series = self._core.decider.fold.series
        return [series.name(index)[1:] for index in series.of(device)]

    def _by_clock(self, maker: Maker, book: Book, known: dict[str, int]) -> bool:
        """The next windows of all devices, an hour of them at the most, once the store has what was journaled."""
        done, target = known[marks.DONE], self._target()
        if done >= target:
            return False
        if done >= self._asked[0]:
            self._asked = (target, self._core.journal.durable)
        over, record = self._asked
        if self._stored() < record:
            return False
        end = min(over, hour_of(done) + HOUR_MS)
        run = range(done, end, WINDOW_MS)
        with writing(self._engine) as connection:
            marks.write_marks(connection, {marks.BEGUN: end})
        for kind in KINDS:
            devices = book.devices(kind)
            if devices:
                # A crash may have left figures of windows that were begun.
                maker.five(book, kind, run, devices, anew=known[marks.BEGUN] > done)
                if end == hour_of(end) or len(devices) <= FEW:
                    maker.hours(kind, [hour_of(done)], devices)
                    if end + HOUR_MS > over or end >= day_of(done, self._zone)[1]:
                        maker.days(kind, [hour_of(done)], devices)
        with writing(self._engine) as connection:
            marks.write_marks(connection, {marks.DONE: end})
        self._upto = end
        return True

    def _again(self, maker: Maker, book: Book, known: dict[str, int]) -> bool:
        """The newest stale windows, their hours and days."""
        with self._engine.connect() as connection:
            rows = marks.next_stale(connection, known[marks.DONE], _SPAN_MS, _ROWS)
        if not rows:
            self._gather_until = time.monotonic() + self._clock.wall_seconds(GATHER_S)
            return False
        kind = rows[0].kind
        taken = {row: min(row.until, row.start + _SPAN_MS, known[marks.DONE]) for row in rows}
        windows: dict[int, set[Named]] = {}
        for row, upto in taken.items():
            for start in range(row.start, upto, WINDOW_MS):
                windows.setdefault(start, set()).add((row.device, row.due))
        everybody = book.devices(kind)
        hours: dict[int, set[str]] = {}
        for run, named in _runs(windows):
            touched = {device for device, _ in named}
            devices = sorted({*everybody, *(touched - {marks.EVERY})} if marks.EVERY in touched else touched)
            whole = {device for device, due in named if due}
            stands = set() if marks.EVERY in whole else set(devices) - whole
            maker.five(book, kind, run, devices, anew=True, stands=stands)
            hours.setdefault(hour_of(run[0]), set()).update(devices)
        if len(everybody) > FEW:
            # An hour that is not over is written when it is.
            hours = {hour: some for hour, some in hours.items() if hour + HOUR_MS <= known[marks.DONE]}
        for hour, some in hours.items():
            maker.hours(kind, [hour], sorted(some))
        maker.days(kind, list(hours), sorted(set().union(*hours.values())))
        with writing(self._engine) as connection:
            marks.settle_stale(connection, taken)
        return True


def _runs(windows: dict[int, set[Named]]) -> list[tuple[range, set[Named]]]:
    """Windows that follow each other within an hour and concern the same devices, put together."""
    runs: list[tuple[range, set[Named]]] = []
    for start in sorted(windows):
        if runs and runs[-1][0].stop == start and start % HOUR_MS and runs[-1][1] == windows[start]:
            runs[-1] = range(runs[-1][0].start, start + WINDOW_MS, WINDOW_MS), runs[-1][1]
        else:
            runs.append((range(start, start + WINDOW_MS, WINDOW_MS), windows[start]))
    return runs
