"""Parked messages, and single values that were refused, with their bytes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.lists import Listed, ListQuery, answer, offset_cursor
from gateway.api.scope import among
from gateway.api.shapes import Page, ParkedMessage

router = APIRouter(tags=["parked"])

_COLUMNS = ("offset", "received_at", "topic", "device", "reason", "detail", "payload_b64", "whole")
_CHUNK = 500
_Row = dict[str, Any]
#: Refused values of a message that has another fate than parked.
_REFUSALS = sa.and_(
    state.outcomes.c.copy.is_not(None),
    sa.func.json_extract(state.outcomes.c.detail, "$.refusals").is_not(None),
)


@router.get("/parked", response_model=Page[ParkedMessage])
def parked(
    request: Request,
    caller: Caller,
    query: Listed,
    reason: Annotated[str | None, Query(description="Only with this reason.", max_length=64)] = None,
) -> Response:
    """List what was not accepted, in the order of the journal: whole messages and refused values of accepted ones.

    What a redrive took in since is not listed.
    """
    context = context_of(request)
    moves = context.moves()
    devices: list[str] | None = None
    if query.device is not None and caller.scope.everything and query.place is None:
        devices = [query.device]
    elif not caller.scope.everything or query.place is not None:
        devices = moves.devices_of(caller.scope, device=query.device, place=query.place)
    below = None if query.place is None else context.whereabouts().below(query.place)
    items: list[_Row] = []
    for row in _rows(context, query, devices, reason):
        spot = moves.spot(row["device"], row["offset"], row["received_at"]) if devices is not None else None
        if spot is not None and not caller.scope.covers(spot.unit, spot.grid):
            continue
        if spot is not None and below is not None and spot.place not in below:
            continue
        if len(items) == query.limit:
            return answer(items, items[-1]["offset"], query, _COLUMNS, ("received_at",))
        items.append(row)
    return answer(items, None, query, _COLUMNS, ("received_at",))


def _rows(context: Context, query: ListQuery, devices: list[str] | None, reason: str | None) -> Iterator[_Row]:
    """What decide parked and what the store refused, one row an offset, in the order asked for."""
    after = offset_cursor(query)
    decided, refused = state.outcomes, state.store_parked
    allowed = None if devices is None else frozenset(devices)
    where = [sa.or_(decided.c.fate == "parked", _REFUSALS)]
    if query.bounded:
        where += [decided.c.received_at >= query.start, decided.c.received_at < query.end]
    if devices is not None:
        where.append(among(decided.c.device, devices))
    offsets = sa.union(
        sa.select(decided.c.offset).where(*where),
        sa.select(refused.c.offset).where(refused.c.redriven_by.is_(None)),
    ).subquery()
    column = offsets.c.offset
    while True:
        chunk = sa.select(column).order_by(column.desc() if query.descending else column).limit(_CHUNK)
        if after is not None:
            chunk = chunk.where(column < after if query.descending else column > after)
        rows = _whole_rows(context, chunk)
        for offset in sorted(rows, reverse=query.descending):
            row = rows[offset]
            if _wanted(row, query, allowed, reason):
                yield row
        if len(rows) < _CHUNK:
            return
        after = min(rows) if query.descending else max(rows)


def _wanted(row: _Row, query: ListQuery, devices: frozenset[str] | None, reason: str | None) -> bool:
    return (
        (reason is None or row["reason"] == reason)
        and (devices is None or row["device"] in devices)
        and query.start <= row["received_at"] < query.end
    )


def _whole_rows(context: Context, offsets: sa.Select[tuple[int]]) -> dict[int, _Row]:
    decided, refused, copies = state.outcomes, state.store_parked, state.copies
    wanted = offsets.subquery()
    statement = (
        sa.select(
            wanted.c.offset.label("at"),
            decided,
            copies.c.bytes,
            refused.c.reason.label("store_reason"),
            refused.c.detail.label("store_detail"),
            refused.c.whole,
        )
        .join(decided, decided.c.offset == wanted.c.offset, isouter=True)
        .join(copies, copies.c.sha256 == decided.c.copy, isouter=True)
        .join(refused, (refused.c.offset == wanted.c.offset) & refused.c.redriven_by.is_(None), isouter=True)
    )
    with context.services.engine.connect() as connection:
        rows = connection.execute(statement).mappings().all()
    return {row["at"]: _row(context, row) for row in rows}


def _row(context: Context, row: sa.RowMapping) -> _Row:
    """One item; what the store refused of a message that was plainly accepted is found in the journal."""
    topic, device, received_at, raw = row["topic"], row["device"], row["received_at"], row["bytes"]
    if topic is None or raw is None:
        message = context.services.message(row["at"])
        if message is not None:
            topic, received_at, raw = message.topic, message.received_at, message.payload
            address = context.services.registry().resolve(topic)
            device = device or (address.device if address else None)
    detail = {} if row["detail"] is None else msgspec.json.decode(row["detail"])
    detail.pop("rows", None)
    if row["reason_now"] is not None:
        # A redrive did not take it back; it is still found under the reason that parked it.
        now = msgspec.json.decode(row["detail_now"])
        now.pop("rows", None)
        detail["now"] = {"reason": row["reason_now"], **now}
    refusals = detail.get("refusals") or [{}]
    reason = row["reason"] if row["fate"] == "parked" else refusals[0].get("reason", row["reason"])
    if row["store_reason"] is not None:
        reason = row["store_reason"]
        said = msgspec.json.decode(row["store_detail"])
        both = [*detail.get("refusals", []), *said.get("refusals", [])]
        detail |= said | ({"refusals": both} if both else {})
    return {
        "offset": row["at"],
        "received_at": received_at or 0,
        "topic": topic or "",
        "device": device or "",
        "reason": reason or "",
        "detail": detail,
        "payload_b64": None if raw is None else base64.b64encode(raw).decode(),
        "whole": row["fate"] == "parked" or bool(row["whole"]),
    }


def reasons(context: Context, devices: list[str] | None) -> dict[str, int]:
    """How many messages are parked, by reason, all or of some devices: the figure of the page."""
    decided, refused = state.outcomes, state.store_parked
    statement = (
        sa.select(decided.c.reason, sa.func.count()).where(decided.c.fate == "parked").group_by(decided.c.reason)
    )
    with context.services.engine.connect() as connection:
        if devices is not None:
            statement = statement.where(among(decided.c.device, devices))
            return {str(reason): int(count) for reason, count in connection.execute(statement)}
        found = {str(reason): int(count) for reason, count in connection.execute(statement)}
        kept = sa.select(refused.c.reason, sa.func.count()).where(refused.c.whole, refused.c.redriven_by.is_(None))
        for reason, count in connection.execute(kept.group_by(refused.c.reason)):
            found[reason] = found.get(reason, 0) + int(count)
    return found
