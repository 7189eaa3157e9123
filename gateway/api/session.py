"""Signing in and out, and one's own password. Opening a link changes nothing: everything here that does is a POST."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway import accounts
from gateway.api.auth import COOKIE, AnyCaller, Principal
from gateway.api.context import Context, context_of
from gateway.api.faults import Fault, Reason, RefusedError
from gateway.api.permissions import PERMISSIONS

router = APIRouter(tags=["session"])

#: A session ends after this time, however busy it is.
SESSION_MS = 12 * 3600 * 1000


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=64)
    password: str = Field(max_length=accounts.LONGEST_PASSWORD)


class NewPassword(BaseModel):
    """The password so far and the one to be."""

    model_config = ConfigDict(extra="forbid")
    old: str = Field(max_length=accounts.LONGEST_PASSWORD)
    new: str = Field(max_length=1000)


class Me(BaseModel):
    """Who calls. ``how``: nobody (a viewer on this machine), session, token or runtime."""

    name: str
    role: str
    unit: str | None
    grid: str | None
    how: str
    must_change: bool
    permissions: list[str]


@router.post("/login", response_model=Me, responses={401: {"model": Reason}, 429: {"model": Reason}})
def login(request: Request, response: Response, body: Annotated[Login, Body()]) -> Any:  # noqa: ANN401 - see the model
    """Sign in: the answer sets a session cookie. After some wrong tries in a row the next ones have to wait (429)."""
    context = context_of(request)
    account = _checked(context, request, body.name, body.password)
    _open_session(context, request, response, account.name)
    scope = {"unit": account.unit, "grid": account.grid}
    allowed = [] if account.must_change else sorted(PERMISSIONS[account.role])
    return {
        "name": account.name,
        "role": account.role,
        "how": "session",
        "must_change": account.must_change,
        "permissions": allowed,
        **scope,
    }


@router.post("/logout", status_code=204)
def logout(request: Request) -> Response:
    """End the session of the cookie."""
    context = context_of(request)
    token = request.cookies.get(COOKIE)
    if token:
        accounts.end_session(context.services.engine, token, context.wall.now_ms())
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_secure(context, request))
    return response


@router.get("/me", response_model=Me)
def me(caller: AnyCaller) -> Any:  # noqa: ANN401 - see the model
    """Show who calls and what that account may do."""
    return who(caller)


@router.post("/password", status_code=204, responses={401: {"model": Reason}, 422: {"model": Reason}})
def password(request: Request, caller: AnyCaller, body: Annotated[NewPassword, Body()]) -> Response:
    """Change one's own password. All sessions of the account end; the caller goes on with a new one."""
    if caller.how not in {"session", "token"}:
        raise RefusedError(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
    context = context_of(request)
    _checked(context, request, caller.name, body.old)
    try:
        accounts.change_password(context.services.engine, caller.name, body.new)
    except accounts.AccountError as error:
        raise refused(error) from error
    response = Response(status_code=204)
    if caller.how == "session":
        _open_session(context, request, response, caller.name)
    return response


def who(caller: Principal) -> dict[str, Any]:
    """The shape ``Me``."""
    allowed = [] if caller.must_change else sorted(PERMISSIONS[caller.role])
    return {
        "name": caller.name,
        "role": caller.role,
        "unit": caller.scope.unit,
        "grid": caller.scope.grid,
        "how": caller.how,
        "must_change": caller.must_change,
        "permissions": ["see"] if caller.how == "nobody" else allowed,
    }


def refused(error: accounts.AccountError) -> RefusedError:
    """The answer 422 for a wrong value of an account."""
    return RefusedError(422, str(error), [Fault(field=error.field, value=error.value, allowed=error.allowed)])


def _checked(context: Context, request: Request, name: str, secret: str) -> accounts.Account:
    """The account of a right name and password. Raises 401, or 429 with the seconds to wait."""
    address = request.client.host if request.client else ""
    with context.throttle_lock:
        wait = context.throttle.wait(name, address, context.wall.monotonic())
        if wait <= 0:
            # Counted before it is checked, so that tries at the same time do not slip through together.
            context.throttle.failed(name, address, context.wall.monotonic())
    if wait > 0:
        seconds = str(int(wait) + 1)
        raise RefusedError(429, f"too many wrong tries: wait {seconds} s", headers={"Retry-After": seconds})
    account = accounts.verify(context.services.engine, name, secret)
    if account is None:
        raise RefusedError(401, "name or password is wrong")
    with context.throttle_lock:
        context.throttle.succeeded(name, address)
    return account


def _open_session(context: Context, request: Request, response: Response, name: str) -> None:
    now = context.wall.now_ms()
    token = accounts.issue_token(context.services.engine, name, "", "session", now + SESSION_MS)
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_MS // 1000,
        path="/",
        httponly=True,
        samesite="strict",
        secure=_secure(context, request),
    )


def _secure(context: Context, request: Request) -> bool:
    public = context.services.settings.http.public_url
    return request.url.scheme == "https" or public.startswith("https://")
