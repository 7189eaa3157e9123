"""The map: outlines of the grid without tiles, and every place in scope with its position and condition."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Query, Request, Response

from devices.outlines import OutlineError, read_outlines
from gateway import state
from gateway.api.alerts import KEYS, STANDING
from gateway.api.auth import AnyCaller, Caller, require
from gateway.api.board import PlaceNow
from gateway.api.broken import with_broken
from gateway.api.context import Context, context_of
from gateway.api.faults import Reason, RefusedError
from gateway.api.scope import Scope, condition
from gateway.api.session import who
from gateway.api.whereabouts import Whereabouts

router = APIRouter(tags=["map"])
log = structlog.get_logger(__name__)

_GEOJSON = "application/geo+json"
_ALERTS_OF_PLACE = 20
_WORST = ("critical", "major", "warning", "info")


@router.get("/outlines")
def outlines(request: Request, caller: Caller) -> Response:
    """Show the imported outlines in scope as GeoJSON (WGS-84): those around something that the caller sees."""
    context = context_of(request)
    document, version = context.outlines.get()
    seen = _grids(context.whereabouts(), caller.scope)
    found = [one for one in document["features"] if _around(one["properties"]["grid"], seen, caller.scope)]
    return _packed(request, {**document, "version": version, "features": found}, _GEOJSON)


@router.put("/outlines", responses={422: {"model": Reason}})
async def put_outlines(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """Keep other outlines: what ``hygeia registry outlines import`` made of a GeoJSON file. None takes them away."""
    require(caller, "manage")
    if not caller.scope.everything:
        raise RefusedError(403, "outlines are those of the whole installation; this account has a scope")
    context = context_of(request)
    content = await request.body()
    kept = await asyncio.to_thread(_keep, context, content)
    log.info("outlines kept", by=caller.name, features=kept)
    return {"features": kept}


def _keep(context: Context, content: bytes) -> int:
    try:
        document = read_outlines(msgspec.json.decode(content), context.services.registry(), id_property="grid")
    except msgspec.DecodeError:
        raise RefusedError(422, "the body is no JSON") from None
    except OutlineError as error:
        raise RefusedError(422, "; ".join(error.faults[:20])) from None
    context.outlines.put(document)
    return len(document["features"])


@router.get("/map")
def map_now(
    request: Request,
    caller: Caller,
    *,
    place: Annotated[str | None, Query(max_length=100, description="The `key` of a place to show in full.")] = None,
) -> Response:
    """Show every place in scope: position, condition, standing alerts; and the same counted by part of the grid."""
    context = context_of(request)
    board, where = context.board(), context.whereabouts()
    seen = board.of(caller.scope)
    alerts = _alerts_by_place(context, caller.scope)
    chosen = next((one for one in seen if one.key == place), None)
    document = {
        "now": board.now,
        "me": who(caller),
        "outlines": context.outlines.get()[1],
        "places": [_shown(one, where, alerts) for one in seen],
        "grids": _counted(seen, where, alerts),
        "selected": None if chosen is None else _whole(context, caller.scope, chosen),
    }
    return _packed(request, document, "application/json")


def _packed(request: Request, document: dict[str, Any], kind: str) -> Response:
    body, headers = msgspec.json.encode(document), {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 4)
        headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers, kind)


def _grids(where: Whereabouts, scope: Scope) -> set[str]:
    """The parts of the grid in which something in scope stands, with all above them."""
    found: set[str] = set()
    for spot in where.places.values():
        if spot.grid and scope.covers(spot.unit, spot.grid):
            found.update(_above(spot.grid))
    return found


def _above(grid: str) -> Iterable[str]:
    """``a/b/c``: a, a/b, a/b/c."""
    steps = grid.split("/")
    return ("/".join(steps[: depth + 1]) for depth in range(len(steps)))


def _around(grid: str, seen: set[str], scope: Scope) -> bool:
    if scope.everything or grid in seen:
        return True
    # An officer sees the whole of the own part of the grid, also where nothing is measured yet.
    return scope.unit is None and scope.covers("", grid)


def _alerts_by_place(context: Context, scope: Scope) -> dict[str, dict[str, int]]:
    """{place: {severity: number}} of standing alerts in scope; those of no place are under the empty text."""
    table = state.alerts
    counted = (
        sa.select(table.c.place, table.c.severity, sa.func.count())
        .where(condition(scope, table.c.unit, table.c.grid), table.c.state.in_(STANDING))
        .group_by(table.c.place, table.c.severity)
    )
    found: dict[str, dict[str, int]] = {}
    with context.services.engine.connect() as connection:
        for place, severity, number in connection.execute(counted):
            found.setdefault(place or "", {})[severity] = int(number)
    return found


def _position(where: Whereabouts, place: str) -> tuple[float, float] | None:
    """Of a place, else of the nearest place above it: a department is where its hospital is."""
    seen: set[str] = set()
    while place and place not in seen:
        seen.add(place)
        body = where.registry.get("places", place, where.now) or where.registry.get("places", place) or {}
        if body.get("lat") is not None and body.get("lon") is not None:
            return body["lat"], body["lon"]
        place = body.get("parent") or ""
    return None


def _shown(one: PlaceNow, where: Whereabouts, alerts: dict[str, dict[str, int]]) -> dict[str, Any]:
    at = _position(where, one.id)
    own = alerts.get(one.id, {}) if one.id else {}
    return {
        "key": one.key,
        "name": one.name,
        "unit_name": one.unit_name,
        "kind": one.kind,
        "grid": one.grid,
        "state": one.state,
        "condition": one.condition,
        "lat": at and at[0],
        "lon": at and at[1],
        "alerts": sum(own.values()),
        "severity": next((name for name in _WORST if own.get(name)), ""),
    }


def _counted(seen: list[PlaceNow], where: Whereabouts, alerts: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """Each part of the grid with what stands in it and below: places by condition, alerts, values inside limits."""
    found: dict[str, dict[str, Any]] = {}
    for one in seen:
        own = alerts.get(one.id, {}) if one.id else {}
        judged = [channel.verdict for channel in one.channels if channel.verdict in {"ok", "high", "low"}]
        for grid in _above(one.grid) if one.grid else ():
            part = found.get(grid)
            if part is None:
                part = found[grid] = {
                    "grid": grid,
                    "name": (where.registry.get("grid", grid.rpartition("/")[2]) or {}).get("name") or grid,
                    "places": dict.fromkeys(("out", "silent", "ok", "none"), 0),
                    "alerts": 0,
                    "severity": "",
                    "judged": 0,
                    "compliant": 0,
                }
            part["places"][one.condition] += 1
            part["alerts"] += sum(own.values())
            part["severity"] = next((name for name in _WORST if own.get(name) or name == part["severity"]), "")
            part["judged"] += len(judged)
            part["compliant"] += judged.count("ok")
    return sorted(found.values(), key=lambda part: part["grid"])


def _whole(context: Context, scope: Scope, one: PlaceNow) -> dict[str, Any]:
    """A place with its values, and its newest standing alerts."""
    found: dict[str, Any] = msgspec.structs.asdict(one)
    del found["words"]
    table = state.alerts
    about = table.c.place == one.id if one.id else table.c.device.in_(one.devices)
    wanted = (
        sa.select(*(table.c[name] for name in (*KEYS, "kind")))
        .where(condition(scope, table.c.unit, table.c.grid), table.c.state.in_(STANDING), about)
        .order_by(table.c.offset.desc(), table.c.id)
        .limit(_ALERTS_OF_PLACE)
    )
    with context.services.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
        with_broken(connection, rows)
    rules = context.rule_words()
    titled = [row | {"place_name": one.name, "rule_title": rules.title(row["pack"], row["rule"])} for row in rows]
    return found | {"alerts": titled}
