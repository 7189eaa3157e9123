"""Panels of medical waste on paper and in alarm: manifests and alerts."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, names, panels, query
from dashboards.grafana.look import YES_NO, Column, Look
from dashboards.grafana.panels import Head
from dashboards.grafana.waste_columns import CONTAINERS, FAULTS, UNIT, WEIGHT
from dashboards.grafana.words import Scene, Words


def open_manifests(scene: Scene) -> model.Panel:
    """How many manifests the receiver has not confirmed."""
    text = query.select('count("age_h")', "manifest", query.where("unit", "district", also='"confirmed" < 1'))
    return panels.stat(
        scene,
        Head(
            41,
            Words("待确认联单（7 天）", "Manifests to be confirmed (7 days)"),
            Words(
                "近 7 天开始、接收方尚未确认的联单。", "Begun in the last 7 days and not yet confirmed by the receiver."
            ),
            (6, 8),
        ),
        [query.series(text)],
        look=FAULTS,
        time_from="7d",
        empty=Words("没有", "None"),
    )


def manifests(scene: Scene) -> model.Panel:
    """The latest manifests."""
    text = query.select(
        '"manifest", "unit", "state", "confirmed", "containers", "net_g", "age_h"',
        "manifest",
        query.where("unit", "district"),
        "ORDER BY time DESC LIMIT 300",
    )
    to = links.page(Words("打开联单", "Open the manifest"), "/manifests/" + links.field("manifest"))
    return panels.table(
        scene,
        Head(
            42,
            Words("转移联单", "Manifests"),
            Words("最近 300 份，按首个事件的时间。", "The latest 300, by their first event."),
            (18, 8),
        ),
        [query.table(text)],
        order=("Time", "manifest", "unit", "state", "confirmed", "age_h", "containers", "net_g"),
        columns={
            "Time": columns.TIME,
            "manifest": Column(Words("联单号", "Manifest"), Look(links=[to]), 170),
            "unit": UNIT,
            "state": Column(Words("状态", "State"), Look(codes=names.MANIFESTS)),
            "confirmed": Column(Words("已确认", "Confirmed"), Look(codes=YES_NO), 90),
            "age_h": Column(Words("历时", "Age"), Look(unit="h", decimals=1), 90),
            "containers": CONTAINERS,
            "net_g": WEIGHT,
        },
        empty=Words("时段内没有联单", "No manifests in this range"),
    )


def alerts(scene: Scene) -> model.Panel:
    """The latest alerts of the rules about waste."""
    text = query.select(
        '"severity", "place", "rule", "state", "alert_id"',
        "alert",
        query.where(also=f'"state" = \'active\' AND "rule" =~ /^({"|".join(names.waste_rules())})$/'),
        "ORDER BY time DESC LIMIT 200",
    )
    return panels.table(
        scene,
        Head(
            43,
            Words("医废报警", "Alerts about waste"),
            Words(
                "所选时段内最近 200 次触发，全市（不受区与单位选择影响）。处置在网关页面进行。",
                "The latest 200 in the range, of the whole city (whatever is chosen). They are handled in the "
                "gateway's "
                "pages.",
            ),
            (24, 9),
        ),
        [query.table(text)],
        order=("Time", "severity", "rule", "place", "alert_id"),
        hide=("state",),
        columns={
            "Time": columns.TIME,
            "severity": columns.SEVERITY,
            "rule": Column(columns.RULE.title, Look(codes=names.rules())),
            "place": Column(Words("地点", "Place"), Look(), 180),
            "alert_id": columns.alert(),
        },
        empty=Words("时段内没有报警", "No alerts in this range"),
    )
