"""Maintenance sessions of devices, and late readings that broke a limit."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.lists import LARGEST_OFFSET, Listed, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.scope import among, condition
from gateway.api.shapes import Finding, MaintenanceSession, Page

router = APIRouter(tags=["alerts"])

SESSION_KEYS = ("device", "offset", "kind", "opened_at", "until", "opened_by", "closed_at", "closed_by", "comment")
FINDING_KEYS = (
    *("offset", "n", "rule", "pack", "severity", "unit", "place", "device", "point", "parameter"),
    *("value", "limit_value", "ts", "at"),
)


@router.get("/sessions", response_model=Page[MaintenanceSession])
def sessions(
    request: Request,
    caller: Caller,
    query: Listed,
    *,
    open_: Annotated[bool, Query(alias="open", description="Only those that are open now.")] = False,
) -> Response:
    """List maintenance sessions in the order in which they were opened; `from` and `to` are about `opened_at`."""
    context = context_of(request)
    table, moves = state.sessions, context.moves()
    statement = sa.select(*(table.c[name] for name in SESSION_KEYS))
    if open_:
        statement = statement.where(table.c.closed_at.is_(None))
    if query.bounded:
        statement = statement.where(table.c.opened_at >= query.start, table.c.opened_at < query.end)
    narrowed = not caller.scope.everything or query.place is not None
    if narrowed:
        statement = statement.where(
            among(table.c.device, moves.devices_of(caller.scope, device=query.device, place=query.place))
        )
    elif query.device is not None:
        statement = statement.where(table.c.device == query.device)
    below = None if query.place is None else context.whereabouts().below(query.place)
    cursor = decode_cursor(query.after, _device_cursor)
    statement = _ordered(statement, query, (table.c.offset, table.c.device), cursor)
    with context.services.engine.connect() as connection:
        found = [dict(row) for row in connection.execute(statement).mappings()]
    items = []
    for one in found:
        spot = moves.spot(one["device"], one["offset"], one["opened_at"]) if narrowed else None
        if spot is None or (caller.scope.covers(spot.unit, spot.grid) and (below is None or spot.place in below)):
            items.append(one)
    more = len(items) > query.limit
    items = items[: query.limit]
    next_ = encode_cursor([items[-1]["offset"], items[-1]["device"]]) if more else None
    return answer(items, next_, query, SESSION_KEYS, ("opened_at", "until", "closed_at"))


@router.get("/findings", response_model=Page[Finding])
def findings(request: Request, caller: Caller, query: Listed) -> Response:
    """List late readings that broke a limit, in the order of the journal; `from` and `to` are about `ts`.

    They count for compliance and moved no alert.
    """
    context, table = context_of(request), state.findings
    statement = sa.select(*(table.c[name] for name in FINDING_KEYS))
    statement = statement.where(condition(caller.scope, table.c.unit, table.c.grid))
    if query.bounded:
        statement = statement.where(table.c.ts >= query.start, table.c.ts < query.end)
    if query.device is not None:
        statement = statement.where(table.c.device == query.device)
    if query.place is not None:
        statement = statement.where(among(table.c.place, context.whereabouts().below(query.place)))
    cursor = decode_cursor(query.after, _cursor)
    statement = _ordered(statement, query, (table.c.offset, table.c.n), cursor).limit(query.limit + 1)
    with context.services.engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(statement).mappings()]
    items = rows[: query.limit]
    next_ = encode_cursor([items[-1]["offset"], items[-1]["n"]]) if len(rows) > query.limit else None
    return answer(items, next_, query, FINDING_KEYS, ("ts", "at"))


def _ordered(
    statement: sa.Select[Any],
    query: ListQuery,
    columns: tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]],
    cursor: tuple[int, Any] | None,
) -> sa.Select[Any]:
    key = sa.tuple_(*columns)
    if cursor is not None:
        statement = statement.where(key < sa.tuple_(*cursor) if query.descending else key > sa.tuple_(*cursor))
    return statement.order_by(*(one.desc() if query.descending else one for one in columns))


def _cursor(parts: Any) -> tuple[int, int]:  # noqa: ANN401 - whatever a cursor holds
    offset, n = parts
    if type(offset) is not int or type(n) is not int or not -1 <= offset <= LARGEST_OFFSET or abs(n) > LARGEST_OFFSET:
        raise ValueError
    return offset, n


def _device_cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, device = parts
    if type(offset) is not int or not isinstance(device, str) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, device
