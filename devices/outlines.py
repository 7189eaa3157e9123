"""Outlines of the grid, from a customer's GeoJSON: checked, tied to the registry, thinned out, in WGS-84. Pure.

``read_outlines`` takes any FeatureCollection of Polygon and MultiPolygon and gives the document that is kept: features
with ``id`` (last step of the grid path), ``grid`` (whole path), ``name_zh`` and ``name_en``, outer borders and holes,
five decimals of a degree (a metre), at most ``BUDGET`` points together. Borders are thinned by Douglas and Peucker's
method: with a tolerance that doubles until they fit. What a map shows of them is a sketch and no survey.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from devices.coordinates import Position, System, in_china, wgs84_of
from devices.registry import Registry

#: Points of a file, its features, and points that are kept of all borders together.
_MOST_POINTS = 2_000_000
_MOST_FEATURES = 2000
BUDGET = 20_000
#: Degrees of the first tolerance: a metre or so.
_FINEST = 1e-5
_DIGITS = 5
_LEAST = 4

Ring = list[tuple[float, float]]
Plane = NDArray[np.float64]


class OutlineError(ValueError):
    """The file cannot be used; ``faults`` are single lines that say why."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = list(faults)


class _Shape(NamedTuple):
    """One feature: a part of the grid and its polygons, each an outer border and its holes."""

    grid: str
    polygons: list[list[Ring]]


def read_outlines(
    document: object, registry: Registry, system: System = "wgs84", id_property: str = "id"
) -> dict[str, Any]:
    """The document that is kept. ``id_property`` holds the id, the path or the name of a part of the grid.

    Raises OutlineError with every fault at once.
    """
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise OutlineError(["the file is no GeoJSON FeatureCollection"])
    features = document.get("features")
    if not isinstance(features, list) or len(features) > _MOST_FEATURES:
        raise OutlineError([f"features: must be a list of at most {_MOST_FEATURES}"])
    faults: list[str] = []
    named = _named(registry)
    shapes: dict[str, _Shape] = {}
    points = 0
    for number, feature in enumerate(features):
        where = f"feature {number + 1}"
        grid = _grid_of(feature, id_property, named, where, faults)
        polygons = _polygons(feature, system, where, faults)
        points += sum(len(ring) for polygon in polygons for ring in polygon)
        if grid in shapes:
            faults.append(f"{where}: {id_property} {grid!r} occurs twice")
        elif grid is not None:
            shapes[grid] = _Shape(grid, polygons)
    if points > _MOST_POINTS:
        faults.append(f"{points} points; allowed: at most {_MOST_POINTS}")
    if faults:
        raise OutlineError(faults)
    return _document(thinned(list(shapes.values())), registry)


def _named(registry: Registry) -> dict[str, str | None]:
    """Grid path by id, path and name; None where a name is that of several."""
    found: dict[str, str | None] = {}
    names: dict[str, list[str]] = {}
    for one in registry.ids("grid"):
        path = path_of(registry, one)
        found[one] = found[path] = path
        body = registry.get("grid", one) or {}
        name = body.get("name")
        for text in set(name.values() if isinstance(name, dict) else [name] if name else []):
            names.setdefault(str(text), []).append(path)
    for text, paths in names.items():
        found.setdefault(text, paths[0] if len(paths) == 1 else None)
    return found


def path_of(registry: Registry, entry: str) -> str:
    """The path of a grid entry from the top: ``gulou/hunan-lu``."""
    steps = [entry]
    while (above := (registry.get("grid", steps[0]) or {}).get("parent")) and above not in steps:
        steps.insert(0, str(above))
    return "/".join(steps)


def _grid_of(
    feature: object, id_property: str, named: dict[str, str | None], where: str, faults: list[str]
) -> str | None:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    value = properties.get(id_property) if isinstance(properties, dict) else None
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        present = ", ".join(sorted(map(str, properties))[:12]) if isinstance(properties, dict) else "none"
        faults.append(f"{where}: has no property {id_property!r}; it has: {present}")
        return None
    if str(value) not in named:
        faults.append(f"{where}: {id_property} {str(value)[:60]!r} is no id, path or name of the registry's grid")
        return None
    if named[str(value)] is None:
        faults.append(f"{where}: {id_property} {str(value)[:60]!r} is the name of several parts of the grid; use ids")
    return named[str(value)]


def _polygons(feature: object, system: System, where: str, faults: list[str]) -> list[list[Ring]]:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in {"Polygon", "MultiPolygon"}:
        faults.append(f"{where}: geometry {kind!r}; allowed: Polygon, MultiPolygon")
        return []
    listed: Any = geometry.get("coordinates")
    try:
        polygons = [listed] if kind == "Polygon" else list(listed)
        found = [[_ring(ring, system) for ring in polygon] for polygon in polygons]
    except (TypeError, ValueError, IndexError) as error:
        faults.append(f"{where}: {error if isinstance(error, _RingError) else 'coordinates are no lists of lon, lat'}")
        return []
    if not found or not all(found):
        faults.append(f"{where}: has no border")
    return found


class _RingError(ValueError):
    pass


def _ring(ring: Sequence[Sequence[float]], system: System) -> Ring:
    """(lon, lat) in WGS-84, closed. Raises ValueError, TypeError or IndexError for anything else."""
    found: Ring = []
    for point in ring:
        lon, lat = float(point[0]), float(point[1])
        if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
            hint = "; latitude and longitude look swapped" if in_china(Position(lon, lat)) else ""
            raise _RingError(f"lon {lon:g}, lat {lat:g} is no position{hint}")
        at = wgs84_of(Position(lat, lon), system)
        found.append((at.lon, at.lat))
    if found and found[0] != found[-1]:
        found.append(found[0])
    if len(found) < _LEAST:
        raise _RingError(f"a border of {len(found)} points; allowed: at least {_LEAST}, the last the first")
    return found


def thinned(shapes: list[_Shape]) -> list[_Shape]:
    """The shapes with at most ``BUDGET`` points together, where that can be."""
    tolerance = _FINEST
    while True:
        # Each turn goes on with what the one before left: together they move a line by twice the last tolerance.
        shapes = [
            _Shape(one.grid, [[simplified(ring, tolerance) for ring in polygon] for polygon in one.polygons])
            for one in shapes
        ]
        count = sum(len(ring) for one in shapes for polygon in one.polygons for ring in polygon)
        if count <= BUDGET or tolerance > 1:
            return shapes
        tolerance *= 2


def simplified(ring: Ring, tolerance: float) -> Ring:
    """A closed border without the points that lie within ``tolerance`` degrees of the line (Douglas and Peucker)."""
    points = np.array(ring, np.float64)
    points[:, 0] *= math.cos(math.radians(ring[0][1]))
    # Two halves, so that a line has two ends: the first point and the one farthest from it.
    far = int(np.argmax(_apart(points, points[0], points[0])))
    keep = {0, far, len(ring) - 1}
    waiting = [(0, far), (far, len(ring) - 1)]
    while waiting:
        begin, end = waiting.pop()
        if end - begin < 2:
            continue
        apart = _apart(points[begin + 1 : end], points[begin], points[end])
        worst = int(np.argmax(apart))
        if apart[worst] > tolerance:
            keep.add(begin + 1 + worst)
            waiting += [(begin, begin + 1 + worst), (begin + 1 + worst, end)]
    found = [ring[index] for index in sorted(keep)]
    return found if len(found) >= _LEAST else [*ring[: _LEAST - 1], ring[0]]


def _apart(points: Plane, begin: Plane, end: Plane) -> Plane:
    """Distances of points from a line between two others, all (x, y) in degrees of latitude."""
    line, away = end - begin, points - begin
    length = float(line @ line)
    along = np.clip(away @ line / length, 0.0, 1.0) if length else np.zeros(len(points))
    return np.asarray(np.hypot(*(away - along[:, None] * line).T), np.float64)


def _document(shapes: list[_Shape], registry: Registry) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(_features(shapes, registry))}


def _features(shapes: list[_Shape], registry: Registry) -> Iterator[dict[str, Any]]:
    for one in sorted(shapes, key=lambda shape: shape.grid):
        step = one.grid.rpartition("/")[2]
        name = (registry.get("grid", step) or {}).get("name") or step
        names = name if isinstance(name, dict) else {"zh": name, "en": name}
        yield {
            "type": "Feature",
            "properties": {
                "id": step,
                "grid": one.grid,
                "name_zh": names.get("zh") or names.get("en") or step,
                "name_en": names.get("en") or names.get("zh") or step,
            },
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [
                    [[[round(lon, _DIGITS), round(lat, _DIGITS)] for lon, lat in ring] for ring in polygon]
                    for polygon in one.polygons
                ],
            },
        }
