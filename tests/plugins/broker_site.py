"""A Mosquitto that runs on the files that Hygeia writes, with accounts to come and go, and clients of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import queue
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.registry import Change, Registry
from gateway.broker import authority
from gateway.broker.conf import Options
from gateway.broker.configure import Outcome, authority_of, configure
from gateway.broker.passwords import digest_of
from gateway.config import Settings
from gateway.installation import Installation
from tests.plugins.mosquitto import PROGRAM
from tests.support.waiting import accepts, free_port

DEADLINE_S = 15.0
GATEWAY_PASSWORD = "of-the-gateway"
ENTRIES: list[tuple[str, dict[str, Any]]] = [
    ("devices", {"id": "wq-1", "kind": "water"}),
    ("devices", {"id": "wq-2", "kind": "water"}),
    ("sources", {"id": "dtu", "filter": "dtu/+/data", "device": "topic[1]"}),
    ("sources", {"id": "box", "filter": "box/data", "device": "$.sn"}),
]


class Client:
    """One MQTT client; every wait has a deadline. ``messages`` are (topic, payload)."""

    def __init__(self, name: str, protocol: int = 5, *, keep: bool = False) -> None:
        version = paho.MQTTv5 if protocol == 5 else paho.MQTTv311
        clean = {} if protocol == 5 else {"clean_session": not keep}
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, name, protocol=version, reconnect_on_failure=False, **clean
        )
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.five, self._keep = protocol == 5, keep
        self._connected: queue.Queue[tuple[int, bool]] = queue.Queue()
        self._acks: queue.Queue[tuple[int, int]] = queue.Queue()
        self._granted: queue.Queue[int] = queue.Queue()
        self.gone: queue.Queue[int] = queue.Queue()
        self.client.on_connect = lambda _c, _u, flags, code, _p: self._connected.put(
            (code.value, flags.session_present)
        )
        self.client.on_publish = lambda _c, _u, mid, code, _p: self._acks.put((mid, code.value))
        self.client.on_subscribe = lambda _c, _u, mid, _codes, _p: self._granted.put(mid)
        self.client.on_message = lambda _c, _u, message: self.messages.put((message.topic, message.payload))
        self.client.on_disconnect = lambda _c, _u, _flags, code, _p: self.gone.put(code.value)

    def sign_in(self, user: str, password: str) -> Client:
        """Name and password."""
        self.client.username_pw_set(user, password)
        return self

    def secure(self, ca: Path, files: tuple[Path, Path] | None = None) -> Client:
        """TLS, perhaps with a certificate and its key."""
        context = ssl.create_default_context(cafile=ca)
        if files is not None:
            context.load_cert_chain(*files)
        self.client.tls_set_context(context)
        return self

    def connect(self, port: int) -> int:
        """Connect; the reason code, -1 where the broker only ends the connection."""
        more: dict[str, Any] = {}
        if self.five:
            more["clean_start"] = not self._keep
            if self._keep:
                more["properties"] = properties = Properties(PacketTypes.CONNECT)
                properties.SessionExpiryInterval = 3600
        try:
            self.client.connect("127.0.0.1", port, **more)
        except (ssl.SSLError, ConnectionError):
            return -1
        self.client.loop_start()
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                code, self.resumed = self._connected.get(timeout=0.01)
                return code
            if not self.gone.empty():
                return -1
        raise AssertionError("the broker did not answer")

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> int:
        """Publish with QoS 1 and wait for the acknowledgement; its reason code."""
        mid = self.client.publish(topic, payload, qos, retain=retain).mid
        while True:
            found, code = self._acks.get(timeout=DEADLINE_S)
            if found == mid:
                return code

    def subscribe(self, *filters: str) -> None:
        """Subscribe with QoS 1 and wait for the answer."""
        self.client.subscribe([(one, 1) for one in filters])
        self._granted.get(timeout=DEADLINE_S)

    def next(self) -> tuple[str, bytes]:
        """The next message."""
        return self.messages.get(timeout=DEADLINE_S)

    def vanish(self) -> None:
        """Go without a word: the broker sends the will."""
        found = self.client.socket()
        assert found is not None
        found.shutdown(socket.SHUT_RDWR)
        self.gone.get(timeout=DEADLINE_S)

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()


class BrokerSite:
    """An installation's broker: ``write`` its files for the accounts there are, ``start`` it, talk to it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.settings = Settings.model_validate(
            {"data": {"dir": folder / "hygeia"}, "mqtt": {"url": f"mqtt://gateway:{GATEWAY_PASSWORD}@127.0.0.1:1883"}}
        )
        self.installation = Installation(self.settings.data.dir)
        self.installation.prepare()
        self.registry = Registry()
        self.rows: list[dict[str, Any]] = []
        self.register(*ENTRIES)
        (folder / "data").mkdir()
        ports = {name: free_port() for name in ("plain_port", "tls_port", "certificate_port", "gateway_port")}
        self.options = Options(
            **{"out": str(folder / "broker"), "data": str(folder / "data"), "hosts": ("127.0.0.1", "localhost"),
               "bind": "127.0.0.1", **ports, **options}
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[Client] = []

    @property
    def out(self) -> Path:
        """The folder of the broker's files."""
        return Path(self.options.out)

    @property
    def ca(self) -> Path:
        """What clients trust."""
        return self.out / "ca.pem"

    def register(self, *entries: tuple[str, dict[str, Any] | str]) -> None:
        """Entries of the registry; a text is the id of one that goes."""
        changes = [
            Change(kind, one, None) if isinstance(one, str) else Change(kind, one["id"], one) for kind, one in entries
        ]
        self.registry.apply(changes, self.registry.version + 1)

    def give(
        self, account: str, password: str | None = None, serial: str | None = None, expires_at: int | None = None
    ) -> None:
        """The next version of an account, as ``gateway.credentials`` keeps it."""
        old = next((row for row in reversed(self.rows) if row["name"] == account and row["revoked_at"] is None), None)
        version = 1 + sum(row["name"] == account for row in self.rows)
        digest = digest_of(password) if password is not None else old["digest"] if old else ""
        if serial is None and old is not None:
            serial, expires_at = old["serial"], old["expires_at"]
        self.take(account)
        self.rows.append(
            {"name": account, "version": version, "digest": digest, "serial": serial or "", "issued_at": version,
             "expires_at": expires_at, "revoked_at": None}
        )  # fmt: skip

    def take(self, account: str) -> None:
        """Revoke an account."""
        for row in self.rows:
            if row["name"] == account and row["revoked_at"] is None:
                row["revoked_at"] = row["issued_at"] + 1

    def certify(self, device: str) -> tuple[Path, Path]:
        """A certificate for a device that is in force, and its key, as files."""
        ours = authority_of(self.installation, self.options, dt.datetime.now(dt.UTC))
        made = authority.device_certificate(ours, device, dt.datetime.now(dt.UTC), 30)
        self.give(device, serial=made.serial, expires_at=made.expires_at)
        serial = x509.load_pem_x509_certificate(made.certificate).serial_number
        files = (self.folder / f"{device}-{serial:x}.pem", self.folder / f"{device}-{serial:x}.key")
        for file, content in zip(files, (made.certificate, made.key), strict=True):
            file.write_bytes(content)
        return files

    def write(self, now: dt.datetime | None = None) -> Outcome:
        """What ``hygeia broker config`` does."""
        return configure(self.settings, self.registry, self.rows, self.options, now or dt.datetime.now(dt.UTC))

    def start(self) -> None:
        """Start Mosquitto on the files and wait until it listens everywhere."""
        # It says when it has read its files again; and root would become its own user, for whom a test's folders are
        # closed.
        more = b"log_type information\n" + (b"user root\n" if os.geteuid() == 0 else b"")
        config = self.folder / "mosquitto-of-the-test.conf"
        config.write_bytes(more + (self.out / "mosquitto.conf").read_bytes())
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", config], stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE_S
        ports = [
            value for name, value in msgspec.structs.asdict(self.options).items() if name.endswith("_port") and value
        ]
        while not all(accepts(port) for port in ports):
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"mosquitto did not start: {self.log()}")
            time.sleep(0.005)

    def log(self) -> str:
        """What the broker said, but for its warning not to run as root."""
        text = (self.folder / "mosquitto.log").read_text("utf-8", "replace")
        return "".join(line for line in text.splitlines(keepends=True) if "should not be run as root" not in line)

    def reload(self) -> None:
        """SIGHUP, and wait until the broker has read its files."""
        assert self._process is not None
        before = self.log().count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        end = time.monotonic() + DEADLINE_S
        while self.log().count("Reloading config") == before:
            assert time.monotonic() < end, self.log()
            time.sleep(0.005)
        assert self._process.poll() is None, self.log()

    def saved(self, words: bytes) -> None:
        """Wait until what the broker saved holds these words."""
        end = time.monotonic() + DEADLINE_S
        file = self.folder / "data" / "mosquitto.db"
        while not file.exists() or words not in file.read_bytes():
            assert time.monotonic() < end, "the broker did not save it"
            time.sleep(0.005)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Let the broker end."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(DEADLINE_S)
            self._process = None

    def client(self, name: str = "", protocol: int = 5, *, keep: bool = False) -> Client:
        """A client that is closed when the test ends."""
        made = Client(name, protocol, keep=keep)
        self._clients.append(made)
        return made

    def gateway(self, *, keep: bool = False) -> Client:
        """The gateway, connected as it connects, with its subscriptions."""
        made = self.client("hygeia", keep=keep).sign_in("gateway", GATEWAY_PASSWORD)
        assert made.connect(self.options.plain_port) == 0
        if not made.resumed:
            made.subscribe("hygeia/v1/+/+/up/+", "hygeia/v1/_/hygeia/down/marker", "dtu/+/data", "box/data")
        return made

    def device(self, user: str, password: str, protocol: int = 5, name: str = "") -> Client:
        """A device with TLS and password, not connected yet."""
        return self.client(name or user, protocol).sign_in(user, password).secure(self.ca)

    def close(self) -> None:
        """End all."""
        for client in self._clients:
            client.close()
        self.end()


MakeBroker = Callable[..., BrokerSite]


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Call it for a broker whose files are not written yet; ``options`` are those of ``hygeia broker config``."""
    if not PROGRAM.exists():
        reason = f"{PROGRAM} is absent: apt-get install mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    sites: list[BrokerSite] = []

    def make(**options: Any) -> BrokerSite:
        folder = tmp_path / f"site-{len(sites)}"
        folder.mkdir()
        sites.append(BrokerSite(folder, **options))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def broker_site(make_broker: MakeBroker) -> BrokerSite:
    """A running broker with two devices and a shared account, each with a password that is its name and ``-pw``."""
    site = make_broker()
    for account in ("wq-1", "wq-2", "source-box"):
        site.give(account, f"{account}-pw")
    site.write()
    site.start()
    return site
