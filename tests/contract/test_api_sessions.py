"""Signing in, the one-time password, accounts and tokens over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway import accounts
from gateway.api.session import SESSION_MS
from tests.plugins.fake_services import FakeClock, FakeServices
from tests.plugins.http_caller import Caller

GOOD = "a long and quiet river"


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Argon2 with the least cost: what is tested is not its strength."""
    kept = accounts._hasher
    accounts._hasher = type(kept)(time_cost=1, memory_cost=8, parallelism=1)
    yield
    accounts._hasher = kept


@pytest.fixture
def once(services: FakeServices) -> str:
    """The one-time password of the first administrator."""
    return accounts.create_first_administrator(services.engine)[1]


@pytest.fixture
def admin(services: FakeServices, once: str) -> str:
    """The password that the administrator chose."""
    accounts.change_password(services.engine, "admin", GOOD)
    return GOOD


async def sign_in(caller: Caller, password: str, name: str = "admin") -> int:
    """The status of signing in."""
    return (await caller.post("/api/v1/login", {"name": name, "password": password})).status


async def test_the_one_time_password_opens_nothing_but_its_change(caller: Caller, once: str) -> None:
    """Then the new one opens everything."""
    reply = await caller.post("/api/v1/login", {"name": "admin", "password": once})
    assert reply.status == 200
    assert reply.json()["must_change"] is True
    assert reply.json()["permissions"] == []
    for path in ("/api/v1/places", "/api/v1/accounts", "/api/v1/overview"):
        refused = await caller.get(path)
        assert refused.status == 403
        assert "one-time password" in refused.json()["reason"]
    assert (await caller.post("/api/v1/password", {"old": once, "new": GOOD})).status == 204
    assert (await caller.get("/api/v1/places")).status == 200
    assert (await caller.get("/api/v1/me")).json()["permissions"] == [
        "administer",
        "handle",
        "manage",
        "see",
        "see_accounts",
    ]


async def test_the_session_cookie_is_for_this_site_and_no_script(caller: Caller, admin: str) -> None:
    """HttpOnly, SameSite=Strict, with an end."""
    reply = await caller.post("/api/v1/login", {"name": "admin", "password": admin})
    cookie = reply.header("set-cookie") or ""
    for part in ("HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={SESSION_MS // 1000}"):
        assert part in cookie


async def test_behind_https_the_cookie_is_secure(services: FakeServices, caller: Caller, admin: str) -> None:
    """Where the public address is https, it never travels in clear."""
    services.settings = services.settings.model_copy(
        update={"http": services.settings.http.model_copy(update={"public_url": "https://hygeia.example"})}
    )
    reply = await caller.post("/api/v1/login", {"name": "admin", "password": admin})
    assert "Secure" in (reply.header("set-cookie") or "")


async def test_a_session_ends_by_signing_out_and_by_time(caller: Caller, admin: str, wall: FakeClock) -> None:
    """Both ends are the gateway's, not only the browser's."""
    assert await sign_in(caller, admin) == 200
    kept = dict(caller.cookies)
    assert (await caller.get("/api/v1/accounts")).status == 200
    await caller.post("/api/v1/logout")
    caller.cookies = kept
    assert (await caller.get("/api/v1/accounts")).status == 401
    assert await sign_in(caller, admin) == 200
    wall.now += SESSION_MS
    assert (await caller.get("/api/v1/accounts")).status == 401


async def test_wrong_names_and_passwords_get_the_same_answer(caller: Caller, admin: str) -> None:
    """Nobody learns which names exist."""
    wrong = await caller.post("/api/v1/login", {"name": "admin", "password": "wrong password"})
    unknown = await caller.post("/api/v1/login", {"name": "nobody", "password": "wrong password"})
    assert wrong.status == unknown.status == 401
    assert wrong.body == unknown.body


async def test_after_wrong_tries_the_next_has_to_wait(caller: Caller, admin: str, wall: FakeClock) -> None:
    """Even the right password; after the wait it is taken."""
    for _ in range(5):
        assert await sign_in(caller, "wrong password") == 401
    reply = await caller.post("/api/v1/login", {"name": "admin", "password": admin})
    assert reply.status == 429
    assert int(reply.header("retry-after") or 0) >= 1
    wall.now += 3000
    assert await sign_in(caller, admin) == 200


async def test_a_wrong_old_password_changes_nothing(caller: Caller, admin: str) -> None:
    """A session that was left open is not enough."""
    assert await sign_in(caller, admin) == 200
    assert (await caller.post("/api/v1/password", {"old": "x", "new": "another long river"})).status == 401
    reply = await caller.post("/api/v1/password", {"old": admin, "new": "short"})
    assert reply.status == 422
    assert reply.json()["faults"][0]["field"] == "new"
    assert "short" not in reply.text
    assert await sign_in(caller, admin) == 200


async def test_an_administrator_creates_resets_and_shuts_out_accounts(caller: Caller, admin: str) -> None:
    """The one-time password is shown once; the account list shows none."""
    assert await sign_in(caller, admin) == 200
    made = await caller.post("/api/v1/accounts", {"name": "ann", "role": "officer", "grid": "gulou"})
    assert made.status == 201
    listed = (await caller.get("/api/v1/accounts")).json()["items"]
    assert [one["name"] for one in listed] == ["admin", "ann"]
    assert "password" not in listed[0]
    reset = await caller.post("/api/v1/accounts/ann/reset")
    assert reset.json()["one_time_password"] != made.json()["one_time_password"]
    assert (await caller.post("/api/v1/accounts/ann/disable")).status == 204
    other = Caller(caller.app)
    assert await sign_in(other, reset.json()["one_time_password"], "ann") == 401
    assert (await caller.post("/api/v1/accounts/ann/enable")).status == 204
    assert await sign_in(other, reset.json()["one_time_password"], "ann") == 200
    assert (await caller.post("/api/v1/accounts/admin/disable")).status == 409
    assert (await caller.post("/api/v1/accounts/zoe/reset")).status == 404


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"name": "b b", "role": "viewer"}, "name"),
        ({"name": "bob", "role": "king"}, "role"),
        ({"name": "bob", "role": "unit_user"}, "unit"),
        ({"name": "bob", "role": "viewer", "unit": "nowhere"}, "unit"),
        ({"name": "bob"}, "role"),
        ({"name": "bob", "role": "viewer", "colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_account_names_the_field(
    caller: Caller, admin: str, document: dict[str, str], field: str
) -> None:
    """And what is allowed."""
    assert await sign_in(caller, admin) == 200
    reply = await caller.post("/api/v1/accounts", document)
    assert reply.status == 422
    assert [fault["field"] for fault in reply.json()["faults"]] == [field]
    assert reply.json()["faults"][0]["allowed"]


async def test_a_token_does_what_its_account_may_until_it_is_revoked(caller: Caller, admin: str) -> None:
    """It is shown once and listed without its secret."""
    assert await sign_in(caller, admin) == 200
    token = (await caller.post("/api/v1/tokens", {"label": "grafana"})).json()["token"]
    program = Caller(caller.app)
    program.token = token
    assert (await program.get("/api/v1/me")).json() | {"permissions": []} == {
        "name": "admin",
        "role": "administrator",
        "unit": None,
        "grid": None,
        "how": "token",
        "must_change": False,
        "permissions": [],
    }
    (listed,) = (await caller.get("/api/v1/tokens")).json()["items"]
    assert token not in str(listed)
    assert (await caller.post(f"/api/v1/tokens/{listed['id']}/revoke")).status == 204
    assert (await program.get("/api/v1/me")).status == 401
    assert (await caller.post(f"/api/v1/tokens/{listed['id']}/revoke")).status == 404
