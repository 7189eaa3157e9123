"""A load of numbered messages, some of them garbage, and the proof that each of them counted once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from devices.simulate.fleet import Emission
from gateway.database import open_state, upgrade
from gateway.decide.replay import decide_again, differences
from gateway.drive.compare import compare
from gateway.drive.pace import Acknowledged
from gateway.installation import Installation
from gateway.mqtt.publisher import Publisher
from tests.support.waiting import pace

DEVICES = 8
PARAMETERS = 2
START = 1_770_000_000_000
GARBAGE = (
    b"",
    b"{",
    b"\xff\xfe",
    b'{"values": {"ph": null}}',
    b'{"values": {"no_such": 1}}',
    b"[]",
    b"3",
    b'{"ts": {}}',
)


def registry_file(folder: Path) -> Path:
    """A registry with the devices of the load."""
    devices = [{"id": f"n-{i}", "place": "p", "kind": "water"} for i in range(DEVICES)]
    places = [{"id": "p", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}]
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump({"places": places, "devices": devices}), "utf-8")
    return path


class Load:
    """Publishes numbered messages until told to stop; ``garbage`` is the share of messages that nobody can decode."""

    def __init__(
        self, publisher: Publisher, acknowledged: Acknowledged, *, garbage: float = 0.0, rate: float = 400
    ) -> None:
        self.acknowledged = acknowledged
        self.sent = 0
        self.garbage = 0
        self._publisher = publisher
        self._every = round(1 / garbage) if garbage else 0
        self._pause = 20 / rate
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Publish in bursts of 20; a value breaks a limit now and then, so that alerts come and go."""
        while not self._stop.is_set():
            for _ in range(20):
                await self._publish()
            await pace(self._pause)
        await self._publisher.drain()

    def stop(self) -> None:
        """Publish no more; ``run`` returns when all is acknowledged."""
        self._stop.set()

    async def _publish(self) -> None:
        device, number = f"n-{self.sent % DEVICES}", self.sent // DEVICES + 1
        topic = f"hygeia/v1/_/{device}/up/telemetry"
        ph = 9.5 if number % 50 < 5 else 7.4
        values = {"ph": ph, "turbidity": 0.2}
        payload = json.dumps({"ts": START + number * 1000, "seq": number, "values": values}).encode()
        token = Emission(0, "_", device, "telemetry", payload, (number,), PARAMETERS)
        await self._publisher.publish(topic, payload, token=token)
        self.sent += 1
        if self._every and self.sent % self._every == 0:
            bad = GARBAGE[self.sent // self._every % len(GARBAGE)]
            token = Emission(0, "_", device, "telemetry", bad, (), 0)
            await self._publisher.publish(topic, bad, token=token)
            self.garbage += 1


def assert_each_counted_once(folder: Path, acknowledged: Acknowledged) -> dict[str, Any]:
    """Each acknowledged number is in the journal, accepted once; decided again from zero the outputs are the same."""
    installation = Installation(folder)
    engine = open_state(installation.state)
    with engine.connect() as connection:
        last = connection.execute(sa.text("SELECT max(offset) FROM cursors")).scalar_one()
    found = compare(installation.journal, last, engine, acknowledged.numbers)

    assert found.lost == 0
    assert found.duplicated == 0

    again = open_state(folder.parent / "again.sqlite3")
    upgrade(again)
    decide_again(installation.journal, last, installation.installation_key(), "hygeia/v1", again)
    assert differences(engine, again) == []
    again.dispose()
    engine.dispose()
    return {"last": last}
