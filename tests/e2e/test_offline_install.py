"""The kit for a closed network, built, carried, installed and run where no route leads out."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
INSIDE = PROJECT / "tests" / "support" / "closed_network.py"
#: On a clean machine a hundred megabytes are downloaded first.
BUILD_S, RUN_S = 900, 300


def namespace() -> list[str]:
    """The command that runs another one in a network namespace of its own; skips where none is allowed."""
    for flags in (["-n"], ["-r", "-n"]):
        try:
            done = subprocess.run(["unshare", *flags, "true"], check=False, capture_output=True)
        except FileNotFoundError:
            break
        if not done.returncode:
            return ["unshare", *flags]
    pytest.skip("this machine allows no network namespace (unshare -n, unshare -r -n)")


def built(out: Path) -> Path:
    """The kit for this machine and this Python; skips where the wheels cannot be had."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    command = [sys.executable, str(PROJECT / "scripts" / "offline_kit.py"), "--arch", platform.machine()]
    done = subprocess.run(
        [*command, "--python", python, "--out", str(out)], check=False, capture_output=True, text=True, timeout=BUILD_S
    )
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(done.stderr)
        pytest.skip(f"the wheels of the kit cannot be had here: {done.stderr.strip()[-300:]}")
    return next(out.glob("*.tar"))


@pytest.mark.timeout(BUILD_S + RUN_S)
@pytest.mark.skipif(sys.platform != "linux", reason="kits are for Linux")
def test_the_kit_installs_and_runs_the_demo_without_a_route(tmp_path: Path) -> None:
    """Only the loopback is there: nothing is asked of any other host, nothing is lost, every page is served."""
    alone = namespace()
    tar = built(tmp_path / "out")
    assert tar.with_suffix(".tar.sha256").read_text("utf-8").endswith(f"  {tar.name}\n")
    with tarfile.open(tar) as packed:
        packed.extractall(tmp_path / "kit", filter="data")
    (kit,) = (tmp_path / "kit").iterdir()
    folder = tmp_path / "inside"
    folder.mkdir()
    done = subprocess.run(
        [*alone, sys.executable, str(INSIDE), str(kit), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout))


def check(seen: dict[str, Any]) -> None:
    """What was seen inside."""
    assert seen["routes"] == []
    assert "code" in seen, seen["install"]
    assert seen["code"] == 0, seen["said"]
    assert seen["report"]["lost"] == seen["report"]["duplicated"] == 0
    assert seen["report"]["journaled"] > 100
    assert "Hygeia" in seen["pages"]["/"]
    assert len(seen["data"]["/api/v1/outlines"]["features"]) == 8
    assert all(one["lat"] is not None for one in seen["data"]["/api/v1/map"]["places"] if one["kind"] == "network")
