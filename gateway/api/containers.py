"""Waste containers with the scan by which they became known. State, holder and balance are the custody fold's."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from custody.identity import container_ids
from devices.codecs.document import NotJsonError, parse
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.lists import LARGEST_OFFSET, Listed, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.scope import among
from gateway.api.shapes import Container, Page

router = APIRouter(tags=["custody"])

_COLUMNS = ("id", "ids", "category", "state", "holder", "place", "net_g", "sealed_at", "offset")
_CHUNK = 500


@router.get("/containers", response_model=Page[Container])
def containers(request: Request, caller: Caller, query: Listed) -> Response:
    """List containers in the order in which they became known; `from` and `to` are about the time of that scan."""
    context = context_of(request)
    moves = context.moves()
    narrowed = not caller.scope.everything or query.place is not None or query.device is not None
    devices = moves.devices_of(caller.scope, device=query.device, place=query.place) if narrowed else None
    below = None if query.place is None else context.whereabouts().below(query.place)
    cursor = decode_cursor(query.after, _cursor)
    items: list[dict[str, Any]] = []
    while True:
        with context.services.engine.connect() as connection:
            rows = connection.execute(_statement(query, devices, cursor)).mappings().all()
        for row in rows:
            spot = moves.spot(row["terminal"], row["offset"], row["ts"]) if narrowed else None
            if spot is not None and not caller.scope.covers(spot.unit, spot.grid):
                continue
            if spot is not None and below is not None and spot.place not in below:
                continue
            if len(items) == query.limit:
                next_ = encode_cursor([items[-1]["offset"], items[-1]["id"]])
                return answer(items, next_, query, _COLUMNS, ("sealed_at",))
            items.append(_container(row))
        if len(rows) < _CHUNK:
            return answer(items, None, query, _COLUMNS, ("sealed_at",))
        cursor = (rows[-1]["offset"], rows[-1]["id"])


def _statement(query: ListQuery, devices: list[str] | None, cursor: tuple[int, str] | None) -> sa.Select[Any]:
    table, events = state.containers, state.custody_events
    statement = (
        sa.select(table.c.id, table.c.offset, events, state.copies.c.bytes)
        .join(events, events.c.offset == table.c.offset)
        .join(state.copies, state.copies.c.sha256 == events.c.copy, isouter=True)
    )
    if query.bounded:
        statement = statement.where(events.c.ts >= query.start, events.c.ts < query.end)
    if devices is not None:
        statement = statement.where(among(events.c.terminal, devices))
    key = sa.tuple_(table.c.offset, table.c.id)
    if cursor is not None:
        statement = statement.where(key < sa.tuple_(*cursor) if query.descending else key > sa.tuple_(*cursor))
    by = (table.c.offset.desc(), table.c.id.desc()) if query.descending else (table.c.offset, table.c.id)
    return statement.order_by(*by).limit(_CHUNK)


def _container(row: sa.RowMapping) -> dict[str, Any]:
    sent = _sent(row["bytes"])
    ids = sent.get("ids")
    group = ids if isinstance(ids, list) else []
    weight = _mapping(sent.get("weight"))
    event = {
        "offset": row["offset"],
        "id": row["event_id"],
        "step": row["step"],
        "ts": row["ts"],
        "received_at": row["received_at"],
        "device": row["terminal"],
        "by": _mapping(sent.get("by")),
        "with": _mapping(sent.get("with")),
        "weight": weight,
        "entry": None,
        "flags": msgspec.json.decode(row["flags"]),
    }
    # One weight over several containers is the group's and is never divided (DESIGN 4.2).
    alone = len(container_ids(group, set())) == 1
    return {
        "id": row["id"],
        "ids": [one for one in group if isinstance(one, dict) and container_ids([one], set()) == [row["id"]]],
        "category": _text(sent.get("category")),
        "state": None,
        "holder": None,
        "place": _text(sent.get("place")),
        "net_g": weight["net_g"] if weight and alone and isinstance(weight.get("net_g"), int) else None,
        "sealed_at": None,
        "offset": row["offset"],
        "events": [event],
    }


def _sent(raw: bytes | None) -> dict[str, Any]:
    """The event as the terminal sent it, read as leniently as when it was accepted, as far as JSON can say it again."""
    try:
        document = {} if raw is None else _sayable(parse(raw))
    except NotJsonError:
        return {}
    return document if isinstance(document, dict) else {}


def _sayable(value: object) -> object:
    """``value`` without what no JSON answer holds: lone surrogates become ``?``, NaN and infinity null.

    Integers beyond 64 bits become their digits, as text.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, list):
        return [_sayable(one) for one in value]
    if isinstance(value, dict):
        return {str(_sayable(key)): _sayable(one) for key, one in value.items()}
    return value


def _mapping(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, name = parts
    if not isinstance(name, str) or not isinstance(offset, int) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, name
