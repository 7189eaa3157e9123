"""``hygeia broker``: the files of a Mosquitto broker, and certificates of devices."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import broker_devices, show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.cli.registered import registry_of
from gateway.client import open_door, require
from gateway.config import load
from gateway.errors import UsageError
from gateway.installation import Installation

if TYPE_CHECKING:
    from gateway.broker.configure import Outcome

app = typer.Typer(help="Files of the MQTT broker, made from the registry, and certificates.", no_args_is_help=True)
app.command()(broker_devices.certificate)
app.command()(broker_devices.passwords)

_PORTS = "0 = no such listener"


@app.command()
def config(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the files.")] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="NAME", help="A name or address of the broker, for its certificate; repeat it."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="PATH", help="The folder as the broker sees it, in a container.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="Where the broker keeps sessions and queues.")
    ] = None,
    bind: Annotated[
        str | None, typer.Option("--bind", metavar="ADDRESS", help="Address of the listeners with TLS (else all).")
    ] = None,
    plain_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"Without TLS, on this machine only; {_PORTS}.")
    ] = None,
    tls_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"TLS with user name and password; {_PORTS}.")
    ] = None,
    certificate_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"TLS with client certificates; {_PORTS}.")
    ] = None,
    gateway_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TLS for the gateway alone, by a certificate of its own.")
    ] = None,
    shared_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="TLS for foreign devices that share one user name.")
    ] = None,
    server_cert: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own server certificate, as the broker sees it.")
    ] = None,
    server_key: Annotated[str | None, typer.Option(metavar="FILE", help="The key of --server-cert.")] = None,
    client_ca: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own authority of client certificates.")
    ] = None,
    client_crl: Annotated[str | None, typer.Option(metavar="FILE", help="What --client-ca has revoked.")] = None,
    ca_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="Key of Hygeia's own authority (else keys/ca.key).")
    ] = None,
    save_every: Annotated[
        int | None,
        typer.Option(
            min=0, max=60, metavar="SECONDS", help="How often the broker saves its queue; 0 = at each change."
        ),
    ] = None,
    reload: Annotated[
        int | None, typer.Option("--reload", metavar="PID", help="Send SIGHUP to the broker's process.")
    ] = None,
    reload_command: Annotated[
        str, typer.Option(metavar="CMD", help="Run this afterwards, as 'systemctl reload mosquitto'.")
    ] = "",
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Write mosquitto.conf, passwords, rights and certificates. Options that are left out stay as they were last."""
    from gateway.broker import folder  # noqa: PLC0415 - cryptography takes a while
    from gateway.broker.conf import Options  # noqa: PLC0415 - likewise
    from gateway.broker.configure import configure  # noqa: PLC0415 - likewise

    settings = load(config, data_dir)
    require(Installation(settings.data.dir))
    given = {
        "out": None if out is None else str(out.absolute()),
        "hosts": tuple(host) if host else None,
        "at": at, "data": data, "bind": bind, "plain_port": plain_port, "tls_port": tls_port,
        "certificate_port": certificate_port, "gateway_port": gateway_port, "shared_port": shared_port,
        "server_cert": server_cert, "server_key": server_key, "client_ca": client_ca, "client_crl": client_crl,
        "ca_key": ca_key, "save_every": save_every,
    }  # fmt: skip
    last = folder.load_options(Installation(settings.data.dir)) or Options()
    values = {name: getattr(last, name) for name in Options.__struct_fields__}
    options = Options(**(values | {name: value for name, value in given.items() if value is not None}))
    if not options.out:
        raise UsageError("--out is missing; it is needed the first time, and remembered")
    with open_door(settings) as door:
        registry, _ = registry_of(door)
        rows = door.get("credentials")["items"]
    outcome = configure(settings, registry, rows, options, dt.datetime.now(dt.UTC))
    if json:
        show.document(
            {"folder": str(outcome.folder), "changed": outcome.changed, "restart": outcome.restart,
             "accounts": outcome.accounts, "remarks": outcome.remarks}
        )  # fmt: skip
    else:
        _tell(outcome)
    reloaded = reload is not None or bool(reload_command)
    if reloaded:
        folder.reload(reload, reload_command)
    if not json and (outcome.restart or not reloaded):
        _next(outcome)


def _tell(outcome: Outcome) -> None:
    for remark in outcome.remarks:
        show.complain(remark)
    where, names = outcome.folder, ", ".join(outcome.changed)
    if not outcome.changed:
        show.say(pick({"en": f"{where}: nothing has changed", "zh": f"{where}：没有变化"}))
        return
    words = {
        "en": f"{where}: {outcome.accounts} accounts; written: {names}",
        "zh": f"{where}：{outcome.accounts} 个账号；已写入：{names}",
    }
    show.say(pick(words))


def _next(outcome: Outcome) -> None:
    """What is still to be done by hand."""
    where = outcome.folder
    if not outcome.changed:
        return
    if outcome.first:
        words = {
            "en": f"Next: let the broker's user read them (chgrp -R mosquitto {where}; chmod 2750 {where}), then: "
            f"mosquitto -c {where}/mosquitto.conf",
            "zh": f"下一步：让消息服务器的用户能读取（chgrp -R mosquitto {where}; chmod 2750 {where}），然后运行："
            f"mosquitto -c {where}/mosquitto.conf",
        }
    elif outcome.restart:
        words = {
            "en": "Next: restart the broker once; sessions and queued messages stay",
            "zh": "下一步：重启一次消息服务器；会话和排队的消息会保留",
        }
    else:
        words = {
            "en": "Next: tell the broker to read them: kill -HUP its process, or systemctl reload mosquitto",
            "zh": "下一步：让消息服务器重新读取：对其进程 kill -HUP，或 systemctl reload mosquitto",
        }
    show.say(pick(words))
