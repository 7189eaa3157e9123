"""The catalogue of parameters and the conversion of units."""

from __future__ import annotations

import pytest

from devices.parameters import CATALOGUE, UNITS, UnitError, convert, spell, units_like

#: DESIGN 4.2, names and units exactly.
CONTRACT = {
    "chlorine_free": "mg/L",
    "chlorine_total": "mg/L",
    "chlorine_dioxide": "mg/L",
    "ozone": "mg/L",
    "turbidity": "NTU",
    "ph": "",
    "temperature": "degC",
    "conductivity": "uS/cm",
    "orp": "mV",
    "codmn": "mg/L",
    "ammonia_n": "mg/L",
    "uv254": "1/m",
    "toc": "mg/L",
    "dissolved_oxygen": "mg/L",
    "colour": "Pt-Co",
    "flow": "m3/h",
    "pressure": "kPa",
    "tank_level": "m",
    "humidity": "%",
    "dose_rate": "uSv/h",
    "cell_flow": "",
    "pump_run": "",
    "door": "",
    "power": "",
    "uv_lamp": "",
}


def test_the_catalogue_has_the_names_and_units_of_the_contract() -> None:
    """Every parameter of DESIGN 4.2 is there with its unit, and no other."""
    assert {name: one.unit for name, one in CATALOGUE.items()} == CONTRACT


def test_every_parameter_is_described_in_both_languages_and_has_a_range() -> None:
    """Titles are there, the plausible range is not empty, switches are 0 or 1."""
    for name, one in CATALOGUE.items():
        assert one.name == name
        assert one.title_zh
        assert one.title_en
        assert one.low < one.high
    switches = {name for name, one in CATALOGUE.items() if one.switch}
    assert switches == {"cell_flow", "pump_run", "door", "power", "uv_lamp"}
    assert all((CATALOGUE[name].low, CATALOGUE[name].high) == (0, 1) for name in switches)


def test_only_parameters_of_table_b1_have_an_hj212_code() -> None:
    """Chlorine, ozone, UV254 and turbidity have no code in HJ 212-2017 table B.1; the others keep theirs."""
    codes = {name: one.hj212 for name, one in CATALOGUE.items() if one.hj212}
    assert codes == {
        "ph": "w01001",
        "colour": "w01002",
        "dissolved_oxygen": "w01009",
        "temperature": "w01010",
        "conductivity": "w01014",
        "codmn": "w01019",
        "toc": "w01020",
        "ammonia_n": "w21003",
        "flow": "w00000",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("toc", 19.66),
        ("pressure", 530.0),
        ("flow", 11_000.0),
        ("tank_level", 251.48),
        ("orp", 895.0),
        ("turbidity", 0.0),
    ],
)
def test_values_of_real_stations_are_plausible(name: str, value: float) -> None:
    """What real stations report lies inside the plausible range."""
    assert CATALOGUE[name].low <= value <= CATALOGUE[name].high


@pytest.mark.parametrize(
    ("unit", "target", "raw", "value"),
    [
        ("degF", "degC", 212.0, 100.0),
        ("degF", "degC", -40.0, -40.0),
        ("K", "degC", 273.15, 0.0),
        ("psi", "kPa", 1.0, 6.894757293168361),
        ("bar", "kPa", 3.5, 350.0),
        ("MPa", "kPa", 0.35, 350.0),
        ("ppb", "mg/L", 420.0, 0.42),
        ("ug/L", "mg/L", 420.0, 0.42),
        ("mS/cm", "uS/cm", 0.235, 235.0),
        ("FNU", "NTU", 0.3, 0.3),
        ("gpm", "m3/h", 1.0, 0.22712470704),
        ("L/s", "m3/h", 10.0, 36.0),
        ("MGD", "m3/h", 1.0, 157.725491),
    ],
)
def test_units_convert_exactly(unit: str, target: str, raw: float, value: float) -> None:
    """Each unit of DESIGN 4.6 becomes the catalogue's with the factor of its definition."""
    a, b = convert(unit, target)
    assert a * raw + b == pytest.approx(value, rel=1e-15, abs=1e-13)


def test_conversion_there_and_back_is_identity() -> None:
    """Every unit converts into every unit of its quantity, and back to the same value."""
    for unit in UNITS:
        for other in units_like(unit) or [""]:
            a, b = convert(unit, other)
            back_a, back_b = convert(other, unit)
            assert back_a * (a * 37.5 + b) + back_b == pytest.approx(37.5, rel=1e-12)


@pytest.mark.parametrize(
    ("typed", "unit"), [("℃", "degC"), ("μS/cm", "uS/cm"), ("µg/L", "ug/L"), ("m³/h", "m3/h"), ("pH", "")]
)
def test_typographic_variants_of_a_unit_are_understood(typed: str, unit: str) -> None:
    """What people type for a unit is the unit."""
    assert spell(typed) == unit
    assert convert(typed, unit) == (1.0, 0.0)


@pytest.mark.parametrize(("unit", "target"), [("furlong", "m3/h"), ("psi", "degC"), ("mg/L", "NTU"), ("degC", "")])
def test_a_unit_that_cannot_be_converted_is_refused_with_what_is_allowed(unit: str, target: str) -> None:
    """The error names the unit and lists the units of the target."""
    with pytest.raises(UnitError) as caught:
        convert(unit, target)
    assert repr(unit) in str(caught.value)
    assert all(allowed in str(caught.value) for allowed in units_like(target))


def test_an_unknown_target_is_refused() -> None:
    """A target that is no unit at all is an error too."""
    with pytest.raises(UnitError, match="'parsec' is not known"):
        convert("mg/L", "parsec")
