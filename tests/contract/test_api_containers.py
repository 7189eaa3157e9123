"""Containers over HTTP: as they stand, one with its history, as known at a time, by whom they are seen; as EPCIS."""

from __future__ import annotations

from typing import Any

import pytest

from custody.epcis import faults
from gateway import state
from tests.plugins.epcis import SchemaFaults
from tests.plugins.fake_services import HOUR, MINUTE, NOW, FakeServices
from tests.plugins.http_caller import Caller, in_thread, token_for
from tests.support.waste import WASTE

WEIGHT = {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "scale": "bs-12", "stable": True, "mode": "scale"}
TAG = {"k": "epc", "v": "3066C4409047E140075BCD15"}
KEYS = ["id", "ids", "category", "state", "holder", "place", "net_g", "sealed_at"]
EVENT = ["offset", "id", "step", "ts", "received_at", "device", "by", "with", "weight", "entry", "seen", "inferred"]
T0 = NOW - 5 * HOUR


def scans(services: FakeServices) -> None:
    """A bag from its ward to the plant, a bag that stays, and one with a stroke in its name."""
    city: dict[str, list[dict[str, Any] | str]] = {kind: [*entries] for kind, entries in WASTE.items()}
    services.register(**city)
    bag = [{"k": "qr", "v": "MW-1"}]
    badges: dict[str, Any] = {"by": {"badge": "0412"}, "with": {"badge": "0101"}}
    out = {"by": {"badge": "0413"}, "with": {"badge": "0701"}}
    van: dict[str, Any] = {"by": {"badge": "0701"}, "vehicle": "van-1", "manifest": "M-1"}
    plan: list[tuple[str, str, dict[str, Any]]] = [
        ("T-ward", "pack", {"ids": [*bag, TAG], "by": {"badge": "0101"}}),
        ("T-ward", "collect", {"ids": bag, "weight": WEIGHT, **badges}),
        ("T-store", "store_in", {"ids": bag, "weight": WEIGHT, "by": {"badge": "0412"}}),
        ("T-store", "store_out", {"id": "out", "ids": bag, **out}),
        ("T-van", "load", {"ids": bag, **van}),
        ("T-van", "confirm", {"ids": bag, "of": "out", "by": {"badge": "0701"}}),
        ("T-van", "depart", van),
        ("T-ward", "pack", {"ids": [{"k": "qr", "v": "MW-2"}]}),
        ("T-ward", "pack", {"ids": [{"k": "text", "v": "袋/3 #?"}], "category": "sharps"}),
    ]
    for n, (device, step, more) in enumerate(plan):
        services.scan(10 + n, device, step=step, ts=T0 + n * MINUTE, seq=n, **more)


@pytest.fixture
async def waste(services: FakeServices) -> FakeServices:
    """Services with the scans."""
    await in_thread(lambda: scans(services))
    return services


async def one(caller: Caller, name: str, **query: Any) -> dict[str, Any]:
    """One container."""
    reply = await caller.get(f"/api/v1/containers/{name}", **query)
    assert reply.status == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_the_list_tells_containers_as_they_stand(waste: FakeServices, caller: Caller) -> None:
    """With the keys of the contract first, and the same history of each that it has by itself."""
    items = (await caller.get("/api/v1/containers")).json()["items"]
    assert [item["id"] for item in items] == ["MW-1", "MW-2", "袋/3 #?"]
    first = items[0]
    assert list(first)[:8] == KEYS
    assert (first["state"], first["holder"], first["unit"]) == ("in_transit", "car-1", "hosp-1")
    assert (first["place"], first["net_g"], first["manifest"]) == ("van-1", 3420, "M-1")
    assert [known["k"] for known in first["ids"]] == ["qr", "epc"]
    assert [event["step"] for event in first["events"]] == [
        *("pack", "collect", "store_in", "store_out", "load", "confirm", "depart"),
    ]
    assert [event["inferred"] for event in first["events"]] == [False] * 6 + [True]
    assert first["events"] == (await one(caller, "MW-1"))["events"]
    assert list(first["events"][0])[: len(EVENT)] == EVENT
    assert waste.registry().get("units", "hosp-1") is not None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "in_transit"}, ["MW-1"]),
        ({"state": "sealed"}, ["MW-2", "袋/3 #?"]),
        ({"unit": "hosp-1"}, ["MW-1", "MW-2", "袋/3 #?"]),
        ({"unit": "car-1"}, []),
        ({"place": "van-1"}, ["MW-1"]),
        ({"device": "T-van"}, ["MW-1"]),
        ({"device": "T-ward", "category": "sharps"}, ["袋/3 #?"]),
        ({"manifest": "M-1"}, ["MW-1"]),
        ({"from": T0 + MINUTE}, ["MW-2", "袋/3 #?"]),
        ({"to": T0 + MINUTE}, ["MW-1"]),
        ({"order": "desc", "limit": 2}, ["袋/3 #?", "MW-2"]),
    ],
)
async def test_the_list_is_narrowed(
    waste: FakeServices, caller: Caller, query: dict[str, Any], found: list[str]
) -> None:
    """By state, producer, place, device, category, manifest and the time of the first event."""
    reply = await caller.get("/api/v1/containers", **query)
    assert [item["id"] for item in reply.json()["items"]] == found
    assert waste.commands == []


async def test_the_list_has_pages_and_can_leave_the_events_out(waste: FakeServices, caller: Caller) -> None:
    """`next` leads on; without events a page is small."""
    first = (await caller.get("/api/v1/containers", limit=2, events="false")).json()
    rest = (await caller.get("/api/v1/containers", limit=2, after=first["next"])).json()
    assert [item["id"] for item in (*first["items"], *rest["items"])] == ["MW-1", "MW-2", "袋/3 #?"]
    assert rest["next"] is None
    assert [item["events"] for item in first["items"]] == [[], []]
    assert (await caller.get("/api/v1/containers", state="gone")).status == 422
    assert waste.commands == []


@pytest.mark.parametrize("name", ["MW-1", TAG["v"]])
async def test_one_container_is_found_by_any_of_its_ids(waste: FakeServices, caller: Caller, name: str) -> None:
    """What its manifest did counts as inferred, what named it as seen."""
    found = await one(caller, name)
    assert list(found)[:8] == KEYS
    assert (found["id"], found["state"], found["keeper"]) == ("MW-1", "in_transit", "0701")
    assert [(event["step"], event["seen"], event["inferred"]) for event in found["events"][-2:]] == [
        ("confirm", True, False),
        ("depart", False, True),
    ]
    collected = found["events"][1]
    assert (collected["by"]["badge"], collected["with"]["unit"]) == ("0412", "hosp-1")
    assert collected["weight"]["gross_g"] == 3650
    assert [weighing["step"] for weighing in found["weighings"]] == ["collect", "store_in"]
    assert "custody.in_transit" in [condition["quantity"] for condition in found["conditions"]]
    assert waste.commands == []


async def test_an_id_of_any_text_is_asked_for_quoted(waste: FakeServices, caller: Caller) -> None:
    """Strokes, question marks and Chinese."""
    found = await one(caller, "%E8%A2%8B%2F3%20%23%3F")
    assert found["ids"] == [{"k": "text", "v": "袋/3 #?", "uri": ""}]
    for strange in ("MW-9", "x" * 300, "%00"):
        assert (await caller.get(f"/api/v1/containers/{strange}")).status == 404
    assert waste.commands == []


async def test_as_known_at_shows_what_had_been_received(waste: FakeServices, caller: Caller) -> None:
    """A void that came later changes the present and not what was known before; wrong times are told."""
    void: dict[str, Any] = {"of": "T-17", "reason": "wrong", "by": {"badge": "0412"}, "approved_by": {"badge": "0101"}}
    ids = [{"k": "qr", "v": "MW-2"}]
    await in_thread(lambda: waste.scan(30, "T-ward", step="void", ts=NOW, ids=ids, **void))
    assert (await one(caller, "MW-2"))["state"] == "closed"
    before = await one(caller, "MW-2", as_known_at=NOW - MINUTE)
    assert (before["state"], before["as_known_at"], len(before["events"])) == ("sealed", NOW - MINUTE, 1)
    event = (await one(caller, "MW-2"))["events"][0]
    assert (event["counts"], event["taken_back_by"]) == (False, 30)
    assert (await one(caller, "MW-1", as_known_at="2025-11-22T03:01:30+08:00"))["state"] == "collected"
    early = await caller.get("/api/v1/containers/MW-1", as_known_at=5)
    assert (early.status, "not known then" in early.text) == (404, True)
    wrong = await caller.get("/api/v1/containers/MW-1", as_known_at="yesterday")
    assert (wrong.status, wrong.json()["faults"][0]["field"]) == (422, "as_known_at")


async def test_alerts_of_a_container_stand_as_they_stood(waste: FakeServices, caller: Caller) -> None:
    """Those of the container and of its events; with a time, as they stood then."""

    def told() -> None:
        waste.alert("al-1", "T-store", parameter="custody.stored", point="MW-1", state="closed", offset=20)
        event = "event:T-ward:T-11"
        waste.alert("al-2", "T-ward", parameter="custody.no_second_badge", point=event, offset=21)
        waste.alert("al-3", "T-ward", parameter="custody.stored", point="MW-2", offset=22)
        for n, (to_state, at) in enumerate((("active", NOW - 60), ("closed", NOW - 10))):
            waste.insert(state.transitions, offset=20, n=n, alert="al-1", event="x", to_state=to_state, at=at)

    await in_thread(told)
    assert [(alert["id"], alert["state"]) for alert in (await one(caller, "MW-1"))["alerts"]] == [
        ("al-1", "closed"),
        ("al-2", "active"),
    ]
    before = await one(caller, "MW-1", as_known_at=NOW - 30)
    assert [(alert["id"], alert["state"]) for alert in before["alerts"]] == [("al-1", "active")]


@pytest.mark.parametrize(
    ("unit", "grid", "found"),
    [
        ("hosp-1", None, ["MW-1", "MW-2", "袋/3 #?"]),
        ("car-1", None, ["MW-1"]),
        ("plant-1", None, []),
        (None, "gulou", ["MW-1", "MW-2", "袋/3 #?"]),
        (None, "xuanwu", []),
        ("car-1", "xuanwu", []),
    ],
)
async def test_who_sees_a_container(
    waste: FakeServices, caller: Caller, unit: str | None, grid: str | None, found: list[str]
) -> None:
    """Its producer, its district, and who holds it; the list, the one and the export agree."""
    caller.token = await in_thread(lambda: token_for(waste, "unit_user", unit=unit, grid=grid))
    items = (await caller.get("/api/v1/containers")).json()["items"]
    assert [item["id"] for item in items] == found
    status = 200 if "MW-1" in found else 404
    assert (await caller.get("/api/v1/containers/MW-1")).status == status
    assert (await caller.get("/api/v1/epcis", container="MW-1")).status == status
    events = (await caller.get("/api/v1/epcis", day="2025-11-22")).json()["epcisBody"]["eventList"]
    assert bool(events) == bool(found)


async def test_who_handled_a_container_sees_it_for_ever(waste: FakeServices, caller: Caller) -> None:
    """The carrier accounts for what it gave to the plant."""
    bag = [{"k": "qr", "v": "MW-1"}]
    more: dict[str, Any] = {"manifest": "M-1", "by": {"badge": "0901"}, "ids": bag}
    await in_thread(lambda: waste.scan(40, "T-plant", step="receive", ts=NOW - 3, **more))
    await in_thread(lambda: waste.scan(41, "T-plant", step="confirm", ts=NOW - 2, of="T-40", **more))
    caller.token = await in_thread(lambda: token_for(waste, "unit_user", unit="car-1"))
    (item,) = (await caller.get("/api/v1/containers")).json()["items"]
    assert (item["id"], item["holder"]) == ("MW-1", "plant-1")
    assert (await one(caller, "MW-1"))["holder"] == "plant-1"


async def test_epcis_of_one_container_and_of_a_day(
    waste: FakeServices, caller: Caller, schema_faults: SchemaFaults
) -> None:
    """Both are valid; a day has its own events only, also those of the manifest as a whole."""
    alone = await caller.get("/api/v1/epcis", container=TAG["v"])
    assert alone.header("content-type") == "application/ld+json"
    assert len(alone.json()["epcisBody"]["eventList"]) == 7
    day = (await caller.get("/api/v1/epcis", day="2025-11-22")).json()
    steps = [event["mw:step"] for event in day["epcisBody"]["eventList"]]
    assert sorted(steps) == sorted(
        ["pack"] * 3 + ["collect", "store_in", "store_out", "load", "confirm", "depart"],
    )
    for document in (alone.json(), day):
        assert schema_faults(document) == []
        assert faults(document) == []
    assert (await caller.get("/api/v1/epcis", day="2025-11-21")).json()["epcisBody"]["eventList"] == []
    assert (await caller.get("/api/v1/epcis", day="2025-11-22", unit="hosp-2")).json()["epcisBody"]["eventList"] == []
    assert waste.commands == []


@pytest.mark.parametrize(
    "query", [{}, {"container": "a", "day": "2025-11-22"}, {"day": "22.11."}, {"day": "9999-12-31"}]
)
async def test_a_wrong_question_for_epcis_is_told(caller: Caller, query: dict[str, Any]) -> None:
    """Neither, both, and what is no day."""
    reply = await caller.get("/api/v1/epcis", **query)
    assert reply.status == 422
    assert reply.json()["faults"]
