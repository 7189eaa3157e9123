"""The map in Chromium: shapes and words, in both languages, on a screen and on a phone, for whoever looks."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import expect

from devices.outlines import read_outlines
from devices.registry import KINDS
from devices.simulate.districts import DISTRICTS, outlines
from devices.simulate.fleet import Fleet
from gateway import accounts
from gateway.api.app import build_app
from gateway.api.server import Server
from gateway.outlines import Outlines
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.fake_services import NOW, FakeServices
from tests.plugins.http_caller import in_thread

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)
GOOD = "a long and quiet river"


class Site(msgspec.Struct):
    """The simulated city's pages, being served."""

    services: FakeServices
    server: Server
    url: str

    def draw(self, document: dict[str, Any]) -> None:
        """Keep outlines."""
        Outlines(self.services.settings.data.dir).put(read_outlines(document, self.services.registry()))


def filled(folder: Path) -> FakeServices:
    """Eight districts with a water point each; the first is out of limits with an alert, the second silent."""
    services = FakeServices(folder, listen="127.0.0.1:0")
    registry = Fleet(devices=8, terminals=0, period_ms=60_000, start=0, seed=1).registry()
    services.register(**{kind: entries for kind, entries in registry.items() if kind in KINDS})
    services.register(places=[{"id": "nowhere", "kind": "network", "name": {"zh": "未定位", "en": "Unplaced"}}])
    for number in range(1, 9):
        services.limit(f"wq-{number}", "ph", 6.5, 8.5)
        late = 3_600_000 if number == 2 else 0
        services.reading(f"wq-{number}", "ph", 9.1 if number == 1 else 7.2, NOW - late)
    services.alert("al-1", "wq-1", parameter="ph", value=9.1, limit_value=8.5)
    return services


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The map of the simulated city."""
    services = await in_thread(filled, tmp_path)
    server = Server(build_app(services), services.settings)
    served = Site(services, server, await server.start())
    await in_thread(served.draw, outlines())
    yield served
    await server.stop()
    await in_thread(services.engine.dispose)


@pytest.mark.parametrize(
    ("locale", "width", "name"), [("zh-CN", 1440, "模拟中心区"), ("en-GB", 390, "Simulated Centre")]
)
async def test_the_map_shows_outlines_and_places_by_shape(
    site: Site, open_page: OpenPage, locale: str, width: int, name: str
) -> None:
    """A district a border, a place a shape of its own condition, nothing wider than the screen, no error."""
    page, watched = await open_page(f"{site.url}/map", locale=locale, width=width, height=844)
    await expect(page.locator("path.area")).to_have_count(len(DISTRICTS))
    await expect(page.locator(".label .name").first).to_have_text(name)
    await expect(page.locator('#map .mark.out[data-key="wq-1-point"] .ring')).to_have_count(1)
    await expect(page.locator('#map .mark.silent[data-key="wq-2-point"]')).to_have_count(1)
    shapes = {await page.locator(f"#map .mark.{one} path").first.get_attribute("d") for one in ("out", "silent", "ok")}
    assert len(shapes) == 3
    await expect(page.locator('path.area[data-grid="sim-centre"]')).to_have_class("area s1")
    await expect(page.locator('path.area[data-grid="sim-north"]')).to_have_class("area s0")
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}


async def test_a_place_is_opened_with_its_values_and_alerts(site: Site, open_page: OpenPage) -> None:
    """By a click, and by the keyboard; the way to the live page and to the alert is there."""
    page, watched = await open_page(f"{site.url}/map", locale="en-GB")
    await page.locator('#map .mark[data-key="wq-1-point"]').click()
    found = page.locator("#found")
    await expect(found.locator("h2")).to_have_text("Outlet 1")
    await expect(found).to_contain_text("9.1")
    await expect(found).to_contain_text("above limit")
    await expect(found.locator('[data-alert="al-1"]')).to_have_attribute("href", "/alerts/al-1")
    await expect(found.locator("a.go")).to_have_attribute("href", "/#place=wq-1-point")
    await found.locator("header button").click()
    await page.locator('#map .mark[data-key="wq-3-point"]').focus()
    await page.keyboard.press("Enter")
    await expect(found.locator("h2")).to_have_text("Network 3")
    assert watched.errors == []


async def test_a_district_is_opened_with_its_places(site: Site, open_page: OpenPage) -> None:
    """Its places worst first, and back to everything; the other shade counts values."""
    page, _ = await open_page(f"{site.url}/map", locale="en-GB")
    found = page.locator("#found")
    await expect(found.locator("tr[data-grid]")).to_have_count(len(DISTRICTS))
    await page.select_option("#shade", "limits")
    await expect(page.locator('path.area[data-grid="sim-centre"]')).to_have_class("area s4")
    await found.locator('tr[data-grid="sim-centre"] button').click()
    await expect(found.locator("h2")).to_have_text("Simulated Centre")
    await expect(found.locator(".place")).to_have_count(1)
    await page.locator("#whole").click()
    await expect(found.locator("summary")).to_contain_text("1")


async def test_the_map_follows_by_itself_and_draws_places_without_outlines(site: Site, open_page: OpenPage) -> None:
    """Outlines that are taken away leave the places; a new value changes its shape."""
    page, watched = await open_page(f"{site.url}/map", locale="en-GB")
    await expect(page.locator("path.area")).to_have_count(len(DISTRICTS))
    await in_thread(site.draw, {"type": "FeatureCollection", "features": []})
    await in_thread(site.services.reading, "wq-4", "ph", 4.0, NOW + 1)
    await expect(page.locator("path.area")).to_have_count(0)
    await expect(page.locator('#map .mark.out[data-key="wq-4-point"]')).to_have_count(1)
    await expect(page.locator("#found")).to_contain_text("hygeia registry outlines import")
    assert watched.errors == []


async def test_conditions_can_be_hidden(site: Site, open_page: OpenPage) -> None:
    """What is in order may go, so that the rest is seen."""
    page, _ = await open_page(f"{site.url}/map")
    await expect(page.locator("#map .mark.ok").first).to_be_visible()
    await page.locator('#conditions [data-show="ok"]').click()
    await expect(page.locator("#map .mark.ok")).to_have_count(0)
    await expect(page.locator("#map .mark.out")).to_have_count(1)


async def test_somebody_of_one_district_sees_that_one_alone(site: Site, open_page: OpenPage) -> None:
    """The same page, another account."""
    engine = site.services.engine
    await in_thread(functools.partial(accounts.create_account, engine, "north", "officer", grid="sim-north"))
    await in_thread(accounts.change_password, engine, "north", GOOD)
    page, _ = await open_page(f"{site.url}/map", locale="en-GB")
    await expect(page.locator("path.area")).to_have_count(len(DISTRICTS))
    await page.locator("#account").click()
    await page.fill('#sign-in input[name="name"]', "north")
    await page.fill('#sign-in input[name="password"]', GOOD)
    await page.click("#sign-in button.main")
    await expect(page.locator("path.area")).to_have_count(1)
    await expect(page.locator("#map .mark")).to_have_count(1)
    await expect(page.locator("#found")).not_to_contain_text("Centre")
