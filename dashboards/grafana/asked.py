"""Every query that a dashboard asks: of its panels, its annotations and its variables, read from its JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

#: A day in ms.
DAY = 86_400_000
_SPANS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY, "w": 7 * DAY, "M": 31 * DAY, "y": 366 * DAY}
_SPAN = re.compile(r"(\d+)([smhdwMy])")
#: Points across of a panel that says nothing: about the width of a screen.
ACROSS = 1500


class Asked(msgspec.Struct, frozen=True):
    """One query: where it stands in words, what asks it, its text, the panel's points across and least interval.

    ``longest_ms`` is the longest range that is offered, or the panel's own where ``own_range``; ``repeat``: the
    variable that has one value in each panel.
    """

    where: str
    by: Literal["panel", "annotation", "variable"]
    panel: int
    ref: str
    query: str
    form: str = "table"
    across: int = ACROSS
    least_ms: int = 0
    longest_ms: int = DAY
    own_range: bool = False
    repeat: str = ""


def asked(dashboard: Mapping[str, Any]) -> Iterator[Asked]:
    """All queries of a dashboard, variables first in their order, then annotations, then panels."""
    longest = longest_ms(dashboard)
    for variable in variables(dashboard).values():
        if variable.get("type") == "query":
            yield Asked(f"variable {variable['name']}", "variable", 0, variable["name"], _text(variable.get("query")))
    for one in dashboard.get("annotations", {}).get("list", ()):
        query = _text(one.get("target") or one.get("query"))
        if not one.get("builtIn"):
            where = f"annotation {one.get('name', '')!r}"
            yield Asked(where, "annotation", 0, one.get("name", ""), query, longest_ms=longest)
    for panel in panels(dashboard):
        for target in panel.get("targets") or ():
            if is_influx(target, panel):
                yield _of_panel(panel, target, longest)


def _of_panel(panel: Mapping[str, Any], target: Mapping[str, Any], longest: int) -> Asked:
    return Asked(
        where=f"panel {panel.get('id', 0)} {panel.get('title', '')!r} query {target.get('refId', '')}",
        by="panel",
        panel=int(panel.get("id") or 0),
        ref=str(target.get("refId", "")),
        query=_text(target),
        form=str(target.get("resultFormat", "time_series")),
        across=int(panel.get("maxDataPoints") or ACROSS),
        least_ms=span_ms(panel.get("interval") or ""),
        longest_ms=span_ms(panel.get("timeFrom") or "") or longest,
        own_range=bool(panel.get("timeFrom")),
        repeat=str(panel.get("repeat") or ""),
    )


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All panels that show something, those in folded rows too."""
    for panel in dashboard.get("panels") or ():
        if panel.get("type") == "row":
            yield from panel.get("panels") or ()
        else:
            yield panel


def variables(dashboard: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The variables of a dashboard by name, in their order."""
    return {one["name"]: one for one in dashboard.get("templating", {}).get("list", ())}


def is_influx(target: Mapping[str, Any], panel: Mapping[str, Any]) -> bool:
    """Whether a target asks InfluxDB; others show what another panel asked."""
    source = target.get("datasource") or panel.get("datasource") or {}
    return not isinstance(source, Mapping) or source.get("type", "influxdb") == "influxdb"


def longest_ms(dashboard: Mapping[str, Any]) -> int:
    """The longest range that a dashboard offers in one click: its own, or one of its quick ranges."""
    quick = (dashboard.get("timepicker") or {}).get("quick_ranges") or ()
    return max(_range_ms(one) for one in [dashboard.get("time") or {}, *quick])


def span_ms(text: str) -> int:
    """``5m``, ``>1h`` or ``now-7d/d`` in ms; 0 where no span is named."""
    found = _SPAN.search(text)
    return int(found[1]) * _SPANS[found[2]] if found else 0


def _range_ms(span: Mapping[str, str]) -> int:
    # "now/d" to "now" is today.
    return max(0, span_ms(span.get("from", "now-6h")) - span_ms(span.get("to", "now"))) or DAY


def _text(query: object) -> str:
    if isinstance(query, Mapping):
        query = query.get("query", "")
    return query if isinstance(query, str) else ""
