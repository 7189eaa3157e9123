"""A district loses power: 2,000 alerts at once, told so that a person can read it, and none of them lost."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.config.model import Alerts
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from tests.plugins.mosquitto import Mosquitto
from tests.plugins.webhook import Receiver
from tests.support.inside import apply, counted, running

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(240)]
DEVICES = 2000
BURST = 3
ROUTING = f"""
routing: test
version: "1"
steps: [{{to: unit_contact}}]
machines: {{burst: {BURST}, wait: 3s, interval: 6s}}
"""


async def everybody_sends(broker: Mosquitto, minute: int, chlorine: float) -> None:
    """One reading of every device."""
    at = time.time_ns() // 1_000_000 - 600_000 + minute * 60_000
    async with Publisher(MqttOptions.parse(broker.url, client_id="district"), window=200) as publisher:
        for number in range(DEVICES):
            body = {"ts": at, "values": {"chlorine_free": chlorine}}
            await publisher.publish(f"hygeia/v1/_/d-{number}/up/telemetry", json.dumps(body).encode())
        await publisher.drain()


def listed(receiver: Receiver, event: str) -> list[list[dict[str, Any]]]:
    """The alerts of each call of an event, one list a call."""
    documents = [one.document for one in receiver.received]
    return [one.get("alerts") or [one["alert"]] for one in documents if one["event"] == event]


async def test_two_thousand_alerts_at_once_are_a_few_calls_and_one_digest(
    mosquitto: Mosquitto, receiver: Receiver, tmp_path: Path
) -> None:
    """The first alerts go out at once, then one digest lists all, first-out first; the returns are a digest as well."""
    routing = tmp_path / "routing.yaml"
    routing.write_text(ROUTING, "utf-8")
    told = Alerts(packs=("gb5749-2022",), webhook=SecretStr(receiver.url), routing=routing)
    places = [{"id": "net", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}]
    devices = [{"id": f"d-{number}", "place": "net", "kind": "water"} for number in range(DEVICES)]

    async with running(tmp_path / "data", mosquitto.url, alerts=told) as gateway:
        await apply(gateway, places=places, devices=devices)
        await everybody_sends(mosquitto, 1, 0.01)
        await everybody_sends(mosquitto, 2, 0.01)
        await counted(gateway, lambda report: report["alerts_fired"] == DEVICES)
        calls = await asyncio.to_thread(receiver.wait_for, BURST + 1, deadline_s=60)
        fired = [one.document for one in calls]
        await everybody_sends(mosquitto, 3, 0.3)
        await counted(gateway, lambda report: report["alerts_cleared"] == DEVICES)
        await asyncio.to_thread(receiver.wait_for, BURST + 2, deadline_s=60)

    assert [one["event"] for one in fired[: BURST + 1]] == ["fired"] * BURST + ["digest"]
    (digest, *after) = listed(receiver, "digest")
    # Several calls are under way at once, so they may come in any order.
    assert {one["id"] for one in digest[:BURST]} == {one["alert"]["id"] for one in fired[:BURST]}
    assert len({one["id"] for one in digest}) == len(digest) == DEVICES
    assert [one["fired_at"] for one in digest] == sorted(one["fired_at"] for one in digest)
    returned = {one["id"] for call in after for one in call if one["cleared_at"] is not None}
    returned |= {one["id"] for call in listed(receiver, "cleared") for one in call}
    assert len(returned) == DEVICES
