"""Custody events of terminals that speak HTTP, such as the page for a phone's camera (DESIGN 4.2)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from gateway.api.auth import AnyCaller, Principal, require
from gateway.api.context import Context, context_of
from gateway.api.faults import Reason, RefusedError, wrong

router = APIRouter(tags=["containers"])

#: Events of one call.
MOST = 200
_AGAIN = {"Retry-After": "10"}


class EventReply(BaseModel):
    """What became of an event, as ``down/reply`` says it. ``code``: 0 accepted, 1 repeated, 2 parked, 3 conflict.

    ``code`` null: it is durable and not decided yet; the same event sent again later is told its fate.
    """

    id: str | int | None
    code: int | None
    reason: str | None
    object: str | None
    flags: list[str]


@router.post(
    "/devices/{device}/events",
    response_model=EventReply | list[EventReply],
    responses={
        202: {"model": EventReply | list[EventReply]},
        404: {"model": Reason},
        413: {"model": Reason},
        422: {"model": Reason},
        503: {"model": Reason},
    },
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}},
)
async def push(request: Request, caller: AnyCaller, device: Annotated[str, Path(max_length=128)]) -> Response:
    """Hand in one custody event of a terminal (an object) or several in their order (a list of at most 200).

    Each is kept byte for byte as it came, like a message over MQTT, and is durable before it is answered: an object
    for an object, a list for a list. 202: some are not decided yet (`code` null). 503: nothing was taken.
    """
    require(caller, "handle")
    context = context_of(request)
    _terminal(context, caller, device)
    payloads, many = _events(await request.body())
    peer = f"{request.client.host}:{request.client.port}" if request.client else ""
    taken = await context.services.push(device, payloads, peer, caller.name)
    if taken.refused:
        raise RefusedError(503, taken.refused, headers=_AGAIN)
    status = 202 if any(one["code"] is None for one in taken.replies) else 200
    document: Any = taken.replies if many else taken.replies[0]
    return Response(msgspec.json.encode(document), status, media_type="application/json")


def _terminal(context: Context, caller: Principal, device: str) -> None:
    """Raises 404 for a device that is not seen, as if it did not exist, and 422 for one that is no terminal."""
    where = context.whereabouts()
    if device not in where.devices or not where.sees_device(caller.scope, device):
        raise RefusedError(404, f"there is no device {device}")
    entry = where.registry.get("devices", device) or {}
    if entry.get("kind") != "terminal":
        raise wrong("device", device, "a device of kind terminal")


def _events(body: bytes) -> tuple[list[bytes], bool]:
    """The bytes of each event, and whether it is a list. What is no list is one event, whatever else it is."""
    if not body.strip():
        raise wrong("body", "", "one event as a JSON object, or a list of them")
    try:
        found = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        return [body], False
    if not 0 < len(found) <= MOST:
        raise wrong("body", f"{len(found)} events", f"1 to {MOST} events")
    return [bytes(one) for one in found], True
