"""The pages of custody in Chromium, over a state decided from real events."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from gateway import accounts, state
from gateway.api.app import build_app
from gateway.api.auth import COOKIE
from gateway.api.server import Server
from gateway.api.services import Answer
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import in_thread
from tests.support.waste_site import services_of, story

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)

RANGE = {"id": "H1-000001", "unit": "hosp-1", "prefix": "H1-", "first": 1, "last": 480, "digits": 6}
PATHS = ["/custody", "/custody/MW0001", "/custody/MW0201", "/balance", "/manifests", "/manifests/M-1", "/labels"]


class Site:
    """A gateway's pages, being served."""

    def __init__(self, services: FakeServices, url: str) -> None:
        self.services = services
        self.url = url


def prepared(folder: Path) -> FakeServices:
    """The story of two days, a manager, and a range of labels."""
    services = services_of(folder, story(), listen="127.0.0.1:0")
    services.insert(state.accounts, name="manager", password="none", role="manager", must_change=False, disabled=False)
    services.insert(state.people_private, id="p-nurse", body='{"name": "李护士"}')
    services.register(labels=[RANGE])
    return services


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One site for all tests: none of them changes what another one looks at."""
    services = await in_thread(prepared, tmp_path_factory.mktemp("waste"))
    server = Server(build_app(services), services.settings)
    yield Site(services, await server.start())
    await server.stop()
    await in_thread(services.engine.dispose)


async def signed_in(site: Site, page: Page) -> None:
    """With a session of the manager, and see the page anew."""
    until = site.services.clock.now * 2
    token = await in_thread(accounts.issue_token, site.services.engine, "manager", "", "session", until)
    await page.context.add_cookies([{"name": COOKIE, "value": token, "url": site.url}])
    await page.reload()
    await expect(page.locator("#account")).to_contain_text("manager")


async def test_the_overview_says_ages_in_words_and_leads_to_a_trace(site: Site, open_page: OpenPage) -> None:
    """The oldest first, against the limit; what needs somebody has a figure of its own."""
    page, watched = await open_page(f"{site.url}/custody")
    rows = page.locator("#rows .row")
    await expect(rows).to_have_count(6)
    await expect(rows.first).to_contain_text("MW0101")
    await expect(rows.first).to_contain_text("已存 49.5 小时 · 超过 48 小时 达 1.5 小时")
    await expect(rows.nth(1)).to_contain_text("距 48 小时 还有 3 小时")
    await expect(page.locator("#stores .store")).to_contain_text("超过时限 1")
    await expect(page.locator("#limits")).to_contain_text("36 小时 ◔ 提醒（待核实）")
    for view, number in (("road", 2), ("handover", 1), ("missing", 1), ("quarantined", 1), ("over", 3)):
        await expect(page.locator(f'[data-view="{view}"] b')).to_have_text(str(number))
    await page.locator('[data-view="missing"]').click()
    await expect(rows).to_have_count(1)
    await rows.first.locator("a").click()
    await expect(page.locator("#headline")).to_contain_text("遗失")
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("MW0104", "/custody/MW0104"),
        (" MW 1/2 ", "/custody/MW%201%2F2"),
        ("manifest:M-1", "/manifests/M-1"),
        ("https://gateway.example/manifests/M-1", "/manifests/M-1"),
        ("https://gateway.example/custody/MW0104", "/custody/MW0104"),
    ],
)
async def test_the_search_box_takes_what_is_typed_and_what_a_code_says(
    site: Site, open_page: OpenPage, typed: str, address: str
) -> None:
    """An id of any form, or what the QR code of a manifest holds."""
    page, _ = await open_page(f"{site.url}/custody")
    await expect(page.locator("#rows .row").first).to_be_visible()
    await page.locator('#find input[name="id"]').fill(typed)
    await page.locator("#find button").click()
    await page.wait_for_url(site.url + address)


async def test_a_store_narrows_the_list_and_filters_go_back(site: Site, open_page: OpenPage) -> None:
    """By the store that is clicked, the category, and words."""
    page, _ = await open_page(f"{site.url}/custody#view=open", locale="en-GB")
    rows = page.locator("#rows .row")
    await expect(rows).to_have_count(11)
    await page.locator("#category").select_option("sharps")
    await expect(rows).to_have_count(2)
    await page.locator("#reset").click()
    await page.locator("#filter").fill("M-0002")
    await expect(rows).to_have_count(2)
    await page.locator("#reset").click()
    await page.locator("#stores .store").click()
    await expect(rows).to_have_count(6)
    await expect(page.locator("#place")).to_have_value("hosp-1-store")


async def test_the_trace_shows_who_where_when_and_what_proves_it(site: Site, open_page: OpenPage) -> None:
    """Both clocks, scans and inferences apart, weights against tolerance, ledger entries under a signed head."""
    page, watched = await open_page(f"{site.url}/custody/MW0001")
    await signed_in(site, page)
    steps = page.locator("#timeline li")
    await expect(steps).to_have_count(10)
    for words in ("收集交接", "3.420 kg", "七病区", "对方 李护士 (0101)", "网关接收", "账本 #"):
        await expect(steps.first).to_contain_text(words)
    await expect(page.locator("#timeline li.inferred")).to_have_count(3)
    await expect(page.locator("#weight-plot rect.bar")).to_have_count(3)
    await expect(page.locator("#differences")).to_contain_text("收集交接 → 入库")
    await expect(page.locator("#differences")).to_contain_text("在允差内")
    await expect(page.locator("#proof .numbers .pill")).to_have_count(10)
    await expect(page.locator("#proof .code")).to_have_text(re.compile(r"[0-9]+-[A-Z2-7]{10}"))
    assert await page.locator("#proof .gets a").first.get_attribute("href") == "/api/v1/evidence?of=container%3AMW0001"
    await page.locator("#timeline a", has_text="M-1").first.click()
    await expect(page.locator("#slip")).to_contain_text("医疗废物转移联单")
    assert watched.errors == []


async def test_what_was_known_before_is_shown_by_the_slider(site: Site, open_page: OpenPage) -> None:
    """And one button leads back to now."""
    page, watched = await open_page(f"{site.url}/custody/MW0001", locale="en-GB")
    await expect(page.locator("#timeline li")).to_have_count(10)
    await page.locator("#moment").fill("0")
    await expect(page.locator("#timeline li")).to_have_count(1)
    await expect(page.locator("#headline")).to_contain_text("Collected")
    await expect(page.locator("#moment-words")).to_contain_text("update 1 of 7")
    await page.locator("#moment-now").click()
    await expect(page.locator("#timeline li")).to_have_count(10)
    await expect(page.locator("#headline")).to_contain_text("Destroyed")
    assert watched.errors == []


async def test_what_is_wrong_with_a_container_stands_out_in_words(site: Site, open_page: OpenPage) -> None:
    """A weight beyond the tolerance, with its alert; an event that came hours late; a badge that nobody has."""
    page, _ = await open_page(f"{site.url}/custody/MW0201")
    await expect(page.locator("#differences .bad-text")).to_contain_text("✗ −0.800 kg · 超出允差")
    await page.locator("#about a", has_text="前后称重不符").click()
    await expect(page.locator("#headline")).to_contain_text("前后称重不符")
    await page.goto(f"{site.url}/custody/MW0501")
    await expect(page.locator("#timeline .late")).to_have_text("收到晚 9 小时")
    await page.goto(f"{site.url}/custody/XX-9999")
    await expect(page.locator("#timeline")).to_contain_text("工牌未登记")
    await expect(page.locator("#headline")).to_contain_text("隔离")
    await page.goto(f"{site.url}/custody/nothing")
    await expect(page.locator("#absent")).to_contain_text("没有这个容器")


async def test_the_balance_shows_differences_and_missing_containers(site: Site, open_page: OpenPage) -> None:
    """Rows that differ say why and lead to the container; the day before is one press away."""
    page, watched = await open_page(f"{site.url}/balance")
    await expect(page.locator('[data-row="hosp-1:sharps"]')).to_contain_text("−0.800 kg")
    await expect(page.locator('[data-row="hosp-1:sharps"]')).to_contain_text("✗ 不符")
    await expect(page.locator('[data-row="hosp-1:chemical"]')).to_contain_text("✓ 相符")
    await expect(page.locator("#total")).to_have_text("1 个单位，2 行不符")
    await expect(page.locator("#after")).to_be_disabled()
    await page.locator('[data-row="hosp-1:infectious"] a', has_text="MW0401").click()
    await expect(page.locator("#headline")).to_contain_text("MW0401")
    await page.go_back()
    await page.locator("#before").click()
    await expect(page.locator("#balance")).to_contain_text("感染性")
    await page.locator("#day").fill("2025-01-01")
    await expect(page.locator("#balance")).to_contain_text("这一天没有记录")
    assert watched.errors == []


async def test_a_manifest_is_found_looked_at_and_printed(site: Site, open_page: OpenPage) -> None:
    """On paper there is neither the way nor a button, and lines for signatures; the QR code is there."""
    page, watched = await open_page(f"{site.url}/manifests", locale="en-GB")
    await expect(page.locator("#rows tbody tr")).to_have_count(2)
    await page.locator("#state").select_option("confirmed")
    await expect(page.locator("#rows tbody tr")).to_have_count(1)
    await page.locator('[data-manifest="M-1"] a').click()
    slip = page.locator("#slip")
    for words in ("Medical waste manifest", "Hospital 1", "Clean Carrier", "North plant", "10.260 kg", "MW0003"):
        await expect(slip).to_contain_text(words)
    await expect(slip.locator(".sign").first).to_be_hidden()
    assert await slip.locator("img").evaluate("one => one.complete && one.naturalWidth > 0")
    assert await page.locator("#pdf").get_attribute("href") == "/manifests/M-1/pdf?lang=en"
    await page.emulate_media(media="print")
    await expect(slip.locator(".sign").first).to_be_visible()
    for hidden in ("header.bar", ".parts", "#print"):
        await expect(page.locator(hidden)).to_be_hidden()
    assert watched.errors == []


async def test_a_range_of_labels_is_registered_before_it_is_printed(site: Site, open_page: OpenPage) -> None:
    """Through the journal, from the next free number on; what is refused is said in the gateway's words."""
    page, watched = await open_page(f"{site.url}/labels")
    await expect(page.locator("#may-not")).to_be_visible()
    await expect(page.locator("#register")).to_be_hidden()
    await signed_in(site, page)
    await expect(page.locator("#example")).to_have_text("示例：H1-000481 … H1-000720")
    await page.locator('#register [name="number"]').fill("20")
    await page.locator("#register button").click()
    await expect(page.locator("#done")).to_contain_text("H1-000481 – H1-000500（20 张）")
    body = {"id": "H1-000481", "unit": "hosp-1", "prefix": "H1-", "first": 481, "last": 500, "digits": 6}
    changes = {"changes": [{"kind": "labels", "id": "H1-000481", "body": body}]}
    assert site.services.commands == [("registry.apply", changes, "manager")]
    await page.locator('[data-range="H1-000001"] button').click()
    await page.locator('#printing [name="last"]').fill("24")
    async with page.context.expect_page() as opened:
        await page.locator("#printing .main").click()
    printed = await opened.value
    assert printed.url == f"{site.url}/labels/H1-000001/pdf?first=1&last=24&layout=3x8&skip=0&lang=zh"
    await printed.close()
    assert watched.errors == []
    site.services.answer = Answer(422, {"reason": "labels H1-000481: first: 481: overlaps"}, None)
    await page.locator("#register button").click()
    await expect(page.locator("#register .wrong")).to_have_text("labels H1-000481: first: 481: overlaps")


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
async def test_on_a_phone_nothing_is_wider_than_the_screen(site: Site, open_page: OpenPage, locale: str) -> None:
    """In both languages, light and dark; what is to be pressed is big enough for a thumb."""
    page, watched = await open_page(site.url, width=390, height=844, locale=locale, dark=locale == "en-GB")
    await signed_in(site, page)
    for path in PATHS:
        await page.goto(site.url + path)
        await expect(page.locator("#main")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
        for button in await page.locator(".parts a, #find button, #before, #print, #register button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 36, path
    assert watched.errors == []
