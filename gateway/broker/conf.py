"""mosquitto.conf: one broker for 2.0 and 2.1, whose queued messages survive its own death (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

import msgspec

#: Where a listener of a port number 0 would stand, there is none.
PLAIN, TLS, CERTIFICATE = 1883, 8883, 8884


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ``hygeia broker config`` was asked for; kept in ``broker.json`` so that the next run does the same.

    ``out`` is the folder as we write it, ``at`` as the broker sees it (empty: the same). ``hosts`` are the names and
    addresses in the server certificate. ``server_cert`` and ``server_key`` are the customer's own files instead of
    ours, ``client_ca`` (and ``client_crl``) the authority that signs the devices' certificates where it is not ours.
    ``save_every`` in seconds, 0 = the broker saves its queue at each change.
    """

    out: str = ""
    at: str = ""
    data: str = "/var/lib/mosquitto/"
    hosts: tuple[str, ...] = ()
    bind: str = ""
    plain_port: int = PLAIN
    tls_port: int = TLS
    certificate_port: int = CERTIFICATE
    gateway_port: int = 0
    shared_port: int = 0
    server_cert: str = ""
    server_key: str = ""
    client_ca: str = ""
    client_crl: str = ""
    ca_key: str = ""
    save_every: int = 0

    @property
    def seen(self) -> str:
        """The folder as the broker sees it, without a slash at its end."""
        return (self.at or self.out).rstrip("/")


_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


def host_faults(hosts: Iterable[str]) -> list[str]:
    """What no device could look for in a certificate, a line each."""
    allowed = "allowed: an address, or a name of letters, digits, '-' and '.' (of other letters its xn-- form)"
    return [f"--host {host!r}: {allowed}" for host in hosts if _HOST.fullmatch(host) is None and not _address(host)]


def _address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


_HEAD = """\
# Written by 'hygeia broker config'; what is changed here is lost. For Mosquitto 2.0 and 2.1.
# After a change of passwords, acl, crl.pem or the server certificate SIGHUP is enough: no session is lost.
allow_anonymous false
password_file {at}/passwords
acl_file {at}/acl

# Sessions and queued messages survive a restart and, as they were saved last, a kill.
persistence true
persistence_location {data}
{save}persistent_client_expiration 14d

# What is acknowledged to a device must not be dropped while the gateway is away.
# 0 = no limit: the default of 1000 queued messages drops silently.
max_queued_messages 0
max_queued_bytes 0
# The gateway's receive-maximum is the window; the broker must not be the narrower one.
max_inflight_messages 0
# Without it a device waits about 90 ms for its reply instead of 5: Nagle's algorithm and delayed ACKs.
set_tcp_nodelay true
# Longer payloads reach the gateway, which keeps the first 64 KiB and says so. A limit here would drop them silently.
max_packet_size 268435455

# The gateway reads $SYS/broker/publish/messages/dropped and raises an alarm when it rises.
sys_interval 10
log_dest stderr
log_type error
log_type warning
log_type notice
"""
_AT_EACH_CHANGE = """\
# Saved at each change, right after the acknowledgement. The whole queue is written each time: for a large fleet, or a
# gateway that is away for hours, see --save-every in docs/broker.md.
autosave_on_changes true
autosave_interval 1
"""
_BY_THE_CLOCK = """\
# Saved every so many seconds: a kill or a power cut forgets what was acknowledged since and the gateway had not taken.
autosave_on_changes false
autosave_interval {seconds}
"""
_PLAIN = """
# Without TLS only for programs on this machine.
listener {port} 127.0.0.1
"""
_SESSION = """\
# A session is called as its user is: nobody takes over the session of somebody else, or of the gateway.
use_username_as_clientid true
"""
_TLS = """
# TLS with user name and password.
listener {port}{bind}
certfile {cert}
keyfile {key}
tls_version tlsv1.2
"""
_GATEWAY = """
# TLS for the gateway, by its own certificate and no other; the user name is its common name (CN).
listener {port}{bind}
certfile {cert}
keyfile {key}
cafile {at}/gateway.pem
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""
_SHARED = """
# TLS for foreign devices that share one user name. Here a client names its session itself, so let only their network
# reach this port.
listener {port}{bind}
certfile {cert}
keyfile {key}
tls_version tlsv1.2
"""
_CERTIFICATE = """
# TLS with a client certificate; the user name is its common name (CN).
listener {port}{bind}
certfile {cert}
keyfile {key}
cafile {ca}
{crl}tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


def conf(options: Options) -> str:
    """The whole mosquitto.conf."""
    at = options.seen
    words = {
        "at": at,
        "data": options.data.rstrip("/") + "/",
        "bind": f" {options.bind}" if options.bind else "",
        "cert": options.server_cert or f"{at}/server.pem",
        "key": options.server_key or f"{at}/server.pem",
        "ca": options.client_ca or f"{at}/ca.pem",
        "crl": _crl(options),
        "save": _BY_THE_CLOCK.format(seconds=options.save_every) if options.save_every else _AT_EACH_CHANGE,
    }
    parts = [_HEAD.format(**words)]
    for port, text in (
        (options.plain_port, _PLAIN),
        (options.tls_port, _TLS + _SESSION),
        (options.certificate_port, _CERTIFICATE + _SESSION),
        (options.gateway_port, _GATEWAY),
        (options.shared_port, _SHARED),
    ):
        if port:
            parts.append(text.format(port=port, **words))
    return "".join(parts)


def _crl(options: Options) -> str:
    """The list of revoked certificates is that of who signed them."""
    if options.client_ca:
        return f"crlfile {options.client_crl}\n" if options.client_crl else ""
    return f"crlfile {options.seen}/crl.pem\n"
