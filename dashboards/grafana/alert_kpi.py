"""How alerts are handled: how many, how fast they are acknowledged, which rules make the noise, when it floods."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, names, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.look import FAULT_STEPS, ORANGE, PERCENT, RATE, RED, SEVERITIES, Column, Look
from dashboards.grafana.open_alerts import open_alerts
from dashboards.grafana.panels import NOTHING, Head
from dashboards.grafana.variables import tag_values
from dashboards.grafana.words import Scene, Words

TITLE = Words("报警指标", "Alert KPI")
ABOUT = Words(
    "报警数量、确认及时率、最吵的规则与报警洪水，按本地日统计。用于改进规则与值班，不用于考核个人。",
    "Numbers of alerts, acknowledgement in time, the noisiest rules and floods, by local day. It serves to "
    "improve rules "
    "and rotas, not to rate persons.",
)
NO_ALERTS = Words("时段内没有报警", "No alerts in this range")
_TAGS = ("district", "severity")
_COUNT = Look(decimals=0)
_FAULTS = Look(decimals=0, steps=FAULT_STEPS, by_value=True)
_DAILY = "fill(none) tz('${time_zone}')"
_IN_TIME = 'sum("in_time") / sum("fired")'
ABOUT_IN_TIME = Words(
    "在逐级通知转给下一人之前确认的报警 ÷ 触发的报警。",
    "Alerts acknowledged before the order of call went on to somebody else, divided by alerts that fired.",
)
_BY_SEVERITY = {name: Column(words, Look(fixed=color)) for name, (words, color) in SEVERITIES.items()}


def board(scene: Scene) -> Board:
    """The dashboard ``alert_kpi``."""
    made = Board(scene, "alert_kpi", TITLE, ABOUT, ranges=("7d", "30d", "90d"), refresh="15m")
    made.choose(
        tag_values(scene, "district", columns.DISTRICT.title, measurement="alert_day"),
        names.several(scene, "severity", columns.SEVERITY.title, SEVERITIES),
    )
    for words, path in ((Words("报警处置", "Alerts"), "/alerts"), (Words("报警指标页面", "KPI page"), "/kpi")):
        made.link(words, links.page(words, path).url)
    for panel in _numbers(scene):
        made.add(panel)
    made.row(10, Words("每日", "By day"))
    for panel in (_fired(scene), _in_time(scene), _slowest(scene), _standing(scene)):
        made.add(panel)
    made.row(20, Words("在哪里、为什么", "Where and why"))
    for panel in (_districts(scene), _rules(scene)):
        made.add(panel)
    made.row(30, Words("负荷", "Load"))
    for panel in (open_alerts(scene, 31), _floods(scene)):
        made.add(panel)
    return made


def _sum(field: str) -> str:
    return query.select(f'sum("{field}")', "alert_day", query.where(*_TAGS))


def _numbers(scene: Scene) -> list[model.Panel]:
    """The range in four numbers."""
    rate = query.select(_IN_TIME, "alert_day", query.where(*_TAGS))
    return [
        panels.stat(scene, Head(number, title, about, (6, 4)), [query.series(text)], look=look, empty=NO_ALERTS)
        for number, title, about, text, look in (
            (1, Words("触发", "Fired"), NOTHING, _sum("fired"), _COUNT),
            (2, Words("确认及时率", "Acknowledged in time"), ABOUT_IN_TIME, rate, RATE),
            (3, Words("已确认", "Acknowledged"), NOTHING, _sum("acknowledged"), _COUNT),
            (4, Words("已关闭", "Closed"), NOTHING, _sum("closed"), _COUNT),
        )
    ]


def _daily(scene: Scene, head: Head, what: str, look: Look, by: str = "severity") -> model.Panel:
    text = query.select(what, "alert_day", query.where(*_TAGS), f'GROUP BY time(1d), "{by}" {_DAILY}')
    return panels.graph(
        scene,
        head,
        [query.series(text, alias=f"$tag_{by}")],
        calcs=("max", "lastNotNull"),
        steps=True,
        look=look,
        columns=_BY_SEVERITY,
        empty=NO_ALERTS,
    )


def _fired(scene: Scene) -> model.Panel:
    title = Words("每日触发（按级别）", "Fired by day and severity")
    said = Words("按触发时间的本地日计。", "By the local day on which they fired.")
    return _daily(scene, Head(11, title, said, (12, 8)), 'sum("fired")', _COUNT)


def _in_time(scene: Scene) -> model.Panel:
    title = Words("每日确认及时率（按级别）", "Acknowledged in time, by day and severity")
    look = Look(unit=PERCENT, decimals=0, low=0, high=1)
    return _daily(scene, Head(12, title, ABOUT_IN_TIME, (12, 8)), _IN_TIME, look)


def _slowest(scene: Scene) -> model.Panel:
    said = Words(
        "各区各规则当日确认用时 95 分位数中最大的一个。分位数不能相加或平均。",
        "The largest of the day's 95th percentiles of time to acknowledge, over districts and rules: "
        "percentiles can be "
        "neither summed nor averaged.",
    )
    title = Words("最慢的确认（按级别）", "Slowest acknowledgement by severity")
    return _daily(scene, Head(13, title, said, (12, 8)), 'max("ack_p95_s")', Look(unit="s", decimals=0, low=0))


def _standing(scene: Scene) -> model.Panel:
    said = Words(
        "长期未解除的报警：多半是规则不合适，或设备待修。",
        "Alerts that stay for long: mostly a rule that does not fit, or a device to repair.",
    )
    title = Words("长期未解除（按级别）", "Standing alerts by severity")
    return _daily(scene, Head(14, title, said, (12, 8)), 'sum("standing")', _COUNT)


def _districts(scene: Scene) -> model.Panel:
    text = query.select(
        f'sum("fired") AS "fired", {_IN_TIME} AS "in_time", sum("closed") AS "closed"',
        "alert_day",
        query.where(*_TAGS),
        'GROUP BY "district"',
    )
    shown = ("district", "fired", "in_time", "closed")
    return panels.table(
        scene,
        Head(21, Words("各区", "Districts"), ABOUT_IN_TIME, (10, 10)),
        [query.table(text)],
        order=shown,
        hide=("Time", "time"),
        sort_by="fired",
        columns={
            "district": columns.DISTRICT._replace(width=0),
            "fired": Column(Words("触发", "Fired"), _COUNT, 90),
            "in_time": Column(Words("确认及时率", "In time"), columns.RATE_BAR),
            "closed": Column(Words("已关闭", "Closed"), _COUNT, 90),
        },
        empty=NO_ALERTS,
    )


def _rules(scene: Scene) -> model.Panel:
    text = query.select(
        'sum("fired") AS "fired", sum("standing") AS "standing"', "alert_day", query.where(*_TAGS), 'GROUP BY "rule"'
    )
    return panels.table(
        scene,
        Head(
            22,
            Words("最吵的规则", "Noisiest rules"),
            Words(
                "触发最多的在前：前十条往往占大半，先改它们的限值、延时或死区。",
                "Most fired first: ten rules are often more than half of all alerts; mend their limits, "
                "delays or dead "
                "bands first.",
            ),
            (14, 10),
        ),
        [query.table(text)],
        order=("rule", "fired", "standing"),
        hide=("Time", "time"),
        sort_by="fired",
        columns={
            "rule": Column(columns.RULE.title, Look(codes=names.rules())),
            "fired": Column(Words("触发", "Fired"), _COUNT, 100),
            "standing": Column(Words("长期未解除", "Standing"), _FAULTS, 120),
        },
        empty=NO_ALERTS,
    )


def _floods(scene: Scene) -> model.Panel:
    text = query.select('mean("flood")', "alert_load", query.where("district"), 'GROUP BY "district"')
    return panels.bars(
        scene,
        Head(
            32,
            Words("报警洪水时间占比（30 天）", "Share of time in alert floods (30 days)"),
            Words(
                "10 分钟内触发 10 条及以上即为洪水（ISA-18.2）；应低于 1%。",
                "Ten or more alerts in ten minutes are a flood (ISA-18.2); it should be below 1 %.",
            ),
            (12, 8),
        ),
        [query.series(text, alias="$tag_district")],
        rows=False,
        calc="lastNotNull",
        look=Look(
            unit=PERCENT,
            decimals=2,
            low=0,
            high=0.1,
            steps=((None, "green"), (0.01, ORANGE), (0.05, RED)),
            by_value=True,
        ),
        time_from="30d",
    )
