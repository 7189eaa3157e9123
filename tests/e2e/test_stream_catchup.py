"""A store that was away finds everything again from journal and state: the same points as one that never was."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from tests.influx_servers import Served, shim
from tests.plugins.influx import TOKEN, Bucket, Influxd
from tests.plugins.mosquitto import Mosquitto, StartMosquitto
from tests.support.inside import apply, report_of, running, settled
from tests.support.resender import Resender
from tests.support.waiting import eventually

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxd]
PLACES = [
    {"id": name, "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}
    for name in ("n-1", "n-2")
] + [{"id": "store-1", "kind": "waste_store"}]
DEVICES = [
    {"id": "wq-1", "place": "n-1", "kind": "water"},
    {"id": "A1", "place": "n-1", "kind": "water"},
    {"id": "scale-1", "place": "store-1", "kind": "terminal"},
]
SOURCE = {
    "id": "dtu",
    "filter": "dtu/+/data",
    "device": "topic[1]",
    "codec": "json-map",
    "map": {"Cl": "chlorine_free", "T": "temperature@in"},
    "time": {"field": "t", "format": "unix_s"},
    "units": {"T": "degF"},
}
BEGIN = time.time_ns() // 1_000_000 // 1000 * 1000 - 3_600_000
BAGS = [{"k": "qr", "v": f"MW{n:04d}"} for n in range(20)]
GROUP = {"gross_g": 64_600, "tare_g": 4_600, "net_g": 60_000}


def reading(minute: float, **values: Any) -> dict[str, Any]:
    """One reading, so many minutes after the beginning."""
    return {"ts": BEGIN + int(minute * 60_000), "values": values}


async def play(gateway: Gateway, device: Resender) -> int:
    """Everything that may happen to a stream; how many messages it was."""
    water, scans = "_/wq-1/up/telemetry", "_/scale-1/up/event"

    async def send(topic: str, document: Any) -> None:
        await device.publish(topic, json.dumps(document).encode())

    await apply(gateway, places=PLACES, devices=DEVICES, sources=[SOURCE])
    for minute in range(0, 20, 2):
        await send(water, reading(minute, chlorine_free=0.4, ph=7 + minute / 100))
    await send(
        water, [reading(21, chlorine_free=0.01), reading(22, chlorine_free=0.01), reading(23, chlorine_free=0.02)]
    )
    await send(water, {**reading(24, chlorine_free=0.3, turbidity="<0.02"), "flags": {"chlorine_free": "M"}})
    await send(water, reading(25, chlorine_free=0.3, ph="-", nonsense=3))
    # Late: new, known, another value; then two of one time in one message, and the same message again.
    await send(water, [reading(1, ph=7.5), reading(2, ph=7.02), reading(4, ph=9.9), reading(5, ph=7.6)])
    await send(water, reading(6, ph=9.9))
    await send(water, [reading(26, ph=7.1), reading(26, ph=7.2), reading(27, ph=7.3)])
    await send(water, [reading(26, ph=7.1), reading(26, ph=7.2), reading(27, ph=7.3)])
    await send(water, {"ts": BEGIN + 7_200_000, "values": {"ph": 7.7}})
    await send(scans, {"id": "T-1", "ts": BEGIN, "step": "store_in", "ids": BAGS, "weight": GROUP})
    await send(scans, {"id": "T-2", "ts": BEGIN, "step": "store_in", "ids": BAGS[:1], "weight": {"net_g": 3000}})
    await send(scans, {"id": "T-1", "ts": BEGIN, "step": "store_in", "ids": BAGS, "weight": GROUP})
    await send("_/wq-9/up/telemetry", reading(1, ph=6.9, conductivity=300))
    await send("_/wq-9/up/telemetry", reading(0, ph=6.8))
    await send("_/wq-1/up/status", {"state": "online"})
    await send("_/wq-1/up/telemetry", "garbage")
    await eventually(lambda: gateway.core.decider.fold.counters["journaled"] == device.sent)
    await apply(gateway, devices=[{"id": "wq-9", "place": "n-2", "kind": "water"}, {**DEVICES[0], "place": "n-2"}])
    redriven = await gateway.view.command("journal.redrive", {"reason": "unknown_device"}, "test")
    assert redriven.body["redriven"] == 2
    await device.publish_at("dtu/A1/data", json.dumps({"Cl": 0.33, "T": 50, "t": BEGIN // 1000}).encode())
    for minute in (28, 29):
        await send(water, reading(minute, chlorine_free=0.35))
    await eventually(lambda: gateway.core.decider.fold.counters["journaled"] == device.sent)
    return device.sent


def points(bucket: Bucket) -> dict[str, list[dict[str, Any]]]:
    """Every point, without what differs from one installation to another: ids of alerts, places within a ms."""
    found = {}
    for measurement in ("water", "custody", "alert"):
        rows = bucket.rows(measurement)
        for row in rows:
            row["time"] //= 1_000_000
            row.pop("alert_id", None)
        found[measurement] = sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
    return found


async def test_a_store_that_was_away_gets_the_same_points_as_one_that_was_not(
    start_mosquitto: StartMosquitto, shimmed_influxd: tuple[Influxd, str], tmp_path: Path
) -> None:
    """After an outage and a restart, readings, late data, scans, redrives and alerts are what they would have been."""
    influxd, url = shimmed_influxd
    for name in ("there", "away"):
        influxd.query("", f'CREATE DATABASE "{name}"')
    there = Bucket(influxd, url, "there")
    plain = await without_outage(start_mosquitto(), there, tmp_path / "there")
    served = Served(shim(influxd.url, TOKEN))
    away = Bucket(influxd, served.url, "away")
    broker = start_mosquitto()
    await asyncio.to_thread(served.stop)
    async with running(tmp_path / "away", broker.url, away) as gateway, Resender(broker.port) as device:
        count = await play(gateway, device)
        assert (await report_of(gateway))["stored"] == 0
    async with running(tmp_path / "away", broker.url, away) as gateway:
        assert (await report_of(gateway))["stored"] == 0
        served = Served(shim(influxd.url, TOKEN), port=served.port)
        after = await settled(gateway, count)
    await asyncio.to_thread(served.stop)

    wanted = points(there)
    assert points(away) == wanted
    assert [len(wanted[name]) for name in ("water", "custody", "alert")] == [26, 21, 22]
    counters = ("journaled", "stored", "parked", "repeated", "points", "points_rejected", "points_conflict")
    assert [after[name] for name in counters] == [plain[name] for name in counters]
    assert [plain[name] for name in counters[1:]] == [24, 3, 1, 38, 2, 4]


async def without_outage(broker: Mosquitto, bucket: Bucket, folder: Path) -> dict[str, Any]:
    """The counters of a gateway whose store was there all the time."""
    async with running(folder, broker.url, bucket) as gateway, Resender(broker.port) as device:
        return await settled(gateway, await play(gateway, device))
