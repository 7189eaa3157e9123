"""The command line beside a running gateway: it speaks HTTP to it and never opens its files."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from gateway.installation import Installation
from tests.plugins.mosquitto import Mosquitto
from tests.support.process import GatewayProcess

pytestmark = pytest.mark.mosquitto


async def test_commands_work_beside_a_running_gateway(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Registering, listing and counting go through the gateway; a second gateway is refused; the stop is clean."""
    gateway = GatewayProcess(tmp_path / "hygeia", mosquitto.url)
    assert gateway.hygeia("init").returncode == 0
    await gateway.start()
    try:
        runtime = json.loads((tmp_path / "hygeia" / "runtime.json").read_text("utf-8"))
        assert runtime.keys() == {"address", "token", "mqtt", "pid"}
        assert gateway.process
        assert runtime["pid"] == gateway.process.pid
        assert (tmp_path / "hygeia" / "runtime.json").stat().st_mode & 0o777 == 0o600

        added = gateway.hygeia("registry", "add-device", "wq-1")
        assert (added.returncode, added.stderr) == (0, "")
        again = gateway.hygeia("registry", "add-device", "wq-1")
        assert (again.returncode, again.stderr.count("\n")) == (2, 1)
        listed = json.loads(gateway.hygeia("registry", "list", "devices", "--json").stdout)
        assert [one["id"] for one in listed["items"]] == ["wq-1"]
        assert json.loads(gateway.hygeia("journal", "stat", "--json").stdout)["journaled"] == 0
        assert gateway.hygeia("journal", "fsck").returncode == 0

        second = gateway.hygeia("run")
        assert second.returncode == 2
        assert f"in use by process {runtime['pid']}" in second.stderr
        assert second.stderr.count("\n") == 1
    finally:
        code = gateway.stop()
    assert code == 0
    assert not (tmp_path / "hygeia" / "runtime.json").exists()
    assert not Installation(tmp_path / "hygeia").locked()
    listed = json.loads(gateway.hygeia("registry", "list", "devices", "--json").stdout)
    assert [one["id"] for one in listed["items"]] == ["wq-1"]


def test_a_port_in_use_is_one_line_and_exit_2(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The gateway that cannot listen says which address, leaves with 2 and lets the folder go."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gateway = GatewayProcess(tmp_path / "hygeia", mosquitto.url, {"HYGEIA_HTTP__LISTEN": address})
        assert gateway.hygeia("init").returncode == 0
        ran = gateway.hygeia("run")
    assert ran.returncode == 2
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("hygeia: ")]
    assert address.rpartition(":")[2] in line
    assert "Traceback" not in ran.stderr
    assert not Installation(tmp_path / "hygeia").locked()


def test_a_refused_password_is_one_line_and_exit_2(start_mosquitto: object, tmp_path: Path) -> None:
    """A broker that refuses user or password ends the start with one line, which does not show the password."""
    broker: Mosquitto = start_mosquitto(users={"gate": "right"})  # type: ignore[operator]
    gateway = GatewayProcess(tmp_path / "hygeia", broker.url_for("gate", "wr0ng"))
    assert gateway.hygeia("init").returncode == 0
    ran = gateway.hygeia("run")
    assert ran.returncode == 2
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("hygeia: ")]
    assert "check user and password" in line
    assert "wr0ng" not in ran.stderr


@pytest.mark.parametrize("language", ["en", "zh"])
def test_doctor_finds_nothing_wrong_with_a_sound_installation(
    mosquitto: Mosquitto, tmp_path: Path, language: str
) -> None:
    """Each check is one line in either language, and the exit code is 0."""
    gateway = GatewayProcess(tmp_path / "hygeia", mosquitto.url, {"HYGEIA_LANG": language})
    gateway.hygeia("init")
    ran = gateway.hygeia("doctor")
    assert ran.returncode == 0, ran.stdout
    mark = {"en": "ok ", "zh": "正常"}[language]
    assert all(line.startswith(mark) for line in ran.stdout.splitlines())
    assert len(ran.stdout.splitlines()) == 13


def test_doctor_names_each_fault_and_what_to_do(start_mosquitto: object, tmp_path: Path) -> None:
    """Wrong password, readable key, damaged journal and unreachable servers are found in one run, without a secret."""
    broker: Mosquitto = start_mosquitto(users={"gate": "right"})  # type: ignore[operator]
    dead = "http://127.0.0.1:9"
    gateway = GatewayProcess(
        tmp_path / "hygeia",
        broker.url_for("gate", "wr0ng"),
        {
            "HYGEIA_TIMESERIES__STORE": "influx",
            "HYGEIA_INFLUX__URL": dead,
            "HYGEIA_INFLUX__ORG": "o",
            "HYGEIA_INFLUX__BUCKET": "b",
            "HYGEIA_INFLUX__TOKEN": "t0ken",
            "HYGEIA_ALERTS__WEBHOOK": f"{dead}/t0ken",
        },
    )
    gateway.hygeia("init")
    (tmp_path / "hygeia" / "keys" / "ledger.key").chmod(0o644)
    (tmp_path / "hygeia" / "journal" / "00000000000000000007.seg").write_bytes(b"x" * 100)
    ran = gateway.hygeia("doctor", "--json")
    assert ran.returncode == 1
    faults = {check["key"]: check["en"] for check in json.loads(ran.stdout)["checks"] if not check["ok"]}
    assert faults.keys() >= {"keys", "journal", "broker", "influx", "webhook"}
    assert "chmod 600" in faults["keys"]
    assert ".seg: record 0 at byte" in faults["journal"]
    assert "check user and password" in faults["broker"]
    assert "check influx.url" in faults["influx"]
    assert "check alerts.webhook" in faults["webhook"]
    assert "wr0ng" not in ran.stdout + ran.stderr
    assert "t0ken" not in ran.stdout + ran.stderr
