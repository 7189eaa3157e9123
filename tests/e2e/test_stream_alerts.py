"""From a reading to the person: an alert fires, survives a restart, clears; each step can be traced to its bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.app import Gateway
from gateway.config.model import Alerts
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.plugins.webhook import Receiver
from tests.support.inside import apply, ask, counted, running, settled
from tests.support.resender import Resender

pytestmark = pytest.mark.mosquitto
SECRET = "a-secret-of-the-tests"
PLACES = [
    {"id": "net-1", "kind": "network", "unit": "wtp-1", "disinfectant": "free_chlorine", "profile": "gb5749-2022"},
    {"id": "trial", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022", "state": "trial"},
]
UNITS = [{"id": "wtp-1", "kind": "waterworks", "name": {"zh": "水厂", "en": "Waterworks"}}]
DEVICES = [{"id": "wq-1", "place": "net-1", "kind": "water"}, {"id": "wq-2", "place": "trial", "kind": "water"}]


async def only_alert(gateway: Gateway) -> dict[str, Any]:
    """The alert of the water point, with its history."""
    (listed,) = (await asyncio.to_thread(ask, gateway, "alerts?device=wq-1"))["items"]
    found: dict[str, Any] = await asyncio.to_thread(ask, gateway, f"alerts/{listed['id']}")
    # What is shown around the alert goes on with the clock.
    return {name: value for name, value in found.items() if name not in {"now", "readings"}}


@pytest.mark.influxd
async def test_an_alert_is_told_once_when_it_fires_and_once_when_it_clears(
    mosquitto: Mosquitto, influx_bucket: Bucket, receiver: Receiver, tmp_path: Path
) -> None:
    """The second bad reading fires, a restart changes nothing, good readings clear; late and trial data tell nobody."""
    told = Alerts(webhook=SecretStr(receiver.url), webhook_secret=SecretStr(SECRET))
    begin = time.time_ns() // 1_000_000 - 600_000

    def reading(minute: int, chlorine: float) -> dict[str, Any]:
        return {"id": f"{minute}:{chlorine}", "ts": begin + minute * 60_000, "values": {"chlorine_free": chlorine}}

    async with Resender(mosquitto.port) as device:
        async with running(tmp_path / "data", mosquitto.url, influx_bucket, alerts=told) as gateway:
            await apply(gateway, units=UNITS, places=PLACES, devices=DEVICES)
            for minute, chlorine in ((2, 0.4), (3, 0.02), (1, 0.0), (0, 0.0)):
                assert (await device.send("_/wq-1/up/telemetry", reading(minute, chlorine))).code == 0
            assert (await settled(gateway, 4))["alerts_fired"] == 0
            for minute in range(4, 7):
                assert (await device.send("_/wq-1/up/telemetry", reading(minute, 0.01))).code == 0
                assert (await device.send("_/wq-2/up/telemetry", reading(minute, 0.01))).code == 0
            (fired,) = await asyncio.to_thread(receiver.wait_for, 1)
            before = await only_alert(gateway)
        async with running(tmp_path / "data", mosquitto.url, influx_bucket, alerts=told) as gateway:
            standing = await only_alert(gateway)
            for minute in (7, 8, 9):
                assert (await device.send("_/wq-1/up/telemetry", reading(minute, 0.3))).code == 0
            _, cleared = await asyncio.to_thread(receiver.wait_for, 2)
            report = await counted(gateway, lambda found: found["notifications_sent"] == 2 and found["waiting"] == 0)
            after = await only_alert(gateway)

    assert fired.signed_by(SECRET)
    assert cleared.signed_by(SECRET)
    assert fired.key != cleared.key
    assert [one.document["event"] for one in (fired, cleared)] == ["fired", "cleared"]
    assert {one.document["schema"] for one in (fired, cleared)} == {"hygeia.alert/1"}
    assert {one.document["alert"]["id"] for one in (fired, cleared)} == {before["id"]} == {after["id"]}
    assert (before["rule"], before["state"], before["place"]) == ("chlorine-free-low", "active", "net-1")
    assert (before["unit"], before["value"], before["limit_value"]) == ("wtp-1", 0.01, 0.05)
    assert before["since"] == begin + 3 * 60_000
    assert standing == before
    assert after["cleared_at"] is not None
    assert [step["event"] for step in after["transitions"]] == ["fired", "cleared"]
    caused = json.loads(base64.b64decode(after["transitions"][0]["payload_b64"]))
    assert caused == reading(4, 0.01)
    # The trial point has an alert that nobody is told of.
    assert (report["alerts_fired"], report["alerts_cleared"], len(receiver.received)) == (2, 1, 2)
    mirrored = [row for row in influx_bucket.rows("alert") if row["device"] == "wq-1"]
    assert [(row["rule"], row["alert_id"], row["time"] // 60_000_000_000) for row in mirrored] == [
        ("chlorine-free-low", before["id"], (begin + minute * 60_000) // 60_000) for minute in (4, 7)
    ]
