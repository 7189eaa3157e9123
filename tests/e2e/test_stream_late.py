"""Data that come late are compared with the store: the same value is left alone, another one is a conflict."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.inside import apply, ask, running, settled
from tests.support.resender import Resender

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxd]
PLACES = [{"id": "net-1", "kind": "network", "disinfectant": "free_chlorine"}]
DEVICES = [{"id": "wq-1", "place": "net-1", "kind": "water"}]
LIVE = 30


@pytest.mark.parametrize("store", ["embedded", "influx"])
async def test_late_data_never_overwrite_what_is_stored(
    mosquitto: Mosquitto, influx_bucket: Bucket, tmp_path: Path, store: str
) -> None:
    """Of late readings the new ones are stored and marked, the known ones left alone, the different ones parked."""
    begin = time.time_ns() // 1_000_000 - 3_600_000
    bucket = influx_bucket if store == "influx" else None

    def reading(minute: int, ph: float) -> dict[str, Any]:
        return {"ts": begin + minute * 60_000, "values": {"ph": ph}}

    async with running(tmp_path / "data", mosquitto.url, bucket) as gateway, Resender(mosquitto.port) as device:
        await apply(gateway, places=PLACES, devices=DEVICES)
        for minute in range(0, 2 * LIVE, 2):
            await device.send("_/wq-1/up/telemetry", {"id": minute, **reading(minute, 7 + minute / 100)})
        late = [reading(1, 8.01), reading(2, 7.02), reading(4, 9.99), reading(5, 8.05)]
        reply = await device.send("_/wq-1/up/telemetry", {"id": "same", **reading(0, 7.0)})
        await device.publish("_/wq-1/up/telemetry", str(late).replace("'", '"').encode())
        await device.send("_/wq-1/up/telemetry", {"id": "other", **reading(6, 9.0)})
        report = await settled(gateway, LIVE + 3)
        found = (await asyncio.to_thread(ask, gateway, "readings?device=wq-1&from=0"))["items"]
        listed = (await asyncio.to_thread(ask, gateway, "parked"))["items"]

    wanted = {begin + minute * 60_000: (round(7 + minute / 100, 9), False) for minute in range(0, 2 * LIVE, 2)}
    # InfluxDB has no mark for late values (docs/stores.md).
    wanted |= {begin + 60_000: (8.01, bucket is None), begin + 5 * 60_000: (8.05, bucket is None)}
    assert {one["ts"]: (round(one["value"], 9), one["late"]) for one in found} == wanted
    assert len(found) == len(wanted)
    assert (reply.code, reply.document["flags"]) == (0, ["late"])
    # The array is stored but for one value; the message of which nothing was stored has moved to the parked ones.
    assert (report["points"], report["points_conflict"]) == (LIVE + 2, 2)
    assert (report["stored"], report["parked"], report["waiting"]) == (LIVE + 2, 1, 0)
    assert [(one["reason"], one["whole"]) for one in listed] == [("conflict", False), ("conflict", True)]
    assert [one["detail"]["refusals"][0]["known"] for one in listed] == [pytest.approx(7.04), pytest.approx(7.06)]
