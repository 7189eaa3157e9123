"""Outlines of the grid: tied to the registry, thinned out, refused with every fault at once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from devices.coordinates import Position, gcj02_of
from devices.outlines import BUDGET, OutlineError, read_outlines, simplified
from devices.registry import Change, Registry
from gateway.outlines import Outlines

SQUARE = [[118.0, 32.0], [118.1, 32.0], [118.1, 32.1], [118.0, 32.1], [118.0, 32.0]]


@pytest.fixture
def registry() -> Registry:
    """Two districts, one with a street; two streets share a name."""
    made = Registry()
    entries = [
        {"id": "gulou", "name": {"zh": "鼓楼区", "en": "Gulou"}},
        {"id": "xuanwu", "name": "玄武区"},
        {"id": "hunan-lu", "parent": "gulou", "name": "中央路"},
        {"id": "zhongyang", "parent": "xuanwu", "name": "中央路"},
        {"id": "320106"},
    ]
    made.apply([Change("grid", str(entry["id"]), entry) for entry in entries], 1)
    return made


def feature(value: object, ring: Any = SQUARE, *, key: str = "id", kind: str = "Polygon") -> dict[str, Any]:
    """One feature with one border."""
    coordinates = [ring] if kind == "Polygon" else [[ring]]
    return {"type": "Feature", "properties": {key: value}, "geometry": {"type": kind, "coordinates": coordinates}}


def collection(*features: Any) -> dict[str, Any]:
    """A GeoJSON document."""
    return {"type": "FeatureCollection", "features": list(features)}


@pytest.mark.parametrize("value", ["gulou", "鼓楼区", "Gulou"])
@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon"])
def test_a_part_of_the_grid_is_found_by_id_path_or_name(registry: Registry, value: str, kind: str) -> None:
    """Whatever the customer's file calls it, what is kept has id, path and both names."""
    found = read_outlines(collection(feature(value, key="name", kind=kind)), registry, id_property="name")
    (one,) = found["features"]
    assert one["properties"] == {"id": "gulou", "grid": "gulou", "name_zh": "鼓楼区", "name_en": "Gulou"}
    assert one["geometry"] == {"type": "MultiPolygon", "coordinates": [[SQUARE]]}


def test_numbers_and_paths_are_ids_too(registry: Registry) -> None:
    """``adcode`` is a number in most files."""
    found = read_outlines(collection(feature(320106), feature("gulou/hunan-lu")), registry)
    assert [one["properties"]["grid"] for one in found["features"]] == ["320106", "gulou/hunan-lu"]
    assert [one["properties"]["name_en"] for one in found["features"]] == ["320106", "中央路"]


def test_what_is_kept_reads_back_as_the_same(registry: Registry) -> None:
    """An export imports again without a change."""
    found = read_outlines(collection(feature("gulou"), feature("xuanwu")), registry)
    assert read_outlines(found, registry) == found
    assert read_outlines(found, registry, id_property="grid") == found


def test_borders_of_chinese_maps_are_brought_to_wgs84(registry: Registry) -> None:
    """GCJ-02 comes back to where it was."""
    moved = [gcj02_of(Position(lat, lon)) for lon, lat in SQUARE]
    ring = [[one.lon, one.lat] for one in moved]
    (one,) = read_outlines(collection(feature("gulou", ring)), registry, "gcj02")["features"]
    assert one["geometry"]["coordinates"][0][0] == SQUARE


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "is no GeoJSON FeatureCollection"),
        ({"type": "FeatureCollection", "features": 3}, "must be a list of at most 2000"),
        (collection(3), "feature 1: has no property 'id'; it has: none"),
        (collection(feature("mars")), "'mars' is no id, path or name of the registry's grid"),
        (collection(feature("中央路")), "'中央路' is the name of several parts of the grid; use ids"),
        (collection(feature("gulou"), feature("鼓楼区")), "feature 2: id 'gulou' occurs twice"),
        (collection(feature("gulou", kind="Point")), "geometry 'Point'; allowed: Polygon, MultiPolygon"),
        (collection(feature("gulou", [[1, 2], [3, 4]])), "a border of 3 points; allowed: at least 4"),
        (collection(feature("gulou", [["a", 2]])), "coordinates are no lists of lon, lat"),
        (collection(feature("gulou", 7)), "coordinates are no lists of lon, lat"),
        (collection(feature("gulou", [[32.0, 118.0]] * 5)), "latitude and longitude look swapped"),
        (collection(feature("gulou", [[math.nan, 1.0]] * 5)), "is no position"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_words(registry: Registry, document: object, words: str) -> None:
    """One line a fault, none raises anything else."""
    with pytest.raises(OutlineError) as refused:
        read_outlines(document, registry)
    assert any(words in fault for fault in refused.value.faults), refused.value.faults


def test_every_fault_is_named_at_once(registry: Registry) -> None:
    """A file of another city says so of each feature."""
    with pytest.raises(OutlineError) as refused:
        read_outlines(collection(feature("a"), feature("gulou"), feature("b", kind="Line")), registry)
    assert len(refused.value.faults) == 3


def test_a_long_border_is_thinned_to_the_budget(registry: Registry) -> None:
    """Never farther from the true line than the distance that was needed."""
    count = 50_000
    angles = [2 * math.pi * n / count for n in range(count)]
    ring = [[118 + 0.2 * math.cos(a) * (1 + 0.05 * math.sin(40 * a)), 32 + 0.2 * math.sin(a)] for a in angles]
    (one,) = read_outlines(collection(feature("gulou", ring)), registry)["features"]
    kept = one["geometry"]["coordinates"][0][0]
    assert 100 < len(kept) <= BUDGET
    assert kept[0] == kept[-1]
    assert max(point[0] for point in kept) == pytest.approx(max(point[0] for point in ring), abs=0.001)


def test_points_on_a_straight_line_go_and_corners_stay() -> None:
    """Douglas and Peucker."""
    ring = [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0000001), (0.0, 1.0), (0.0, 0.0)]
    assert simplified(ring, 1e-5) == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]


def test_what_is_kept_is_whole_and_read_again_when_it_changes(tmp_path: Path, registry: Registry) -> None:
    """Another process (a command without a gateway) may have put it there."""
    one, other = Outlines(tmp_path), Outlines(tmp_path)
    assert one.get() == ({"type": "FeatureCollection", "features": []}, "")
    document = read_outlines(collection(feature("gulou")), registry)
    other.put(document)
    found, version = one.get()
    assert found == document
    assert version
    other.put({**document, "features": []})
    assert one.get()[0]["features"] == []
    assert one.get()[1] != version
    (tmp_path / "outlines.geojson").unlink()
    assert one.get()[1] == ""
