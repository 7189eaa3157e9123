"""The scan page in Chromium, against a running gateway: with and without a connection, by hand and by camera."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import Page, expect

from gateway import accounts, state
from gateway.api.auth import COOKIE
from gateway.app import Gateway
from gateway.clock import SystemClock
from tests.plugins.chromium import PATIENCE_MS, OpenPage
from tests.plugins.http_caller import in_thread
from tests.support.inside import apply, running
from tests.support.waste import WASTE

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="module")]
expect.set_options(timeout=PATIENCE_MS)
#: Nobody listens there: what comes over HTTP needs no broker.
NO_BROKER = "mqtt://127.0.0.1:1"


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with the waste city and a collector's account."""
    async with running(tmp_path, NO_BROKER) as one:
        await apply(one, **WASTE)
        account = {"name": "li", "password": "none", "role": "unit_user", "unit": "hosp-1"}
        insert = state.accounts.insert().values(**account, must_change=False, disabled=False)
        await in_thread(_write, one, insert)
        yield one


def _write(gateway: Gateway, statement: sa.Insert) -> None:
    with gateway.core.engine.begin() as connection:
        connection.execute(statement)


async def signed_in(gateway: Gateway, page: Page) -> None:
    """With a session of the collector; the terminal is chosen."""
    until = SystemClock().now_ms() + 3_600_000
    token = await in_thread(accounts.issue_token, gateway.core.engine, "li", "", "session", until)
    await page.context.add_cookies([{"name": COOKIE, "value": token, "url": gateway.address}])
    await page.reload()
    await page.locator('#picks [value="T-ward"]').click()
    await expect(page.locator("#terminal")).to_contain_text("T-ward")


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


async def facts(gateway: Gateway) -> list[dict[str, Any]]:
    """What the journal's events became, in the order in which they came."""

    def read() -> list[dict[str, Any]]:
        query = sa.select(state.copies.c.bytes).join(
            state.custody_events, state.custody_events.c.copy == state.copies.c.sha256
        )
        with gateway.core.engine.connect() as connection:
            return [
                json.loads(one) for one in connection.execute(query.order_by(state.custody_events.c.offset)).scalars()
            ]

    return await asyncio.to_thread(read)


async def test_what_is_recorded_offline_arrives_once_and_in_order(gateway: Gateway, open_page: OpenPage) -> None:
    """Recorded online, then without a connection, through a reload; all of it arrives when the connection is back."""
    page, watched = await open_page(f"{gateway.address}/scan", width=390, height=844)
    await signed_in(gateway, page)
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    await page.locator('[name="weight"]').fill("3.42")
    await page.locator('[name="category"]').select_option("sharps")
    await record(page, "MW-1", "MW-2")
    await expect(page.locator('[data-fate="0"]')).to_have_count(1)
    await page.context.set_offline(True)
    await record(page, "MW-3")
    await expect(page.locator("#online")).to_have_text("离线")
    await record(page, "MW-4")
    await page.reload()
    await expect(page.locator("#waiting")).to_have_text("待发送 2 条")
    await record(page, "MW-5")
    await expect(page.locator("#waiting")).to_have_text("待发送 3 条")
    await page.context.set_offline(False)
    await expect(page.locator("#waiting")).to_have_text("没有待发送")
    await expect(page.locator('[data-fate="0"]')).to_have_count(4)
    found = await facts(gateway)
    assert [[one["v"] for one in event["ids"]] for event in found] == [["MW-1", "MW-2"], ["MW-3"], ["MW-4"], ["MW-5"]]
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
