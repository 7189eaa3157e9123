"""Real Mosquitto brokers on free loopback ports: plain, with passwords, with TLS, with client certificates.

A test that needs one skips with the reason where Debian's mosquitto is absent; in CI (``CI`` in the environment) it
fails instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.support.waiting import accepts, free_port

PROGRAM = Path("/usr/sbin/mosquitto")
_START_S = 15.0
_DEFAULTS = """\
persistence true
autosave_interval 1
max_queued_messages 0
max_inflight_messages 1000
set_tcp_nodelay true
sys_interval 1
log_type all
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server certificate for 127.0.0.1 and localhost, a client's, and a stranger's."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path
    other_ca: Path


class Mosquitto:
    """One broker; it keeps its port and its persistence over ``stop``, ``kill`` and ``start``."""

    def __init__(self, folder: Path, settings: str, listener: str = "", *, tls: bool = False) -> None:
        self.folder = folder
        self.log = folder / "mosquitto.log"
        self.tls = tls
        self._settings = settings
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """The broker's address without credentials."""
        return f"{'mqtts' if self.tls else 'mqtt'}://127.0.0.1:{self.port}"

    def url_for(self, user: str, password: str) -> str:
        """The broker's address with credentials."""
        return self.url.replace("://", f"://{user}:{password}@")

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        config = self.folder / "mosquitto.conf"
        drop = "user root\n" if os.geteuid() == 0 else ""
        config.write_text(
            f"{drop}{_DEFAULTS}{self._settings}persistence_location {self.folder}/\nlog_dest file {self.log}\n"
            f"listener {self.port} 127.0.0.1\n{self._listener}",
            encoding="utf-8",
        )
        self._process = subprocess.Popen([PROGRAM, "-c", config], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + _START_S
        while not accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = self.log.read_text(encoding="utf-8") if self.log.exists() else "it left no log"
                pytest.fail(f"mosquitto did not start: {words}")
            time.sleep(0.005)

    def stop(self) -> None:
        """SIGTERM: it writes its persistence and ends."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what it had not saved is gone."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT after ``pause``."""
        self._signal(signal.SIGCONT)

    def words(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(15)
            self._process = None


StartMosquitto = Callable[..., Mosquitto]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = trustme.CA(), trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    client = authority.issue_cert("gateway@hygeia.example", common_name="gateway")
    files = Certificates(*(folder / f"{name}.pem" for name in ("ca", "cert", "key", "client", "client-key", "other")))
    authority.cert_pem.write_to_path(files.ca)
    stranger.cert_pem.write_to_path(files.other_ca)
    for issued, cert, key in (
        (server, files.server_cert, files.server_key),
        (client, files.client_cert, files.client_key),
    ):
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
    return files


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[StartMosquitto]:
    """Call it for a running broker.

    ``start_mosquitto(settings="…", users={"name": "password"}, tls=certificates, client_certificates=True)``;
    ``settings`` are further lines of its configuration. Without ``users`` anybody may connect.
    """
    if not PROGRAM.exists():
        reason = f"{PROGRAM} is absent: apt-get install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    brokers: list[Mosquitto] = []

    def start(
        settings: str = "",
        *,
        users: dict[str, str] | None = None,
        tls: Certificates | None = None,
        client_certificates: bool = False,
    ) -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(brokers)}"
        folder.mkdir()
        settings += f"allow_anonymous {'false' if users else 'true'}\n"
        if users:
            settings += f"password_file {folder / 'passwords'}\n"
            for name, password in users.items():
                flags = ["-b"] if (folder / "passwords").exists() else ["-c", "-b"]
                program = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
                subprocess.run([program, *flags, folder / "passwords", name, password], check=True)
        listener = ""
        if tls is not None:
            listener = f"cafile {tls.ca}\ncertfile {tls.server_cert}\nkeyfile {tls.server_key}\n"
            if client_certificates:
                listener += "require_certificate true\nuse_identity_as_username true\n"
        broker = Mosquitto(folder, settings, listener, tls=tls is not None)
        brokers.append(broker)
        broker.start()
        return broker

    yield start
    for broker in brokers:
        broker.kill()


@pytest.fixture
def mosquitto(start_mosquitto: StartMosquitto) -> Mosquitto:
    """A broker that anybody may use."""
    return start_mosquitto()
