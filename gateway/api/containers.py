"""Waste containers: the list of them as they stand, and one of them with its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response

from custody.container import Container as Folded
from custody.container import State
from custody.fact import Fact
from gateway import state
from gateway.api import custody_events
from gateway.api.auth import Caller, Principal
from gateway.api.context import context_of
from gateway.api.custody_scope import of_device, seen, sees
from gateway.api.custody_shapes import Container, ContainerHistory
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.lists import LARGEST_OFFSET, Listed, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.persons import names_of
from gateway.api.scope import Scope, among, condition
from gateway.api.shapes import Page
from gateway.api.times import ALLOWED, parse_time
from gateway.histories import Histories

router = APIRouter(tags=["custody"])

_TABLE = state.containers
#: The keys of DESIGN 4.7 first; ``events`` stand in JSON only.
KEYS = (
    *("id", "ids", "category", "state", "holder", "place", "net_g", "sealed_at", "offset", "unit", "department"),
    *("stored_at", "first_ts", "parent", "manifest", "cycle", "open"),
)
_TIMES = ("sealed_at", "stored_at", "first_ts")
#: Texts that are null where there is nothing to say.
_TEXTS = ("category", "state", "holder", "place", "unit", "department", "parent", "manifest")
_ALERT = (
    *("id", "rule", "severity", "state", "parameter", "point", "place", "since", "fired_at", "cleared_at", "value"),
    *("limit_value", "offset"),
)
#: The longest text of an id (``custody.identity``).
_LONGEST = 256

_decode = msgspec.msgpack.Decoder(Fact).decode


@router.get("/containers", response_model=Page[Container])
def containers(
    request: Request,
    caller: Caller,
    query: Listed,
    *,
    state_: Annotated[State | None, Query(alias="state", description="Only in this state.")] = None,
    unit: Annotated[str | None, Query(max_length=100, description="Only produced by this unit.")] = None,
    category: Annotated[str | None, Query(max_length=100, description="Only of this category.")] = None,
    manifest: Annotated[str | None, Query(max_length=_LONGEST, description="Only under this manifest.")] = None,
    events: Annotated[bool, Query(description="Whether `events` is filled.")] = True,
) -> Response:
    """List containers in the order in which they became known; `from` and `to` are about their first event.

    `place` is where they are.
    """
    context = context_of(request)
    statement = sa.select(*(_TABLE.c[name] for name in KEYS)).where(seen(caller.scope, context.services.registry()))
    if query.place is not None:
        statement = statement.where(among(_TABLE.c.place, context.whereabouts().below(query.place)))
    for column, wanted in (
        (_TABLE.c.state, state_),
        (_TABLE.c.unit, unit),
        (_TABLE.c.category, category),
        (_TABLE.c.manifest, manifest),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    with context.services.engine.connect() as connection:
        rows = connection.execute(_page(statement, query)).mappings().all()
        items = [_item(row) for row in rows[: query.limit]]
    if events and not query.as_csv:
        _fill(context.services.histories(), items)
    more = len(rows) > query.limit
    next_ = encode_cursor([items[-1]["offset"], items[-1]["id"]]) if more else None
    return answer(items, next_, query, KEYS, _TIMES)


@router.get("/containers/{id:path}", response_model=ContainerHistory, responses={404: {"model": Reason}})
def container(
    request: Request,
    caller: Caller,
    id: Annotated[str, Path(description="Any id of the container, URL-quoted.")],  # noqa: A002 - the name in the path
    as_known_at: Annotated[
        str | None, Query(max_length=60, description=f"As it was known when this was received: {ALLOWED}.")
    ] = None,
) -> Response:
    """Show one container with its whole history, as it is known now or was known at a time."""
    context = context_of(request)
    histories = context.services.histories()
    now = histories.container(id) if len(id) <= _LONGEST else None
    if now is None or not sees(caller.scope, now, context.services.registry()):
        raise RefusedError(404, f"there is no container {id[:100]!r}")
    at = None if as_known_at is None else _moment(as_known_at, context.services.settings.zone)
    found = now if at is None else histories.container(id, at)
    if found is None:
        raise RefusedError(404, f"the container {id[:100]!r} was not known then")
    document = _described(found) | {"as_known_at": at, "now": context.services.clock.now_ms()}
    with context.services.engine.connect() as connection:
        document["alerts"] = _alerts(connection, caller.scope, found, at)
        document["names"] = _names(connection, caller, found)
    return Response(msgspec.json.encode(document), media_type="application/json")


def _moment(text: str, zone: Any) -> int:  # noqa: ANN401 - a tzinfo
    try:
        return parse_time(text, zone)
    except ValueError:
        raise wrong("as_known_at", text, ALLOWED) from None


def _page(statement: sa.Select[Any], query: ListQuery) -> sa.Select[Any]:
    if query.bounded:
        statement = statement.where(_TABLE.c.first_ts >= query.start, _TABLE.c.first_ts < query.end)
    if query.device is not None:
        statement = statement.where(of_device(query.device))
    key = sa.tuple_(_TABLE.c.offset, _TABLE.c.id)
    cursor = decode_cursor(query.after, _cursor)
    if cursor is not None:
        statement = statement.where(key < sa.tuple_(*cursor) if query.descending else key > sa.tuple_(*cursor))
    by = (_TABLE.c.offset.desc(), _TABLE.c.id.desc()) if query.descending else (_TABLE.c.offset, _TABLE.c.id)
    return statement.order_by(*by).limit(query.limit + 1)


def _item(row: sa.RowMapping) -> dict[str, Any]:
    item = {**row, **{name: row[name] or None for name in _TEXTS}}
    item["ids"] = msgspec.json.decode(row["ids"])
    item["events"] = []
    return item


def _fill(histories: Histories, items: Sequence[dict[str, Any]]) -> None:
    """Add to each container its whole history, as ``/containers/{id}`` has it."""
    found = {one.id: one for one in histories.containers(item["id"] for item in items)}
    for item in items:
        one = found.get(item["id"])
        item["events"] = [] if one is None else [custody_events.event(seen_) for seen_ in one.history]


def _described(found: Folded) -> dict[str, Any]:
    """A container as its history makes it."""
    spot = found.spot
    plain = {
        "id": found.id,
        "ids": [{"k": one.k, "v": one.v, "uri": one.uri} for one in found.ids],
        "category": found.category,
        "state": found.state,
        "holder": found.holder,
        "place": spot.place,
        "net_g": found.net_g,
        "sealed_at": found.sealed_at,
        "offset": found.first,
        "unit": found.unit,
        "department": found.department,
        "stored_at": found.stored_at,
        "first_ts": found.history[0].fact.ts if found.history else None,
        "parent": found.parent,
        "manifest": found.manifest,
        "cycle": found.cycle,
        "open": found.open,
    }
    return {
        **plain,
        **{name: plain[name] or None for name in _TEXTS},
        "events": [custody_events.event(one) for one in found.history],
        "keeper": found.keeper or None,
        "vehicle": found.vehicle or None,
        "collected_at": found.collected_at,
        "destroyed_at": found.destroyed_at,
        "handover": found.handover,
        "members": found.members,
        "weighings": [custody_events.fields(one) for one in found.weighings],
        "conditions": [
            {"quantity": one.quantity, "at": one.at, "value": one.value, "place": one.spot.place or None}
            for one in found.conditions
        ],
    }


def _alerts(connection: sa.Connection, scope: Scope, found: Folded, at: int | None) -> list[dict[str, Any]]:
    """Alerts of the container and of its events, the oldest first; as they stood ``at`` if it is given."""
    table, steps = state.alerts, state.transitions
    about = [one.v for one in found.ids] + [f"event:{one.fact.terminal}:{one.fact.id}" for one in found.history]
    statement = sa.select(*(table.c[name] for name in _ALERT)).where(
        condition(scope, table.c.unit, table.c.grid),
        sa.func.substr(table.c.parameter, 1, 8) == "custody.",
        among(table.c.point, about),
    )
    alerts = [dict(row) for row in connection.execute(statement.order_by(table.c.offset, table.c.id)).mappings()]
    if at is None:
        return alerts
    told = sa.select(steps.c.alert, steps.c.to_state).where(
        among(steps.c.alert, [one["id"] for one in alerts]), steps.c.at <= at
    )
    # The last step of each wins.
    stood = {row.alert: row.to_state for row in connection.execute(told.order_by(steps.c.offset, steps.c.n))}
    return [one | {"state": stood[one["id"]]} for one in alerts if one["id"] in stood]


def _names(connection: sa.Connection, caller: Principal, found: Folded) -> dict[str, str]:
    people = (party.person for one in found.history for party in custody_events.parties(one.fact))
    return names_of(connection, caller, people)


def _cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, name = parts
    if not isinstance(name, str) or not isinstance(offset, int) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, name
