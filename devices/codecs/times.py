"""Times as other makers write them, to ms since 1970 UTC (pure).

``format`` of a source or map file is ``unix_s``, ``unix_ms``, ``iso8601`` or a strptime pattern. A text without an
offset of its own is local time of ``zone`` (an IANA name, default UTC). Where the clocks go back, an hour comes twice
and such a text means the first of the two (fold 0); readings of the second hour then meet times that are known and
become conflicts. Where they go forward, a time that never was counts with the offset before. A sender that keeps UTC
or a fixed offset (``Etc/GMT-8``, ``Asia/Shanghai`` since 1991) has neither trouble.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from devices.validate import unix_ms

#: From a raw JSON value (or the text of a cell) to ms since 1970 UTC; None = not such a time. Never raises.
ReadTime = Callable[[object], int | None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SECONDS = re.compile(r"([+-]?)(\d{1,14})(?:\.(\d*))?", re.ASCII)


class TimeFormatError(ValueError):
    """A time format or zone that does not exist; the message says what is allowed."""


@lru_cache(maxsize=256)
def compile_time(form: str, zone: str | None = None) -> ReadTime:
    """The reader of times in ``form``. Raises TimeFormatError."""
    place = _zone(zone)
    if form == "unix_ms":
        return unix_ms
    if form == "unix_s":
        return _unix_s
    if form == "iso8601":
        return lambda raw: _from_text(raw, datetime.fromisoformat, place)
    _check_pattern(form)
    return lambda raw: _from_text(raw, lambda text: datetime.strptime(text, form), place)  # noqa: DTZ007 - see _from_text


def _zone(zone: str | None) -> tzinfo:
    if not zone:
        return UTC
    try:
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise TimeFormatError(f"zone {zone!r} is not known; allowed: an IANA name such as Asia/Shanghai") from None


def _check_pattern(form: str) -> None:
    allowed = "allowed: unix_s, unix_ms, iso8601 or a strptime pattern such as %Y-%m-%d %H:%M:%S"
    if "%" not in form:
        raise TimeFormatError(f"time format {form!r} is not known; {allowed}")
    probe = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(probe.strftime(form), form)  # noqa: DTZ007 - only the pattern is tried
    except (ValueError, re.error):
        raise TimeFormatError(f"time format {form!r} cannot be read back; {allowed}") from None


def _unix_s(raw: object) -> int | None:
    """Seconds as a number or decimal text, rounded to the ms."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw * 1000
    if isinstance(raw, float):
        return round(raw * 1000) if math.isfinite(raw) and abs(raw) < 1e14 else None
    found = _SECONDS.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if found is None:
        return None
    ms = int(found[2]) * 1000 + int((found[3] or "")[:3].ljust(3, "0"))
    return -ms if found[1] == "-" else ms


def _from_text(raw: object, read: Callable[[str], datetime], place: tzinfo) -> int | None:
    """A time from text; digits that a sender wrote as a number (20240601085857) are taken as their text."""
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None
    try:
        found = read(str(raw).strip())
        if found.tzinfo is None:
            found = found.replace(tzinfo=place)
        return (found - _EPOCH) // _MS
    except (ValueError, OverflowError):
        return None
