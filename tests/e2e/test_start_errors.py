"""What is missing at the start is one line and exit code 2; what goes away later is an alarm and comes back by itself.

A port in use and a refused password of the broker: test_cli_running.py; a wrong configuration: test_cli_errors.py.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from tests.influx_servers import Served, shim
from tests.plugins.influx import TOKEN, Bucket, Influxd
from tests.plugins.mosquitto import Mosquitto, StartMosquitto
from tests.support.inside import apply, ask, running, settled
from tests.support.process import GatewayProcess
from tests.support.resender import Resender

pytestmark = pytest.mark.mosquitto
PLACES = [{"id": "net-1", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}]
DEVICES = [{"id": "wq-1", "place": "net-1", "kind": "water"}]


async def refusal(gateway: GatewayProcess) -> str:
    """The one line that a gateway which cannot start leaves with code 2."""
    ran = await asyncio.to_thread(gateway.hygeia, "run")
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("hygeia: ")]
    assert not (gateway.folder / "runtime.json").exists()
    return line


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nobody, root included, can write."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a read-only file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_folder_that_cannot_be_written_is_one_line(read_only: Path, mosquitto: Mosquitto) -> None:
    """It names the folder, whether that is there or would have to be made, also for a command without a gateway."""
    for folder in (read_only, read_only / "below"):
        assert str(folder) in await refusal(GatewayProcess(folder, mosquitto.url))
    added = await asyncio.to_thread(GatewayProcess(read_only, mosquitto.url).hygeia, "registry", "add-device", "wq-1")
    assert added.returncode == 2
    assert added.stderr.count("\n") == 1
    assert str(read_only) in added.stderr


async def test_a_broker_that_is_not_there_yet_is_waited_for(start_mosquitto: StartMosquitto, tmp_path: Path) -> None:
    """The gateway starts, raises the alarm, and takes messages as soon as the broker is there."""
    broker = start_mosquitto()
    await asyncio.to_thread(broker.stop)
    async with running(tmp_path / "data", broker.url) as gateway:
        await standing(gateway, {"broker_unreachable"})
        await asyncio.to_thread(broker.start)
        await standing(gateway, set())
        await assert_takes_messages(gateway, broker.port)


@pytest.fixture
async def gateway(mosquitto: Mosquitto, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A running gateway."""
    async with running(tmp_path / "data", mosquitto.url) as one:
        yield one


async def test_a_broker_that_goes_away_raises_an_alarm_until_it_is_back(gateway: Gateway, mosquitto: Mosquitto) -> None:
    """The alarm is one alert, critical and about the gateway; it clears by itself and the stream goes on."""
    await asyncio.to_thread(mosquitto.stop)
    (alarm,) = await standing(gateway, {"broker_unreachable"})
    assert (alarm["pack"], alarm["device"], alarm["severity"]) == ("gateway", "gateway", "critical")
    assert (await asyncio.to_thread(ask, gateway, "overview"))["followers"]["broker"]["state"] == "down"
    await asyncio.to_thread(mosquitto.start)
    await standing(gateway, set())
    found = (await asyncio.to_thread(ask, gateway, f"alerts/{alarm['id']}"))["transitions"]
    assert [one["event"] for one in found] == ["fired", "cleared"]
    await assert_takes_messages(gateway, mosquitto.port)


async def test_a_password_that_is_changed_while_it_runs_is_an_alarm(
    start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    """A broker that refuses the running gateway is an alarm and a retry, not an end."""
    broker = start_mosquitto(users={"gate": "right"})
    passwords = broker.folder / "passwords"
    kept = passwords.read_bytes()
    async with running(tmp_path / "data", broker.url_for("gate", "right")) as gateway:
        await asyncio.to_thread(broker.stop)
        passwords.write_bytes(kept.replace(b"gate:", b"else:"))
        await asyncio.to_thread(broker.start)
        await standing(gateway, {"broker_unreachable"})
        assert not gateway.failed.is_set()
        await asyncio.to_thread(broker.stop)
        passwords.write_bytes(kept)
        await asyncio.to_thread(broker.start)
        await standing(gateway, set())


@pytest.mark.influxd
async def test_a_token_that_is_revoked_holds_the_store_and_nothing_else(
    mosquitto: Mosquitto, shimmed_influxd: tuple[Influxd, str], tmp_path: Path
) -> None:
    """Meanwhile devices get their replies and limits are watched; with the token back every value arrives once."""
    influxd, _ = shimmed_influxd
    influxd.query("", 'CREATE DATABASE "revoked"')
    served = Served(shim(influxd.url, TOKEN))
    bucket = Bucket(influxd, served.url, "revoked")
    try:
        async with running(tmp_path / "data", mosquitto.url, bucket) as gateway, Resender(mosquitto.port) as device:
            await apply(gateway, places=PLACES, devices=DEVICES)
            await send(device, range(3))
            await settled(gateway, 3)
            await asyncio.to_thread(served.stop)
            served = Served(shim(influxd.url, "another token"), port=served.port)
            await send(device, range(3, 9), chlorine=0.01)
            alarms = await standing(gateway, {"store_held", "chlorine-free-low"})
            overview = await asyncio.to_thread(ask, gateway, "overview")
            await asyncio.to_thread(served.stop)
            served = Served(shim(influxd.url, TOKEN), port=served.port)
            report = await settled(gateway, 9)
            await standing(gateway, {"chlorine-free-low"})
    finally:
        await asyncio.to_thread(served.stop)

    assert len(alarms) == 2
    assert overview["followers"]["store"]["state"] == "held"
    assert (report["stored"], report["points"], report["parked"]) == (9, 9, 0)
    assert [row["chlorine_free"] for row in bucket.rows("water")] == [0.4] * 3 + [0.01] * 6


@pytest.mark.influxd
async def test_a_token_that_is_refused_from_the_start_delays_no_alert(
    mosquitto: Mosquitto, influx_bucket: Bucket, tmp_path: Path
) -> None:
    """The gateway starts, replies and watches limits; the store is held, in one line that does not show the token."""
    influx_bucket.token = "no-such-token"
    async with running(tmp_path / "data", mosquitto.url, influx_bucket) as gateway, Resender(mosquitto.port) as device:
        await apply(gateway, places=PLACES, devices=DEVICES)
        await send(device, range(6), chlorine=0.01)
        await standing(gateway, {"store_held", "chlorine-free-low"})
        assert gateway.follower is not None
        state, words = gateway.follower.state, gateway.follower.words
    assert state == "held"
    assert influx_bucket.url in words
    assert "influx.token" in words
    assert "no-such-token" not in words


@pytest.mark.influxd
async def test_an_influxd_that_is_away_is_an_alarm_and_every_value_arrives_afterwards(
    mosquitto: Mosquitto, own_influx: Bucket, tmp_path: Path
) -> None:
    """The gateway also starts without it; its readings wait in the journal."""
    own_influx.influxd.kill()
    async with running(tmp_path / "data", mosquitto.url, own_influx) as gateway, Resender(mosquitto.port) as device:
        await apply(gateway, places=PLACES, devices=DEVICES)
        await send(device, range(5))
        await standing(gateway, {"store_unreachable"})
        await asyncio.to_thread(own_influx.influxd.start)
        report = await settled(gateway, 5)
        await standing(gateway, set())
    assert (report["stored"], report["points"]) == (5, 5)
    assert len(own_influx.rows("water")) == 5


BEGIN = time.time_ns() // 1_000_000 - 3_600_000


async def send(device: Resender, numbers: range, chlorine: float = 0.4) -> None:
    """Readings, each acknowledged by its reply."""
    for number in numbers:
        message = {"id": number, "ts": BEGIN + number * 60_000, "values": {"chlorine_free": chlorine}}
        assert (await device.send("_/wq-1/up/telemetry", message)).code == 0


async def standing(gateway: Gateway, rules: set[str], within: float = 60) -> list[dict[str, Any]]:
    """The standing alerts once they are exactly those of ``rules``."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        found: list[dict[str, Any]] = (await asyncio.to_thread(ask, gateway, "alerts?standing=true"))["items"]
        if {one["rule"] for one in found} == rules:
            return found
        assert loop.time() < end, found
        await asyncio.sleep(0.05)


async def assert_takes_messages(gateway: Gateway, port: int) -> None:
    """A message through the broker is decided and stored."""
    await apply(gateway, places=PLACES, devices=DEVICES)
    async with Resender(port) as device:
        await send(device, range(1))
    assert (await settled(gateway, 1))["stored"] == 1
