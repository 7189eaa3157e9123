"""The parts of a custody event that are neither ids nor weight; what cannot be used is left out (pure)."""

from __future__ import annotations

import math
import re

import msgspec

from custody.fact import File
from devices.validate import ID_LENGTH, judge_id

#: Longest reason; a longer one is cut.
_REASON = 500
_MOST_FILES = 32
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Badge(msgspec.Struct, frozen=True, array_like=True):
    """A badge as a terminal read it, and how (``card``, ``pin``, ...)."""

    badge: str
    auth: str = ""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Degrees, WGS 84."""

    lat: float
    lon: float


def text_of(raw: object) -> str | None:
    """Text of 1 to 128 characters (an integer counts as its digits), else None."""
    if isinstance(raw, str) and raw.isascii():
        return raw.strip() or None if len(raw) <= ID_LENGTH else None
    found = judge_id(raw)
    return None if found is None else str(found).strip() or None


def line_of(raw: object, flags: set[str]) -> str:
    """``text_of``; empty where there is none, with ``bad_value`` where something else was sent."""
    if raw is None:
        return ""
    found = text_of(raw)
    if found is None and raw != "":
        flags.add("bad_value")
    return found or ""


def words_of(raw: object, flags: set[str]) -> str:
    """What somebody wrote, at most 500 characters of it."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        flags.add("bad_value")
        return ""
    return raw.strip()[:_REASON].encode("utf-8", "replace").decode()


def badge_of(raw: object, flags: set[str]) -> Badge | None:
    """``{"badge": "0412", "auth": "card"}``; None where nobody is named."""
    if raw is None:
        return None
    badge = text_of(raw.get("badge")) if isinstance(raw, dict) else None
    if badge is None or not isinstance(raw, dict):
        flags.add("bad_value")
        return None
    return Badge(badge, line_of(raw.get("auth"), flags))


def position_of(raw: object, flags: set[str]) -> Position | None:
    """``{"lat": 32.06, "lon": 118.77}``."""
    if raw is None:
        return None
    lat, lon = (raw.get("lat"), raw.get("lon")) if isinstance(raw, dict) else (None, None)
    if not _degrees(lat, 90) or not _degrees(lon, 180):
        flags.add("bad_value")
        return None
    assert isinstance(lat, int | float)
    assert isinstance(lon, int | float)
    return Position(float(lat), float(lon))


def _degrees(raw: object, most: int) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return False
    return math.isfinite(raw) and -most <= raw <= most


def files_of(raw: object, flags: set[str]) -> list[File]:
    """``[{"sha256": "...", "name": "slip.jpg"}]``, at most 32."""
    if raw is None:
        return []
    found: dict[str, File] = {}
    for one in raw if isinstance(raw, list) else [raw]:
        sent, name = (one.get("sha256"), one.get("name")) if isinstance(one, dict) else (None, None)
        digest = sent.lower() if isinstance(sent, str) else ""
        if _SHA256.fullmatch(digest) is None or len(found) >= _MOST_FILES:
            flags.add("bad_value")
            continue
        found.setdefault(digest, File(digest, line_of(name, flags)))
    return list(found.values())
