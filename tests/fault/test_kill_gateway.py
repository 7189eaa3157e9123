"""SIGKILL of the gateway under load: nothing acknowledged is lost, nothing counts twice, a replay agrees."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.drive.pace import Acknowledged
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.store.base import StoredReading
from gateway.store.embedded import EmbeddedStore
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto, StartMosquitto
from tests.support.numbered import DEVICES, PARAMETERS, Load, assert_each_counted_once, registry_file
from tests.support.process import GatewayProcess
from tests.support.waiting import eventually, pace

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(1800)]
KILLS = [pytest.param(10, 5.0, id="10-kills"), pytest.param(50, 60.0, id="50-kills", marks=pytest.mark.slow)]
SETTLE_S = 120.0
#: Broker settings with which an acknowledged message survives the broker's own SIGKILL (facts of Mosquitto 2.0).
SAVED_AT_ONCE = "autosave_on_changes true\n"

Happening = Callable[[int], Awaitable[None]]


async def nothing(_: int) -> None:
    """The plain scenario."""


@contextlib.asynccontextmanager
async def loaded(broker: Mosquitto, *, garbage: float = 0.0) -> AsyncIterator[Load]:
    """A running load."""
    acknowledged = Acknowledged()
    options = MqttOptions.parse(broker.url, client_id="load")
    async with Publisher(options, window=200, on_ack=acknowledged.note) as publisher:
        load = Load(publisher, acknowledged, garbage=garbage)
        running = asyncio.create_task(load.run())
        try:
            yield load
        finally:
            load.stop()
            await running


async def run_and_kill(
    gateway: GatewayProcess, broker: Mosquitto, kills: int, happening: Happening = nothing, *, garbage: float = 0.0
) -> Load:
    """Import the registry, load the gateway, kill it at random moments, let it settle and stop it by SIGTERM."""
    imported = await asyncio.to_thread(gateway.hygeia, "registry", "import", str(registry_file(gateway.folder.parent)))
    assert imported.returncode == 0, imported.stderr
    dice = random.Random(kills)
    await gateway.start()
    async with loaded(broker, garbage=garbage) as load:
        for number in range(kills):
            wanted = load.acknowledged.published + dice.randint(1, 300)
            await eventually(lambda wanted=wanted: load.acknowledged.published >= wanted, SETTLE_S)
            await happening(number)
            gateway.kill()
            await gateway.start()
    assert load.acknowledged.published == load.sent + load.garbage
    await settled(gateway, load)
    assert await asyncio.to_thread(gateway.stop) == 0
    return load


async def settled(gateway: GatewayProcess, load: Load) -> None:
    """All that was acknowledged is decided and stored."""
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_S
    while True:
        report = await gateway.report()
        if report["waiting"] == 0 and report["journaled"] >= load.acknowledged.published:
            break
        assert loop.time() < end, report
        await pace(0.1)
    assert report["points"] == load.sent * PARAMETERS
    assert report["parked"] == load.garbage


def stored(path: Path) -> list[StoredReading]:
    """What the embedded store has of one device and parameter."""
    store = EmbeddedStore(path)
    store.open()
    readings = store.read(device="n-0", point=None, parameter="ph", start=0, end=2**53, limit=10**6)
    store.close()
    return readings


@pytest.mark.parametrize(("kills", "outage"), KILLS)
async def test_sigkill_under_load_loses_and_doubles_nothing(
    tmp_path: Path, start_mosquitto: StartMosquitto, kills: int, outage: float
) -> None:
    """Killed at random moments the gateway keeps every number once and its store has each point once."""
    broker = start_mosquitto()
    gateway = GatewayProcess(tmp_path / "data", broker.url)

    load = await run_and_kill(gateway, broker, kills)

    await asyncio.to_thread(assert_each_counted_once, gateway.folder, load.acknowledged)
    readings = await asyncio.to_thread(stored, gateway.folder / "readings.duckdb")
    assert len(readings) == len({one.ts for one in readings}) == -(-load.sent // DEVICES)


@pytest.mark.influxd
@pytest.mark.parametrize(("kills", "outage"), KILLS)
async def test_sigkill_while_influxd_is_down_loses_nothing(
    tmp_path: Path, start_mosquitto: StartMosquitto, own_influx: Bucket, kills: int, outage: float
) -> None:
    """With InfluxDB away for a while and the gateway killed meanwhile, every point arrives once afterwards."""
    broker = start_mosquitto()
    settings = {
        "HYGEIA_TIMESERIES__STORE": "influx",
        "HYGEIA_INFLUX__URL": own_influx.url,
        "HYGEIA_INFLUX__ORG": own_influx.org,
        "HYGEIA_INFLUX__BUCKET": own_influx.bucket,
        "HYGEIA_INFLUX__TOKEN": own_influx.token,
    }
    gateway = GatewayProcess(tmp_path / "data", broker.url, settings)
    down = kills // 2

    async def fail_and_return(number: int) -> None:
        if number == down:
            own_influx.influxd.kill()
            await pace(outage / 2)
        if number == down + 1:
            await pace(outage / 2)
            await asyncio.to_thread(own_influx.influxd.start)

    load = await run_and_kill(gateway, broker, kills, fail_and_return)

    await asyncio.to_thread(assert_each_counted_once, gateway.folder, load.acknowledged)
    counts = own_influx.query('SELECT count("ph") FROM "water"')
    assert counts[0]["values"][0][1] == load.sent


@pytest.mark.parametrize(("kills", "outage"), KILLS)
async def test_sigkill_while_the_broker_restarts_loses_nothing(
    tmp_path: Path, start_mosquitto: StartMosquitto, kills: int, outage: float
) -> None:
    """A broker that is stopped by SIGTERM and started again hands over what it had queued."""
    broker = start_mosquitto()
    gateway = GatewayProcess(tmp_path / "data", broker.url)

    async def restart(number: int) -> None:
        if number % 3 == 1:
            await asyncio.to_thread(broker.stop)
            await pace(outage / kills)
            await asyncio.to_thread(broker.start)

    load = await run_and_kill(gateway, broker, kills, restart)

    await asyncio.to_thread(assert_each_counted_once, gateway.folder, load.acknowledged)


@pytest.mark.parametrize(("kills", "outage"), KILLS)
async def test_sigkill_with_garbage_between_parks_the_garbage_only(
    tmp_path: Path, start_mosquitto: StartMosquitto, kills: int, outage: float
) -> None:
    """With one message in ten that nobody can decode, the others count once and each piece of garbage is parked."""
    broker = start_mosquitto()
    gateway = GatewayProcess(tmp_path / "data", broker.url)

    load = await run_and_kill(gateway, broker, kills, garbage=0.1)

    assert load.garbage > 0
    await asyncio.to_thread(assert_each_counted_once, gateway.folder, load.acknowledged)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize(("kills", "outage"), KILLS)
async def test_too_little_disk_stops_acknowledging_and_recovers_by_itself(
    tmp_path: Path, start_mosquitto: StartMosquitto, small_disk: Path, kills: int, outage: float
) -> None:
    """Below min_free the gateway takes nothing more and raises an alarm; with room again everything comes in."""
    broker = start_mosquitto()
    gateway = GatewayProcess(small_disk / "data", broker.url, {"HYGEIA_JOURNAL__MIN_FREE": "24MiB"})
    gateway.log = tmp_path / "gateway.log"
    ballast = small_disk / "ballast"

    async def fill(number: int) -> None:
        if number % 4 == 1:
            ballast.write_bytes(bytes(44 << 20))
            await eventually(lambda: "disk_low" in str(gateway.get("/api/v1/alerts")), 30)
        if number % 4 == 3 or number == kills - 1:
            ballast.unlink(missing_ok=True)

    load = await run_and_kill(gateway, broker, kills, fill)

    await asyncio.to_thread(assert_each_counted_once, gateway.folder, load.acknowledged)


async def test_a_second_gateway_on_the_same_folder_is_refused(tmp_path: Path, start_mosquitto: StartMosquitto) -> None:
    """The second process leaves with exit code 2 and one line that names the folder; the first goes on."""
    broker = start_mosquitto()
    gateway = GatewayProcess(tmp_path / "data", broker.url)
    await gateway.start()

    second = await asyncio.to_thread(gateway.hygeia, "run")

    assert second.returncode == 2
    assert str(gateway.folder) in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    assert gateway.get("/healthz")
    assert await asyncio.to_thread(gateway.stop) == 0
