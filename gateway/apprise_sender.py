"""Sending a notice out by apprise: everything that has no kind of its own. An optional extra of the package."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from alerts.notify.terms import TERMS
from alerts.notify.text import text_of

#: Apprise splits or cuts what is longer than its service takes; a list beyond this is read by nobody.
MOST_TEXT = 16_000
TIMEOUT_S = 60.0


class AppriseSender:
    """Sends to one address of apprise, which may hold tokens and is never shown. Apprise says yes or no, no more."""

    def __init__(self, url: str, language: str = "zh") -> None:
        self._url = url
        self._language = language
        self._threads = ThreadPoolExecutor(2, "apprise")
        self._apprise: Any = None

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await loop.run_in_executor(self._threads, self._notify, notice)
        except TimeoutError:
            return Retry(f"no answer within {TIMEOUT_S:g} s")

    async def look(self) -> Outcome:
        """Whether apprise knows an address of this form; nothing is sent to anybody."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ready)

    async def close(self) -> None:
        """See ``Sender.close``."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ready(self) -> Outcome:
        if self._apprise is None:
            try:
                import apprise  # noqa: PLC0415 - an optional extra that takes a second to load
            except ImportError:
                return Retry("apprise is not installed; install hygeia-gateway[apprise]")
            found = apprise.Apprise()
            if not found.add(self._url):
                return Refused("apprise does not know an address of this form")
            self._apprise = found
        return Delivered()

    def _notify(self, notice: Notice) -> Outcome:
        ready = self._ready()
        if not isinstance(ready, Delivered):
            return ready
        text = text_of(notice, self._language)
        body = text.body(MOST_TEXT)
        if notice.link:
            body += f"\n{TERMS[text.language]['open']}: {notice.link}"
        if self._apprise.notify(body=body, title=text.title, body_format="text"):
            return Delivered()
        return Retry("apprise could not deliver it")
