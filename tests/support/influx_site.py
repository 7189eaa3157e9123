"""A small installation whose store is a real InfluxDB: records go in with any receive time, and come out decided."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from gateway.commands import Commands
from gateway.config import Settings
from gateway.config.model import Influx, Timeseries
from gateway.core import Core
from gateway.follow import Follower
from gateway.journal.record import Kind, json_body, message_body, origin
from gateway.journal.writer import Entry
from gateway.store.influx_link import Target
from tests.plugins.influx import Bucket
from tests.support.inside import settings_for
from tests.support.waiting import DEADLINE_S

MINUTE = 60_000
REGISTRY: dict[str, list[dict[str, Any]]] = {
    "units": [
        {"id": "wtp-1", "name": {"en": "Works 1", "zh": "一水厂"}, "kind": "waterworks"},
        {"id": "hosp-1", "name": {"en": "Hospital 1", "zh": "一医院"}, "kind": "hospital"},
    ],
    "grid": [{"id": "gulou", "name": {"en": "Gulou", "zh": "鼓楼区"}}],
    "places": [
        {"id": "out", "unit": "wtp-1", "kind": "water_outlet", "grid": "gulou", "profile": "gb5749-2022",
         "disinfectant": "free_chlorine"},
        {"id": "end", "unit": "wtp-1", "kind": "network_end", "grid": "gulou"},
        {"id": "store", "unit": "hosp-1", "kind": "waste_store", "grid": "gulou"},
    ],
    "devices": [
        {"id": "wq-1", "place": "out", "kind": "water", "report_s": 60, "channels": [{"parameter": "chlorine_free"}]},
        {"id": "wq-2", "place": "end", "kind": "water", "report_s": 60, "channels": [{"parameter": "ph"}]},
        {"id": "scale-1", "place": "store", "kind": "terminal"},
    ],
}  # fmt: skip


class Place(NamedTuple):
    """What is known of a database that is no real one."""

    url: str
    org: str = "city"
    bucket: str = "water"
    token: str = "a-secret-of-this-test"


class StillClock:
    """A clock that stands where it was set."""

    def __init__(self, now: int) -> None:
        self.now = now

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return self.now

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self.now / 1000

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``."""
        return seconds


class InfluxSite:
    """Core and store follower of an installation in ``folder``; messages are taken and then settled."""

    def __init__(self, folder: Path, bucket: Bucket | Place, start: int, **settings: Any) -> None:
        influx = Influx(url=bucket.url, org=bucket.org, bucket=bucket.bucket, token=SecretStr(bucket.token))
        settings |= {"influx": influx, "timeseries": Timeseries(store="influx")}
        self.settings: Settings = settings_for(folder, "mqtt://127.0.0.1:1", **settings)
        self.clock = StillClock(start)
        self.core = Core(self.settings, self.clock, lambda _: None, lambda: None, idle_ticks=False)
        self.core.store.open()
        self.troubles: set[str] = set()
        self.follower = Follower(self.core, self._alarm)
        self.follower.start()
        self._commands = Commands(
            self.core.engine, self.core.journal, self.core.decider, self.settings, wait=self._decide
        )
        self._packets = 0
        self._taken: list[Entry] = []
        self.core.start_record()
        self.command("registry.apply", changes=_changes(REGISTRY))

    @property
    def target(self) -> Target:
        """Where the store writes."""
        influx = self.settings.influx
        return Target(influx.url, influx.org, influx.bucket, influx.token.get_secret_value())

    def _decide(self) -> None:
        while self.core.decider.decide_available():
            pass

    def command(self, name: str, **args: Any) -> None:
        """Carry out a command of an operator. Fails where it is refused."""
        answer = self._commands.run(name, args, "test")
        assert answer.status == 200, answer.body

    def receive(self, at: int, device: str, payload: Any, *, channel: str = "telemetry") -> None:
        """Take one message at ``at`` (ms); bytes as they are, everything else as JSON. See ``settle``."""
        self._packets = self._packets % 65_535 + 1
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        topic = f"hygeia/v1/_/{device}/up/{channel}".encode()
        body = message_body(1, self._packets, origin("mqtt", "test", "127.0.0.1", ""), topic, b"", raw)
        self._taken.append(Entry(Kind.MESSAGE, at, body))

    def flush(self) -> None:
        """Journal and decide what was taken."""
        if self._taken:
            self.clock.now = self._taken[-1].received_at
            self._taken.append(Entry(Kind.TICK, self.clock.now, json_body({"type": "tick"})))
            self.core.journal.append_all(self._taken)
            self._taken = []
        self._decide()

    def register(self, **changed: list[dict[str, Any]]) -> None:
        """Change entries of the registry from now on."""
        self.flush()
        self.command("registry.apply", changes=_changes(changed))

    def _alarm(self, name: str, *, on: bool) -> None:
        if on:
            self.troubles.add({"store_held": "held", "store_unreachable": "behind"}[name])

    def settle(self, *, troubled: bool = False, within: float = DEADLINE_S) -> None:
        """Wait until the store has all that was taken; ``troubled``: it may take more than one attempt."""
        self.flush()
        deadline = time.monotonic() + within
        while self.follower.cursor < self.core.decider.cursor:
            assert troubled or self.follower.state == "ok", self.follower.words
            assert time.monotonic() < deadline, "the store does not come along"
            self.core.decider.wait(self.core.decider.cursor + 1, 0.01)

    def close(self) -> None:
        """Stop the follower and let the folder go."""
        self.follower.stop(30)
        self.core.store.close()
        self.core.close()


def _changes(registry: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"kind": kind, "id": one["id"], "body": one} for kind, entries in registry.items() for one in entries]
