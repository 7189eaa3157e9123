"""Clocks. Everything that needs the time is handed one of these; deciding code gets plain numbers."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in ms since 1970 UTC and a monotonic time in seconds that never steps."""

    def now_ms(self) -> int:
        """Wall time, ms since 1970 UTC; may step when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, on the same scale as ``now_ms``."""
        ...

    def wall_seconds(self, seconds: float) -> float:
        """How many real seconds ``seconds`` of this clock take, for time-outs."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return time.monotonic()

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``."""
        return seconds


class SimulatedClock:
    """A clock that starts at ``start_ms`` and runs ``speed`` times as fast as real time."""

    def __init__(self, start_ms: int, speed: float) -> None:
        self.start_ms = start_ms
        self.speed = speed
        self._began = time.monotonic()

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return self.start_ms + int((time.monotonic() - self._began) * self.speed * 1000)

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return (time.monotonic() - self._began) * self.speed

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``."""
        return seconds / self.speed
