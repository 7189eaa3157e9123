"""The forked ``hygeia`` that other tests start is a process as the console script makes one."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from tests.support.warm import WARM


def environment(**more: str) -> dict[str, str]:
    """The environment of a child."""
    return {**os.environ, **more}


def test_what_a_command_says_and_its_exit_code_come_back() -> None:
    """Standard output, standard error and the exit code are those of the command."""
    said = WARM.run(["--version"], environment(), 30)
    wrong = WARM.run(["registry", "list", "spoons"], environment(), 30)

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("hygeia ")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "spoons" in wrong.stderr


def test_a_child_has_the_environment_that_it_was_given(tmp_path: Path) -> None:
    """A setting of the environment reaches the command, and that of another child does not."""
    folder = ["journal", "stat", "--json", "--data-dir", str(tmp_path / "none")]

    wrong = WARM.run(folder, environment(HYGEIA_JOURNAL__KEEP_DAYS="many"), 30)
    right = WARM.run(folder, environment(), 30)

    assert "HYGEIA_JOURNAL__KEEP_DAYS" in wrong.stderr
    assert "HYGEIA_JOURNAL__KEEP_DAYS" not in right.stderr


async def test_a_killed_child_says_by_which_signal_it_ended(tmp_path: Path) -> None:
    """SIGKILL ends it at once; its exit code is the negative number of the signal, as ``subprocess`` has it."""
    settings = environment(HYGEIA_MQTT__URL="mqtt://127.0.0.1:1", HYGEIA_HTTP__LISTEN="127.0.0.1:0")
    with (tmp_path / "log").open("wb") as log:
        child = WARM.spawn(["run", "--data-dir", str(tmp_path / "data")], settings, log.fileno(), log.fileno())
    await eventually((tmp_path / "data" / "runtime.json").exists, 60)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.01)

    child.kill()

    assert child.wait(10) == child.poll() == -signal.SIGKILL
