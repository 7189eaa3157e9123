"""The gateway itself: does it hear the broker, keep up, and have room; what it could not judge or store."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.look import FAULT_STEPS, GREEN, GREY, ORANGE, RED, Codes, Column, Look
from dashboards.grafana.panels import NOTHING, Head
from dashboards.grafana.variables import tag_values
from dashboards.grafana.words import Scene, Words

TITLE = Words("网关健康", "Gateway health")
ABOUT = Words(
    "消息是否收到、判定、入库，落后多少，还有多少空间。没有数据就是网关停了，或数据库收不到：先看网关页面。",
    "Whether messages are received, judged and stored, how far behind, and how much room is left. No data "
    "means that the "
    "gateway stands still or the database does not hear it: look at the gateway's own page first.",
)
NOW = "10m"
SILENT = Words("10 分钟内没有网关的消息", "No news from the gateway for 10 minutes")
_BROKER: Codes = {
    "0": (Words("未连接", "Not connected"), RED),
    "1": (Words("已连接", "Connected"), GREEN),
}
_COUNT = Look(decimals=0)
_BEHIND = Look(decimals=0, steps=((None, GREEN), (1_000, ORANGE), (100_000, RED)), by_value=True)
#: Below 2 GB the gateway is near the point where it stops acknowledging.
_DISK = Look(unit="bytes", decimals=1, steps=((None, RED), (2e9, ORANGE), (1e10, GREEN)), by_value=True)
_MEMORY = Look(unit="bytes", decimals=0, low=0)

#: What the counters count.
COUNTERS = {
    "journaled": Words("收到", "Received"),
    "stored": Words("入库", "Stored"),
    "repeated": Words("重复", "Repeated"),
}
REFUSED = {
    "parked": Words("挂起（无法判定）", "Parked (could not be judged)"),
    "redelivered": Words("重传", "Redelivered on the wire"),
}
LAGS = {
    "decide_lag": Words("待判定", "To be judged"),
    "store_lag": Words("待入库", "To be stored"),
    "deliver_waiting": Words("待通知", "Notifications waiting"),
    "ledger_unsigned": Words("账本待签", "Ledger entries to be signed"),
}


def board(scene: Scene) -> Board:
    """The dashboard ``gateway_health``."""
    made = Board(scene, "gateway_health", TITLE, ABOUT, ranges=("24h", "6h", "7d"))
    made.choose(tag_values(scene, "gateway", Words("网关", "Gateway"), measurement="gateway"))
    for words, path in ((Words("实时页面", "Live page"), "/"), (Words("报警处置", "Alerts"), "/alerts")):
        made.link(words, links.page(words, path).url)
    for panel in _now(scene):
        made.add(panel)
    made.row(10, Words("消息", "Messages"))
    made.add(_counted(scene, 11, Words("每个时段的消息", "Messages in each interval"), COUNTERS))
    made.add(_counted(scene, 12, Words("每个时段未入库的消息", "Messages not stored, in each interval"), REFUSED))
    made.add(_lags(scene))
    made.add(_points(scene))
    made.row(20, Words("资源", "Resources"))
    for panel in _resources(scene):
        made.add(panel)
    return made


def _now(scene: Scene) -> list[model.Panel]:
    """The state in six numbers."""
    return [
        panels.stat(
            scene,
            Head(number, title, about, (4, 4)),
            [query.series(query.select(f'last("{field}")', "gateway", query.where("gateway"), 'GROUP BY "gateway"'))],
            look=look,
            time_from=NOW,
            empty=SILENT,
        )
        for number, title, about, field, look in (
            (
                1,
                Words("消息服务器", "Broker"),
                NOTHING,
                "broker",
                Look(codes=_BROKER, steps=((None, GREY),), by_value=True),
            ),
            (
                2,
                Words("待判定", "To be judged"),
                Words("已收到、尚未判定的消息。", "Messages received and not yet judged."),
                "decide_lag",
                _BEHIND,
            ),
            (
                3,
                Words("待入库", "To be stored"),
                Words("已判定、尚未写入数据库的消息。", "Messages judged and not yet in the database."),
                "store_lag",
                _BEHIND,
            ),
            (
                4,
                Words("待通知", "Notifications waiting"),
                NOTHING,
                "deliver_waiting",
                Look(decimals=0, steps=FAULT_STEPS, by_value=True),
            ),
            (
                5,
                Words("剩余磁盘", "Disk left"),
                Words(
                    "低于 journal.min_free 时网关停止确认消息。",
                    "Below journal.min_free the gateway stops acknowledging.",
                ),
                "disk_free",
                _DISK,
            ),
            (6, Words("未解除报警", "Open alerts"), NOTHING, "open_alerts", _COUNT),
        )
    ]


def _counted(scene: Scene, number: int, title: Words, counters: dict[str, Words]) -> model.Panel:
    """How much counters grew in each interval; after a restart of the counters nothing is negative."""
    fields = ", ".join(f'non_negative_difference(last("{field}")) AS "{field}"' for field in counters)
    text = query.select(fields, "gateway", query.where("gateway"), _by_time())
    said = Words(
        "计数器在每个时段内的增量。收到 = 入库 + 挂起 + 重复 + 等待。",
        "Growth of the counters in each interval. Received = stored + parked + repeated + waiting.",
    )
    return panels.graph(
        scene,
        Head(number, title, said, (12, 8)),
        [query.series(text)],
        calcs=("max", "sum"),
        look=Look(decimals=0, low=0),
        columns={field: Column(words) for field, words in counters.items()},
        min_interval="5m",
    )


def _by_time() -> str:
    """The counters of each gateway are its own; with several, their lines are called alike and told by colour."""
    return 'GROUP BY time($__interval), "gateway" fill(none)'


def _highest(scene: Scene, head: Head, fields: dict[str, Words], look: Look, function: str = "max") -> model.Panel:
    chosen = ", ".join(f'{function}("{field}") AS "{field}"' for field in fields)
    return panels.graph(
        scene,
        head,
        [query.series(query.select(chosen, "gateway", query.where("gateway"), _by_time()))],
        calcs=("min", "max", "lastNotNull"),
        look=look,
        columns={field: Column(words) for field, words in fields.items()},
        min_interval="5m",
    )


def _lags(scene: Scene) -> model.Panel:
    said = Words(
        "每个时段内的最大值。数据库停机时待入库会增长，恢复后应回落到 0。",
        "The highest in each interval. While the database is away, what is to be stored grows; afterwards it "
        "should return "
        "to 0.",
    )
    return _highest(scene, Head(13, Words("落后", "Behind"), said, (12, 8)), LAGS, Look(decimals=0, low=0))


def _points(scene: Scene) -> model.Panel:
    text = query.select(
        'non_negative_difference(last("points")) AS "points"', "gateway", query.where("gateway"), _by_time()
    )
    return panels.graph(
        scene,
        Head(
            14,
            Words("每个时段入库的读数", "Readings stored in each interval"),
            Words(
                "一条消息通常有多个读数；重复的只计一次。",
                "A message mostly holds several readings; repeated ones count once.",
            ),
            (12, 8),
        ),
        [query.series(text)],
        calcs=("max", "sum"),
        look=Look(decimals=0, low=0),
        columns={"points": Column(Words("读数", "Readings"))},
        min_interval="5m",
    )


def _resources(scene: Scene) -> list[model.Panel]:
    memory = Words("网关进程的常驻内存。", "Resident memory of the gateway's process.")
    disk = Words(
        "数据文件夹所在磁盘。按 journal.keep_days 保留的日志占用最多。",
        "The disk of the data folder. The journal of journal.keep_days takes most of it.",
    )
    ledger = Words("账本条目数只增不减。", "Entries of the ledger only grow.")
    return [
        _highest(
            scene,
            Head(21, Words("剩余磁盘", "Disk left"), disk, (8, 7)),
            {"disk_free": Words("剩余", "Left")},
            Look(unit="bytes", low=0),
            "min",
        ),
        _highest(
            scene, Head(22, Words("内存", "Memory"), memory, (8, 7)), {"memory": Words("内存", "Memory")}, _MEMORY
        ),
        _highest(
            scene, Head(23, Words("账本", "Ledger"), ledger, (8, 7)), {"ledger_size": Words("条目", "Entries")}, _COUNT
        ),
    ]
