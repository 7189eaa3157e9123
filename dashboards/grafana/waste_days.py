"""Panels of medical waste by day: weights, the balance of the stages, differences, exceptions, units."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import columns, names, panels, query
from dashboards.grafana.look import BLUE, Column, Look
from dashboards.grafana.panels import Head
from dashboards.grafana.waste_columns import (
    CONTAINERS,
    DAYS,
    DIFFERENCE,
    EXCEPTIONS,
    FAULTS,
    KILOGRAMS,
    NO_WASTE,
    STAGES,
    TAGS,
    UNIT,
    reduced,
    summed_up,
)
from dashboards.grafana.words import Scene, Words


def weights(scene: Scene) -> model.Panel:
    """What was collected on each day, by category."""
    text = query.select(
        'sum("collected_g")',
        "waste_district_day",
        query.where(*TAGS),
        "GROUP BY time(1d), \"category\" fill(none) tz('${time_zone}')",
    )
    return panels.graph(
        scene,
        Head(
            21,
            Words("每日收集重量（按类别）", "Collected by day and category"),
            Words("科室交接时称得的净重，按本地日。", "Net weights at the hand-over of departments, by local day."),
            (12, 9),
        ),
        [query.series(text, alias="$tag_category")],
        calcs=("sum", "max"),
        stacked=True,
        steps=True,
        look=KILOGRAMS,
        columns={name: Column(words, Look(fixed=color)) for name, (words, color) in names.CATEGORIES.items()},
        empty=NO_WASTE,
    )


def stages(scene: Scene) -> model.Panel:
    """Weights of the range at each stage of the way."""
    text = query.select(
        ", ".join(f'sum("{field}") AS "{field}"' for field in STAGES), "waste_district_day", query.where(*TAGS)
    )
    return panels.bars(
        scene,
        Head(
            22,
            Words("各环节重量平衡", "Balance of the stages"),
            Words(
                "所选时段内各环节净重之和。后一环节少于前一环节，可能尚在途中，也可能未称重：差异以右侧与下表为准。",
                "Net weights of each stage in the range. A later stage may be less because waste is still "
                "under way or "
                "was not weighed there: what counts as a difference is shown beside and below.",
            ),
            (12, 9),
        ),
        [query.table(text)],
        rows=False,
        look=Look(unit="massg", decimals=1, low=0, fixed=BLUE),
        columns={field: Column(words) for field, words in STAGES.items()},
        empty=NO_WASTE,
    )


def _by_day(scene: Scene, head: Head, field: str, look: Look) -> model.Panel:
    text = query.select(
        f'sum("{field}")',
        "waste_district_day",
        query.where(*TAGS),
        "GROUP BY time(1d), \"district\" fill(none) tz('${time_zone}')",
    )
    return panels.graph(
        scene,
        head,
        [query.series(text, alias="$tag_district")],
        calcs=("sum", "max"),
        steps=True,
        look=look,
        empty=NO_WASTE,
    )


def differences(scene: Scene) -> model.Panel:
    """Weights that do not agree, by day and district."""
    said = Words(
        "同一容器在两处称得重量之差，按容差判定前的合计。容差见平衡表。",
        "Weights of the same containers at two places that do not agree, summed; the tolerance stands in the balance.",
    )
    return _by_day(
        scene, Head(23, Words("每日重量差异", "Difference by day"), said, (12, 8)), "difference_g", KILOGRAMS
    )


def exceptions(scene: Scene) -> model.Panel:
    """Exceptions by day and district."""
    said = Words(
        "去向不明、多出、顺序不符、无人确认等，由网关逐容器判定。",
        "Missing, surplus, out of order, not confirmed, and so on, as the gateway judged each container.",
    )
    return _by_day(
        scene, Head(24, Words("每日异常数", "Exceptions by day"), said, (12, 8)), "exceptions", Look(decimals=0)
    )


def units(scene: Scene) -> model.Panel:
    """The balance of each unit, today and yesterday."""
    figures = {
        "containers": CONTAINERS,
        "collected_g": Column(STAGES["collected_g"], KILOGRAMS, 120),
        "received_g": Column(STAGES["received_g"], KILOGRAMS, 140),
        "difference_g": DIFFERENCE,
        "unconfirmed": Column(Words("未确认交接", "Not confirmed"), FAULTS, 110),
        "exceptions": EXCEPTIONS,
    }
    fields = ", ".join(f'"{field}"' for field in figures)
    text = query.select(fields, "waste_day", query.where("unit", *TAGS), 'GROUP BY "unit"')
    called = query.select(
        f'last("name_{scene.language}") AS "name"', "unit", query.where("unit", "district"), 'GROUP BY "unit"'
    )
    sums = {reduced(field, "sum"): column for field, column in figures.items()}
    return panels.table(
        scene,
        Head(
            31,
            Words("各单位", "Units"),
            Words(
                "今日与昨日（本地日）合计，异常多的在前。",
                "Today and yesterday (local days) together, most exceptions first.",
            ),
            (24, 10),
        ),
        [query.table(text), query.table(called, ref="B")],
        order=("unit", "name", *sums),
        sort_by=reduced("exceptions", "sum"),
        transformations=summed_up("unit", dict.fromkeys(figures, "sum")),
        columns={"unit": UNIT, "name": columns.NAME} | sums,
        time_from=DAYS,
        empty=NO_WASTE,
    )
