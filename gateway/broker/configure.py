"""What ``hygeia broker config`` does: registry, credentials and settings become the broker's files."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding

from devices.registry import Registry
from gateway.broker import authority as ca
from gateway.broker import folder, rights
from gateway.broker.conf import Options, conf, host_faults
from gateway.broker.passwords import digest_of, new_password, verify
from gateway.broker.soundness import faults
from gateway.config import Settings
from gateway.errors import ConfigurationError
from gateway.installation import Installation

#: The gateway's user name where mqtt.url and mqtt.cert name none.
GATEWAY = "gateway"
#: An authority that ends within so many days is told: devices need the next one in time.
AUTHORITY_NOTICE_DAYS = 365
#: More names make no better line.
_NAMED = 5
#: What the broker reads again only when it starts.
_AT_START = frozenset({"mosquitto.conf", "ca.pem", "gateway.pem"})


class Outcome(NamedTuple):
    """What a run changed: ``restart`` where a reload is not enough; ``remarks`` are lines for the operator."""

    folder: Path
    changed: list[str]
    restart: bool
    first: bool
    accounts: int
    remarks: list[str]


def configure(
    settings: Settings,
    registry: Registry,
    credentials: Iterable[Mapping[str, Any]],
    options: Options,
    now: dt.datetime,
) -> Outcome:
    """Write the files of ``options`` that are new or different. Nothing is replaced where one would be unsound.

    Raises UsageError, StartError, ConfigurationError with all faults.
    """
    rows = [dict(row) for row in credentials]
    who = gateway_of(settings)
    out = Path(options.out)
    before = folder.read_folder(out)
    options = _with_hosts(options, before)
    _refuse(options, who, [row["name"] for row in rows if row["revoked_at"] is None])
    installation = Installation(settings.data.dir)
    files, remarks = _certificates(installation, options, who, (rows, registry), before, now)
    in_force = current(rows)
    granted = rights.rights_of(registry, in_force, who)
    remarks += _ended(registry, granted.accounts, now)
    password = settings.mqtt.broker.password
    if not password and not options.gateway_port:
        remarks.append(f"mqtt.url has no password for {who.user!r}: write mqtt://{who.user}:PASSWORD@127.0.0.1:1883")
    health = before.get("health.password", b"").decode() or new_password()
    own = {rights.HEALTH: health} | ({who.user: password} if password else {})
    digests = {one.name: one.digest for one in in_force if one.name in granted.accounts and one.digest}
    files |= {
        "mosquitto.conf": conf(options).encode(),
        "acl": rights.acl(granted.accounts).encode(),
        "passwords": _passwords(digests, own, before.get("passwords", b"").decode()),
        "health.password": health.encode(),
    }
    wrong = faults(files)
    if wrong:
        raise ConfigurationError([f"nothing was written: {line}" for line in wrong])
    changed = folder.write_folder(out, files)
    folder.save_options(installation, options)
    restart = any(name in before for name in changed if name in _AT_START)
    return Outcome(out, changed, restart, not before, len(granted.accounts), [*granted.remarks, *remarks])


def gateway_of(settings: Settings) -> rights.Gateway:
    """How the gateway is known at the broker: the user of mqtt.url, else the common name of mqtt.cert."""
    user = settings.mqtt.broker.username
    if not user and settings.mqtt.cert is not None and settings.mqtt.cert.exists():
        user = ca.common_name(settings.mqtt.cert.read_bytes())
    return rights.Gateway(user or GATEWAY, settings.mqtt.client_id, settings.mqtt.root)


def current(rows: Iterable[Mapping[str, Any]]) -> list[rights.Credential]:
    """What is in force of each account: its highest version that is not revoked."""
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row["revoked_at"] is None and row["version"] > newest.get(row["name"], {"version": -1})["version"]:
            newest[row["name"]] = row
    return [rights.Credential(one["name"], one["version"], one["digest"], one["serial"]) for one in newest.values()]


def authority_of(installation: Installation, options: Options, now: dt.datetime) -> ca.Authority:
    """The authority of this installation, made where there is none yet. Raises StartError."""
    file = installation.keys / "ca.pem"
    secret = Path(options.ca_key) if options.ca_key else installation.keys / "ca.key"
    key = folder.load_key(secret)
    if key is None:
        key = ca.new_key()
        folder.put_secret(secret, ca.pem_of(key))
    certificate = folder.load_certificate(file)
    if certificate is None or certificate.public_key() != key.public_key():
        certificate = ca.new_authority(key, now)
        folder.put_secret(file, certificate.public_bytes(Encoding.PEM))
    return ca.Authority(certificate, key)


def _certificates(  # noqa: PLR0917 - likewise
    installation: Installation,
    options: Options,
    who: rights.Gateway,
    given: tuple[list[dict[str, Any]], Registry],
    before: Mapping[str, bytes],
    now: dt.datetime,
) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    remarks: list[str] = []
    if not options.server_cert or not options.client_ca:
        ours = authority_of(installation, options, now)
        left = ca.days_left(ours.certificate, now)
        if left < AUTHORITY_NOTICE_DAYS:
            remarks.append(f"the authority ends in {left} days: see docs/broker.md, 'Renew the authority', in time")
        files["ca.pem"] = ours.certificate.public_bytes(Encoding.PEM)
        if not options.client_ca:
            old = before.get("crl.pem", b"")
            revoked = _revoked(*given, ca.revoked_by(ours, old), now)
            files["crl.pem"] = ca.revocation_list(ours, revoked, now, old)
        if not options.server_cert:
            pem = before.get("server.pem", b"")
            if not ca.fits(pem, ours.certificate, options.hosts, now):
                made = ca.server_certificate(ours, options.hosts, now)
                pem = made.certificate + made.key
            files["server.pem"] = pem
    if options.gateway_port:
        files["gateway.pem"] = _gateway_certificate(installation, who, now)
    return files, remarks


def _gateway_certificate(installation: Installation, who: rights.Gateway, now: dt.datetime) -> bytes:
    """The certificate by which the broker knows the gateway, made with its key where there is none for this user."""
    certificate, secret = installation.keys / "gateway.pem", installation.keys / "gateway.key"
    key, known = folder.load_key(secret), folder.load_certificate(certificate)
    if key is None:
        key = ca.new_key()
        folder.put_secret(secret, ca.pem_of(key))
    pem = b"" if known is None else known.public_bytes(Encoding.PEM)
    fresh = known is not None and ca.days_left(known, now) >= ca.RENEW_DAYS and known.public_key() == key.public_key()
    if not fresh or ca.common_name(pem) != who.user:
        pem = ca.own_certificate(who.user, key, now).public_bytes(Encoding.PEM)
        folder.put_secret(certificate, pem)
    return pem


def _with_hosts(options: Options, before: Mapping[str, bytes]) -> Options:
    """Options with the names that the certificate has already, or those of this machine, where none were given."""
    hosts = options.hosts or ca.hosts_of(before.get("server.pem", b""))
    hosts = hosts or (socket.gethostname(), "localhost", "127.0.0.1")
    values = {name: getattr(options, name) for name in Options.__struct_fields__}
    return Options(**(values | {"hosts": tuple(dict.fromkeys(hosts))}))


def _refuse(options: Options, who: rights.Gateway, names: list[str]) -> None:
    """Raise ConfigurationError with all that no file can be made of."""
    texts = {name: value for name in Options.__struct_fields__ if isinstance(value := getattr(options, name), str)}
    wrong = [
        f"--{name.replace('_', '-')} {value!r}: allowed: text in one line without blanks at its ends"
        for name, value in texts.items()
        if value and (not value.isprintable() or value != value.strip())
    ]
    wrong += host_faults(options.hosts)
    if not options.seen.startswith("/"):
        wrong.append(f"--at {options.seen!r}: allowed: an absolute path")
    if bool(options.server_cert) != bool(options.server_key):
        wrong.append("--server-cert and --server-key: both or none must be given")
    if options.client_crl and not options.client_ca:
        wrong.append("--client-crl: it is the list of --client-ca; without that Hygeia writes its own")
    ports = [port for name in Options.__struct_fields__ if name.endswith("_port") and (port := getattr(options, name))]
    if len(set(ports)) < len(ports):
        wrong.append(f"ports {', '.join(map(str, ports))}: each listener needs one of its own")
    if not who.user.isprintable() or ":" in who.user or who.user != who.user.strip() or who.user == rights.HEALTH:
        wrong.append(
            f"mqtt.url: the user {who.user!r}: allowed: printable text without ':' that is not {rights.HEALTH}"
        )
    wrong += [
        f"device {words}"
        for name in sorted(set(names))
        if not name.startswith(rights.SOURCE) and name != who.user and (words := rights.reserved(name, who))
    ]
    if wrong:
        raise ConfigurationError(wrong)


def _revoked(
    rows: list[dict[str, Any]], registry: Registry, before: list[ca.Revoked], now: dt.datetime
) -> list[ca.Revoked]:
    """Certificates that were given out, are not at their end, and are not those in force.

    What the list of ``before`` has and no row knows stays on it: the table may have been lost, the certificates not.
    """
    valid = {one.serial for one in current(rows) if one.serial and registry.knows("devices", one.name)}
    now_ms = int(now.timestamp() * 1000)
    known = {row["serial"] for row in rows}
    found = {one.serial: one.at for one in before if one.serial not in known}
    for row in rows:
        if row["serial"] and row["serial"] not in valid and (row["expires_at"] or 0) > now_ms:
            found[row["serial"]] = max(found.get(row["serial"], 0), row["revoked_at"] or row["issued_at"])
    return [ca.Revoked(serial, at) for serial, at in found.items()]


def _ended(registry: Registry, accounts: Iterable[str], now: dt.datetime) -> list[str]:
    """Devices that the registry ends, and that may still send what they measured before."""
    at = int(now.timestamp() * 1000)
    found = [
        name
        for name in sorted(accounts)
        if (last := registry.get("devices", name)) is not None and last.get("to") is not None and last["to"] <= at
    ]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    words = "ended in the registry with their accounts still in force; revoke them when their late data are in"
    return [f"devices {', '.join(found[:_NAMED])}{more}: {words}"] if found else []


def _passwords(digests: Mapping[str, str], own: Mapping[str, str], before: str) -> bytes:
    """The password file; ``own`` are accounts whose password is known here: while it is the same, so is its hash."""
    known = dict(line.split(":", 1) for line in before.splitlines() if ":" in line)
    made = {name: known[name] if verify(text, known.get(name, "")) else digest_of(text) for name, text in own.items()}
    return "".join(f"{name}:{digest}\n" for name, digest in sorted((dict(digests) | made).items())).encode()
