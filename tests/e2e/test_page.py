"""The live page in Chromium, over services in memory: what a person sees and does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import expect

from gateway import accounts
from gateway.api.app import build_app
from gateway.api.server import Server
from gateway.api.services import Lag
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.city import fill_city
from tests.plugins.fake_services import NOW, FakeServices
from tests.plugins.http_caller import in_thread

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)

GOOD = "a long and quiet river"


class Site(msgspec.Struct):
    """A gateway's pages, being served."""

    services: FakeServices
    server: Server
    url: str


async def serve(folder: Path, *, filled: bool, **http: str) -> Site:
    """Serve services in memory on a free port."""
    services = await in_thread(FakeServices, folder, **{"listen": "127.0.0.1:0", **http})
    if filled:
        await in_thread(fill_city, services)
    server = Server(build_app(services), services.settings)
    return Site(services, server, await server.start())


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The small city."""
    served = await serve(tmp_path, filled=True)
    yield served
    await served.server.stop()
    await in_thread(served.services.engine.dispose)


@pytest_asyncio.fixture(loop_scope="module")
async def empty_site(tmp_path: Path) -> AsyncIterator[Site]:
    """A gateway right after ``hygeia init``."""
    served = await serve(tmp_path, filled=False)
    yield served
    await served.server.stop()
    await in_thread(served.services.engine.dispose)


async def test_the_page_shows_places_values_limits_alerts_charts_and_the_flow(site: Site, open_page: OpenPage) -> None:
    """In Chinese, with nothing from outside and no error."""
    page, watched = await open_page(site.url)
    place = page.locator('.place[data-key="wtp-1-out"]')
    await expect(place).to_contain_text("出厂水")
    await expect(place).to_contain_text("城北水厂")
    await expect(place).to_contain_text("0.55")
    await expect(place).to_contain_text("mg/L")
    await expect(place).to_contain_text("0.3–2")
    await expect(page.locator('[data-tile="out"] b')).to_have_text("1")
    await expect(page.locator('[data-alert="al-1"]')).to_contain_text("管网末梢")
    await expect(page.locator('[data-alert="al-1"]')).to_contain_text("重要")
    await expect(page.locator('[data-follower="store"]')).to_contain_text("正常")
    await expect(page.locator('[data-reason="unknown_device"]')).to_contain_text("设备未登记")
    await expect(page.locator('[data-counter="journaled"]')).to_contain_text("2,016")
    chart = page.locator('[data-channel="wq-2/-/chlorine_free"]')
    await expect(chart.locator("path.curve")).to_have_count(2)
    await expect(chart.locator("line.limit")).to_have_count(1)
    await expect(chart.locator(".limit-name").first).to_contain_text("上限 2")
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}


async def test_a_value_beyond_its_limit_is_marked_by_words_and_not_by_colour_alone(
    site: Site, open_page: OpenPage
) -> None:
    """In the list and in the chart."""
    page, _ = await open_page(site.url)
    await expect(page.locator('.place[data-key="wtp-1-end"] .values > .low')).to_contain_text("▼ 低于下限")
    chart = page.locator('[data-channel="wq-2/-/chlorine_free"]')
    await expect(chart.locator(".verdict")).to_have_text("▼ 低于下限")
    await expect(chart.locator("circle.dot.out").first).to_be_visible()


async def test_a_gap_in_the_data_is_a_gap_in_the_curve_and_a_value_is_read_by_pointing(
    site: Site, open_page: OpenPage
) -> None:
    """Nothing is drawn across two hours without a reading."""
    page, _ = await open_page(site.url)
    await page.locator('.place[data-key="wtp-1-out"]').click()
    plot = page.locator('[data-channel="wq-1/-/turbidity"] .plot')
    await expect(plot.locator("path.curve")).to_have_count(2)
    await plot.hover(position={"x": 80, "y": 60})
    await expect(plot.locator(".tip")).to_contain_text("NTU")
    assert "0.2" in await plot.locator(".tip").inner_text()


async def test_the_page_follows_new_values_by_itself(site: Site, open_page: OpenPage) -> None:
    """Without being touched, within some seconds."""
    page, _ = await open_page(site.url)
    place = page.locator('.place[data-key="wtp-1-out"]')
    await expect(place).to_contain_text("0.55")
    site.services.clock.now += 1000
    site.services.reading("wq-1", "chlorine_free", 3.21, NOW + 1000)
    await expect(place).to_contain_text("3.21")
    await expect(place).to_contain_text("▲ 高于上限")
    site.services.followers["store"] = Lag(10, 90, "held", "the bucket is missing")
    await expect(page.locator('[data-follower="store"]')).to_contain_text("the bucket is missing")
    await expect(page.locator("#running")).to_have_text("需要处理")


async def test_the_language_is_switched_and_kept(site: Site, open_page: OpenPage) -> None:
    """By the browser's wish at first, then by the reader's."""
    page, watched = await open_page(site.url, locale="en-GB")
    await expect(page.locator('.place[data-key="wtp-1-out"]')).to_contain_text("Outlet")
    await expect(page.locator('[data-tile="parked"]')).to_contain_text("Parked")
    await page.locator("#language").click()
    await expect(page.locator('.place[data-key="wtp-1-out"]')).to_contain_text("出厂水")
    await page.reload()
    await expect(page.locator('[data-tile="parked"]')).to_contain_text("待处理报文")
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    assert watched.errors == []


async def test_filter_and_condition_narrow_the_list(site: Site, open_page: OpenPage) -> None:
    """And where nothing is left, the page says how to go back."""
    page, _ = await open_page(site.url)
    await expect(page.locator(".place")).to_have_count(4)
    await page.locator("#filter").fill("第一医院")
    await expect(page.locator(".place")).to_have_count(2)
    await page.locator('[data-show="out"]').click()
    await expect(page.locator("#places")).to_contain_text("没有符合条件的监测点")
    await page.get_by_role("button", name="清除筛选").click()
    await expect(page.locator(".place")).to_have_count(4)
    await page.locator('[data-tile="out"]').click()
    await expect(page.locator(".place")).to_have_count(1)


async def test_an_empty_installation_says_what_to_do_next(empty_site: Site, open_page: OpenPage) -> None:
    """Which command brings devices in."""
    page, watched = await open_page(empty_site.url)
    await expect(page.locator("#places code").first).to_have_text("hygeia registry import FILE")
    await expect(page.locator("#alerts")).to_contain_text("当前没有报警")
    assert watched.errors == []


async def test_on_a_phone_the_list_leads_to_a_place_and_back(site: Site, open_page: OpenPage) -> None:
    """Nothing is wider than the screen."""
    page, watched = await open_page(site.url, width=375, height=740)
    await expect(page.locator(".place")).to_have_count(4)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    await page.locator('.place[data-key="wtp-1-out"]').click()
    await expect(page.locator('[data-channel="wq-1/-/ph"] path.curve').first).to_be_visible()
    await expect(page.locator("#places")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    await page.get_by_role("button", name="返回列表").click()
    await expect(page.locator("#places")).to_be_visible()
    assert watched.errors == []


async def test_the_theme_follows_the_machine_and_the_reader(site: Site, open_page: OpenPage) -> None:
    """Dark where the machine is dark; the button turns it and the choice stays."""
    page, _ = await open_page(site.url, dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(ground)
    await page.locator("#theme").click()
    assert await page.evaluate(ground) != dark
    await page.reload()
    assert await page.evaluate(ground) != dark


async def test_signing_in_with_a_one_time_password_asks_for_an_own_one(site: Site, open_page: OpenPage) -> None:
    """Then the role is shown, and signing out ends it."""
    name, once = await in_thread(accounts.create_first_administrator, site.services.engine)
    page, _ = await open_page(site.url)
    await page.locator("#account").click()
    await page.locator("#sign-in [name=name]").fill(name)
    await page.locator("#sign-in [name=password]").fill("not the password")
    await page.locator("#sign-in [type=submit]").click()
    await expect(page.locator("#sign-in .wrong")).to_be_visible()
    await page.locator("#sign-in [name=password]").fill(once)
    await page.locator("#sign-in [type=submit]").click()
    await expect(page.locator("#must-change")).to_be_visible()
    for field, value in (("old", once), ("new", GOOD), ("again", GOOD)):
        await page.locator(f"#change [name={field}]").fill(value)
    await page.locator("#change [type=submit]").click()
    await expect(page.locator("#account")).to_have_text("admin · 系统管理员")
    await page.locator("#account").click()
    await expect(page.locator("#me-facts")).to_contain_text("系统管理员")
    await page.locator("#sign-out").click()
    await expect(page.locator("#account")).to_have_text("登录")
    assert await in_thread(accounts.verify, site.services.engine, name, GOOD) is not None


async def test_beyond_loopback_the_page_asks_to_sign_in_and_shows_nothing_before(
    tmp_path: Path, open_page: OpenPage
) -> None:
    """Afterwards a unit user sees the own places only."""
    served = await serve(tmp_path, filled=True, listen="0.0.0.0:0")
    engine = served.services.engine
    await in_thread(accounts.create_account, engine, "h1", "unit_user", unit="hosp-1")
    await in_thread(accounts.change_password, engine, "h1", GOOD)
    page, watched = await open_page(served.url)
    await expect(page.locator("#sign-in")).to_be_visible()
    assert "城北" not in await page.content()
    await page.locator("#sign-in [name=name]").fill("h1")
    await page.locator("#sign-in [name=password]").fill(GOOD)
    await page.locator("#sign-in [type=submit]").click()
    await expect(page.locator(".place")).to_have_count(2)
    await expect(page.locator("#places")).not_to_contain_text("城北水厂")
    await expect(page.locator("#counters")).to_be_hidden()
    assert watched.hosts == {"127.0.0.1"}
    await served.server.stop()
    await in_thread(engine.dispose)


async def test_a_gateway_that_stops_is_said_and_the_page_comes_back(site: Site, open_page: OpenPage) -> None:
    """What is shown stays, with its age."""
    page, _ = await open_page(site.url)
    await expect(page.locator(".place")).to_have_count(4)
    await page.context.set_offline(True)
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator(".place")).to_have_count(4)
    await page.context.set_offline(False)
    await expect(page.locator("#lost")).to_be_hidden()


async def test_the_newest_parked_messages_are_shown_as_text(site: Site, open_page: OpenPage) -> None:
    """What a device sent is never read as HTML."""
    row = {"topic": "hygeia/v1/_/<img src=x>/up/telemetry", "detail": '{"words": "<b>bold</b>"}'}
    await asyncio.to_thread(site.services.park, 650, "wq-1", **row)
    page, watched = await open_page(site.url)
    await page.locator("#parked button").click()
    await expect(page.locator("#parked-rows")).to_contain_text("<b>bold</b>")
    await expect(page.locator("#parked-rows img")).to_have_count(0)
    assert watched.errors == []


async def test_swagger_ui_renders_the_description_from_the_wheel(site: Site, open_page: OpenPage) -> None:
    """Every resource is listed, and nothing is loaded from outside."""
    page, watched = await open_page(f"{site.url}/docs")
    await expect(page.locator(".opblock-summary-path").first).to_be_visible()
    shown = await page.locator("#swagger-ui").inner_text()
    for path in ("/api/v1/readings", "/api/v1/alerts", "/api/v1/commands", "/readyz"):
        assert path in shown.replace("\u200b", "")
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}
