"""A site whose figures of periods a test works out: real state, store and InfluxDB; the rest as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import sqlalchemy as sa
from pydantic import SecretStr

from alerts.rules import load_packs
from devices.reading import Row
from devices.registry import Registry
from gateway import state
from gateway.core import Core
from gateway.database import open_state
from gateway.periods import Periods
from gateway.store.base import Tags, Telemetry
from gateway.store.influx import InfluxStore
from tests.plugins.influx import Bucket

MINUTE = 60_000
HOUR = 60 * MINUTE
#: A local midnight of Shanghai: 2026-03-02T00:00+08:00.
MIDNIGHT = 1_772_380_800_000
PLACE: dict[str, Any] = {
    "id": "out-1",
    "unit": "wtp-1",
    "kind": "water_outlet",
    "grid": "gulou/hunan-lu",
    "profile": "gb5749-2022",
    "disinfectant": "free_chlorine",
}
DEVICE: dict[str, Any] = {"id": "wq-1", "place": "out-1", "kind": "water", "report_s": 60}
CHANNELS = [{"parameter": "chlorine_free"}, {"parameter": "ph"}]


class HandClock:
    """A clock that a test sets."""

    def __init__(self, now: int) -> None:
        self.now = now

    def now_ms(self) -> int:
        """See ``gateway.clock.Clock``."""
        return self.now

    def monotonic(self) -> float:
        """See ``gateway.clock.Clock``."""
        return self.now / 1000

    def wall_seconds(self, seconds: float) -> float:
        """See ``gateway.clock.Clock``: it does not run."""
        return seconds


class Site:
    """One installation at ``folder`` with its readings in ``bucket``; ``again`` is a restart."""

    def __init__(self, folder: Path, bucket: Bucket, *, zone: str = "Asia/Shanghai") -> None:
        self.bucket, self.zone = bucket, zone
        self.engine = open_state(folder / "state.sqlite")
        state.metadata.create_all(self.engine)
        self.clock = HandClock(MIDNIGHT)
        self.registry = Registry()
        self.offset = -1
        self.packs = {pack.id: pack.text for pack in load_packs(["gb5749-2022"])}
        self.store = InfluxStore(bucket.url, bucket.org, bucket.bucket, bucket.token, self.engine)
        self.store.open()
        self.periods = self._periods()

    def _periods(self) -> Periods:
        influx = SimpleNamespace(
            url=self.bucket.url,
            org=self.bucket.org,
            bucket=self.bucket.bucket,
            token=SecretStr(self.bucket.token),
            ca=None,
        )
        settings = SimpleNamespace(
            time_zone=self.zone,
            influx=influx,
            journal=SimpleNamespace(keep_days=30),
            mqtt=SimpleNamespace(root="hygeia/v1"),
        )
        series = SimpleNamespace(of=lambda _: [], name=lambda _: ("", "", ""))
        decider = SimpleNamespace(fold=SimpleNamespace(pack_texts=self.packs, series=series))
        site = self

        class Durable:
            @property
            def durable(self) -> int:
                return site.offset

        core = SimpleNamespace(engine=self.engine, settings=settings, journal=Durable(), decider=decider)
        return Periods(cast(Core, core), lambda: self.store.stats().cursor, self.clock)

    def again(self) -> None:
        """Stop, and start anew from what is on disk."""
        assert self.periods.stop(10)
        self.periods = self._periods()

    def close(self) -> None:
        """Let everything go."""
        self.periods.stop(10)
        self.store.close()
        self.engine.dispose()

    def register(self, kind: str, *bodies: Mapping[str, Any]) -> None:
        """One registry change with these entries."""
        self.offset += 1
        rows = [
            {"kind": kind, "id": body["id"], "offset": self.offset, "body": msgspec.json.encode(body)}
            for body in bodies
        ]
        with self.engine.begin() as connection:
            connection.execute(sa.insert(state.registry), rows)
        self.registry.load([*self.registry.rows(), *((kind, row["id"], row["body"]) for row in rows)], self.offset)

    def remove(self, device: str) -> None:
        """A registry change that takes a device out."""
        self.offset += 1
        row = {"kind": "devices", "id": device, "offset": self.offset, "body": None}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(state.registry), row)
        rows = [one for one in self.registry.rows() if one[:2] != ("devices", device)]
        self.registry.load(rows, self.offset)
        self.store.write([], self.offset)

    def send(
        self,
        device: str,
        ts: int,
        values: Mapping[str, float],
        *,
        point: str = "-",
        flag: str = "N",
        late: bool = False,
    ) -> None:
        """A message of a device with one reading, written by the store under the labels of now."""
        self.offset += 1
        tags = Tags(*self.registry.tags(device, self.clock.now))
        n = len(values)
        row = Row(point, ts, tuple(values), list(values.values()), flags=[flag] * n if flag != "N" else None)
        row.late = [True] * n if late else None
        self.store.write([Telemetry(self.offset, self.clock.now, 1, tags, [row])], self.offset)

    def every(self, device: str, minutes: Sequence[int], **values: float) -> None:
        """One reading at each of ``minutes`` after midnight."""
        for minute in minutes:
            self.send(device, MIDNIGHT + minute * MINUTE, values)

    def session(
        self, device: str, opened: int, closed: int | None, kind: str = "clean", until: int | None = None
    ) -> None:
        """A maintenance session."""
        self.offset += 1
        row = {"device": device, "offset": self.offset, "kind": kind, "opened_at": opened, "opened_by": "p-1"}
        row |= {"until": until or closed, "closed_at": closed, "closed_by": None if closed is None else "p-1"}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(state.sessions), row | {"comment": ""})
        self.store.write([], self.offset)

    def at(self, minute: float) -> None:
        """It is ``minute`` minutes after midnight: work out what is due."""
        self.clock.now = MIDNIGHT + round(minute * MINUTE)
        self.store.write([], self.offset)
        assert self.periods.run_once()

    def figures(self, measurement: str, *keys: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Fields ``keys`` by (minute after midnight, device, place, parameter)."""
        return {
            ((row["time"] // 1_000_000 - MIDNIGHT) // MINUTE, row["device"], row["place"], row["parameter"]): tuple(
                row.get(key) for key in keys
            )
            for row in self.bucket.rows(measurement)
        }
