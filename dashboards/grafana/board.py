"""A dashboard: what every one of them has, and how its panels lie on the grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import links, variables
from dashboards.grafana.panels import GRID
from dashboards.grafana.query import SOURCE, InfluxQL
from dashboards.grafana.words import Scene, Words

#: Ranges that a dashboard may offer in its time picker. Up to its longest one, the limit of points holds.
RANGES = {
    "6h": Words("最近 6 小时", "Last 6 hours"),
    "24h": Words("最近 24 小时", "Last 24 hours"),
    "7d": Words("最近 7 天", "Last 7 days"),
    "30d": Words("最近 30 天", "Last 30 days"),
    "90d": Words("最近 90 天", "Last 90 days"),
    "1y": Words("最近 1 年", "Last year"),
}
TAG = "hygeia"


class Board:
    """One dashboard of one language; ``add`` and ``row`` lay panels from left to right and from top to bottom.

    Ids of panels are given by who adds them, and stay: links and screenshots name them. ``ranges``: those of RANGES
    that it offers, the first one at first.
    """

    def __init__(
        self,
        scene: Scene,
        name: str,
        title: Words,
        about: Words,
        *,
        ranges: Sequence[str] = ("24h", "7d", "30d"),
        refresh: str = "1m",
    ) -> None:
        self.scene = scene
        self._x = self._y = self._height = 0
        self._panels: list[model.Panel | model.RowPanel] = []
        self._inside: model.RowPanel | None = None
        self._model = model.Dashboard(
            uid=scene.uid(name),
            title=scene.say(title),
            description=scene.say(about),
            tags=[TAG, f"{TAG}-{scene.language}"],
            timezone="browser",
            editable=False,
            graph_tooltip=model.DashboardCursorSync.CROSSHAIR,
            time=model.DashboardDashboardTime(from_val=f"now-{ranges[0]}", to="now"),
            timepicker=model.TimePickerConfig(
                refresh_intervals=["1m", "5m", "15m", "1h"],
                quick_ranges=[
                    model.TimeOption(display=scene.say(RANGES[one]), from_val=f"now-{one}", to="now") for one in ranges
                ],
            ),
            refresh=refresh,
            fiscal_year_start_month=0,
            week_start="monday",
            schema_version=42,
            version=1,
        )
        self._variables = [
            variables.data_source(scene),
            variables.constant("gateway_url", scene.gateway_url),
            variables.constant("time_zone", scene.time_zone),
        ]
        self._links = [links.others(scene, f"{TAG}-{scene.language}")]
        self._annotations: list[model.AnnotationQuery] = []

    def choose(self, *choices: variables.Variable) -> None:
        """Add variables, in the order in which they are shown."""
        self._variables.extend(choices)

    def link(self, title: Words, url: str) -> None:
        """Add a link at the top; ``url`` as ``links.page`` or ``links.board`` give it, or ``/d/UID``."""
        self._links.append(links.header(self.scene, title, url))

    def row(self, number: int, title: Words, *, repeat: str = "", collapsed: bool = False) -> None:
        """Begin a row; what follows belongs to it."""
        self._wrap()
        at = model.GridPos(h=1, w=GRID, x=0, y=self._y)
        row = model.RowPanel(
            id_val=number, title=self.scene.say(title), grid_pos=at, collapsed=collapsed, repeat=repeat or None
        )
        self._panels.append(row)
        self._inside = row if collapsed else None
        self._y += 1

    def add(self, panel: model.Panel) -> None:
        """Lay a panel right of the one before, or on the next line where the grid ends."""
        at = panel.grid_pos
        assert at is not None, "a panel has a size"
        if self._x + at.w > GRID:
            self._wrap()
        at.x, at.y = self._x, self._y
        self._x += at.w
        self._height = max(self._height, at.h)
        if self._inside is None:
            self._panels.append(panel)
        else:
            self._inside.panels.append(panel)

    def stack(self, *panels: model.Panel) -> None:
        """Lay panels of one width one under the other, as one column right of the panel before."""
        self.add(panels[0])
        x, y = self._x, self._y
        for above, panel in pairwise(panels):
            over, at = above.grid_pos, panel.grid_pos
            assert over is not None
            assert at is not None
            at.x, at.y = over.x, over.y + over.h
            self._height = max(self._height, at.y + at.h - y)
            (self._panels if self._inside is None else self._inside.panels).append(panel)
        self._x = x

    def annotate(self, title: Words, query: InfluxQL, color: str, *, text: str, tags: str = "") -> None:
        """Mark events on all graphs: the column ``text`` (and the comma-separated columns ``tags``) say what."""
        target = _Annotation(query, text, tags)
        said = model.AnnotationQuery(
            name=self.scene.say(title), datasource=SOURCE, enable=True, icon_color=color, target=target
        )
        self._annotations.append(said)

    def text(self) -> str:
        """The dashboard as JSON text: the same each time it is built."""
        made = self._model
        made.panels = list(self._panels)
        made.templating = model.DashboardDashboardTemplating(list_val=self._variables)
        made.annotations = model.AnnotationContainer(list_val=self._annotations)
        made.links = self._links
        plain = json.loads(json.dumps(made, cls=JSONEncoder))
        _show_all(plain["links"])
        _show_all(plain["annotations"]["list"])
        for one in plain["templating"]["list"]:
            # Of interval variables, which we have none of.
            for key in ("auto", "auto_count", "auto_min"):
                one.pop(key)
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1) + "\n"

    def _wrap(self) -> None:
        self._x, self._y, self._height = 0, self._y + self._height, 0


class _Annotation(InfluxQL):
    """A query of events, with the columns that say what each is."""

    def __init__(self, query: InfluxQL, text: str, tags: str) -> None:
        super().__init__(query.query, ref="Anno", form="table")
        self._columns = {"textColumn": text} | ({"tagsColumn": tags} if tags else {})

    def to_json(self) -> dict[str, object]:
        # The last four are asked for by Grafana's schema of annotations, and mean nothing to InfluxDB.
        of_schema = {"limit": 100, "matchAny": False, "tags": [], "type": "dashboard"}
        return super().to_json() | {"fromAnnotations": True} | of_schema | self._columns


def _show_all(items: list[dict[str, object]]) -> None:
    """Show links and annotations on the dashboard: the SDK always hides them in a menu."""
    for item in items:
        item.pop("placement", None)
