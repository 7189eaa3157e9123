"""Commands of operators: each becomes a journal record and is carried out by decide."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Body, Path, Request, Response

from gateway import state
from gateway.api.auth import AnyCaller, Caller, Principal, require
from gateway.api.context import Context, context_of
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.lists import LARGEST_OFFSET, Listed, answer, offset_cursor
from gateway.api.permissions import needed_for
from gateway.api.scope import condition
from gateway.api.shapes import Command, CommandAnswer, Page

router = APIRouter(tags=["commands"])

_COLUMNS = ("offset", "status", "body")


@router.post(
    "/commands",
    response_model=CommandAnswer,
    responses={202: {"model": CommandAnswer}, 409: {"model": Reason}, 422: {"model": Reason}},
)
async def command(request: Request, caller: AnyCaller, body: Annotated[Command, Body()]) -> Response:
    """Carry out a command and wait up to 5 s for its answer.

    200 done · 409 or 422 refused, with the reason · 202 not decided yet: ask the address in `Location`.
    """
    require(caller, needed_for(body.command))
    context = context_of(request)
    try:
        msgspec.json.encode(body.args)
    except (UnicodeEncodeError, ValueError, RecursionError, OverflowError):
        raise wrong("args", "", "a JSON object of numbers and Unicode text") from None
    _in_own_name(caller, body)
    if not caller.scope.everything:
        await _in_scope(context, caller, body)
    found = await context.services.command(body.command, body.args, caller.name)
    headers = {}
    if found.status == 202:
        headers["Location"] = f"/api/v1/commands/{found.offset}"
    document = found.body | {"offset": found.offset, "status": found.status}
    return Response(msgspec.json.encode(document), found.status, headers, "application/json")


@router.get("/commands", response_model=Page[CommandAnswer])
def answers(request: Request, caller: Caller, query: Listed) -> Response:
    """List answers in the order of the journal, for those who see everything.

    Answers name no device, place or time, so those filters leave nothing.
    """
    after = offset_cursor(query)
    table = state.answers
    statement = sa.select(table).limit(query.limit + 1)
    statement = statement.order_by(table.c.offset.desc() if query.descending else table.c.offset)
    if after is not None:
        statement = statement.where(table.c.offset < after if query.descending else table.c.offset > after)
    narrowed = query.device is not None or query.place is not None or query.bounded
    if narrowed or not caller.scope.everything:
        statement = statement.where(sa.false())
    with context_of(request).services.engine.connect() as connection:
        rows = connection.execute(statement).all()
    items = [_answer(offset, body) for offset, body in rows[: query.limit]]
    next_ = items[-1]["offset"] if len(rows) > query.limit else None
    if query.as_csv:
        items = [{"offset": one["offset"], "status": one["status"], "body": one} for one in items]
    return answer(items, next_, query, _COLUMNS)


@router.get(
    "/commands/{offset}",
    response_model=CommandAnswer,
    responses={202: {"model": CommandAnswer}, 404: {"model": Reason}},
)
def answer_of(request: Request, caller: Caller, offset: Annotated[int, Path(ge=0, le=LARGEST_OFFSET)]) -> Response:
    """Show the answer of the command at an offset, as the call would have had it; 202 while it is not decided."""
    context = context_of(request)
    if not caller.scope.everything:
        raise RefusedError(404, f"there is no command at offset {offset}")
    with context.services.engine.connect() as connection:
        found = connection.execute(sa.select(state.answers.c.body).where(state.answers.c.offset == offset)).scalar()
    if found is None:
        lags = context.services.lags()
        waits = "decide" in lags and lags["decide"].cursor < offset <= lags["journal"].cursor
        if not waits or context.services.message(offset) is not None:
            raise RefusedError(404, f"there is no command at offset {offset}")
        waiting = {"offset": offset, "status": 202}
        return Response(msgspec.json.encode(waiting), 202, media_type="application/json")
    shown = _answer(offset, found)
    return Response(msgspec.json.encode(shown), shown["status"], media_type="application/json")


def _answer(offset: int, body: str) -> dict[str, Any]:
    document = msgspec.json.decode(body)
    return {**document, "offset": offset, "status": document.get("status", 200)}


def _in_own_name(caller: Principal, body: Command) -> None:
    """Whoever handles alerts does so in the own name; a manager may enter what somebody else did (``by``).

    ``link`` is what the acknowledge link says of itself (``gateway.api.ack``): nobody else may. Raises 403.
    """
    if not body.command.startswith(("alerts.", "maintenance.")):
        return
    if "link" in body.args:
        raise RefusedError(403, f"{body.command}: link is only for acknowledge links")
    if body.args.get("by") is not None and not caller.may("manage"):
        raise RefusedError(403, f"{body.command}: by is only for who may manage; leave it out to act as {caller.name}")


async def _in_scope(context: Context, caller: Principal, body: Command) -> None:
    """Whoever has a scope gives commands about alerts and devices in it, and no others.

    Raises 404 for what is not seen, as if it did not exist.
    """
    section = body.command.partition(".")[0]
    if section == "alerts":
        seen = await asyncio.to_thread(_sees_alert, context, caller, body.args.get("id"))
    elif section == "maintenance":
        device = body.args.get("device")
        seen = isinstance(device, str) and context.whereabouts().sees_device(caller.scope, device)
    else:
        raise RefusedError(403, f"{body.command} concerns the whole installation; this account has a scope")
    if not seen:
        raise RefusedError(404, f"{body.command}: there is no such object")


def _sees_alert(context: Context, caller: Principal, name: object) -> bool:
    if not isinstance(name, str):
        return False
    table = state.alerts
    shown = condition(caller.scope, table.c.unit, table.c.grid)
    with context.services.engine.connect() as connection:
        return connection.execute(sa.select(table.c.id).where(table.c.id == name, shown)).first() is not None
