"""Columns that several dashboards show: what they are called, how they look and where they lead."""

from __future__ import annotations

from dashboards.grafana import links
from dashboards.grafana.look import (
    ALERT_STATES,
    BLUE,
    GREEN,
    GREY,
    ONLINE,
    ORANGE,
    PARAMETERS,
    PLACE_STATES,
    RATE,
    RED,
    SEVERITIES,
    YES_NO,
    Column,
    Look,
    suffix,
)
from dashboards.grafana.words import Scene, Words
from devices.parameters import CATALOGUE

#: Cells of a table filled with their colour, and bars inside a cell.
FILLED = {"cellOptions": {"type": "color-background", "mode": "basic"}}
BAR = {"cellOptions": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}}

STATE = Column(
    Words("状态", "State"),
    Look(codes=PLACE_STATES, steps=((None, GREEN),), by_value=True, custom=FILLED),
    90,
)
OPEN_ALERTS = Column(
    Words("未解除报警", "Open alerts"), Look(decimals=0, steps=((None, GREY), (1, ORANGE)), by_value=True), 100
)
NAME = Column(Words("名称", "Name"))
DISTRICT = Column(Words("区", "District"), Look(), 110)
UNIT = Column(Words("单位", "Unit"), Look(), 130)
TIME = Column(Words("时间", "Time"), Look(unit="dateTimeAsIso"), 170)
SEVERITY = Column(
    Words("级别", "Severity"), Look(codes=SEVERITIES, steps=((None, GREY),), by_value=True, custom=FILLED), 90
)
RULE = Column(Words("规则", "Rule"))
VALUE = Column(Words("数值", "Value"), Look(decimals=3), 90)
LIMIT = Column(Words("限值", "Limit"), Look(decimals=3), 90)
PARAMETER = Column(Words("参数", "Parameter"), Look(codes=PARAMETERS), 190)
ON = Column(Words("在线", "Online"), Look(codes=ONLINE, steps=((None, GREEN),), by_value=True, custom=FILLED), 80)
IN_WORK = Column(Words("维护中", "In maintenance"), Look(codes=YES_NO, steps=((None, BLUE),)), 110)
DEVICE = Column(Words("设备", "Device"), Look(), 150)
SILENT = Column(
    Words("静默", "Silent for"),
    Look(unit="s", decimals=0, steps=((None, GREEN), (600, ORANGE), (3600, RED)), by_value=True),
)
DELAY = Column(Words("延迟", "Delay"), Look(unit="s", decimals=1, steps=((None, GREEN), (60, ORANGE)), by_value=True))
PARKED = Column(
    Words("待处理报文（24 小时）", "Parked (24 h)"),
    Look(decimals=0, steps=((None, GREY), (1, ORANGE)), by_value=True),
    130,
)
CERTIFICATE = Column(
    Words("证书剩余", "Certificate ends in"),
    Look(unit="suffix: d", decimals=0, steps=((None, RED), (14, ORANGE), (45, GREEN)), by_value=True),
)
CALIBRATED = Column(
    Words("距上次校准", "Since calibration"),
    Look(unit="suffix: d", decimals=0, steps=((None, GREEN), (90, ORANGE), (180, RED)), by_value=True),
)
ALERT_STATE = Column(Words("状态", "State"), Look(codes=ALERT_STATES), 110)
#: The health of a device, one row a device: beside ``last("online")`` these fields are selected.
HEALTH = {
    "online": ON,
    "silent_s": SILENT,
    "delay_s": DELAY,
    "in_work": IN_WORK,
    "parked": PARKED,
    "certificate_days": CERTIFICATE,
    "calibrated_days": CALIBRATED,
}
HEALTH_FIELDS = ", ".join(f'"{name}"' for name in HEALTH if name != "online")
ABOUT_HEALTH = Words(
    "静默：距最近一条消息。延迟：设备时间到网关接收。证书剩余与距上次校准以天计；没有的留空。",
    "Silent: since the last message. Delay: from the device's clock to the gateway. Certificate and calibration in "
    "days; empty where there is none.",
)
RATE_BAR = Look(unit=RATE.unit, decimals=1, low=0, high=1, steps=RATE.steps, by_value=True, custom=BAR)


def place(scene: Scene, name: str = "place") -> Column:
    """A place, with its water point and its page."""
    to = links.board(scene, Words("监测点看板", "Point dashboard"), "water_point", place=links.field(name))
    return Column(Words("监测点", "Point"), Look(links=[to]), 170)


def device(scene: Scene, name: str = "device") -> Column:
    """A device, with its health."""
    to = links.board(scene, Words("设备看板", "Device dashboard"), "device_health", device=links.field(name))
    return DEVICE._replace(look=Look(links=[to]))


def alert(name: str = "alert_id") -> Column:
    """An alert, with its page in the gateway."""
    to = links.page(Words("打开报警", "Open the alert"), "/alerts/" + links.field(name))
    return Column(Words("报警", "Alert"), Look(links=[to]), 160)


def parameters_with_units() -> dict[str, tuple[Words, str]]:
    """The words of parameters with their units behind: a column of several has no unit of its own."""
    said = {}
    for name, (words, color) in PARAMETERS.items():
        unit = suffix(CATALOGUE[name].unit).removeprefix("suffix: ")
        behind = f" ({unit})" if unit else ""
        said[name] = (Words(words.zh + behind, words.en + behind), color)
    return said
