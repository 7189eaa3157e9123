"""Faults that no single key shows: files that are absent, keys that need each other, packs that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from gateway.config.channels import AliyunSmsChannel, AppriseChannel, ChannelKind, EmailChannel, TencentSmsChannel
from gateway.config.layers import CHANNELS, channel_key
from gateway.config.model import Settings

#: Kinds of channels that need an optional extra: the module to look for, and the extra.
_PACKAGES: dict[type[ChannelKind], tuple[str, str]] = {
    AliyunSmsChannel: ("alibabacloud_dysmsapi20170525", "aliyun"),
    TencentSmsChannel: ("tencentcloud", "tencent"),
    AppriseChannel: ("apprise", "apprise"),
}
_CHANNEL_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


def known_packs(own: Path) -> list[str]:
    """Names of the rule packs of this version, and of those in the installation's folder."""
    shipped = {entry.name for entry in (files("alerts") / "packs").iterdir()}
    names = shipped | {entry.name for entry in own.glob("*.yaml")}
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def broken_channels(broken: set[str]) -> set[str]:
    """Names of the channels that a key with a fault belongs to."""
    return {channel[0] for channel in map(channel_key, broken) if channel is not None}


def faults_between_keys(settings: Settings, broken: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (key, reason and what is allowed). Keys in ``broken`` have a fault already; their value is a default."""
    yield from _files(settings)
    yield from _tls(settings, broken)
    yield from (fault for fault in _influx(settings, broken) if fault[0] not in broken)
    yield from _channels(settings)
    packs = known_packs(settings.packs)
    for pack in settings.alerts.packs:
        if pack not in packs:
            yield "alerts.packs", f"there is no pack {pack!r}; allowed: {', '.join(packs)}"


def _files(settings: Settings) -> Iterator[tuple[str, str]]:
    named: dict[str, Path | None] = {
        "mqtt.ca": settings.mqtt.ca,
        "mqtt.cert": settings.mqtt.cert,
        "mqtt.key": settings.mqtt.key,
        "influx.ca": settings.influx.ca,
        "ledger.key_file": settings.ledger.key_file,
        "alerts.routing": settings.alerts.routing,
    }
    for name, channel in settings.alerts.channels.items():
        if isinstance(channel, EmailChannel):
            named[f"{CHANNELS}.{name}.ca"] = channel.ca
    head = settings.ledger.head_file
    if head is not None and not head.parent.is_dir():
        yield "ledger.head_file", "its folder is not there; allowed: a file in a folder that the gateway may write"
    own = settings.alerts.pack_dir
    if own is not None and not own.is_dir():
        yield "alerts.pack_dir", "there is no such folder; allowed: a folder with NAME.yaml"
    profiles = settings.custody.profile_dir
    if profiles is not None and not profiles.is_dir():
        yield "custody.profile_dir", "there is no such folder; allowed: a folder with NAME.yaml"
    for key, path in named.items():
        if path is None:
            continue
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            yield key, f"{error.strerror}; allowed: a file that the gateway may read"


def _channels(settings: Settings) -> Iterator[tuple[str, str]]:
    names = settings.alerts.channels
    folded: dict[str, str] = {}
    for name, channel in names.items():
        key = f"{CHANNELS}.{name}"
        if not _CHANNEL_NAME.fullmatch(name):
            yield f"{key}.kind", "the name of the channel is not allowed; allowed: 1 to 32 of A-Z a-z 0-9 _ -"
        other = folded.setdefault(name.lower().replace("-", "_"), name)
        if other != name:
            yield f"{key}.kind", f"in the environment it has the name of {CHANNELS}.{other}; allowed: another name"
        if name == "webhook" and settings.alerts.webhook.get_secret_value():
            yield f"{key}.kind", "alerts.webhook is the channel of that name; allowed: another name"
        if isinstance(channel, EmailChannel):
            if channel.username and not channel.password.get_secret_value():
                yield f"{key}.password", "it is empty; allowed: not empty, because there is a username"
            if channel.username and channel.security == "none":
                yield f"{key}.security", "the password would go out unencrypted; allowed: tls or starttls"
        module, extra = _PACKAGES.get(type(channel), ("", ""))
        if module and find_spec(module) is None:
            yield f"{key}.kind", f"the package for it is not installed; allowed: with hygeia-gateway[{extra}]"


def _tls(settings: Settings, broken: set[str]) -> Iterator[tuple[str, str]]:
    mqtt = settings.mqtt
    key, other = ("mqtt.cert", "mqtt.key") if mqtt.key is None else ("mqtt.key", "mqtt.cert")
    if (mqtt.cert is None) != (mqtt.key is None) and other not in broken:
        yield key, f"{other} is missing; allowed: both or none"
    if not mqtt.broker.tls and "mqtt.url" not in broken:
        for key, path in (("mqtt.ca", mqtt.ca), ("mqtt.cert", mqtt.cert), ("mqtt.key", mqtt.key)):
            if path is not None:
                yield key, "mqtt.url is not encrypted; allowed: only with an mqtts:// address"


def _influx(settings: Settings, broken: set[str]) -> Iterator[tuple[str, str]]:
    influx = settings.influx
    token = influx.token.get_secret_value()
    for key, secret in (("influx.token", token), ("influx.admin_token", influx.admin_token.get_secret_value())):
        if not (secret.isascii() and (secret.isprintable() or not secret)):
            yield key, "it has a line break or a character outside ASCII; allowed: printable ASCII"
    if settings.timeseries.store == "influx" and "timeseries.store" not in broken:
        for key, value in (("influx.org", influx.org), ("influx.bucket", influx.bucket), ("influx.token", token)):
            if not value:
                yield key, "it is empty; allowed: not empty, because timeseries.store is influx"
