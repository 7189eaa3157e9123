"""Calls an app without a network, and the services and callers that tests of the API share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import msgspec
import pytest
from fastapi import FastAPI

from gateway import accounts, state
from gateway.api.app import build_app
from tests.plugins.city import fill_city
from tests.plugins.fake_services import FakeClock, FakeServices


class Reply(msgspec.Struct):
    """The answer of an app."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Caller:
    """Calls an app in the test's event loop, as a browser or program at ``peer`` would; keeps cookies."""

    def __init__(self, app: FastAPI, *, peer: str = "127.0.0.1", host: str = "127.0.0.1:8080") -> None:
        self.app = app
        self.peer = peer
        self.host = host
        self.token: str | None = None
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Reply:
        """GET with a query."""
        given = {name.rstrip("_"): value for name, value in query.items()}
        return await self.call("GET", path + (f"?{urlencode(given)}" if given else ""), headers)

    async def post(self, path: str, document: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """POST a JSON document."""
        body = b"" if document is None else json.dumps(document).encode()
        kind = {"content-type": "application/json"} if document is not None else {}
        return await self.call("POST", path, kind | (headers or {}), body)

    async def call(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """One request; the body goes in two pieces."""
        given = {"host": self.host} | (headers or {})
        if self.token:
            given.setdefault("authorization", f"Bearer {self.token}")
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(plain),
            "raw_path": plain.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
            "client": (self.peer, 50000),
            "server": ("127.0.0.1", 8080),
        }
        half = len(body) // 2
        waiting = [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return waiting.pop(0) if waiting else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            await self.app(scope, receive, send)
        except Exception:
            # A server logs it; the caller has got an answer before.
            if not sent:
                raise
        start = sent[0]
        found = [(name.decode(), value.decode()) for name, value in start["headers"]]
        for name, value in found:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Reply(start["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


def token_for(services: FakeServices, role: str, unit: str | None = None, grid: str | None = None) -> str:
    """An account named after its role, and a token of it; no password fits it."""
    scope = {"unit": unit, "grid": grid}
    services.insert(state.accounts, name=role, password="none", role=role, must_change=False, disabled=False, **scope)
    return accounts.issue_token(services.engine, role, "test", "api", None)


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Write into the state from a test that runs in the event loop."""
    return await asyncio.to_thread(function, *arguments, **named)


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The app of one city for all tests that only look."""
    fake = FakeServices(tmp_path_factory.mktemp("shared-city"))
    fill_city(fake)
    yield build_app(fake, FakeClock())
    fake.engine.dispose()


@pytest.fixture
def looking(shared_app: FastAPI) -> Caller:
    """Nobody on the machine of a city that no test changes."""
    return Caller(shared_app)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[FakeServices]:
    """Services on loopback with nothing registered."""
    fake = FakeServices(tmp_path)
    yield fake
    fake.engine.dispose()


@pytest.fixture
def city(services: FakeServices) -> FakeServices:
    """Services with ``fill_city``."""
    fill_city(services)
    return services


@pytest.fixture
def wall() -> FakeClock:
    """The clock of sessions and throttling."""
    return FakeClock()


@pytest.fixture
async def caller(services: FakeServices, wall: FakeClock) -> Caller:
    """Nobody on the machine of ``services``."""
    return Caller(build_app(services, wall))


@pytest.fixture
async def city_caller(city: FakeServices, wall: FakeClock) -> Caller:
    """Nobody on the machine of ``city``."""
    return Caller(build_app(city, wall))
