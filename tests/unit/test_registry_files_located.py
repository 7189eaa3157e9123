"""Positions in registry files: brought to WGS-84 at import, refused where they cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.coordinates import Position, bd09_of, gcj02_of
from devices.files import Checked, changes_of, read, write
from devices.registry import Registry

DRUM_TOWER = Position(32.0603, 118.7741)


def yaml(folder: Path, at: Position, *, said: str = "") -> Path:
    """A file of one place, with what it says of its coordinates."""
    file = folder / "r.yaml"
    head = f"coordinates: {said}\n" if said else ""
    file.write_text(f"{head}places:\n  - {{id: p, kind: network, lat: {at.lat!r}, lon: {at.lon!r}}}\n", "utf-8")
    return file


def position(checked: Checked) -> Position:
    """Where the place is kept."""
    assert checked.faults == []
    body = checked.document.entries["places"]["p"]
    return Position(body["lat"], body["lon"])


def same(one: Position, other: Position) -> bool:
    """Within a few centimetres."""
    return abs(one.lat - other.lat) < 5e-7 and abs(one.lon - other.lon) < 5e-7


@pytest.mark.parametrize(("system", "shown"), [("gcj02", gcj02_of(DRUM_TOWER)), ("bd09", bd09_of(DRUM_TOWER))])
def test_a_file_may_say_its_coordinates_or_the_option_may(tmp_path: Path, system: str, shown: Position) -> None:
    """Both ways, and both together, keep the same WGS-84; without either nothing moves."""
    assert same(position(read(yaml(tmp_path, shown), coordinates=system)), DRUM_TOWER)
    assert same(position(read(yaml(tmp_path, shown, said=system))), DRUM_TOWER)
    assert same(position(read(yaml(tmp_path, shown, said=system), coordinates=system)), DRUM_TOWER)
    assert position(read(yaml(tmp_path, shown))) == shown


def test_a_table_takes_the_option(tmp_path: Path) -> None:
    """CSV has no place to say it."""
    shown = gcj02_of(DRUM_TOWER)
    file = tmp_path / "places.csv"
    file.write_text(f"编号,类型,纬度,经度\np,network,{shown.lat},{shown.lon}\n", "utf-8")
    assert same(position(read(file, coordinates="gcj02")), DRUM_TOWER)


def test_what_is_exported_is_wgs84_and_comes_back_unmoved(tmp_path: Path) -> None:
    """Importing twice, and importing an export, changes nothing."""
    checked = read(yaml(tmp_path, gcj02_of(DRUM_TOWER)), coordinates="gcj02")
    registry = Registry()
    registry.apply(changes_of(checked.document, registry), 1)
    again = read(yaml(tmp_path, gcj02_of(DRUM_TOWER)), registry, coordinates="gcj02")
    assert changes_of(again.document, registry) == []
    write(registry, tmp_path / "out.yaml")
    assert changes_of(read(tmp_path / "out.yaml", registry).document, registry) == []
    moved = read(tmp_path / "out.yaml", registry, coordinates="gcj02")
    assert [fault.line() for fault in moved.faults] == [
        "coordinates, line 1: 'wgs84' stands in the file, the option says gcj02"
    ]


def test_option_and_file_must_not_contradict_each_other(tmp_path: Path) -> None:
    """Two systems at once, and one that nobody knows, are faults that name the line."""
    faults = read(yaml(tmp_path, DRUM_TOWER, said="gcj02"), coordinates="bd09").faults
    assert [fault.line() for fault in faults] == [
        "coordinates, line 1: 'gcj02' stands in the file, the option says bd09"
    ]
    faults = read(yaml(tmp_path, DRUM_TOWER, said="mars")).faults
    assert [fault.line() for fault in faults] == [
        "coordinates, line 1: 'mars' is not allowed; allowed: wgs84, gcj02, bd09"
    ]


@pytest.mark.parametrize(
    ("lat", "lon", "system", "words"),
    [
        (118.7741, 32.0603, "", "looks like latitude and longitude swapped: lat 32.0603, lon 118.774"),
        (75.9, 39.5, "", "looks like latitude and longitude swapped: lat 39.5, lon 75.9"),
        (0.0, 0.0, "", "is no position of a place"),
        (51.5, -0.12, "gcj02", "gcj02: lat 0.83..55.83, lon 72..137.84"),
        (91.0, 10.0, "", "must be a number <= 90"),
    ],
)
def test_a_position_that_cannot_be_meant_is_a_fault_with_words(
    tmp_path: Path, lat: float, lon: float, system: str, words: str
) -> None:
    """Swapped, 0/0, outside the system's area, beyond the pole."""
    faults = read(yaml(tmp_path, Position(lat, lon)), coordinates=system).faults
    assert any(words in fault.line() for fault in faults), [fault.line() for fault in faults]
    assert all("places, line 2" in fault.line() for fault in faults)


def test_places_abroad_are_kept_as_they_are(tmp_path: Path) -> None:
    """WGS-84 is not confined to China, and half a position is shown nowhere."""
    assert position(read(yaml(tmp_path, Position(-33.9, 151.2)))) == Position(-33.9, 151.2)
    half = tmp_path / "half.yaml"
    half.write_text("places: [{id: p, kind: network, lat: 32.1}]\n", "utf-8")
    assert read(half).faults == []
    assert [fault.line() for fault in read(half, coordinates="gcj02").faults] == [
        "places, line 1, column lon: is missing"
    ]
