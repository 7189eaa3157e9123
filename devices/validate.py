"""One value, one time, one flag at a time: what is taken and why not (pure, never raises).

Everything that a sender can put into JSON is judged here, by the rules of docs/payloads.md. Codecs take a quick way
round it only where its answer is known to be the same.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from devices.reading import FLAGS

#: The last ms whose ns since 1970 fit into 64 bits (2262-04-11), which is as far as the stores count.
LATEST_MS = 9_223_372_036_854
#: Longest text of a refused value or key that is kept.
RAW_LENGTH = 120
#: Longest text ``id`` of a message.
ID_LENGTH = 128
#: An unknown flag that is no single letter or digit.
UNKNOWN_FLAG = "?"

#: No sentinels.
NOTHING: frozenset[Any] = frozenset()

_INT64 = 2**63
_DECIMAL = re.compile(r"([<>＜＞]?)\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}(?:\.\d*)?", re.ASCII)
_QUALIFIERS = {"": "", "<": "<", ">": ">", "＜": "<", "＞": ">"}


class Channel(msgspec.Struct, frozen=True):
    """One series of a device as a key of its messages addresses it.

    ``value = a * raw + b`` is in the catalogue's unit and plausible from ``low`` to ``high`` (inclusive). ``skip_*``
    are the source's sentinels, compared with what was sent. ``fault`` says why no value can be taken ("" = none).
    """

    parameter: str
    point: str
    low: float
    high: float
    a: float = 1.0
    b: float = 0.0
    switch: bool = False
    fault: str = ""
    skip_numbers: frozenset[float] = NOTHING
    skip_texts: frozenset[str] = NOTHING

    @property
    def key(self) -> str:
        """``<parameter>`` or ``<parameter>@<point>``."""
        return self.parameter if self.point == "-" else f"{self.parameter}@{self.point}"


def judge_value(raw: object, channel: Channel) -> tuple[float, str] | str:
    """(value in the catalogue's unit, qualifier), or the reason of ``devices.reading.REASONS`` why not.

    A sentinel is compared as it was sent, before any conversion, and before its text is taken for a number.
    """
    if isinstance(raw, str) and raw.strip() in channel.skip_texts:
        return "sentinel"
    number, qualifier = _number(raw, switch=channel.switch)
    if not math.isfinite(number):
        return "not_a_number"
    if number in channel.skip_numbers:
        return "sentinel"
    if channel.fault:
        return "bad_unit"
    value = number * channel.a + channel.b
    if not channel.low <= value <= channel.high or (channel.switch and value not in {0.0, 1.0}):
        return "implausible"
    return value, qualifier


def _number(raw: object, *, switch: bool) -> tuple[float, str]:
    """(number, qualifier) as sent; NaN or an infinity where it is no number that counts."""
    if isinstance(raw, str):
        found = _DECIMAL.fullmatch(raw.strip())
        return (math.nan, "") if found is None else (float(found[2]), _QUALIFIERS[found[1]])
    if isinstance(raw, bool) and not switch:
        return math.nan, ""
    if isinstance(raw, int | float):
        return _float(raw), ""
    return math.nan, ""


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def judge_flag(raw: object) -> str:
    """The HJ 212 flag of a value; none is N. Table 8 is open: another letter or digit is kept, all else is ``?``."""
    if not isinstance(raw, str):
        return "N" if raw is None else UNKNOWN_FLAG
    flag = raw.strip().upper()
    if flag in FLAGS or (len(flag) == 1 and flag.isascii() and flag.isalnum()):
        return flag
    return UNKNOWN_FLAG


def unix_ms(raw: object) -> int | None:
    """Time in ms since 1970 from a number or numeric text; fractions are cut off. None = no time."""
    if isinstance(raw, str):
        text = raw.strip()
        if _INTEGER.fullmatch(text) is None:
            return None
        return int(text.partition(".")[0])
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    return int(raw)


def judge_id(raw: object) -> str | int | None:
    """The ``id`` of a message as a reply can echo it: text of 1 to 128 characters or a 64-bit integer, else None."""
    if isinstance(raw, str):
        return raw if 0 < len(raw) <= ID_LENGTH and _encodable(raw) else None
    return judge_integer(raw)


def judge_integer(raw: object) -> int | None:
    """A 64-bit integer, else None."""
    if isinstance(raw, int) and not isinstance(raw, bool) and -_INT64 <= raw < _INT64:
        return raw
    return None


def shown(raw: object) -> str:
    """``raw`` as text that is always valid UTF-8 and at most ``RAW_LENGTH`` characters, for a refusal."""
    if isinstance(raw, str):
        text = raw[: RAW_LENGTH + 1]
    else:
        try:
            text = json.dumps(raw, ensure_ascii=False)
        except (ValueError, TypeError, RecursionError):
            text = f"({type(raw).__name__})"
    if not _encodable(text):
        text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= RAW_LENGTH else f"{text[: RAW_LENGTH - 1]}…"


def _encodable(text: str) -> bool:
    """Whether text can be written as UTF-8: JSON can spell lone surrogates, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
