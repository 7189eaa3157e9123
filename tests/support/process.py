"""A gateway as its users run it: a process with a data folder, to be killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.waiting import eventually
from tests.support.warm import WARM, Child

READY_S = 60.0
SETTLED_S = 60.0
HYGEIA = str(Path(sys.executable).with_name("hygeia"))


class GatewayProcess:
    """``hygeia run`` in ``folder``, forked from a warm process (tests.support.warm).

    ``settings`` are further environment variables (``HYGEIA_…``).
    """

    def __init__(self, folder: Path, broker: str, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self._settings = {
            "HYGEIA_MQTT__URL": broker,
            "HYGEIA_HTTP__LISTEN": "127.0.0.1:0",
            "HYGEIA_JOURNAL__MIN_FREE": "1MiB",
            **(settings or {}),
        }
        self.process: Child | None = None

    def hygeia(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the console script on this folder."""
        return WARM.run([*arguments, "--data-dir", str(self.folder)], self._environment(), 120)

    async def start(self) -> None:
        """Start it and wait until it takes messages and serves pages."""
        runtime = self.folder / "runtime.json"
        runtime.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            command = ["run", "--data-dir", str(self.folder)]
            self.process = running = WARM.spawn(command, self._environment(), log.fileno(), log.fileno())

        def up() -> bool:
            assert running.poll() is None, self.log.read_text("utf-8")[-3000:]
            return runtime.exists()

        await eventually(up, READY_S)

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def get(self, path: str) -> Any:
        """What the API answers, with the token of runtime.json."""
        runtime = json.loads((self.folder / "runtime.json").read_text("utf-8"))
        request = urllib.request.Request(
            f"{runtime['address']}{path}", headers={"Authorization": f"Bearer {runtime['token']}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    async def report(self) -> dict[str, int]:
        """The counters of DESIGN 4.3."""
        found: dict[str, int] = await asyncio.to_thread(self.get, "/api/v1/report")
        return found

    async def settled(self, journaled: int, within: float = SETTLED_S) -> dict[str, int]:
        """The counters once ``journaled`` messages have come in and each has its fate and its place in the store."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while True:
            report = await self.report()
            if report["journaled"] >= journaled and report["waiting"] == 0:
                return report
            assert loop.time() < end, report
            await asyncio.sleep(0.05)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.process = None
        return code

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._settings}
