"""From a reading to a person by the second way: the first channel refuses, the next one takes over."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.config.model import Alerts, Http
from tests.plugins.modem import FakeModem
from tests.plugins.mosquitto import Mosquitto
from tests.support.inside import apply, running
from tests.support.resender import Resender
from tests.support.waiting import eventually

pytestmark = pytest.mark.mosquitto
REGISTRY = {
    "units": [{"id": "w", "kind": "waterworks", "name": {"zh": "城北水厂", "en": "North"}, "contacts": ["p-7"]}],
    "places": [
        {"id": "out", "kind": "network", "unit": "w", "name": {"zh": "城北管网", "en": "North network"},
         "disinfectant": "free_chlorine", "profile": "gb5749-2022"},
    ],
    "devices": [{"id": "wq-1", "place": "out", "kind": "water"}],
    "people": [{"id": "p-7", "role": "contact", "unit": "w"}],
}  # fmt: skip
PRIVATE = {"name": {"zh": "王工", "en": "Wang"}, "phone": "13800138000", "email": "wang@example.org"}


def deliveries(gateway: Gateway) -> list[tuple[str, str, str]]:
    """Channel, person and state of each notice of the only alert. Blocking."""

    def ask(path: str) -> Any:
        headers = {"Authorization": f"Bearer {gateway.view.runtime_token}"}
        request = urllib.request.Request(f"{gateway.address}/api/v1/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    (listed,) = ask("alerts?device=wq-1")["items"]
    found = ask(f"alerts/{listed['id']}")["deliveries"]
    return [(one["channel"], one["person"], one["state"]) for one in found]


async def know(gateway: Gateway) -> None:
    """Register everything, the person's name and addresses apart."""
    await apply(gateway, **REGISTRY)
    change = {"kind": "people", "id": "p-7", "body": REGISTRY["people"][0] | {"badge": "1"}}
    args: dict[str, Any] = {"changes": [change], "private": [{"id": "p-7", "body": PRIVATE}]}
    assert (await gateway.view.command("registry.apply", args, "test")).status == 200


async def test_a_refused_sms_becomes_a_mail(
    mosquitto: Mosquitto, mail_server: Any, fake_modem: FakeModem, tmp_path: Path
) -> None:
    """The number is dead: the same person gets the alert by mail, with a link, and the history tells both ways."""
    server = await asyncio.to_thread(mail_server, "none")
    mail = {"kind": "email", "host": "127.0.0.1", "port": server.port, "security": "none", "sender": "hygeia@a.b"}
    channels = {"sms": {"kind": "modem", "device": fake_modem.device}, "mail": mail}
    told = Alerts.model_validate({"channels": channels})
    fake_modem.script.submits = ["+CMS ERROR: 1"]
    begin = time.time_ns() // 1_000_000 - 600_000
    http = Http(listen="127.0.0.1:0", public_url="https://h.example")
    inside = running(tmp_path / "d", mosquitto.url, alerts=told, http=http)
    async with Resender(mosquitto.port) as device, inside as gateway:
        await know(gateway)
        for minute in range(3):
            reading = {"id": f"m{minute}", "ts": begin + minute * 60_000, "values": {"chlorine_free": 0.01}}
            assert (await device.send("_/wq-1/up/telemetry", reading)).code == 0
        await eventually(lambda: server.mailed)
        async with asyncio.timeout(20):
            while (found := await asyncio.to_thread(deliveries, gateway))[-1][2] == "waiting":  # noqa: ASYNC110 - HTTP
                await asyncio.sleep(0.02)
        journal = b"".join(file.read_bytes() for file in (tmp_path / "d" / "journal").iterdir())
    assert found == [("sms", "p-7", "refused"), ("mail", "p-7", "delivered")]
    (mailed,) = server.mailed
    assert mailed.to == ["wang@example.org"]
    assert "城北管网" in mailed.message["Subject"]
    assert "https://h.example/ack/" in mailed.part("plain")
    assert fake_modem.sent == []
    for part in ("13800138000", "wang@example.org", "王工"):
        assert part.encode() not in journal
