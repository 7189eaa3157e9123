"""What the store overview asks for: containers with their ages, how many stand where, and what needs somebody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.custody_limits import LEVELS, Limit, StorageLimits, StorageLimitsCache, level, shown
from gateway.api.custody_names import Names
from gateway.api.custody_scope import seen
from gateway.api.scope import Scope, among
from gateway.api.session import who

router = APIRouter(tags=["page"])

_TABLE = state.containers
View = Literal["stores", "waiting", "road", "plant", "handover", "missing", "quarantined", "open", "over"]
#: States of each view but ``handover`` and ``missing``, which are no states.
_STATES: dict[str, tuple[str, ...]] = {
    "stores": ("stored", "held"),
    "waiting": ("sealed", "collected"),
    "road": ("out", "loaded", "in_transit", "arrived"),
    "plant": ("received", "unloaded"),
    "quarantined": ("quarantined",),
}
_VIEWS: tuple[str, ...] = get_args(View)
_COLUMNS = (
    *("id", "category", "state", "holder", "place", "unit", "department", "net_g", "sealed_at", "stored_at"),
    *("parent", "manifest", "handover", "first_ts", "open"),
)
_FRESH_S = 2.0
_MOST_KEPT = 200
#: Stores and units that are listed.
_MOST_ROWS = 100


class Overviews:
    """Counts over all containers of a scope, shared by all pages that ask the same for two seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Any, tuple[float, dict[str, Any]]] = {}
        self.limits = StorageLimitsCache()

    def get(self, context: Context, scope: Scope, connection: sa.Connection) -> dict[str, Any]:
        """``counts``, ``stores``, ``categories`` and ``units`` of a scope."""
        key = (scope, context.services.registry().version)
        now = time.monotonic()
        with self._lock:
            known = self._found.get(key)
        if known is not None and now < known[0]:
            return known[1]
        made = _overview(context, scope, connection, self.limits.get(context.services.packs))
        with self._lock:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[key] = (time.monotonic() + _FRESH_S, made)
        return made


@router.get("/custody-board")
def board(
    request: Request,
    caller: Caller,
    *,
    view: Annotated[View, Query(description="Which containers.")] = "stores",
    unit: Annotated[str, Query(max_length=100, description="Only waste of this producer.")] = "",
    place: Annotated[str, Query(max_length=100, description="Only at this place.")] = "",
    category: Annotated[str, Query(max_length=100, description="Only of this category.")] = "",
    q: Annotated[str, Query(max_length=256, description="Only with these words in an id, manifest or name.")] = "",
    page: Annotated[int, Query(ge=0, le=100_000, description="Which page, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="Containers in one page.")] = 50,
) -> Response:
    """Show one page of containers, the oldest in a store first, and the counts of all that the caller sees."""
    context = context_of(request)
    overviews = context.overviews
    names = Names(context)
    where = sa.and_(seen(caller.scope, context.services.registry()), _narrowed(context, unit, place, category, q))
    with context.services.engine.connect() as connection:
        overview = overviews.get(context, caller.scope, connection)
        chosen = sa.and_(where, _of_view(view))
        number = int(connection.execute(sa.select(sa.func.count()).select_from(_TABLE).where(chosen)).scalar_one())
        last = max(0, -(-number // limit) - 1)
        page = min(page, last)
        rows = connection.execute(_page(chosen, view, page, limit)).mappings().all()
    limits = overviews.limits.get(context.services.packs)
    now = context.services.clock.now_ms()
    document = {
        "now": now,
        "me": who(caller),
        **overview,
        "items": [_item(dict(row), names, limits, now) for row in rows],
        "number": number,
        "page": page,
        "pages": last + 1,
    }
    return Response(msgspec.json.encode(document), media_type="application/json")


def _of_view(view: str) -> sa.ColumnElement[bool]:
    if view in _STATES:
        return _TABLE.c.state.in_(_STATES[view])
    if view == "handover":
        return sa.and_(_TABLE.c.handover.is_not(None), _TABLE.c.open)
    if view == "missing":
        alerts = state.alerts
        missed = sa.select(alerts.c.point).where(alerts.c.parameter == "custody.missing", alerts.c.state != "closed")
        return sa.or_(_TABLE.c.state == "lost", _TABLE.c.id.in_(missed))
    return _TABLE.c.open if view == "open" else sa.not_(_TABLE.c.open)


def _narrowed(context: Context, unit: str, place: str, category: str, q: str) -> sa.ColumnElement[bool]:
    parts: list[sa.ColumnElement[bool]] = [sa.true()]
    if unit:
        parts.append(_TABLE.c.unit == unit)
    if place:
        parts.append(among(_TABLE.c.place, context.whereabouts().below(place)))
    if category:
        parts.append(_TABLE.c.category == category)
    for word in q.lower().split():
        text = sa.func.lower(_TABLE.c.id + " " + _TABLE.c.ids + " " + _TABLE.c.manifest)
        named = [
            among(column, Names(context).matching(section, word))
            for column, section in (
                (_TABLE.c.unit, "units"),
                (_TABLE.c.place, "places"),
                (_TABLE.c.department, "places"),
            )
        ]
        parts.append(sa.or_(sa.func.instr(text, word) > 0, *named))
    return sa.and_(*parts)


def _page(where: sa.ColumnElement[bool], view: str, page: int, limit: int) -> sa.Select[Any]:
    begun = sa.func.coalesce(_TABLE.c.stored_at, _TABLE.c.sealed_at, _TABLE.c.first_ts)
    order = _TABLE.c.changed.desc() if view == "over" else begun
    return (
        sa.select(*(_TABLE.c[name] for name in _COLUMNS))
        .where(where)
        .order_by(order, _TABLE.c.id)
        .limit(limit)
        .offset(page * limit)
    )


def _item(row: dict[str, Any], names: Names, limits: StorageLimits, now: int) -> dict[str, Any]:
    """A container with names, its age and how that stands against the limits of its store."""
    inside = row["state"] in _STATES["stores"] and row["stored_at"] is not None
    age = now - row["stored_at"] if inside else None
    holds = limits.of(names.kind(row["place"]), names.producer(row["unit"])) if inside else []
    coming = next((one.after_ms for one in holds if age is not None and age < one.after_ms), None)
    return row | {
        "unit_name": names.of("units", row["unit"]),
        "holder_name": names.of("units", row["holder"]),
        "place_name": names.of("places", row["place"]),
        "department_name": names.of("places", row["department"]),
        "age_ms": age,
        "level": "ok" if age is None else level(age, holds),
        "limit_ms": holds[-1].after_ms if holds else None,
        "next_ms": coming,
    }


def _overview(context: Context, scope: Scope, connection: sa.Connection, limits: StorageLimits) -> dict[str, Any]:
    where, names = seen(scope, context.services.registry()), Names(context)
    counts = {
        view: int(
            connection.execute(sa.select(sa.func.count()).select_from(_TABLE).where(where, _of_view(view))).scalar_one()
        )
        for view in _VIEWS
    }
    stored = connection.execute(
        sa.select(_TABLE.c.unit, _TABLE.c.place, _TABLE.c.stored_at, _TABLE.c.net_g).where(
            where, _TABLE.c.state.in_(_STATES["stores"])
        )
    ).all()
    stores = _stores(stored, names, limits, context.services.clock.now_ms())
    most: list[dict[str, Any]] = max((one["limits"] for one in stores), key=len, default=[])
    return {
        "counts": counts,
        "states": _grouped(connection, where, _TABLE.c.state),
        "stores": stores[:_MOST_ROWS],
        "limits": most or shown(limits.of("waste_store", "hospital")),
        "categories": _grouped(connection, where, _TABLE.c.category),
        "units": [
            one | {"title": names.of("units", one["name"])}
            for one in _grouped(connection, where, _TABLE.c.unit)[:_MOST_ROWS]
        ],
        "choices": _choices(context, scope, names),
    }


def _grouped(
    connection: sa.Connection, where: sa.ColumnElement[bool], column: sa.ColumnElement[str]
) -> list[dict[str, Any]]:
    """Open containers by one column: how many, and what those weigh that have a weight of their own; most first."""
    number = sa.func.count()
    statement = (
        sa.select(
            column.label("name"), number.label("n"), sa.func.coalesce(sa.func.sum(_TABLE.c.net_g), 0).label("net_g")
        )
        .where(where, _TABLE.c.open)
        .group_by(column)
        .order_by(number.desc(), column)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def _stores(rows: Iterable[Sequence[Any]], names: Names, limits: StorageLimits, now: int) -> list[dict[str, Any]]:
    """Each store with its containers by level of age, the store with the worst and oldest first."""
    found: dict[str, dict[str, Any]] = {}
    for unit, place, stored_at, net_g in rows:
        holds = limits.of(names.kind(place), names.producer(unit))
        one = found.get(place)
        if one is None:
            one = found[place] = _empty(place, unit, names, holds)
        one["n"] += 1
        one["net_g"] += net_g or 0
        if stored_at is not None:
            one["oldest"] = stored_at if one["oldest"] is None else min(one["oldest"], stored_at)
            one["levels"][level(now - stored_at, holds)] += 1
    return sorted(found.values(), key=lambda one: (one["oldest"] is None, one["oldest"] or 0, one["place"]))


def _empty(place: str, unit: str, names: Names, holds: Sequence[Limit]) -> dict[str, Any]:
    return {
        "place": place,
        "place_name": names.of("places", place),
        "unit_name": names.of("units", names.unit(place) or unit),
        "n": 0,
        "net_g": 0,
        "oldest": None,
        "levels": dict.fromkeys(LEVELS, 0),
        "limits": shown(holds),
    }


def _choices(context: Context, scope: Scope, names: Names) -> dict[str, list[dict[str, Any]]]:
    """Units and stores in scope, to be chosen from."""
    spots = [one for one in context.whereabouts().places.values() if scope.covers(one.unit, one.grid)]
    stores = [
        one.place for one in spots if names.kind(one.place) in {"waste_store", "collection_point", "disposal_plant"}
    ]
    kinds = {"department", "waste_store", "clinic", "collection_point"}
    units = sorted({one.unit for one in spots if one.unit and names.kind(one.place) in kinds})
    return {
        "units": [{"id": name, "name": names.of("units", name)} for name in units],
        "places": [{"id": name, "name": names.of("places", name)} for name in sorted(stores)],
    }
