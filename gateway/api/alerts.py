"""Alerts as they stand: the list, and the plain states that people read."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from alerts.lifecycle import Plain, plain
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.lists import LARGEST_OFFSET, Listed, answer, decode_cursor, encode_cursor
from gateway.api.scope import among, condition
from gateway.api.shapes import Alert, Page

router = APIRouter(tags=["alerts"])

#: The keys of DESIGN 4.7, in its order.
KEYS = (
    *("id", "rule", "pack", "severity", "state", "unit", "place", "device", "point", "parameter", "value"),
    *("limit_value", "parameter_unit", "since", "fired_at", "cleared_at", "acknowledged_by", "reason", "offset"),
)
_TIMES = ("since", "fired_at", "cleared_at")

Severity = Literal["info", "warning", "major", "critical"]
State = Literal[
    "pending",
    "active",
    "acknowledged",
    "returned",
    "latched",
    "shelved",
    "suppressed",
    "out_of_service",
    "closed",
]
#: What somebody may have to do something about now.
STANDING: tuple[State, ...] = ("active", "acknowledged", "latched", "shelved", "suppressed", "out_of_service")
Group = Literal["to_do", "in_hand", "to_confirm", "closed", "more", "open"]
#: The states that each plain state of people covers (``alerts.lifecycle.Plain``); ``open`` is what is not over.
GROUPS: dict[str, tuple[State, ...]] = {
    **{one.value: tuple(state for state in get_args(State) if plain(state) is one) for one in Plain},
    "open": (*STANDING, "returned"),
}


@router.get("/alerts", response_model=Page[Alert])
def alerts(
    request: Request,
    caller: Caller,
    query: Listed,
    *,
    state_: Annotated[State | None, Query(alias="state", description="Only in this state.")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
    group: Annotated[
        Group | None,
        Query(description="Only in these plain states: to_do, in_hand, to_confirm, closed, more; open = not over."),
    ] = None,
    rule: Annotated[str | None, Query(description="Only of the rule with this id.", max_length=100)] = None,
    unit: Annotated[str | None, Query(description="Only of this supervised body.", max_length=100)] = None,
    standing: Annotated[
        bool, Query(description="Only those whose cause stands: neither pending, returned nor closed.")
    ] = False,
) -> Response:
    """List alerts in the order in which they began; `from` and `to` are about `since`."""
    table = state.alerts
    statement = sa.select(*(table.c[name] for name in KEYS)).where(condition(caller.scope, table.c.unit, table.c.grid))
    if query.bounded:
        statement = statement.where(table.c.since >= query.start, table.c.since < query.end)
    if query.device is not None:
        statement = statement.where(table.c.device == query.device)
    if query.place is not None:
        statement = statement.where(among(table.c.place, context_of(request).whereabouts().below(query.place)))
    if state_ is not None:
        statement = statement.where(table.c.state == state_)
    for column, wanted in ((table.c.severity, severity), (table.c.rule, rule), (table.c.unit, unit)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if group is not None:
        statement = statement.where(table.c.state.in_(GROUPS[group]))
    if standing:
        statement = statement.where(table.c.state.in_(STANDING))
    key = sa.tuple_(table.c.offset, table.c.id)
    cursor = decode_cursor(query.after, _cursor)
    if cursor is not None:
        statement = statement.where(key < sa.tuple_(*cursor) if query.descending else key > sa.tuple_(*cursor))
    by = (table.c.offset.desc(), table.c.id.desc()) if query.descending else (table.c.offset, table.c.id)
    with context_of(request).services.engine.connect() as connection:
        rows = connection.execute(statement.order_by(*by).limit(query.limit + 1)).mappings().all()
    items = [dict(row) for row in rows[: query.limit]]
    more = len(rows) > query.limit
    next_ = encode_cursor([items[-1]["offset"], items[-1]["id"]]) if more else None
    return answer(items, next_, query, KEYS, _TIMES)


def _cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, name = parts
    if not isinstance(name, str) or not isinstance(offset, int) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, name
