"""A backup while messages flow, SIGKILL after it, and the restored installation: nothing that was backed up is lost."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import http.client
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.database import open_state
from gateway.decide.commit import read_cursor
from gateway.drive.compare import compare
from gateway.drive.pace import Acknowledged
from gateway.installation import Installation
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.store.embedded import EmbeddedStore
from tests.plugins.mosquitto import Mosquitto, StartMosquitto
from tests.support.numbered import START, Load, assert_each_counted_once, registry_file
from tests.support.process import GatewayProcess
from tests.support.waiting import eventually

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]
SETTLE_S = 60.0
#: Messages before the backup, and after it.
BEFORE, AFTER = 200, 100
Numbers = dict[str, set[int | str]]


@contextlib.asynccontextmanager
async def loaded(broker: Mosquitto) -> AsyncIterator[Load]:
    """A running load."""
    acknowledged = Acknowledged()
    options = MqttOptions.parse(broker.url, client_id="load")
    async with Publisher(options, window=200, on_ack=acknowledged.note) as publisher:
        load = Load(publisher, acknowledged)
        running = asyncio.create_task(load.run())
        try:
            yield load
        finally:
            load.stop()
            await running


def stored(folder: Path) -> set[int]:
    """Device times of one channel in the embedded store; each once."""
    store = EmbeddedStore(folder / "readings.duckdb")
    store.open()
    readings = store.read(device="n-0", point=None, parameter="ph", start=0, end=2**53, limit=10**6)
    store.close()
    times = {one.ts for one in readings}
    assert len(times) == len(readings)
    return times


async def under_load(
    tmp_path: Path, broker: Mosquitto
) -> tuple[GatewayProcess, Path, Acknowledged, dict[str, set[int]]]:
    """A gateway that was backed up while messages flowed and then killed.

    Returns it, the backup, what was acknowledged in its life, and the numbers acknowledged before the backup began.
    """
    gateway = GatewayProcess(tmp_path / "data", broker.url, {"HYGEIA_LEDGER__SIGN_EVERY_ENTRIES": "1"})
    imported = await asyncio.to_thread(gateway.hygeia, "registry", "import", str(registry_file(tmp_path)))
    assert imported.returncode == 0, imported.stderr
    await gateway.start()
    backup = tmp_path / "backup.tar.gz"
    async with loaded(broker) as load:
        await eventually(lambda: load.acknowledged.published >= BEFORE, SETTLE_S)
        report = await gateway.report()
        before = copy.deepcopy(load.acknowledged.numbers)
        made = await asyncio.to_thread(gateway.hygeia, "backup", "--out", str(backup))
        assert made.returncode == 0, made.stderr
        wanted = load.acknowledged.published + AFTER
        await eventually(lambda: load.acknowledged.published >= wanted, SETTLE_S)
        gateway.kill()
    assert report["journaled"] > 0
    return gateway, backup, load.acknowledged, before


def ledger(gateway: GatewayProcess) -> dict[str, Any]:
    """What readiness says of the ledger, be it ready or not."""
    runtime = json.loads((gateway.folder / "runtime.json").read_text("utf-8"))
    connection = http.client.HTTPConnection(runtime["address"].removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/readyz", headers={"Authorization": f"Bearer {runtime['token']}"})
        found: dict[str, Any] = json.loads(connection.getresponse().read())["followers"]["ledger"]
    return found


def lost(folder: Path, numbers: Numbers) -> int:
    """How many of these numbers are not in the journal of a stopped installation."""
    installation = Installation(folder)
    engine = open_state(installation.state)
    found = compare(installation.journal, read_cursor(engine), engine, numbers)
    engine.dispose()
    assert found.duplicated == 0
    return found.lost


async def test_what_was_backed_up_under_load_is_there_after_a_kill_and_a_restore(
    tmp_path: Path, start_mosquitto: StartMosquitto
) -> None:
    """The restored gateway has every record up to the backup, goes on, and its ledger has no fault."""
    broker = start_mosquitto()
    _, backup, _, before = await under_load(tmp_path, broker)
    restored = GatewayProcess(tmp_path / "restored", broker.url, {"HYGEIA_LEDGER__SIGN_EVERY_ENTRIES": "1"})

    done = await asyncio.to_thread(restored.hygeia, "restore", str(backup), "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["signs"] is False
    assert told["running"] is True
    assert told["next"] > told["cursor"] >= 0
    await restored.start()
    await restored.settled(BEFORE)
    await eventually(lambda: "was restored from a backup" in ledger(restored)["words"], SETTLE_S)
    renamed = await asyncio.to_thread(
        restored.hygeia, "custody", "new-origin", "test.example/2", "--reason", "restored"
    )
    assert renamed.returncode == 0, renamed.stderr
    await eventually(lambda: ledger(restored)["state"] == "ok", SETTLE_S)
    assert await asyncio.to_thread(restored.stop) == 0
    verified = await asyncio.to_thread(restored.hygeia, "custody", "verify")
    assert verified.returncode == 0, verified.stdout
    assert await asyncio.to_thread(lost, restored.folder, before) == 0
    times = await asyncio.to_thread(stored, restored.folder)
    assert {START + int(number) * 1000 for number in before["n-0"]} <= times


async def test_with_the_newer_journal_nothing_is_lost_at_all_and_signing_goes_on(
    tmp_path: Path, start_mosquitto: StartMosquitto
) -> None:
    """An older state and readings with the journal of the killed gateway: each number once, the same heads."""
    broker = start_mosquitto()
    gateway, backup, acknowledged, _ = await under_load(tmp_path, broker)
    restored = GatewayProcess(tmp_path / "restored", broker.url, {"HYGEIA_LEDGER__SIGN_EVERY_ENTRIES": "1"})

    journal = gateway.folder / "journal"
    done = await asyncio.to_thread(restored.hygeia, "restore", str(backup), "--journal", str(journal), "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["signs"] is True
    shutil.copy(gateway.folder / "ledger" / "head", restored.folder / "ledger" / "head")
    await restored.start()
    await restored.settled(acknowledged.published)
    await eventually(lambda: ledger(restored)["state"] == "ok", SETTLE_S)
    assert await asyncio.to_thread(restored.stop) == 0
    await asyncio.to_thread(assert_each_counted_once, restored.folder, acknowledged)
    assert len(await asyncio.to_thread(stored, restored.folder)) > 50
    verified = await asyncio.to_thread(restored.hygeia, "custody", "verify")
    assert verified.returncode == 0, verified.stdout
