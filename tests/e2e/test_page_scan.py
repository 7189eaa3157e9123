"""The scan page in Chromium, against a running gateway: with and without a connection, by hand and by camera."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import segno
import sqlalchemy as sa
from playwright.async_api import Page, async_playwright, expect

from gateway import accounts, state
from gateway.api.auth import COOKIE
from gateway.app import Gateway
from gateway.clock import SystemClock
from tests.plugins.chromium import EXECUTABLE, PATIENCE_MS, PRESENT, OpenPage
from tests.plugins.http_caller import in_thread
from tests.support.inside import apply, running
from tests.support.waste import WASTE

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)
#: Nobody listens there: what comes over HTTP needs no broker.
NO_BROKER = "mqtt://127.0.0.1:1"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway with the waste city and a collector's account; each test has labels of its own."""
    async with running(tmp_path_factory.mktemp("scan"), NO_BROKER) as one:
        await apply(one, **WASTE)
        for name, unit in (("li", "hosp-1"), ("wu", "car-1")):
            account = {"name": name, "password": "none", "role": "unit_user", "unit": unit}
            insert = state.accounts.insert().values(**account, must_change=False, disabled=False)
            await in_thread(_write, one, insert)
        yield one


def _write(gateway: Gateway, statement: sa.Insert) -> None:
    with gateway.core.engine.begin() as connection:
        connection.execute(statement)


async def session(gateway: Gateway, page: Page, name: str = "li") -> None:
    """A session of the account."""
    until = SystemClock().now_ms() + 3_600_000
    token = await in_thread(accounts.issue_token, gateway.core.engine, name, "", "session", until)
    await page.context.add_cookies([{"name": COOKIE, "value": token, "url": gateway.address}])


async def signed_in(gateway: Gateway, page: Page, name: str = "li", terminal: str = "T-ward") -> None:
    """With a session of the account; the terminal is chosen."""
    await session(gateway, page, name)
    await page.reload()
    await page.locator(f'#picks [value="{terminal}"]').click()
    await expect(page.locator("#terminal")).to_contain_text(terminal)


async def record(page: Page, *labels: str, by: str = "0412", other: str = "0101") -> None:
    """Type a collection as a scanner would, each text with Enter, and press the button."""
    await page.locator('[name="by"]').fill(by)
    await page.locator('[name="by"]').press("Enter")
    await page.locator('[name="with"]').fill(other)
    await page.locator('[name="with"]').press("Enter")
    for label in labels:
        await page.locator('[name="ids"]').fill(label)
        await page.locator('[name="ids"]').press("Enter")
    await page.locator(".record").click()
    await expect(page.locator("#kept")).to_be_visible()


async def facts(gateway: Gateway, prefix: str) -> list[dict[str, Any]]:
    """The events of containers whose labels begin so, in the order in which they came."""

    def read() -> list[dict[str, Any]]:
        query = sa.select(state.copies.c.bytes).join(
            state.custody_events, state.custody_events.c.copy == state.copies.c.sha256
        )
        query = query.order_by(state.custody_events.c.offset)
        with gateway.core.engine.connect() as connection:
            found = [json.loads(one) for one in connection.execute(query).scalars()]
        return [one for one in found if one["ids"][0]["v"].startswith(prefix)]

    return await asyncio.to_thread(read)


async def test_what_is_recorded_offline_arrives_once_and_in_order(gateway: Gateway, open_page: OpenPage) -> None:
    """Recorded online, then without a connection, through a reload; all of it arrives when the connection is back."""
    page, watched = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page)
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.locator('[name="weight"]').fill("3.42")
    await page.locator('[name="category"]').select_option("sharps")
    await record(page, "A-1", "A-2")
    await expect(page.locator('[data-fate="0"]')).to_have_count(1)
    await page.context.set_offline(True)
    await record(page, "A-3")
    await expect(page.locator("#online")).to_have_text("离线")
    await record(page, "A-4")
    await page.reload()
    await expect(page.locator("#waiting")).to_have_text("待发送 2 条")
    await record(page, "A-5")
    await expect(page.locator("#waiting")).to_have_text("待发送 3 条")
    await page.context.set_offline(False)
    await expect(page.locator("#waiting")).to_have_text("没有待发送")
    await expect(page.locator('[data-fate="0"]')).to_have_count(4)
    found = await facts(gateway, "A-")
    assert [[one["v"] for one in event["ids"]] for event in found] == [["A-1", "A-2"], ["A-3"], ["A-4"], ["A-5"]]
    assert [event["seq"] for event in found] == [1, 2, 3, 4]
    assert len({event["id"].rpartition("-")[0] for event in found} | {event["boot"] for event in found}) == 2
    first = found[0]
    assert first["weight"] == {"net_g": 3420, "mode": "typed"}
    assert (first["by"], first["with"]["badge"]) == ({"badge": "0412", "auth": "typed"}, "0101")
    assert abs(first["ts"] - first["clock_sync"]) < 60_000
    assert [event["category"] for event in found] == ["sharps"] * 4
    assert watched.hosts == {"127.0.0.1"}
    # What Chromium itself says of a connection that is away is no fault of the page.
    assert [one for one in watched.errors if "ERR_INTERNET_DISCONNECTED" not in one] == []


async def test_what_was_not_taken_says_why_until_somebody_saw_it(gateway: Gateway, open_page: OpenPage) -> None:
    """A conflict and a parked event keep their words and their place at the top; flags are told in words."""
    page, _ = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page)
    await record(page, "B-1", other="9999")
    await expect(page.locator(".entry")).to_contain_text("工牌未登记")
    await page.context.set_offline(True)
    await record(page, "B-2")
    await page.locator('[data-fate="waiting"]').wait_for()
    name = ((await page.locator("#kept").text_content()) or "").removeprefix("已保存：")
    other = json.dumps({"id": name, "step": "collect", "ids": [{"k": "qr", "v": "B-9"}]}).encode()
    taken = await gateway.view.push("T-ward", [other], "", "another phone")
    assert taken.replies[0]["code"] == 0
    await page.context.set_offline(False)
    conflict = page.locator('[data-fate="3"]')
    await expect(conflict).to_contain_text("冲突")
    parked = {"id": "x", "code": 2, "reason": "too_large", "object": None, "flags": []}
    await page.route("**/events", lambda route: route.fulfill(json=[parked]))
    await record(page, "B-3")
    await expect(page.locator('[data-fate="2"] .said')).not_to_be_empty()
    await page.unroute("**/events")
    await record(page, "B-4")
    await expect(page.locator(".entry").nth(2)).to_contain_text("B-4")
    await conflict.locator("button").click()
    await expect(conflict.locator("button")).to_have_count(0)
    await expect(page.locator(".entry").nth(1)).to_contain_text("B-4")


async def test_who_is_signed_out_keeps_the_queue(gateway: Gateway, open_page: OpenPage) -> None:
    """The session ends: nothing is lost, the page asks to sign in, and then sends."""
    page, _ = await open_page(f"{gateway.address}/scan", width=390, height=844, locale="en-GB")
    await signed_in(gateway, page)
    await page.context.clear_cookies()
    await record(page, "C-1")
    await expect(page.locator("#to-sign-in")).to_be_visible()
    await expect(page.locator("#waiting")).to_have_text("1 to send")
    await page.locator("#to-sign-in").click()
    await expect(page.locator("#sign-in")).to_be_visible()
    await session(gateway, page)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator('[data-fate="0"]')).to_have_count(1)
    assert len(await facts(gateway, "C-")) == 1


async def test_whatever_the_gateway_says_the_phone_keeps_what_has_no_code(
    gateway: Gateway, open_page: OpenPage
) -> None:
    """No room, a terminal that is gone, not decided, a proxy's fault: it waits, says why, and is sent again."""
    answers: list[tuple[dict[str, Any], str]] = [
        ({"status": 503, "json": {"reason": "too little free disk space"}}, "too little free disk space"),
        ({"status": 404, "json": {"reason": "there is no device T-ward"}}, "there is no device T-ward"),
        ({"status": 202, "json": [{"id": "x", "code": None, "reason": "not_decided"}] * 3}, "尚未处理"),
        ({"status": 502, "body": "<html>"}, "HTTP 502"),
    ]
    page, _ = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page)
    for number, (answer, words) in enumerate(answers, 1):
        await page.route("**/events", lambda route, _request, answer=answer: route.fulfill(**answer))
        await record(page, f"D-{number}")
        await expect(page.locator("#trouble")).to_contain_text(words)
        await expect(page.locator("#waiting")).to_have_text("待发送 1 条")
        await page.unroute("**/events")
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.locator('[data-fate="0"]')).to_have_count(number)
        await expect(page.locator("#trouble")).to_be_hidden()
    assert [one["seq"] for one in await facts(gateway, "D-")] == [1, 2, 3, 4]


async def test_what_cannot_be_recorded_is_said_at_once(gateway: Gateway, open_page: OpenPage) -> None:
    """Neither container nor group, and a weight that is none; grams and a decimal comma are understood."""
    page, _ = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page)
    await page.locator(".record").click()
    await expect(page.locator("#wrong")).to_contain_text("请先扫描容器标签")
    await page.locator('[name="ids"]').fill("E-1")
    await page.locator('[name="weight"]').fill("3.4205")
    await page.locator(".record").click()
    await expect(page.locator("#wrong")).to_contain_text("最多三位小数")
    for typed, unit in (("3,4", "kg"), ("3400", "g")):
        await page.locator('[name="weight"]').fill(typed)
        await page.locator('[name="weight_unit"]').select_option(unit)
        await page.locator('[name="ids"]').fill(f"E-{unit}")
        await page.locator(".record").click()
        await expect(page.locator("#kept")).to_be_visible()
    await expect(page.locator('[data-fate="0"]')).to_have_count(2)
    assert [event["weight"]["net_g"] for event in await facts(gateway, "E-")] == [3400, 3400]


async def test_a_confirmation_finds_the_event_that_handed_over(gateway: Gateway, open_page: OpenPage) -> None:
    """The driver scans one label: the page names the store's event, and the bag is the carrier's."""
    bag: dict[str, Any] = {"ids": [{"k": "qr", "v": "F-1"}], "by": {"badge": "0412"}, "category": "sharps"}
    handed = {"with": {"badge": "0701"}, "step": "store_out"}
    for device, said in (
        ("T-ward", {"step": "collect", "with": {"badge": "0101"}}),
        ("T-store", {"step": "store_in"}),
        ("T-store", handed),
        ("T-van", {"step": "load", "vehicle": "van-1", "manifest": "F"}),
    ):
        event = {"id": f"F-{said['step']}", "ts": SystemClock().now_ms(), **bag, **said}
        taken = await gateway.view.push(device, [json.dumps(event).encode()], "", "test")
        assert taken.replies[0]["code"] == 0
    page, _ = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page, "wu", "T-van")
    await page.locator('[value="confirm"]').check(force=True)
    await record(page, "F-1", by="0701", other="")
    await expect(page.locator('[data-fate="0"]')).to_have_count(1)
    assert (await facts(gateway, "F-"))[-1]["of"] == "F-store_out"
    found = await asyncio.to_thread(gateway.view.histories().container, "F-1")
    assert found is not None
    assert found.holder == "car-1"


def film(path: Path, text: str) -> None:
    """A film of two pictures of a QR code, 640 x 480, for Chromium's camera that is none."""
    width, height, scale = 640, 480, 8
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    side = len(rows) * scale
    left, top = (width - side) // 2, (height - side) // 2
    bright = bytearray(b"\xd0" * (width * height))
    for y in range(side):
        line = b"".join((b"\x20" if dark else b"\xd0") * scale for dark in rows[y // scale])
        at = (top + y) * width + left
        bright[at : at + side] = line
    picture = b"FRAME\n" + bytes(bright) + b"\x80" * (width * height // 2)
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + picture * 2)


@pytest.mark.skipif(not PRESENT, reason="Chromium is missing: make servers")
async def test_the_camera_reads_a_label_and_the_queue_outlives_the_browser(gateway: Gateway, tmp_path: Path) -> None:
    """A QR code in front of the camera is read; a browser that ended and starts without a connection still waits."""
    await in_thread(film, tmp_path / "label.y4m", "H1-000123")
    flags = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream"),
        *("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={tmp_path}/label.y4m"),
    ]
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN"}
    async with async_playwright() as playwright:

        async def switched_on() -> Page:
            context = await playwright.chromium.launch_persistent_context(
                tmp_path / "phone", executable_path=EXECUTABLE, args=flags, **phone
            )
            context.set_default_timeout(PATIENCE_MS)
            return context.pages[0]

        page = await switched_on()
        await page.goto(f"{gateway.address}/scan")
        await signed_in(gateway, page)
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await page.locator('[data-scan="ids"]').click()
        await expect(page.locator("#read")).to_contain_text("H1-000123")
        await page.locator("#camera [data-close]").click()
        await expect(page.locator("#chips li")).to_have_count(1)
        await page.locator('[data-scan="with"]').click()
        await expect(page.locator("#camera")).to_be_hidden()
        await expect(page.locator('[name="with"]')).to_have_value("H1-000123")
        await page.context.set_offline(True)
        await page.locator(".record").click()
        await expect(page.locator("#waiting")).to_have_text("待发送 1 条")
        await page.context.close()
        page = await switched_on()
        await page.context.set_offline(True)
        await page.goto(f"{gateway.address}/scan")
        await expect(page.locator("#waiting")).to_have_text("待发送 1 条")
        assert await facts(gateway, "H1-") == []
        await session(gateway, page)
        await page.context.set_offline(False)
        await expect(page.locator('[data-fate="0"]')).to_have_count(1)
        await page.context.close()
    (event,) = await facts(gateway, "H1-")
    assert event["ids"] == [{"k": "qr", "v": "H1-000123"}]
    assert event["with"] == {"badge": "H1-000123", "auth": "qr"}
