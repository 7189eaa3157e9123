"""Credentials of broker accounts, for who writes the broker's files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gateway import credentials
from gateway.api.auth import Caller, require
from gateway.api.context import context_of
from gateway.api.faults import RefusedError

router = APIRouter(tags=["operation"])


@router.get("/credentials")
def listed(request: Request, caller: Caller) -> dict[str, Any]:
    """List every version of every account at the broker, with hashes; no password is known. For administrators."""
    require(caller, "administer")
    if not caller.scope.everything:
        raise RefusedError(403, "credentials are only for accounts that see everything")
    return {"items": credentials.listed(context_of(request).services.engine), "next": None}
