"""Figures over HTTP: out of the history of alerts, for a period, for what the caller sees."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import state
from tests.plugins.fake_services import HOUR, MINUTE, NOW, FakeServices
from tests.plugins.http_caller import Caller, in_thread, token_for


def fill(services: FakeServices) -> None:
    """At the waterworks twelve alerts within two minutes, acknowledged or not; at the hospital one for two days."""
    with services.engine.begin() as connection:
        connection.execute(state.alerts.delete())
    for index in range(12):
        at = NOW - 2 * HOUR + index * 10_000
        taken = at + (index + 1) * MINUTE if index < 10 else None
        row: dict[str, Any] = {"state": "closed", "cleared_at": at + HOUR} if taken else {"state": "active"}
        services.alert(
            f"w-{index}",
            "wq-1",
            offset=index,
            since=at,
            fired_at=at,
            acknowledged_at=taken,
            rule="turbidity-high",
            **row,
        )
        fired(services, f"w-{index}", index, at)
    old = NOW - 48 * HOUR
    services.alert("old", "wq-3", offset=90, state="active", since=old, fired_at=old, severity="warning")
    fired(services, "old", 90, old)
    # Came up again: its newest time of firing is later than its first.
    services.alert("again", "wq-3", offset=91, state="returned", fired_at=NOW - HOUR, cleared_at=NOW)
    for offset, at in ((91, NOW - 30 * HOUR), (92, NOW - 3 * HOUR), (93, NOW - HOUR)):
        fired(services, "again", offset, at)
    # Held alerts come in front of nobody, until they are let out.
    services.alert("held", "wq-3", offset=94, state="suppressed", fired_at=NOW - HOUR)
    fired(services, "held", 94, NOW - HOUR, to_state="suppressed")
    services.alert("freed", "wq-3", offset=95, state="active", fired_at=NOW - HOUR)
    fired(services, "freed", 95, NOW - HOUR, to_state="suppressed")
    fired(services, "freed", 96, NOW - 30 * MINUTE, event="unsuppressed", from_state="suppressed")


def fired(services: FakeServices, alert: str, offset: int, at: int, **row: Any) -> None:
    """A transition that puts an alert in front of people."""
    usual = {"event": "fired", "from_state": "pending", "to_state": "active", "at": at, "ts": at}
    services.insert(state.transitions, **(usual | {"alert": alert, "offset": offset, "n": 0} | row))


@pytest.fixture
async def figures(city: FakeServices, city_caller: Caller) -> Caller:
    """The city with alerts to count."""
    await in_thread(fill, city)
    return city_caller


async def test_figures_come_from_the_history_of_alerts(figures: Caller) -> None:
    """Each time that an alert came up counts; names stand beside ids."""
    found = (await figures.get("/api/v1/kpi")).json()
    assert (found["start"], found["end"], found["now"]) == (NOW - 24 * HOUR, NOW, NOW)
    assert found["alarms"] == 12 + 2 + 1, "twelve, again twice, freed once; held never"
    assert found["slots"] == 144
    assert [one["most"] for one in found["floods"]] == [12]
    assert found["flood_ms"] == 10 * MINUTE + 20_000 - 90_000, "from the tenth until the third is ten minutes old"
    assert found["chattering"]["total"] == 1
    noisy = found["chattering"]["items"][0]
    assert (noisy["device"], noisy["count"], noisy["title"]["en"]) == ("wq-1", 12, "Turbidity above its limit")
    assert noisy["place_title"]["en"] == "Outlet"
    assert found["top_rules"][0] | {"share": 0} == {
        "name": "gb5749-2022/turbidity-high",
        "count": 12,
        "share": 0,
        "title": {"zh": "浑浊度超标", "en": "Turbidity above its limit"},
    }
    assert found["stale"]["total"] == 1
    assert found["stale"]["items"][0]["id"] == "old"
    assert found["answering"]["acknowledged"] == 10
    assert found["answering"]["median_ms"] == 5 * MINUTE
    assert {one["name"]: one["alarms"] for one in found["districts"]} == {"gulou": 12, "xuanwu": 3}
    assert found["units"][0]["title"]["en"] == "North waterworks"


async def test_the_period_is_chosen(figures: Caller) -> None:
    """By hours back, or from and to; what is not a period is refused."""
    week = (await figures.get("/api/v1/kpi", hours=72)).json()
    assert week["alarms"] == 12 + 1 + 3 + 1
    hour = (await figures.get("/api/v1/kpi", from_=NOW - 90 * MINUTE, to=NOW - 45 * MINUTE)).json()
    assert (hour["alarms"], hour["slots"]) == (1, 5)
    future = (await figures.get("/api/v1/kpi", from_=NOW - HOUR, to=NOW + HOUR)).json()
    assert future["end"] == NOW
    for wrong in ({"from_": NOW + 1}, {"from_": 5, "to": 4}, {"hours": 0}, {"from_": 0}, {"to": "noon"}, {"days": 1}):
        assert (await figures.get("/api/v1/kpi", **wrong)).status == 422, wrong


async def test_a_flood_that_began_before_the_period_is_seen(figures: Caller) -> None:
    """Its alarms lie before, its time is cut."""
    found = (await figures.get("/api/v1/kpi", from_=NOW - 2 * HOUR + 5 * MINUTE)).json()
    assert found["alarms"] == 2
    assert [(one["start"], one["end"]) for one in found["floods"]] == [
        (NOW - 2 * HOUR + 5 * MINUTE, NOW - 2 * HOUR + 10 * MINUTE + 20_000)
    ]


async def test_a_unit_user_counts_the_own_alarms_only(city: FakeServices, figures: Caller) -> None:
    """Nothing of the waterworks is in any figure."""
    figures.token = await in_thread(token_for, city, "unit_user", unit="hosp-1")
    found = (await figures.get("/api/v1/kpi")).json()
    assert found["alarms"] == 3
    assert found["floods"] == []
    assert [one["name"] for one in found["units"]] == ["hosp-1"]


async def test_places_that_are_not_accepted_do_not_count(city: FakeServices, figures: Caller) -> None:
    """A place on trial rings, and nobody is measured by it."""
    trial = {"id": "wtp-1-out", "unit": "wtp-1", "kind": "water_outlet", "grid": "gulou", "state": "trial"}
    await in_thread(city.register, places=[trial])
    assert (await figures.get("/api/v1/kpi")).json()["alarms"] == 3


async def test_without_any_alert_the_figures_are_zero(services: FakeServices, caller: Caller) -> None:
    """A new installation has a page of figures too."""
    found = (await caller.get("/api/v1/kpi")).json()
    assert (found["alarms"], found["most"], found["flood_share"]) == (0, 0, 0.0)
    assert found["answering"] == {"acknowledged": 0, "waiting": 0, "median_ms": None, "p90_ms": None}
