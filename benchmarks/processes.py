"""Processes of a run: parts of the benchmarks that run by themselves and answer in lines of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HERE = Path(__file__).resolve().parent.parent


class Child:
    """``python -m benchmarks.NAME ARGUMENTS``: one line of JSON at the start, and one for each line it is sent.

    A context manager that ends the process, by its id.
    """

    def __init__(self, name: str, *arguments: object) -> None:
        command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
        self.name = name
        self.process = subprocess.Popen(
            command,
            cwd=HERE,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def say(self, line: str) -> None:
        """Send a line without waiting for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for a line. Raises RuntimeError where the process ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks.{self.name} ended with {self.process.wait()}; its words stand above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line and wait for the answer."""
        self.say(line)
        return self.hear()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def answer(**document: object) -> None:
    """In a child: one line to who started it."""
    print(json.dumps(document), flush=True)
