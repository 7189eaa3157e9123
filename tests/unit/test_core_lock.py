"""Who may work in a data folder: a gateway waits for a command, not for another gateway."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gateway import core
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.core import Core
from gateway.errors import InstallationLockedError
from gateway.installation import Installation, Runtime


def settings(folder: Path) -> Settings:
    """Settings of an installation in ``folder``."""
    return Settings.model_validate({"data": {"dir": folder}, "journal": {"min_free": "1MiB"}})


def open_core(folder: Path, patience_s: float = core.LOCK_PATIENCE_S) -> Core:
    """Take the folder as a gateway does."""
    return Core(settings(folder), SystemClock(), lambda _: None, lambda: None, lock_patience_s=patience_s)


def test_a_command_that_holds_the_folder_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is taken as soon as the command lets it go, whatever a killed gateway left in runtime.json."""
    installation = Installation(tmp_path)
    installation.write_runtime(Runtime("http://127.0.0.1:1", "t", "", 1))
    held = installation.lock()
    monkeypatch.setattr(time, "sleep", lambda _: held.release())
    open_core(tmp_path).close()


def test_a_gateway_that_runs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that runtime.json names holds the folder: refused at once."""
    installation = Installation(tmp_path)
    with installation.lock():
        holder = int(installation.lock_file.read_text("ascii"))
        installation.write_runtime(Runtime("http://127.0.0.1:1", "t", "", holder))
        monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waited"))
        with pytest.raises(InstallationLockedError, match=f"in use by process {holder}"):
            open_core(tmp_path)


def test_patience_ends(tmp_path: Path) -> None:
    """A folder that stays in use is refused."""
    began = time.monotonic()
    with Installation(tmp_path).lock(), pytest.raises(InstallationLockedError):
        open_core(tmp_path, 0.1)
    assert time.monotonic() - began >= 0.1
