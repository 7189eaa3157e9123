"""Map files: what replay reads, and what importing one registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.files import changes_of, read
from devices.plan import compile_plan
from devices.registry import Change, Registry

STATION = """\
device: station-9
time: {column: Stamp, format: "%m/%d/%Y %H:%M:%S", zone: America/New_York}
columns:
  S9_CL2: {parameter: chlorine_free, unit: mg/L}
  S9_TOC: {parameter: toc, unit: ppb}
  S9_TEMP: {parameter: temperature, unit: degF}
  S9_PRES: {parameter: pressure, unit: psi}
  S9_FLOW: {parameter: flow, unit: gpm}
  S9_PH: {parameter: ph}
  WORKS_CL2: {parameter: chlorine_free, unit: mg/L, point: works}
skip: ["", NaN, -999]
"""

OUTLET = """\
device: outlet-2
place: works-out
place_kind: water_outlet
disinfectant: chlorine_dioxide
name: {zh: 出厂水, en: Outlet}
time: {column: Zeit, format: iso8601}
columns:
  Cl: {parameter: chlorine_dioxide}
  Cl_2: {parameter: chlorine_dioxide, point: b}
  Leit: {parameter: conductivity, unit: mS/cm}
"""


def write(tmp_path: Path, text: str) -> Path:
    """A map file with this text."""
    file = tmp_path / "map.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_map_file_says_columns_time_and_skipped_cells(tmp_path: Path) -> None:
    """Replay gets the column of the time, the key and factors of each mapped column, and literal cells."""
    mapping = read(write(tmp_path, STATION)).mapping
    assert mapping is not None
    assert (mapping.time.column, mapping.time.zone) == ("Stamp", "America/New_York")
    assert mapping.skip == ["", "NaN", "-999"]
    assert [column.key for column in mapping.columns.values()] == [
        "chlorine_free",
        "toc",
        "temperature",
        "pressure",
        "flow",
        "ph",
        "chlorine_free@works",
    ]
    a, b = mapping.columns["S9_TEMP"].factors
    assert a * 50 + b == pytest.approx(10.0)
    assert mapping.columns["S9_TOC"].factors == (0.001, 0.0)
    assert mapping.columns["S9_PH"].factors == (1.0, 0.0)


def test_importing_a_map_file_registers_its_device_and_a_place(tmp_path: Path) -> None:
    """One channel a mapped column with its point, times from 1970 on, place = device id in the network."""
    checked = read(write(tmp_path, STATION))
    assert not checked.faults
    registry = Registry()
    registry.apply(changes_of(checked.document, registry), 0)
    device = registry.get("devices", "station-9")
    assert device is not None
    assert (device["kind"], device["place"], device["earliest"]) == ("water", "station-9", 0)
    channels = [(channel["parameter"], channel["point"]) for channel in device["channels"]]
    assert len(channels) == 7
    assert channels[-1] == ("chlorine_free", "works")
    parts = registry.subject_parts("station-9")
    assert (parts.place_kind, parts.profile, parts.disinfectant, parts.accepted) == (
        "network",
        "gb5749-2022",
        "free_chlorine",
        True,
    )
    assert changes_of(read(write(tmp_path, STATION), registry).document, registry) == []


def test_what_replay_publishes_is_what_the_registered_device_means(tmp_path: Path) -> None:
    """A published key in the catalogue's unit finds its channel and is not converted again."""
    checked = read(write(tmp_path, STATION))
    assert checked.mapping is not None
    registry = Registry()
    registry.apply(changes_of(checked.document, registry), 0)
    plan = compile_plan(registry, "station-9", None)
    for column in checked.mapping.columns.values():
        channel = plan.profile.channel(column.key)
        assert channel is not None
        assert (channel.parameter, channel.point, channel.a, channel.b) == (column.parameter, column.point, 1.0, 0.0)


def test_place_kind_profile_and_disinfectant_may_be_given(tmp_path: Path) -> None:
    """A map file may name its place and what counts there."""
    checked = read(write(tmp_path, OUTLET))
    assert not checked.faults
    assert checked.document.entries["places"]["works-out"] == {
        "id": "works-out",
        "name": {"zh": "出厂水", "en": "Outlet"},
        "kind": "water_outlet",
        "profile": "gb5749-2022",
        "disinfectant": "chlorine_dioxide",
        "state": "accepted",
    }


def test_a_place_that_is_registered_keeps_what_the_map_file_does_not_say(tmp_path: Path) -> None:
    """Importing a map file again does not take unit, grid or state from a place that somebody completed."""
    registry = Registry()
    place = {"id": "works-out", "kind": "water_outlet", "unit": "u", "state": "trial", "disinfectant": "ozone"}
    registry.apply([Change("units", "u", {"id": "u"}), Change("places", "works-out", place)], 0)
    changes = changes_of(read(write(tmp_path, OUTLET), registry).document, registry)
    assert [change.body for change in changes if change.kind == "places"] == [
        place | {"disinfectant": "chlorine_dioxide"}
    ]
    registry.apply(changes, 1)
    silent = OUTLET.replace("place_kind: water_outlet\n", "").replace("disinfectant: chlorine_dioxide\n", "")
    assert changes_of(read(write(tmp_path, silent), registry).document, registry) == []


def test_all_faults_of_a_map_file_come_at_once(tmp_path: Path) -> None:
    """Each fault names line, key, value and what is allowed."""
    text = """\
device: a b
time: {column: t, format: seconds, zone: Mars}
columns:
  A: {parameter: chlor}
  B: {parameter: ph, unit: psi}
  C: {parameter: toc}
  D: {parameter: toc}
  E: {parameter: flow, uint: gpm}
place_kind: river
"""
    lines = [fault.line() for fault in read(write(tmp_path, text)).faults]
    for expected in (
        "map.yaml, line 1, column device: 'a b' must be 1 to 64 of A-Z a-z 0-9 _ . -",
        "map.yaml, line 2, column time.zone: 'Mars' is no IANA time zone; for example Asia/Shanghai, UTC",
        "map.yaml, line 5, column columns.B.unit: 'psi' cannot be converted; allowed here: -",
        "map.yaml, line 8, column columns.E.uint: 'uint' is not known here; allowed: unit, parameter, point",
    ):
        assert expected in lines
    assert any("time.format: 'seconds' must be unix_s, unix_ms, iso8601" in line for line in lines)
    assert any("columns.A.parameter: 'chlor' is not a parameter; allowed: chlorine_free" in line for line in lines)
    assert any("place_kind: 'river' is not allowed; allowed: raw_water" in line for line in lines)


def test_two_columns_of_one_series_are_a_fault(tmp_path: Path) -> None:
    """The same parameter twice needs points."""
    text = "device: d\ntime: {column: t, format: unix_s}\ncolumns: {A: {parameter: ph}, B: {parameter: ph}}\n"
    lines = [fault.line() for fault in read(write(tmp_path, text)).faults]
    assert lines == ["map.yaml, line 3, column columns.B.point: '-' occurs twice; first in A"]
    empty = "device: d\ntime: {column: t, format: unix_s}\ncolumns: {}\n"
    assert [fault.line() for fault in read(write(tmp_path, empty)).faults] == [
        "map.yaml, line 3, column columns: is missing"
    ]
