"""Where the broker is and how to introduce oneself to it."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from gateway.config import Settings
from gateway.errors import ConfigurationError, StartError

_CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ROOT = re.compile(r"[^+#\x00$/][^+#\x00]*")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_WEEK_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """One broker and one client. Credentials appear neither in ``repr`` nor in any error.

    ``receive_maximum`` is the number of messages the broker may have unacknowledged with us: the window of
    DESIGN 1, invariant 4. ``keep_alive`` and ``session_expiry`` are seconds.
    """

    host: str
    port: int
    secure: bool = False
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    root: str = "hygeia/v1"
    client_id: str = "hygeia"
    receive_maximum: int = 2000
    keep_alive: int = 30
    session_expiry: int = _WEEK_S

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
        root: str = "hygeia/v1",
        client_id: str = "hygeia",
        receive_maximum: int = 2000,
        keep_alive: int = 30,
        session_expiry: int = _WEEK_S,
    ) -> Self:
        """Read ``mqtt://user:password@host:port`` or ``mqtts://…`` with the settings beside it.

        Raises ConfigurationError with every fault; the URL itself is never repeated, it may hold a password.
        """
        faults: list[str] = []
        parts = _split(url, faults)
        secure = parts.scheme == "mqtts"
        if not secure:
            faults += [
                f"mqtt.{name}: {path} has no use without TLS: write mqtts:// in mqtt.url"
                for name, path in (("ca", ca), ("cert", cert), ("key", key))
                if path is not None
            ]
        if (cert is None) != (key is None):
            faults.append("mqtt.cert and mqtt.key: both or none must be given")
        if not _ROOT.fullmatch(root) or root.endswith("/"):
            faults.append(f"mqtt.root: {root!r} must be a topic without + # $ and without a slash at either end")
        if not _CLIENT_ID.fullmatch(client_id):
            faults.append(f"mqtt.client_id: {client_id!r} must be 1 to 64 of A-Z a-z 0-9 _ . -")
        for name, value, low, high in (
            ("receive_maximum", receive_maximum, 1, 65535),
            ("keep_alive", keep_alive, 1, 65535),
            ("session_expiry", session_expiry, 0, 2**32 - 1),
        ):
            if not low <= value <= high:
                faults.append(f"mqtt.{name}: {value} must be {low} to {high}")
        if faults:
            raise ConfigurationError(faults)
        return cls(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            secure=secure,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            ca=ca,
            cert=cert,
            key=key,
            root=root,
            client_id=client_id,
            receive_maximum=receive_maximum,
            keep_alive=keep_alive,
            session_expiry=session_expiry,
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The gateway's own options, from its settings."""
        mqtt = settings.mqtt
        return cls.parse(
            mqtt.url.get_secret_value(),
            ca=mqtt.ca,
            cert=mqtt.cert,
            key=mqtt.key,
            root=mqtt.root,
            client_id=mqtt.client_id,
            receive_maximum=mqtt.receive_maximum,
            keep_alive=mqtt.keep_alive_s,
        )

    @property
    def address(self) -> str:
        """The broker as it may be shown: ``mqtt://host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.secure else 'mqtt'}://{host}:{self.port}"

    def tls(self) -> ssl.SSLContext | None:
        """What TLS needs, None without it. Reads files. Raises StartError that names the file."""
        if not self.secure:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ValueError) as error:
            raise StartError(f"mqtt.ca: {self.ca} cannot be read as PEM certificates: {_words(error)}") from error
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, password=_no_passphrase)
            except (OSError, ValueError) as error:
                raise StartError(
                    f"mqtt.cert, mqtt.key: {self.cert}, {self.key} are no PEM certificate and its key: {_words(error)}",
                ) from error
        return context


def _no_passphrase() -> str:
    """Without this OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted; give one without a passphrase, readable for the gateway only")


def _words(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.removeprefix("[SSL] ").split(" (_ssl.c")[0] or type(error).__name__


def _split(url: str, faults: list[str]) -> SplitResult:
    """Take the URL apart; what is wrong goes to ``faults`` in words that repeat nothing of it."""
    hint = "mqtt://user:password@host:port, special characters of user and password as %40"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        faults.append(f"mqtt.url: host or port cannot be read; allowed is {hint}")
        return SplitResult("mqtt", "", "", "", "")
    if parts.scheme not in _PORTS:
        faults.append("mqtt.url: must begin with mqtt:// or mqtts://")
    if not parts.hostname:
        faults.append(f"mqtt.url: the host is missing; allowed is {hint}")
    if port == 0:
        faults.append("mqtt.url: port 0 must be 1 to 65535")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        faults.append(f"mqtt.url: nothing may follow the port; allowed is {hint}")
    return parts
