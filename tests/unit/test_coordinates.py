"""Positions of Chinese maps come back as WGS-84."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.coordinates import Position, System, bd09_of, gcj02_of, in_china, wgs84_of

#: WGS-84 and what others that use the formula publish for it (Shanghai, Shenzhen, Beijing).
KNOWN = [
    (Position(31.1774276, 121.5272106), Position(31.17530398364597, 121.531541859215)),
    (Position(22.543847, 113.912316), Position(22.540796131694766, 113.9171764808363)),
    (Position(39.911954, 116.377817), Position(39.91334545536069, 116.38404722455657)),
]
OUTSIDE = [Position(51.5, -0.12), Position(-33.9, 151.2), Position(0.25, 0.25), Position(60.0, 100.0)]
INSIDE = st.builds(Position, st.floats(3.0, 54.0), st.floats(73.5, 135.5))


def metres(one: Position, other: Position) -> float:
    """How far two near positions are apart."""
    east = (one.lon - other.lon) * math.cos(math.radians(one.lat))
    return 111_320.0 * math.hypot(one.lat - other.lat, east)


@pytest.mark.parametrize(("wgs84", "gcj02"), KNOWN)
def test_the_formula_is_the_one_that_others_use(wgs84: Position, gcj02: Position) -> None:
    """Known pairs agree to a tenth of a millimetre."""
    assert metres(gcj02_of(wgs84), gcj02) < 1e-4
    assert metres(wgs84_of(gcj02, "gcj02"), wgs84) < 0.01


@given(INSIDE)
def test_the_way_back_is_exact(at: Position) -> None:
    """Anywhere in China the way there and back ends within a centimetre or two, by GCJ-02 and by BD-09."""
    assert metres(wgs84_of(gcj02_of(at), "gcj02"), at) < 0.02
    assert metres(wgs84_of(bd09_of(at), "bd09"), at) < 0.02


@given(INSIDE)
def test_a_point_in_china_is_moved_by_hundreds_of_metres(at: Position) -> None:
    """Taking one system for the other is wrong by more than a house and less than some kilometres."""
    assert 20 < metres(gcj02_of(at), at) < 2000
    assert 300 < metres(bd09_of(at), at) < 4000


@pytest.mark.parametrize("at", OUTSIDE)
@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09"])
def test_outside_china_nothing_moves(at: Position, system: System) -> None:
    """The formula has no meaning there."""
    assert not in_china(at)
    assert wgs84_of(at, system) == at
    assert gcj02_of(at) == bd09_of(at) == at


def test_wgs84_stays_as_it_was_written() -> None:
    """No digit is lost of what needs no conversion."""
    at = Position(32.0612345678, 118.7712345678)
    assert wgs84_of(at, "wgs84") == at
