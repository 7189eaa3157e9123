"""What the writer looks at between two batches: the clock, and how much of the disk is free."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.journal.disk import Disk

#: A wall clock that moves this much against the monotonic one was set by somebody (DESIGN 3).
STEP_MS = 5_000
#: A tick comes after this many ms of clock time without a record (DESIGN 3).
IDLE_MS = 1_000
#: On a fast simulated clock ticks come no closer together than this many real seconds.
_SHORTEST_WAIT = 0.05
#: The free space is looked at again after so many real seconds, or so many bytes; a full disk is tried as often.
LOOK_SECONDS = 1.0
_LOOK_BYTES = 16 << 20
#: More than ``min_free`` by this much must be free before messages are written again.
_LEAST_MARGIN = 1 << 20


class ClockWatch:
    """Tells a step of the wall clock from time that passes, and when a tick is due.

    ``last`` is the time of the last record of the journal: a machine that starts with its clock behind it has
    stepped as well. After a step back journal time is ``ahead`` of the wall clock by so many ms. It goes on, at half
    the pace of the monotonic clock, so that timers run and the wall clock catches up.
    """

    def __init__(self, clock: Clock, last: int) -> None:
        self._clock = clock
        self._wall = max(last, clock.now_ms())
        self._monotonic = self._written = clock.monotonic()
        self.ahead = 0.0

    def look(self) -> tuple[int, dict[str, Any] | None]:
        """Journal time now, and the body of a CLOCK_STEP record if the clock was set since the last look.

        In it the wall clock went ``from`` - ``to`` while ``monotonic_ms`` passed.
        """
        wall, monotonic = self._clock.now_ms(), self._clock.monotonic()
        passed = round((monotonic - self._monotonic) * 1000)
        before, self._wall, self._monotonic = self._wall, wall, monotonic
        step = wall - before - passed
        if abs(step) <= STEP_MS:
            self.ahead = max(0.0, self.ahead - passed / 2)
            return wall + int(self.ahead), None
        self.ahead = max(0.0, self.ahead - step)
        return wall + int(self.ahead), {"type": "clock_step", "from": before, "to": wall, "monotonic_ms": passed}

    def wrote(self) -> None:
        """A record was written."""
        self._written = self._monotonic

    def tick_due(self) -> bool:
        """Whether there was no record for ``IDLE_MS`` when last looked."""
        return (self._monotonic - self._written) * 1000 >= IDLE_MS

    def until_tick(self) -> float:
        """Real seconds to wait for the next tick."""
        idle = self._clock.monotonic() - self._written
        return max(_SHORTEST_WAIT, self._clock.wall_seconds(IDLE_MS / 1000 - idle))


class SpaceWatch:
    """Whether too little disk is free; the disk lives in real time, whatever clock the gateway runs on.

    ``low`` begins as what the journal said last, ``free`` is the figure of the last look in bytes.
    """

    def __init__(self, disk: Disk, folder: Path, min_free: int, *, low: bool) -> None:
        self._disk = disk
        self._folder = folder
        self.min_free = min_free
        self.low = low
        self.free = 0
        self._looked = float("-inf")
        self._unseen = 0
        #: Nothing can be written at all before this monotonic time: the disk refused a write as full.
        self._full_until = float("-inf")

    def look(self) -> dict[str, Any] | None:
        """Look if it is time to; the body of an ALARM record if the state changed."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS and self._unseen < _LOOK_BYTES:
            return None
        self._looked, self._unseen = now, 0
        self.free = self._disk.free(self._folder)
        margin = max(_LEAST_MARGIN, self.min_free // 16) if self.low else 0
        if (self.free < self.min_free + margin) == self.low:
            return None
        self.low = not self.low
        return self.alarm()

    def wrote(self, size: int) -> None:
        """``size`` bytes went to the disk."""
        self._unseen += size

    def refused(self) -> dict[str, Any] | None:
        """The disk refused a write as full; the body of an ALARM record if that is new."""
        self._full_until = self._looked = time.monotonic()
        self._full_until += LOOK_SECONDS
        if self.low:
            return None
        self.low = True
        return self.alarm()

    @property
    def full(self) -> bool:
        """Not even commands and alarms can be written for now."""
        return time.monotonic() < self._full_until

    def until_look(self) -> float:
        """Real seconds until the next look while ``low``."""
        return max(_SHORTEST_WAIT, self._looked + LOOK_SECONDS - time.monotonic())

    def alarm(self) -> dict[str, Any]:
        """The body of an ALARM record that says the present state."""
        state = "on" if self.low else "off"
        return {"type": "alarm", "alarm": "disk_low", "state": state, "free": self.free, "min_free": self.min_free}
