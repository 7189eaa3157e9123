"""The map: what is drawn, for whom, and who may put other outlines there."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from gateway.outlines import Outlines
from tests.plugins.city import fill_city
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller, in_thread, token_for

SQUARE = [[118.7, 32.0], [118.8, 32.0], [118.8, 32.1], [118.7, 32.0]]
SEAT = {"lat": 32.05, "lon": 118.78}


def document(*grids: str) -> dict[str, Any]:
    """Outlines of parts of the grid, all the same."""
    features = [
        {"type": "Feature", "properties": {"grid": one}, "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}
        for one in grids
    ]
    return {"type": "FeatureCollection", "features": features}


def placed(services: FakeServices) -> None:
    """The small city, its waterworks on the map and a pump room below it."""
    fill_city(services)
    out = dict(services.registry().get("places", "wtp-1-out") or {})
    pump = {"id": "pump", "kind": "network", "parent": "wtp-1-out", "name": "泵房"}
    services.register(places=[out | SEAT, pump])


@pytest.fixture
def manager(services: FakeServices, caller: Caller) -> Caller:
    """Somebody who may manage, with the city behind."""
    placed(services)
    caller.token = token_for(services, "manager")
    return caller


async def put(caller: Caller, content: Any) -> Any:
    """Hand outlines in."""
    headers = {"content-type": "application/json"}
    return await caller.call("PUT", "/api/v1/outlines", headers, json.dumps(content).encode())


async def test_places_have_position_condition_and_alerts(manager: Caller) -> None:
    """A place below another one stands where that stands; one without a position says so."""
    found = (await manager.get("/api/v1/map")).json()
    places = {one["key"]: one for one in found["places"]}
    assert (places["wtp-1-out"]["lat"], places["wtp-1-out"]["lon"]) == (32.05, 118.78)
    assert (places["pump"]["lat"], places["pump"]["lon"]) == (32.05, 118.78)
    assert places["hosp-1-tank"]["lat"] is None
    assert (places["wtp-1-end"]["condition"], places["wtp-1-end"]["alerts"]) == ("out", 1)
    assert places["wtp-1-end"]["severity"] == "major"
    assert found["outlines"] == ""


async def test_a_part_of_the_grid_counts_what_is_below_it(manager: Caller) -> None:
    """Places by condition, standing alerts, values inside their limits: of a district with its streets."""
    parts = {one["grid"]: one for one in (await manager.get("/api/v1/map")).json()["grids"]}
    assert set(parts) == {"gulou", "gulou/hunan-lu", "xuanwu"}
    assert parts["gulou"]["places"] == {"out": 1, "silent": 0, "ok": 1, "none": 1}
    assert (parts["gulou"]["alerts"], parts["gulou"]["severity"]) == (1, "major")
    assert (parts["gulou"]["judged"], parts["gulou"]["compliant"]) == (5, 4)
    assert parts["gulou/hunan-lu"]["places"]["out"] == 0
    assert parts["xuanwu"]["name"] == {"zh": "玄武区", "en": "Xuanwu"}


async def test_a_chosen_place_comes_with_its_values_and_alerts(manager: Caller) -> None:
    """Only a chosen one: the rest is small."""
    found = (await manager.get("/api/v1/map", place="wtp-1-end")).json()["selected"]
    assert {one["parameter"] for one in found["channels"]} == {"chlorine_free", "turbidity"}
    assert [one["id"] for one in found["alerts"]] == ["al-1"]
    assert found["alerts"][0]["place_name"] == {"zh": "管网末梢", "en": "Network end"}
    assert (await manager.get("/api/v1/map", place="nowhere")).json()["selected"] is None


async def test_outlines_are_kept_with_the_names_of_the_registry(manager: Caller, services: FakeServices) -> None:
    """The page sees by a version that they changed; none takes them away."""
    assert (await put(manager, document("gulou"))).json() == {"features": 1}
    found = (await manager.get("/api/v1/outlines")).json()
    assert [one["properties"]["name_zh"] for one in found["features"]] == ["鼓楼区"]
    assert found["version"] == (await manager.get("/api/v1/map")).json()["outlines"] != ""
    kept = await in_thread(Outlines(services.settings.data.dir).get)
    assert kept[1] == found["version"]
    assert (await put(manager, document())).json() == {"features": 0}
    assert (await manager.get("/api/v1/outlines")).json()["features"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (document("mars"), "is no id, path or name"),
        (document("gulou", "gulou"), "occurs twice"),
        ({"type": "Feature"}, "no GeoJSON FeatureCollection"),
    ],
)
async def test_wrong_outlines_change_nothing(manager: Caller, content: Any, words: str) -> None:
    """What was kept stays, and one line says why."""
    await put(manager, document("xuanwu"))
    reply = await put(manager, content)
    assert reply.status == 422
    assert words in reply.json()["reason"]
    assert len((await manager.get("/api/v1/outlines")).json()["features"]) == 1


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "viewer"}, 403),
        ({"role": "officer"}, 403),
        ({"role": "administrator"}, 200),
        ({"role": "administrator", "unit": "hosp-1"}, 403),
        ({"role": "administrator", "grid": "gulou"}, 403),
    ],
)
async def test_who_may_put_outlines(manager: Caller, services: FakeServices, who: dict[str, str], status: int) -> None:
    """Those who manage the registry, all of it: outlines are one document of the whole city."""
    manager.token = await in_thread(functools.partial(token_for, services, **who))
    assert (await put(manager, document("gulou"))).status == status


@pytest.mark.parametrize(
    ("who", "grids", "keys"),
    [
        ({"role": "unit_user", "unit": "hosp-1"}, ["xuanwu"], {"hosp-1-tank", "hosp-1-store"}),
        ({"role": "officer", "grid": "gulou"}, ["gulou", "gulou/hunan-lu"], {"wtp-1-out", "wtp-1-end", "pump"}),
        ({"role": "officer", "grid": "gulou/hunan-lu"}, ["gulou", "gulou/hunan-lu"], {"wtp-1-out", "pump"}),
        ({"role": "unit_user", "unit": "nobody"}, [], set()),
    ],
)
async def test_everybody_sees_the_map_of_the_own_scope(
    manager: Caller, services: FakeServices, who: dict[str, str], grids: list[str], keys: set[str]
) -> None:
    """Outlines only around what is seen, and no figure of anybody else in them."""
    await in_thread(services.register, grid=[{"id": "hunan-lu", "parent": "gulou", "name": "湖南路"}])
    await put(manager, document("gulou", "xuanwu", "gulou/hunan-lu"))
    manager.token = await in_thread(functools.partial(token_for, services, **who))
    found = (await manager.get("/api/v1/outlines")).json()
    assert [one["properties"]["grid"] for one in found["features"]] == grids
    seen = (await manager.get("/api/v1/map")).json()
    assert {one["key"] for one in seen["places"]} == keys
    assert {one["grid"] for one in seen["grids"]} <= set(grids)
