"""Credentials as they are handed out: made here, shown once, kept by the installation as hashes only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import msgspec

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.registered import versions_of
from gateway.client import Door, UndecidedError
from gateway.config import Settings
from gateway.errors import UsageError
from gateway.installation import Installation


class Credentials(msgspec.Struct, frozen=True):
    """What a device needs to reach the broker; ``topics`` are its own, by what they are for."""

    user: str
    password: str
    version: int
    broker: str
    topics: dict[str, str]


def refuse_reserved(settings: Settings, device: str) -> None:
    """Raise UsageError where no device may have this account, before anything is changed."""
    from gateway.broker.configure import gateway_of  # noqa: PLC0415 - most commands start faster without
    from gateway.broker.rights import reserved  # noqa: PLC0415 - likewise

    words = reserved(device, gateway_of(settings))
    if words is not None:
        raise UsageError(f"{words}; registered --no-credentials it has no account there")


def hand_out(door: Door, settings: Settings, account: str) -> Credentials:
    """Make a new password for an account, put it in force and return it. Raises RefusedError.

    It is in force as soon as the command is written: where decide is late, that is said and the password shown.
    """
    from gateway.broker.passwords import digest_of, new_password  # noqa: PLC0415 - most commands start faster without

    password = new_password()
    try:
        version = door.command("credentials.issue", {"account": account, "digest": digest_of(password)})["version"]
    except UndecidedError as error:
        show.complain(f"hygeia: {error}")
        version = versions_of(door)[account]
    return Credentials(account, password, version, broker_of(settings), topics_of(settings, account))


def broker_of(settings: Settings) -> str:
    """Where devices find the broker: as its certificate says, else as the gateway finds it."""
    from gateway.broker.folder import load_options  # noqa: PLC0415 - likewise

    options = load_options(Installation(settings.data.dir))
    if options is None or not options.tls_port or not options.hosts:
        broker = settings.mqtt.broker
        scheme, host, port = "mqtts" if broker.tls else "mqtt", broker.host, broker.port
    else:
        scheme, host, port = "mqtts", reached_at(options.hosts), options.tls_port
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def reached_at(hosts: Sequence[str]) -> str:
    """Of the names in the certificate the one for devices: no loopback, and no name of one machine or container."""
    for host in hosts:
        try:
            if not ip_address(host).is_loopback:
                return host
        except ValueError:
            if "." in host:
                return host
    return hosts[0]


def topics_of(settings: Settings, account: str) -> dict[str, str]:
    """The topics of a device's own; none for the account of a source, whose filter says it."""
    if account.startswith("source-"):
        return {}
    base = f"{settings.mqtt.root}/_/{account}"
    named = {name: f"{base}/up/{name}" for name in ("telemetry", "event", "status")}
    return named | {"reply": f"{base}/down/reply"}


def show_once(given: Credentials, *, qr: bool) -> None:
    """Print what a device needs, for people; with ``qr`` also a code with broker, user and password as JSON."""
    once = pick({"en": "shown only now", "zh": "仅显示这一次"})
    lines = {
        pick({"en": "user", "zh": "用户名"}): given.user,
        pick({"en": "password", "zh": "密码"}): f"{given.password}   ({once})",
        pick({"en": "version", "zh": "版本"}): str(given.version),
        pick({"en": "broker", "zh": "消息服务器"}): given.broker,
        **given.topics,
    }
    for name, value in lines.items():
        show.say(f"  {name}: {value}")
    if qr:
        show_code(given)


def show_code(given: Credentials) -> None:
    """Print a QR code of the credentials; the topics follow from the user, and would make it twice as large."""
    import segno  # noqa: PLC0415 - most commands start faster without

    held = {"broker": given.broker, "user": given.user, "password": given.password}
    segno.make(msgspec.json.encode(held), error="m", micro=False).terminal(sys.stdout, compact=True)


def document_of(given: Credentials, settings: Settings) -> dict[str, Any]:
    """The same for ``--json``."""
    return {**msgspec.to_builtins(given), "next": next_command(settings)}


def next_command(settings: Settings) -> str:
    """What writes the broker's files after a change of accounts; the first time it must be told where."""
    from gateway.broker.folder import load_options  # noqa: PLC0415 - likewise

    known = load_options(Installation(settings.data.dir)) is not None
    return "hygeia broker config" if known else "hygeia broker config --out DIR"


def next_step(settings: Settings) -> None:
    """Say how the broker gets to know a change of accounts: until then it goes by the old ones."""
    command = next_command(settings)
    words = {
        "en": f"Next: {command}, and reload the broker: it does not know of this yet",
        "zh": f"下一步：{command}，并让消息服务器重新读取：它尚不知道此变更",
    }
    show.say(pick(words))
