"""The city at a glance: where something is wrong, how much of the network reports, how much of it complies."""

from __future__ import annotations

from dashboards.grafana import links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.look import PLACE_STATES, Column, Look
from dashboards.grafana.variables import tag_values
from dashboards.grafana.words import Scene, Words

TITLE = Words("城市总览", "City overview")
ABOUT = Words(
    "全市监测点状态、未关闭警报、各区在线率与达标率。",
    "State of all points, open alerts, online and compliance rates by district.",
)


def board(scene: Scene) -> Board:
    """The dashboard ``city_overview``."""
    made = Board(scene, "city_overview", TITLE, ABOUT)
    made.choose(tag_values(scene, "district", Words("区", "District"), measurement="place"))
    made.link(Words("警报", "Alerts"), links.page(Words("警报", "Alerts"), "/alerts").url)
    made.add(
        panels.outlines_map(
            scene,
            panels.Head(
                2,
                Words("监测点状态", "State of points"),
                Words("圆点颜色为监测点当前状态。", "The colour of a point is its present state."),
                (14, 16),
            ),
            [query.table(_STATES)],
            colored_by="state",
            look=Look(by_value=True),
            columns={"state": Column(Words("状态", "State"), Look(codes=PLACE_STATES))},
            time_from="15m",
        )
    )
    return made


_STATES = query.select(
    'last("state") AS "state", "open_alerts", "lat", "lon", "name_zh"',
    "place",
    query.where("district"),
    'GROUP BY "place"',
)
