"""Panels: one function a type, with the options that all of ours share.

Each takes the scene, the panel's head and its targets. ``look`` is the look of all values, ``columns`` what single
columns or lines have of their own, by name; a name in slashes is a regular expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypedDict, Unpack

import msgspec
from grafana_foundation_sdk.models import bargauge, common, geomap
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import stat as stats
from grafana_foundation_sdk.models import statetimeline as timelines
from grafana_foundation_sdk.models import table as tables
from grafana_foundation_sdk.models import text as texts
from grafana_foundation_sdk.models import timeseries as graphs

from dashboards.grafana.links import Link, drawn
from dashboards.grafana.look import NO_DATA, Column, Look, field_config, like, named, override
from dashboards.grafana.query import ACROSS, SOURCE, InfluxQL
from dashboards.grafana.words import Scene, Words

#: Columns of Grafana's grid.
GRID = 24
#: The description of a panel whose title says all.
NOTHING = Words("", "")


class Head(NamedTuple):
    """What a panel is: its fixed id, unique in its dashboard, its title, its description, its (width, height)."""

    number: int
    title: Words
    about: Words
    size: tuple[int, int]


class Common(TypedDict, total=False):
    """What every panel may have beside its own.

    ``time_from``: its own range back from now (``15m``), whatever the dashboard's is; ``min_interval``: the smallest
    ``$__interval``; ``across``: points across, at most; ``repeat``: a variable with a panel for each value;
    ``transformations``: Grafana's, as (id, options); ``links``: at the panel's head; ``empty``: said without data.
    """

    look: Look
    columns: Mapping[str, Column]
    time_from: str
    min_interval: str
    across: int
    repeat: str
    transformations: Sequence[tuple[str, Mapping[str, object]]]
    links: Sequence[Link]
    empty: Words


def stat(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    *,
    show: Literal["value", "value_and_name"] = "value",
    area: bool = False,
    calc: str = "lastNotNull",
    rows: bool = False,
    **shared: Unpack[Common],
) -> model.Panel:
    """Large numbers. ``rows``: one for each row of a table, else one for each line by ``calc``."""
    options = stats.Options(
        graph_mode=common.BigValueGraphMode.AREA if area else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.VALUE,
        text_mode=common.BigValueTextMode(show),
        reduce_options=_reduce(calc, rows),
    )
    return _panel(scene, "stat", head, targets, options, shared)


def bars(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    *,
    calc: str = "lastNotNull",
    rows: bool = True,
    **shared: Unpack[Common],
) -> model.Panel:
    """A bar with its number for each row of a table (or each line)."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        value_mode=common.BarGaugeValueMode.COLOR,
        orientation=common.VizOrientation.HORIZONTAL,
        show_unfilled=True,
        reduce_options=_reduce(calc, rows),
    )
    return _panel(scene, "bargauge", head, targets, options, shared)


def table(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    *,
    order: Sequence[str] = (),
    hide: Sequence[str] = (),
    sort_by: str = "",
    descending: bool = True,
    **shared: Unpack[Common],
) -> model.Panel:
    """A table. ``order``: columns in this order; ``hide``: columns of the answer left out; ``sort_by``: a column."""
    sorting = shared.get("columns", {}).get(sort_by)
    by = scene.say(sorting.title) if sorting is not None and sorting.title.en else sort_by
    options = tables.Options(
        show_header=True,
        cell_height=common.TableCellHeight.SM,
        sort_by=[common.TableSortByFieldState(display_name=by, desc=descending)] if sort_by else None,
    )
    shared["columns"] = {name: _colored(one) for name, one in shared.get("columns", {}).items()}
    if order or hide:
        organize: dict[str, object] = {
            "excludeByName": dict.fromkeys(hide, True),
            "indexByName": {name: at for at, name in enumerate(order)},
            "renameByName": {},
        }
        shared["transformations"] = [*shared.get("transformations", ()), ("organize", organize)]
    return _panel(scene, "table", head, targets, options, shared)


def graph(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    *,
    calcs: Sequence[str] = ("min", "mean", "max", "lastNotNull"),
    steps: bool = False,
    stacked: bool = False,
    **shared: Unpack[Common],
) -> model.Panel:
    """Lines over time, a table as legend, one tooltip for all lines. ``steps``: a value holds until the next."""
    options = graphs.Options(legend=_legend(calcs), tooltip=_tooltip())
    style = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=1,
        fill_opacity=20 if stacked else 0,
        line_interpolation=common.LineInterpolation.STEP_AFTER if steps else common.LineInterpolation.LINEAR,
        show_points=common.VisibilityMode.AUTO,
        stacking=common.StackingConfig(mode=common.StackingMode.NORMAL, group="A") if stacked else None,
    )
    return _panel(scene, "timeseries", head, targets, options, shared, style)


def timeline(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    **shared: Unpack[Common],
) -> model.Panel:
    """States over time, one lane a line; ``look.codes`` say the states.

    A lane ends where a query says nothing: ``fill(null)`` for what is noted again and again, ``fill(previous)`` for
    what holds until it changes.
    """
    options = timelines.Options(
        show_value=common.VisibilityMode.AUTO,
        merge_values=True,
        row_height=0.8,
        legend=_legend(()),
        tooltip=_tooltip(),
    )
    style = timelines.FieldConfig(line_width=0, fill_opacity=80)
    return _panel(scene, "state-timeline", head, targets, options, shared, style)


def text(scene: Scene, head: Head, content: Words) -> model.Panel:
    """Words in Markdown."""
    options = texts.Options(mode=texts.TextMode.MARKDOWN, content=scene.say(content))
    panel = _panel(scene, "text", head, (), options, {})
    panel.datasource = None
    return panel


def outlines_map(
    scene: Scene,
    head: Head,
    targets: Sequence[InfluxQL],
    *,
    colored_by: str,
    **shared: Unpack[Common],
) -> model.Panel:
    """A map of markers at ``lat``, ``lon`` over the districts' outlines. It asks nobody for tiles.

    The outlines are the base layer: Grafana takes any layer there, and loads tiles from outside only where there is
    none (read in its source, public/app/plugins/panel/geomap/utils/layers.ts). Its setting
    ``geomap.disable_custom_baselayer`` must stay off, else its own default comes in.
    """
    outlines = common.MapLayerOptions(
        type_val="geojson",
        name=scene.say(Words("区界", "Outlines")),
        config={"src": OUTLINES, "rules": [], "style": _shape(DISTRICT_COLOR, 0.15, 2)},
        tooltip=False,
    )
    markers = common.MapLayerOptions(
        type_val="markers",
        name=scene.say(head.title),
        config={
            "showLegend": True,
            "style": _shape(DISTRICT_COLOR, 0.9, 7) | {"color": {"field": colored_by, "fixed": DISTRICT_COLOR}},
        },
        location=common.FrameGeometrySource(
            mode=common.FrameGeometrySourceMode.COORDS, latitude="lat", longitude="lon"
        ),
        tooltip=True,
    )
    options = geomap.Options(
        view=geomap.MapViewConfig(id_val="fit", all_layers=True, padding=5, max_zoom=15),
        controls=geomap.ControlsOptions(
            show_zoom=True, mouse_wheel_zoom=False, show_attribution=False, show_scale=True
        ),
        basemap=outlines,
        layers=[markers],
        tooltip=geomap.TooltipOptions(mode=geomap.TooltipMode.DETAILS),
    )
    return _panel(scene, "geomap", head, targets, options, shared)


#: Where Grafana serves the outlines: a file below its own public folder, mounted by docker-compose.yml.
OUTLINES = "public/maps/hygeia-districts.geojson"
DISTRICT_COLOR = "#5A6B7B"


def _panel(  # noqa: PLR0917 - private, the same order each time
    scene: Scene,
    kind: str,
    head: Head,
    targets: Sequence[InfluxQL],
    options: object,
    shared: Common,
    style: object = None,
) -> model.Panel:
    defaults = field_config(scene, shared.get("look", Look()), shared.get("empty", NO_DATA))
    if style is not None:
        assert defaults.custom is None, "a panel with a style of its own has no other"
        defaults.custom = style
    return model.Panel(
        type_val=kind,
        id_val=head.number,
        title=scene.say(head.title),
        description=scene.say(head.about) or None,
        datasource=SOURCE,
        grid_pos=model.GridPos(w=head.size[0], h=head.size[1]),
        targets=list(targets),
        options=options,
        field_config=model.FieldConfigSource(
            defaults=defaults,
            overrides=[override(scene, _matcher(name), one) for name, one in shared.get("columns", {}).items()],
        ),
        transformations=[
            model.DataTransformerConfig(id_val=name, options=dict(said))
            for name, said in shared.get("transformations", ())
        ],
        links=[drawn(scene, one) for one in shared.get("links", ())] or None,
        max_data_points=shared.get("across", ACROSS) if targets else None,
        interval=shared.get("min_interval"),
        time_from=shared.get("time_from"),
        hide_time_override=False if "time_from" in shared else None,
        repeat=shared.get("repeat"),
        repeat_direction="h" if "repeat" in shared else None,
        max_per_row=GRID // head.size[0] if "repeat" in shared else None,
    )


def _colored(column: Column) -> Column:
    """A column that is coloured by its value: a table shows that only where its cells are told to."""
    if not column.look.by_value or "cellOptions" in column.look.custom:
        return column
    custom = {**column.look.custom, "cellOptions": {"type": "color-text"}}
    return column._replace(look=msgspec.structs.replace(column.look, custom=custom))


def _matcher(name: str) -> model.MatcherConfig:
    return like(name[1:-1]) if name.startswith("/") else named(name)


def _reduce(calc: str, rows: bool) -> common.ReduceDataOptions:
    return common.ReduceDataOptions(values=rows, calcs=[] if rows else [calc], fields="")


def _legend(calcs: Sequence[str]) -> common.VizLegendOptions:
    shown = common.LegendDisplayMode.TABLE if calcs else common.LegendDisplayMode.LIST
    return common.VizLegendOptions(
        display_mode=shown, placement=common.LegendPlacement.BOTTOM, show_legend=True, calcs=list(calcs)
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions(mode=common.TooltipDisplayMode.MULTI, sort=common.SortOrder.DESCENDING)


def _shape(fixed: str, opacity: float, size: int) -> dict[str, object]:
    return {
        "color": {"fixed": fixed},
        "opacity": opacity,
        "lineWidth": 1,
        "size": {"fixed": size, "min": size, "max": size},
        "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
    }
