"""``hygeia simulate`` against a real broker: its registry file, its numbers, and what the gateway makes of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from gateway.drive.pace import Acknowledged
from tests.plugins.gateways import NewGateway
from tests.plugins.mosquitto import Mosquitto
from tests.support.numbered import assert_each_counted_once
from tests.support.process import HYGEIA
from tests.support.waiting import eventually

pytestmark = pytest.mark.mosquitto


async def test_simulated_devices_are_registered_by_their_file_and_nothing_of_them_is_lost(
    mosquitto: Mosquitto, new_gateway: NewGateway, tmp_path: Path
) -> None:
    """The registry file makes every message known, and each acknowledged number is accepted once."""
    gateway = new_gateway(mosquitto.url)
    registry, report = tmp_path / "registry.yaml", tmp_path / "report.json"
    command = [HYGEIA, "simulate", "--broker", mosquitto.url, "--devices", "20", "--terminals", "4"]
    command += ["--rate", "200", "--seconds", "3", "--seed", "5"]
    command += ["--registry-out", str(registry), "--report", str(report)]
    await gateway.start()
    simulating = asyncio.create_task(
        asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    )
    await eventually(registry.exists)
    imported = await asyncio.to_thread(gateway.hygeia, "registry", "import", str(registry))
    simulator = await simulating
    said = json.loads(report.read_text("utf-8"))
    # What came before the file was imported is parked, and taken in again now.
    redriven = await asyncio.to_thread(gateway.hygeia, "journal", "redrive", "--reason", "unknown_device")
    counted = await gateway.settled(said["published"])
    assert await asyncio.to_thread(gateway.stop) == 0

    assert (imported.returncode, redriven.returncode, simulator.returncode) == (0, 0, 0), simulator.stderr
    assert json.loads(simulator.stdout) == {name: said[name] for name in ("published", "points_published")}
    assert f"next: hygeia registry import {registry}" in simulator.stderr
    assert said["numbers"].keys() == {f"wq-{n}" for n in range(1, 21)} | {f"scale-{n}" for n in range(1, 5)}
    assert said["published"] > 300
    assert (counted["journaled"], counted["points"]) == (said["published"], said["points_published"])
    assert (counted["stored"], counted["parked"], counted["repeated"]) == (said["published"], 0, 0)
    acknowledged = Acknowledged()
    acknowledged.numbers = {device: set(numbers) for device, numbers in said["numbers"].items()}
    await asyncio.to_thread(assert_each_counted_once, gateway.folder, acknowledged)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--devices", "0", "--terminals", "0"], "nothing to simulate"),
        (["--broker", "mqtt://127.0.0.1:1"], "127.0.0.1:1"),
        (["--broker", "http://127.0.0.1"], "mqtt://"),
    ],
)
def test_a_simulator_that_cannot_begin_says_why_in_one_line(
    mosquitto: Mosquitto, arguments: list[str], words: str
) -> None:
    """Wrong use and a broker that is not there are one line and exit code 2."""
    command = [HYGEIA, "simulate", "--broker", mosquitto.url, "--seconds", "1", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert words in ran.stderr
