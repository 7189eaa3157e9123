"""What every request passes before any route: Host and Origin, size of the body, headers of the answer, metrics.

A page that a browser shows from elsewhere must not reach a gateway on the same machine. It could do so under a name of
its own that it lets point to 127.0.0.1 (DNS rebinding: then ``Host`` is that name), or by sending a form (then
``Origin`` and ``Sec-Fetch-Site`` tell).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.auth import is_loopback, on_loopback
from gateway.api.faults import RefusedError, reply
from gateway.api.metrics import Metrics
from gateway.config import Settings

SMALL_BODY = 64 * 1024
#: A journal record is not larger (gateway.journal.record).
COMMAND_BODY = 16 * 1024 * 1024
#: Outlines of a grid, thinned out (devices.outlines).
OUTLINES_BODY = 4 * 1024 * 1024
#: Custody events that a terminal kept while it was offline, handed in together.
EVENTS_BODY = 4 * 1024 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the module's docstring."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        body = _Body(receive, _largest(scope["path"]))

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        async def answered_unless_too_large(message: Message) -> None:
            # Frameworks turn an error while reading into an answer of their own; this one says why.
            if not body.too_large:
                await answered(message)

        try:
            refusal = self._refusal(scope["method"], Headers(scope=scope))
            if refusal is not None:
                await reply(refusal.status, refusal.reason)(scope, receive, answered)
                return
            await self._app(scope, body.receive, answered_unless_too_large)
            if body.too_large:
                await reply(413, f"a body here has at most {body.largest} bytes")(scope, receive, answered)
        finally:
            self._metrics.requests.labels(_method(scope["method"]), str(status)).inc()
            self._metrics.seconds.observe(time.perf_counter() - begun)

    def _refusal(self, method: str, headers: Headers) -> RefusedError | None:
        host = headers.get("host", "")
        if on_loopback(self._settings) and not self._known_host(host):
            return RefusedError(421, f"this gateway is not {host[:100]!r}; use the address that it printed")
        origin = headers.get("origin")
        if origin is not None and not self._own_origin(origin, host):
            return RefusedError(403, "another page sent this (Origin); set http.public_url if it is a proxy's address")
        if method not in _SAFE and headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return RefusedError(403, "another page sent this (Sec-Fetch-Site)")
        return None

    def _known_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name is not None and (is_loopback(name) or name == urlsplit(self._settings.http.public_url).hostname)

    def _own_origin(self, origin: str, host: str) -> bool:
        if origin == self._settings.http.public_url:
            return True
        scheme, _, rest = origin.partition("://")
        return scheme in {"http", "https"} and rest.lower() == host.lower()


def _method(method: str) -> str:
    """One of the known methods, so that nobody fills the metrics with names."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH"} else "other"


def _largest(path: str) -> int | None:
    """Bytes that a body may have; None where the route counts itself."""
    if path.startswith("/api/v1/files/"):
        return None
    if path.startswith("/api/v1/devices/"):
        return EVENTS_BODY
    if path == "/api/v1/outlines":
        return OUTLINES_BODY
    return COMMAND_BODY if path == "/api/v1/commands" else SMALL_BODY


class _Body:
    """The body of a request as far as it is allowed; ``largest`` None = any length."""

    def __init__(self, receive: Receive, largest: int | None) -> None:
        self._receive = receive
        self._size = 0
        self.largest = largest
        self.too_large = False

    async def receive(self) -> Message:
        """The next piece. Raises RefusedError where it would be too much."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self.largest is not None and self._size > self.largest:
            self.too_large = True
            raise RefusedError(413, "the body is too large")
        return message
