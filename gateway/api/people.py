"""Accounts and tokens, for administrators; auditors read them; everybody has their own tokens."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway import accounts
from gateway.api.auth import AnyCaller, Principal, require
from gateway.api.context import context_of
from gateway.api.faults import TOKEN_ID, RefusedError, wrong
from gateway.api.session import refused
from gateway.api.shapes import Page

router = APIRouter(tags=["accounts"])
log = structlog.get_logger(__name__)

DAY_MS = 24 * 3600 * 1000
Name = Annotated[str, Path(max_length=64)]


class NewAccount(BaseModel):
    """An account to be; `unit` and `grid` (a path of ids) narrow what it sees."""

    model_config = ConfigDict(extra="forbid")
    name: str
    role: str
    unit: str | None = None
    grid: str | None = None


class NewToken(BaseModel):
    """A token to be, of one's own account or, for administrators, of another."""

    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1, max_length=100)
    account: str | None = None
    days: int | None = Field(default=365, ge=1, le=3650, description="Until it ends; null = never.")


class AccountShape(BaseModel):
    """An account."""

    name: str
    role: str
    unit: str | None
    grid: str | None
    must_change: bool
    disabled: bool


class Once(BaseModel):
    """A one-time password, shown this once."""

    name: str
    one_time_password: str


class TokenShape(BaseModel):
    """A token without its secret."""

    id: str
    account: str
    label: str
    kind: str
    expires_at: int | None


class TokenOnce(BaseModel):
    """A token, shown this once."""

    token: str
    expires_at: int | None


@router.get("/accounts", response_model=Page[AccountShape])
def list_accounts(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """List every account."""
    _unscoped(require(caller, "see_accounts"))
    found = accounts.list_accounts(context_of(request).services.engine)
    return {"items": [msgspec.to_builtins(one) for one in found], "next": None}


@router.post("/accounts", response_model=Once, status_code=201)
def create_account(request: Request, caller: AnyCaller, body: Annotated[NewAccount, Body()]) -> dict[str, Any]:
    """Create an account; the answer holds its one-time password."""
    _unscoped(require(caller, "administer"))
    context = context_of(request)
    if body.unit is not None and context.services.registry().get("units", body.unit) is None:
        raise wrong("unit", body.unit, "the id of a registered unit")
    try:
        once = accounts.create_account(context.services.engine, body.name, body.role, unit=body.unit, grid=body.grid)
    except accounts.AccountError as error:
        raise refused(error) from error
    log.info("account_created", name=body.name, role=body.role, by=caller.name)
    return {"name": body.name, "one_time_password": once}


@router.post("/accounts/{name}/reset", response_model=Once)
def reset(request: Request, caller: AnyCaller, name: Name) -> dict[str, Any]:
    """Give an account a new one-time password and end its sessions."""
    _unscoped(require(caller, "administer"))
    try:
        once = accounts.reset_password(context_of(request).services.engine, name)
    except accounts.AccountError as error:
        raise RefusedError(404, f"there is no account {name!r}") from error
    log.info("account_reset", name=name, by=caller.name)
    return {"name": name, "one_time_password": once}


@router.post("/accounts/{name}/disable", status_code=204)
def disable(request: Request, caller: AnyCaller, name: Name) -> Response:
    """Shut an account out, its sessions and tokens with it. Nobody can shut themselves out."""
    return _switch(request, caller, name, disabled=True)


@router.post("/accounts/{name}/enable", status_code=204)
def enable(request: Request, caller: AnyCaller, name: Name) -> Response:
    """Let an account in again."""
    return _switch(request, caller, name, disabled=False)


@router.get("/tokens", response_model=Page[TokenShape])
def list_tokens(request: Request, caller: AnyCaller) -> dict[str, Any]:
    """List one's own tokens; administrators and auditors see all."""
    require(caller, "see")
    _signed_in(caller)
    context = context_of(request)
    account = None if caller.may("see_accounts") and caller.scope.everything else caller.name
    found = accounts.list_tokens(context.services.engine, account, context.wall.now_ms())
    return {"items": [msgspec.to_builtins(one) for one in found], "next": None}


@router.post("/tokens", response_model=TokenOnce, status_code=201)
def create_token(request: Request, caller: AnyCaller, body: Annotated[NewToken, Body()]) -> dict[str, Any]:
    """Make a token for a program. It may do what its account may."""
    require(caller, "see")
    _signed_in(caller)
    context = context_of(request)
    account = body.account or caller.name
    if account != caller.name:
        _unscoped(require(caller, "administer"))
    if accounts.find_account(context.services.engine, account) is None:
        raise wrong("account", account, "the name of an account")
    expires_at = None if body.days is None else context.wall.now_ms() + body.days * DAY_MS
    token = accounts.issue_token(context.services.engine, account, body.label, "api", expires_at)
    log.info("token_created", account=account, label=body.label, by=caller.name)
    return {"token": token, "expires_at": expires_at}


@router.post("/tokens/{id}/revoke", status_code=204)
def revoke_token(request: Request, caller: AnyCaller, id: Annotated[str, Path(pattern=TOKEN_ID)]) -> Response:  # noqa: A002 - the name in the path
    """End a token of one's own; administrators end any."""
    require(caller, "see")
    _signed_in(caller)
    account = None if caller.may("administer") and caller.scope.everything else caller.name
    if not accounts.revoke_token(context_of(request).services.engine, id, account):
        raise RefusedError(404, f"there is no token {id}")
    log.info("token_revoked", id=id, by=caller.name)
    return Response(status_code=204)


def _switch(request: Request, caller: Principal, name: str, *, disabled: bool) -> Response:
    _unscoped(require(caller, "administer"))
    if name == caller.name:
        raise RefusedError(409, "an administrator cannot shut out the own account")
    try:
        accounts.set_disabled(context_of(request).services.engine, name, disabled=disabled)
    except accounts.AccountError as error:
        raise RefusedError(404, f"there is no account {name!r}") from error
    log.info("account_disabled" if disabled else "account_enabled", name=name, by=caller.name)
    return Response(status_code=204)


def _signed_in(caller: Principal) -> None:
    if caller.how == "nobody":
        raise RefusedError(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})


def _unscoped(caller: Principal) -> None:
    """Accounts belong to the whole installation."""
    if not caller.scope.everything:
        raise RefusedError(403, "accounts concern the whole installation; this account has a scope")
