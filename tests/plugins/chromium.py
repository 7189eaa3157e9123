"""Debian's Chromium, driven by Playwright; a page that notes every error and every request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

EXECUTABLE = Path("/usr/bin/chromium")
PRESENT = EXECUTABLE.exists()
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Nothing but this machine has a name.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
#: What a page may take to show something, on a machine that is busy.
PATIENCE_MS = 20_000


class Watched(msgspec.Struct):
    """What a page did that its user does not see."""

    errors: list[str]
    hosts: set[str]
    #: Scheme, host and port of every request; ``data:`` and ``blob:`` are no requests to anybody.
    origins: set[str]


OpenPage = Callable[..., Awaitable[tuple[Page, Watched]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the tests of a module."""
    if not PRESENT:
        words = f"{EXECUTABLE} is missing: make servers, or apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=EXECUTABLE, args=list(_QUIET))
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open an address as a reader would: ``open_page(url, width=…, height=…, locale=…, dark=…)``."""
    contexts = []

    async def opened(
        url: str, *, width: int = 1440, height: int = 900, locale: str = "zh-CN", dark: bool = False
    ) -> tuple[Page, Watched]:
        context = await browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        watched = Watched([], set(), set())
        page.on("console", lambda message: message.type == "error" and watched.errors.append(message.text))
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("request", lambda request: watched.hosts.add(urlsplit(request.url).hostname or request.url[:20]))
        page.on("request", lambda request: _note_origin(watched, request.url))
        await page.goto(url)
        return page, watched

    yield opened
    for context in contexts:
        await context.close()


def _note_origin(watched: Watched, url: str) -> None:
    scheme, host, *_ = urlsplit(url)
    if scheme not in {"data", "blob"}:
        watched.origins.add(f"{scheme}://{host}")
