"""Sending a notice out over HTTP: the input and output behind ``alerts.notify``."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from importlib.metadata import version

import aiohttp
from yarl import URL

from alerts.notify import Answer, HttpKind, Notice, Outcome, Refused, Request, Retry
from alerts.notify.hidden import discreet
from gateway.clock import SystemClock

#: Of an answer only its beginning is read: it is quoted, never needed.
_BODY_BYTES = 2048
_BODY_S = 1.0
_AGENT = f"hygeia/{version('hygeia-gateway')}"


class HttpSender:
    """Sends what a ``HttpKind`` builds. A try takes at most ``timeout_s`` real seconds."""

    def __init__(self, kind: HttpKind, *, timeout_s: float = 10.0) -> None:
        self._kind = kind
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        # A receiver checks the timestamp against its own clock, so it is the machine's, also in a simulation.
        self._clock = SystemClock()

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        now = self._clock.now_ms() // 1000
        # In a thread: a zone may have to be read from disk, and the words of a digest of thousands take their time.
        request = await asyncio.to_thread(self._kind.request, notice, now)
        if isinstance(request, Refused):
            return request
        return discreet(await self._exchange(request, now), notice.to)

    async def _exchange(self, request: Request, now: int) -> Outcome:
        # What a kind has escaped is sent as it is: escaping it again would change GBK, and with it a signature.
        url = URL(request.url, encoded=request.url.isascii() and " " not in request.url)
        try:
            async with self._opened().request(
                request.method, url, data=request.body or None, headers=request.headers, allow_redirects=False
            ) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return self._kind.judge(Answer(response.status, headers, await _beginning(response), now))
        except TimeoutError:
            return Retry(f"no answer within {self._timeout_s:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Retry(_words(error))

    async def close(self) -> None:
        """See ``Sender.close``."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": _AGENT},
            )
        return self._session


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    # The status has decided already: a body that stops half-way or never ends changes nothing.
    with suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(_BODY_S):
            return await response.content.read(_BODY_BYTES)
    return b""


def _words(error: Exception) -> str:
    """What went wrong on the way; never an address, which may hold a token."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "the receiver's certificate or its TLS is refused"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "cannot connect: the name of its host is not known"
    connecting = isinstance(error, aiohttp.ClientConnectorError)
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    # The text of the number: what asyncio writes has the address in it.
    reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else type(error).__name__
    return f"cannot connect: {reason}" if connecting else f"the connection failed: {reason}"
