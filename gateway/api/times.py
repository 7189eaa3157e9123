"""Times as people and programs write them: integer ms since 1970 UTC, or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

#: The end of the year 9999, the last that ISO 8601 writes in four digits.
LAST_MS = 253_402_300_799_999

ALLOWED = "ms since 1970 UTC (0 to 253402300799999) or ISO 8601, such as 2025-01-31T08:00:00+08:00"

_DIGITS = re.compile(r"[0-9]{1,15}")
#: In a query a plus sign that nobody encoded has become a space.
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


def parse_time(text: str, zone: tzinfo) -> int:
    """Ms since 1970 UTC of ``text``; without an offset it is local time of ``zone``. Raises ValueError."""
    text = text.strip()
    if _DIGITS.fullmatch(text):
        found = int(text)
    else:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        try:
            found = round(moment.timestamp() * 1000)
        except OverflowError:
            raise ValueError(ALLOWED) from None
    if not 0 <= found <= LAST_MS:
        raise ValueError(ALLOWED)
    return found


def print_time(ms: int, zone: tzinfo) -> str:
    """ISO 8601 with offset and milliseconds, in ``zone``; times beyond the year 9999 stay numbers."""
    if not 0 <= ms <= LAST_MS:
        return str(ms)
    whole, rest = divmod(ms, 1000)
    try:
        moment = datetime.fromtimestamp(whole, UTC).astimezone(zone)
    except OverflowError:
        return str(ms)
    return moment.replace(microsecond=rest * 1000).isoformat(timespec="milliseconds")
