"""The one small document that the page asks for every two seconds."""

from __future__ import annotations

import gzip
import threading
import time
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.alerts import KEYS, STANDING
from gateway.api.auth import Caller, Principal
from gateway.api.board import PlaceNow
from gateway.api.broken import with_broken
from gateway.api.context import Context, context_of
from gateway.api.parked import reasons
from gateway.api.scope import Scope, condition
from gateway.api.session import who

router = APIRouter(tags=["page"])

_ALERTS_SHOWN = 30
#: The figures that need a query are shared by all pages of one scope for this time.
_FRESH_S = 2.0
_MOST_SCOPES = 200


class Figures:
    """Alerts and parked messages of a scope, asked for at most every two seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Scope, tuple[float, dict[str, Any]]] = {}

    def get(self, context: Context, scope: Scope) -> dict[str, Any]:
        """``alerts`` and ``parked`` of the overview."""
        now = time.monotonic()
        with self._lock:
            found = self._found.get(scope)
        if found is not None and now < found[0]:
            return found[1]
        devices = None if scope.everything else context.moves().devices_of(scope)
        parked = reasons(context, devices)
        figures = {"alerts": _alerts(context, scope), "parked": {"total": sum(parked.values()), "by_reason": parked}}
        with self._lock:
            if len(self._found) >= _MOST_SCOPES:
                self._found.clear()
            self._found[scope] = (time.monotonic() + _FRESH_S, figures)
        return figures


@router.get("/overview")
def overview(
    request: Request,
    caller: Caller,
    *,
    page: Annotated[int, Query(ge=0, le=100_000, description="Which page of places, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="Places in one page.")] = 40,
    q: Annotated[str, Query(max_length=100, description="Only places with these words in a name or id.")] = "",
    show: Annotated[
        Literal["all", "out", "silent", "ok", "none"], Query(description="Only places in this condition.")
    ] = "all",
    selected: Annotated[str | None, Query(description="The `key` of a place that is shown whatever the page.")] = None,
) -> Response:
    """Show places with their newest values, standing alerts, parked messages and how far each follower is."""
    context = context_of(request)
    board = context.board()
    seen = board.of(caller.scope)
    counts = {"out": 0, "silent": 0, "ok": 0, "none": 0}
    for one in seen:
        counts[one.condition] += 1
    wanted = q.lower().split()
    matching = [one for one in seen if (show in {"all", one.condition}) and all(word in one.words for word in wanted)]
    pages = max(1, -(-len(matching) // limit))
    page = min(page, pages - 1)
    items = [_shown(one) for one in matching[page * limit : (page + 1) * limit]]
    document = {
        "now": board.now,
        "me": who(caller),
        "places": {
            "items": items,
            "page": page,
            "pages": pages,
            "matching": len(matching),
            "total": len(seen),
            "counts": counts,
        },
        "selected": next((_shown(one) for one in seen if one.key == selected), None),
        **context.figures.get(context, caller.scope),
        **_installation(context, caller),
    }
    body = msgspec.json.encode(document)
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        # A tenth of the bytes, every two seconds, on a phone.
        body = gzip.compress(body, 4)
        headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers, "application/json")


def _shown(one: PlaceNow) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.structs.asdict(one)
    del found["words"]
    return found


def _installation(context: Context, caller: Principal) -> dict[str, Any]:
    """Followers and counters of the whole installation; a scoped account sees the state of the followers only."""
    lags = context.services.lags()
    if not caller.scope.everything:
        return {"followers": {name: {"state": lag.state} for name, lag in lags.items()}, "report": None}
    return {"followers": lags, "report": context.services.report()}


def _alerts(context: Context, scope: Scope) -> dict[str, Any]:
    table = state.alerts
    shown = sa.and_(condition(scope, table.c.unit, table.c.grid), table.c.state.in_(STANDING))
    counted = sa.select(table.c.severity, sa.func.count()).where(shown).group_by(table.c.severity)
    newest = (
        sa.select(*(table.c[name] for name in (*KEYS, "kind"))).where(shown).order_by(table.c.offset.desc(), table.c.id)
    )
    with context.services.engine.connect() as connection:
        by_severity = {str(severity): int(count) for severity, count in connection.execute(counted)}
        rows = [dict(row) for row in connection.execute(newest.limit(_ALERTS_SHOWN)).mappings()]
        with_broken(connection, rows)
    registry, rules = context.services.registry(), context.rule_words()
    items = []
    for row in rows:
        place = registry.get("places", row["place"]) or {}
        title = rules.title(row["pack"], row["rule"])
        items.append(row | {"place_name": place.get("name") or row["place"], "rule_title": title})
    return {"items": items, "total": sum(by_severity.values()), "by_severity": by_severity}
