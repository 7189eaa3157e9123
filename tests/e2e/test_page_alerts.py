"""The pages of alerts in Chromium, over services in memory: list, one alert, figures, and the acknowledge link."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from gateway import accounts, links, state
from gateway.api.app import build_app
from gateway.api.auth import COOKIE
from gateway.api.server import Server
from gateway.api.services import Answer, RawMessage
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.city import fill_city
from tests.plugins.fake_services import LINK_KEY, MINUTE, NOW, FakeServices
from tests.plugins.http_caller import in_thread

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)


class Site:
    """A gateway's pages, being served, with an officer and a manager."""

    def __init__(self, services: FakeServices, server: Server, url: str) -> None:
        self.services = services
        self.server = server
        self.url = url


def fill(services: FakeServices) -> None:
    """A standing alert with a history, and one in every other plain state."""
    fill_city(services)
    services.register(people=[{"id": "p-7", "unit": "wtp-1", "role": "contact"}])
    services.insert(state.people_private, id="p-7", body='{"name": "王建国"}')
    with services.engine.begin() as connection:
        change = {"kind": "limit", "limit_value": 0.05, "condition": True, "since": NOW - 30 * MINUTE}
        connection.execute(state.alerts.update().where(state.alerts.c.id == "al-1").values(change))
    services.messages[500] = RawMessage(500, NOW, "hygeia/v1/_/wq-2/up/telemetry", b'{"chlorine_free": 0.02}')
    history: list[tuple[str, str, dict[str, Any]]] = [
        ("fired", "rule:gb5749-2022/chlorine_free_low", {"to_state": "active", "value": 0.02}),
        ("commented", "person:p-7", {"comment": "<b>on my way</b>"}),
    ]
    for n, (event, by, more) in enumerate(history):
        row: dict[str, Any] = {"alert": "al-1", "event": event, "by": by, "at": NOW - 20 * MINUTE + n, "ts": NOW}
        services.insert(state.transitions, offset=500 + n, n=0, **(row | more))
    notice = {"channel": "sms", "person": "p-7", "event": "fired", "state_now": "dead", "body": '{"id": "al-1"}'}
    services.insert(state.outbox, offset=500, n=1, **notice)
    services.insert(state.attempts, offset=500, n=1, tries=3, last_error="no answer", done=True)
    services.insert(state.told, alert="al-1", offset=500, n=1)
    for index, one in enumerate(("acknowledged", "returned", "closed", "shelved")):
        services.alert(one, "wq-1", state=one, offset=600 + index, cleared_at=NOW if one == "returned" else None)
    for role in ("officer", "manager"):
        services.insert(state.accounts, name=role, password="none", role=role, must_change=False, disabled=False)


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The small city, with alerts."""
    services = await in_thread(FakeServices, tmp_path, listen="127.0.0.1:0")
    await in_thread(fill, services)
    server = Server(build_app(services), services.settings)
    yield Site(services, server, await server.start())
    await server.stop()
    await in_thread(services.engine.dispose)


async def signed_in(site: Site, page: Page, role: str) -> None:
    """With a session of a role, and see the page anew."""
    token = await in_thread(accounts.issue_token, site.services.engine, role, "", "session", NOW * 2)
    await page.context.add_cookies([{"name": COOKIE, "value": token, "url": site.url}])
    await page.reload()
    await expect(page.locator("#account")).to_contain_text(role)


async def test_the_list_shows_plain_states_with_counts_and_leads_to_an_alert(site: Site, open_page: OpenPage) -> None:
    """Words beside colours, value beside limit; nobody who only looks may choose."""
    page, watched = await open_page(f"{site.url}/alerts")
    row = page.locator('[data-alert="al-1"]')
    for words in ("! 重要", "管网末梢", "城北水厂", "游离氯", "▼ 0.02 mg/L", "限值 0.05 mg/L", "30 分钟前"):
        await expect(row).to_contain_text(words)
    await expect(page.locator(".row")).to_have_count(2)
    await expect(row.locator("input")).to_be_hidden()
    for group, number in (("to_do", 2), ("in_hand", 1), ("to_confirm", 1), ("closed", 1), ("more", 1)):
        await expect(page.locator(f'[data-group="{group}"] .count')).to_have_text(str(number))
    await page.locator('[data-group="more"]').click()
    await expect(page.locator('[data-alert="shelved"]')).to_contain_text("已搁置")
    await page.locator('[data-group="to_do"]').click()
    await row.locator("a").click()
    await expect(page.locator("#headline")).to_contain_text("管网末梢：游离氯 0.02 mg/L，低于限值 0.05 mg/L")
    assert watched.errors == []
    assert watched.hosts == {"127.0.0.1"}


async def test_the_list_follows_by_itself_and_keeps_what_was_chosen(site: Site, open_page: OpenPage) -> None:
    """A new alert comes above; the same element stays chosen, and the page where it was scrolled to."""
    for index in range(40):
        await in_thread(site.services.alert, f"m-{index}", "wq-3", severity="info", offset=700 + index)
    page, _ = await open_page(f"{site.url}/alerts", locale="en-GB", height=600)
    await signed_in(site, page, "officer")
    await page.locator('[data-alert="m-5"] input').check()
    await page.evaluate("scrollTo(0, 900)")
    await in_thread(site.services.alert, "worst", "wq-1", severity="critical", offset=900)
    await expect(page.locator('[data-alert="worst"]')).to_have_count(1)
    await expect(page.locator('[data-alert="m-5"] input')).to_be_checked()
    await expect(page.locator("#chosen-count")).to_have_text("1 chosen")
    assert await page.evaluate("scrollY") >= 900


async def test_several_are_acknowledged_at_once_each_by_its_own_command(site: Site, open_page: OpenPage) -> None:
    """And a refusal is told in the words of the gateway."""
    page, watched = await open_page(f"{site.url}/alerts")
    await signed_in(site, page, "officer")
    await page.locator("#all").check()
    await expect(page.locator("#chosen-count")).to_have_text("已选 2 条")
    await page.locator("#acknowledge").click()
    await expect(page.locator("#batch")).to_contain_text("已确认 2 条")
    assert sorted(args["id"] for _, args, _ in site.services.commands) == ["al-1", "al-2"]
    assert {(name, by) for name, _, by in site.services.commands} == {("alerts.ack", "officer")}
    assert watched.errors == []
    site.services.answer = Answer(409, {"reason": "already acknowledged by p-8"}, 7)
    await page.locator('[data-alert="al-2"] input').check()
    await page.locator("#acknowledge").click()
    await expect(page.locator("#batch")).to_contain_text("1 条未成功：already acknowledged by p-8")


async def test_filters_narrow_the_list(site: Site, open_page: OpenPage) -> None:
    """By severity, unit and words; and back."""
    page, _ = await open_page(f"{site.url}/alerts")
    await expect(page.locator(".row")).to_have_count(2)
    await page.locator("#severity").select_option("warning")
    await expect(page.locator(".row")).to_have_count(1)
    await page.locator("#unit").select_option("wtp-1")
    await expect(page.locator("#rows")).to_contain_text("没有符合条件的报警")
    await page.locator("#reset").click()
    await page.locator("#filter").fill("第一医院")
    await expect(page.locator(".row")).to_have_count(1)
    await expect(page.locator('[data-alert="al-2"]')).to_be_visible()


async def test_one_alert_shows_chart_steps_messages_and_what_caused_it(site: Site, open_page: OpenPage) -> None:
    """With the limit, the span, and no word of a person read as HTML; a dead message stands out in words."""
    page, watched = await open_page(f"{site.url}/alerts/al-1")
    await signed_in(site, page, "officer")
    await expect(page.locator("#plot path.curve").first).to_be_visible()
    await expect(page.locator("#plot rect.alert-span")).to_have_count(1)
    await expect(page.locator("#plot .limit-name")).to_have_text("下限 0.05")
    await expect(page.locator("#headline")).to_contain_text("在线超标是线索")
    await expect(page.locator("#steps li")).to_have_count(2)
    await expect(page.locator("#steps blockquote")).to_have_text("<b>on my way</b>")
    await expect(page.locator("#steps")).to_contain_text("王建国 (p-7)")
    await expect(page.locator("#told")).to_contain_text("发送失败")
    await expect(page.locator("#told")).to_contain_text("no answer")
    await page.locator("#records summary").click()
    await expect(page.locator("#records pre")).to_contain_text('"chlorine_free": 0.02')
    await page.locator("#facts a").click()
    await expect(page.locator("#detail h2")).to_have_text("管网末梢")
    assert watched.errors == []


ACTS: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("ack", {}, {"command": "alerts.ack", "args": {"id": "al-1"}}),
    ("comment", {"comment": "seen"}, {"command": "alerts.comment", "args": {"id": "al-1", "comment": "seen"}}),
    ("assign", {"to": "p-7"}, {"command": "alerts.assign", "args": {"id": "al-1", "to": "p-7"}}),
    ("shelve", {"for": "60"}, {"command": "alerts.shelve", "args": {"id": "al-1", "for_ms": 3_600_000}}),
    ("shelve", {"for": "once"}, {"command": "alerts.shelve", "args": {"id": "al-1", "one_shot": True}}),
    (
        "maintenance_open",
        {"kind": "calibrate", "for": "30"},
        {"command": "maintenance.open", "args": {"device": "wq-2", "kind": "calibrate", "for_ms": 1_800_000}},
    ),
    (
        "out_of_service",
        {"comment": "rebuilt"},
        {"command": "alerts.out_of_service", "args": {"id": "al-1", "comment": "rebuilt"}},
    ),
]


async def test_every_button_sends_its_command(site: Site, open_page: OpenPage) -> None:
    """With what the form asked for."""
    page, watched = await open_page(f"{site.url}/alerts/al-1")
    await signed_in(site, page, "manager")
    for act, fields, expected in ACTS:
        site.services.commands.clear()
        await page.locator(f'[data-act="{act}"]').click()
        for name, value in fields.items():
            field = page.locator(f'#action [name="{name}"]')
            if await field.evaluate("one => one.tagName") == "SELECT":
                await field.select_option(value)
            else:
                await field.fill(value)
        await page.locator("#action-go").click()
        await expect(page.locator("#action")).to_be_hidden()
        assert site.services.commands == [(expected["command"], expected["args"], "manager")]
    await expect(page.locator("#said")).to_contain_text("已记录")
    assert watched.errors == []


async def test_an_alert_is_closed_with_a_reason_and_a_file(site: Site, open_page: OpenPage, tmp_path: Path) -> None:
    """The bytes go first under their hash; without crypto.subtle the page works the hash out itself."""
    content = bytes(range(256)) * 300
    photograph = tmp_path / "photo.jpg"
    photograph.write_bytes(content)
    page, _ = await open_page(f"{site.url}/alerts/al-1")
    await signed_in(site, page, "manager")
    await page.evaluate("Object.defineProperty(crypto, 'subtle', { value: undefined })")
    await page.locator('[data-act="close"]').click()
    await page.locator('#action [name="reason"]').select_option("instrument_fault")
    await page.locator('#action [name="file"]').set_input_files(photograph)
    await page.locator("#action-go").click()
    await expect(page.locator("#action")).to_be_hidden()
    args = {"id": "al-1", "reason": "instrument_fault", "file": hashlib.sha256(content).hexdigest()}
    assert site.services.commands == [("alerts.close", args, "manager")]


async def test_buttons_are_those_that_the_role_may_press(site: Site, open_page: OpenPage) -> None:
    """Who only looks is asked to sign in; an officer does not close; a refusal stays in the form."""
    page, _ = await open_page(f"{site.url}/alerts/al-1")
    await expect(page.locator("#act")).to_have_text("登录后处理")
    await signed_in(site, page, "officer")
    await expect(page.locator('[data-act="ack"]')).to_be_visible()
    await expect(page.locator('[data-act="close"]')).to_have_count(0)
    site.services.answer = Answer(409, {"reason": "al-1 is closed"}, 7)
    await page.locator('[data-act="ack"]').click()
    await page.locator("#action-go").click()
    await expect(page.locator("#action .wrong")).to_have_text("al-1 is closed")


async def test_an_alert_that_is_not_there_says_so(site: Site, open_page: OpenPage) -> None:
    """With the way back to the list."""
    page, _ = await open_page(f"{site.url}/alerts/nothing", locale="en-GB")
    await expect(page.locator("#absent")).to_contain_text("There is no such alert")
    await page.locator("#absent a").click()
    await expect(page.locator(".row").first).to_be_visible()


async def test_the_figures_are_drawn_for_the_period_that_is_chosen(site: Site, open_page: OpenPage) -> None:
    """Bars with their numbers, and words for a reader who sees none."""
    page, watched = await open_page(f"{site.url}/kpi")
    await expect(page.locator('[data-figure="alarms"] b')).to_have_text("1")
    await expect(page.locator("#distribution rect.bar")).to_have_count(8)
    assert "0: 143" in (await page.locator("#distribution svg").get_attribute("aria-label") or "")
    await expect(page.locator("#districts")).to_contain_text("鼓楼区")
    await page.locator('[data-hours="168"]').click()
    await expect(page.locator("#distribution-words")).to_contain_text("1,008 个时段")
    assert watched.errors == []


async def test_the_live_page_leads_to_alerts_and_figures(site: Site, open_page: OpenPage) -> None:
    """How many there are to do stands beside the way, and each alert leads to its page."""
    page, watched = await open_page(site.url)
    await expect(page.locator("#open-alerts")).to_have_text("2")
    await page.locator('#alerts [data-alert="al-1"]').click()
    await expect(page.locator("#headline")).to_contain_text("管网末梢")
    await page.locator('[data-way="kpi"]').click()
    await expect(page.locator("#figures .tile")).to_have_count(6)
    assert watched.errors == []


@pytest.mark.parametrize("path", ["/alerts", "/alerts/al-1", "/kpi"])
async def test_on_a_phone_nothing_is_wider_than_the_screen(site: Site, open_page: OpenPage, path: str) -> None:
    """In both languages; what is to be pressed is big enough for a thumb."""
    for locale in ("zh-CN", "en-GB"):
        page, watched = await open_page(site.url + path, width=390, height=844, locale=locale)
        await signed_in(site, page, "manager")
        await expect(page.locator("#main")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        for button in await page.locator("#act button, #acknowledge, #periods button").all():
            box = await button.bounding_box()
            assert box is not None
            assert box["height"] >= 38
        assert watched.errors == []


async def test_the_button_of_a_link_acknowledges_in_a_browser(site: Site, open_page: OpenPage) -> None:
    """A plain form, without any script: its Origin is the page's own."""
    with_link = {"offset": 800, "n": 0, "channel": "sms", "person": "p-7", "event": "fired", "created_at": NOW}
    await in_thread(site.services.insert, state.outbox, body='{"id": "al-1"}', state_now="delivered", **with_link)
    page, watched = await open_page(f"{site.url}/ack/{links.make(LINK_KEY, 800, 0)}", width=390, height=844)
    await expect(page.locator("h1")).to_have_text("确认报警")
    assert site.services.commands == []
    await page.get_by_role("button", name="确认，我来处理").click()
    await expect(page.locator("h1")).to_have_text("已确认")
    args = {"id": "al-1", "by": "person:p-7", "link": [800, 0]}
    assert site.services.commands == [("alerts.ack", args, "person:p-7")]
    assert watched.errors == []
