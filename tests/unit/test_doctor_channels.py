"""The doctor on channels, routing and contacts: everything that would keep somebody from being told, all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import Settings
from gateway.database import open_state, upgrade
from gateway.doctor_channels import TITLES, examine_channels
from gateway.finding import Finding
from gateway.installation import Installation
from gateway.state import people_private, registry
from tests.plugins.modem import FakeModem
from tests.plugins.smtp import PASSWORD, USER
from tests.plugins.webhook import Receiver
from tests.support.waiting import free_port

MODEM = {"kind": "modem", "device": "/dev/none"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation with an empty registry."""
    engine = open_state(Installation(tmp_path).state)
    upgrade(engine)
    engine.dispose()
    return tmp_path


def register(folder: Path, section: str, name: str, private: dict[str, Any] | None = None, **body: Any) -> None:
    """Put one entry into the registry of the installation."""
    engine = open_state(Installation(folder).state)
    with engine.begin() as connection:
        raw = msgspec.json.encode({"id": name, **body})
        connection.execute(registry.insert().values(kind=section, id=name, offset=1, body=raw))
        if private is not None:
            connection.execute(people_private.insert().values(id=name, body=json.dumps(private)))
    engine.dispose()


def look(folder: Path, **alerts: Any) -> list[Finding]:
    """What is found; no secret is ever shown, and both languages say something."""
    found = list(examine_channels(Settings.model_validate({"data": {"dir": folder}, "alerts": alerts})))
    assert all(one.en and one.zh and one.key in TITLES for one in found)
    assert not any("s3cret" in one.en + one.zh for one in found)
    return found


def one(found: list[Finding], key: str) -> Finding:
    """The only finding of a check."""
    (finding,) = [finding for finding in found if finding.key == key]
    return finding


def test_an_installation_that_tells_nobody_is_well_and_says_so(folder: Path) -> None:
    """The default is sound: nothing is sent anywhere."""
    found = look(folder)
    assert [finding.key for finding in found] == ["routing", "contacts"]
    assert all(finding.ok for finding in found)
    assert "nobody is told" in one(found, "contacts").en


def test_every_channel_that_cannot_be_reached_is_named(folder: Path, receiver: Receiver) -> None:
    """Connections only: no receiver gets a request; each fault names its key."""
    port = free_port()
    found = look(
        folder,
        webhook=f"{receiver.url}?token=s3cret",
        channels={
            "robot": {"kind": "dingtalk", "url": f"http://127.0.0.1:{port}/s3cret"},
            "form": {"kind": "http-form", "url": receiver.url + "/{phone}"},
            "sms": MODEM,
        },
    )
    by_name = {finding.en.partition(":")[0]: finding for finding in found if finding.key == "channel"}
    assert one(found, "webhook").ok
    assert by_name["form"].ok
    assert not by_name["robot"].ok
    assert "alerts.channels.robot" in by_name["robot"].en
    assert not by_name["sms"].ok
    assert "the serial line fails" in by_name["sms"].en
    assert receiver.received == []


def test_mail_server_and_modem_are_asked_whether_they_are_ready(
    folder: Path, mail_server: Any, fake_modem: FakeModem
) -> None:
    """A login and a greeting, and no message; a wrong password is found before the first alert."""
    server = mail_server("starttls")
    mail = {"kind": "email", "host": "127.0.0.1", "port": server.port, "sender": "a@b", "ca": server.ca}
    channels = {
        "mail": mail | {"username": USER, "password": PASSWORD},
        "locked-out": mail | {"username": USER, "password": "s3cret"},
        "sms": {"kind": "modem", "device": fake_modem.device},
    }
    found = look(folder, channels=channels)
    by_name = {finding.en.partition(":")[0]: finding for finding in found if finding.key == "channel"}
    assert (by_name["mail"].ok, by_name["sms"].ok, by_name["locked-out"].ok) == (True, True, False)
    assert "the login is refused: 535" in by_name["locked-out"].en
    assert server.mailed == []
    assert fake_modem.sent == []


def test_people_who_cannot_be_told_are_all_named(folder: Path) -> None:
    """Contacts, heads and officers without an address for any channel; nobody is named but by id."""
    register(folder, "units", "w", kind="waterworks", contacts=["p-1", "p-2", "p-9"])
    register(folder, "grid", "g", officers=["p-3"])
    register(folder, "people", "p-1", {"name": "王", "phone": "13800138000"}, role="contact", unit="w")
    register(folder, "people", "p-2", {"name": "李"}, role="contact", unit="w")
    register(folder, "people", "p-3", {"email": "a@b"}, role="officer")
    register(folder, "people", "p-4", None, role="head", unit="w")
    register(folder, "people", "p-5", {"phone": "1"}, role="head", unit="w", channels=["pager"])
    register(folder, "people", "p-6", None, role="driver")
    finding = one(look(folder, channels={"sms": MODEM}), "contacts")
    assert not finding.ok
    assert finding.en == (
        "cannot be told: p-2 (no phone); p-3 (no phone); p-4 (no phone); "
        "p-5 (none of the own channels is configured: pager); p-9 (not in the registry)"
    )


def test_an_address_for_one_of_several_channels_is_enough(folder: Path) -> None:
    """Who has no telephone is told by mail."""
    register(folder, "grid", "g", officers=["p-3"])
    register(folder, "people", "p-3", {"email": "a@b"}, role="officer")
    mail = {"kind": "email", "host": "127.0.0.1", "port": free_port(), "security": "none", "sender": "a@b"}
    finding = one(look(folder, channels={"sms": MODEM, "mail": mail}), "contacts")
    assert finding.ok
    assert "1 people" in finding.en


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("[{to: {channel: pager}}]", "channels that are not configured: pager"),
        ("[{to: [{team: night}, {person: p-1}]}]", "not in the registry: team night, person p-1"),
        ("[{to: unit_boss}]", "allowed: unit_contact"),
    ],
)
def test_faults_of_a_routing_file_are_named(folder: Path, steps: str, words: str) -> None:
    """Names that mean nobody, and what is no routing file at all."""
    file = folder / "routing.yaml"
    file.write_text(f'routing: mine\nversion: "1"\nsteps: {steps}\n', "utf-8")
    finding = one(look(folder, routing=file), "routing")
    assert not finding.ok
    assert words in finding.en


def test_the_heartbeat_is_reached_and_not_called(folder: Path, receiver: Receiver) -> None:
    """A call would tell the outside that all is well."""
    assert one(look(folder, heartbeat_url=f"{receiver.url}/s3cret"), "heartbeat").ok
    assert receiver.received == []
    assert not one(look(folder, heartbeat_url=f"http://127.0.0.1:{free_port()}/s3cret"), "heartbeat").ok
