"""The document that the page asks for."""

from __future__ import annotations

from typing import Any

from gateway.api.services import Band
from tests.plugins.fake_services import MINUTE, NOW, FakeServices
from tests.plugins.http_caller import Caller, in_thread


def by_key(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The places of an overview."""
    return {one["key"]: one for one in document["places"]["items"]}


async def test_places_come_worst_first_with_values_and_limits(looking: Caller) -> None:
    """A value beyond its limit says on which side."""
    found = (await looking.get("/api/v1/overview")).json()
    assert found["places"]["items"][0]["key"] == "wtp-1-end"
    places = by_key(found)
    chlorine = places["wtp-1-end"]["channels"][0]
    assert (chlorine["value"], chlorine["low"], chlorine["high"], chlorine["verdict"]) == (0.02, 0.05, 2.0, "low")
    assert chlorine["source"] == "gb5749-2022"
    assert places["wtp-1-out"]["condition"] == "ok"
    assert places["hosp-1-store"]["condition"] == "none"
    assert found["places"]["counts"] == {"out": 1, "silent": 0, "ok": 2, "none": 1}


async def test_a_channel_that_is_overdue_is_silent(city: FakeServices, city_caller: Caller) -> None:
    """After three of its intervals, and not before five minutes."""
    city.clock.now += 6 * MINUTE
    found = (await city_caller.get("/api/v1/overview")).json()
    assert found["places"]["counts"]["silent"] == 3
    assert {one["verdict"] for one in by_key(found)["wtp-1-out"]["channels"]} == {"silent"}


async def test_a_slow_channel_has_more_time(services: FakeServices, caller: Caller) -> None:
    """Its own interval counts before the device's."""
    channels = [{"parameter": "codmn", "report_s": 3600}, {"parameter": "ph"}]
    await in_thread(services.register, devices=[{"id": "d", "kind": "water", "report_s": 60, "channels": channels}])
    services.reading("d", "codmn", 1.0, NOW - 90 * MINUTE)
    services.reading("d", "ph", 7.0, NOW - 90 * MINUTE)
    (place,) = (await caller.get("/api/v1/overview")).json()["places"]["items"]
    assert {one["parameter"]: one["verdict"] for one in place["channels"]} == {"codmn": "none", "ph": "silent"}


async def test_a_value_that_is_not_normal_is_not_judged(services: FakeServices, caller: Caller) -> None:
    """An instrument in maintenance exceeds nothing."""
    await in_thread(services.register, devices=[{"id": "d", "kind": "water"}])
    services.reading("d", "ph", 12.0, flag="M")
    services.limits["d"] = [Band("-", "ph", 6.5, 8.5, "x")]
    (place,) = (await caller.get("/api/v1/overview")).json()["places"]["items"]
    assert place["channels"][0]["verdict"] == "flag"
    assert place["key"] == "~d"


async def test_filter_and_pages_narrow_the_places(looking: Caller) -> None:
    """Words in both languages, each must be found; a page beyond the last is the last."""
    for words, keys in (
        ("城北", {"wtp-1-end", "wtp-1-out"}),
        ("north outlet", {"wtp-1-out"}),
        ("WQ-3", {"hosp-1-tank"}),
    ):
        assert set(by_key((await looking.get("/api/v1/overview", q=words)).json())) == keys
    out = (await looking.get("/api/v1/overview", show="out")).json()
    assert set(by_key(out)) == {"wtp-1-end"}
    last = (await looking.get("/api/v1/overview", limit=3, page=99)).json()["places"]
    assert (last["page"], last["pages"], len(last["items"]), last["total"]) == (1, 2, 1, 4)


async def test_the_chosen_place_is_there_on_every_page(looking: Caller) -> None:
    """It does not vanish from the page when it gets better."""
    found = (await looking.get("/api/v1/overview", limit=1, page=0, selected="hosp-1-store")).json()
    assert found["selected"]["key"] == "hosp-1-store"


async def test_alerts_parked_and_followers_are_counted(looking: Caller) -> None:
    """What stands, why something is parked, how far each follower is."""
    found = (await looking.get("/api/v1/overview")).json()
    assert found["alerts"]["by_severity"] == {"major": 1, "warning": 1}
    assert [one["id"] for one in found["alerts"]["items"]] == ["al-2", "al-1"]
    assert found["alerts"]["items"][0]["place_name"]["en"] == "Tank"
    assert found["parked"] == {"total": 3, "by_reason": {"no_valid_value": 1, "not_json": 1, "unknown_device": 1}}
    assert found["followers"]["store"]["state"] == "ok"
    assert found["report"]["journaled"] == 2016


async def test_the_board_is_worked_out_once_for_all_readers(city: FakeServices, city_caller: Caller) -> None:
    """Within a second the same values are shown to everybody."""
    first = (await city_caller.get("/api/v1/overview")).json()
    city.reading("wq-1", "ph", 9.9, NOW + 1)
    assert (await city_caller.get("/api/v1/overview")).json()["places"] == first["places"]
