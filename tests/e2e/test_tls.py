"""TLS on every hop: device with a certificate -> Mosquitto -> gateway -> InfluxDB; a wrong authority is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from gateway.broker import authority
from gateway.broker.configure import authority_of
from gateway.config.model import Influx, Mqtt
from gateway.errors import StartError
from tests.influx_servers import Served, shim
from tests.plugins.broker_site import BrokerSite
from tests.plugins.influx import TOKEN, Bucket
from tests.support.inside import apply, running, settled

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxd]
DEVICE = {"id": "wq-1", "kind": "water"}
TOPIC = "hygeia/v1/_/wq-1/up/telemetry"
TS = 1_770_000_000_000


@pytest.fixture
def secure_bucket(broker_site: BrokerSite, influx_bucket: Bucket, tmp_path: Path) -> Iterator[Bucket]:
    """The real influxd behind a shim whose certificate the broker's authority signed."""
    now = dt.datetime.now(dt.UTC)
    ours = authority_of(broker_site.installation, broker_site.options, now)
    made = authority.server_certificate(ours, ["127.0.0.1"], now)
    (tmp_path / "influx.pem").write_bytes(made.certificate + made.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "influx.pem")
    served = Served(shim(influx_bucket.influxd.url, TOKEN), tls=context)
    yield Bucket(influx_bucket.influxd, served.url, influx_bucket.bucket)
    served.stop()


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """An authority that signed nothing here."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "stranger.pem")
    return tmp_path / "stranger.pem"


@pytest.fixture
def certificate(broker_site: BrokerSite) -> tuple[Path, Path]:
    """The device's certificate and key; the broker knows of it."""
    made = broker_site.certify("wq-1")
    broker_site.write()
    broker_site.reload()
    return made


def mqtt(site: BrokerSite, ca: Path) -> Mqtt:
    """The gateway's way to the broker: by its own certificate, without a password."""
    keys = site.installation.keys
    url = SecretStr(f"mqtts://gateway@127.0.0.1:{site.options.gateway_port}")
    return Mqtt(url=url, ca=ca, cert=keys / "gateway.pem", key=keys / "gateway.key")


def influx(bucket: Bucket, ca: Path) -> Influx:
    """The gateway's way to InfluxDB."""
    return Influx(url=bucket.url, org=bucket.org, bucket=bucket.bucket, token=SecretStr(bucket.token), ca=ca)


async def test_a_reading_goes_by_tls_from_the_device_to_influxdb(
    broker_site: BrokerSite, secure_bucket: Bucket, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """What a device with a certificate publishes is a point in InfluxDB, and no hop was without TLS."""
    ways = {"mqtt": mqtt(broker_site, broker_site.ca), "influx": influx(secure_bucket, broker_site.ca)}
    device = broker_site.client("any").secure(broker_site.ca, certificate)
    async with running(tmp_path / "gateway", "mqtt://unused", secure_bucket, **ways) as gateway:
        await apply(gateway, devices=[DEVICE])
        assert await asyncio.to_thread(device.connect, broker_site.options.certificate_port) == 0
        payload = b'{"ts": %d, "values": {"ph": 7.25}}' % TS
        assert await asyncio.to_thread(device.publish, TOPIC, payload) == 0
        report = await settled(gateway, 1)
        assert (report["stored"], report["parked"]) == (1, 0)
    rows = secure_bucket.rows("water")
    assert [(row["device"], row["ph"], row["time"]) for row in rows] == [("wq-1", 7.25, TS * 1_000_000)]


async def test_a_gateway_that_trusts_another_authority_says_so_of_the_broker(
    broker_site: BrokerSite, secure_bucket: Bucket, stranger: Path, tmp_path: Path
) -> None:
    """It does not start, and one line names the broker, TLS and what to check."""
    ways = {"mqtt": mqtt(broker_site, stranger), "influx": influx(secure_bucket, broker_site.ca)}
    with pytest.raises(StartError) as caught:
        async with running(tmp_path / "gateway", "mqtt://unused", secure_bucket, **ways):
            pass
    words = str(caught.value)
    assert f"mqtts://127.0.0.1:{broker_site.options.gateway_port}: TLS failed: certificate verify failed" in words
    assert "mqtt.ca" in words
    assert "\n" not in words


async def test_a_gateway_without_its_certificate_is_told_what_the_broker_wants(
    broker_site: BrokerSite, secure_bucket: Bucket, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """With the certificate of a device it is not let in at the gateway's port; one line says what to look at."""
    way = mqtt(broker_site, broker_site.ca).model_copy(update={"cert": certificate[0], "key": certificate[1]})
    ways = {"mqtt": way, "influx": influx(secure_bucket, broker_site.ca)}
    with pytest.raises(StartError) as caught:
        async with running(tmp_path / "gateway", "mqtt://unused", secure_bucket, **ways):
            pass
    assert "mqtt.cert" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_gateway_that_trusts_another_authority_says_so_of_influxdb(
    broker_site: BrokerSite, secure_bucket: Bucket, certificate: tuple[Path, Path], stranger: Path, tmp_path: Path
) -> None:
    """Messages are taken and wait; the store is held in one line that names influx.ca, and nothing is sent."""
    ways = {"mqtt": mqtt(broker_site, broker_site.ca), "influx": influx(secure_bucket, stranger)}
    device = broker_site.client("any").secure(broker_site.ca, certificate)
    async with running(tmp_path / "gateway", "mqtt://unused", secure_bucket, **ways) as gateway:
        await apply(gateway, devices=[DEVICE])
        await asyncio.to_thread(device.connect, broker_site.options.certificate_port)
        await asyncio.to_thread(device.publish, TOPIC, b'{"ph": 7}')
        words, end = "", asyncio.get_running_loop().time() + 20
        while "not trusted" not in words:
            words = (await asyncio.to_thread(gateway.view.lags))["store"].words
            assert asyncio.get_running_loop().time() < end, words
            await asyncio.sleep(0.02)
        assert "influx.ca" in words
        assert "\n" not in words
    assert secure_bucket.rows("water") == []


def test_a_device_and_the_broker_each_refuse_a_stranger(
    broker_site: BrokerSite, certificate: tuple[Path, Path], stranger: Path, tmp_path: Path
) -> None:
    """A device that trusts another authority ends the handshake; the broker refuses a certificate of another one."""
    port = broker_site.options.certificate_port
    context = ssl.create_default_context(cafile=stranger)
    context.load_cert_chain(*certificate)
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"),
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1")
    issued = trustme.CA().issue_cert("wq-1@example", common_name="wq-1")
    files = tmp_path / "forged.pem", tmp_path / "forged.key"
    issued.cert_chain_pems[0].write_to_path(files[0])
    issued.private_key_pem.write_to_path(files[1])
    assert broker_site.client("any").secure(broker_site.ca, files).connect(port) == -1
