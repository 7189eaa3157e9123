"""The command line around the broker: credentials handed out once, files, certificates, on an installation at rest."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import zxingcpp
from cryptography import x509

from gateway.broker.authority import common_name
from gateway.broker.passwords import verify
from gateway.cli import call, registry_devices
from gateway.cli.handing_out import reached_at
from gateway.client import Door, RefusedError, UndecidedError

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Carry out one command line in this process, in English; code and both outputs."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    monkeypatch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
    monkeypatch.setenv("HYGEIA_MQTT__URL", "mqtt://gateway:of-the-gateway@127.0.0.1:1883")

    def run(*arguments: object) -> tuple[int, str, str]:
        code = call([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation to be copied."""
    folder = tmp_path_factory.mktemp("broker") / "hygeia"
    assert call(["init", "--data-dir", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """An installation of the test's own."""
    shutil.copytree(original, tmp_path / "hygeia")
    return tmp_path / "hygeia"


def document(ran: tuple[int, str, str]) -> Any:
    """The one JSON document of a command that went well."""
    assert ran[0] == 0, ran[2]
    return json.loads(ran[1])


def hashes(out: Path) -> dict[str, str]:
    """The broker's password file."""
    return dict(line.split(":", 1) for line in (out / "passwords").read_text().splitlines())


def test_a_device_from_its_first_password_to_its_end(run: Run, folder: Path, tmp_path: Path) -> None:
    """Added, put into the broker's files, rotated, certified, revoked: each file says what is in force after each."""
    out, where = tmp_path / "broker", ("--data-dir", folder)
    assert "--out is missing" in run("broker", "config", *where)[2]
    made = document(run("broker", "config", "--out", out, "--host", "broker.example", "--json", *where))
    assert (made["accounts"], made["restart"], made["remarks"]) == (2, False, [])

    first = document(run("registry", "add-device", "wq-1", "--json", *where))
    assert (first["user"], first["version"], first["broker"]) == ("wq-1", 1, "mqtts://broker.example:8883")
    assert first["topics"]["telemetry"] == "hygeia/v1/_/wq-1/up/telemetry"
    assert "wq-1" not in hashes(out)
    code, said, _ = run("broker", "config", *where)
    assert (code, said.splitlines()[0]) == (0, f"{out}: 3 accounts; written: acl, passwords")
    assert verify(first["password"], hashes(out)["wq-1"])
    assert run("broker", "config", *where)[1] == f"{out}: nothing has changed\n"

    second = document(run("registry", "rotate-device", "wq-1", "--json", *where))
    run("broker", "config", *where)
    assert not verify(first["password"], hashes(out)["wq-1"])
    assert verify(second["password"], hashes(out)["wq-1"])

    third = document(run("broker", "certificate", "wq-1", "--out", tmp_path / "wq-1", "--json", *where))
    assert third["version"] == 3
    assert common_name((tmp_path / "wq-1" / "wq-1.pem").read_bytes()) == "wq-1"
    assert (tmp_path / "wq-1" / "wq-1.key").stat().st_mode & 0o777 == 0o600
    assert verify(second["password"], hashes(out)["wq-1"])
    listed = document(run("registry", "list", "devices", "--json", *where))["items"]
    assert [(one["id"], one["credential"]) for one in listed] == [("wq-1", 3)]

    code, said, hint = run("registry", "revoke-device", "wq-1", *where)
    assert (code, "is revoked" in said, hint) == (0, True, "")
    run("broker", "config", *where)
    assert set(hashes(out)) == {"gateway", "hygeia-health"}
    revoked = x509.load_pem_x509_crl((out / "crl.pem").read_bytes())
    assert [f"{one.serial_number:x}" for one in revoked] == [third["serial"]]
    for secret in (first["password"], second["password"]):
        for file in folder.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_credentials_are_shown_once_as_text_and_code(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People read what a device needs in their language, and a phone reads the same from the terminal."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    code, said, _ = run("registry", "add-device", "wq-1", "--data-dir", folder)
    assert code == 0
    lines = said.splitlines()
    assert lines[0] == "设备 wq-1 已登记"
    assert lines[1] == "  用户名: wq-1"
    assert lines[2].endswith("(仅显示这一次)")
    held = json.loads(scan([line for line in lines if set(line) <= set("█▀▄ ") and "█" in line]))
    assert held["user"] == "wq-1"
    assert f"  密码: {held['password']} " in lines[2]
    assert "█" not in run("registry", "rotate-device", "wq-1", "--no-qr", "--data-dir", folder)[1]


def test_what_was_done_already_is_not_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    """After a reload nothing is left to do; a restart is, where a reload is not enough. No folder is made by chance."""
    where = ("--data-dir", folder, "--reload-command", "true")
    assert "Next" not in run("broker", "config", "--out", tmp_path / "broker", *where)[1]
    assert run("registry", "add-device", "a", *where[:2])[0] == 0
    assert "Next" not in run("broker", "config", *where)[1]
    assert "Next: restart the broker once" in run("broker", "config", "--tls-port", "8893", *where)[1]
    nothing = run("broker", "config", "--data-dir", tmp_path / "none")
    assert (nothing[0], "no installation here" in nothing[2]) == (2, True)


def test_whoever_changes_accounts_is_told_the_next_step(run: Run, folder: Path, tmp_path: Path) -> None:
    """The same in the text as in the JSON; --out stands there only until the broker has a folder."""
    where = ("--data-dir", folder)
    last = "Next: {}, and reload the broker: it does not know of this yet\n"
    assert run("registry", "add-device", "a", *where)[1].endswith(last.format("hygeia broker config --out DIR"))
    assert document(run("registry", "add-device", "b", "--json", *where))["next"] == "hygeia broker config --out DIR"
    run("broker", "config", "--out", tmp_path / "broker", *where)
    for changed in (
        ("registry", "add-device", "c"),
        ("registry", "rotate-device", "a"),
        ("broker", "certificate", "a", "--out", tmp_path / "a"),
        ("registry", "revoke-device", "a"),
    ):
        assert run(*changed, *where)[1].endswith(last.format("hygeia broker config")), changed
    assert document(run("registry", "rotate-device", "b", "--json", *where))["next"] == "hygeia broker config"
    assert "Next" not in run("registry", "add-device", "d", "--no-credentials", *where)[1]


def test_a_device_that_got_no_password_is_told_to_be_registered(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry has it, so the way on is another command than the one that failed."""

    def refuse(*_: object) -> NoReturn:
        raise RefusedError("the disk is full", [], wrong=False)

    with monkeypatch.context() as broken:
        broken.setattr(registry_devices, "hand_out", refuse)
        ran = run("registry", "add-device", "wq-1", "--data-dir", folder)
    way = "hygeia registry rotate-device wq-1"
    words = f"hygeia: device 'wq-1' is registered; give it a password by: {way} (the disk is full)\n"
    assert ran == (1, "", words)
    assert way in run("registry", "add-device", "wq-1", "--data-dir", folder)[2]
    assert document(run(*way.split()[1:], "--json", "--data-dir", folder))["version"] == 1


def test_a_password_in_force_is_shown_also_where_decide_is_late(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that the ledger does not tell of it yet; nobody would ever see the password otherwise."""
    where = ("--data-dir", folder)
    assert run("registry", "add-device", "wq-1", *where)[0] == 0
    command = Door.command

    def late(door: Door, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        command(door, name, args)
        raise UndecidedError(f"{name} is written but not decided yet")

    with monkeypatch.context() as slow:
        slow.setattr(Door, "command", late)
        code, said, told = run("registry", "rotate-device", "wq-1", "--json", *where)
    assert (code, told) == (0, "hygeia: credentials.issue is written but not decided yet\n")
    given = json.loads(said)
    assert given["version"] == 2
    run("broker", "config", "--out", folder.parent / "broker", *where)
    assert verify(given["password"], hashes(folder.parent / "broker")["wq-1"])


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        (("mosquitto", "localhost", "water.example.org"), "water.example.org"),
        (("127.0.0.1", "10.0.0.7"), "10.0.0.7"),
        (("gateway-1", "localhost", "127.0.0.1"), "gateway-1"),
    ],
)
def test_devices_are_told_the_name_that_they_can_reach(hosts: tuple[str, ...], shown: str) -> None:
    """Names of containers and loopback addresses in the certificate are not for devices."""
    assert reached_at(hosts) == shown


def scan(lines: list[str]) -> str:
    """The text of a QR code in half blocks."""
    width = max(map(len, lines))
    rows = []
    for line in lines:
        padded = line.ljust(width)
        rows += [[one in "█▀" for one in padded], [one in "█▄" for one in padded]]
    picture = np.kron(np.array(rows), np.ones((4, 4))).astype(np.uint8) * 255
    (found,) = zxingcpp.read_barcodes(np.ascontiguousarray(picture))
    return found.text


def test_all_devices_of_an_import_get_passwords_in_one_file(run: Run, folder: Path, tmp_path: Path) -> None:
    """A CSV of mode 0600 has a line for each device without credentials, and who cannot have any is told."""
    registry = tmp_path / "registry.yaml"
    registry.write_text("devices: [{id: a, kind: water}, {id: b, kind: terminal}, {id: hygeia, kind: water}]\n")
    where = ("--data-dir", folder)
    assert run("registry", "import", registry, *where)[0] == 0
    assert run("registry", "add-device", "c", *where)[0] == 0
    code, said, told = run("broker", "passwords", "--out", tmp_path / "pw.csv", *where)
    assert (code, said.startswith(f"{tmp_path / 'pw.csv'}: 2 passwords")) == (0, True)
    assert "'hygeia' is an account of the gateway itself" in told
    assert (tmp_path / "pw.csv").stat().st_mode & 0o777 == 0o600
    text = (tmp_path / "pw.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["user"] for row in rows] == ["a", "b"]
    run("broker", "config", "--out", tmp_path / "broker", *where)
    assert all(verify(row["password"], hashes(tmp_path / "broker")[row["user"]]) for row in rows)
    assert run("broker", "passwords", "--out", tmp_path / "pw.csv", *where)[0] == 2
    assert (tmp_path / "pw.csv").read_text() == text


def test_the_account_that_a_source_shares_is_given_and_taken(run: Run, folder: Path, tmp_path: Path) -> None:
    """``source-ID`` is rotated and revoked like a device, and the source stays."""
    registry = tmp_path / "registry.yaml"
    registry.write_text("sources: [{id: dtu, filter: dtu/+/data, device: 'topic[1]'}]\n")
    where = ("--data-dir", folder)
    assert run("registry", "import", registry, *where)[0] == 0
    given = document(run("registry", "rotate-device", "source-dtu", "--json", *where))
    assert (given["user"], given["version"], given["topics"]) == ("source-dtu", 1, {})
    assert run("registry", "revoke-device", "source-dtu", *where)[1].startswith("account source-dtu is revoked\n")
    assert document(run("registry", "list", "sources", "--json", *where))["items"][0]["id"] == "dtu"


REFUSED = [
    (("registry", "add-device", "hygeia"), 2, "an account of the gateway itself"),
    (("registry", "rotate-device", "nobody"), 2, "device 'nobody' is not registered"),
    (("broker", "certificate", "nobody", "--out", "{tmp}/x"), 2, "device 'nobody' is not registered"),
    (("broker", "certificate", "a", "--out", "{tmp}/x", "--csr", "{tmp}/none"), 2, "--csr {tmp}/none: No such file"),
    (("broker", "config", "--out", "/proc/x"), 2, "--out /proc/x: "),
    (("broker", "config", "--out", "{tmp}/b", "--tls-port", "1883"), 2, "each listener needs one of its own"),
    (("broker", "config", "--out", "{tmp}/b", "--host", "bad host!"), 2, "--host 'bad host!': allowed"),
    (("broker", "config", "--out", "{tmp}/b", "--reload-command", "false"), 1, "--reload-command ended with 1"),
]


def test_what_cannot_be_done_is_one_line(run: Run, folder: Path, tmp_path: Path) -> None:
    """The line names what was wrong, and a device that is refused is not registered."""
    for arguments, code, words in REFUSED:
        ran = run(*(one.replace("{tmp}", str(tmp_path)) for one in arguments), "--data-dir", folder)
        assert ran[0] == code
        assert words.replace("{tmp}", str(tmp_path)) in ran[2]
        assert ran[2].count("\n") == 1
    assert document(run("registry", "list", "devices", "--json", "--data-dir", folder))["items"] == []
