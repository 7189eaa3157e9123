"""What one entry of a registry file may say."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from devices.fields import PROBLEMS, instant, instant_text
from devices.files.words import SECTIONS_ZH
from devices.registry import KINDS
from devices.sections import MODELS, SHEETS, body_of
from devices.sources import id_of_filter


def body(section: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The body of a valid entry."""
    return body_of(MODELS[section].model_validate(raw, context={"zone": "Asia/Shanghai"}))


def problems(section: str, raw: dict[str, Any]) -> dict[str, str]:
    """{dotted path: kind of problem} of an entry."""
    with pytest.raises(ValidationError) as caught:
        MODELS[section].model_validate(raw)
    return {".".join(map(str, one["loc"])): one["type"] for one in caught.value.errors()}


def test_every_section_has_a_model_and_a_name() -> None:
    """The sections of the registry, the models and the Chinese names are the same."""
    assert set(MODELS) == set(KINDS) == set(SECTIONS_ZH) - set(SHEETS)


def test_an_entry_becomes_plain_json_with_its_defaults() -> None:
    """Defaults that decisions use are spelt out, what is absent or empty is not there, names stay as written."""
    place = {"id": "p", "name": {"zh": "出厂水", "en": "Outlet"}, "kind": "water_outlet", "lat": "32.06"}
    assert body("places", place) == {**place, "lat": 32.06, "state": "accepted"}
    device = body("devices", {"id": "d", "kind": "water", "channels": [{"parameter": "ph"}], "report_s": "60"})
    assert device == {"id": "d", "kind": "water", "report_s": 60, "channels": [{"parameter": "ph", "point": "-"}]}
    assert body("units", {"id": 7, "kind": "clinic", "name": " 诊所 ", "contacts": []}) == {
        "id": "7",
        "kind": "clinic",
        "name": "诊所",
    }


def test_dates_are_midnight_where_the_installation_is_and_earliest_is_utc() -> None:
    """``from`` and ``to`` are in the zone of the context, ``earliest`` in UTC; both become ms."""
    made = body(
        "devices", {"id": "d", "kind": "water", "from": "2025-01-01", "to": "2025/2/1", "earliest": "1970-01-01"}
    )
    assert made["from"] == 1_735_660_800_000
    assert made["to"] == made["from"] + 31 * 86_400_000
    assert made["earliest"] == 0


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2025-01-31", 1_738_252_800_000),
        ("2025年1月31日", 1_738_252_800_000),
        ("20250131", 1_738_252_800_000),
        ("2025.1.31 08:00", 1_738_281_600_000),
        ("2025-01-31T08:00:00.250+08:00", 1_738_281_600_250),
        ("2025-01-31T00:00:00Z", 1_738_281_600_000),
        ("1738281600250", 1_738_281_600_250),
        (0, 0),
    ],
)
def test_times_are_read_as_people_write_them(text: str | int, ms: int) -> None:
    """Dates, local and zoned times and ms are the same instant."""
    assert instant(text, ZoneInfo("Asia/Shanghai")) == ms


def test_times_are_written_so_that_they_read_back() -> None:
    """``instant_text`` is a bare date at midnight, else a time with offset, ms where there are any."""
    zone = ZoneInfo("Asia/Shanghai")
    assert instant_text(1_738_252_800_000, zone) == "2025-01-31"
    assert instant_text(1_738_281_600_250, zone) == "2025-01-31T08:00:00.250+08:00"
    assert instant_text(0, dt.UTC) == "1970-01-01"


@pytest.mark.parametrize(
    ("section", "raw", "expected"),
    [
        ("units", {}, {"id": "missing", "kind": "missing"}),
        ("units", {"id": "a b", "name": "x", "kind": "shop"}, {"id": "id", "kind": "literal_error"}),
        ("units", {"id": "u", "name": {"de": "x"}, "kind": "clinic"}, {"name": "name"}),
        ("units", {"id": "u", "name": "a\nb", "kind": "clinic"}, {"name": "text"}),
        ("units", {"id": "u", "name": "x", "kind": "clinic", "contacts": ["王五"]}, {"contacts.0": "id"}),
        (
            "places",
            {"id": "p", "kind": "network", "lat": 91, "lon": "x"},
            {"lat": "less_than_equal", "lon": "float_parsing"},
        ),
        (
            "places",
            {"id": "p", "kind": "network", "grid": "a//b", "state": "on"},
            {"grid": "grid_path", "state": "literal_error"},
        ),
        ("places", {"id": "p", "kind": "network", "from": "2025-02-01", "to": "2025-01-01"}, {"to": "period"}),
        ("places", {"id": "p", "kind": "network", "from": "yesterday", "to": "2025"}, {"from": "time", "to": "time"}),
        ("devices", {"id": "d", "kind": "water", "public_key": "abc"}, {"public_key": "public_key"}),
        (
            "devices",
            {"id": "d", "kind": "water", "channels": [{"parameter": "chlor"}]},
            {"channels.0.parameter": "parameter"},
        ),
        ("devices", {"id": "d", "kind": "water", "report_s": 0}, {"report_s": "greater_than_equal"}),
        (
            "people",
            {"id": "p", "role": "boss", "password": "x"},
            {"role": "literal_error", "password": "extra_forbidden"},
        ),
        ("calendars", {"id": "c", "weekdays": [1, 8], "hours": ["9-5"]}, {"weekdays.1": "choice", "hours.0": "choice"}),
        (
            "calendars",
            {"id": "c", "zone": "Mars/Base", "holidays": ["2025-13-01"]},
            {"zone": "zone", "holidays.0": "date"},
        ),
    ],
)
def test_a_wrong_entry_is_refused_with_all_its_faults(
    section: str, raw: dict[str, Any], expected: dict[str, str]
) -> None:
    """Every wrong value of an entry is named in one go."""
    assert problems(section, raw) == expected


def test_channels_are_judged_together_even_where_one_of_them_is_wrong() -> None:
    """A wrong unit does not hide a doubled name, a doubled point or a condition on nothing."""
    channels = [
        {"parameter": "ph"},
        {"parameter": "turbidity", "unit": "psi"},
        {"parameter": "temperature", "name": "ph"},
        {"parameter": "ph", "name": "pH_2"},
        {"parameter": "toc", "valid_when": "pump=1"},
        {"parameter": "orp", "valid_when": "cell_flow"},
        {"parameter": "flow", "name": "ts"},
    ]
    assert problems("devices", {"id": "d", "kind": "water", "channels": channels}) == {
        "channels.1.unit": "unit",
        "channels.2.name": "duplicate",
        "channels.3.point": "duplicate",
        "channels.4.valid_when": "choice",
        "channels.6.name": "choice",
    }


def test_two_sensors_of_one_parameter_are_told_apart_by_point() -> None:
    """The same parameter at two points is no duplicate; units are spelt as the catalogue spells them."""
    channels = [{"parameter": "temperature", "unit": "℉"}, {"parameter": "temperature", "point": "in", "unit": "degC"}]
    made = body("devices", {"id": "d", "kind": "water", "channels": channels})
    assert [one["unit"] for one in made["channels"]] == ["degF", "degC"]


@pytest.mark.parametrize(
    ("given", "kept"), [("cell_flow", "cell_flow"), ("ph=7", "ph=7"), ({"cell_flow": True}, "cell_flow=1")]
)
def test_a_condition_is_a_channel_or_a_channel_with_a_state(given: object, kept: str) -> None:
    """``valid_when`` may be written as text or as a pair and is kept as text."""
    made = body("devices", {"id": "d", "kind": "water", "channels": [{"parameter": "ph", "valid_when": given}]})
    assert made["channels"][0]["valid_when"] == kept


def test_a_public_key_is_32_bytes() -> None:
    """An Ed25519 key in base64 is taken as it is."""
    key = base64.b64encode(bytes(32)).decode()
    assert body("devices", {"id": "d", "kind": "terminal", "public_key": key})["public_key"] == key


DTU = {"filter": "dtu/+/data", "device": "topic[1]", "codec": "json-map", "map": {"Cl": "chlorine_free"}}


def test_a_source_needs_no_id() -> None:
    """The example of DESIGN 4.6 is valid; its id comes from its filter and is always the same."""
    made = body("sources", DTU | {"time": {"field": "t", "format": "unix_s"}})
    assert made["id"] == id_of_filter("dtu/+/data")
    assert made["time"] == {"field": "t", "format": "unix_s"}
    assert id_of_filter("dtu/#") != id_of_filter("dtu/+")
    assert id_of_filter("plain") == "plain"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"filter": "dtu/#/data"}, {"filter": "filter"}),
        ({"device": "topic[3]"}, {"device": "device_rule"}),
        ({"device": "dev"}, {"device": "device_rule"}),
        ({"device": "=a/b"}, {"device": "device_rule"}),
        ({"codec": "hj212"}, {"codec": "literal_error"}),
        ({"map": {}}, {"map": "required"}),
        ({"map": {"Cl": "chlor", "x": "ph@a b"}}, {"map.Cl": "parameter", "map.x": "id"}),
        ({"map": {"Cl": "ph", "x": "ph@-"}}, {"map.x": "duplicate"}),
        ({"units": {"Cl": "psi", "Q": "L/s"}}, {"units.Cl": "unit", "units.Q": "unknown_key"}),
        (
            {"time": {"field": "t", "format": "seconds", "zone": "CST+8"}},
            {"time.format": "time_format", "time.zone": "zone"},
        ),
    ],
)
def test_a_wrong_source_is_refused(change: dict[str, Any], expected: dict[str, str]) -> None:
    """Filter, address, codec, map, units, time format and zone are checked, each with its place."""
    assert problems("sources", DTU | change) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"device": "$.dev.id"},
        {"device": "=wq-1"},
        {"filter": "dtu/#", "device": "topic[5]"},
        {"map": {"$.data.cl": "chlorine_free@in", "cl2": "chlorine_free"}, "units": {"cl2": "ppb"}},
        {"codec": "hygeia-json", "map": {}, "units": {"temperature": "degF"}},
        {"time": {"field": "$.t", "format": "%Y%m%d%H%M%S", "zone": "Asia/Shanghai"}, "skip": [-999, "NA"]},
    ],
)
def test_the_address_forms_and_maps_of_the_contract_are_taken(change: dict[str, Any]) -> None:
    """Topic level, JSON path and literal, points, units and strptime patterns are valid."""
    body("sources", DTU | change)


def test_every_problem_has_words_in_both_languages() -> None:
    """No text is empty and each takes ``allowed`` or nothing."""
    for en, zh in PROBLEMS.values():
        assert en.format(allowed="x")
        assert zh.format(allowed="x")
