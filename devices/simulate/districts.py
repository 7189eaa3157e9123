"""Eight invented districts of the simulated city, and where its places stand in them (WGS-84).

The city is no real one: it lies in the sea where equator and prime meridian meet. A centre, and seven districts around
it whose borders are curved lines, so that a map of it looks like a map.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

#: Middle of the city (degrees north, east) and radii of its centre and its border (degrees).
_LAT, _LON = 0.25, 0.25
_INNER, _OUTER = 0.042, 0.13
_SECTORS = 7
_STEPS = 12
#: Keeps positions apart without a random number: powers of the plastic number's inverse, as the golden ratio does on
#: a line.
_ALONG, _OUTWARDS = 0.754_877_666_246_693, 0.569_840_290_998_053


class District(NamedTuple):
    """``id`` is its whole path in the grid: it has none above it."""

    id: str
    zh: str
    en: str


DISTRICTS = (
    District("sim-centre", "模拟中心区", "Simulated Centre"),
    District("sim-east", "模拟东区", "Simulated East"),
    District("sim-northeast", "模拟东北区", "Simulated Northeast"),
    District("sim-north", "模拟北区", "Simulated North"),
    District("sim-northwest", "模拟西北区", "Simulated Northwest"),
    District("sim-west", "模拟西区", "Simulated West"),
    District("sim-southwest", "模拟西南区", "Simulated Southwest"),
    District("sim-southeast", "模拟东南区", "Simulated Southeast"),
)


def grid_of(number: int) -> str:
    """The district in which the ``number``-th place or unit stands."""
    return DISTRICTS[number % len(DISTRICTS)].id


def grid_entries() -> list[dict[str, Any]]:
    """The section ``grid`` of the simulated city."""
    return [{"id": one.id, "name": {"zh": one.zh, "en": one.en}} for one in DISTRICTS]


def position_of(grid: str, number: int) -> dict[str, float]:
    """``lat`` and ``lon`` of the ``number``-th place of a district: spread over it, always the same."""
    index = next(index for index, one in enumerate(DISTRICTS) if one.id == grid)
    along = (0.5 + number * _ALONG) % 1.0
    out = (0.5 + number * _OUTWARDS) % 1.0
    if index == 0:
        angle = 2 * math.pi * along
        return _degrees(_point(angle, 0.85 * math.sqrt(out) * _inner(angle)))
    part = 0.15 + 0.7 * along
    begin = _inner(_middle(index)) + 0.014
    radius = begin + (0.85 * _outer(_middle(index)) - begin) * out
    angle = (1 - part) * _spoke(index - 1, radius) + part * _spoke(index, radius)
    return _degrees(_point(angle, radius))


def outlines() -> dict[str, Any]:
    """The districts as a GeoJSON FeatureCollection."""
    return {
        "type": "FeatureCollection",
        "name": "Districts of the simulated city: invented, no real place (模拟城市，纯属虚构)",
        "features": [
            {
                "type": "Feature",
                "properties": {"id": one.id, "grid": one.id, "name_zh": one.zh, "name_en": one.en},
                "geometry": {"type": "Polygon", "coordinates": [_ring(index)]},
            }
            for index, one in enumerate(DISTRICTS)
        ],
    }


def _ring(index: int) -> list[list[float]]:
    """The border of a district, closed; neighbours share every point between them."""
    if index == 0:
        angles = [angle for sector in range(_SECTORS) for angle in _arc(sector, _INNER)[:-1]]
        points = [_point(angle, _inner(angle)) for angle in angles]
    else:
        left, right = index - 1, index
        outwards = [_on_spoke(left, step / _STEPS) for step in range(_STEPS + 1)]
        around = [_point(angle, _outer(angle)) for angle in _arc(left, _OUTER)[1:-1]]
        inwards = [_on_spoke(right, step / _STEPS) for step in range(_STEPS, -1, -1)]
        back = [_point(angle, _inner(angle)) for angle in _arc(left, _INNER)[-2:0:-1]]
        points = outwards + around + inwards + back
    placed = [_degrees(point) for point in points]
    ring = [[one["lon"], one["lat"]] for one in placed]
    return [*ring, ring[0]]


def _arc(sector: int, radius: float) -> list[float]:
    """Angles from one spoke to the next."""
    begin, end = _spoke(sector, radius), _spoke(sector + 1, radius)
    return [begin + (end - begin) * step / _STEPS for step in range(_STEPS + 1)]


def _spoke(number: int, radius: float) -> float:
    """The angle of a border between two outer districts: it bends on its way out."""
    turn, which = divmod(number, _SECTORS)
    straight = 2 * math.pi * (which - 0.5) / _SECTORS
    return 2 * math.pi * turn + straight + 0.13 * math.sin(22.0 * (radius - _INNER) + 1.7 * which)


def _on_spoke(number: int, part: float) -> tuple[float, float]:
    begin, end = _spoke(number, _INNER), _spoke(number, _OUTER)
    radius = _inner(begin) + (_outer(end) - _inner(begin)) * part
    angle = begin if part == 0 else end if part == 1 else _spoke(number, _INNER + (_OUTER - _INNER) * part)
    return _point(angle, radius)


def _middle(index: int) -> float:
    return 2 * math.pi * (index - 1) / _SECTORS


def _inner(angle: float) -> float:
    return _INNER * (1 + 0.12 * math.sin(3 * angle + 1) + 0.05 * math.sin(7 * angle))


def _outer(angle: float) -> float:
    return _OUTER * (
        1 + 0.09 * math.sin(2 * angle + 0.5) + 0.05 * math.sin(5 * angle + 2) + 0.02 * math.sin(11 * angle)
    )


def _point(angle: float, radius: float) -> tuple[float, float]:
    """Degrees (north, east) of the middle; the city is wider than high."""
    return radius * 0.8 * math.sin(angle), radius * 1.15 * math.cos(angle)


def _degrees(point: tuple[float, float]) -> dict[str, float]:
    return {"lat": round(_LAT + point[0], 5), "lon": round(_LON + point[1], 5)}
