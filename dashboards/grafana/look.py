"""How values look: units, decimals, colours that colour-blind people tell apart, words for codes, columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.links import Link, drawn
from dashboards.grafana.words import Scene, Words
from devices.parameters import CATALOGUE

#: Okabe and Ito's colours (2008), which people with any common colour blindness tell apart.
BLUE, SKY, GREEN, YELLOW, ORANGE, RED, PURPLE = (
    "#0072B2",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#E69F00",
    "#D55E00",
    "#CC79A7",
)
GREY, DARK = "#9E9E9E", "#616161"

#: A step of thresholds: from this value on (None = from below) this colour.
Step = tuple[float | None, str]

NO_DATA = Words("无数据", "No data")

#: Rates: from 95 % on good, from 90 % on to be watched.
RATE_STEPS: tuple[Step, ...] = ((None, RED), (0.90, ORANGE), (0.95, GREEN))
#: Counts of what should not be: none is good.
FAULT_STEPS: tuple[Step, ...] = ((None, GREEN), (1, ORANGE))

#: Codes as the gateway writes them: {code: (words, colour)}.
Codes = Mapping[str, tuple[Words, str]]
PLACE_STATES: Codes = {
    "0": (Words("正常", "In order"), GREEN),
    "1": (Words("警告", "Warning"), YELLOW),
    "2": (Words("重要", "Major"), ORANGE),
    "3": (Words("紧急", "Critical"), RED),
    "4": (Words("无数据", "No data"), GREY),
    "5": (Words("未投用", "Not in service"), DARK),
}
SEVERITIES: Codes = {
    "info": (Words("提示", "Info"), SKY),
    "warning": (Words("警告", "Warning"), YELLOW),
    "major": (Words("重要", "Major"), ORANGE),
    "critical": (Words("紧急", "Critical"), RED),
}
ALERT_STATES: Codes = {
    "active": (Words("报警中", "Active"), RED),
    "acknowledged": (Words("已确认", "Acknowledged"), ORANGE),
    "returned": (Words("已恢复待确认", "Returned"), YELLOW),
    "latched": (Words("锁存", "Latched"), PURPLE),
    "shelved": (Words("已搁置", "Shelved"), SKY),
    "suppressed": (Words("已抑制", "Suppressed"), SKY),
    "out_of_service": (Words("停用", "Out of service"), DARK),
    "closed": (Words("已关闭", "Closed"), GREEN),
}
ONLINE: Codes = {"0": (Words("离线", "Offline"), RED), "1": (Words("在线", "Online"), GREEN)}
YES_NO: Codes = {"0": (Words("否", "No"), GREY), "1": (Words("是", "Yes"), BLUE)}
#: The flags of HJ 212.
FLAGS: Codes = {
    "N": (Words("N 正常", "N normal"), GREEN),
    "D": (Words("D 故障", "D fault"), RED),
    "M": (Words("M 维护", "M maintenance"), SKY),
    "C": (Words("C 校准", "C calibrating"), BLUE),
    "T": (Words("T 超量程", "T above range"), ORANGE),
    "B": (Words("B 通信断", "B link broken"), PURPLE),
    "F": (Words("F 停运", "F stopped"), DARK),
    "S": (Words("S 手工", "S set by hand"), YELLOW),
}
PARAMETERS: Codes = {one.name: (Words(one.title_zh, one.title_en), "") for one in CATALOGUE.values()}

PERCENT = "percentunit"


def suffix(unit: str) -> str:
    """Grafana's name of a unit that is only written behind the number."""
    return f"suffix: {_SHOWN.get(unit, unit)}" if unit else ""


_SHOWN = {"degC": "°C", "uS/cm": "µS/cm", "m3/h": "m³/h", "uSv/h": "µSv/h", "1/m": "m⁻¹"}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of value looks. Empty members leave it to Grafana.

    ``fixed``: one colour for all; ``by_value``: coloured by thresholds ``steps`` (or ``codes``); ``links`` open from
    the value; ``custom`` are options of the panel's type.
    """

    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: Sequence[Step] = ()
    codes: Codes | None = None
    fixed: str = ""
    by_value: bool = False
    links: Sequence[Link] = ()
    custom: Mapping[str, object] = msgspec.field(default_factory=dict)


class Column(NamedTuple):
    """A column of a table, or a line of a graph: its words, its look, and for a table its width in pixels."""

    title: Words
    look: Look = Look()
    width: int = 0


#: A rate from 0 to 1, shown as percent.
RATE = Look(unit=PERCENT, decimals=1, low=0, high=1, steps=RATE_STEPS, by_value=True)


def thresholds(steps: Iterable[Step]) -> model.ThresholdsConfig:
    """Absolute thresholds."""
    return model.ThresholdsConfig(
        mode=model.ThresholdsMode.ABSOLUTE, steps=[model.Threshold(value=value, color=color) for value, color in steps]
    )


def mapping(scene: Scene, codes: Codes) -> model.ValueMap:
    """Codes as words, with their colours."""
    return model.ValueMap(
        options={
            code: model.ValueMappingResult(text=scene.say(words), color=color or None, index=index)
            for index, (code, (words, color)) in enumerate(codes.items())
        }
    )


def color(look: Look) -> model.FieldColor | None:
    """The colour mode of a look."""
    if look.fixed:
        return model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=look.fixed)
    if look.by_value:
        return model.FieldColor(mode=model.FieldColorModeId.THRESHOLDS)
    return None


def field_config(scene: Scene, look: Look, empty: Words) -> model.FieldConfig:
    """The defaults of a panel's fields."""
    return model.FieldConfig(
        unit=look.unit or None,
        decimals=look.decimals,
        min_val=look.low,
        max_val=look.high,
        thresholds=thresholds(look.steps) if look.steps else None,
        mappings=[mapping(scene, look.codes)] if look.codes else None,
        color=color(look),
        links=[drawn(scene, one) for one in look.links] or None,
        no_value=scene.say(empty),
        custom=dict(look.custom) or None,
    )


def override(scene: Scene, matcher: model.MatcherConfig, column: Column) -> model.DashboardFieldConfigSourceOverrides:
    """What a column has of its own."""
    title, look, width = column
    said: list[tuple[str, object]] = [("displayName", scene.say(title))] if title.en else []
    said += [("unit", look.unit)] if look.unit else []
    said += [
        (key, value)
        for key, value in (("decimals", look.decimals), ("min", look.low), ("max", look.high))
        if value is not None
    ]
    said += [("thresholds", thresholds(look.steps))] if look.steps else []
    said += [("mappings", [mapping(scene, look.codes)])] if look.codes else []
    said += [("color", found)] if (found := color(look)) else []
    said += [("links", [drawn(scene, one) for one in look.links])] if look.links else []
    said += [("custom.width", width)] if width else []
    said += [(f"custom.{key}", value) for key, value in look.custom.items()]
    return model.DashboardFieldConfigSourceOverrides(
        matcher=matcher, properties=[model.DynamicConfigValue(id_val=key, value=value) for key, value in said]
    )


def named(name: str) -> model.MatcherConfig:
    """The field or line of this name."""
    return model.MatcherConfig(id_val="byName", options=name)


def like(pattern: str) -> model.MatcherConfig:
    """The fields or lines whose name matches the regular expression."""
    return model.MatcherConfig(id_val="byRegexp", options=f"/{pattern}/")
