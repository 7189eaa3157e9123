"""Times and numbers as people write them (pure)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_time(at: int, zone: str) -> datetime:
    """Wall time in ``zone`` (an unknown zone: UTC) of ms since 1970 UTC; beyond the calendar: its beginning."""
    try:
        return (_EPOCH + timedelta(milliseconds=at)).astimezone(_zone(zone))
    except OverflowError:
        return _EPOCH


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def numbers(value: float, limit: float | None, decimals: int | None) -> tuple[str, str]:
    """Value and limit as people write them: with the parameter's decimals, and more where they would look equal."""
    if limit is None:
        return _number(value, decimals), ""
    if decimals is None or value == limit:
        return _number(value, decimals), _number(limit, decimals)
    for more in range(decimals, 17):
        texts = f"{value:.{more}f}", f"{limit:.{more}f}"
        if texts[0] != texts[1] and float(texts[1]) == limit:
            return _plain(texts[0]), _plain(texts[1])
    return repr(value), repr(limit)


def plain_number(value: float) -> str:
    """A number with the digits that tell it from others: three significant ones at least, no noughts at its end."""
    if not value or not math.isfinite(value) or not 1e-9 < abs(value) < 1e9:
        return f"{value:g}"
    text = f"{value:.{max(1, 2 - math.floor(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".")


def about(value: float) -> str:
    """A number to three significant digits."""
    if not value or not math.isfinite(value) or not 1e-9 < abs(value) < 1e9:
        return f"{value:g}"
    return plain_number(round(value, 2 - math.floor(math.log10(abs(value)))))


def _number(value: float, decimals: int | None) -> str:
    return f"{value:g}" if decimals is None else _plain(f"{value:.{decimals}f}")


def _plain(text: str) -> str:
    """Without the sign of a nought."""
    return text.lstrip("-") if not float(text) else text
