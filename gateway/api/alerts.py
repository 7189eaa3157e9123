"""Alerts as they stand and their history, each with the bytes that caused it."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.faults import RefusedError
from gateway.api.lists import LARGEST_OFFSET, Listed, answer, decode_cursor, encode_cursor
from gateway.api.scope import among, condition
from gateway.api.shapes import Alert, AlertHistory, Page

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


@router.get("/alerts", response_model=Page[Alert])
def alerts(
    request: Request,
    caller: Caller,
    query: Listed,
    *,
    state_: Annotated[State | None, Query(alias="state", description="Only in this state.")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
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
    if severity is not None:
        statement = statement.where(table.c.severity == severity)
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


@router.get("/alerts/{id}", response_model=AlertHistory)
def alert(request: Request, caller: Caller, id: str) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """Show one alert with every step, what it rests on, and who was told."""
    table, steps = state.alerts, state.transitions
    shown = condition(caller.scope, table.c.unit, table.c.grid)
    with context_of(request).services.engine.connect() as connection:
        row = connection.execute(sa.select(table).where(table.c.id == id, shown)).mappings().first()
        if row is None:
            raise RefusedError(404, f"there is no alert {id[:100]!r}")
        history = connection.execute(
            sa.select(steps, state.copies.c.bytes)
            .join(state.copies, state.copies.c.sha256 == steps.c.copy, isouter=True)
            .where(steps.c.alert == id)
            .order_by(steps.c.offset, steps.c.n)
        ).mappings()
        transitions = [_transition(step) for step in history]
        deliveries = [dict(one) for one in connection.execute(_deliveries(id)).mappings()]
    decided = {name: row[name] for name in ("version", "pack_digest", "registry_version")}
    return {name: row[name] for name in KEYS} | decided | {"transitions": transitions, "deliveries": deliveries}


def _deliveries(id_: str) -> sa.Select[Any]:
    """What was to be told of an alert, to which channel, and what became of it."""
    outbox, tried, steps = state.outbox, state.attempts, state.transitions
    of_alert = sa.select(steps.c.offset).where(steps.c.alert == id_)
    return (
        sa.select(
            outbox.c.channel,
            outbox.c.event,
            outbox.c.state_now.label("state"),
            outbox.c.created_at,
            sa.func.coalesce(tried.c.tries, 0).label("tries"),
            sa.func.nullif(tried.c.last_error, "").label("last_error"),
        )
        .join(tried, (tried.c.offset == outbox.c.offset) & (tried.c.n == outbox.c.n), isouter=True)
        # The offsets find the rows by the primary key; one record may move several alerts, hence the key.
        .where(outbox.c.offset.in_(of_alert), sa.func.substr(outbox.c.key, 1, len(id_) + 1) == f"{id_}:")
        .order_by(outbox.c.offset, outbox.c.n)
    )


def _transition(step: sa.RowMapping) -> dict[str, Any]:
    raw = step["bytes"]
    names = ("offset", "n", "event", "from_state", "to_state", "at", "by", "reason", "value")
    shown = {name: step[name] for name in names}
    return shown | {"payload_b64": None if raw is None else base64.b64encode(raw).decode()}


def _cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, name = parts
    if not isinstance(name, str) or not isinstance(offset, int) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, name
