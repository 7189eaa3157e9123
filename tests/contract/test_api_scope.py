"""A unit user sees nothing of another unit, whatever is asked: every route stands in one of these tables."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from devices.outlines import read_outlines
from gateway import state
from gateway.api.app import build_app
from gateway.outlines import Outlines
from tests.plugins.city import fill_city
from tests.plugins.fake_services import NOW, FakeClock, FakeServices
from tests.plugins.http_caller import Caller, token_for

#: What a user of hosp-1 may ask, with the answer where it is not 200.
ASKED: dict[str, list[tuple[str, int]]] = {
    "/api/v1/units": [
        ("", 200),
        ("?place=wtp-1-out", 200),
        ("?device=wq-1", 200),
        ("?format=csv", 200),
        ("?from=0&to=9", 200),
    ],
    "/api/v1/places": [
        ("", 200),
        ("?place=wtp-1-out", 200),
        ("?device=wq-1", 200),
        ("?order=desc", 200),
        ("?format=csv", 200),
    ],
    "/api/v1/devices": [("", 200), ("?place=wtp-1-out", 200), ("?device=wq-1", 200), ("?format=csv", 200)],
    "/api/v1/parameters": [("", 200)],
    "/api/v1/readings": [
        ("?limit=10000", 200),
        ("?device=wq-1", 200),
        ("?place=wtp-1-out", 200),
        ("?format=csv&limit=9000", 200),
    ],
    "/api/v1/series": [("?device=wq-1&parameter=ph", 200), ("?device=wq-3&parameter=conductivity", 200)],
    "/api/v1/alerts": [
        ("", 200),
        ("?device=wq-2", 200),
        ("?place=wtp-1-end", 200),
        ("?standing=true", 200),
        ("?format=csv", 200),
    ],
    "/api/v1/alerts/{id}": [("/al-1", 404), ("/al-2", 200)],
    "/api/v1/alert-board": [("", 200), ("?q=wtp", 200), ("?unit=wtp-1", 200), ("?district=gulou", 200)],
    "/api/v1/balance": [("?day=2025-11-22", 200), ("?day=2025-11-22&unit=wtp-1", 200)],
    "/api/v1/manifests": [("", 200), ("?format=csv", 200)],
    "/api/v1/manifests/{id}": [("/M-2", 404)],
    "/api/v1/custody-board": [("", 200), ("?view=open", 200), ("?view=open&q=MW-2", 200), ("?unit=wtp-1", 200)],
    "/api/v1/custody-trace/{id:path}": [("/MW-1", 200), ("/MW-2", 404), ("/MW%2F3", 404)],
    "/api/v1/manifest-board": [("", 200), ("?q=wtp-1", 200)],
    "/api/v1/manifest-slip/{id:path}": [("/M-2", 404)],
    "/api/v1/label-ranges": [("", 200)],
    "/api/v1/ledger/checkpoint": [("", 404)],
    "/api/v1/ledger/head": [("", 404)],
    "/api/v1/ledger/key": [("", 503)],
    "/api/v1/ledger/proof": [("?idx=0", 422)],
    "/api/v1/notices/{offset}/{n}": [("/500/0", 404)],
    "/api/v1/sessions": [("", 200), ("?device=wq-1", 200), ("?place=wtp-1-out", 200), ("?format=csv", 200)],
    "/api/v1/findings": [("", 200), ("?device=wq-1", 200), ("?place=wtp-1-end", 200), ("?format=csv", 200)],
    "/api/v1/kpi": [("", 200), ("?hours=48", 200)],
    "/api/v1/containers": [("", 200), ("?device=scale-1", 200), ("?device=scale-2", 200), ("?place=wtp-1-out", 200)],
    "/api/v1/containers/{id:path}": [("/MW-1", 200), ("/MW-2", 404), ("/MW%2F3", 404)],
    "/api/v1/epcis": [
        ("?container=MW-1", 200),
        ("?container=MW-2", 404),
        ("?day=2025-11-22", 200),
        ("?day=2025-11-22&unit=wtp-1", 200),
    ],
    "/api/v1/evidence": [
        ("?of=container:MW-1", 503),
        ("?of=container:MW-2", 404),
        ("?of=alert:al-1", 404),
        ("?of=day:2025-11-22", 403),
    ],
    "/api/v1/parked": [
        ("", 200),
        ("?device=wq-1", 200),
        ("?device=stranger", 200),
        ("?order=desc", 200),
        ("?format=csv", 200),
    ],
    "/api/v1/commands": [("", 200)],
    "/api/v1/commands/{offset}": [("/41", 404)],
    "/api/v1/files": [("", 200)],
    "/api/v1/files/{sha256}": [("/" + "0" * 64, 404)],
    "/api/v1/overview": [("", 200), ("?q=wtp", 200), ("?selected=wtp-1-out", 200), ("?selected=~lost", 200)],
    "/api/v1/map": [("", 200), ("?place=hosp-1-tank", 200), ("?place=wtp-1-out", 200), ("?place=~lost", 200)],
    "/api/v1/outlines": [("", 200)],
    "/api/v1/me": [("", 200)],
    "/api/v1/accounts": [("", 403)],
    "/api/v1/tokens": [("", 200)],
    "/api/v1/registry": [("", 403)],
    "/api/v1/credentials": [("", 403)],
    "/api/v1/report": [("", 403)],
    "/": [("", 200)],
    "/alerts": [("", 200)],
    "/alerts/{id}": [("/al-1", 200)],
    "/kpi": [("", 200)],
    "/map": [("", 200)],
    "/custody": [("", 200)],
    "/custody/{id:path}": [("/MW-2", 200)],
    "/balance": [("", 200)],
    "/manifests": [("", 200)],
    "/manifests/{id:path}": [("/M-2", 200)],
    "/manifests/{id:path}/pdf": [("/M-2/pdf", 404)],
    "/manifests/{id:path}/qr.svg": [("/M-2/qr.svg", 404)],
    "/labels": [("", 200)],
    "/scan": [("", 200)],
    "/scan-worker.js": [("", 200)],
    "/labels/{id}/pdf": [("/wtp-labels/pdf?first=1&last=2", 403)],
    "/ack/{token}": [("/nothing", 404)],
    "/healthz": [("", 200)],
    "/readyz": [("", 200)],
    "/metrics": [("", 403)],
    "/docs": [("", 200)],
    "/openapi.json": [("", 200)],
}
#: Pages are templates without data, and these say nothing of units.
SAME_FOR_ALL = {
    *("/docs", "/openapi.json", "/", "/readyz", "/healthz", "/alerts", "/alerts/{id}", "/kpi", "/custody", "/map"),
    *("/custody/{id:path}", "/balance", "/manifests", "/manifests/{id:path}", "/labels", "/scan"),
    "/scan-worker.js",
}
#: What changes something, with a call about another unit and its answer.
TRIED: dict[tuple[str, str], tuple[str, Any, int]] = {
    ("POST", "/api/v1/ledger/witness/add-checkpoint"): ("/api/v1/ledger/witness/add-checkpoint", {"old": 0}, 400),
    ("POST", "/api/v1/commands"): ("/api/v1/commands", {"command": "alerts.ack", "args": {"id": "al-1"}}, 404),
    ("POST", "/ack/{token}"): ("/ack/nothing", None, 404),
    ("POST", "/api/v1/backup/readings"): ("/api/v1/backup/readings", None, 403),
    ("PUT", "/api/v1/outlines"): ("/api/v1/outlines", {"type": "FeatureCollection", "features": []}, 403),
    ("PUT", "/api/v1/files/{sha256}"): ("/api/v1/files/" + "1" * 64, None, 422),
    ("POST", "/api/v1/devices/{device}/events"): ("/api/v1/devices/scale-2/events", {"id": "x"}, 404),
    ("POST", "/api/v1/login"): ("/api/v1/login", {"name": "x", "password": "y"}, 401),
    ("POST", "/api/v1/logout"): ("/api/v1/logout", None, 204),
    ("POST", "/api/v1/password"): ("/api/v1/password", {"old": "x", "new": "y"}, 401),
    ("POST", "/api/v1/accounts"): ("/api/v1/accounts", {"name": "x", "role": "administrator"}, 403),
    ("POST", "/api/v1/accounts/{name}/reset"): ("/api/v1/accounts/admin/reset", None, 403),
    ("POST", "/api/v1/accounts/{name}/disable"): ("/api/v1/accounts/admin/disable", None, 403),
    ("POST", "/api/v1/accounts/{name}/enable"): ("/api/v1/accounts/admin/enable", None, 403),
    ("POST", "/api/v1/tokens"): ("/api/v1/tokens", {"label": "x", "account": "admin"}, 403),
    ("POST", "/api/v1/tokens/{id}/revoke"): ("/api/v1/tokens/" + "0" * 12 + "/revoke", None, 404),
}
#: Lists that hold something of the own unit.
PATHS_SEEN = ("units", "places", "devices", "readings", "alerts", "containers", "parked", "sessions", "findings")
#: Words that only the other unit's data hold (the catalogue and the question itself aside).
FOREIGN = (
    "wtp-1",
    "wq-1",
    "wq-2",
    "城北",
    "North waterworks",
    "al-1",
    "gulou",
    "MW-2",
    "scale-2",
    "stranger",
    "~lost",
    "secret-of-wtp",
)


def fill(city: FakeServices) -> None:
    """The city with something of every kind on both sides."""
    fill_city(city)
    city.register(
        devices=[
            {"id": "scale-2", "place": "wtp-1-out", "kind": "terminal"},
            {"id": "lost", "kind": "water"},
        ],
    )
    city.reading("lost", "ph", 7.0)
    city.container("MW-2", 701, "scale-2")
    city.park(603, "wq-2", payload=b"secret-of-wtp")
    for offset, device in ((50, "wq-1"), (51, "wq-3")):
        city.insert(state.sessions, device=device, offset=offset, kind="clean", opened_at=NOW - 5, until=NOW + 5)
        parts = city.registry().subject_parts(device)
        where = {"unit": parts.unit, "place": parts.place, "grid": parts.grid}
        city.insert(state.findings, offset=offset, n=0, device=device, parameter="ph", ts=NOW - 5, **where)
    borders = {"type": "Polygon", "coordinates": [[[0.1, 0.1], [0.2, 0.1], [0.2, 0.2], [0.1, 0.1]]]}
    features = [{"type": "Feature", "properties": {"id": name}, "geometry": borders} for name in ("gulou", "xuanwu")]
    document = {"type": "FeatureCollection", "features": features}
    Outlines(city.settings.data.dir).put(read_outlines(document, city.registry()))
    for offset, alert in ((500, "al-1"), (501, "al-2")):
        city.insert(state.transitions, offset=offset, n=0, alert=alert, event="fired", to_state="active", at=NOW - 4)
    city.insert(state.answers, offset=41, body='{"status": 200, "of": "wq-1"}')


@pytest.fixture(scope="module")
def shared_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """One city for all tests that only look; the token is that of a unit user of hosp-1."""
    city = FakeServices(tmp_path_factory.mktemp("city"))
    fill(city)
    caller = Caller(build_app(city, FakeClock()))
    caller.token = token_for(city, "unit_user", unit="hosp-1")
    yield caller
    city.engine.dispose()


@pytest.fixture
def hospital(shared_city: Caller) -> Caller:
    """A caller with the token of a unit user of hosp-1."""
    return shared_city


@pytest.fixture
def two_units(services: FakeServices) -> FakeServices:
    """A city of its own, for tests that change something."""
    fill(services)
    return services


@pytest.fixture
def changing(two_units: FakeServices, caller: Caller) -> Caller:
    """A unit user of hosp-1 who may change something there."""
    caller.token = token_for(two_units, "unit_user", unit="hosp-1")
    return caller


@pytest.fixture
def district(two_units: FakeServices, caller: Caller) -> Caller:
    """A caller with the token of an officer of one street."""
    caller.token = token_for(two_units, "officer", grid="gulou/hunan-lu")
    return caller


@pytest.fixture
def of_one_unit(two_units: FakeServices, caller: Caller) -> Caller:
    """An administrator who sees one hospital."""
    caller.token = token_for(two_units, "administrator", unit="hosp-1")
    return caller


def test_every_route_stands_in_one_of_the_tables(hospital: Caller) -> None:
    """A new route without a scope test fails here."""
    found = {*routes(hospital.app)}
    assert len(found) > len(TRIED)
    for method, path in sorted(found):
        if method == "GET":
            assert path in ASKED, f"{path}: say in ASKED what a unit user gets"
        else:
            assert (method, path) in TRIED, f"{method} {path}: say in TRIED what a unit user gets"


@pytest.mark.parametrize(("path", "more", "status"), [(path, *one) for path, asked in ASKED.items() for one in asked])
async def test_a_unit_user_sees_nothing_of_another_unit(hospital: Caller, path: str, more: str, status: int) -> None:
    """No word of the other unit is in any answer, decoded payloads included."""
    reply = await hospital.call("GET", path.partition("/{")[0] + more)
    assert reply.status == status, reply.text
    if path in SAME_FOR_ALL:
        return
    shown = reply.text + _payloads(reply.body)
    if status != 200:
        # What was asked for is repeated.
        shown = shown.replace(more.lstrip("/"), "").replace(more.rpartition("=")[2], "")
    if path == "/api/v1/series":
        # It repeats whom it was asked for; of the other unit there is no value.
        assert bool(reply.json()["ts"]) == ("wq-3" in more)
        shown = shown.replace('"device":"wq-1"', "")
    found = [word for word in FOREIGN if word in shown]
    assert not found, f"{found} in {shown[:500]}"


@pytest.mark.parametrize("path", PATHS_SEEN)
async def test_a_unit_user_sees_the_own_unit(hospital: Caller, path: str) -> None:
    """The filter does not hide everything."""
    reply = await hospital.get(f"/api/v1/{path}", limit=10)
    assert reply.json()["items"], path


@pytest.mark.parametrize(("method", "path"), TRIED)
async def test_a_unit_user_changes_nothing_of_another_unit(
    changing: Caller, two_units: FakeServices, method: str, path: str
) -> None:
    """What is not seen does not exist, and what concerns everybody is not allowed."""
    target, document, status = TRIED[method, path]
    body = b"" if document is None else json.dumps(document).encode()
    headers = {"content-type": "application/json"} if document is not None else {}
    reply = await changing.call(method, target, headers, body)
    assert reply.status == status, reply.text
    assert two_units.commands == []
    assert two_units.pushed == []


@pytest.mark.parametrize("path", ["/api/v1/backup/readings", "/api/v1/outlines"])
async def test_an_administrator_with_a_scope_does_nothing_to_the_whole(of_one_unit: Caller, path: str) -> None:
    """The right to administer one unit is none to copy or to draw all of them."""
    method = next(method for method, known in TRIED if known == path)
    reply = await of_one_unit.call(method, path, {"content-type": "application/json"}, b"{}")
    assert reply.status == 403, reply.text
    assert "this account has a scope" in reply.text


async def test_a_grid_officer_sees_the_own_district(district: Caller) -> None:
    """Scope by grid covers what is below the path, over units."""
    places = await district.get("/api/v1/places")
    assert [one["id"] for one in places.json()["items"]] == ["wtp-1-out"]
    readings = await district.get("/api/v1/readings", limit=10000)
    assert {one["device"] for one in readings.json()["items"]} == {"wq-1"}
    assert [one["id"] for one in (await district.get("/api/v1/units")).json()["items"]] == ["wtp-1"]


async def test_an_officer_acknowledges_in_scope_only(two_units: FakeServices, changing: Caller) -> None:
    """The own alert goes through, with the account's name."""
    reply = await changing.post("/api/v1/commands", {"command": "alerts.ack", "args": {"id": "al-2"}})
    assert reply.status == 200
    assert two_units.commands == [("alerts.ack", {"id": "al-2"}, "unit_user")]


async def test_a_device_that_moved_takes_no_readings_along(two_units: FakeServices, changing: Caller) -> None:
    """What wq-1 measured at the waterworks stays hidden when it comes to the hospital."""
    for index, one in enumerate(two_units.store.rows):
        one.offset = index % 5
    moved = {"id": "wq-1", "place": "hosp-1-tank", "kind": "water"}
    await asyncio.to_thread(two_units.register, devices=[moved])
    two_units.reading("wq-1", "ph", 7.77, NOW, offset=10_000)
    reply = await changing.get("/api/v1/readings", device="wq-1", limit=10000)
    assert [one["value"] for one in reply.json()["items"]] == [7.77]
    series = await changing.get("/api/v1/series", device="wq-1", parameter="ph")
    assert series.json()["last"] == [7.77]


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path of every route of an app, also those of routers inside."""
    waiting: list[Any] = list(app.routes)
    while waiting:
        one = waiting.pop()
        inside = getattr(one, "effective_candidates", None)
        if inside is not None:
            waiting += inside()
        elif getattr(one, "methods", None):
            for method in one.methods - {"HEAD"}:
                yield method, one.path


def _payloads(body: bytes) -> str:
    """Every payload in an answer, in clear."""
    try:
        items = json.loads(body).get("items", [])
    except (ValueError, AttributeError):
        return ""
    raw = [one["payload_b64"] for one in items if isinstance(one, dict) and one.get("payload_b64")]
    return " ".join(base64.b64decode(one).decode() for one in raw)
