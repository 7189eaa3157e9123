"""Whatever is asked, the answer names field, value and what is allowed, and never a fault of Hygeia."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.base import RetryError, StoredReading
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller, in_thread

WRONG = [
    ("limit", "0"),
    ("limit", "-1"),
    ("limit", "10001"),
    ("limit", "ten"),
    ("limit", "1.5"),
    ("limit", "999999999999999999999999"),
    ("from", "yesterday"),
    ("from", "-1"),
    ("from", "99999999999999999999"),
    ("to", "2025-13-01"),
    ("to", "0001-01-01"),
    ("to", "9999-12-31T23:59:59-12:00"),
    ("format", "xml"),
    ("order", "sideways"),
    ("after", "not a cursor!"),
    ("after", "W10"),
    ("after", "bnVsbA"),
    ("after", "e30"),
    ("devise", "wq-1"),
]
LISTS = ("units", "places", "devices", "readings", "alerts", "containers", "parked", "commands")


@pytest.mark.parametrize("path", LISTS)
async def test_a_wrong_value_is_named(looking: Caller, path: str) -> None:
    """422 with field, value and what is allowed."""
    for field, value in WRONG:
        reply = await looking.call("GET", f"/api/v1/{path}?{field}={quote(value)}")
        assert reply.status == 422, (field, value, reply.text)
        (fault,) = reply.json()["faults"]
        assert (fault["field"], fault["value"]) == (field, value)
        assert fault["allowed"]
        assert reply.json()["reason"]


async def test_all_faults_come_at_once(looking: Caller) -> None:
    """So that one correction is enough."""
    reply = await looking.get("/api/v1/readings", limit="x", format="y", order="z")
    assert [fault["field"] for fault in reply.json()["faults"]] == ["limit", "format", "order"]


NAMES = st.sampled_from(["limit", "after", "from", "to", "device", "place", "format", "order", "point", "parameter"])
VALUES = st.one_of(
    st.text(max_size=30), st.integers().map(str), st.sampled_from(["wq-1", "csv", "W10", "MTA", "0", "-"])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(NAMES, VALUES, max_size=4), path=st.sampled_from([*LISTS, "series", "overview"]))
async def test_no_query_is_a_fault_of_hygeia(looking: Caller, path: str, query: dict[str, str]) -> None:
    """Any text gets 200 or 422."""
    clean = {name: value.encode("utf-8", "ignore").decode() for name, value in query.items()}
    reply = await looking.call("GET", f"/api/v1/{path}?" + "&".join(f"{n}={quote(v)}" for n, v in clean.items()))
    assert reply.status in {200, 422}, reply.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[[[[",
        b"\xff\xfe",
        b'{"name": "a"}',
        b'{"name": 1, "password": []}',
        b'{"name": "\\ud800", "password": "x"}',
        b"[" * 50_000,
    ],
)
@pytest.mark.parametrize("path", ["login", "commands", "password", "accounts", "tokens"])
async def test_no_body_is_a_fault_of_hygeia(looking: Caller, path: str, body: bytes) -> None:
    """Whatever comes is refused with a reason."""
    reply = await looking.call("POST", f"/api/v1/{path}", {"content-type": "application/json"}, body)
    assert reply.status in {400, 401, 422}, reply.text
    assert reply.json()["reason"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api/v1/",
        "/api/v2/places",
        "/static/../secret",
        "/static/%2e%2e/live.html",
        "/docs/swagger/index.html",
    ],
)
async def test_what_does_not_exist_is_404_in_the_same_shape(looking: Caller, path: str) -> None:
    """No file outside the served ones is reached."""
    reply = await looking.get(path)
    assert reply.status == 404
    assert reply.json() == {"reason": "Not Found", "faults": []}


async def test_a_store_that_cannot_be_read_is_503(services: FakeServices, caller: Caller) -> None:
    """With its words and when to come again."""

    class Dead:
        def read(self, **_asked: Any) -> list[StoredReading]:
            raise RetryError("no connection", 4.0)

    services.store = Dead()  # type: ignore[assignment]
    reply = await caller.get("/api/v1/readings", device="x")
    assert reply.status == 503
    assert reply.header("retry-after") == "4"
    assert "no connection" in reply.json()["reason"]


async def test_a_fault_of_hygeia_tells_nothing_of_its_inside(services: FakeServices, caller: Caller) -> None:
    """The log says more."""

    def broken(_device: str) -> Any:
        raise RuntimeError("password of the database")

    services.latest = broken  # type: ignore[method-assign]
    await in_thread(services.register, devices=[{"id": "d", "kind": "water"}])
    reply = await caller.get("/api/v1/overview")
    assert reply.status == 500
    assert reply.json()["reason"] == "this is a fault of Hygeia; its log says more"
