"""Balance and manifests over the API: rows, pages of them, CSV, and who sees what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custody.balance import KEYS
from gateway import accounts, state
from gateway.api.app import build_app
from tests.plugins.fake_services import FakeClock, FakeServices
from tests.plugins.http_caller import Caller
from tests.support.waste_site import services_of, story


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServices]:
    """The story of two days."""
    services = services_of(tmp_path_factory.mktemp("waste"), story())
    yield services
    services.engine.dispose()


@pytest.fixture(scope="module")
def tokens(site: FakeServices) -> dict[str, str]:
    """A token a unit."""
    for unit in ("hosp-1", "hosp-9"):
        site.insert(
            state.accounts, name=unit, password="none", role="unit_user", unit=unit, must_change=False, disabled=False
        )
    return {unit: accounts.issue_token(site.engine, unit, "test", "api", None) for unit in ("hosp-1", "hosp-9")}


@pytest.fixture
def caller(site: FakeServices) -> Caller:
    """Nobody on the machine."""
    return Caller(build_app(site, FakeClock()))


async def days(caller: Caller) -> dict[str, list[str]]:
    """The containers by the day of their collection, as the containers say it themselves."""
    found: dict[str, list[str]] = {}
    for item in (await caller.get("/api/v1/containers", limit="1000")).json()["items"]:
        collected = [event["ts"] for event in item["events"] if event["step"] == "collect"]
        if collected and item["unit"]:
            found.setdefault(_date(min(collected)), []).append(item["id"])
    return found


def _date(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, ZoneInfo("Asia/Shanghai")).date().isoformat()


async def test_every_container_is_in_the_rows_of_one_day(caller: Caller) -> None:
    """As many as were collected on it, with the keys that are promised."""
    found = await days(caller)
    assert len(found) > 1
    for day, names in found.items():
        items = (await caller.get("/api/v1/balance", day=day)).json()["items"]
        assert sum(item["department_n"] for item in items) == len(names)
        assert all(tuple(item) == KEYS for item in items)
        assert all(item["day"] == day for item in items)


async def test_the_chain_of_the_first_day_balances(caller: Caller) -> None:
    """Three bags from ward to destruction; a unit without waste has no row."""
    rows: list[dict[str, Any]] = []
    for day in await days(caller):
        rows += (await caller.get("/api/v1/balance", day=day, unit="hosp-1")).json()["items"]
        assert (await caller.get("/api/v1/balance", day=day, unit="car-1")).json()["items"] == []
    whole = [row for row in rows if row["disposed_n"] == 3]
    assert [(row["unit"], row["received_n"], row["difference_g"], row["ok"]) for row in whole] == [
        ("hosp-1", 3, 0, True)
    ]


async def test_rows_come_in_pages_and_as_csv(caller: Caller) -> None:
    """One at a time they are the same as all at once."""
    for day in await days(caller):
        whole = (await caller.get("/api/v1/balance", day=day)).json()["items"]
        paged, after = [], None
        while True:
            page = (
                await caller.get("/api/v1/balance", day=day, limit="1", **({"after": after} if after else {}))
            ).json()
            paged += page["items"]
            after = page["next"]
            if after is None:
                break
        assert paged == whole
        lines = (await caller.get("/api/v1/balance", day=day, format="csv")).text.splitlines()
        assert (lines[0], len(lines)) == (",".join(KEYS), 1 + len(whole))


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01"])
async def test_what_is_no_day_is_said(caller: Caller, day: str) -> None:
    """With what is allowed."""
    reply = await caller.get("/api/v1/balance", day=day)
    assert reply.status == 422
    assert reply.json()["faults"][0]["field"] == "day"


@pytest.mark.parametrize(("unit", "some"), [("hosp-1", True), ("hosp-9", False)])
async def test_a_unit_sees_its_own_balance_only(tokens: dict[str, str], caller: Caller, unit: str, some: bool) -> None:
    """And its own manifests."""
    own = {"authorization": f"Bearer {tokens[unit]}"}
    seen = 0
    for day in await days(caller):
        seen += len((await caller.get("/api/v1/balance", day=day, headers=own)).json()["items"])
    assert (seen > 0) is some
    assert bool((await caller.get("/api/v1/manifests", headers=own)).json()["items"]) is some
    assert (await caller.get("/api/v1/manifests/M-1", headers=own)).status == (200 if some else 404)


async def test_a_manifest_shows_each_part_and_its_lines(caller: Caller) -> None:
    """The list says how it stands, the one shows who filled in what."""
    (row,) = [one for one in (await caller.get("/api/v1/manifests")).json()["items"] if one["id"] == "M-1"]
    found = (await caller.get("/api/v1/manifests/M-1")).json()
    assert {key: found[key] for key in row if key not in {"net_g", "confirmed"}} == {
        key: value for key, value in row.items() if key not in {"net_g", "confirmed"}
    }
    assert (found["state"], found["consignor"], found["carrier"], found["receiver"]) == (
        "confirmed", "hosp-1", "car-1", "plant-1",
    )  # fmt: skip
    assert [(line["id"], line["fate"], line["net_g"]) for line in found["lines"]] == [
        (name, "seen", 3420) for name in ("MW0001", "MW0002", "MW0003")
    ]
    assert found["net_g"] == found["received_g"] == 3 * 3420
    assert found["confirmed"]["unit"] == "plant-1"


async def test_a_manifest_as_it_was_known_before(caller: Caller) -> None:
    """Before its first event it was not there."""
    found = (await caller.get("/api/v1/manifests/M-1")).json()
    reply = await caller.get("/api/v1/manifests/M-1", as_known_at=str(found["departed"]["at"]))
    assert (reply.json()["state"], reply.json()["received"]) == ("departed", 0)
    assert (await caller.get("/api/v1/manifests/M-1", as_known_at="2020-01-01")).status == 404
    assert (await caller.get("/api/v1/manifests/nobody")).status == 404
