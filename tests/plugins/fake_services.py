"""What pages and API ask of the gateway, in memory."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from alerts.rules import SHIPPED
from custody import fold
from custody.event import decode
from custody.fact import entities
from custody.profile import Profile
from custody.profiles import parse_profile, shipped
from custody.resolve import fact as resolve
from devices.registry import Change, Registry
from gateway import state
from gateway.api.services import Answer, Band, Lag, Latest, RawMessage, Taken
from gateway.config import Settings
from gateway.database import open_state, upgrade
from gateway.decide.custody_rows import container_row
from gateway.decide.facts import event_row
from gateway.histories import Histories, histories_of
from gateway.report import DEMO_KEYS
from gateway.store.base import StoredReading

#: 2025-11-22 08:00 in Shanghai.
NOW = 1_763_769_600_000
MINUTE = 60_000
HOUR = 3_600_000
RUNTIME_TOKEN = "runtime-token-of-the-fake"
LINK_KEY = b"installation-key-of-the-fake 32b"


@functools.cache
def _pack(name: str) -> str:
    """The text of a shipped pack."""
    return (SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")


@functools.cache
def _profiles() -> dict[str, Profile]:
    """The shipped producer profiles."""
    return {name: parse_profile(text, name) for name, text in shipped().items()}


@functools.cache
def _empty_state() -> bytes:
    """The file of a state that nothing was written to; made once, the migrations are slower than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_state(Path(folder) / "state.db")
        upgrade(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return (Path(folder) / "state.db").read_bytes()


def _without_waiting(connection: Any, _record: Any) -> None:
    """What tests write need not survive a power cut."""
    connection.execute("PRAGMA synchronous = OFF")


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
        (folder / "state.db").write_bytes(_empty_state())
        self.engine = open_state(folder / "state.db")
        sa.event.listen(self.engine, "connect", _without_waiting)
        self.store = FakeStore()
        self.clock = FakeClock()
        self.settings = Settings(data={"dir": folder}, http=http, journal={"min_free": "1MiB"})
        self.runtime_token = RUNTIME_TOKEN
        self.link_key = LINK_KEY
        self.packs: dict[str, str] = {"gb5749-2022": _pack("gb5749-2022")}
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
        #: Events that came over HTTP, with terminal and account; ``refusal`` is why none is taken.
        self.pushed: list[tuple[str, bytes, str]] = []
        self.refusal = ""
        self._registry = Registry()
        self._offset = 0

    @property
    def profiles(self) -> dict[str, Profile]:
        """See ``Services``."""
        return _profiles()

    def histories(self) -> Histories:
        """See ``Services``."""
        return histories_of(self.engine, self.registry(), self.profiles)

    def registry(self) -> Registry:
        """See ``Services``."""
        return self._registry

    def latest(self, device: str) -> list[Latest]:
        """See ``Services``."""
        return list(self.newest.get(device, {}).values())

    def bands(self, device: str) -> list[Band]:
        """See ``Services``."""
        return self.limits.get(device, [])

    def cover(self) -> None:
        """See ``Services``; there is no notary."""

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

    async def push(self, device: str, payloads: Sequence[bytes], peer: str, by: str) -> Taken:
        """See ``Services``: everything is accepted."""
        if self.refusal:
            return Taken([], self.refusal)
        self.pushed += [(device, payload, by) for payload in payloads]
        nothing: dict[str, Any] = {"code": 0, "reason": None, "object": None, "flags": []}
        return Taken([{"id": decode(payload, self.clock.now).id, **nothing} for payload in payloads])

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

    def container(self, id_: str, offset: int, device: str, raw: bytes | None = None, **event: Any) -> None:
        """A container with its first scan; ``raw`` is what the terminal really sent."""
        self.scan(offset, device, raw, **({"ids": [{"k": "qr", "v": id_}]} | event))

    def scan(self, offset: int, device: str, raw: bytes | None = None, **event: Any) -> None:
        """A custody event of a terminal, and the containers as they stand after it; received when it happened."""
        usual = {"id": f"T-{offset}", "step": "pack", "ids": [], "category": "infectious", "ts": NOW - HOUR}
        payload = json.dumps(usual | event).encode() if raw is None else raw
        received = event.get("received_at", event.get("ts", NOW - HOUR))
        decoded = decode(payload, received)
        assert decoded.fault is None, decoded.detail
        copy = hashlib.sha256(payload).hexdigest()
        fact = resolve(decoded, self._registry, device, offset, offset, received, copy, None)
        names = set(entities(fact))
        histories = self.histories()
        with histories.known() as known:
            for other in known.event(fact.of) if fact.of else ():
                names.update(entities(other))
        self.insert(state.copies, sha256=copy, bytes=payload)
        self.insert(state.custody_events, **event_row(fact))
        for name in names:
            self.insert(state.custody_links, entity=name, ts=fact.ts, offset=offset, decided=offset)
        with histories.known() as known:
            texts = fold.touched(known, fact)
        for one in histories.containers(texts):
            with self.engine.begin() as connection:
                connection.execute(state.containers.delete().where(state.containers.c.id == one.id))
            self.insert(state.containers, **container_row(one, offset))
