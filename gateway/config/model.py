"""The settings: one class a section, one field a key.

``description`` says what a key is for and ``allowed`` what may be written; both stand in docs/configuration.md and
in the message of a fault. Secrets are ``SecretStr``: they never appear in a log, an error or a listing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import ByteSize, SecretStr
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.config.channels import Channel
from gateway.config.keys import SecretWebUrl, Section, WebUrl, setting
from gateway.config.values import (
    MIB,
    SPLIT,
    TABLES,
    Broker,
    BrokerUrl,
    ClientId,
    LedgerKey,
    Listen,
    TopicRoot,
    WitnessKey,
    Zone,
    parse_broker,
    parse_listen,
    size,
)


class Data(Section):
    """Where the installation lives."""

    dir: Path = setting(
        Path("/var/lib/hygeia"),
        "Folder of journal, state, readings, keys and files. `--data-dir` overrides it.",
        "a folder that the gateway may write",
    )


class JournalSection(Section):
    """The durable log of everything that came in."""

    keep_days: int = setting(
        30,
        "A journal file is kept at least this long, and until every follower is past it.",
        "1 to 36500",
        ge=1,
        le=36500,
    )
    min_free: Annotated[ByteSize, size(MIB, 2**60)] = setting(
        ByteSize(512 * MIB),
        "With less free disk space than this the gateway stops acknowledging messages, raises an alarm, and goes on by "
        "itself when there is room again.",
        'a size of at least 1MiB, such as "512MiB" or "2GB"',
    )
    segment: Annotated[ByteSize, size(64 * 1024, 4096 * MIB)] = setting(
        ByteSize(64 * MIB), "A journal file is closed at this size, or after a day.", 'a size from "64KiB" to "4GiB"'
    )


class Mqtt(Section):
    """The broker that devices publish to."""

    url: BrokerUrl = setting(
        SecretStr("mqtt://127.0.0.1:1883"),
        "Address of the broker, with user and password. Special characters of a password are written in % form.",
        "mqtt://user:password@host:port, or mqtts:// for TLS",
    )
    root: TopicRoot = setting(
        "hygeia/v1",
        "First levels of all topics of our own devices.",
        "topic levels without +, #, or an empty level, not starting with $",
    )
    client_id: ClientId = setting(
        "hygeia",
        "Name of the persistent session at the broker; unique to this installation.",
        "1 to 64 of the characters A-Z a-z 0-9 _ . -",
    )
    ca: Path | None = setting(
        None, "PEM file with the authority that signed the broker's certificate (else the system's).", "a PEM file"
    )
    cert: Path | None = setting(
        None, "PEM file with the gateway's own certificate.", "a PEM file, together with mqtt.key"
    )
    key: Path | None = setting(None, "PEM file with the key of `mqtt.cert`.", "a PEM file, together with mqtt.cert")
    receive_maximum: int = setting(
        2000, "How many messages the broker may send before the gateway acknowledges one.", "1 to 65535", ge=1, le=65535
    )
    keep_alive_s: int = setting(
        30,
        "The broker takes the gateway for dead after one and a half times this.",
        "5 to 3600 (seconds)",
        ge=5,
        le=3600,
    )

    @property
    def broker(self) -> Broker:
        """The address taken apart, with user and password in clear."""
        return parse_broker(self.url.get_secret_value())

    @property
    def shown_url(self) -> str:
        """The address without the password, for people and logs."""
        broker = self.broker
        user = f"{quote(broker.username, safe='')}@" if broker.username else ""
        host = f"[{broker.host}]" if ":" in broker.host else broker.host
        return f"{'mqtts' if broker.tls else 'mqtt'}://{user}{host}:{broker.port}"


class Timeseries(Section):
    """Where readings are stored."""

    store: Literal["embedded", "influx"] = setting(
        "embedded",
        "`embedded` keeps readings in a file of the data folder, `influx` in InfluxDB 2.",
        "embedded or influx",
    )


class Influx(Section):
    """The InfluxDB server, used where `timeseries.store` is `influx`."""

    url: WebUrl = setting("http://127.0.0.1:8086", "Address of the server.", "http://host:port or https://host:port")
    org: str = setting("", "Organisation.", "a name; needed where timeseries.store is influx")
    bucket: str = setting("", "Bucket that readings are written to.", "a name; needed where timeseries.store is influx")
    token: SecretStr = setting(
        SecretStr(""),
        "Token that may read and write the bucket; for InfluxDB 1.x `user:password`.",
        "a token of printable ASCII; needed where timeseries.store is influx",
    )
    ca: Path | None = setting(None, "PEM file with the authority that signed the server's certificate.", "a PEM file")
    admin_token: SecretStr = setting(
        SecretStr(""),
        "Operator's token (1.x: `user:password` of an administrator) for `hygeia influx setup` alone; not for `run`.",
        "a token of printable ASCII",
    )


class Http(Section):
    """Pages and API."""

    listen: Listen = setting(
        "127.0.0.1:8080",
        "Address of pages and API; port 0 takes a free one. Beyond loopback every call needs a user or a token.",
        "host:port",
    )
    public_url: WebUrl = setting(
        "", "Address under which people reach the pages, for links in messages.", "empty, http://host or https://host"
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of ``listen``."""
        return parse_listen(self.listen)


class Alerts(Section):
    """Rules and who is told."""

    packs: Annotated[tuple[str, ...], NoDecode, SPLIT] = setting(
        ("gb5749-2022", "device-health", "medical-waste-cn"),
        "Rule packs in force.",
        "a list of packs that exist (in the environment: names with commas between)",
    )
    pack_dir: Path | None = setting(
        None,
        "Folder of your own packs; they come before shipped ones of the same name (else `packs` in the data folder).",
        "a folder with NAME.yaml",
    )
    webhook: SecretWebUrl = setting(
        SecretStr(""),
        "Address that every alert is posted to. It may hold a token, so it is treated as a secret.",
        "empty, http://host/path or https://host/path",
    )
    webhook_secret: SecretStr = setting(SecretStr(""), "Key of the signature of each call of the webhook.", "any text")
    channels: dict[str, Channel] = setting(
        {}, "Channels by name, each a table [alerts.channels.NAME].", "tables with a kind, see below"
    )
    routing: Path | None = setting(
        None,
        "File that says who is told, when and by which channel (else the one that Hygeia brings along).",
        "a YAML file, see docs/routing.md",
    )
    heartbeat_url: SecretWebUrl = setting(
        SecretStr(""),
        "Address outside that is called while all is well, and raises the alarm when it is not called any more.",
        "empty, http://host/path or https://host/path",
    )
    heartbeat_s: int = setting(60, "How often `alerts.heartbeat_url` is called.", "5 to 3600 (seconds)", ge=5, le=3600)
    shelve_max_h: int = setting(24, "An alert is shelved for at most this long.", "1 to 720 (hours)", ge=1, le=720)
    maintenance_max_h: int = setting(
        168, "A maintenance session lasts at most this long.", "1 to 720 (hours)", ge=1, le=720
    )


class Deliver(Section):
    """How long messages to people are tried."""

    max_age_h: int = setting(
        24,
        "A message that could not be delivered for this long is given up, visibly.",
        "1 to 720 (hours)",
        ge=1,
        le=720,
    )


class Witness(Section):
    """One witness of this ledger."""

    url: WebUrl = setting(
        ..., "Address before `/add-checkpoint`.", "http://host/path or https://host/path", min_length=1
    )
    key: WitnessKey = setting(..., "Its verifier key.", "NAME+8 hex digits+base64 of a key that cosigns")


class Custody(Section):
    """The chain of custody of medical waste."""

    profile_dir: Path | None = setting(
        None,
        "Folder of your own producer profiles; they come before shipped ones (else `profiles` in the data folder).",
        "a folder with NAME.yaml, see docs/custody-profiles.md",
    )


class Ledger(Section):
    """The tamper-evident ledger."""

    origin: str = setting(
        "hygeia.example/ledger/1",
        "Name of this ledger; verifiers pin it. Choose it once: a host name of yours and a path.",
        "1 to 200 printable characters without space and +",
        pattern=r"^[^\s+]{1,200}$",
    )
    key_file: Path | None = setting(
        None, "File of the key that signs the ledger (else `keys/ledger.key` in the data folder).", "a file, mode 0600"
    )
    head_file: Path | None = setting(
        None,
        "File that keeps the last signed head (else `ledger/head` in the data folder). On another disk it shows that a "
        "whole data folder was put back to an earlier day.",
        "a file in a folder that the gateway may write",
    )
    sign_every_s: int = setting(
        60,
        "A new entry is covered by a signed head after this long at the latest.",
        "1 to 3600 (seconds)",
        ge=1,
        le=3600,
    )
    sign_every_entries: int = setting(100, "So many new entries are signed at once.", "1 to 100000", ge=1, le=100_000)
    witnesses: Annotated[tuple[Witness, ...], NoDecode, TABLES] = setting(
        (),
        "Other gateways, or public witnesses (c2sp.org/tlog-witness), that cosign each signed head.",
        'a list of {url = "https://host/path", key = "NAME+ID+KEY of one that cosigns"} (in the environment as JSON)',
    )
    witness_for: Annotated[tuple[LedgerKey, ...], NoDecode, SPLIT] = setting(
        (),
        "Ledgers of others whose heads this gateway cosigns: what `hygeia custody ledger key` says there.",
        "a list of verifier keys NAME+8 hex digits+base64 (in the environment: with commas between)",
    )


class Log(Section):
    """What the gateway writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Least severe kind of line that is written.", "debug, info, warning or error"
    )
    format: Literal["console", "json"] = setting(
        "console", "`console` for people, `json` for machines, one object a line.", "console or json"
    )


class Settings(BaseSettings):
    """Everything that can be set. Made by ``gateway.config.load``; made by hand it reads no file and no environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, env_prefix="HYGEIA_")

    time_zone: Zone = setting(
        "Asia/Shanghai", "Days and reports follow this zone.", "an IANA name, such as Asia/Shanghai"
    )
    data: Data = Data()
    journal: JournalSection = JournalSection()
    mqtt: Mqtt = Mqtt()
    timeseries: Timeseries = Timeseries()
    influx: Influx = Influx()
    http: Http = Http()
    alerts: Alerts = Alerts()
    deliver: Deliver = Deliver()
    custody: Custody = Custody()
    ledger: Ledger = Ledger()
    log: Log = Log()

    @property
    def packs(self) -> Path:
        """Where rule packs of this installation are; need not exist."""
        return self.alerts.pack_dir or self.data.dir / "packs"

    @property
    def profiles(self) -> Path:
        """Where producer profiles of this installation are; need not exist."""
        return self.custody.profile_dir or self.data.dir / "profiles"

    @property
    def zone(self) -> ZoneInfo:
        """``time_zone`` as an object."""
        return ZoneInfo(self.time_zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings calls it with all of them
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load`` hands over: it reads file and environment itself, to name the source of a fault."""
        return (init_settings,)
