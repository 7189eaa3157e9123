"""What is written into InfluxDB beside readings, for charts: figures of periods, and the state as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.services import Lag

if TYPE_CHECKING:
    from gateway.core import Core
    from gateway.follow import Follower
    from gateway.view import View

#: Figures that are so many ms behind the clock are late: a window and the time of one pass.
LATE_MS = 2 * 300_000


class Charts:
    """Both threads; made where ``timeseries.store`` is ``influx``. Loads InfluxDB's client: not in the event loop."""

    def __init__(self, view: View, core: Core, follower: Follower) -> None:
        from gateway.mirror.mirror import Mirror  # noqa: PLC0415 - the client of InfluxDB takes a second to load
        from gateway.periods import Periods  # noqa: PLC0415 - likewise

        self.periods = Periods(core, lambda: follower.cursor, core.clock)
        self.mirror = Mirror(view, core, core.clock)
        self._follower = follower
        view.followers |= {"periods": self._periods_lag, "mirror": self._mirror_lag}

    def start(self) -> None:
        """Start both."""
        self.periods.start()
        self.mirror.start()

    def stop(self, timeout: float) -> bool:
        """End both, within ``timeout`` seconds each; what is begun is done again after the next start."""
        return self.periods.stop(timeout) & self.mirror.stop(timeout)

    def _mirror_lag(self) -> Lag:
        """How far the state as it stands was mirrored; ``behind`` counts minutes."""
        mirror = self.mirror
        return _lag(self._follower.cursor, mirror.behind, mirror.state, mirror.words, late=False)

    def _periods_lag(self) -> Lag:
        """How far the figures have come; ``behind`` counts windows of five minutes, not records."""
        periods = self.periods
        late = periods.lag_ms > LATE_MS
        words = periods.words or (f"{periods.lag_ms // 60_000} minutes behind the clock" if late else "")
        return _lag(self._follower.cursor, periods.lag_ms // 300_000, periods.state, words, late=late)


def _lag(cursor: int, behind: int, standing: str, words: str, *, late: bool) -> Lag:
    if standing == "held":
        return Lag(cursor, behind, "held", words)
    return Lag(cursor, behind, "behind" if late or standing != "ok" else "ok", words)
