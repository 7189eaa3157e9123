"""One container: every event about it, in order, with weights and places. The whole evidence is the gateway's page."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, names, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.look import SKY, Column, Look
from dashboards.grafana.panels import Head
from dashboards.grafana.variables import typed
from dashboards.grafana.waste_columns import KILOGRAMS
from dashboards.grafana.words import Scene, Words

TITLE = Words("容器追溯", "Container trace")
ABOUT = Words(
    "输入一个容器编号，查看其全部事件。数据库没有容器索引，只能在最近 7 天内查找；更早的以及证据（签名、"
    "原始报文、照片）见网关页面。",
    "Type the id of a container to see all its events. The database has no index of containers, so it is "
    "looked for in "
    "the last 7 days; what is older, and the evidence (signatures, original messages, photographs), is in the "
    "gateway's pages.",
)
NONE = Words(
    "最近 7 天没有这个容器的事件，请核对编号或打开网关页面",
    "No events of this container in the last 7 days: check the id, or open the gateway's page",
)
_CONTAINER = '"container" =~ /^${container:regex}$/'
_WEIGHTS = {
    "net_g": Column(Words("净重", "Net"), KILOGRAMS, 100),
    "gross_g": Column(Words("毛重", "Gross"), KILOGRAMS, 100),
    "tare_g": Column(Words("皮重", "Tare"), KILOGRAMS, 100),
    "group_net_g": Column(Words("同称净重", "Net of the group"), KILOGRAMS, 130),
    "group_n": Column(Words("同称容器数", "Containers weighed together"), Look(decimals=0), 110),
}


def board(scene: Scene) -> Board:
    """The dashboard ``container_trace``."""
    made = Board(scene, "container_trace", TITLE, ABOUT, ranges=("7d", "24h"), refresh="5m")
    made.choose(typed(scene, "container", Words("容器编号", "Container"), value=""))
    page = links.page(Words("网关追溯页", "Trace in the gateway"), "/custody/${container:percentencode}")
    made.link(page.title, page.url)
    made.add(_how(scene))
    made.add(_weights(scene))
    made.add(_events(scene))
    return made


def _how(scene: Scene) -> model.Panel:
    content = Words(
        "在上方输入容器编号（标签上的二维码、RFID 或文字编号，区分大小写），按回车。\n\n"
        "**[在网关中打开追溯与证据](${gateway_url:raw}/custody/${container:percentencode})**",
        "Type the id of a container above (the code, RFID or text of its label; capitals matter) and press Enter.\n\n"
        "**[Open trace and evidence in the gateway](${gateway_url:raw}/custody/${container:percentencode})**",
    )
    return panels.text(scene, Head(1, Words("如何查找", "How to look"), panels.NOTHING, (10, 7)), content)


def _weights(scene: Scene) -> model.Panel:
    text = query.select('"net_g"', "custody", query.where(also=_CONTAINER), 'GROUP BY "step" LIMIT 200')
    return panels.graph(
        scene,
        Head(
            2,
            Words("各环节净重", "Net weight at each step"),
            Words("只有单独称重的事件有点。", "Only events at which it was weighed alone have a point."),
            (14, 7),
        ),
        [query.series(text, alias="$tag_step")],
        calcs=("lastNotNull",),
        look=Look(unit="massg", decimals=2, low=0),
        columns={name: Column(words) for name, (words, _) in names.STEPS.items()},
        empty=NONE,
    )


def _events(scene: Scene) -> model.Panel:
    fields = ", ".join(f'"{name}"' for name in _WEIGHTS)
    text = query.select(
        f'"step", "place", "device", "category", {fields}, "event_id"',
        "custody",
        query.where(also=_CONTAINER),
        "ORDER BY time LIMIT 500",
    )
    return panels.table(
        scene,
        Head(
            3,
            Words("事件", "Events"),
            Words(
                "按设备时间先后。共重时重量属于整组，不分摊到单个容器。",
                "In the order of the devices' clocks. A weight over several containers is the group's and "
                "never divided.",
            ),
            (24, 15),
        ),
        [query.table(text)],
        order=("Time", "step", "place", "device", "category", *_WEIGHTS, "event_id"),
        columns={
            "Time": columns.TIME,
            "step": Column(Words("环节", "Step"), Look(codes=names.STEPS, fixed=SKY), 130),
            "place": Column(Words("地点", "Place"), Look(), 180),
            "device": columns.device(scene),
            "category": Column(Words("类别", "Category"), Look(codes=names.CATEGORIES), 110),
            **_WEIGHTS,
            "event_id": Column(Words("事件编号", "Event"), Look(), 220),
        },
        empty=NONE,
    )
