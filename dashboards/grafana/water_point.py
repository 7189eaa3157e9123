"""One point: what it measures against its limits, how well, what it raised, and how its devices are kept."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.definitions import COMPLIANCE, TRANSMISSION, VALIDITY, Rate, about
from dashboards.grafana.look import (
    BLUE,
    FAULT_STEPS,
    FLAGS,
    ONLINE,
    PLACE_STATES,
    RATE,
    RED,
    SKY,
    YES_NO,
    Column,
    Look,
    suffix,
)
from dashboards.grafana.panels import NOTHING, Head
from dashboards.grafana.variables import tag_values
from dashboards.grafana.words import Scene, Words
from devices.parameters import CATALOGUE

TITLE = Words("监测点", "Water point")
ABOUT = Words(
    "一个监测点：各参数与限值、数据标记、报警、达标率、设备与校准。水、暂存间环境与辐射监测点均可查看。",
    "One point: parameters with their limits, flags, alerts, compliance, devices and calibration. Water points, and "
    "also points of store climate and radiation.",
)
#: A place stands in the series of one of these; which one, its own tag says.
KINDS = "(water|store_climate|radiation)"
NOW = "10m"
MEASURED = tuple(one for one in CATALOGUE.values() if not one.switch)
#: Parameters of water with their units, for choices.
WATER = {one.name: columns.parameters_with_units()[one.name][0] for one in MEASURED if one.name != "dose_rate"}
#: Flags are looked up in the raw readings, each kind its own parameters.
_FLAGGED = {
    "water": tuple(
        one.name for one in MEASURED if one.name not in {"flow", "pressure", "tank_level", "humidity", "dose_rate"}
    ),
    "store_climate": ("temperature", "humidity"),
    "radiation": ("dose_rate",),
}
_HERE = query.where("place")


def board(scene: Scene) -> Board:
    """The dashboard ``water_point``."""
    made = Board(scene, "water_point", TITLE, ABOUT, ranges=("24h", "7d", "30d", "1y"))
    made.choose(
        tag_values(scene, "district", columns.DISTRICT.title, measurement="place"),
        tag_values(
            scene, "place", Words("监测点", "Point"), measurement="device_health", within=("district",),
            also=f'"kind" =~ /^{KINDS}$/', multi=False,
        ),
        tag_values(scene, "parameter", columns.PARAMETER.title, measurement="", within=("place",)),
    )  # fmt: skip
    made.link(Words("报警处置", "Alerts"), links.page(NOTHING, "/alerts").url)
    made.link(Words("地图", "Map"), links.page(NOTHING, "/map").url)
    made.annotate(
        Words("报警", "Alerts"),
        query.table(query.select('"rule", "severity", "alert_id"', "alert", _FIRED, "LIMIT 500")),
        RED,
        text="rule",
        tags="severity,alert_id",
    )
    _now(made)
    made.row(10, Words("参数与限值", "Parameters and limits"))
    made.add(_parameter(scene))
    made.row(20, Words("数据质量与报警", "Quality and alerts"))
    made.add(_flags(scene))
    made.add(_alerts(scene))
    made.row(30, Words("设备、维护与校准", "Devices, maintenance and calibration"))
    made.add(_devices(scene))
    made.add(_over_time(scene, 32, Words("在线（7 天）", "Online (7 days)"), "online"))
    made.add(_over_time(scene, 33, Words("维护时段（7 天）", "Maintenance (7 days)"), "in_work"))
    return made


def _now(made: Board) -> None:
    scene = made.scene
    state = columns.STATE.look
    made.add(
        panels.stat(
            scene,
            Head(1, Words("当前状态", "Present state"), NOTHING, (4, 4)),
            [query.series(query.select('last("state")', "place", _HERE))],
            look=Look(codes=PLACE_STATES, steps=state.steps, by_value=True),
            time_from=NOW,
        )
    )
    made.add(
        panels.stat(
            scene,
            Head(2, columns.OPEN_ALERTS.title, NOTHING, (4, 4)),
            [query.series(query.select('last("open_alerts")', "place", _HERE))],
            look=Look(decimals=0, steps=FAULT_STEPS, by_value=True),
            time_from=NOW,
        )
    )
    for number, rate in ((3, COMPLIANCE), (4, TRANSMISSION), (5, VALIDITY)):
        made.add(_rate(scene, number, rate))
    made.add(_latest(scene))
    made.add(_by_parameter(scene))


def _rate(scene: Scene, number: int, rate: Rate) -> model.Panel:
    width = 6 if rate is COMPLIANCE else 5
    return panels.stat(
        scene,
        Head(number, rate.name, about(rate), (width, 4)),
        [query.series(query.select(rate.formula, query.auto(KINDS), _HERE))],
        look=RATE,
        min_interval="5m",
        across=query.ACROSS_TABLE,
    )


def _latest(scene: Scene) -> model.Panel:
    text = query.select(
        'last("mean") AS "value", "low", "high"', f"FROM /^{KINDS}_5m$/",
        query.where("place", also='"valid" > 0'), 'GROUP BY "parameter"',
    )  # fmt: skip
    return panels.table(
        scene,
        Head(
            6,
            Words("最新值（5 分钟均值）", "Latest values (means of 5 minutes)"),
            Words(
                "两小时内最后一个有有效数据的时段。", "The last window of the last two hours that has valid readings."
            ),
            (12, 9),
        ),
        [query.table(text)],
        order=("parameter", "value", "low", "high", "Time"),
        columns={
            "parameter": _PARAMETER,
            "value": Column(Words("数值", "Value"), Look(decimals=3)),
            "low": Column(Words("下限", "Low limit"), Look(decimals=3)),
            "high": Column(Words("上限", "High limit"), Look(decimals=3)),
            "Time": columns.TIME,
        },
        time_from="2h",
        empty=Words("两小时内没有有效数据", "No valid readings for two hours"),
    )


def _by_parameter(scene: Scene) -> model.Panel:
    fields = ", ".join(
        f'{rate.formula} AS "{name}"'
        for name, rate in (("compliance", COMPLIANCE), ("transmission", TRANSMISSION), ("validity", VALIDITY))
    )
    return panels.table(
        scene,
        Head(
            7,
            Words("各参数：数据与达标", "Parameters: data and compliance"),
            about(COMPLIANCE, TRANSMISSION, VALIDITY),
            (12, 9),
        ),
        [query.table(query.select(fields, query.auto(KINDS), _HERE, 'GROUP BY "parameter"'))],
        order=("parameter", "compliance", "transmission", "validity"),
        hide=("Time", "time"),
        sort_by="compliance",
        descending=False,
        columns={
            "parameter": _PARAMETER,
            "compliance": Column(COMPLIANCE.name, columns.RATE_BAR),
            "transmission": Column(TRANSMISSION.name, columns.RATE_BAR),
            "validity": Column(VALIDITY.name, columns.RATE_BAR),
        },
        min_interval="5m",
        across=query.ACROSS_TABLE,
    )


def _parameter(scene: Scene) -> model.Panel:
    """A graph for each parameter: the mean within the band of minimum and maximum, and the limits in force."""
    values = query.select(
        f'{query.MEAN} AS "mean", min("min") AS "min", max("max") AS "max"', query.auto(KINDS),
        query.where("place", "parameter", also='"valid" > 0'), query.by_time("parameter"),
    )  # fmt: skip
    limits = query.select(
        'max("low") AS "low", min("high") AS "high"', query.auto(KINDS),
        query.where("place", "parameter", also='"judged" > 0'), query.by_time("parameter"),
    )  # fmt: skip
    return panels.graph(
        scene,
        Head(
            11,
            Words("${parameter}", "${parameter}"),
            Words(
                "有效数据的均值，色带为最小至最大值，虚线为当时有效的限值。"
                "短时段取 5 分钟值，长时段自动取小时值与日值。红色竖线是触发的报警。",
                "The mean of valid readings, within the band from minimum to maximum; dashed lines are the limits in "
                "force. Values of 5 minutes in short ranges, of hours and days in long ones. Red marks are alerts.",
            ),
            (12, 9),
        ),
        [
            query.series(values, alias="$tag_parameter $col"),
            query.series(limits, ref="B", alias="$tag_parameter $col"),
        ],
        columns=parameter_lines(scene),
        calcs=("min", "mean", "max", "lastNotNull"),
        min_interval="5m",
        repeat="parameter",
        empty=Words("没有有效数据", "No valid readings"),
    )


def parameter_lines(scene: Scene) -> dict[str, Column]:
    """Looks of lines called ``<parameter> mean|min|max|low|high``: words, units, band and dashed limits."""
    low, high = Words("下限", "Low limit"), Words("上限", "High limit")
    least, most = Words("最小", "Minimum"), Words("最大", "Maximum")
    dashed = {"lineStyle": {"fill": "dash", "dash": [8, 6]}, "lineWidth": 2, "lineInterpolation": "stepAfter"}
    units = {f"/^{one.name} /": Column(NOTHING, Look(unit=suffix(one.unit), decimals=one.decimals)) for one in MEASURED}
    means = {
        f"/^{one.name} mean$/": Column(Words(one.title_zh, one.title_en), Look(fixed=BLUE, custom={"lineWidth": 2}))
        for one in MEASURED
    }
    return units | means | {
        "/ min$/": Column(least, Look(fixed=SKY, custom={"lineWidth": 0})),
        "/ max$/": Column(
            most, Look(fixed=SKY, custom={"lineWidth": 0, "fillBelowTo": scene.say(least), "fillOpacity": 20})
        ),
        "/ low$/": Column(low, Look(fixed=RED, custom=dashed)),
        "/ high$/": Column(high, Look(fixed=RED, custom=dashed)),
    }  # fmt: skip


def _flags(scene: Scene) -> model.Panel:
    targets = [
        query.series(
            query.select(
                ", ".join(f'last("{name}_flag") AS "{name}"' for name in names), kind, _HERE,
                "GROUP BY time($__interval) fill(previous)",
            ),
            ref=kind,
        )
        for kind, names in _FLAGGED.items()
    ]  # fmt: skip
    return panels.timeline(
        scene,
        Head(
            21,
            Words("数据标记（48 小时）", "Flags (48 hours)"),
            Words(
                "HJ 212 数据标记。只在标记变化时记录；未出现的参数一直为 N（正常）。",
                "Flags of HJ 212, noted where they change; a parameter that is not shown was N (normal) all the time.",
            ),
            (12, 9),
        ),
        targets,
        look=Look(codes=FLAGS, by_value=True),
        columns={one.name: Column(Words(one.title_zh, one.title_en)) for one in MEASURED},
        time_from="48h",
        min_interval="1m",
        across=960,
        empty=Words("全部正常（N）", "All normal (N)"),
    )


def _alerts(scene: Scene) -> model.Panel:
    text = query.select(
        '"severity", "rule", "state", "value", "limit_value", "alert_id"',
        "alert",
        _HERE,
        "ORDER BY time DESC LIMIT 200",
    )
    return panels.table(
        scene,
        Head(
            22,
            Words("本点报警", "Alerts of this point"),
            Words("所选时段内最近 200 次状态变化。", "The latest 200 changes in the range."),
            (12, 9),
        ),
        [query.table(text)],
        order=("Time", "severity", "state", "rule", "value", "limit_value", "alert_id"),
        columns={
            "Time": columns.TIME,
            "severity": columns.SEVERITY,
            "state": columns.ALERT_STATE,
            "rule": columns.RULE,
            "value": columns.VALUE,
            "limit_value": columns.LIMIT,
            "alert_id": columns.alert(),
        },
        empty=Words("时段内没有报警", "No alerts in this range"),
    )


def _devices(scene: Scene) -> model.Panel:
    text = query.select(
        f'last("online") AS "online", {columns.HEALTH_FIELDS}', "device_health", _HERE, 'GROUP BY "device"'
    )
    return panels.table(
        scene,
        Head(31, Words("本点设备", "Devices of this point"), columns.ABOUT_HEALTH, (24, 5)),
        [query.table(text)],
        order=("device", *columns.HEALTH),
        hide=("Time", "time"),
        columns={"device": columns.device(scene)} | columns.HEALTH,
        time_from=NOW,
    )


def _over_time(scene: Scene, number: int, title: Words, field: str) -> model.Panel:
    text = query.select(f'last("{field}")', "device_health", _HERE, query.by_time("device", fill="null"))
    said = Words(
        "网关每 5 分钟登记一次；空白为没有消息。", "As the gateway notes it every 5 minutes; a gap is no news."
    )
    return panels.timeline(
        scene,
        Head(number, title, said, (12, 5)),
        [query.series(text, alias="$tag_device")],
        look=Look(codes=ONLINE if field == "online" else YES_NO, by_value=True),
        time_from="7d",
        min_interval="5m",
    )


_PARAMETER = columns.PARAMETER._replace(look=Look(codes=columns.parameters_with_units()))
_FIRED = query.where("place", also="\"state\" = 'active'")
