"""The invented districts of the simulated city: a whole map, with every place in its own district."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from devices.simulate.districts import DISTRICTS, outlines, position_of

SAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "maps" / "hygeia-districts.geojson"
Ring = list[list[float]]


def ring_of(index: int) -> Ring:
    """The border of a district."""
    ring: Ring = outlines()["features"][index]["geometry"]["coordinates"][0]
    return ring


def inside(lat: float, lon: float, ring: Ring) -> bool:
    """Even-odd rule."""
    crossed = False
    for (x0, y0), (x1, y1) in itertools.pairwise(ring):
        if (y0 > lat) != (y1 > lat) and lon < x0 + (lat - y0) / (y1 - y0) * (x1 - x0):
            crossed = not crossed
    return crossed


@pytest.mark.parametrize("index", range(len(DISTRICTS)))
def test_every_place_stands_in_its_own_district_and_in_no_other(index: int) -> None:
    """Two hundred places of each."""
    for number in range(200):
        at = position_of(DISTRICTS[index].id, number)
        assert [other for other in range(len(DISTRICTS)) if inside(**at, ring=ring_of(other))] == [index], number


def test_neighbours_share_their_borders() -> None:
    """Every border point between two districts is in both: no gap, no overlap."""
    rings = [ring_of(index) for index in range(len(DISTRICTS))]
    assert all(ring[0] == ring[-1] for ring in rings)
    shared = [{tuple(point) for point in ring} for ring in rings]
    for index in range(1, len(DISTRICTS)):
        after = index % (len(DISTRICTS) - 1) + 1
        assert len(shared[index] & shared[after]) >= 12
        assert len(shared[index] & shared[0]) >= 12


def test_the_shipped_sample_is_what_the_simulator_says() -> None:
    """``python scripts/sample_map.py`` writes it; it says of itself that it is invented."""
    sample = json.loads(SAMPLE.read_text("utf-8"))
    assert sample == outlines()
    assert "invented" in sample["name"]
