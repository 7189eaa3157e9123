"""The units are accepted by systemd itself where it is at hand, and say what the gateway needs."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.app import STOP_S

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.iterdir())
#: Parts of the gateway that may each take STOP_S at a stop (gateway.app).
PARTS = 8


def unit(name: str) -> dict[str, list[str]]:
    """Every key of a unit with all its values; sections have no key in common."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """``systemd-analyze verify`` of all units, with a program and a user that this machine has."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is absent: apt-get install systemd")
    for file in UNITS:
        text = file.read_text(encoding="utf-8").replace("/opt/hygeia/bin/hygeia", "/bin/true")
        text = re.sub(r"(?m)^(User|Group)=hygeia$", r"\1=root", text)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    copies = sorted(tmp_path.iterdir())
    ran = subprocess.run([program, "verify", *copies], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_each_unit_can_be_read(file: Path) -> None:
    """Sections and keys, also where systemd is not at hand."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(file.read_text(encoding="utf-8"))
    assert {"Unit"} <= set(parser.sections()) <= {"Unit", "Service", "Timer", "Install"}


def test_the_gateway_has_time_to_stop_and_is_started_again_but_for_wrong_settings() -> None:
    """Exit code 2 is for a person; everything else is tried again."""
    service = unit("hygeia.service")
    assert int(service["TimeoutStopSec"][0]) > PARTS * STOP_S
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert "WatchdogSec" not in service


def test_the_gateway_writes_to_its_data_folder_only_and_has_no_rights() -> None:
    """A user of its own, a file system that is read-only, no capabilities, only sockets of networks."""
    service = unit("hygeia.service")
    assert service["User"] == ["hygeia"]
    assert service["StateDirectory"] == ["hygeia"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["NoNewPrivileges"] == ["true"]
    assert "ReadWritePaths" not in service
