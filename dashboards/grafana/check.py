"""Checks the JSON of dashboards: against Grafana's schema, our own model of InfluxDB targets, and the linter.

It reads the JSON only and imports nothing of what builds it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import jsonschema_rs
import msgspec

from dashboards.grafana.asked import is_influx, panels, variables
from dashboards.grafana.lint import lint

#: A longer message of the schema says no more.
_LONGEST = 160


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    uid: str
    type: Literal["influxdb"] = "influxdb"


class _Target(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A target as Grafana's InfluxDB plugin reads it, of the kind that we write: raw InfluxQL."""

    ref_id: str
    datasource: _Source
    raw_query: Literal[True]
    query: str
    result_format: Literal["time_series", "table"]
    alias: str = ""
    hide: bool = False


class _Annotation(msgspec.Struct, rename="camel"):
    """The query of an annotation: its columns say what an event is called."""

    query: str
    text_column: str
    from_annotations: Literal[True]
    tags_column: str = ""
    time_end_column: str = ""


def faults(dashboard: Mapping[str, Any]) -> list[str]:
    """All faults of one dashboard, a line each; none where Grafana can take it and each query is one of ours."""
    found = [_said(error) for error in _schema().iter_errors(dict(dashboard))]
    if found:
        # What follows reads a dashboard of the right shape.
        return found
    return [*_shape(dashboard), *_targets(dashboard), *map(str, lint(dashboard))]


def parse(text: str) -> dict[str, Any]:
    """The dashboard in a file. Raises ValueError with what is wrong, where it is no JSON object."""
    read = json.loads(text)
    if not isinstance(read, dict):
        raise ValueError(f"{type(read).__name__}: allowed: a JSON object")  # noqa: TRY004 - of the file's content
    return read


@cache
def _schema() -> jsonschema_rs.Draft7Validator:
    text = (files(__package__) / "schema" / "dashboard.json").read_text(encoding="utf-8")
    return jsonschema_rs.Draft7Validator(json.loads(text))


def _said(error: jsonschema_rs.ValidationError) -> str:
    where = ".".join(map(str, error.instance_path)) or "dashboard"
    message = error.message
    if len(message) > _LONGEST:
        message = f"{message[: _LONGEST // 2]} … {message[-_LONGEST // 2 :]}"
    return f"{where}: {message} [schema]"


def _shape(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """What the schema leaves open and Grafana needs to keep a dashboard in place."""
    for key in ("uid", "title"):
        if not dashboard.get(key):
            yield f"{key}: missing: without it each publication would make another dashboard"
    every = [
        *dashboard.get("panels", ()),
        *(below for row in dashboard.get("panels", ()) for below in row.get("panels", ())),
    ]
    for number, times in Counter(panel.get("id") for panel in every).items():
        if number is None or times > 1:
            yield f"panel id {number}: {times} times; allowed: one panel each"
    for panel in panels(dashboard):
        yield from _panel(panel)
    names = Counter(one["name"] for one in dashboard.get("templating", {}).get("list", ()))
    yield from (f"variable {name}: {times} times" for name, times in names.items() if times > 1)


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    name = f"panel {panel.get('id')}"
    if not panel.get("title") and not panel.get("transparent"):
        yield f"{name}: it has no title"
    place = panel.get("gridPos") or {}
    if place.get("x", 0) + place.get("w", 25) > 24:
        yield f"{name} {panel.get('title')!r}: gridPos {place}; allowed: within 24 columns"
    if panel.get("type") == "table":
        yield from _colours(name, panel)
    for target in panel.get("targets") or ():
        if is_influx(target, panel) and not target.get("query"):
            yield f"{name} {panel.get('title')!r}: a target without a query"


def _colours(name: str, panel: Mapping[str, Any]) -> Iterator[str]:
    """A table colours a cell by its threshold only where the cell says that it is coloured."""
    for one in panel.get("fieldConfig", {}).get("overrides") or ():
        said = {each.get("id"): each.get("value") for each in one.get("properties") or ()}
        if (said.get("color") or {}).get("mode") == "thresholds" and "custom.cellOptions" not in said:
            column = one.get("matcher", {}).get("options")
            yield f"{name} {panel.get('title')!r}: column {column!r} has colours and no custom.cellOptions to show them"


def _targets(dashboard: Mapping[str, Any]) -> Iterator[str]:
    known = variables(dashboard)
    for panel in panels(dashboard):
        where = f"panel {panel.get('id')} {panel.get('title', '')!r}"
        seen: set[str] = set()
        for target in panel.get("targets") or ():
            if not is_influx(target, panel):
                continue
            try:
                made = msgspec.convert(target, _Target)
            except msgspec.ValidationError as error:
                yield f"{where} query {target.get('refId', '')}: {error} [target]"
                continue
            yield from _source(where, made.datasource.uid, known)
            if made.ref_id in seen:
                yield f"{where}: refId {made.ref_id} twice [target]"
            seen.add(made.ref_id)
    for one in dashboard.get("annotations", {}).get("list", ()):
        if one.get("builtIn"):
            continue
        where = f"annotation {one.get('name', '')!r}"
        try:
            msgspec.convert(one.get("target") or {}, _Annotation)
        except msgspec.ValidationError as error:
            yield f"{where}: {error} [target]"
        yield from _source(where, (one.get("datasource") or {}).get("uid", ""), known)


def _source(where: str, uid: str, known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The data source is a variable of the dashboard: one file serves every Grafana."""
    name = uid.removeprefix("${").removesuffix("}")
    if uid != f"${{{name}}}" or known.get(name, {}).get("type") != "datasource":
        yield f"{where}: datasource {uid!r}; allowed: a data source variable of the dashboard [target]"
