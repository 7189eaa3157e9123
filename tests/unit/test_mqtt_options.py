"""Broker URLs and what may stand beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, StartError
from gateway.mqtt.options import MqttOptions


def test_a_whole_url_is_taken_apart() -> None:
    """User and password are decoded, and the address shows neither."""
    options = MqttOptions.parse("mqtt://gate%40way:p%3Ass%2Fw@broker.example:1884")
    assert (options.username, options.password) == ("gate@way", "p:ss/w")
    assert (options.host, options.port, options.secure) == ("broker.example", 1884, False)
    assert options.address == "mqtt://broker.example:1884"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://h", "mqtt://h:1883"),
        ("mqtts://h", "mqtts://h:8883"),
        ("mqtt://[::1]:1", "mqtt://[::1]:1"),
        ("mqtt://h/", "mqtt://h:1883"),
    ],
)
def test_ports_have_their_usual_value(url: str, address: str) -> None:
    """1883 without TLS, 8883 with it."""
    assert MqttOptions.parse(url).address == address


def test_nothing_shows_the_credentials() -> None:
    """Neither the text of the options nor that of any error has user or password in it."""
    shown = repr(MqttOptions.parse("mqtt://someone:hush@h:1"))
    for url in (
        "http://someone:hush@h:1",
        "mqtt://someone:hush@h:99999",
        "mqtt://someone:hu#sh@h",
        "mqtt://someone:hush@",
    ):
        with pytest.raises(ConfigurationError) as caught:
            MqttOptions.parse(url)
        shown += str(caught.value)
    assert "hu" not in shown
    assert "someone" not in shown


def test_all_faults_come_at_once() -> None:
    """Each names its setting, the value and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        MqttOptions.parse(
            "tcp://h:0/topic",
            ca=Path("/ca.pem"),
            cert=Path("/cert.pem"),
            root="a/#",
            client_id="a/b",
            receive_maximum=0,
            keep_alive=70000,
            session_expiry=-1,
        )
    names = [fault.split(":")[0] for fault in caught.value.faults]
    assert names == [
        "mqtt.url",
        "mqtt.url",
        "mqtt.url",
        "mqtt.ca",
        "mqtt.cert",
        "mqtt.cert and mqtt.key",
        "mqtt.root",
        "mqtt.client_id",
        "mqtt.receive_maximum",
        "mqtt.keep_alive",
        "mqtt.session_expiry",
    ]
    assert "0 must be 1 to 65535" in caught.value.faults[8]


def test_files_of_tls_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """A missing authority and a certificate that is none each give one line with the file."""
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense", encoding="utf-8")
    with pytest.raises(StartError, match=r"mqtt\.ca: .*missing\.pem .*No such file"):
        MqttOptions.parse("mqtts://h", ca=tmp_path / "missing.pem").tls()
    with pytest.raises(StartError, match=r"mqtt\.ca: .*nonsense\.pem"):
        MqttOptions.parse("mqtts://h", ca=nonsense).tls()
    with pytest.raises(StartError, match=r"mqtt\.cert, mqtt\.key: .*nonsense\.pem"):
        MqttOptions.parse("mqtts://h", cert=nonsense, key=nonsense).tls()
