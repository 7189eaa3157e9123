"""A broker that is killed and forgets: whoever resends until the reply has come loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from gateway.cli import call
from gateway.drive.pace import Acknowledged
from tests.plugins.gateways import NewGateway
from tests.plugins.mosquitto import StartMosquitto
from tests.support.numbered import START, assert_each_counted_once, registry_file
from tests.support.resender import Resender
from tests.support.waiting import eventually, pace

pytestmark = pytest.mark.mosquitto
#: Mosquitto saves its queues and sessions never, unless it is asked to end: SIGKILL makes it forget all.
FORGETFUL = "autosave_interval 86400\n"
DEVICES = ["n-0", "n-1", "n-2", "n-3"]
KILLS = 3
EACH = 40


async def device(name: str, client: Resender, acknowledged: Acknowledged) -> list[int]:
    """Send numbered readings one after the other, each until its reply; the codes of the replies."""
    codes = []
    for number in range(1, EACH + 1):
        values = {"ph": 7 + number / 100, "turbidity": 0.2}
        message = {"id": f"{name}.{number}", "ts": START + number * 1000, "seq": number, "values": values}
        reply = await client.send(f"_/{name}/up/telemetry", message)
        codes.append(reply.code)
        acknowledged.numbers.setdefault(name, set()).add(number)
        await pace(0.01)
    return codes


def has(acknowledged: Acknowledged, wanted: int) -> bool:
    """Whether so many replies have come."""
    return sum(map(len, acknowledged.numbers.values())) >= wanted


async def test_who_resends_until_the_reply_loses_nothing_when_the_broker_is_killed(
    start_mosquitto: StartMosquitto, new_gateway: NewGateway, tmp_path: Path
) -> None:
    """Through three SIGKILLs of a broker that forgets its sessions, every id is accepted once and stored once."""
    broker = start_mosquitto(FORGETFUL)
    gateway = new_gateway(broker.url)
    arguments = ["registry", "import", str(registry_file(tmp_path)), "--data-dir", str(gateway.folder)]
    assert await asyncio.to_thread(call, arguments) == 0
    await gateway.start()
    acknowledged = Acknowledged()
    async with Resender(broker.port, every_s=0.5) as client:
        work = asyncio.gather(*(device(name, client, acknowledged) for name in DEVICES))
        for number in range(KILLS):
            wanted = (number + 1) * EACH * len(DEVICES) // (KILLS + 1)
            await eventually(partial(has, acknowledged, wanted), 60)
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
        codes = await work
    report = await gateway.settled(len(DEVICES) * EACH)
    (lost,) = (await asyncio.to_thread(gateway.get, "/api/v1/alerts?rule=session_lost"))["items"]
    history = (await asyncio.to_thread(gateway.get, f"/api/v1/alerts/{lost['id']}"))["transitions"]
    assert await asyncio.to_thread(gateway.stop) == 0

    assert {code for per_device in codes for code in per_device} <= {0, 1}
    assert (report["stored"], report["points"], report["parked"]) == (len(DEVICES) * EACH, 2 * len(DEVICES) * EACH, 0)
    assert report["journaled"] == report["stored"] + report["repeated"]
    # The broker did forget: the gateway says so, once for each time, of one alert until somebody looks at it.
    assert [step["event"] for step in history].count("fired") == KILLS
    await asyncio.to_thread(assert_each_counted_once, gateway.folder, acknowledged)
