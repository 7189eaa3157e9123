"""Fixtures: a real influxd (Debian's 1.6.7) on a loopback port behind a v2 shim, and a server that misbehaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.influx_servers import MoodyInflux, Served, shim

INFLUXD = shutil.which("influxd") or "/usr/bin/influxd"
TOKEN = "a-token-of-the-tests"
_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  query-log-enabled = false
[coordinator]
  log-queries-after = "0s"
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  auth-enabled = {auth}
[monitor]
  store-enabled = false
[ifql]
  enabled = false
[logging]
  level = "error"
"""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Influxd:
    """A real influxd with its data in ``folder``; ``kill`` and ``start`` again as often as wanted.

    ``auth`` = it asks who somebody is; ``query`` is for the others.
    """

    def __init__(self, folder: Path, *, auth: bool = False) -> None:
        self.folder = folder
        self._auth = auth
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens, without the shim."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "influxdb.conf"
        config.write_text(
            _CONFIG.format(folder=self.folder, port=self.port, rpc=free_port(), auth=str(self._auth).lower()), "utf-8"
        )
        with (self.folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen([INFLUXD, "-config", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/ping", timeout=5):
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "influxd.log").read_text("utf-8")) from None
                time.sleep(0.02)

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End the process (by its id) and wait for it."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def query(self, database: str, statement: str) -> list[dict[str, Any]]:
        """All series of one InfluxQL statement; times in ns."""
        body = urllib.parse.urlencode({"q": statement}).encode()
        with urllib.request.urlopen(f"{self.url}/query?db={database}&epoch=ns", body, timeout=30) as answer:
            document = json.loads(answer.read())
        result = document["results"][0]
        assert "error" not in result, result
        found: list[dict[str, Any]] = result.get("series", [])
        return found


class Bucket:
    """One bucket of a shimmed influxd: what ``influx.*`` of the configuration needs, and a way to look inside."""

    def __init__(self, influxd: Influxd, url: str, name: str) -> None:
        self.influxd, self.url, self.bucket = influxd, url, name
        self.org, self.token = "tests", TOKEN

    def query(self, statement: str) -> list[dict[str, Any]]:
        """See ``Influxd.query``."""
        return self.influxd.query(self.bucket, statement)

    def rows(self, measurement: str, where: str = "") -> list[dict[str, Any]]:
        """Every point of a measurement with its tags, fields and ``time`` (ns), in order of time."""
        found = self.query(f'SELECT * FROM "{measurement}" {where} ORDER BY time')
        return [dict(zip(found[0]["columns"], row, strict=True)) for row in found[0]["values"]] if found else []


def need_influxd() -> None:
    """Skip where influxd is not installed; in CI that is a failure."""
    if not Path(INFLUXD).exists():
        words = "influxd is absent (Debian package influxdb; make servers installs it)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)


@pytest.fixture(scope="session")
def shimmed_influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Influxd, str]]:
    """One influxd for the session and the address of the shim in front of it."""
    need_influxd()
    influxd = Influxd(tmp_path_factory.mktemp("influxd"))
    influxd.start()
    served = Served(shim(influxd.url, TOKEN))
    yield influxd, served.url
    served.stop()
    influxd.kill()


@pytest.fixture
def influx_bucket(shimmed_influxd: tuple[Influxd, str]) -> Bucket:
    """An empty bucket in the session's influxd."""
    influxd, url = shimmed_influxd
    name = f"b{uuid.uuid4().hex[:12]}"
    influxd.query("", f'CREATE DATABASE "{name}"')
    return Bucket(influxd, url, name)


@pytest.fixture
def own_influx(tmp_path: Path) -> Iterator[Bucket]:
    """An influxd of the test's own behind a shim, to be killed and started again at ``.influxd``."""
    need_influxd()
    influxd = Influxd(tmp_path / "influxd")
    influxd.start()
    influxd.query("", 'CREATE DATABASE "own"')
    served = Served(shim(influxd.url, TOKEN))
    yield Bucket(influxd, served.url, "own")
    served.stop()
    influxd.kill()


@pytest.fixture
def guarded_influxd(tmp_path: Path) -> Iterator[Influxd]:
    """An influxd of the test's own that asks who somebody is, and has no user yet."""
    need_influxd()
    influxd = Influxd(tmp_path / "guarded", auth=True)
    influxd.start()
    yield influxd
    influxd.kill()


@pytest.fixture
def moody_influx() -> Iterator[tuple[MoodyInflux, str]]:
    """An InfluxDB 2 in memory that misbehaves on order, and its address."""
    server = MoodyInflux()
    served = Served(server.app)
    yield server, served.url
    served.stop()
