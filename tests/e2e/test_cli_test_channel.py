"""``hygeia alerts test-channel``: a real message goes out, and what its receiver said is printed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import call
from tests.plugins.modem import FakeModem
from tests.plugins.mosquitto import Mosquitto
from tests.plugins.webhook import Receiver, Reply
from tests.support.process import GatewayProcess

PEOPLE = "people: [{id: p-7, role: officer, name: 王工, phone: '13800138000'}, {id: p-8, role: officer, name: 李工}]\n"

#: Carries out a command in this process on the installation: exit code, output, errors.
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder."""
    return tmp_path / "hygeia"


@pytest.fixture
def run(  # noqa: PLR0917 - fixtures
    folder: Path,
    receiver: Receiver,
    fake_modem: FakeModem,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Commands on an installation with people, a webhook and a modem."""
    environment = {
        "HYGEIA_LANG": "en",
        "HYGEIA_JOURNAL__MIN_FREE": "1MiB",
        "HYGEIA_ALERTS__WEBHOOK": receiver.url,
        "HYGEIA_ALERTS__CHANNELS__DUTY_SMS__KIND": "modem",
        "HYGEIA_ALERTS__CHANNELS__DUTY_SMS__DEVICE": str(fake_modem.device),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = call([*arguments, "--data-dir", str(folder)])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("init")[0] == 0
    (tmp_path / "people.yaml").write_text(PEOPLE, "utf-8")
    code, _, error = run("registry", "import", str(tmp_path / "people.yaml"))
    assert code == 0, error
    return run


def check(run: Run, receiver: Receiver, modem: FakeModem) -> None:
    """What holds with a gateway and without."""
    receiver.usual = Reply(200, body=b"taken, 17")
    code, out, error = run("alerts", "test-channel", "webhook", "--json")
    assert code == 0, error
    assert json.loads(out) == {"channel": "webhook", "person": "", "outcome": "delivered", "words": "taken, 17"}
    assert receiver.received[-1].document["event"] == "test"

    code, out, error = run("alerts", "test-channel", "duty_sms", "--to", "p-7")
    assert (code, error) == (0, "")
    assert out.startswith("duty_sms: delivered: +CMGS: ")
    assert modem.sent[-1].number == "13800138000"
    assert "测试" in modem.sent[-1].text

    code, out, _ = run("alerts", "test-channel", "duty_sms", "--to", "p-8")
    assert (code, out) == (1, "duty_sms: refused: no phone of p-8 is known\n")

    receiver.usual = Reply(503, body=b"closed for repair")
    code, out, _ = run("alerts", "test-channel", "webhook")
    assert (code, out) == (1, "webhook: not delivered yet; it is tried again: closed for repair\n")

    for arguments, words in ((("pigeon",), "pigeon"), (("duty_sms",), "persons")):
        code, _, error = run("alerts", "test-channel", *arguments)
        assert code == 2
        assert words in error
        assert error.count("\n") == 1


def test_a_channel_is_tested_without_a_gateway(run: Run, receiver: Receiver, fake_modem: FakeModem) -> None:
    """The command itself sends, and nothing is left behind for a gateway to send again."""
    check(run, receiver, fake_modem)
    assert json.loads(run("journal", "stat", "--json")[1])["waiting"] == 0


@pytest.mark.mosquitto
def test_a_channel_is_tested_by_the_running_gateway(
    run: Run, folder: Path, mosquitto: Mosquitto, receiver: Receiver, fake_modem: FakeModem
) -> None:
    """The test goes the way of every other notice: journal, outbox, delivery."""
    gateway = GatewayProcess(folder, mosquitto.url)
    asyncio.run(gateway.start())
    try:
        check(run, receiver, fake_modem)
    finally:
        assert gateway.stop() == 0
