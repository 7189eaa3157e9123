"""Units, places and devices as registered, and the catalogue of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from devices.parameters import CATALOGUE
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.lists import Listed, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.shapes import Entry, Page
from gateway.api.whereabouts import Whereabouts

router = APIRouter(tags=["registry"])

_UNIT_COLUMNS = ("id", "name_zh", "name_en", "kind", "grid", "credit_code")
_PLACE_COLUMNS = (
    *("id", "name_zh", "name_en", "unit", "parent", "kind", "grid"),
    *("lat", "lon", "profile", "disinfectant", "state"),
)
_DEVICE_COLUMNS = ("id", "name_zh", "name_en", "place", "kind", "report_s", "channels")


@router.get("/units", response_model=Page[Entry])
def units(request: Request, caller: Caller, query: Listed) -> Response:
    """List the supervised bodies in scope."""
    where = context_of(request).whereabouts()
    wanted = _units_of(where, query)

    def shown(name: str) -> bool:
        return (wanted is None or name in wanted) and where.sees_unit(caller.scope, name)

    return _entries(where, "units", query, shown, _UNIT_COLUMNS)


@router.get("/places", response_model=Page[Entry])
def places(request: Request, caller: Caller, query: Listed) -> Response:
    """List the places in scope."""
    where = context_of(request).whereabouts()
    below = None if query.place is None else where.below(query.place)
    of_device = (
        None if query.device is None else where.devices[query.device].place if query.device in where.devices else ""
    )

    def shown(name: str) -> bool:
        return (
            (below is None or name in below)
            and (of_device is None or name == of_device)
            and where.sees_place(caller.scope, name)
        )

    return _entries(where, "places", query, shown, _PLACE_COLUMNS)


@router.get("/devices", response_model=Page[Entry])
def devices(request: Request, caller: Caller, query: Listed) -> Response:
    """List the devices in scope, where they stand now."""
    where = context_of(request).whereabouts()
    below = None if query.place is None else where.below(query.place)

    def shown(name: str) -> bool:
        return (
            (query.device is None or name == query.device)
            and (below is None or where.devices[name].place in below)
            and where.sees_device(caller.scope, name)
        )

    return _entries(where, "devices", query, shown, _DEVICE_COLUMNS)


@router.get("/parameters")
def parameters(_caller: Caller) -> dict[str, Any]:
    """List the catalogue: names, titles, units of measure, plausible range, decimals. The same for everybody."""
    items = [
        {
            "name": one.name,
            "title": {"zh": one.title_zh, "en": one.title_en},
            "parameter_unit": one.unit,
            "low": one.low,
            "high": one.high,
            "decimals": one.decimals,
            "hj212": one.hj212,
            "switch": one.switch,
        }
        for one in CATALOGUE.values()
    ]
    return {"items": items, "next": None}


def _units_of(where: Whereabouts, query: ListQuery) -> set[str] | None:
    """The units that ``device`` and ``place`` name, None where neither is given."""
    wanted: set[str] | None = None
    if query.place is not None:
        wanted = {spot.unit for name in where.below(query.place) if (spot := where.places.get(name)) is not None}
    if query.device is not None:
        spot = where.devices.get(query.device)
        of_device = {spot.unit} if spot else set()
        wanted = of_device if wanted is None else wanted & of_device
    return wanted


def _entries(
    where: Whereabouts, kind: str, query: ListQuery, shown: Callable[[str], bool], columns: tuple[str, ...]
) -> Response:
    """Entries in order of their ids; ``from`` and ``to`` keep those in force at some time between."""
    after = decode_cursor(query.after, _one_text)
    names = where.registry.ids(kind)
    if query.descending:
        names.reverse()
    items: list[dict[str, Any]] = []
    for name in names:
        if after is not None and (name >= after if query.descending else name <= after):
            continue
        body = _in_force(where, kind, name, query) if shown(name) else None
        if body is None:
            continue
        if len(items) == query.limit:
            return answer(_rows(items, query), encode_cursor([items[-1]["id"]]), query, columns)
        items.append(body)
    return answer(_rows(items, query), None, query, columns)


def _in_force(where: Whereabouts, kind: str, name: str, query: ListQuery) -> dict[str, Any] | None:
    registry = where.registry
    if not query.bounded:
        return registry.get(kind, name, where.now) or registry.get(kind, name)
    body = registry.body(kind, name) or {}
    for period in reversed(body.get("periods") or [body]):
        if period.get("from", query.start) < query.end and period.get("to", query.end + 1) > query.start:
            return dict(period)
    return None


def _rows(items: list[dict[str, Any]], query: ListQuery) -> list[dict[str, Any]]:
    """For CSV the name in both languages has a column each."""
    if not query.as_csv:
        return items
    rows = []
    for item in items:
        name = item.get("name")
        both = name if isinstance(name, dict) else {"zh": name, "en": name}
        rows.append({**item, "name_zh": both.get("zh"), "name_en": both.get("en")})
    return rows


def _one_text(parts: Any) -> str:  # noqa: ANN401 - whatever a cursor holds
    (text,) = parts
    if not isinstance(text, str):
        raise TypeError
    return text
