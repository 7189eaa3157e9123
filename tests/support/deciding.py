"""A journal in memory and a fold over it, for tests of decide: records in, tables out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alerts.rules import pack_text
from devices.registry import Registry
from gateway.database import open_state, upgrade
from gateway.decide import snapshot
from gateway.decide.commit import batches, commit
from gateway.decide.fold import Fold
from gateway.decide.history import load_registry
from gateway.decide.lookup import StateLookup
from gateway.decide.outputs import Outputs
from gateway.journal.disk import Disk
from gateway.journal.record import MAX_PAYLOAD, RETAINED, Kind, Record, json_body, message_body, origin
from gateway.store.base import Item

NOW = 1_770_000_000_000
KEY = bytes(range(32))
ROOT = "hygeia/v1"
_WHERE = origin("mqtt", "listener", "peer", "principal")

REGISTRY: dict[str, list[dict[str, Any]]] = {
    "units": [{"id": "w", "kind": "waterworks", "name": {"zh": "水务", "en": "Water"}}],
    "places": [
        {"id": "out", "unit": "w", "kind": "water_outlet", "disinfectant": "free_chlorine", "profile": "gb5749-2022",
         "grid": "g", "state": "accepted"},
        {"id": "trial", "unit": "w", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022",
         "grid": "g", "state": "trial"},
    ],
    "grid": [{"id": "g"}],
    "devices": [
        {"id": "wq-1", "kind": "water", "place": "out", "channels": [{"parameter": "ph", "point": "-"}]},
        {"id": "wq-2", "kind": "water", "place": "trial"},
        {"id": "scale-1", "kind": "terminal"},
    ],
}  # fmt: skip


def changes(document: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """A registry file as the changes of a REGISTRY record."""
    return [{"kind": kind, "id": one["id"], "body": one} for kind, bodies in document.items() for one in bodies]


class Script:
    """Records in order; every method appends one and returns its offset."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.now = NOW

    def add(self, kind: int, body: bytes) -> int:
        """Any record."""
        self.records.append(Record(len(self.records), self.now, kind, body))
        return len(self.records) - 1

    def other(self, kind: int, **document: Any) -> int:
        """A record that is no message."""
        return self.add(kind, json_body({"type": "test", **document}))

    def begin(self, *, channels: Sequence[str | dict[str, Any]] = ("webhook",), routing: str = "") -> None:
        """START with the shipped pack, then the registry."""
        body: dict[str, Any] = {"packs": {"gb5749-2022": pack_text("gb5749-2022")}}
        if routing:
            body["routing"] = routing
        self.other(Kind.START, version="1", channels=list(channels), **body)
        self.other(Kind.REGISTRY, changes=changes(REGISTRY))

    def message(
        self, device: str, payload: Any, *, channel: str = "telemetry", qos: int = 1, retained: bool = False
    ) -> int:
        """A device's message; ``payload`` is bytes or becomes JSON."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = f"{ROOT}/site/{device}/up/{channel}".encode()
        cut = (len(raw), b"\x01" * 32) if len(raw) > MAX_PAYLOAD else None
        flags = qos | (RETAINED if retained else 0)
        return self.add(Kind.MESSAGE, message_body(flags, 1, _WHERE, topic, b"", raw[:MAX_PAYLOAD], cut=cut))

    def reading(self, device: str, ts: int, flags: dict[str, str] | None = None, **values: Any) -> int:
        """A telemetry message of the second shape."""
        body: dict[str, Any] = {"ts": ts, "values": values}
        return self.message(device, body | ({"flags": flags} if flags else {}))


class Decided:
    """A state that decided some records; ``restart`` goes on from the newest snapshot as the gateway does."""

    def __init__(self, folder: Path, name: str = "state") -> None:
        self.engine = open_state(folder / f"{name}.sqlite3")
        upgrade(self.engine)
        self.folder = folder / f"{name}-snapshots"
        self.folder.mkdir()
        self.fold = Fold(KEY, ROOT)
        self.lookup = StateLookup(self.engine)
        self.replies: list[tuple[str, dict[str, Any]]] = []
        self.items: list[Item] = []
        self.cursor = -1

    def decide(self, records: list[Record]) -> None:
        """Decide what was read at once."""
        for batch in batches(records):
            out = Outputs()
            for record in batch:
                self.fold.step(record, self.lookup, out)
            assert not out.faults, out.faults
            self.cursor = batch[-1].offset
            commit(self.engine, out, self.cursor, self.fold.counters)
            self.fold.messages.committed()
            self.items += out.items
            self.replies += [(topic, json.loads(payload)) for topic, payload in out.replies]

    def save(self) -> None:
        """Save a snapshot."""
        snapshot.save(self.folder, self.fold, self.cursor, Disk())

    def restart(self, records: list[Record]) -> None:
        """Forget everything in memory; load the newest snapshot and fold up to the cursor again."""
        parts = snapshot.newest(self.folder, self.cursor)
        begin = -1 if parts is None else parts.offset
        self.fold = Fold(KEY, ROOT)
        load_registry(self.fold.registry, self.engine, begin)
        if parts is not None:
            snapshot.restore(self.fold, parts)
        scrap = Outputs()
        for record in records[begin + 1 : self.cursor + 1]:
            self.fold.step(record, self.lookup, scrap)
        self.fold.messages.committed()

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table in its order."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(sa.select(table)).mappings()]

    def registry(self) -> Registry:
        """The registry as decided."""
        return self.fold.registry


def decided(folder: Path, script: Script, name: str = "state") -> Decided:
    """All records of a script decided in one batch, in a state of that name."""
    state = Decided(folder, name)
    state.decide(script.records)
    return state
