"""What the page of alerts asks for every few seconds: one page of alerts with their names, and how many there are."""

from __future__ import annotations

import gzip
import threading
import time
from typing import Annotated, Any, Literal, get_args

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.alerts import GROUPS, KEYS, Severity
from gateway.api.auth import Caller
from gateway.api.broken import with_broken
from gateway.api.context import Context, context_of
from gateway.api.persons import names_of, persons_in
from gateway.api.scope import Scope, among, condition
from gateway.api.session import who

router = APIRouter(tags=["page"])

_ALERTS = state.alerts
#: Of more than these the page says that there are more.
MOST_COUNTED = 10_000
_RANK = sa.case({"critical": 0, "major": 1, "warning": 2}, value=_ALERTS.c.severity, else_=3)
_MORE = ("grid", "kind", "assigned_to", "shelved_until", "held_by", "closed_at")
_FRESH_S = 2.0
_MOST_KEPT = 500
Shown = Literal["to_do", "in_hand", "to_confirm", "closed", "more"]


class Counts:
    """How many alerts there are in each plain state, shared by all pages that ask the same for two seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Any, tuple[float, dict[str, int]]] = {}

    def get(self, key: Any, connection: sa.Connection, where: sa.ColumnElement[bool]) -> dict[str, int]:  # noqa: ANN401
        """Counts by group of the alerts that ``where`` leaves; ``key`` says the same as ``where``."""
        now = time.monotonic()
        with self._lock:
            known = self._found.get(key)
        if known is not None and now < known[0]:
            return known[1]
        counts = {name: _count(connection, sa.and_(where, _ALERTS.c.state.in_(GROUPS[name]))) for name in _TABS}
        with self._lock:
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[key] = (time.monotonic() + _FRESH_S, counts)
        return counts


_TABS: tuple[str, ...] = get_args(Shown)


@router.get("/alert-board")
def board(
    request: Request,
    caller: Caller,
    *,
    group: Annotated[Shown, Query(description="Which plain state.")] = "to_do",
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
    unit: Annotated[str, Query(max_length=100, description="Only of this supervised body.")] = "",
    district: Annotated[str, Query(max_length=100, description="Only below this uppermost part of the grid.")] = "",
    q: Annotated[str, Query(max_length=100, description="Only with these words in a name or id.")] = "",
    page: Annotated[int, Query(ge=0, le=100_000, description="Which page, from 0.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="Alerts in one page.")] = 50,
) -> Response:
    """Show one page of the alerts in a plain state, the worst first, with names and the counts of all states."""
    context = context_of(request)
    where = _where(caller.scope, severity, unit, district)
    if q.strip():
        where = sa.and_(where, *(_matches(context, word) for word in q.lower().split()))
    key = (caller.scope, severity, unit, district, q, context.services.registry().version if q else 0)
    with context.services.engine.connect() as connection:
        counts = context.counts.get(key, connection, where)
        last = max(0, -(-counts[group] // limit) - 1)
        page = min(page, last)
        rows = [dict(one) for one in connection.execute(_page(where, group, page, limit)).mappings()]
        with_broken(connection, rows)
        people = [*persons_in(one["acknowledged_by"] for one in rows)]
        people += [one[name] for one in rows for name in ("acknowledged_by", "assigned_to") if one[name]]
        names = names_of(connection, caller, people)
    document = {
        "now": context.services.clock.now_ms(),
        "me": who(caller),
        "counts": counts,
        "most": MOST_COUNTED,
        "items": [_named(context, one) for one in rows],
        "names": names,
        "page": page,
        "pages": last + 1,
        **_choices(context, caller.scope),
    }
    body = msgspec.json.encode(document)
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 4)
        headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers, "application/json")


def _page(where: sa.ColumnElement[bool], group: str, page: int, limit: int) -> sa.Select[Any]:
    table = _ALERTS
    newest = table.c.offset.desc()
    order = (newest,) if group == "closed" else (_RANK, newest)
    return (
        sa.select(*(table.c[name] for name in (*KEYS, *_MORE)))
        .where(where, table.c.state.in_(GROUPS[group]))
        .order_by(*order, table.c.id)
        .limit(limit)
        .offset(page * limit)
    )


def _where(scope: Scope, severity: str | None, unit: str, district: str) -> sa.ColumnElement[bool]:
    table = _ALERTS
    parts = [condition(scope, table.c.unit, table.c.grid)]
    if severity is not None:
        parts.append(table.c.severity == severity)
    if unit:
        parts.append(table.c.unit == unit)
    if district:
        parts.append(condition(Scope(grid=district), table.c.unit, table.c.grid))
    return sa.and_(*parts)


def _matches(context: Context, word: str) -> sa.ColumnElement[bool]:
    """A word stands in an id, or in the name of the place, its unit or the rule."""
    table, registry, rules = _ALERTS, context.services.registry(), context.rule_words()
    places = [name for name in registry.ids("places") if word in _words(registry.get("places", name))]
    units = [name for name in registry.ids("units") if word in _words(registry.get("units", name))]
    wanted = [rule for rule, title in rules.titles() if word in title.lower()]
    plain = (table.c.id, table.c.rule, table.c.place, table.c.device, table.c.parameter)
    return sa.or_(
        among(table.c.place, places),
        among(table.c.unit, units),
        among(table.c.rule, wanted),
        *(sa.func.instr(sa.func.lower(column), word) > 0 for column in plain),
    )


def _words(body: dict[str, Any] | None) -> str:
    """Id and name in all languages, in lower case."""
    name = (body or {}).get("name") or ""
    written = " ".join(str(one) for one in name.values()) if isinstance(name, dict) else str(name)
    return f"{(body or {}).get('id', '')} {written}".lower()


def _count(connection: sa.Connection, where: sa.ColumnElement[bool]) -> int:
    some = sa.select(sa.literal(1)).select_from(_ALERTS).where(where).limit(MOST_COUNTED).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def _named(context: Context, row: dict[str, Any]) -> dict[str, Any]:
    registry = context.services.registry()
    grid = registry.get("grid", row["grid"].partition("/")[0]) or {}
    return row | {
        "place_name": (registry.get("places", row["place"]) or {}).get("name"),
        "unit_name": (registry.get("units", row["unit"]) or {}).get("name"),
        "district_name": grid.get("name"),
        "rule_title": context.rule_words().title(row["pack"], row["rule"]),
    }


def _choices(context: Context, scope: Scope) -> dict[str, list[dict[str, Any]]]:
    """Units and districts in scope that have a place, to be chosen from."""
    registry, seen = context.services.registry(), context.whereabouts().places.values()
    spots = [one for one in seen if scope.covers(one.unit, one.grid)]
    units = sorted({one.unit for one in spots if one.unit})
    districts = sorted({one.grid.partition("/")[0] for one in spots if one.grid})
    return {
        "units": [{"id": name, "name": (registry.get("units", name) or {}).get("name")} for name in units],
        "districts": [{"id": name, "name": (registry.get("grid", name) or {}).get("name")} for name in districts],
    }
