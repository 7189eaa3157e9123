"""SIGKILL while alerts fire and notices go out: every alert is told, and twice only under the same key."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from tests.plugins.mosquitto import StartMosquitto
from tests.plugins.webhook import Receiver, Reply
from tests.support.process import GatewayProcess
from tests.support.waiting import eventually, pace

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(1800)]
KILLS = [pytest.param(6, id="6-kills"), pytest.param(50, id="50-kills", marks=pytest.mark.slow)]
DEVICES = 20
ROUTING = """
routing: test
version: "1"
steps: [{to: unit_contact}]
machines: {burst: 100000, wait: 1s, interval: 1s}
"""


def settings(folder: Path, receiver: Receiver) -> dict[str, str]:
    """A gateway that tells the receiver of every single alert."""
    routing = folder / "routing.yaml"
    routing.write_text(ROUTING, "utf-8")
    return {
        "HYGEIA_ALERTS__PACKS": "gb5749-2022",
        "HYGEIA_ALERTS__WEBHOOK": receiver.url,
        "HYGEIA_ALERTS__ROUTING": str(routing),
    }


def registry(folder: Path) -> str:
    """The devices that go out of their limits and come back."""
    places = [{"id": "net", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}]
    devices = [{"id": f"k-{number}", "place": "net", "kind": "water"} for number in range(DEVICES)]
    path = folder / "registry.yaml"
    path.write_text(yaml.safe_dump({"places": places, "devices": devices}), "utf-8")
    return str(path)


class Waves:
    """Every wave makes one alert a device fire and clear: three bad readings, then a good one."""

    def __init__(self, publisher: Publisher) -> None:
        self.waves = 0
        self._publisher = publisher
        self._at = 0

    async def one(self) -> None:
        """Send one wave and wait until the broker has it."""
        for chlorine in (0.01, 0.01, 0.01, 0.3):
            # Of the present: of what is old and over before the backlog is in, only a digest tells.
            self._at = max(self._at + 1, time.time_ns() // 1_000_000 - 5_000)
            body = json.dumps({"ts": self._at, "values": {"chlorine_free": chlorine}}).encode()
            for number in range(DEVICES):
                await self._publisher.publish(f"hygeia/v1/_/k-{number}/up/telemetry", body)
        await self._publisher.drain()
        self.waves += 1


def told(receiver: Receiver, event: str) -> Counter[str]:
    """How often each device was told of, each key once."""
    found = {one.key: one.document for one in receiver.received if one.document["event"] == event}
    return Counter(document["alert"]["device"] for document in found.values())


async def all_told(receiver: Receiver, waves: Callable[[], int]) -> None:
    """Wait until every wave of every device was told, both ways."""

    def complete() -> bool:
        return all(sum(told(receiver, event).values()) >= waves() * DEVICES for event in ("fired", "cleared"))

    await eventually(complete, 120)


@pytest.mark.parametrize("kills", KILLS)
async def test_a_sigkill_while_notices_go_out_loses_none_and_repeats_only_under_the_same_key(
    tmp_path: Path, start_mosquitto: StartMosquitto, receiver: Receiver, kills: int
) -> None:
    """However often the gateway is killed, every firing and clearing is told; a repetition carries the same bytes."""
    broker = start_mosquitto()
    gateway = GatewayProcess(tmp_path / "data", broker.url, settings(tmp_path, receiver))
    imported = await asyncio.to_thread(gateway.hygeia, "registry", "import", registry(tmp_path))
    assert imported.returncode == 0, imported.stderr
    dice = random.Random(kills)
    receiver.usual = Reply(200)
    await gateway.start()
    async with Publisher(MqttOptions.parse(broker.url, client_id="waves"), window=100) as publisher:
        waves = Waves(publisher)
        for _ in range(kills):
            wanted = len(receiver.received) + dice.randint(1, DEVICES)
            receiver.next(*[Reply(503) for _ in range(dice.randint(0, 3))])
            await waves.one()
            await eventually(lambda wanted=wanted: len(receiver.received) >= wanted, 60)
            await pace(dice.random() * 0.05)
            gateway.kill()
            await gateway.start()
        await waves.one()
        await all_told(receiver, lambda: waves.waves)
    assert await asyncio.to_thread(gateway.stop) == 0

    assert {one.document["event"] for one in receiver.received} == {"fired", "cleared"}
    for event in ("fired", "cleared"):
        assert told(receiver, event) == {f"k-{number}": waves.waves for number in range(DEVICES)}
    bodies: dict[str, set[bytes]] = {}
    for one in receiver.received:
        bodies.setdefault(one.key, set()).add(one.body)
    assert all(len(same) == 1 for same in bodies.values())
