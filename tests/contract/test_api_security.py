"""Who gets in: loopback, beyond loopback, tokens, other pages in the same browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.api.app import build_app
from gateway.api.services import Lag
from tests.plugins.city import fill_city
from tests.plugins.fake_services import RUNTIME_TOKEN, FakeClock, FakeServices
from tests.plugins.http_caller import Caller, in_thread, token_for

COMMAND = {"command": "journal.redrive", "args": {"all": True}}


@pytest.fixture
def open_services(tmp_path: Path) -> Iterator[FakeServices]:
    """A gateway that listens beyond loopback."""
    fake = FakeServices(tmp_path, listen="0.0.0.0:8080")
    fill_city(fake)
    yield fake
    fake.engine.dispose()


@pytest.fixture
def outside(open_services: FakeServices) -> Caller:
    """Somebody on another machine."""
    return Caller(build_app(open_services, FakeClock()), peer="192.0.2.7", host="gateway.example:8080")


async def test_on_loopback_nobody_reads_everything_and_changes_nothing(city_caller: Caller, city: FakeServices) -> None:
    """A change needs a user or a token."""
    assert (await city_caller.get("/api/v1/readings", limit=1)).status == 200
    reply = await city_caller.post("/api/v1/commands", COMMAND)
    assert reply.status == 401
    assert reply.header("www-authenticate") == "Bearer"
    assert city.commands == []


@pytest.mark.parametrize(
    "path",
    ["/api/v1/places", "/api/v1/overview", "/api/v1/parameters", "/metrics", "/docs", "/openapi.json", "/api/v1/me"],
)
async def test_beyond_loopback_nobody_sees_nothing_but_health(outside: Caller, path: str) -> None:
    """Health is for watchdogs; its words are not for strangers."""
    assert (await outside.get(path)).status == 401
    assert (await outside.get("/healthz")).status == 200
    assert (await outside.get("/readyz")).status == 200


async def test_beyond_loopback_also_this_machine_needs_a_token(open_services: FakeServices) -> None:
    """A proxy on this machine must not make everybody a viewer."""
    local = Caller(build_app(open_services, FakeClock()), peer="127.0.0.1")
    assert (await local.get("/api/v1/places")).status == 401


async def test_the_page_beyond_loopback_holds_only_the_way_to_sign_in(outside: Caller) -> None:
    """It says 401 and no name of any place."""
    reply = await outside.get("/")
    assert reply.status == 401
    assert 'id="sign-in"' in reply.text
    assert "wtp-1" not in reply.text


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_what_a_proxy_brings_is_not_loopback(looking: Caller, name: str) -> None:
    """Where a proxy says so, its peer's address says nothing."""
    assert (await looking.get("/api/v1/places", {name: "192.0.2.7"})).status == 401


async def test_a_public_address_ends_reading_without_a_token(tmp_path: Path) -> None:
    """Then a proxy leads to the gateway, though it is bound to loopback."""
    services = await in_thread(FakeServices, tmp_path, public_url="https://hygeia.example")
    caller = Caller(build_app(services, FakeClock()))
    assert (await caller.get("/api/v1/places")).status == 401
    await in_thread(services.engine.dispose)


async def test_the_token_of_runtime_json_is_an_administrator(outside: Caller, open_services: FakeServices) -> None:
    """Whoever may read that file may do everything."""
    outside.token = RUNTIME_TOKEN
    assert (await outside.post("/api/v1/commands", COMMAND)).status == 200
    assert open_services.commands == [("journal.redrive", {"all": True}, "runtime")]


@pytest.mark.parametrize("token", ["wrong", RUNTIME_TOKEN[:-1], RUNTIME_TOKEN + "x", "ä" * 40])
async def test_a_wrong_token_is_nobody_even_on_loopback(looking: Caller, token: str) -> None:
    """Whoever shows a token means to be somebody."""
    assert (await looking.get("/api/v1/places", {"authorization": f"Bearer {token}"})).status == 401


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("viewer", False), ("auditor", False), ("officer", False), ("manager", True), ("administrator", True)],
)
async def test_roles_bound_commands(city: FakeServices, city_caller: Caller, role: str, allowed: bool) -> None:
    """Redriving is for managers and administrators."""
    city_caller.token = await asyncio.to_thread(token_for, city, role)
    assert (await city_caller.post("/api/v1/commands", COMMAND)).status == (200 if allowed else 403)
    acknowledged = await city_caller.post("/api/v1/commands", {"command": "alerts.ack", "args": {"id": "al-1"}})
    assert acknowledged.status == (200 if allowed or role == "officer" else 403)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"]
)
async def test_another_name_for_loopback_is_refused(looking: Caller, host: str) -> None:
    """DNS rebinding: the browser believes to speak with that name."""
    assert (await looking.get("/api/v1/places", {"host": host})).status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:41234", "[::1]:8080"])
async def test_the_names_of_loopback_are_taken(looking: Caller, host: str) -> None:
    """With any port: it is the machine that counts."""
    assert (await looking.get("/api/v1/places", {"host": host})).status == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8081", "http://127.0.0.1:8080.x"],
)
async def test_another_page_is_refused_by_its_origin(looking: Caller, origin: str) -> None:
    """Also one on another port of this machine: cookies do not tell ports apart."""
    looking.token = RUNTIME_TOKEN
    assert (await looking.post("/api/v1/commands", COMMAND, {"origin": origin})).status == 403
    assert (await looking.get("/api/v1/places", {"origin": origin})).status == 403


async def test_the_own_page_is_taken_by_its_origin(looking: Caller) -> None:
    """The page at this address may call."""
    looking.token = RUNTIME_TOKEN
    headers = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"}
    assert (await looking.post("/api/v1/commands", COMMAND, headers)).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_another_page_is_refused(looking: Caller, site: str) -> None:
    """Where a browser names no origin, it names the site."""
    looking.token = RUNTIME_TOKEN
    assert (await looking.post("/api/v1/commands", COMMAND, {"sec-fetch-site": site})).status == 403
    assert (await looking.get("/", {"sec-fetch-site": site})).status == 200


async def test_a_body_that_is_not_declared_json_is_refused(looking: Caller) -> None:
    """A form cannot send application/json without asking first."""
    looking.token = RUNTIME_TOKEN
    body = b'{"command": "journal.redrive", "args": {}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert (await looking.call("POST", "/api/v1/commands", {"content-type": kind}, body)).status == 422


async def test_no_link_changes_anything(looking: Caller) -> None:
    """Every route that changes something takes POST or PUT only."""
    for path in ("/api/v1/logout", "/api/v1/login", "/api/v1/password", "/api/v1/accounts/admin/disable"):
        assert (await looking.get(path)).status == 405


async def test_answers_forbid_what_the_page_does_not_need(looking: Caller) -> None:
    """No scripts from elsewhere, no frames, nothing kept by caches."""
    for path in ("/", "/api/v1/places", "/healthz", "/nowhere"):
        reply = await looking.get(path)
        policy = reply.header("content-security-policy") or ""
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("referrer-policy") == "no-referrer"
    assert (await looking.get("/api/v1/places")).header("cache-control") == "no-store"


async def test_a_large_body_is_refused(looking: Caller) -> None:
    """Before it fills the memory."""
    reply = await looking.post("/api/v1/login", {"name": "a", "password": "x" * 70_000})
    assert reply.status == 413
    assert reply.json()["reason"] == "a body here has at most 65536 bytes"
    assert "login" not in reply.text


async def test_words_of_followers_are_not_for_strangers(outside: Caller, open_services: FakeServices) -> None:
    """They may name servers."""
    open_services.followers["store"] = Lag(5, 95, "held", "InfluxDB at 10.1.2.3 refuses the token")
    stranger = await outside.get("/readyz")
    assert stranger.status == 503
    assert "10.1.2.3" not in stranger.text
    outside.token = RUNTIME_TOKEN
    assert "10.1.2.3" in (await outside.get("/readyz")).text
