"""Who calls: a session cookie, a bearer token, the token of ``runtime.json``, or nobody.

On loopback nobody is a viewer of everything; beyond loopback nobody sees nothing but health (DESIGN 4.4).
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from fastapi import Depends, Request

from gateway import accounts
from gateway.api.context import Context, context_of
from gateway.api.faults import RefusedError
from gateway.api.permissions import PERMISSIONS, Permission
from gateway.api.scope import EVERYTHING, Scope, scope_of
from gateway.config import Settings

COOKIE = "hygeia_session"
#: A proxy adds one of these: then the peer's address says nothing about the caller.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Principal(msgspec.Struct, frozen=True):
    """Who calls, with what is seen and allowed. ``how``: ``nobody, session, token`` or ``runtime``."""

    name: str
    role: str
    scope: Scope
    how: str
    must_change: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the role has a permission; an account with a one-time password has none."""
        return not self.must_change and permission in PERMISSIONS.get(self.role, frozenset())


NOBODY = Principal("", "viewer", EVERYTHING, "nobody")


def on_loopback(settings: Settings) -> bool:
    """Whether only this machine reaches the gateway: bound to loopback, and no public address leads to it."""
    host, _ = settings.http.address
    if not is_loopback(host):
        return False
    public = urlsplit(settings.http.public_url).hostname
    return public is None or is_loopback(public)


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def principal_of(request: Request) -> Principal | None:
    """The caller, None where nobody is let in."""
    context = context_of(request)
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return await _by_token(context, token.strip())
    cookie = request.cookies.get(COOKIE)
    if cookie:
        account = await _account(context, cookie, "session")
        if account is not None:
            return _principal(account, "session")
    return NOBODY if _local(context, request) else None


def _local(context: Context, request: Request) -> bool:
    if not on_loopback(context.services.settings):
        return False
    peer = request.client.host if request.client else ""
    return is_loopback(peer) and not any(name in request.headers for name in FORWARDED)


async def _by_token(context: Context, token: str) -> Principal | None:
    runtime = context.services.runtime_token
    if runtime and hmac.compare_digest(token.encode("utf-8", "replace"), runtime.encode()):
        return Principal("runtime", "administrator", EVERYTHING, "runtime")
    account = await _account(context, token, "api")
    return None if account is None else _principal(account, "token")


async def _account(context: Context, token: str, kind: str) -> accounts.Account | None:
    """The state is read in a thread; whoever brings no token costs none."""
    now = context.wall.now_ms()
    return await asyncio.to_thread(accounts.check_token, context.services.engine, token, kind, now)


def _principal(account: accounts.Account, how: str) -> Principal:
    scope = scope_of(account.role, account.unit, account.grid)
    return Principal(account.name, account.role, scope, how, account.must_change)


async def signed_in_or_local(request: Request) -> Principal:
    """Dependency: the caller, whatever may be done. Raises 401 where nobody is let in."""
    principal = await principal_of(request)
    if principal is None:
        raise RefusedError(
            401, "sign in, or send a token: Authorization: Bearer TOKEN", headers={"WWW-Authenticate": "Bearer"}
        )
    return principal


async def seeing(principal: Annotated[Principal, Depends(signed_in_or_local)]) -> Principal:
    """Dependency of every route that shows something."""
    return require(principal, "see")


def require(principal: Principal, permission: Permission) -> Principal:
    """Raise 401 where nobody changes something, 403 where the role does not have the permission."""
    if principal.how == "nobody" and permission != "see":
        raise RefusedError(401, "this needs a user or a token", headers={"WWW-Authenticate": "Bearer"})
    if principal.must_change:
        raise RefusedError(403, "change your one-time password first: POST /api/v1/password")
    if not principal.may(permission):
        raise RefusedError(403, f"the role {principal.role} may not do this; needed is the permission {permission}")
    return principal


Caller = Annotated[Principal, Depends(seeing)]
AnyCaller = Annotated[Principal, Depends(signed_in_or_local)]
