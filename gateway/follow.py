"""The thread that feeds the store: it follows decide's cursor, at its own pace, and repeats until the store has all."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import msgspec
import structlog
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway import state
from gateway.core import Core
from gateway.journal.reader import Reader
from gateway.rederive import Rederive
from gateway.store.base import Item, RetryError, StoreParked

log = structlog.get_logger(__name__)

BATCH_BYTES = 1 << 20
BATCH_ITEMS = 5_000
#: Seconds from one batch to the next at the least, while fewer than BATCH_ITEMS wait.
GATHER_S = 0.1


class Alarm(Protocol):
    """Says that the store begins or ends to be held or unreachable."""

    def __call__(self, name: str, *, on: bool) -> None:
        """Raise or clear the alarm ``name``."""
        ...


class Follower:
    """Moves one store along.

    ``state`` is ``ok``, ``behind`` (retrying), ``down`` (for long) or ``held`` (a person must act), ``words`` say why.
    ``alarm`` is called in the follower's thread.
    """

    def __init__(self, core: Core, alarm: Alarm) -> None:
        self.store = core.store
        self.cursor = core.store.stats().cursor
        self.state = "ok"
        self.words = ""
        self._written_at = 0.0
        self._decider = core.decider
        self._reader = Reader(core.installation.journal)
        self._engine = core.engine
        self._rederive = Rederive(core.engine, core.settings.mqtt.root)
        self._handoff = core.handoff
        self._alarm = alarm
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Start following."""
        self._note(self.store.last_parked())
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Store what is decided, then end; gives up after ``timeout`` seconds (what is left waits in the journal)."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        tries = 0
        batch: tuple[int, list[Item]] | None = None
        while True:
            try:
                self._gather()
                batch = batch or self._next()
                if batch is None:
                    if self._stopping.is_set():
                        return
                    self._decider.wait(self.cursor + 1, 0.2)
                    continue
                last, items = batch
                parked = self.store.write(items, last)
            except RetryError as error:
                tries += 1
                if self._stopping.is_set():
                    return
                self._trouble("held" if error.held else "behind", str(error), tries)
                self._stopping.wait(error.after)
                continue
            except Exception as error:
                tries += 1
                log.exception("the store failed", store=self.store.name)
                if self._stopping.is_set():
                    return
                self._trouble("behind", f"{type(error).__name__}: {error}", tries)
                self._stopping.wait(min(30.0, 0.5 * 2**tries))
                continue
            self._note(parked)
            self.cursor = last
            self._written_at = time.monotonic()
            batch, tries = None, 0
            if self.state != "ok":
                self._fine()

    def _gather(self) -> None:
        """A batch has a price of its own: unless many records wait, let them gather for a moment."""
        left = self._written_at + GATHER_S - time.monotonic()
        if left > 0 and not self._stopping.is_set():
            self._decider.wait(self.cursor + BATCH_ITEMS, left)

    def _next(self) -> tuple[int, list[Item]] | None:
        decided = self._decider.cursor
        first = self.cursor + 1
        if decided < first:
            return None
        handed = self._handoff.take(first, BATCH_ITEMS)
        if handed is not None:
            return handed
        records = self._reader.read(first, end=decided, max_bytes=BATCH_BYTES)
        return records[-1].offset, self._rederive.items(records)

    def _note(self, parked: list[StoreParked]) -> None:
        if not parked:
            return
        statement = upsert(state.store_parked).on_conflict_do_nothing()
        rows = [
            {
                "store": self.store.name,
                "offset": one.offset,
                "reason": one.reason,
                "detail": msgspec.json.encode(one.detail).decode(),
                "whole": one.whole,
            }
            for one in parked
        ]
        with self._engine.begin() as connection:
            connection.execute(statement, rows)

    def _trouble(self, kind: str, words: str, tries: int) -> None:
        standing = "down" if kind == "behind" and tries >= ALARM_TRIES else kind
        if self.state != standing:
            log.warning("the store does not take data", store=self.store.name, state=standing, words=words)
        # One cause, one alarm: a store that answers, but refuses us, is not away.
        self._alarm("store_held", on=kind == "held")
        if kind == "held" or tries >= ALARM_TRIES:
            self._alarm("store_unreachable", on=kind != "held")
        self.state, self.words = standing, words

    def _fine(self) -> None:
        log.info("the store takes data again", store=self.store.name)
        self._alarm("store_held", on=False)
        self._alarm("store_unreachable", on=False)
        self.state, self.words = "ok", ""


#: Refusals in a row before people are told that the store is away.
ALARM_TRIES = 5
