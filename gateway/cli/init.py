"""``hygeia init``: make an installation, and what docker-compose.yml mounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from pydantic import SecretStr

from devices.registry import Registry
from gateway.broker.conf import host_faults
from gateway.cli.language import pick
from gateway.cli.options import DataDir
from gateway.cli.show import say
from gateway.config import Settings, load
from gateway.config.document import example
from gateway.config.model import Data, Mqtt
from gateway.errors import ConfigurationError, UsageError
from gateway.installation import Installation
from gateway.journal.disk import Disk
from gateway.site import (
    BROKER,
    BROKER_HOSTS,
    GATEWAY_PORT,
    GRAFANA_READS,
    MOSQUITTO,
    MOSQUITTO_DATA,
    MQTT_URL,
    Site,
    hand_over,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

Compose = Annotated[
    Path | None,
    typer.Option("--compose", metavar="DIR", help="Write secrets, settings and broker files for docker-compose.yml."),
]


Hosts = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="With --compose: a name or address by which devices reach the broker."),
]


class Administrator(NamedTuple):
    """Who may sign in first."""

    name: str
    password: str


def init(data_dir: DataDir = None, compose: Compose = None, hosts: Hosts = None) -> None:
    """Make an installation: settings file, keys, state, and the first administrator, whose password is shown once."""
    if hosts and compose is None:
        raise UsageError("--host: goes with --compose; elsewhere: hygeia broker config --host")
    wrong = host_faults(hosts or [])
    if wrong:
        raise ConfigurationError(wrong)
    folder = (data_dir or load().data.dir).absolute()
    installation = Installation(folder)
    site = None if compose is None else Site(compose)
    if site is not None:
        site.refuse_existing()
    if installation.settings_file.exists():
        raise UsageError(f"{folder}: there is an installation already; nothing was changed")
    from gateway.accounts import create_first_administrator  # noqa: PLC0415 - other commands start faster

    with _opened(installation) as engine:
        if site is not None:
            _compose(site, installation, hosts or [])
        first = Administrator(*create_first_administrator(engine))
    try:
        # Last, because its existence says that all of this is done.
        if site is None:
            Disk().replace(installation.settings_file, example(Settings()).encode())
        else:
            site.finish()
            hand_over(site.folder, site.folder)
            hand_over(site.broker, folder)
        hand_over(folder, folder)
    finally:
        # Also where that failed: the password is in force, and known nowhere else.
        if site is None:
            _tell(installation.settings_file, folder, first)
        else:
            _tell_compose(site, first)


@contextmanager
def _opened(installation: Installation) -> Iterator[sa.Engine]:
    """The installation with keys and state, held. Raises UsageError where somebody can sign in already."""
    from gateway.accounts import list_accounts  # noqa: PLC0415 - see init
    from gateway.database import open_state, upgrade  # noqa: PLC0415 - likewise

    installation.prepare()
    with installation.lock():
        installation.create_keys()
        engine = open_state(installation.state)
        try:
            upgrade(engine)
            if list_accounts(engine):
                raise UsageError(
                    f"{installation.folder}: there is an installation with accounts already; nothing was changed"
                )
            yield engine
        finally:
            engine.dispose()


def _compose(site: Site, installation: Installation, hosts: Sequence[str]) -> None:
    """Write the site, and into the data folder what belongs to it: the broker's authority, Grafana's password."""
    site.write()
    Disk().replace(installation.keys / "grafana.password", site.secret(GRAFANA_READS).encode())
    _broker(site, installation, hosts)


def _broker(site: Site, installation: Installation, hosts: Sequence[str]) -> None:
    import msgspec  # noqa: PLC0415 - see init

    from gateway.broker.conf import Options  # noqa: PLC0415 - likewise
    from gateway.broker.configure import configure  # noqa: PLC0415 - cryptography takes a while
    from gateway.broker.folder import save_options  # noqa: PLC0415 - likewise

    settings = Settings(data=Data(dir=installation.folder), mqtt=Mqtt(url=SecretStr(MQTT_URL)))
    options = Options(
        out=str(site.broker),
        at=MOSQUITTO,
        data=MOSQUITTO_DATA,
        hosts=(*BROKER_HOSTS, *(name for name in hosts if name not in BROKER_HOSTS)),
        gateway_port=GATEWAY_PORT,
        # A city's queue while the gateway is away: saved at each change it would stall the broker (docs/broker.md).
        save_every=2,
    )
    configure(settings, Registry(settings.mqtt.root), [], options, dt.datetime.now(dt.UTC))
    save_options(installation, msgspec.structs.replace(options, out=BROKER))


def _tell(file: Path, folder: Path, first: Administrator) -> None:
    lines = {
        "en": [
            f"Installation in {folder}; settings in {file}.",
            *_first_en(first),
            f"Next: set mqtt.url in the settings, then: hygeia run --data-dir {folder}",
        ],
        "zh": [
            f"已建立安装目录 {folder}，配置文件 {file}。",
            *_first_zh(first),
            f"下一步: 在配置文件中设置 mqtt.url，然后运行: hygeia run --data-dir {folder}",
        ],
    }
    say(pick({language: "\n".join(texts) for language, texts in lines.items()}))


def _tell_compose(site: Site, first: Administrator) -> None:
    lines = {
        "en": [
            f"Secrets, settings and broker files in {site.folder}: keep a copy of it in a safe place.",
            *_first_en(first),
            "Next: docker compose up -d, then http://127.0.0.1:8080 (gateway) and http://127.0.0.1:3000 (Grafana:",
            f"admin, password in {site.secrets.name}/grafana_admin_password). Devices trust {site.broker.name}/ca.pem.",
        ],
        "zh": [
            f"密钥、配置和消息服务器文件在 {site.folder}：请另存一份到安全的地方。",
            *_first_zh(first),
            "下一步: docker compose up -d，然后打开 http://127.0.0.1:8080（网关）和 http://127.0.0.1:3000（Grafana：admin，",
            f"密码在 {site.secrets.name}/grafana_admin_password）。设备须信任 {site.broker.name}/ca.pem。",
        ],
    }
    say(pick({language: "\n".join(texts) for language, texts in lines.items()}))


def _first_en(first: Administrator) -> list[str]:
    return [
        f"First administrator: {first.name}",
        f"One-time password:   {first.password}   (shown only now; to be changed at the first sign-in)",
    ]


def _first_zh(first: Administrator) -> list[str]:
    return [
        f"首位管理员: {first.name}",
        f"一次性密码: {first.password}   （仅显示这一次，首次登录时须修改）",
    ]
