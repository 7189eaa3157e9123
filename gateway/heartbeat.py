"""A dead-man heartbeat: an address outside is called while all is well, and raises the alarm when the calls stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from urllib.parse import urlsplit

import aiohttp
import structlog

log = structlog.get_logger(__name__)

_AGENT = f"hygeia/{version('hygeia-gateway')}"
_TIMEOUT_S = 10.0


class Heartbeat:
    """Calls ``url`` (GET) every ``every_s`` real seconds, as long as ``healthy`` says so.

    ``healthy`` is asked in the event loop before each call and must not block. The address may hold a token: log lines
    name its host only.
    """

    def __init__(self, url: str, every_s: float, healthy: Callable[[], bool]) -> None:
        self._url = url
        self._every_s = every_s
        self._healthy = healthy
        self._words: str | None = None
        #: Calls that the receiver took.
        self.taken = 0

    async def run(self) -> None:
        """Call until cancelled; a receiver that fails is called again next time."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        session = aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": _AGENT})
        async with session:
            while True:
                await self._beat(session)
                await asyncio.sleep(self._every_s)

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        if not self._healthy():
            self._say("the gateway is not well: the call is left out on purpose")
            return
        try:
            async with session.get(self._url, allow_redirects=False) as answer:
                words = "" if answer.status < 300 else f"status {answer.status}"
        except TimeoutError:
            words = "no answer"
        except (aiohttp.ClientError, OSError) as error:
            words = type(error).__name__
        self.taken += not words
        self._say(words)

    def _say(self, words: str) -> None:
        """Once each time it changes; the first success is no news."""
        if words != self._words and (words or self._words):
            (log.warning if words else log.info)("heartbeat", host=urlsplit(self._url).hostname, words=words or "well")
        self._words = words


class Progress:
    """Whether what follows a log goes on: it has reached the end of the last look, or moved since. Called a look."""

    def __init__(self, end: Callable[[], int], cursor: Callable[[], int]) -> None:
        self._end = end
        self._cursor = cursor
        self._goal = self._seen = -1

    def __call__(self) -> bool:
        """Look now; the first look is always well."""
        cursor = self._cursor()
        well = cursor >= self._goal or cursor > self._seen
        self._goal, self._seen = self._end(), cursor
        return well
