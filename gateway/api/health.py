"""Whether the gateway lives and whether it does its work, for those who watch over it. Needs no token."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import APIRouter, Request, Response

from gateway.api.auth import principal_of
from gateway.api.context import context_of
from gateway.api.shapes import Readiness

router = APIRouter(tags=["health"])

_NOT_READY = frozenset({"held", "down"})


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer as long as the process serves."""
    return {"status": "ok"}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(request: Request) -> Response:
    """Show how far each part of the flow is; 503 where one is held or down. Words are for those who may see."""
    lags = await asyncio.to_thread(context_of(request).services.lags)
    caller = await principal_of(request)
    if caller is None or not caller.may("see") or not caller.scope.everything:
        lags = {name: msgspec.structs.replace(lag, words="") for name, lag in lags.items()}
    ready = not any(lag.state in _NOT_READY for lag in lags.values())
    body = msgspec.json.encode({"ready": ready, "followers": lags})
    return Response(body, 200 if ready else 503, media_type="application/json")
