"""What happens on the way: an inlet against an outlet (or any two points), and one parameter over the whole network."""

from __future__ import annotations

from grafana_foundation_sdk.models import common, expr
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.definitions import COMPLIANCE, about
from dashboards.grafana.look import BLUE, GREEN, ORANGE, PERCENT, RED, Column, Look
from dashboards.grafana.panels import Head
from dashboards.grafana.variables import Variable, choice, tag_values
from dashboards.grafana.water_point import WATER
from dashboards.grafana.words import Scene, Words

TITLE = Words("管网对比", "Network comparison")
ABOUT = Words(
    "同一参数：进水点与出水点的差值与比值，以及全网各监测点和各区的最新小时值。",
    "One parameter: difference and ratio of an inlet and an outlet, and the latest hour of all points and districts.",
)
#: Kinds of water points in the registry, in the order of the water's way.
KINDS = {
    "raw_water": Words("水源水", "Raw water"),
    "water_outlet": Words("出厂水", "Waterworks outlet"),
    "network": Words("管网水", "Network"),
    "network_end": Words("末梢水", "End of network"),
    "secondary_supply": Words("二次供水", "Secondary supply"),
    "direct_drinking": Words("管道直饮水", "Piped drinking water"),
    "small_supply": Words("小型集中式供水", "Small supply"),
}
INLET = Words("进水点", "Inlet")
OUTLET = Words("出水点", "Outlet")
#: Of the hours in this span the latest whole one is shown of each point.
LATEST = "2h"
_PARAMETER = '"parameter" = \'${parameter}\' AND "valid" > 0'


def board(scene: Scene) -> Board:
    """The dashboard ``network_comparison``."""
    made = Board(scene, "network_comparison", TITLE, ABOUT, ranges=("24h", "7d", "30d", "90d", "1y"))
    made.choose(
        choice(scene, "parameter", columns.PARAMETER.title, WATER, chosen=("turbidity",)),
        tag_values(scene, "district", columns.DISTRICT.title, measurement="water_5m"),
        choice(scene, "inlet_kind", Words("进水点类型", "Kind of inlet"), KINDS, chosen=("raw_water",)),
        _point(scene, "inlet", INLET),
        choice(scene, "outlet_kind", Words("出水点类型", "Kind of outlet"), KINDS, chosen=("water_outlet",)),
        _point(scene, "outlet", OUTLET),
    )
    made.link(Words("地图", "Map"), links.page(TITLE, "/map").url)
    made.add(_both(scene))
    made.add(_difference(scene))
    made.add(_ratio(scene))
    made.row(10, Words("全网：${parameter:text}", "The network: ${parameter:text}"))
    made.add(_districts(scene))
    made.add(_points(scene))
    made.add(_compliance(scene))
    return made


def _point(scene: Scene, name: str, label: Words) -> Variable:
    also = f"\"kind\" = '${{{name}_kind}}'"
    return tag_values(
        scene, name, label, measurement="place", key="place", within=("district",), also=also, multi=False
    )


def _lines(name: str, fields: str, ref: str, alias: str) -> query.InfluxQL:
    """The series of one of the two points; without a tag, so that Grafana can reckon one against the other."""
    condition = query.where(also=f'"place" =~ /^${{{name}:regex}}$/ AND {_PARAMETER}')
    return query.series(query.select(fields, query.auto("water"), condition, query.by_time()), ref=ref, alias=alias)


def _both(scene: Scene) -> model.Panel:
    inlet, outlet = scene.say(INLET), scene.say(OUTLET)
    limits = {"lineStyle": {"fill": "dash", "dash": [8, 6]}, "lineInterpolation": "stepAfter"}
    return panels.graph(
        scene,
        Head(
            1,
            Words("进水与出水：${parameter:text}", "Inlet and outlet: ${parameter:text}"),
            Words(
                "有效数据的均值；虚线为出水点的限值。",
                "Means of valid readings; dashed lines are the limits at the outlet.",
            ),
            (24, 9),
        ),
        [
            _lines("inlet", query.MEAN, "A", f"{inlet} ${{inlet}}"),
            _lines("outlet", query.MEAN, "B", f"{outlet} ${{outlet}}"),
            _lines("outlet", 'max("low") AS "low", min("high") AS "high"', "C", "$col"),
        ],
        columns={
            f"/^{inlet} /": Column(_AS_IT_IS, Look(fixed=ORANGE, custom={"lineWidth": 2})),
            f"/^{outlet} /": Column(_AS_IT_IS, Look(fixed=BLUE, custom={"lineWidth": 2})),
            "low": Column(Words("出水下限", "Low limit at the outlet"), Look(fixed=RED, custom=limits)),
            "high": Column(Words("出水上限", "High limit at the outlet"), Look(fixed=RED, custom=limits)),
        },
        look=Look(decimals=3),
        min_interval="5m",
    )


def _difference(scene: Scene) -> model.Panel:
    title = Words("差值：进水 − 出水", "Difference: inlet minus outlet")
    return _reckoned(
        scene,
        Head(2, title, Words("同一时段的均值相减。", "Of the means of the same time."), (12, 8)),
        "$A - $B",
        Look(decimals=3, fixed=GREEN),
    )


def _ratio(scene: Scene) -> model.Panel:
    said = Words(
        "同一时段的均值相除；低于 100% 表示沿程降低（如浑浊度去除、余氯衰减）。",
        "Of the means of the same time; below 100 % it falls on the way (turbidity removed, chlorine decayed).",
    )
    return _reckoned(
        scene,
        Head(3, Words("比值：出水 ÷ 进水", "Ratio: outlet divided by inlet"), said, (12, 8)),
        "$B / $A",
        Look(unit=PERCENT, decimals=1, fixed=GREEN),
    )


def _reckoned(scene: Scene, head: Head, formula: str, look: Look) -> model.Panel:
    """A graph of what Grafana's server reckons from both lines: InfluxQL cannot subtract one place from another."""
    panel = panels.graph(
        scene,
        head,
        [_lines("inlet", query.MEAN, "A", "A"), _lines("outlet", query.MEAN, "B", "B")],
        columns={"/.*/": Column(head.title)},
        look=look,
        min_interval="5m",
    )
    for target in panel.targets or []:
        assert isinstance(target, query.InfluxQL)
        target.hidden = True
    source = common.DataSourceRef(type_val="__expr__", uid="__expr__")
    panel.targets = [*(panel.targets or []), expr.TypeMath(datasource=source, expression=formula, ref_id="C")]
    return panel


def _districts(scene: Scene) -> model.Panel:
    text = query.select(
        f'{query.MEAN} AS "average", min("min") AS "least", max("max") AS "most"', "water_1h",
        query.where("district", also=_PARAMETER), 'GROUP BY "district"',
    )  # fmt: skip
    return panels.table(
        scene,
        Head(
            11,
            Words("各区最新小时值", "Latest hours by district"),
            Words("最近两小时内完整小时的全部有效数据。", "All valid readings of the whole hours of the last two."),
            (10, 11),
        ),
        [query.table(text)],
        order=("district", "average", "least", "most"),
        hide=("Time", "time"),
        columns={
            "district": columns.DISTRICT,
            "average": Column(Words("平均", "Mean"), Look(decimals=3)),
            "least": Column(Words("最小", "Minimum"), Look(decimals=3)),
            "most": Column(Words("最大", "Maximum"), Look(decimals=3)),
        },
        time_from=LATEST,
    )


def _points(scene: Scene) -> model.Panel:
    text = query.select(
        'last("mean") AS "value", "min", "max", "low", "high", "district"', "water_1h",
        query.where("district", also=_PARAMETER), 'GROUP BY "place"',
    )  # fmt: skip
    return panels.table(
        scene,
        Head(
            12,
            Words("各监测点最新小时值", "Latest hour of each point"),
            Words("最近一个完整小时；可按任一列排序。", "The latest whole hour; sort by any column."),
            (14, 11),
        ),
        [query.table(text)],
        order=("place", "district", "value", "min", "max", "low", "high", "Time"),
        sort_by="value",
        columns={
            "place": columns.place(scene),
            "district": columns.DISTRICT,
            "value": Column(Words("均值", "Mean"), Look(decimals=3)),
            "min": Column(Words("最小", "Minimum"), Look(decimals=3)),
            "max": Column(Words("最大", "Maximum"), Look(decimals=3)),
            "low": Column(Words("下限", "Low limit"), Look(decimals=3)),
            "high": Column(Words("上限", "High limit"), Look(decimals=3)),
            "Time": columns.TIME,
        },
        time_from=LATEST,
    )


def _compliance(scene: Scene) -> model.Panel:
    also = '"kind" = \'water\' AND "parameter" = \'${parameter}\' AND "judged" > 0'
    text = query.select(
        COMPLIANCE.formula, query.auto("district"), query.where("district", also=also), query.by_time("district")
    )
    return panels.graph(
        scene,
        Head(
            13,
            Words("各区达标率：${parameter:text}", "Compliance by district: ${parameter:text}"),
            about(COMPLIANCE),
            (24, 8),
        ),
        [query.series(text, alias="$tag_district")],
        calcs=("min", "mean", "lastNotNull"),
        look=Look(unit=PERCENT, decimals=1, high=1),
        min_interval="1h",
        across=100,
    )


#: The line's own name.
_AS_IT_IS = panels.NOTHING
