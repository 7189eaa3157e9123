"""What the tables and graphs about medical waste share."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.grafana import columns
from dashboards.grafana.look import FAULT_STEPS, GREEN, GREY, ORANGE, RED, Column, Look
from dashboards.grafana.words import Words

#: The gateway writes stores anew each 5 minutes.
NOW = "10m"
#: Rows of 800 units by category and day: the last days only.
DAYS = "2d"
SILENT = Words("网关 10 分钟内没有消息", "No news from the gateway for 10 minutes")
NO_WASTE = Words("时段内没有医疗废物", "No medical waste in this range")
TAGS = ("district", "category")
KILOGRAMS = Look(unit="massg", decimals=1)
FAULTS = Look(decimals=0, steps=FAULT_STEPS, by_value=True)
#: From store-in: 36 h is time to call the carrier, 48 h is the limit of a hospital's store.
HOURS = Look(unit="h", decimals=1, low=0, steps=((None, GREEN), (36, ORANGE), (48, RED)), by_value=True)

#: Stages of the balance, in the order of the way.
STAGES = {
    "collected_g": Words("科室收集", "Collected"),
    "stored_g": Words("入暂存间", "Into store"),
    "out_g": Words("出暂存间", "Out of store"),
    "received_g": Words("处置厂接收", "Received by the plant"),
    "disposed_g": Words("已处置", "Destroyed"),
}
UNIT = Column(columns.UNIT.title, Look(), 120)
CONTAINERS = Column(Words("容器数", "Containers"), Look(decimals=0), 90)
WEIGHT = Column(Words("净重", "Net weight"), KILOGRAMS, 110)
OLDEST = Column(Words("最长暂存", "Oldest"), HOURS, 110)
OVERDUE = Column(Words("超时容器", "Overdue"), FAULTS, 90)
DIFFERENCE = Column(
    Words("差异", "Difference"), Look(unit="massg", decimals=1, steps=((None, GREY), (1, ORANGE)), by_value=True), 110
)
EXCEPTIONS = Column(Words("异常", "Exceptions"), FAULTS, 90)


def reduced(field: str, by: str) -> str:
    """How Grafana calls a column that ``summed_up`` makes."""
    return f"{field} ({by})"


def summed_up(key: str, fields: Mapping[str, str], *, nameless: bool = False) -> list[tuple[str, dict[str, object]]]:
    """Rows of all categories made one a ``key`` by Grafana (field -> sum or max), and the name of it beside them.

    ``nameless``: what has no name stays, and what has no rows but a name shows, too.
    In InfluxDB each field and group of this sum is a reading of its own: with 600 stores it took 2 s, the rows 0.1 s.
    """
    grouped = {name: {"operation": "groupby", "aggregations": []} for name in (key, "name")}
    aggregated = {field: {"operation": "aggregate", "aggregations": [by]} for field, by in fields.items()}
    shown = [key, "name", *(reduced(field, by) for field, by in fields.items())]
    return [
        ("groupBy", {"fields": grouped | aggregated}),
        ("joinByField", {"byField": key, "mode": "outer" if nameless else "inner"}),
        ("filterFieldsByName", {"include": {"names": shown}}),
    ]
