"""What the command line asks: the registry as a whole, and the counters of DESIGN 4.3."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response

from gateway import state
from gateway.api.auth import Caller, Principal, require
from gateway.api.context import context_of
from gateway.api.faults import RefusedError

router = APIRouter()


def managing(caller: Caller) -> Principal:
    """Dependency: who may change the registry, all of it."""
    require(caller, "manage")
    if not caller.scope.everything:
        raise RefusedError(403, "the whole registry is only for accounts that see everything")
    return caller


@router.get("/registry", tags=["registry"])
def registry(request: Request, _caller: Annotated[Principal, Depends(managing)]) -> Response:
    """Show every entry of the registry with all its periods, and the private data of people apart from them."""
    services = context_of(request).services
    current = services.registry()
    entries = [{"kind": kind, "id": name, "body": msgspec.Raw(body)} for kind, name, body in current.rows()]
    with services.engine.connect() as connection:
        rows = connection.execute(sa.select(state.people_private.c.id, state.people_private.c.body)).all()
    private = [{"id": name, "body": msgspec.Raw(body.encode())} for name, body in rows]
    document = {"version": current.version, "entries": entries, "private": private}
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.get("/report", tags=["operation"])
def report(request: Request, caller: Caller) -> dict[str, Any]:
    """Show what came in, what became of it and what was told; null is what only a demo knows."""
    if not caller.scope.everything:
        raise RefusedError(403, "counters are only for accounts that see everything")
    return dict(context_of(request).services.report())
