"""Medical waste: what stands in the stores now, what a day weighed at each stage, and where the books do not agree."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, links, names, panels, query, waste_days, waste_papers
from dashboards.grafana.board import Board
from dashboards.grafana.look import Column, Look
from dashboards.grafana.panels import Head
from dashboards.grafana.variables import tag_values
from dashboards.grafana.waste_columns import (
    CONTAINERS,
    FAULTS,
    HOURS,
    KILOGRAMS,
    NOW,
    OLDEST,
    OVERDUE,
    SILENT,
    TAGS,
    WEIGHT,
    reduced,
    summed_up,
)
from dashboards.grafana.words import Scene, Words

TITLE = Words("医疗废物", "Medical waste")
ABOUT = Words(
    "暂存库存与时长、各环节重量平衡、转移联单与异常。重量为净重；由同一组秤的多个容器共重时只计一次。",
    "Stores and how long waste stands in them, the balance of weights from stage to stage, manifests and exceptions. "
    "Weights are net; a weight over several containers counts once.",
)

#: The gateway writes a row of each of these, with zeros where nothing stands there.
_STORES = '"kind" =~ /^(waste_store|collection_point)$/'


def board(scene: Scene) -> Board:
    """The dashboard ``medical_waste``."""
    made = Board(scene, "medical_waste", TITLE, ABOUT, ranges=("7d", "30d", "90d"), refresh="5m")
    made.choose(
        tag_values(scene, "district", columns.DISTRICT.title, measurement="waste_district_day"),
        tag_values(scene, "unit", columns.UNIT.title, measurement="waste_day", within=("district",)),
        names.several(scene, "category", Words("类别", "Category"), names.CATEGORIES),
    )
    for words, path in (
        (Words("暂存间页面", "Stores page"), "/custody"),
        (Words("平衡表", "Balance"), "/balance"),
        (Words("联单", "Manifests"), "/manifests"),
    ):
        made.link(words, links.page(words, path).url)
    made.row(10, Words("暂存间现状", "In the stores now"))
    for panel in (*_now(scene), _stores(scene)):
        made.add(panel)
    made.row(20, Words("每日重量", "Weights by day"))
    for draw in (waste_days.weights, waste_days.stages, waste_days.differences, waste_days.exceptions):
        made.add(draw(scene))
    made.row(30, Words("单位平衡（今日与昨日）", "Balance of units (today and yesterday)"))
    made.add(waste_days.units(scene))
    made.row(40, Words("转移联单与报警", "Manifests and alerts"))
    for draw in (waste_papers.open_manifests, waste_papers.manifests, waste_papers.alerts):
        made.add(draw(scene))
    return made


def _now(scene: Scene) -> list[model.Panel]:
    """The four numbers of all stores."""
    return [
        panels.stat(
            scene,
            Head(number, title, about, (6, 4)),
            [query.series(_latest(function, field))],
            look=look,
            time_from=NOW,
            empty=SILENT,
        )
        for number, title, about, function, field, look in (
            (
                11,
                Words("在库容器", "Containers in store"),
                Words("暂存间与收集点现有容器数。", "Containers that stand in stores and collection points."),
                "sum",
                "containers",
                Look(decimals=0),
            ),
            (
                12,
                Words("在库重量", "Weight in store"),
                Words(
                    "现有容器净重之和，未称重的不计。",
                    "Net weights of what stands there; what was not weighed is not in it.",
                ),
                "sum",
                "net_g",
                KILOGRAMS,
            ),
            (
                13,
                OLDEST.title,
                Words("在库最久的容器已暂存的小时数。", "Hours since the oldest container came into its store."),
                "max",
                "oldest_h",
                HOURS,
            ),
            (
                14,
                OVERDUE.title,
                Words("超过所适用暂存时限的容器数。", "Containers beyond the time that holds for their store."),
                "sum",
                "overdue",
                FAULTS,
            ),
        )
    ]


def _latest(function: str, field: str) -> str:
    return query.select(
        f'{function}("{field}")', query.latest(field, "waste_store", query.where("unit", *TAGS), "place", "category")
    )


def _stores(scene: Scene) -> model.Panel:
    inner = query.select(
        'last("containers") AS "containers", "net_g", "oldest_h", "overdue"',
        "waste_store",
        query.where("unit", *TAGS),
        'GROUP BY "place", "category"',
    )
    text = query.select('"containers", "net_g", "oldest_h", "overdue"', f"FROM ({inner})", 'GROUP BY "place"')
    called = query.select(
        f'last("name_{scene.language}") AS "name"', "place", query.where("unit", "district", also=_STORES),
        'GROUP BY "place"',
    )  # fmt: skip
    fields = {"oldest_h": "max", "overdue": "sum", "containers": "sum", "net_g": "sum"}
    oldest, overdue, containers, weight = (reduced(field, by) for field, by in fields.items())
    return panels.table(
        scene,
        Head(
            15,
            Words("各暂存间", "Stores"),
            Words(
                "最久的在前；36 小时起提示，48 小时为医院暂存时限。",
                "The oldest first; a hint from 36 hours on, 48 is the limit of a hospital.",
            ),
            (24, 9),
        ),
        [query.table(text), query.table(called, ref="B")],
        order=("place", "name", oldest, overdue, containers, weight),
        sort_by=oldest,
        # Waste that stands somewhere else, or in a store that was taken out of the registry, must be seen all the more.
        transformations=summed_up("place", fields, nameless=True),
        columns={
            "place": Column(Words("暂存间", "Store"), Look(), 180),
            "name": columns.NAME,
            oldest: OLDEST,
            overdue: OVERDUE,
            containers: CONTAINERS,
            weight: WEIGHT,
        },
        time_from=NOW,
        empty=SILENT,
    )
