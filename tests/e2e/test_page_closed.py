"""Every page in Chromium: no request goes to another origin, and each answer forbids it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from playwright.async_api import expect

from gateway.api import docs, guard, pages
from gateway.api.app import build_app
from gateway.api.server import Server
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.city import fill_city
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import in_thread

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)
#: What stands for the parameters of a page's address.
KNOWN = {
    "/alerts/{id}": "/alerts/al-1",
    "/custody/{id:path}": "/custody/MW-1",
    "/manifests/{id:path}": "/manifests/M-1",
}
PAGES = sorted(
    KNOWN.get(route.path, route.path)
    for route in pages.router.routes
    if isinstance(route, APIRoute) and not route.path.endswith(".js")
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The small city, served."""
    folder: Path = tmp_path_factory.mktemp("city")
    services = await in_thread(lambda: FakeServices(folder, listen="127.0.0.1:0"))
    await in_thread(fill_city, services)
    server = Server(build_app(services), services.settings)
    yield await server.start()
    await server.stop()
    await in_thread(services.engine.dispose)


async def test_every_page_asks_its_own_origin_only(address: str, open_page: OpenPage) -> None:
    """Script, style, font, picture and data, whatever a page loads once it runs."""
    assert len(PAGES) >= 11
    page, watched = await open_page(address)
    for path in PAGES:
        answer = await page.goto(address + path)
        await expect(page.locator("html[data-ready]")).to_have_count(1)
        assert answer is not None
        assert answer.headers["content-security-policy"] == guard.POLICY, path
        assert watched.origins == {address}, path


async def test_the_documentation_of_the_api_asks_its_own_origin_only(address: str, open_page: OpenPage) -> None:
    """Swagger UI runs out of its wheel."""
    page, watched = await open_page(f"{address}/docs")
    await expect(page.locator("#swagger-ui .opblock").first).to_be_visible()
    assert watched.origins == {address}
    answer = await page.request.get(f"{address}/docs")
    assert answer.headers["content-security-policy"] == docs._POLICY


async def test_a_page_that_would_load_something_from_outside_is_refused(address: str, open_page: OpenPage) -> None:
    """By the browser, before anything is sent; the try is seen, so the tests above would fail."""
    page, watched = await open_page(address)
    blocked = await page.evaluate(
        """() => new Promise((done) => {
             document.addEventListener("securitypolicyviolation", (event) => done(event.blockedURI));
             const image = document.createElement("img");
             image.src = "http://192.0.2.1/tile.png";
             document.body.append(image);
           })"""
    )
    assert blocked.startswith("http://192.0.2.1")
    assert watched.origins == {address, "http://192.0.2.1"}
