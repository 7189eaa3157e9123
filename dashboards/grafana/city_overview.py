"""The city at a glance: where something is wrong, how much of the network reports, how much of it complies."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.definitions import COMPLIANCE, ONLINE, TRANSMISSION, VALIDITY, about
from dashboards.grafana.look import FAULT_STEPS, PLACE_STATES, RATE, Column, Look
from dashboards.grafana.open_alerts import open_alerts
from dashboards.grafana.panels import NOTHING, Head
from dashboards.grafana.variables import choice, tag_values
from dashboards.grafana.words import Scene, Words

TITLE = Words("城市总览", "City overview")
ABOUT = Words(
    "全市监测点状态、未解除报警、各区在线率与达标率。供卫生监督人员每日查看。",
    "State of all points, open alerts, online and compliance rates by district. For the daily look of the authority.",
)
KINDS = {
    "water": Words("饮用水", "Drinking water"),
    "store_climate": Words("暂存间环境", "Store climate"),
    "radiation": Words("辐射", "Radiation"),
}
#: The gateway writes every place and device anew each 5 minutes: what is older than this is not known.
NOW = "10m"
SILENT = Words("网关 10 分钟内没有消息", "No news from the gateway for 10 minutes")
_FAULTS = Look(decimals=0, steps=FAULT_STEPS, by_value=True)
_ABOUT_PARKED = Words(
    "最近 24 小时无法判定的报文数；原文保留，可在网关重新处理。",
    "Messages of the last 24 hours that could not be judged; their bytes are kept and can be processed again.",
)
_TOTAL = "\"kind\" = '${kind}' AND \"parameter\" = '-'"


def board(scene: Scene) -> Board:
    """The dashboard ``city_overview``."""
    made = Board(scene, "city_overview", TITLE, ABOUT, ranges=("24h", "7d", "30d", "90d"))
    made.choose(
        tag_values(scene, "district", columns.DISTRICT.title, measurement="place"),
        choice(scene, "kind", Words("监测类别（各项率）", "Kind (for rates)"), KINDS, chosen=("water",)),
    )
    for words, path in (
        (Words("实时页面", "Live page"), "/"),
        (Words("报警处置", "Alerts"), "/alerts"),
        (Words("地图", "Map"), "/map"),
        (Words("报警指标", "Alert KPI"), "/kpi"),
    ):
        made.link(words, links.page(words, path).url)
    made.add(_states(scene))
    made.add(_number(scene, Head(2, columns.OPEN_ALERTS.title, NOTHING, (4, 4)), _OPEN, _FAULTS))
    made.add(_number(scene, Head(3, ONLINE.name, about(ONLINE), (4, 4)), _ONLINE, RATE))
    made.add(_number(scene, Head(4, columns.PARKED.title, _ABOUT_PARKED, (4, 4)), _PARKED, _FAULTS))
    made.add(_map(scene))
    made.stack(_places(scene), _districts(scene))
    made.row(20, Words("趋势", "Trends"))
    made.add(_trend(scene, 21, COMPLIANCE.name, COMPLIANCE.formula, about(COMPLIANCE)))
    made.add(_trend(scene, 22, TRANSMISSION.name, TRANSMISSION.formula, about(TRANSMISSION)))
    made.add(_parameters(scene))
    made.add(open_alerts(scene, 24))
    made.row(30, Words("最近报警", "Latest alerts"))
    made.add(_alerts(scene))
    return made


def _states(scene: Scene) -> model.Panel:
    """How many places are in each state; a state in which none is does not show."""
    targets = [
        query.series(
            query.select(
                'count("state") AS "n"',
                query.latest("state", "place", query.where("district"), "place"),
                f'WHERE "state" = {code}',
            ),
            ref=f"S{code}",
            alias=scene.say(words),
        )
        for code, (words, _) in PLACE_STATES.items()
    ]
    return panels.stat(
        scene,
        Head(
            1,
            Words("各状态监测点数", "Points by state"),
            Words(
                "最近 10 分钟内网关登记的状态；没有监测点的状态不显示。",
                "States as the gateway noted them in the last 10 minutes; a state without any point is not shown.",
            ),
            (12, 4),
        ),
        targets,
        show="value_and_name",
        look=Look(decimals=0),
        columns={scene.say(words): Column(NOTHING, Look(fixed=color)) for words, color in PLACE_STATES.values()},
        time_from=NOW,
        empty=SILENT,
    )


def _number(scene: Scene, head: Head, text: str, look: Look) -> model.Panel:
    return panels.stat(scene, head, [query.series(text)], look=look, time_from=NOW, empty=SILENT)


def _map(scene: Scene) -> model.Panel:
    text = query.select(
        f'last("state") AS "state", "open_alerts", "lat", "lon", "name_{scene.language}" AS "name", "district"',
        "place",
        query.where("district"),
        'GROUP BY "place"',
    )
    return panels.outlines_map(
        scene,
        Head(
            10,
            Words("监测点状态图", "Map of points"),
            Words(
                "圆点颜色为监测点当前状态；底图只有区界，不加载任何外部地图。点击圆点打开监测点看板。",
                "The colour of a point is its present state. Outlines of districts only: nothing is loaded from "
                "outside. A click on a point leads to its dashboard.",
            ),
            (14, 18),
        ),
        [query.table(text)],
        colored_by="state",
        columns={
            "state": columns.STATE._replace(
                look=Look(codes=PLACE_STATES, steps=columns.STATE.look.steps, by_value=True)
            ),
            "place": columns.place(scene)._replace(width=0),
            "name": columns.NAME,
            "district": columns.DISTRICT._replace(width=0),
            "open_alerts": Column(columns.OPEN_ALERTS.title),
        },
        time_from=NOW,
        empty=SILENT,
    )


def _places(scene: Scene) -> model.Panel:
    inner = query.select(
        f'last("open_alerts") AS "open_alerts", "state", "name_{scene.language}" AS "name", "district"',
        "place",
        query.where("district"),
        'GROUP BY "place"',
    )
    text = query.select(
        '"open_alerts", "state", "name", "district"', f"FROM ({inner})", 'WHERE "open_alerts" > 0 GROUP BY "place"'
    )
    return panels.table(
        scene,
        Head(
            11,
            Words("有未解除报警的监测点", "Points with open alerts"),
            Words("按当前状态排序：先无数据，再由重到轻。", "By present state: no data, then the worst first."),
            (10, 9),
        ),
        [query.table(text)],
        order=("state", "place", "name", "district", "open_alerts"),
        hide=("Time", "time"),
        sort_by="state",
        columns={
            "state": columns.STATE,
            "place": columns.place(scene),
            "name": columns.NAME,
            "district": columns.DISTRICT,
            "open_alerts": columns.OPEN_ALERTS,
        },
        time_from=NOW,
        empty=Words("没有未解除的报警", "No open alerts"),
    )


def _districts(scene: Scene) -> model.Panel:
    rates = ", ".join(
        f'{rate.formula} AS "{name}"'
        for name, rate in (("transmission", TRANSMISSION), ("validity", VALIDITY), ("compliance", COMPLIANCE))
    )
    each, by = query.where("district", also=_TOTAL), 'GROUP BY "district"'
    online = query.latest(
        "online", "device_health", query.where("district", also=query.AT_THE_END), "device", "district"
    )
    load = query.select('last("open_alerts") AS "open_alerts"', "alert_load", query.where("district"), by)
    return panels.table(
        scene,
        Head(
            12,
            Words("各区在线与达标", "Online and compliance by district"),
            about(ONLINE, COMPLIANCE, TRANSMISSION, VALIDITY),
            (10, 9),
        ),
        [
            query.table(query.select(rates, query.auto("district"), each, by)),
            query.table(query.select('mean("online") AS "online"', online, by), ref="B"),
            query.table(load, ref="C"),
        ],
        transformations=[
            ("filterFieldsByName", {"exclude": {"names": ["Time", "time"]}}),
            ("joinByField", {"byField": "district", "mode": "outer"}),
        ],
        order=("district", "open_alerts", "online", "compliance", "transmission", "validity"),
        sort_by="compliance",
        descending=False,
        columns={
            "district": columns.DISTRICT,
            "open_alerts": columns.OPEN_ALERTS,
            "online": Column(ONLINE.name, columns.RATE_BAR),
            "compliance": Column(COMPLIANCE.name, columns.RATE_BAR),
            "transmission": Column(TRANSMISSION.name, columns.RATE_BAR),
            "validity": Column(VALIDITY.name, columns.RATE_BAR),
        },
        min_interval="1h",
        across=query.ACROSS_TABLE,
    )


def _trend(scene: Scene, number: int, title: Words, formula: str, said: Words) -> model.Panel:
    by_district = Words(f"各区{title.zh}", f"{title.en} by district")
    text = query.select(
        formula, query.auto("district"), query.where("district", also=_TOTAL), query.by_time("district")
    )
    return panels.graph(
        scene,
        Head(number, by_district, said, (12, 8)),
        [query.series(text, alias="$tag_district")],
        calcs=("min", "mean", "lastNotNull"),
        look=Look(unit=RATE.unit, decimals=1, high=1),
        min_interval="1h",
        across=100,
    )


def _parameters(scene: Scene) -> model.Panel:
    also = '"kind" = \'${kind}\' AND "parameter" != \'-\' AND "judged" > 0'
    text = query.select(
        f'{COMPLIANCE.formula} AS "compliance"', query.auto("district"), query.where("district", also=also),
        'GROUP BY "parameter"',
    )  # fmt: skip
    return panels.bars(
        scene,
        Head(23, Words("各参数达标率", "Compliance by parameter"), about(COMPLIANCE), (12, 8)),
        [query.table(text)],
        look=RATE,
        columns={"parameter": columns.PARAMETER._replace(width=0)},
        min_interval="1h",
        # A row a district, parameter and hour: hours up to 10 days, days up to a year.
        across=10,
    )


def _alerts(scene: Scene) -> model.Panel:
    text = query.select(
        '"severity", "place", "rule", "value", "limit_value", "alert_id"', "alert",
        query.where(also="\"state\" = 'active'"), "ORDER BY time DESC LIMIT 200",
    )  # fmt: skip
    return panels.table(
        scene,
        Head(
            31,
            Words("新触发的报警", "Alerts that fired"),
            Words(
                "所选时段内最近 200 次触发，全市（不受区选择影响）。处置在网关页面进行。",
                "The latest 200 in the range, of the whole city (whatever district is chosen). They are handled in the "
                "gateway's pages.",
            ),
            (24, 10),
        ),
        [query.table(text)],
        order=("Time", "severity", "place", "rule", "value", "limit_value", "alert_id"),
        columns={
            "Time": columns.TIME,
            "severity": columns.SEVERITY,
            "place": columns.place(scene),
            "rule": columns.RULE,
            "value": columns.VALUE,
            "limit_value": columns.LIMIT,
            "alert_id": columns.alert(),
        },
        empty=Words("时段内没有报警", "No alerts in this range"),
    )


def _now(function: str, field: str, measurement: str, by: str) -> str:
    return query.select(f'{function}("{field}")', query.latest(field, measurement, query.where("district"), by))


_ONLINE = _now("mean", "online", "device_health", "device")
_PARKED = _now("sum", "parked", "device_health", "device")
_OPEN = _now("sum", "open_alerts", "place", "place")
