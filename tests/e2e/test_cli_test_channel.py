"""``hygeia alerts test-channel``: a real message goes out, and what its receiver said is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugins.modem import FakeModem
from tests.plugins.mosquitto import Mosquitto
from tests.plugins.webhook import Receiver, Reply
from tests.support.process import GatewayProcess

NOBODY = "mqtt://127.0.0.1:9"
PEOPLE = "people: [{id: p-7, role: officer, name: 王工, phone: '13800138000'}, {id: p-8, role: officer, name: 李工}]\n"


def site(folder: Path, broker: str, receiver: Receiver, modem: FakeModem) -> GatewayProcess:
    """An installation with people, a webhook, and a modem."""
    settings = {
        "HYGEIA_LANG": "en",
        "HYGEIA_ALERTS__WEBHOOK": receiver.url,
        "HYGEIA_ALERTS__CHANNELS__DUTY_SMS__KIND": "modem",
        "HYGEIA_ALERTS__CHANNELS__DUTY_SMS__DEVICE": str(modem.device),
    }
    gateway = GatewayProcess(folder / "hygeia", broker, settings)
    assert gateway.hygeia("init").returncode == 0
    (folder / "people.yaml").write_text(PEOPLE, "utf-8")
    imported = gateway.hygeia("registry", "import", str(folder / "people.yaml"))
    assert imported.returncode == 0, imported.stderr
    return gateway


def check(gateway: GatewayProcess, receiver: Receiver, modem: FakeModem) -> None:
    """What holds with a gateway and without."""
    receiver.usual = Reply(200, body=b"taken, 17")
    sent = gateway.hygeia("alerts", "test-channel", "webhook", "--json")
    assert sent.returncode == 0, sent.stderr
    wanted = {"channel": "webhook", "person": "", "outcome": "delivered", "words": "taken, 17"}
    assert json.loads(sent.stdout) == wanted
    assert receiver.received[-1].document["event"] == "test"

    sent = gateway.hygeia("alerts", "test-channel", "duty_sms", "--to", "p-7")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert sent.stdout.startswith("duty_sms: delivered: +CMGS: ")
    assert modem.sent[-1].number == "13800138000"
    assert "测试" in modem.sent[-1].text

    refused = gateway.hygeia("alerts", "test-channel", "duty_sms", "--to", "p-8")
    assert (refused.returncode, refused.stdout) == (1, "duty_sms: refused: no phone of p-8 is known\n")

    receiver.usual = Reply(503, body=b"closed for repair")
    failed = gateway.hygeia("alerts", "test-channel", "webhook")
    assert failed.returncode == 1
    assert failed.stdout == "webhook: not delivered yet; it is tried again: closed for repair\n"

    for arguments, words in ((("pigeon",), "pigeon"), (("duty_sms",), "persons")):
        wrong = gateway.hygeia("alerts", "test-channel", *arguments)
        assert wrong.returncode == 2, (wrong.stdout, wrong.stderr)
        assert words in wrong.stderr
        assert wrong.stderr.count("\n") == 1


def test_a_channel_is_tested_without_a_gateway(tmp_path: Path, receiver: Receiver, fake_modem: FakeModem) -> None:
    """The command itself sends, and nothing is left behind for a gateway to send again."""
    gateway = site(tmp_path, NOBODY, receiver, fake_modem)
    check(gateway, receiver, fake_modem)
    assert json.loads(gateway.hygeia("journal", "stat", "--json").stdout)["waiting"] == 0


@pytest.mark.mosquitto
async def test_a_channel_is_tested_by_the_running_gateway(
    tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver, fake_modem: FakeModem
) -> None:
    """The test goes the way of every other notice: journal, outbox, delivery."""
    gateway = site(tmp_path, mosquitto.url, receiver, fake_modem)
    await gateway.start()
    try:
        check(gateway, receiver, fake_modem)
    finally:
        assert gateway.stop() == 0
