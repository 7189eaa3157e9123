"""The doctor: each fault is found, said in both languages, and no secret is shown."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from devices.registry import Registry
from gateway import credentials
from gateway.broker.conf import Options
from gateway.broker.configure import configure
from gateway.config import Settings
from gateway.database import open_state, upgrade, writing
from gateway.doctor import TITLES, examine
from gateway.finding import Finding
from gateway.installation import Installation
from gateway.journal.record import Kind, encode, header, json_body

FUTURE_MS = 4_102_444_800_000  # 2100-01-01


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A sound installation."""
    installation = Installation(tmp_path / "hygeia")
    installation.prepare()
    installation.create_keys()
    engine = open_state(installation.state)
    upgrade(engine)
    engine.dispose()
    return installation


def findings(installation: Installation, **sections: Any) -> dict[str, Finding]:
    """What the doctor finds, by the key of the check; nobody is the broker."""
    base: dict[str, Any] = {
        "data": {"dir": installation.folder},
        "journal": {"min_free": "1MiB"},
        "mqtt": {"url": "mqtt://gate:s3cret@127.0.0.1:9"},
    }
    found = {one.key: one for one in examine(Settings(**base | sections))}
    assert all(one.en and one.zh for one in found.values())
    assert not any("s3cret" in one.en + one.zh for one in found.values())
    return found


def test_a_sound_installation_has_no_fault_but_the_absent_broker(installation: Installation) -> None:
    """Everything that needs no server is well; each check has a title in both languages."""
    found = findings(installation)
    assert [key for key, one in found.items() if not one.ok] == ["broker"]
    assert "mqtt.url" in found["broker"].en
    assert found.keys() <= TITLES.keys()
    assert all({"en", "zh"} == titles.keys() for titles in TITLES.values())


def test_a_folder_without_an_installation_is_told_what_to_do(tmp_path: Path) -> None:
    """An empty folder is a fault that names the command, and stays empty."""
    found = findings(Installation(tmp_path))
    assert not found["folder"].ok
    assert f"hygeia init --data-dir {tmp_path}" in found["folder"].en
    assert not found["keys"].ok
    assert list(tmp_path.iterdir()) == []


def test_too_little_disk_is_a_fault(installation: Installation) -> None:
    """Less than journal.min_free means that messages are not acknowledged."""
    assert not findings(installation, journal={"min_free": "500PB"})["space"].ok


def test_a_held_folder_without_an_address_is_a_fault(installation: Installation) -> None:
    """Somebody holds the lock and nothing says how to reach him."""
    with installation.lock():
        assert not findings(installation)["gateway"].ok


def test_a_clock_before_the_journal_is_a_fault(installation: Installation) -> None:
    """A record of the year 2100 means that the clock is wrong now, or was then."""
    record = encode(0, FUTURE_MS, 0, Kind.TICK, json_body({"type": "tick"}))
    (installation.journal / f"{0:020d}.seg").write_bytes(header(0, FUTURE_MS) + record)
    found = findings(installation)
    assert found["journal"].ok
    assert not found["clock"].ok
    assert "NTP" in found["clock"].zh


def test_a_state_of_another_version_is_a_fault(installation: Installation) -> None:
    """A migration that this version does not have is named."""
    engine = open_state(installation.state)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    engine.dispose()
    assert "migration 0000" in findings(installation)["state"].en


def test_certificates_that_end_soon_are_named(installation: Installation, tmp_path: Path) -> None:
    """Of broker, gateway, authority and devices; none is no fault, and those that have long are counted."""
    assert findings(installation)["certificates"].ok
    settings = Settings.model_validate({"data": {"dir": installation.folder}, "mqtt": {"url": "mqtt://g:pw@127.0.0.1"}})
    options = Options(out=str(tmp_path / "broker"), hosts=("localhost",), gateway_port=8885)
    now = dt.datetime.now(dt.UTC)
    configure(settings, Registry(), [], options, now)
    long = findings(installation)["certificates"]
    assert (long.ok, long.en) == (True, "3, the next ends in 397 days")
    engine = open_state(installation.state)
    for device, days in (("wq-1", 12), ("wq-2", 300)):
        end = int((now + dt.timedelta(days=days, minutes=1)).timestamp() * 1000)
        with writing(engine) as connection:
            credentials.issue(connection, credentials.Given(device, serial="1f", expires_at=end))
    engine.dispose()
    for file in ("server.pem", "ca.pem"):
        (tmp_path / "broker" / file).unlink()
    configure(settings, Registry(), [], options, now - dt.timedelta(days=390))
    found = findings(installation)["certificates"]
    assert not found.ok
    assert found.en.startswith("broker (7 d), wq-1 (12 d) end soon")


@pytest.fixture
def influx() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server that answers as ``answer`` says: (address, {"status", "body", "asked"})."""
    answer: dict[str, Any] = {"status": 200, "body": b'{"buckets":[{"name":"water"}]}', "asked": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer["asked"].append((self.path, self.headers["Authorization"]))
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answer
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_webhook_is_reached_and_told_nothing(
    installation: Installation, influx: tuple[str, dict[str, Any]]
) -> None:
    """A connection is made and closed; no request is sent and the path is not shown."""
    address, answer = influx
    found = findings(installation, alerts={"webhook": f"{address}/s3cret"})["webhook"]
    assert found.ok
    assert answer["asked"] == []
