"""Positions of Chinese maps as WGS-84: GCJ-02 (national maps, AMap, Tencent) and BD-09 (Baidu, GCJ-02 moved once more).

GCJ-02 moves every point in China by some 100 to 700 m. Its definition is not published; the formula here is the one
that was worked out from outside by comparing maps and is used everywhere since. It is an approximation that nobody
vouches for: it agrees with the maps to a few metres, good enough to see a place in its district, and not for surveying.
What is exact here is the way back: the shift is solved by iteration until it is better than a millimetre against that
formula.

The formula holds inside a rectangle around China, which covers parts of its neighbours, too; outside positions stay as
they are. All angles are degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

System = Literal["wgs84", "gcj02", "bd09"]
SYSTEMS: tuple[str, ...] = get_args(System)

#: The rectangle of the formula: south, north, west, east.
_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
#: The formula's ellipsoid (Krassowsky 1940): half axis in m, first eccentricity squared.
_HALF_AXIS_M = 6_378_245.0
_ECCENTRICITY_2 = 0.006_693_421_622_965_943
#: Where the polynomial of the formula has its origin.
_ORIGIN_LAT, _ORIGIN_LON = 35.0, 105.0
#: Degrees below which the way back is found: a tenth of a millimetre.
_CLOSE = 1e-9
_MOST_TURNS = 30
#: Digits of a degree that are kept: a centimetre.
DIGITS = 7


class Position(NamedTuple):
    """Degrees north and east."""

    lat: float
    lon: float


def in_china(at: Position) -> bool:
    """Whether a position is inside the rectangle in which the formula moves it."""
    return _SOUTH <= at.lat <= _NORTH and _WEST <= at.lon <= _EAST


def wgs84_of(at: Position, system: System) -> Position:
    """A position of another system as WGS-84, to ``DIGITS`` digits; one that is WGS-84 already stays as it is."""
    if system == "wgs84":
        return at
    national = _undone(_bd09_of_gcj02, at) if system == "bd09" and in_china(at) else at
    found = _undone(gcj02_of, national) if in_china(national) else national
    return Position(round(found.lat, DIGITS), round(found.lon, DIGITS))


def gcj02_of(at: Position) -> Position:
    """A WGS-84 position as GCJ-02 maps show it."""
    if not in_china(at):
        return at
    x, y = at.lon - _ORIGIN_LON, at.lat - _ORIGIN_LAT
    north, east = _shift_m(x, y)
    latitude = math.radians(at.lat)
    flat = 1.0 - _ECCENTRICITY_2 * math.sin(latitude) ** 2
    meridian = _HALF_AXIS_M * (1.0 - _ECCENTRICITY_2) / flat**1.5
    parallel = _HALF_AXIS_M / math.sqrt(flat) * math.cos(latitude)
    return Position(at.lat + math.degrees(north / meridian), at.lon + math.degrees(east / parallel))


def bd09_of(at: Position) -> Position:
    """A WGS-84 position as Baidu's maps show it."""
    return _bd09_of_gcj02(gcj02_of(at)) if in_china(at) else at


def _shift_m(x: float, y: float) -> tuple[float, float]:
    """How far north and east the formula moves a point, in its metres; x, y in degrees from its origin."""
    root = math.sqrt(abs(x))
    fine = 20.0 * (math.sin(6.0 * math.pi * x) + math.sin(2.0 * math.pi * x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += 2.0 / 3.0 * (fine + _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30)))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += 2.0 / 3.0 * (fine + _waves(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30)))
    return north, east


def _waves(at: float, *parts: tuple[float, float]) -> float:
    return sum(height * math.sin(at * turns * math.pi) for height, turns in parts)


def _bd09_of_gcj02(at: Position) -> Position:
    step = math.pi * 3000.0 / 180.0
    radius = math.hypot(at.lon, at.lat) + 0.000_02 * math.sin(at.lat * step)
    angle = math.atan2(at.lat, at.lon) + 0.000_003 * math.cos(at.lon * step)
    return Position(radius * math.sin(angle) + 0.006, radius * math.cos(angle) + 0.0065)


def _undone(move: Callable[[Position], Position], moved: Position) -> Position:
    """The position that ``move`` brings to ``moved``: each turn takes off what the guess is wrong by."""
    lat, lon = moved
    for _ in range(_MOST_TURNS):
        there = move(Position(lat, lon))
        north, east = moved.lat - there.lat, moved.lon - there.lon
        lat, lon = lat + north, lon + east
        if abs(north) < _CLOSE and abs(east) < _CLOSE:
            break
    return Position(lat, lon)
