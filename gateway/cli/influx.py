"""``hygeia influx``: prepare the database, and send it again what it lost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json, milliseconds
from gateway.config import Settings, load
from gateway.errors import UsageError

app = typer.Typer(help="The InfluxDB server: set-up, and comparison with the journal.", no_args_is_help=True)

_WHAT = {
    "version": {"en": "InfluxDB", "zh": "InfluxDB 版本"},
    "bucket": {"en": "bucket", "zh": "存储桶"},
    "dbrp": {"en": "InfluxQL mapping", "zh": "InfluxQL 映射"},
    "admin": {"en": "administrator", "zh": "管理员"},
    "gateway": {"en": "gateway", "zh": "网关"},
    "grafana": {"en": "Grafana", "zh": "Grafana"},
}
_DONE = {
    "found": {"en": "found", "zh": "已识别"},
    "kept": {"en": "as it was", "zh": "未变"},
    "created": {"en": "created", "zh": "已创建"},
    "changed": {"en": "changed", "zh": "已修改"},
    "rotated": {"en": "renewed; the old one is void", "zh": "已更换，旧的作废"},
}
_LEAST_RETENTION_S = 3600


@app.command()
def setup(
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            "--admin-token-file",
            metavar="FILE",
            help="Holds an operator's token (1.x: user:password of an administrator). Else influx.admin_token.",
        ),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option("--retention", metavar="TIME", help="How long data are kept, such as 3650d; 0 = for ever."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder for the secrets made. Left out: keys in the data folder."),
    ] = None,
    token_out: Annotated[
        Path | None,
        typer.Option("--token-out", metavar="FILE", help="File for the gateway's token. Left out: DIR/influx.token."),
    ] = None,
    grafana_user: Annotated[
        str, typer.Option("--grafana-user", metavar="NAME", help="The user that Grafana reads as.")
    ] = "grafana",
    rotate: Annotated[bool, typer.Option("--rotate", help="New secrets; the old ones are void at once.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make bucket, retention and credentials with the least rights; a second run changes nothing.

    The gateway reads and writes this bucket, Grafana only reads it. Secrets go to files of mode 0600 and are not shown.
    """  # fmt: skip
    from gateway.influx_http import InfluxHttp  # noqa: PLC0415 - other commands start faster
    from gateway.influx_setup import Wanted, set_up  # noqa: PLC0415 - likewise

    settings = load(config, data_dir, made_later=("influx.token",))
    influx = settings.influx
    if not influx.bucket:
        raise UsageError("influx.bucket is empty; allowed: the name that the bucket has or shall get")
    folder = out or settings.data.dir / "keys"
    wanted = Wanted(
        influx.org,
        influx.bucket,
        _seconds(retention),
        settings.mqtt.client_id,
        grafana_user,
        token_out or folder / "influx.token",
        folder / "grafana.password",
        rotate,
        dry_run,
    )
    steps = set_up(InfluxHttp(influx.url, influx.ca), _admin(token_file, settings), wanted)
    lines = _settings(settings, wanted.token_file)
    if json:
        changed = any(step.done not in {"kept", "found"} for step in steps)
        show.document({"changed": changed, "dry_run": dry_run, "steps": msgspec.to_builtins(steps), "settings": lines})
        return
    if dry_run:
        show.say(pick({"en": "Nothing is changed; this would be done:", "zh": "未做任何修改；将执行："}))
    for step in steps:
        more = f" ({step.words})" if step.words else ""
        show.say(f"{pick(_WHAT[step.what])} {step.name}: {pick(_DONE[step.done])}{more}")
    show.say(pick({"en": "In hygeia.toml:", "zh": "写入 hygeia.toml："}))
    for key, value in lines.items():
        show.say(f'    {key} = "{value}"')
    if any(step.what == "gateway" and step.done == "rotated" for step in steps) and not dry_run:
        show.say(pick({"en": "Start the gateway again: until then it is refused, and loses nothing.",
                       "zh": "请重启网关：此前写入被拒绝，但不会丢失数据。"}))  # fmt: skip


def _admin(file: Path | None, settings: Settings) -> str:
    if file is None:
        return settings.influx.admin_token.get_secret_value()
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(f"--token-file: {words}; allowed: the name of a file with the token") from error
    if not text or not text.isascii() or not text.isprintable():
        raise UsageError("--token-file: empty, or more than one line; allowed: one line of printable ASCII")
    return text


def _seconds(retention: str | None) -> int | None:
    """``--retention`` in seconds; 0 = for ever, None = as it is."""
    if retention is None or retention.strip() == "0":
        return None if retention is None else 0
    found = milliseconds("--retention", retention) // 1000
    if found < _LEAST_RETENTION_S:
        raise UsageError(f"--retention {retention!r}: allowed: 0, or at least 1h")
    return found


def _settings(settings: Settings, token_file: Path) -> dict[str, Any]:
    """What belongs into the settings file; a server without organisations is content with any name."""
    influx = settings.influx
    return {
        "timeseries.store": "influx",
        "influx.url": influx.url,
        "influx.org": influx.org or "-",
        "influx.bucket": influx.bucket,
        "influx.token_file": str(token_file.absolute()),
    }
