"""Windows of 5 minutes, hours and local days (pure). Times are ms since 1970 UTC; a window is named by its start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

WINDOW_MS = 300_000
HOUR_MS = 3_600_000
#: A window is worked out when the clock is so far past its end, so that what was on its way has come.
GRACE_MS = 30_000


def window_of(ts: int) -> int:
    """The 5-minute window of a time."""
    return ts - ts % WINDOW_MS


def windows(start: int, end: int) -> range:
    """The 5-minute windows that overlap ``start`` <= t < ``end``."""
    return range(window_of(start), end, WINDOW_MS)


def hour_of(ts: int) -> int:
    """The hour of a time; hours are whole ones of UTC."""
    return ts - ts % HOUR_MS


def day_of(ts: int, zone: ZoneInfo) -> tuple[int, int]:
    """The local day (start, end) of a time: 23 or 25 hours long where clocks are put forward or back."""
    day = dt.datetime.fromtimestamp(ts / 1000, zone).date()
    return _midnight(day, zone), _midnight(day + dt.timedelta(days=1), zone)


def days_of(hours: Iterable[int], zone: ZoneInfo) -> list[tuple[int, int]]:
    """The local days that the hours touch, in order."""
    return sorted({day_of(at, zone) for hour in hours for at in (hour, hour + HOUR_MS - 1)})


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    """The first moment of a local day, on a whole 5-minute window (zones before 1930 had odd seconds)."""
    return window_of(round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000))
