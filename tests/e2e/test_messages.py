"""What becomes of single messages, seen from the device, the operator and the store."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from gateway.app import Gateway
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.inside import apply, ask, counted, running, settled
from tests.support.process import HYGEIA
from tests.support.resender import ROOT, Resender

pytestmark = pytest.mark.mosquitto
PLACES = [
    {"id": "net-1", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"},
    {"id": "store-1", "kind": "waste_store"},
]
DEVICES = [
    {"id": "wq-1", "place": "net-1", "kind": "water"},
    {"id": "scale-1", "place": "store-1", "kind": "terminal"},
]


def now() -> int:
    """Wall time, ms."""
    return time.time_ns() // 1_000_000


@pytest.fixture
async def gateway(mosquitto: Mosquitto, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with a water point and a terminal, and the embedded store."""
    async with running(tmp_path / "data", mosquitto.url) as one:
        await apply(one, places=PLACES, devices=DEVICES)
        yield one


@pytest.fixture
async def device(mosquitto: Mosquitto) -> AsyncIterator[Resender]:
    """A device that hears replies."""
    async with Resender(mosquitto.port) as one:
        yield one


async def hygeia(gateway: Gateway, *arguments: str) -> dict[str, Any]:
    """What a command says as JSON; it speaks to the running gateway."""
    folder = str(gateway.settings.data.dir)
    command = [HYGEIA, *arguments, "--data-dir", folder, "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


async def readings(gateway: Gateway, device: str) -> list[dict[str, Any]]:
    """Everything that is stored of a device."""
    found: list[dict[str, Any]] = (await asyncio.to_thread(ask, gateway, f"readings?device={device}&from=0"))["items"]
    return found


async def parked(gateway: Gateway) -> list[dict[str, Any]]:
    """What was not accepted."""
    found: list[dict[str, Any]] = (await asyncio.to_thread(ask, gateway, "parked"))["items"]
    return found


def bags(count: int) -> list[dict[str, str]]:
    """The ids of so many bags, in no order."""
    return [{"k": "qr", "v": f"MW20250116{n * 7 % count:04d}"} for n in range(count)]


@pytest.mark.influxd
async def test_twenty_bags_in_one_scan_are_twenty_rows_in_influxd(
    mosquitto: Mosquitto, influx_bucket: Bucket, device: Resender, tmp_path: Path
) -> None:
    """Each bag has its row at the time of the scan; their common weight stands in the first row only."""
    group = {"gross_g": 64_600, "tare_g": 4_600, "net_g": 60_000, "stable": True, "mode": "scale"}
    scan = {"id": "T7-1", "ts": now(), "step": "store_in", "ids": bags(20), "weight": group, "category": "infectious"}
    alone = {**scan, "id": "T7-2", "ids": bags(1), "weight": {"gross_g": 3_650, "tare_g": 230, "net_g": 3_420}}
    async with running(tmp_path / "data", mosquitto.url, influx_bucket) as gateway:
        await apply(gateway, places=PLACES, devices=DEVICES)
        replies = [await device.send("_/scale-1/up/event", one) for one in (scan, scan, alone)]
        report = await settled(gateway, 3)

    rows = influx_bucket.rows("custody")
    first, *others, single = sorted(rows, key=lambda row: (row["event_id"], row["container"]))
    assert [reply.code for reply in replies] == [0, 1, 0]
    assert [row["container"] for row in (first, *others)] == [f"MW20250116{n:04d}" for n in range(20)]
    assert (first["group_net_g"], first["group_n"]) == (60_000, 20)
    assert {row[key] for row in others for key in ("group_net_g", "group_n", "net_g", "gross_g", "tare_g")} == {None}
    assert (single["net_g"], single["gross_g"], single["tare_g"], single["group_n"]) == (3_420, 3_650, 230, None)
    assert {row["time"] // 1_000_000 for row in rows} == {scan["ts"]}
    assert {(row["device"], row["place"], row["step"], row["category"]) for row in rows} == {
        ("scale-1", "store-1", "store_in", "infectious")
    }
    assert (report["custody_events"], report["containers"], report["stored"], report["repeated"]) == (2, 20, 2, 1)


@pytest.mark.influxd
async def test_a_second_value_of_one_time_never_overwrites_the_first_in_influxd(
    mosquitto: Mosquitto, influx_bucket: Bucket, device: Resender, tmp_path: Path
) -> None:
    """Of 0.02 and then 0.42 with one time the store keeps 0.02; the other is one conflict that everybody can list."""
    at = now()
    async with running(tmp_path / "data", mosquitto.url, influx_bucket) as gateway:
        await apply(gateway, places=PLACES, devices=DEVICES)
        codes = []
        for name, value in (("a", 0.02), ("b", 0.42), ("c", 0.02), ("d", 0.42)):
            message = {"ts": at, "id": name, "values": {"chlorine_free": value}}
            codes.append((await device.send("_/wq-1/up/telemetry", message)).code)
            stat = await hygeia(gateway, "journal", "stat") if name == "b" else {}
            if stat:
                assert (stat["points_conflict"], stat["parked"]) == (1, 1)
        listed = await hygeia(gateway, "journal", "parked")
        (shown,) = await readings(gateway, "wq-1")

    assert codes == [0, 3, 1, 3]
    assert [(row["time"], row["chlorine_free"]) for row in influx_bucket.rows("water")] == [(at * 1_000_000, 0.02)]
    assert (shown["value"], shown["ts"], shown["parameter_unit"]) == (0.02, at, "mg/L")
    first, second = listed["items"]
    assert (first["reason"], first["device"], first["topic"]) == ("conflict", "wq-1", f"{ROOT}/_/wq-1/up/telemetry")
    (refusal,) = first["detail"]["refusals"]
    assert (refusal["key"], float(refusal["raw"]), refusal["known"]) == ("chlorine_free", 0.42, 0.02)
    assert json.loads(base64.b64decode(first["payload_b64"]))["values"] == {"chlorine_free": 0.42}
    assert second["reason"] == "conflict"


async def test_a_device_that_was_unknown_is_taken_in_after_its_registration(gateway: Gateway, device: Resender) -> None:
    """Parked with code 2, then registered and redriven, its readings are stored with the time that they had."""
    at = now()
    messages = [{"ts": at + n, "id": n, "values": {"ph": 7.0 + n / 10}} for n in range(3)]
    codes = [(await device.send("_/wq-9/up/telemetry", one)).code for one in messages]
    before = await hygeia(gateway, "journal", "stat")

    await apply(gateway, devices=[{"id": "wq-9", "place": "net-1", "kind": "water"}])
    answer = await hygeia(gateway, "journal", "redrive", "--reason", "unknown_device")
    await settled(gateway, 3)
    after = await hygeia(gateway, "journal", "stat")

    assert codes == [2, 2, 2]
    assert (before["parked"], before["stored"], before["journaled"]) == (3, 0, 3)
    assert answer["redriven"] == 3
    assert (after["parked"], after["stored"], after["journaled"], after["points"]) == (0, 3, 3, 3)
    assert [(one["ts"], one["value"]) for one in await readings(gateway, "wq-9")] == [
        (at, 7.0),
        (at + 1, 7.1),
        (at + 2, 7.2),
    ]
    assert await parked(gateway) == []
    assert (await device.send("_/wq-9/up/telemetry", messages[0])).code == 1


async def test_a_device_hears_of_its_fate_within_a_second(gateway: Gateway, device: Resender) -> None:
    """The reply to a scan, at the scale's own address, comes while the collector still stands there."""
    took = []
    for number in range(9):
        scan = {"id": f"T7-{number}", "ts": now(), "step": "collect", "ids": bags(1)}
        reply = await device.send("ward-7/scale-1/up/event", scan)
        assert (reply.topic, reply.code) == (f"{ROOT}/ward-7/scale-1/down/reply", 0)
        assert reply.document["object"] == bags(1)[0]["v"]
        took.append(reply.after_s)
    assert statistics.median(took) < 1.0


async def test_a_message_without_an_id_is_taken_and_not_answered(gateway: Gateway, device: Resender) -> None:
    """Only who asks is told; parked or accepted makes no difference, and QoS 0 is counted apart."""
    await device.publish("_/wq-1/up/telemetry", b'{"ph": 7.1}')
    await device.publish("_/wq-1/up/telemetry", b'{"ph": 7.2}', qos=0)
    await device.publish("_/nobody/up/telemetry", b'{"ph": 7.1}')
    await device.publish("_/wq-1/up/telemetry", b'{"values": {"ph": null}}')
    await device.send("_/wq-1/up/telemetry", {"id": "asks", "values": {"turbidity": 0.2}})
    report = await settled(gateway, 4)

    assert [reply.document["id"] for reply in device.replies] == ["asks"]
    assert (report["journaled"], report["qos0"], report["stored"], report["parked"]) == (4, 1, 2, 2)
    assert report["points"] == 3


async def test_a_retained_status_that_is_known_changes_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Delivered again with a new session it is a repeat, and the state of the device is what it was."""
    async with Resender(mosquitto.port) as device:
        await device.publish("_/wq-1/up/status", b'{"state": "sleeping"}', retain=True)
    async with running(tmp_path / "data", mosquitto.url) as gateway:
        # It came before the device was registered, and is taken in afterwards.
        await counted(gateway, lambda report: report["parked"] == 1)
        await apply(gateway, places=PLACES, devices=DEVICES)
        assert (await gateway.view.command("journal.redrive", {"all": True}, "test")).body["redriven"] == 1
        await settled(gateway, 1)
        first = gateway.core.decider.fold.states["wq-1"]
    # The gateway's session at the broker is thrown away, so that it has to subscribe anew.
    async with aiomqtt.Client("127.0.0.1", mosquitto.port, identifier="hygeia", clean_session=True):
        pass
    async with running(tmp_path / "data", mosquitto.url) as gateway:
        report = await settled(gateway, 2)
        again = gateway.core.decider.fold.states["wq-1"]

    assert (first, again) == ("sleeping", "sleeping")
    assert (report["journaled"], report["repeated"], report["parked"], report["stored"]) == (2, 1, 0, 1)


async def test_what_is_too_large_is_parked_and_the_next_message_is_taken(gateway: Gateway, device: Resender) -> None:
    """The first 64 KiB, the length and the digest are kept; nothing behind it is disturbed."""
    payload = b'{"ph": 7.0, "remark": "' + b"x" * 200_000 + b'"}'
    await device.publish("_/wq-1/up/telemetry", payload)
    reply = await device.send("_/wq-1/up/telemetry", {"id": 1, "values": {"ph": 7.1}})
    (one,) = await parked(gateway)

    assert reply.code == 0
    assert (one["reason"], one["topic"]) == ("too_large", f"{ROOT}/_/wq-1/up/telemetry")
    assert one["detail"]["length"] == len(payload)
    assert one["detail"]["sha256"] == hashlib.sha256(payload).hexdigest()
    assert base64.b64decode(one["payload_b64"]) == payload[: 64 * 1024]


SCAN = {"id": "T7-1", "ts": 1_770_000_000_000, "step": "collect", "ids": [{"k": "qr", "v": "MW1"}]}
PARKED = [
    ("_/wq-1/up/telemetry", b"{", "not_json"),
    ("_/wq-1/up/telemetry", b"\xff\xfe", "not_json"),
    ("_/wq-1/up/telemetry", b"7", "bad_shape"),
    ("_/wq-1/up/telemetry", b'{"values": 3}', "bad_shape"),
    ("_/wq-1/up/telemetry", b'{"values": {"ph": "-"}}', "no_valid_value"),
    ("_/wq-1/up/telemetry", b"[]", "no_valid_value"),
    ("_/wq-1/up/telemetry", b'{"ts": 1770000000000, "values": {"ph": 7.5}}', "conflict"),
    ("_/wq-2/up/telemetry", b'{"ph": 7}', "unknown_device"),
    ("_/wq-1/up/other", b"{}", "unknown_topic"),
    ("_/wq-1/up/status", b"online", "not_json"),
    ("_/wq-1/up/status", b'{"state": "asleep"}', "bad_shape"),
    ("_/scale-1/up/event", b"MW1", "not_json"),
    ("_/scale-1/up/event", b'{"id": "T7-2", "step": "collect"}', "bad_shape"),
    ("_/scale-1/up/event", json.dumps({**SCAN, "step": "store_in"}).encode(), "conflict"),
    ("_/wq-1/up/telemetry", b"x" * 65_537, "too_large"),
]


async def test_every_reason_to_park_keeps_topic_bytes_and_words(gateway: Gateway, device: Resender) -> None:
    """Nothing is dropped silently: each message that cannot be used is listed in order, with why and with its bytes."""
    await device.publish("_/wq-1/up/telemetry", b'{"ts": 1770000000000, "values": {"ph": 7.4}}')
    await device.publish("_/scale-1/up/event", json.dumps(SCAN).encode())
    for topic, payload, _ in PARKED:
        await device.publish(topic, payload)
    report = await settled(gateway, len(PARKED) + 2)
    listed = await parked(gateway)

    assert [(one["topic"], one["reason"]) for one in listed] == [(f"{ROOT}/{t}", reason) for t, _, reason in PARKED]
    assert [base64.b64decode(one["payload_b64"]) for one in listed] == [sent[: 64 * 1024] for _, sent, _ in PARKED]
    assert all(one["detail"].get("words") or one["detail"]["refusals"] for one in listed)
    assert (report["parked"], report["stored"], report["waiting"]) == (len(PARKED), 2, 0)
