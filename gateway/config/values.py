"""What may be written as the value of a setting: addresses, names, zones, sizes, keys, lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

import msgspec
from pydantic import AfterValidator, BeforeValidator, ByteSize, SecretStr

from custody.ledger.note import COSIGNS, SIGNS, parse_key

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MIB = 1024 * 1024


class Broker(NamedTuple):
    """The parts of an MQTT address; ``username`` and ``password`` are None where the address has none."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None


def parse_broker(url: str) -> Broker:
    """Take ``mqtt[s]://[user[:password]@]host[:port]`` apart. Raises ValueError without quoting the address."""
    parts = urlsplit(url)
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise ValueError("not mqtt://host:port or mqtts://host:port")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("something follows the port; a '/', '?', '#' or '@' of a password is written in % form")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port is no number from 1 to 65535") from None
    tls = parts.scheme == "mqtts"
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return Broker(parts.hostname, port or (8883 if tls else 1883), tls, username, password)


def parse_listen(text: str) -> tuple[str, int]:
    """Take ``host:port`` or ``[v6]:port`` apart. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("not host:port")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ValueError("an IPv6 address stands in brackets")
    return host.strip("[]"), int(port)


def _broker_url(url: SecretStr) -> SecretStr:
    parse_broker(url.get_secret_value())
    return url


def _listen(text: str) -> str:
    parse_listen(text)
    return text


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("no such zone")
    return text


def _client_id(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("not a name")
    return text


def _root(text: str) -> str:
    levels = text.split("/")
    if text.startswith("$") or not all(levels) or set(text) & {"+", "#", "\0"} or len(text) > 200:
        raise ValueError("not a topic without wildcards")
    return text


def _verifier_key(kind: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if parse_key(text).kind != kind:
            raise ValueError("a key of the other kind")
        return text

    return check


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _tables(value: object) -> object:
    # What msgspec says of wrong JSON is a ValueError, as pydantic wants it.
    return msgspec.json.decode(value) if isinstance(value, str) else value


def size(smallest: int, largest: int) -> AfterValidator:
    """That a size is from ``smallest`` to ``largest`` bytes."""

    def within(value: ByteSize) -> ByteSize:
        if not smallest <= value <= largest:
            raise ValueError("out of range")
        return value

    return AfterValidator(within)


BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]
Listen = Annotated[str, AfterValidator(_listen)]
Zone = Annotated[str, AfterValidator(_zone)]
ClientId = Annotated[str, AfterValidator(_client_id)]
TopicRoot = Annotated[str, AfterValidator(_root)]
LedgerKey = Annotated[str, AfterValidator(_verifier_key(SIGNS))]
WitnessKey = Annotated[str, AfterValidator(_verifier_key(COSIGNS))]
#: What makes a list of one text with commas between, and of JSON: as the environment has them.
SPLIT = BeforeValidator(_split)
TABLES = BeforeValidator(_tables)
