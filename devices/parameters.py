"""The catalogue of parameters: names, titles, units, plausible ranges, and conversion between units of measure.

Names and units are those of DESIGN 4.2. Titles are the words of GB 5749-2022 and of the trade. ``hj212`` is the
factor code of HJ 212-2017 table B.1 where that table has one: residual chlorine, chlorine dioxide, ozone and UV254 have
none, and turbidity's w01003 is in wide use but not in the table, so it stays empty here and belongs into the profile
of a sender. The plausible range tells a broken or wrongly scaled instrument, not a limit value: a channel's ``range``
is the narrower one. Just below zero is plausible: a dead electrode reads -0.01 and must be able to break a minimum.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import msgspec


class UnitError(ValueError):
    """A unit of measure is unknown or measures something else; the message lists what is allowed."""


class Parameter(msgspec.Struct, frozen=True):
    """One parameter. ``low`` and ``high`` (inclusive) bound plausible values in ``unit``; a ``switch`` is 0 or 1."""

    name: str
    title_zh: str
    title_en: str
    unit: str
    low: float
    high: float
    decimals: int
    hj212: str = ""
    switch: bool = False


_PARAMETERS = (
    Parameter("chlorine_free", "游离氯", "Free chlorine", "mg/L", -0.5, 20, 2),
    Parameter("chlorine_total", "总氯", "Total chlorine", "mg/L", -0.5, 20, 2),
    Parameter("chlorine_dioxide", "二氧化氯", "Chlorine dioxide", "mg/L", -0.5, 20, 3),
    Parameter("ozone", "臭氧", "Ozone", "mg/L", -0.5, 20, 3),
    Parameter("turbidity", "浑浊度", "Turbidity", "NTU", -1, 4000, 3),
    Parameter("ph", "pH值", "pH", "", 0, 14, 2, "w01001"),
    Parameter("temperature", "温度", "Temperature", "degC", -60, 60, 1, "w01010"),
    Parameter("conductivity", "电导率", "Conductivity", "uS/cm", 0, 100_000, 1, "w01014"),
    Parameter("orp", "氧化还原电位", "Redox potential", "mV", -2000, 2000, 0),
    Parameter("codmn", "高锰酸盐指数", "Permanganate index", "mg/L", -1, 1000, 2, "w01019"),
    Parameter("ammonia_n", "氨（以N计）", "Ammonia (as N)", "mg/L", -1, 1000, 3, "w21003"),
    Parameter("uv254", "紫外吸光度UV254", "UV absorbance at 254 nm", "1/m", -1, 2000, 2),
    Parameter("toc", "总有机碳", "Total organic carbon", "mg/L", -1, 1000, 2, "w01020"),
    Parameter("dissolved_oxygen", "溶解氧", "Dissolved oxygen", "mg/L", -1, 50, 2, "w01009"),
    Parameter("colour", "色度", "Colour", "Pt-Co", -5, 1000, 0, "w01002"),
    # Meters of ring mains run both ways. Table B.1 gives w00000 in L/s: a sender's profile converts.
    Parameter("flow", "流量", "Flow", "m3/h", -100_000, 100_000, 1, "w00000"),
    Parameter("pressure", "压力", "Pressure", "kPa", -100, 5000, 1),
    # Gauges report metres above sea level as well as metres above the bottom.
    Parameter("tank_level", "水箱液位", "Tank level", "m", 0, 1000, 2),
    Parameter("humidity", "相对湿度", "Relative humidity", "%", -1, 100, 1),
    Parameter("dose_rate", "剂量率", "Dose rate", "uSv/h", 0, 1_000_000, 3),
    Parameter("cell_flow", "流通池水流", "Flow through the cell", "", 0, 1, 0, switch=True),
    Parameter("pump_run", "水泵运行", "Pump running", "", 0, 1, 0, switch=True),
    Parameter("door", "门磁", "Door open", "", 0, 1, 0, switch=True),
    Parameter("power", "供电", "Mains power", "", 0, 1, 0, switch=True),
    Parameter("uv_lamp", "紫外灯", "UV lamp on", "", 0, 1, 0, switch=True),
)

#: Every parameter by its name, in the order of DESIGN 4.2.
CATALOGUE: Mapping[str, Parameter] = MappingProxyType({one.name: one for one in _PARAMETERS})

#: Litres of a US gallon: 231 cubic inches of 0.254 dm each (exact).
_GALLON = Fraction("3.785411784")
#: kPa of a pound-force (0.45359237 kg under 9.80665 m/s2) on a square inch of (0.0254 m)2 (exact).
_PSI = Fraction("0.45359237") * Fraction("9.80665") / Fraction("0.0254") ** 2 / 1000

#: What is measured: unit: (a, b) with ``catalogue value = a * value + b``, exactly.
_QUANTITIES: dict[str, dict[str, tuple[Fraction | int, Fraction | int]]] = {
    "mass concentration": {"mg/L": (1, 0), "ug/L": (Fraction(1, 1000), 0), "ppb": (Fraction(1, 1000), 0)},
    "turbidity": {"NTU": (1, 0), "FNU": (1, 0)},
    "a number": {"": (1, 0)},
    "temperature": {"degC": (1, 0), "degF": (Fraction(5, 9), Fraction(-160, 9)), "K": (1, Fraction("-273.15"))},
    "conductivity": {"uS/cm": (1, 0), "mS/cm": (1000, 0)},
    "voltage": {"mV": (1, 0)},
    "absorbance": {"1/m": (1, 0)},
    "colour": {"Pt-Co": (1, 0)},
    "flow": {
        "m3/h": (1, 0),
        "L/s": (Fraction("3.6"), 0),
        "gpm": (_GALLON * 60 / 1000, 0),
        "MGD": (_GALLON * 1000 / 24, 0),
    },
    "pressure": {"kPa": (1, 0), "psi": (_PSI, 0), "bar": (100, 0), "MPa": (1000, 0)},
    "length": {"m": (1, 0)},
    "humidity": {"%": (1, 0)},
    "dose rate": {"uSv/h": (1, 0)},
}

_UNITS = {
    unit: (quantity, Fraction(a), Fraction(b))
    for quantity, units in _QUANTITIES.items()
    for unit, (a, b) in units.items()
}

#: Every unit that is accepted: those of the catalogue and those of DESIGN 4.6.
UNITS: tuple[str, ...] = tuple(_UNITS)

_SPELLINGS = {"-": "", "1": "", "pH": "", "°C": "degC", "°F": "degF", "%RH": "%"}


def convert(unit_from: str, unit_to: str) -> tuple[float, float]:
    """(a, b) with ``y = a * x + b`` for x in ``unit_from`` and y in ``unit_to``.

    The factors are worked out exactly and rounded once. Typographic variants are understood (``μS/cm``, ``m³/h``,
    ``℃``). Raises UnitError, listing what is allowed, where a unit is unknown or measures something else.
    """
    source, target = spell(unit_from), spell(unit_to)
    if target not in _UNITS:
        raise UnitError(f"unit {unit_to!r} is not known; allowed: {', '.join(filter(None, UNITS))}")
    if source not in _UNITS or _UNITS[source][0] != _UNITS[target][0]:
        known = "is not known" if source not in _UNITS else f"measures {_UNITS[source][0]}"
        raise UnitError(f"unit {unit_from!r} {known}; allowed here: {', '.join(units_like(target)) or 'none'}")
    _, a_from, b_from = _UNITS[source]
    _, a_to, b_to = _UNITS[target]
    return float(a_from / a_to), float((b_from - b_to) / a_to)


def units_like(unit: str) -> list[str]:
    """The units that can be converted into ``unit``, itself included; empty for a number without a unit."""
    quantity = _UNITS[spell(unit)][0]
    return [name for name, entry in _UNITS.items() if name and entry[0] == quantity]


def spell(unit: str) -> str:
    """``unit`` as the catalogue spells it, where it is only typed differently (``℃``, ``μS/cm``, ``m³/h``, ``pH``)."""
    plain = unicodedata.normalize("NFKC", unit.strip()).replace("μ", "u")
    return _SPELLINGS.get(plain, plain)
