"""Whether the instruments are there, on time and looked after: all of them at a glance, then one closely."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, panels, query
from dashboards.grafana.board import Board
from dashboards.grafana.definitions import ONLINE as ONLINE_RATE
from dashboards.grafana.definitions import TRANSMISSION, about
from dashboards.grafana.look import BLUE, FAULT_STEPS, GREEN, ONLINE, ORANGE, RATE, RED, YES_NO, Column, Look
from dashboards.grafana.panels import NOTHING, Head
from dashboards.grafana.variables import choice, tag_values
from dashboards.grafana.water_point import WATER
from dashboards.grafana.words import Scene, Words

TITLE = Words("设备健康", "Device health")
ABOUT = Words(
    "设备在线、延迟、静默、缺数、待处理报文、校准与证书。供运维人员每日查看。",
    "Online, delay, silence, gaps, parked messages, calibration and certificates. For those who keep the instruments.",
)
NOW = "10m"
SILENT = Words("网关 10 分钟内没有消息", "No news from the gateway for 10 minutes")
_KINDS = "(water|store_climate|radiation)"
_ALL = query.where("district", "kind")
_ONE = query.where("device")
_COUNT = Look(decimals=0, fixed=BLUE)
_CERTIFICATE = columns.CERTIFICATE.look
_FAULTS = Look(decimals=0, steps=FAULT_STEPS, by_value=True)


def board(scene: Scene) -> Board:
    """The dashboard ``device_health``."""
    made = Board(scene, "device_health", TITLE, ABOUT, ranges=("24h", "7d", "30d", "90d"))
    made.choose(
        tag_values(scene, "district", columns.DISTRICT.title, measurement="device_health"),
        tag_values(scene, "kind", Words("设备类别", "Kind"), measurement="device_health"),
        tag_values(
            scene, "device", columns.DEVICE.title, measurement="device_health", within=("district", "kind"), multi=False
        ),
        choice(scene, "parameter", Words("参数（缺数表）", "Parameter (of gaps)"), WATER, chosen=("turbidity",)),
    )
    made.link(Words("实时页面", "Live page"), links.page(NOTHING, "/").url)
    _numbers(made)
    made.add(_table(scene))
    made.add(_online_by_district(scene))
    made.add(_gaps_by_district(scene))
    made.add(_gaps_by_place(scene))
    made.row(20, Words("所选设备：${device}", "The chosen device: ${device}"))
    made.add(_timeline(scene))
    made.add(_line(scene, 22, "silent_s", "max"))
    made.add(_line(scene, 23, "delay_s", "max"))
    made.add(_due(scene))
    made.add(_line(scene, 25, "parked", "last"))
    return made


def _numbers(made: Board) -> None:
    scene = made.scene

    def counted(function: str, field: str, condition: str = "") -> str:
        inner = query.latest(field, "device_health", _ALL, "device")
        return query.select(f'{function}("{field}")', inner, *([f"WHERE {condition}"] if condition else []))

    for number, title, said, text, look in (
        (1, Words("设备数", "Devices"), NOTHING, counted("count", "online"), _COUNT),
        (2, ONLINE_RATE.name, about(ONLINE_RATE), counted("mean", "online"), RATE),
        (3, Words("离线", "Offline"), NOTHING, counted("count", "online", '"online" = 0'), _FAULTS),
        (4, columns.IN_WORK.title, NOTHING, counted("sum", "in_work"), _COUNT),
        (5, columns.PARKED.title, NOTHING, counted("sum", "parked"), _FAULTS),
        (
            6,
            Words("最近到期的证书", "Next certificate to end"),
            NOTHING,
            counted("min", "certificate_days"),
            _CERTIFICATE,
        ),
    ):
        empty = Words("0", "0") if number == 3 else SILENT
        made.add(
            panels.stat(
                scene, Head(number, title, said, (4, 4)), [query.series(text)], look=look, time_from=NOW, empty=empty
            )
        )


def _table(scene: Scene) -> model.Panel:
    fields = f'last("online") AS "online", {columns.HEALTH_FIELDS}, "place", "district"'
    return panels.table(
        scene,
        Head(10, Words("全部设备", "All devices"), columns.ABOUT_HEALTH, (24, 11)),
        [query.table(query.select(fields, "device_health", _ALL, 'GROUP BY "device"'))],
        order=("device", "place", "district", *columns.HEALTH),
        hide=("Time", "time"),
        sort_by="silent_s",
        columns={"device": columns.device(scene), "place": columns.place(scene), "district": columns.DISTRICT}
        | columns.HEALTH,
        time_from=NOW,
        empty=SILENT,
    )


def _online_by_district(scene: Scene) -> model.Panel:
    inner = query.latest("online", "device_health", _ALL, "device", "district")
    return panels.bars(
        scene,
        Head(11, Words("各区在线率", "Online by district"), about(ONLINE_RATE), (8, 9)),
        [query.table(query.select('mean("online") AS "online"', inner, 'GROUP BY "district"'))],
        look=RATE,
        time_from=NOW,
        empty=SILENT,
    )


def _gaps_by_district(scene: Scene) -> model.Panel:
    text = query.select(
        'sum("due") - sum("received")', query.auto("district"), query.where("district", also="\"parameter\" = '-'"),
        query.by_time("district"),
    )  # fmt: skip
    return panels.graph(
        scene,
        Head(
            12,
            Words("各区缺数", "Missing readings by district"),
            Words(f"应收减实收。{TRANSMISSION.definition.zh}", f"Due minus received. {TRANSMISSION.definition.en}"),
            (8, 9),
        ),
        [query.series(text, alias="$tag_district")],
        calcs=("sum", "max"),
        look=Look(decimals=0),
        min_interval="1h",
        across=100,
    )


def _gaps_by_place(scene: Scene) -> model.Panel:
    # Of one parameter: all six of 2,000 places are 12,000 series, which took ten times as long.
    condition = query.where("district", also="\"parameter\" = '${parameter}'")
    inner = query.select('sum("due") - sum("received") AS "missing"', "water_1h", condition, 'GROUP BY "place"')
    return panels.table(
        scene,
        Head(
            13,
            Words("缺数的水质点（2 小时）：${parameter:text}", "Water points with gaps (2 hours): ${parameter:text}"),
            Words("最近完整小时内应收减实收的数据数。", "Readings due minus received, in the latest whole hours."),
            (8, 9),
        ),
        [query.table(query.select('"missing"', f"FROM ({inner})", 'WHERE "missing" > 0 GROUP BY "place"'))],
        order=("place", "missing"),
        hide=("Time", "time"),
        sort_by="missing",
        columns={
            "place": columns.place(scene),
            "missing": Column(Words("缺数", "Missing"), Look(decimals=0, steps=((None, ORANGE),), by_value=True)),
        },
        time_from="2h",
        empty=Words("没有缺数", "No gaps"),
    )


def _timeline(scene: Scene) -> model.Panel:
    def lane(field: str, ref: str, name: Words) -> query.InfluxQL:
        text = query.select(f'last("{field}")', "device_health", _ONE, query.by_time(fill="null"))
        return query.series(text, ref=ref, alias=scene.say(name))

    online, work = columns.ON.title, columns.IN_WORK.title
    return panels.timeline(
        scene,
        Head(
            21,
            Words("在线与维护（7 天）", "Online and maintenance (7 days)"),
            Words(
                "网关每 5 分钟登记一次；空白为没有消息。",
                "As the gateway notes it every 5 minutes; a gap is no news.",
            ),
            (24, 5),
        ),
        [lane("online", "A", online), lane("in_work", "B", work)],
        look=Look(by_value=True),
        columns={
            scene.say(online): Column(NOTHING, Look(codes=ONLINE)),
            scene.say(work): Column(NOTHING, Look(codes=YES_NO)),
        },
        time_from="7d",
        min_interval="5m",
    )


#: What a line of one device shows: its title and its description.
_LINES = {
    "silent_s": (
        Words("静默时长（7 天）", "Silence (7 days)"),
        Words("登记时距最近一条消息的时间。", "Since the last message, when the gateway noted it."),
    ),
    "delay_s": (
        Words("数据延迟（7 天）", "Delay (7 days)"),
        Words("设备时间到网关接收的时间。", "From the device's clock to the receipt by the gateway."),
    ),
    "parked": (
        Words("待处理报文（7 天）", "Parked (7 days)"),
        Words("登记时前 24 小时内无法判定的报文数。", "Messages of the 24 hours before that could not be judged."),
    ),
}


def _line(scene: Scene, number: int, field: str, function: str) -> model.Panel:
    text = query.select(f'{function}("{field}")', "device_health", _ONE, query.by_time("device"))
    seconds = field.endswith("_s")
    return panels.graph(
        scene,
        Head(number, *_LINES[field], (12, 7)),
        [query.series(text, alias="$tag_device")],
        calcs=("mean", "max", "lastNotNull"),
        look=Look(unit="s" if seconds else "", decimals=None if seconds else 0, low=0),
        time_from="7d",
        min_interval="5m",
    )


def _due(scene: Scene) -> model.Panel:
    text = query.select(
        'sum("due") AS "due", sum("received") AS "received", sum("valid") AS "valid"', query.auto(_KINDS), _ONE,
        query.by_time(),
    )  # fmt: skip
    return panels.graph(
        scene,
        Head(
            24,
            Words("应收、实收与有效", "Due, received and valid"),
            Words(
                "该设备全部参数的数据数。三线重合即无缺数。",
                "Readings of all its parameters. Where the three lines lie on each other, nothing is missing.",
            ),
            (12, 7),
        ),
        [query.series(text)],
        calcs=("sum",),
        look=Look(decimals=0, low=0),
        columns={
            "due": Column(
                Words("应收", "Due"), Look(fixed=RED, custom={"lineStyle": {"fill": "dash", "dash": [8, 6]}})
            ),
            "received": Column(Words("实收", "Received"), Look(fixed=BLUE)),
            "valid": Column(Words("有效", "Valid"), Look(fixed=GREEN)),
        },
        min_interval="5m",
        across=90,
    )
