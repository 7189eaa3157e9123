"""Devices whose firmware nobody can change: connected, moved and disconnected by the registry while messages flow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.inside import apply, report_of, running, settled
from tests.support.waiting import eventually

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxd]
PLACES = [{"id": name, "kind": "network", "disinfectant": "free_chlorine"} for name in ("north", "south")]
BY_TOPIC = {
    "id": "dtu",
    "filter": "dtu/+/data",
    "device": "topic[1]",
    "codec": "json-map",
    "map": {"Cl": "chlorine_free", "$.w.t": "temperature@in", "$.w.c[0]": "conductivity"},
    "time": {"field": "t", "format": "%Y%m%d%H%M%S", "zone": "Asia/Shanghai"},
    "units": {"$.w.t": "degF", "$.w.c[0]": "mS/cm"},
    "skip": [-9999],
}
BY_PATH = {
    "id": "cloud",
    "filter": "cloud/#",
    "device": "$.meta.sn",
    "codec": "json-map",
    "map": {"$.v": "ph"},
    "time": {"field": "$.meta.at", "format": "unix_s"},
}
#: 2025-06-01 08:00:00 in Shanghai.
AT = 1_748_736_000_000


async def test_foreign_devices_are_connected_and_disconnected_by_the_registry_alone(
    mosquitto: Mosquitto, influx_bucket: Bucket, tmp_path: Path
) -> None:
    """A source makes the gateway subscribe, decode and convert; a moved device changes place; removed, it is quiet."""
    async with (
        running(tmp_path / "data", mosquitto.url, influx_bucket) as gateway,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
    ):

        async def publish(topic: str, document: Any) -> None:
            await client.publish(topic, json.dumps(document), qos=1)

        devices = [{"id": "A1", "place": "north", "kind": "water"}, {"id": "S-77", "place": "south", "kind": "water"}]
        await apply(gateway, places=PLACES, devices=devices, sources=[BY_TOPIC, BY_PATH])
        await eventually(lambda: "hygeia 1 cloud/#" in mosquitto.words())
        await publish("dtu/A1/data", {"Cl": "0.42", "t": 20250601080000, "w": {"t": 50, "c": [0.3]}, "rssi": -71})
        await publish("dtu/A1/data", {"Cl": -9999, "t": 20250601080100, "w": {"t": 59}})
        await publish("cloud/x/y", {"v": 7.25, "meta": {"sn": "S-77", "at": AT // 1000}})
        await publish("cloud/x/y", {"v": 7.5, "meta": {"sn": "S-78", "at": AT // 1000}})
        await settled(gateway, 4)
        await apply(gateway, devices=[{"id": "A1", "place": "south", "kind": "water"}])
        await publish("dtu/A1/data", {"Cl": 0.5, "t": 20250601080200})
        report = await settled(gateway, 5)
        assert (report["stored"], report["parked"], report["points"], report["points_rejected"]) == (4, 1, 6, 1)

        answer = await gateway.view.command(
            "registry.apply", {"changes": [{"kind": "sources", "id": "dtu", "body": None}]}, "test"
        )
        assert answer.status == 200, answer.body
        await eventually(lambda: "hygeia dtu/+/data" in mosquitto.words())
        await publish("dtu/A1/data", {"Cl": 0.6, "t": 20250601080300})
        await publish("cloud/x/y", {"v": 7.3, "meta": {"sn": "S-77", "at": AT // 1000 + 60}})
        await settled(gateway, 6)
        assert (await report_of(gateway))["journaled"] == 6

    rows = [
        {key: row[key] for key in ("device", "place", "point", "chlorine_free", "temperature", "conductivity", "ph")}
        | {"ts": row["time"] // 1_000_000 - AT}
        for row in influx_bucket.rows("water")
    ]
    nothing = {"chlorine_free": None, "temperature": None, "conductivity": None, "ph": None}
    a1 = {"device": "A1", "place": "north", "point": "-"}
    wanted = [
        {**nothing, **a1, "ts": 0, "chlorine_free": 0.42, "conductivity": 300},
        {**nothing, **a1, "ts": 0, "point": "in", "temperature": pytest.approx(10)},
        {**nothing, **a1, "ts": 60_000, "point": "in", "temperature": pytest.approx(15)},
        {**nothing, **a1, "ts": 120_000, "place": "south", "chlorine_free": 0.5},
        {**nothing, "device": "S-77", "place": "south", "point": "-", "ts": 0, "ph": 7.25},
        {**nothing, "device": "S-77", "place": "south", "point": "-", "ts": 60_000, "ph": 7.3},
    ]

    def order(row: dict[str, Any]) -> tuple[str, int, str]:
        return row["device"], row["ts"], row["point"]

    assert sorted(rows, key=order) == wanted
