"""The files that Hygeia writes, in a real Mosquitto: who gets in, what each may do, what survives."""

from __future__ import annotations

import queue
import signal
import subprocess
import time

import pytest

from gateway.broker.passwords import verify
from tests.plugins.broker_site import GATEWAY_PASSWORD, BrokerSite, Client, MakeBroker
from tests.support.waiting import free_port

pytestmark = pytest.mark.mosquitto
UP = "hygeia/v1/site/{}/up/telemetry"
REFUSED = 135


def forge(site: BrokerSite, client: Client, topic: str, port: int = 0) -> None:
    """Publish what the account may not. Mosquitto 2.0 refuses it, which a 3.1.1 client cannot see, and hangs up."""
    assert client.connect(port or site.options.tls_port) == 0
    code = client.publish(topic, b"forged")
    assert code == (REFUSED if client.five else 0)
    client.close()


def quiet(client: Client, fence: tuple[str, bytes], *, before: list[tuple[str, bytes]] | None = None) -> None:
    """Nothing has come to ``client`` before ``fence``, which was published last, but what ``before`` says."""
    for expected in [*(before or []), fence]:
        assert client.next() == expected


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"plain_port": 0, "gateway_port": 0},
        {"tls_port": 0, "certificate_port": 0, "gateway_port": 0},
        {"bind": ""},
    ],
)
def test_every_choice_of_listeners_is_accepted(make_broker: MakeBroker, options: dict[str, int]) -> None:
    """Mosquitto starts on the files and listens on each port that was asked for, and says no word of a fault."""
    site = make_broker(**options)
    site.give("wq-1", "pw")
    site.write()
    site.start()
    assert "Error:" not in site.log()
    assert "Warning:" not in site.log()


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_device_writes_and_reads_in_its_own_place_only(broker_site: BrokerSite, protocol: int) -> None:
    """What a device publishes as another one, or as the gateway, reaches nobody; it hears its own place only."""
    gateway = broker_site.gateway()
    for topic in (
        UP.format("wq-2"),
        "hygeia/v1/_/hygeia/down/marker",
        "hygeia/v1/_/wq-1/down/reply",
        "dtu/wq-2/data",
        "box/data",
        "other",
    ):
        forge(broker_site, broker_site.device("wq-1", "wq-1-pw", protocol), topic)
    device = broker_site.device("wq-1", "wq-1-pw", protocol)
    assert device.connect(broker_site.options.tls_port) == 0
    device.subscribe("#", "hygeia/v1/+/+/down/#", "$SYS/#", "hygeia/v1/+/+/up/#")
    assert device.publish(UP.format("wq-1"), b"own") == 0
    assert device.publish("dtu/wq-1/data", b"own") == 0
    quiet(gateway, ("dtu/wq-1/data", b"own"), before=[(UP.format("wq-1"), b"own")])
    gateway.publish("hygeia/v1/_/wq-2/down/reply", b"for wq-2")
    gateway.publish("hygeia/v1/_/wq-1/down/reply", b"for wq-1")
    quiet(device, ("hygeia/v1/_/wq-1/down/reply", b"for wq-1"))


def test_a_last_will_is_bound_by_the_same_rights(broker_site: BrokerSite) -> None:
    """Of devices that vanish, the will that is for another one's topic reaches nobody; that for an own one does."""
    gateway = broker_site.gateway()
    for user, about in (("wq-1", "wq-2"), ("wq-2", "wq-2")):
        device = broker_site.device(user, f"{user}-pw")
        device.client.will_set(UP.format(about), user.encode(), 1)
        assert device.connect(broker_site.options.tls_port) == 0
        device.vanish()
    quiet(gateway, (UP.format("wq-2"), b"wq-2"))


def test_the_account_of_a_source_writes_its_filter_and_nothing_else(broker_site: BrokerSite) -> None:
    """Devices that share a name reach the source's topics, and no topic of devices of our own."""
    gateway = broker_site.gateway()
    for topic in (UP.format("wq-1"), "dtu/wq-1/data"):
        forge(broker_site, broker_site.device("source-box", "source-box-pw"), topic)
    shared = broker_site.device("source-box", "source-box-pw")
    assert shared.connect(broker_site.options.tls_port) == 0
    assert shared.publish("box/data", b"own") == 0
    quiet(gateway, ("box/data", b"own"))


def test_the_gateway_reads_everything_and_writes_marker_and_replies_only(broker_site: BrokerSite) -> None:
    """The gateway hears of all devices, of its marker and of the broker's counters, and cannot speak as a device."""
    gateway = broker_site.gateway()
    gateway.subscribe("$SYS/broker/version")
    assert gateway.next()[0] == "$SYS/broker/version"
    other = broker_site.client("other").sign_in("gateway", GATEWAY_PASSWORD)
    forge(broker_site, other, UP.format("wq-1"), broker_site.options.plain_port)
    assert gateway.publish("hygeia/v1/_/hygeia/down/marker", b"1") == 0
    quiet(gateway, ("hygeia/v1/_/hygeia/down/marker", b"1"))


def test_the_account_of_health_checks_reads_the_uptime_only(broker_site: BrokerSite) -> None:
    """Its password stands beside the files; all that it hears of '#' and '$SYS/#' is the uptime."""
    health = broker_site.client("health").sign_in("hygeia-health", (broker_site.out / "health.password").read_text())
    assert health.connect(broker_site.options.plain_port) == 0
    health.subscribe("#", "$SYS/#")
    assert health.next()[0] == "$SYS/broker/uptime"
    assert health.publish(UP.format("wq-1"), b"forged") == REFUSED
    with pytest.raises(queue.Empty):
        health.messages.get_nowait()


def test_strangers_stay_outside(broker_site: BrokerSite) -> None:
    """No name, a wrong password, no certificate, that of another authority or of a device for the gateway: refused."""
    ports = broker_site.options
    assert broker_site.client("x").connect(ports.plain_port) == REFUSED
    assert broker_site.client("x").secure(broker_site.ca).connect(ports.tls_port) == REFUSED
    assert broker_site.device("wq-1", "wq-2-pw").connect(ports.tls_port) in {REFUSED, 134}
    assert broker_site.device("wq-1", "wq-1-pw").connect(ports.certificate_port) == -1
    device = broker_site.certify("wq-1")
    assert broker_site.client("x").secure(broker_site.ca, device).connect(ports.gateway_port) == -1
    keys = broker_site.installation.keys
    own = (keys / "gateway.pem", keys / "gateway.key")
    assert broker_site.client("x").secure(broker_site.ca, own).connect(ports.certificate_port) == -1


def test_the_gateway_signs_in_by_its_own_certificate(broker_site: BrokerSite) -> None:
    """On the port for the gateway its certificate is its name: no password is needed, and all its rights are there."""
    keys = broker_site.installation.keys
    gateway = broker_site.client("hygeia").secure(broker_site.ca, (keys / "gateway.pem", keys / "gateway.key"))
    assert gateway.connect(broker_site.options.gateway_port) == 0
    gateway.subscribe("hygeia/v1/+/+/up/+")
    device = broker_site.device("wq-2", "wq-2-pw")
    device.connect(broker_site.options.tls_port)
    device.publish(UP.format("wq-2"), b"1")
    assert gateway.next() == (UP.format("wq-2"), b"1")


def test_nobody_takes_over_the_session_of_another(broker_site: BrokerSite) -> None:
    """A device that calls itself as the gateway or another device disturbs neither, nor gets what waits there."""
    gateway = broker_site.gateway(keep=True)
    other = broker_site.device("wq-2", "wq-2-pw")
    assert other.connect(broker_site.options.tls_port) == 0
    for name in ("hygeia", "gateway", "wq-2"):
        device = broker_site.device("wq-1", "wq-1-pw", name=name)
        assert device.connect(broker_site.options.tls_port) == 0
        assert not device.resumed
        device.publish(UP.format("wq-1"), name.encode())
        assert gateway.next() == (UP.format("wq-1"), name.encode())
    assert gateway.gone.empty()
    assert other.gone.empty()


def test_devices_that_share_a_name_do_not_disturb_each_other_on_their_port(make_broker: MakeBroker) -> None:
    """On the shared port clients of one account name their own sessions; on the usual one the second is the first."""
    site = make_broker(shared_port=free_port())
    site.give("source-box", "pw")
    site.write()
    site.start()
    gateway = site.gateway()
    both = [site.device("source-box", "pw", name=name) for name in ("sn-1", "sn-2")]
    for client in both:
        assert client.connect(site.options.shared_port) == 0
    for client in both:
        assert client.publish("box/data", b"1") == 0
        assert gateway.next() == ("box/data", b"1")
    for client in (site.device("source-box", "pw", name=name) for name in ("sn-3", "sn-4")):
        assert client.connect(site.options.tls_port) == 0
        both.append(client)
    both[2].gone.get(timeout=10)
    assert both[0].gone.empty()


def test_a_revoked_device_is_out_after_a_reload(broker_site: BrokerSite) -> None:
    """A living connection with a password ends, a new one is refused; others and their connections stay."""
    stays, goes = (broker_site.device(name, f"{name}-pw") for name in ("wq-2", "wq-1"))
    for client in (stays, goes):
        assert client.connect(broker_site.options.tls_port) == 0
    broker_site.take("wq-1")
    broker_site.register(("devices", "wq-1"))
    assert set(broker_site.write().changed) == {"passwords", "acl"}
    broker_site.reload()
    goes.gone.get(timeout=10)
    goes.client.loop_stop()
    assert broker_site.device("wq-1", "wq-1-pw").connect(broker_site.options.tls_port) in {REFUSED, 134}
    assert stays.publish(UP.format("wq-2"), b"1") in {0, 16}
    assert stays.gone.empty()


def test_a_rotated_password_puts_the_old_one_out(broker_site: BrokerSite) -> None:
    """After the reload only the new password opens; until then only the old one did."""
    broker_site.give("wq-1", "new-pw")
    port = broker_site.options.tls_port
    assert broker_site.device("wq-1", "wq-1-pw").connect(port) == 0
    broker_site.write()
    broker_site.reload()
    assert broker_site.device("wq-1", "wq-1-pw").connect(port) in {REFUSED, 134}
    assert broker_site.device("wq-1", "new-pw").connect(port) == 0


def test_a_certificate_is_a_devices_name_until_it_is_revoked(broker_site: BrokerSite) -> None:
    """With a certificate a device has its rights; the next certificate, or its end, puts it out at a reload."""
    gateway, port = broker_site.gateway(), broker_site.options.certificate_port
    first = broker_site.certify("wq-1")
    broker_site.write()
    broker_site.reload()
    forge(broker_site, broker_site.client("any").secure(broker_site.ca, first), UP.format("wq-2"), port)
    device = broker_site.client("any").secure(broker_site.ca, first)
    assert device.connect(port) == 0
    assert device.publish(UP.format("wq-1"), b"1") == 0
    quiet(gateway, (UP.format("wq-1"), b"1"))

    second = broker_site.certify("wq-1")
    assert "crl.pem" in broker_site.write().changed
    broker_site.reload()
    assert broker_site.client("a").secure(broker_site.ca, first).connect(port) == -1
    device = broker_site.client("b").secure(broker_site.ca, second)
    assert device.connect(port) == 0

    broker_site.take("wq-1")
    broker_site.register(("devices", "wq-1"))
    broker_site.write()
    broker_site.reload()
    assert broker_site.client("c").secure(broker_site.ca, second).connect(port) == -1
    # A connection that a certificate opened may live on; it may do nothing.
    assert device.publish(UP.format("wq-1"), b"2") == REFUSED


def test_a_new_server_certificate_is_used_after_a_reload(broker_site: BrokerSite) -> None:
    """A reload is enough for the server's own certificate; clients that trust the authority notice nothing."""
    living = broker_site.device("wq-1", "wq-1-pw")
    assert living.connect(broker_site.options.tls_port) == 0
    (broker_site.out / "server.pem").unlink()
    assert broker_site.write().changed == ["server.pem"]
    broker_site.reload()
    assert broker_site.device("wq-2", "wq-2-pw").connect(broker_site.options.tls_port) == 0
    assert living.gone.empty()


def test_a_reload_keeps_sessions_and_what_waits_in_them(broker_site: BrokerSite) -> None:
    """While the gateway is away messages queue for it; SIGHUP changes nothing of that, nor of living connections."""
    broker_site.gateway(keep=True).close()
    device = broker_site.device("wq-1", "wq-1-pw")
    device.connect(broker_site.options.tls_port)
    for number in range(20):
        device.publish(UP.format("wq-1"), b"%d" % number)
    broker_site.give("wq-2", "another")
    broker_site.write()
    broker_site.reload()
    assert device.publish(UP.format("wq-1"), b"20") == 0
    again = broker_site.gateway(keep=True)
    assert again.resumed
    assert [again.next()[1] for _ in range(21)] == [b"%d" % number for number in range(21)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_waits_for_the_gateway_survives_the_broker(broker_site: BrokerSite, how: signal.Signals) -> None:
    """Messages that were acknowledged to a device are there after the broker was killed, with the gateway's session."""
    broker_site.gateway(keep=True).close()
    device = broker_site.device("wq-1", "wq-1-pw")
    device.connect(broker_site.options.tls_port)
    for number in range(50):
        device.publish(UP.format("wq-1"), b"%d" % number)
    device.publish(UP.format("wq-1"), b"the last one")
    # Mosquitto acknowledges first and saves next, in the same turn of its loop.
    broker_site.saved(b"the last one")
    broker_site.end(how)
    broker_site.start()
    again = broker_site.gateway(keep=True)
    assert again.resumed
    assert [again.next()[1] for _ in range(51)] == [*(b"%d" % number for number in range(50)), b"the last one"]


def test_the_queue_of_a_large_fleet_is_saved_by_the_clock(make_broker: MakeBroker) -> None:
    """The whole of it is written each time: at each message a long queue would be the end of the broker."""
    broker_site = make_broker(save_every=2)
    broker_site.give("wq-1", "wq-1-pw")
    broker_site.write()
    broker_site.start()
    broker_site.gateway(keep=True).close()
    device = broker_site.device("wq-1", "wq-1-pw")
    device.connect(broker_site.options.tls_port)
    file = broker_site.folder / "data" / "mosquitto.db"
    began, saves = time.monotonic(), set()
    for number in range(50):
        device.publish(UP.format("wq-1"), b"%d" % number)
        saves.add(file.stat().st_mtime_ns if file.exists() else 0)
    assert len(saves) <= 2 + (time.monotonic() - began) / 2


def test_mosquittos_own_program_makes_the_same_hashes(broker_site: BrokerSite) -> None:
    """What mosquitto_passwd writes is verified by us, and it changes a file of ours that then still works."""
    file = broker_site.out / "passwords"
    subprocess.run(["/usr/bin/mosquitto_passwd", "-b", file, "wq-2", "by-hand"], check=True)
    lines = dict(line.split(":", 1) for line in file.read_text().splitlines())
    assert verify("by-hand", lines["wq-2"])
    assert not verify("by-hands", lines["wq-2"])
    broker_site.reload()
    assert broker_site.device("wq-2", "by-hand").connect(broker_site.options.tls_port) == 0
    assert broker_site.device("wq-1", "wq-1-pw").connect(broker_site.options.tls_port) == 0
