"""What pages and API ask of the gateway, in memory, and a client that calls an app without a network."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from devices.registry import Change, Registry
from gateway import state
from gateway.api.app import build_app
from gateway.api.services import Answer, Band, Lag, Latest, RawMessage
from gateway.config import Settings
from gateway.database import open_state, upgrade
from gateway.report import DEMO_KEYS
from gateway.store.base import StoredReading

#: 2025-11-22 08:00 in Shanghai.
NOW = 1_763_769_600_000
MINUTE = 60_000
HOUR = 3_600_000
RUNTIME_TOKEN = "runtime-token-of-the-fake"


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def now_ms(self) -> int:
        """See ``Clock``."""
        return self.now

    def monotonic(self) -> float:
        """See ``Clock``."""
        return self.now / 1000

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock``."""
        return seconds


class FakeStore:
    """The reading half of a store, with its order and its pages."""

    def __init__(self) -> None:
        self.rows: list[StoredReading] = []

    def read(
        self,
        *,
        device: str,
        point: str | None,
        parameter: str | None,
        start: int,
        end: int,
        limit: int,
        after: int = -1,
    ) -> list[StoredReading]:
        """See ``TimeSeriesStore.read``."""
        found = [
            one
            for one in self.rows
            if one.device == device
            and start <= one.ts < end
            and (point is None or one.point == point)
            and (parameter is None or one.parameter == parameter)
        ]
        found.sort(key=lambda one: (one.ts, one.parameter, one.point))
        return found[after + 1 : after + 1 + limit]


class FakeServices:
    """``gateway.api.services.Services`` in memory; tests fill what they ask for."""

    def __init__(self, folder: Path, **http: Any) -> None:
        self.engine = open_state(folder / "state.db")
        upgrade(self.engine)
        self.store = FakeStore()
        self.clock = FakeClock()
        self.settings = Settings(data={"dir": folder}, http=http, journal={"min_free": "1MiB"})
        self.runtime_token = RUNTIME_TOKEN
        self.limits: dict[str, list[Band]] = {}
        self.newest: dict[str, dict[tuple[str, str], Latest]] = {}
        self.followers: dict[str, Lag] = {
            "journal": Lag(100, 0, "ok"),
            "decide": Lag(100, 0, "ok"),
            "store": Lag(100, 0, "ok"),
            "deliver": Lag(100, 0, "ok"),
        }
        self.counters: dict[str, int | None] = dict.fromkeys(
            (
                *("journaled", "redelivered", "qos0", "stored", "parked", "repeated", "waiting", "points"),
                *("points_rejected", "points_conflict", "custody_events", "containers", "alerts_fired"),
                *("alerts_cleared", "notifications_sent", "ledger_size"),
            ),
            0,
        ) | dict.fromkeys(DEMO_KEYS)
        self.messages: dict[int, RawMessage] = {}
        self.commands: list[tuple[str, dict[str, Any], str]] = []
        self.answer = Answer(200, {"done": True}, 7)
        self._registry = Registry()
        self._offset = 0

    def registry(self) -> Registry:
        """See ``Services``."""
        return self._registry

    def latest(self, device: str) -> list[Latest]:
        """See ``Services``."""
        return list(self.newest.get(device, {}).values())

    def bands(self, device: str) -> list[Band]:
        """See ``Services``."""
        return self.limits.get(device, [])

    def lags(self) -> dict[str, Lag]:
        """See ``Services``."""
        return dict(self.followers)

    def report(self) -> dict[str, int | None]:
        """See ``Services``."""
        return dict(self.counters)

    def message(self, offset: int) -> RawMessage | None:
        """See ``Services``."""
        return self.messages.get(offset)

    async def command(self, name: str, args: dict[str, Any], by: str) -> Answer:
        """See ``Services``."""
        self.commands.append((name, args, by))
        return self.answer

    def register(self, **sections: list[dict[str, Any] | str]) -> int:
        """One journal record with entries of the registry; a text removes the entry of that id. Returns its offset."""
        self._offset += 10
        changes = [
            Change(kind, one, None) if isinstance(one, str) else Change(kind, one["id"], one)
            for kind, entries in sections.items()
            for one in entries
        ]
        fresh = Registry()
        fresh.load(list(self._registry.rows()), self._registry.version)
        fresh.apply(changes, self._offset)
        self._registry = fresh
        rows = [
            {
                "kind": one.kind,
                "id": one.id,
                "offset": self._offset,
                "body": None if one.body is None else msgspec.json.encode(one.body),
            }
            for one in changes
        ]
        with self.engine.begin() as connection:
            connection.execute(state.registry.insert(), rows)
        return self._offset

    def reading(self, device: str, parameter: str, value: float, ts: int | None = None, **more: Any) -> None:
        """A stored reading, which becomes the newest of its channel where it is."""
        at = self.clock.now if ts is None else ts
        point, flag = more.get("point", "-"), more.get("flag", "N")
        one = StoredReading(
            device=device,
            point=point,
            parameter=parameter,
            ts=at,
            received_at=more.get("received_at", at),
            value=value,
            flag=flag,
            qualifier=more.get("qualifier", ""),
            late=more.get("late", False),
            offset=more.get("offset", len(self.store.rows) + 1000),
        )
        self.store.rows.append(one)
        known = self.newest.setdefault(device, {})
        before = known.get((point, parameter))
        if before is None or before.ts < at:
            known[point, parameter] = Latest(device, point, parameter, at, one.received_at, value, flag)

    def limit(self, device: str, parameter: str, low: float | None, high: float | None, point: str = "-") -> None:
        """The limits of a channel."""
        self.limits.setdefault(device, []).append(Band(point, parameter, low, high, "gb5749-2022"))

    def insert(self, table: sa.Table, **row: Any) -> None:
        """A row of the state; columns that are not given are empty."""
        empty = {"TEXT": "", "BIGINT": 0, "INTEGER": 0, "FLOAT": 0.0, "BOOLEAN": False, "BLOB": b""}
        full = {column.name: None if column.nullable else empty[str(column.type)] for column in table.columns} | row
        with self.engine.begin() as connection:
            connection.execute(table.insert(), full)

    def alert(self, id_: str, device: str, **row: Any) -> None:
        """An alert of the device, where it stands now."""
        parts = self._registry.subject_parts(device)
        usual = {
            "rule": "chlorine_free_low",
            "pack": "gb5749-2022",
            "severity": "major",
            "state": "active",
            "unit": parts.unit,
            "place": parts.place,
            "grid": parts.grid,
            "device": device,
            "point": "-",
            "parameter": "chlorine_free",
            "parameter_unit": "mg/L",
            "value": 0.02,
            "limit_value": 0.3,
            "since": NOW - 5 * MINUTE,
            "fired_at": NOW - 4 * MINUTE,
            "offset": 500,
        }
        self.insert(state.alerts, **(usual | {"id": id_} | row))

    def park(self, offset: int, device: str, reason: str = "not_json", payload: bytes = b"{", **row: Any) -> None:
        """A parked message of a device."""
        sha256 = f"{offset:064x}"
        self.insert(state.copies, sha256=sha256, bytes=payload)
        usual = {
            "fate": "parked",
            "reason": reason,
            "device": device,
            "topic": f"hygeia/v1/_/{device}/up/telemetry",
            "received_at": NOW - MINUTE,
            "qos": 1,
            "detail": '{"words": "not JSON at byte 1"}',
            "copy": sha256,
        }
        self.insert(state.outcomes, **(usual | {"offset": offset} | row))

    def container(self, id_: str, offset: int, device: str, **event: Any) -> None:
        """A container with its first scan."""
        sent = {"id": f"T-{offset}", "step": "pack", "ids": [{"k": "qr", "v": id_}], "category": "infectious"} | event
        sha256 = f"{offset:064x}"
        self.insert(state.copies, sha256=sha256, bytes=json.dumps(sent).encode())
        self.insert(
            state.custody_events,
            offset=offset,
            terminal=device,
            event_id=sent["id"],
            step=sent["step"],
            ts=NOW - HOUR,
            received_at=NOW - HOUR,
            flags="[]",
            copy=sha256,
        )
        self.insert(state.containers, id=id_, offset=offset)


def fill_city(services: FakeServices) -> None:
    """Two supervised bodies in two districts, three measuring devices, a terminal, and a day of readings."""
    services.register(
        units=[
            {
                "id": "wtp-1",
                "name": {"zh": "城北水厂", "en": "North waterworks"},
                "kind": "waterworks",
                "grid": "gulou",
            },
            {"id": "hosp-1", "name": {"zh": "第一医院", "en": "Hospital 1"}, "kind": "hospital", "grid": "xuanwu"},
        ],
        grid=[
            {"id": "gulou", "name": {"zh": "鼓楼区", "en": "Gulou"}},
            {"id": "xuanwu", "name": {"zh": "玄武区", "en": "Xuanwu"}},
        ],
        places=[
            {
                "id": "wtp-1-out",
                "unit": "wtp-1",
                "name": {"zh": "出厂水", "en": "Outlet"},
                "kind": "water_outlet",
                "grid": "gulou/hunan-lu",
                "profile": "gb5749-2022",
                "disinfectant": "free_chlorine",
            },
            {
                "id": "wtp-1-end",
                "unit": "wtp-1",
                "name": {"zh": "管网末梢", "en": "Network end"},
                "kind": "network_end",
            },
            {
                "id": "hosp-1-tank",
                "unit": "hosp-1",
                "name": {"zh": "二次供水", "en": "Tank"},
                "kind": "secondary_supply",
            },
            {
                "id": "hosp-1-store",
                "unit": "hosp-1",
                "name": {"zh": "暂存处", "en": "Waste store"},
                "kind": "waste_store",
            },
        ],
        devices=[
            {"id": "wq-1", "place": "wtp-1-out", "kind": "water", "report_s": 60, "channels": []},
            {"id": "wq-2", "place": "wtp-1-end", "kind": "water", "report_s": 60, "channels": []},
            {"id": "wq-3", "place": "hosp-1-tank", "kind": "water", "report_s": 60, "channels": []},
            {"id": "scale-1", "place": "hosp-1-store", "kind": "terminal"},
        ],
    )
    for device, low in (("wq-1", 0.3), ("wq-2", 0.05), ("wq-3", 0.05)):
        services.limit(device, "chlorine_free", low, 2.0)
        services.limit(device, "turbidity", None, 1.0)
        services.limit(device, "ph", 6.5, 8.5)
    for step in range(24 * 12 + 1):
        ts = NOW - 24 * HOUR + step * 5 * MINUTE
        wave = math.sin(step / 288 * 4 * math.pi)
        if 100 < step < 130:
            continue
        services.reading("wq-1", "chlorine_free", round(0.55 + 0.12 * wave, 3), ts)
        services.reading("wq-1", "turbidity", round(0.21 + 0.05 * math.cos(step / 9), 3), ts)
        services.reading("wq-1", "ph", round(7.4 + 0.1 * wave, 2), ts)
        services.reading("wq-1", "temperature", round(16.5 + wave, 1), ts)
        services.reading("wq-2", "chlorine_free", round(0.12 if step < 280 else 0.02, 3), ts)
        services.reading("wq-2", "turbidity", round(0.35 + 0.1 * wave, 3), ts)
        services.reading("wq-3", "chlorine_free", 0.2, ts)
        services.reading("wq-3", "conductivity", 310.0 + 5 * wave, ts)
    services.alert("al-1", "wq-2")
    services.alert("al-2", "wq-3", severity="warning", parameter="turbidity", value=1.3, limit_value=1.0, offset=501)
    services.park(600, "wq-1")
    services.park(601, "wq-3", "no_valid_value")
    services.park(602, "stranger", "unknown_device")
    services.container("MW-1", 700, "scale-1", weight={"net_g": 3420, "scale": "bs-12"})
    services.counters |= {"journaled": 2016, "stored": 2012, "parked": 3, "repeated": 1, "points": 2010}


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
            "path": plain,
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

        await self.app(scope, receive, send)
        start = sent[0]
        found = [(name.decode(), value.decode()) for name, value in start["headers"]]
        for name, value in found:
            if name == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Reply(start["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


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
async def caller(services: FakeServices, wall: FakeClock) -> AsyncIterator[Caller]:
    """Nobody on the machine of ``services``."""
    yield Caller(build_app(services, wall))


@pytest.fixture
async def city_caller(city: FakeServices, wall: FakeClock) -> AsyncIterator[Caller]:
    """Nobody on the machine of ``city``."""
    yield Caller(build_app(city, wall))
