"""JSON of other makers: field maps, paths, times, units, and which device it is from (DESIGN 4.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.codecs.json_map import PathError, decode, device_of, parse_path, source_faults
from devices.plan import Plan, compile_plan
from devices.reading import Decoded
from devices.registry import Change, Registry

NOW = 1_732_200_005_000
TIME = {"field": "t", "format": "unix_s"}


def plan_of(source: dict[str, Any], **device: Any) -> Plan:
    """The plan of device d through a json-map source."""
    registry = Registry()
    registry.apply([Change("devices", "d", {"id": "d", "kind": "water", **device})], 0)
    return compile_plan(registry, "d", {"filter": "dtu/+/data", "device": "topic[1]", "codec": "json-map", **source})


def read(document: Any, source: dict[str, Any], **device: Any) -> Decoded:
    """Decode a document."""
    return decode(json.dumps(document).encode(), plan_of(source, **device), NOW)


def values(decoded: Decoded) -> dict[tuple[str, str, int], float]:
    """All values by (point, parameter, ts)."""
    return {
        (row.point, parameter, row.ts): value
        for row in decoded.rows
        for parameter, value in zip(row.parameters, row.values, strict=True)
    }


def test_mapped_fields_are_readings_and_the_rest_is_ignored() -> None:
    """The example of DESIGN 4.6: Cl is chlorine_free, t is Unix seconds."""
    decoded = read({"t": 1_732_200_000, "Cl": 0.42, "rssi": -71}, {"map": {"Cl": "chlorine_free"}, "time": TIME})
    assert values(decoded) == {("-", "chlorine_free", 1_732_200_000_000): 0.42}
    assert not decoded.refusals


def test_paths_reach_into_the_payload() -> None:
    """Keys of the map, and of the time, may be JSON paths."""
    document = {"head": {"at": "2024-11-21 22:40:00"}, "data": [{"v": "7.2"}, {"v": 3}], "Cl 2": {"now": "<0.02"}}
    source = {
        "map": {"$.data[0].v": "ph", "$.data[1]['v']": "turbidity@inlet", "$['Cl 2'].now": "chlorine_free"},
        "time": {"field": "$.head.at", "format": "iso8601", "zone": "Asia/Shanghai"},
    }
    decoded = read(document, source)
    assert values(decoded) == {
        ("-", "ph", 1_732_200_000_000): 7.2,
        ("-", "chlorine_free", 1_732_200_000_000): 0.02,
        ("inlet", "turbidity", 1_732_200_000_000): 3.0,
    }
    assert decoded.rows[0].qualifiers == ["", "<"]


def test_units_of_the_source_come_before_those_of_the_channel() -> None:
    """A sender's unit is its own; the channel's counts where the source says nothing."""
    source = {"map": {"c": "conductivity", "p": "pressure"}, "units": {"c": "mS/cm"}}
    channels = [{"parameter": "conductivity", "unit": "uS/cm"}, {"parameter": "pressure", "unit": "bar"}]
    decoded = read({"c": 0.5, "p": 2}, source, channels=channels)
    assert sorted(values(decoded).values()) == [200.0, 500.0]


def test_sentinels_and_bad_values_are_refused_one_by_one() -> None:
    """skip, null and nonsense cost their own value only."""
    source = {"map": {"a": "ph", "b": "toc", "c": "orp", "d": "turbidity", "e": "colour"}, "skip": [-9999, "NULL"]}
    decoded = read({"a": -9999.0, "b": "NULL", "c": None, "d": [1], "e": 5}, source)
    assert {one.key: one.reason for one in decoded.refusals} == {
        "a": "sentinel",
        "b": "sentinel",
        "c": "not_a_number",
        "d": "not_a_number",
    }
    assert list(values(decoded).values()) == [5.0]


def test_array_of_objects_is_several_readings() -> None:
    """As in the third shape of Hygeia's own telemetry."""
    source = {"map": {"Cl": "chlorine_free"}, "time": TIME}
    decoded = read([{"t": 1_732_200_000, "Cl": 1}, 5, {"t": 1_732_200_060, "Cl": 2}], source)
    assert list(values(decoded)) == [
        ("-", "chlorine_free", 1_732_200_000_000),
        ("-", "chlorine_free", 1_732_200_060_000),
    ]
    assert [(one.key, one.reason) for one in decoded.refusals] == [("[1]", "bad_shape")]


def test_path_that_begins_at_the_array_makes_it_one_reading() -> None:
    """Some makers send a list of numbers."""
    decoded = read([0.4, 7.1], {"map": {"$[0]": "chlorine_free", "$[1]": "ph"}})
    assert sorted(values(decoded).values()) == [0.4, 7.1]


def test_missing_time_is_the_receive_time_and_a_bad_one_refuses() -> None:
    """As for Hygeia's own telemetry."""
    source = {"map": {"Cl": "chlorine_free"}, "time": TIME}
    assert read({"Cl": 1}, source).rows[0].gateway_time
    early = read({"Cl": 1, "t": 17}, source).rows[0]
    assert (early.ts, early.gateway_time, early.raw_time) == (NOW, True, "17")
    bad = read({"Cl": 1, "t": "soon"}, source)
    assert not bad.rows
    assert [one.reason for one in bad.refusals] == ["implausible_time"]


def test_message_without_mapped_fields_has_no_value() -> None:
    """A keep-alive of a maker's device is no reading."""
    assert read({"online": 1}, {"map": {"Cl": "chlorine_free"}}).fault == "no_valid_value"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"map": {"$.a[": "ph"}}, "map: '$.a['"),
        ({"map": {"": "ph"}}, "no name"),
        ({"map": {"a": "ph"}, "time": {"field": "t", "format": "julian"}}, "julian"),
        ({"map": {"a": "ph"}, "time": {"field": "t", "format": "iso8601", "zone": "Mars"}}, "Mars"),
        ({"map": {"a": "ph"}, "time": {"field": "$..t", "format": "unix_s"}}, "character 1"),
    ],
)
def test_broken_source_parks_its_messages_with_the_reason(source: dict[str, Any], says: str) -> None:
    """A source that slipped through the registry's check raises nothing in the stream."""
    decoded = read({"a": 7}, source)
    assert decoded.fault == "bad_source"
    assert says in decoded.detail
    assert any(says in fault for fault in source_faults({"device": "topic[1]", **source}))


def test_field_mapped_to_no_parameter_is_unknown() -> None:
    """The registry's check refuses it; here the value is listed."""
    decoded = read({"a": 7}, {"map": {"a": "zz"}})
    assert [one.reason for one in decoded.refusals] == ["unknown_parameter"]


@pytest.mark.parametrize(
    ("rule", "device"),
    [
        ("topic[1]", "x7"),
        ("topic[9]", None),
        ("=fixed", "fixed"),
        ("=", None),
        ("$.dev.id", "abc"),
        ("$.dev.no", "12"),
        ("$.dev", None),
        ("$.none", None),
        ("$.flag", None),
        ("sn", "S1"),
        ("$..", None),
    ],
)
def test_device_by_topic_literal_or_path(rule: str, device: str | None) -> None:
    """The device is topic[i] (0-based), =literal or a JSON path; what cannot be found is None."""
    payload = b'{"dev": {"id": "abc", "no": 12}, "sn": "S1", "flag": true}'
    assert device_of({"device": rule}, "dtu/x7/data", payload) == device


def test_device_of_garbage_is_none() -> None:
    """No payload makes the search raise."""
    for payload in (b"", b"\xff", b"[1]", b"[" * 9000, b'"x"'):
        assert device_of({"device": "$.id"}, "a/b", payload) is None


def test_path_steps() -> None:
    """Names, places and quoted names."""
    assert parse_path("$.a.b[0]['c d'][12]") == ("a", "b", 0, "c d", 12)
    assert parse_path("a.b") == ("a.b",)
    assert parse_path("$") == ()
    with pytest.raises(PathError, match=r"\$\.name"):
        parse_path("$.a[-1]")
