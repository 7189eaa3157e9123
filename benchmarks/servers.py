"""Mosquitto and influxd of a run, in a temporary folder, on free loopback ports, ended by their process ids."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.processes import HERE, Child
from gateway.broker.conf import Options, conf
from tests.plugins.influx import TOKEN, Influxd
from tests.support.waiting import accepts, free_port

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
_START_S = 15.0
ORG = BUCKET = "bench"


class Broker:
    """Mosquitto with what ``hygeia broker config`` writes, but for addresses, files and passwords.

    ``every_change`` keeps its ``autosave_on_changes true``: the whole of what is queued is written at every change.
    Without, it is saved every second (``autosave_interval 1`` alone), which is what the figures are about: see
    docs/benchmarks.md.
    """

    def __init__(self, folder: Path, *, every_change: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(_configuration(folder, self.port, every_change=every_change), "utf-8")
        with (folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
        try:
            _wait_for(self.port, f"mosquitto ({folder / 'mosquitto.log'})")
        except RuntimeError:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def stop(self) -> None:
        """End it; what it has saved goes with the folder."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


class InfluxServer:
    """A real influxd 1.x and what makes it answer the write path of 2.x.

    ``shim``: the one of the tests (aiohttp, the errors of 2.x too); without, a proxy that only rewrites the path.
    """

    def __init__(self, folder: Path, *, shim: bool = False) -> None:
        self.influxd = Influxd(folder)
        self.influxd.start()
        self.port = free_port()
        self._between: Child | subprocess.Popen[bytes] | None = None
        try:
            self.influxd.query("", f'CREATE DATABASE "{BUCKET}"')
            if shim:
                command = [str(self.port), self.influxd.url, TOKEN]
                self._between = python_module("tests.influx_servers", *command)
            else:
                self._between = Child("thin_proxy", self.port, self.influxd.port)
            _wait_for(self.port, "what stands before influxd")
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where the gateway writes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        assert self._between is not None
        assert self.influxd._process is not None  # noqa: SLF001 - the tests' class has no need of it
        return {"influxd": self.influxd._process.pid, "proxy": self._between.pid}  # noqa: SLF001 - likewise

    def stored(self) -> int:
        """How many messages are in: each has one pH (probes have none)."""
        found = self.influxd.query(BUCKET, "SELECT count(ph) FROM water")
        return int(found[0]["values"][0][1]) if found else 0

    def settings(self) -> dict[str, str]:
        """The environment of a gateway that stores here."""
        return {
            "HYGEIA_TIMESERIES__STORE": "influx",
            "HYGEIA_INFLUX__URL": self.url,
            "HYGEIA_INFLUX__ORG": ORG,
            "HYGEIA_INFLUX__BUCKET": BUCKET,
            "HYGEIA_INFLUX__TOKEN": TOKEN,
        }

    def stop(self) -> None:
        """End both."""
        if isinstance(self._between, Child):
            self._between.stop()
        elif self._between is not None:
            self._between.terminate()
            self._between.wait(30)
        self.influxd.kill()


def python_module(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Run a module of the project in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", name, *arguments], cwd=HERE, env={**os.environ, "PYTHONPATH": str(HERE)}
    )


def _wait_for(port: int, name: str) -> None:
    """Wait until somebody listens on a port. Raises RuntimeError."""
    deadline = time.monotonic() + _START_S
    while not accepts(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} did not start within {_START_S:g} s")
        time.sleep(0.01)


def _configuration(folder: Path, port: int, *, every_change: bool) -> str:
    """The deployed configuration with what a run on this machine needs."""
    text = conf(Options(out=str(folder), plain_port=0, tls_port=0, certificate_port=0))
    drop = r"(?m)^(allow_anonymous|password_file|acl_file|persistence_location|log_dest|listener)\b.*\n"
    text = re.sub(drop, "", text)
    if not every_change:
        text = text.replace("autosave_on_changes true", "autosave_on_changes false")
    user = "user root\n" if os.geteuid() == 0 else ""
    own = f"allow_anonymous true\npersistence_location {folder}/\nlog_dest stderr\nlistener {port} 127.0.0.1\n"
    return f"{user}{text}\n{own}"
