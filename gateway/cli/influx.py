"""``hygeia influx``: prepare the database, and send it again what it lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.api.times import parse_time, print_time
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json, milliseconds
from gateway.client import require
from gateway.config import Settings, load
from gateway.errors import UsageError
from gateway.installation import Installation

if TYPE_CHECKING:
    from gateway.reconcile import Progress, Report

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
_DIFFERENCE = ("measurement", "device", "ts", "field", "journal", "database")


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


@app.command()
def reconcile(
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help="Begin: when it was received (ISO 8601 or ms).")],
    to: Annotated[str, typer.Option("--to", metavar="TIME", help="End, not included.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only compare; exit code 1 if something is missing.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Compare journal and database, and send again what is missing there, with the tags of that time.

    Times are those at which the gateway received the data; the gateway may run meanwhile. What the database has
    otherwise is named and left as it is. Exit code 1 where something is still missing at the end.
    """
    from gateway.database import newest_revision, open_state, revision  # noqa: PLC0415 - other commands start faster
    from gateway.reconcile import reconcile as work  # noqa: PLC0415 - likewise
    from gateway.store.influx_link import Target  # noqa: PLC0415 - likewise

    settings = load(config, data_dir)
    influx = settings.influx
    if settings.timeseries.store != "influx":
        raise UsageError("reconcile: timeseries.store is embedded; allowed: influx")
    start, end = _time("--from", from_, settings), _time("--to", to, settings)
    if start >= end:
        raise UsageError(f"--to {to!r}: allowed: a time after --from")
    installation = Installation(settings.data.dir)
    require(installation)
    engine = open_state(installation.state)
    try:
        with engine.connect() as connection:
            if revision(connection) != newest_revision():
                raise UsageError(f"{installation.state}: of another version of Hygeia; 'hygeia run' brings it forward")
        with _progress(start, end) as tell:
            report = work(
                installation.journal,
                engine,
                settings.mqtt.root,
                Target.of(influx),
                start=start,
                end=end,
                dry_run=dry_run,
                tell=tell,
            )
    finally:
        engine.dispose()
    if json:
        show.document(report.document())
    else:
        _print(report, settings, dry_run=dry_run)
    return 1 if report.missing > report.sent else 0


@contextmanager
def _progress(start: int, end: int) -> Iterator[Callable[[Progress], None]]:
    """A bar over the range of times, on standard error where that is a terminal."""
    from rich import progress  # noqa: PLC0415 - other commands start faster
    from rich.console import Console  # noqa: PLC0415 - likewise

    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.TimeElapsedColumn())
    words = pick({"en": "compared {0}, missing {1}, sent {2}", "zh": "已比对 {0}，缺失 {1}，已补发 {2}"})
    with progress.Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(words.format(0, 0, 0), total=end - start)

        def tell(done: Progress) -> None:
            described = words.format(done.compared, done.missing, done.sent)
            bar.update(task, completed=done.at - start, description=described)

        yield tell


def _print(report: Report, settings: Settings, *, dry_run: bool) -> None:
    words = {
        "en": "{0} values compared: {1} missing, {2} sent, {3} different, {4} refused",
        "zh": "比对 {0} 个值：缺失 {1}，已补发 {2}，不一致 {3}，被拒绝 {4}",
    }
    show.say(
        pick(words).format(report.compared, report.missing, report.sent, report.different, report.refused)
        + (pick({"en": " (nothing was changed)", "zh": "（未做修改）"}) if dry_run else "")
    )
    if report.expired:
        words = {"en": "{0} are older than the database keeps", "zh": "{0} 个已超出数据库保留期"}
        show.say(pick(words).format(report.expired))
    if report.held_from is not None:
        words = {
            "en": "The journal begins at {0}: nothing before it was compared.",
            "zh": "日志始于 {0}，此前的数据未比对。",
        }
        show.say(pick(words).format(print_time(report.held_from, settings.zone)))
    if report.waiting:
        words = {"en": "{0} records still wait for the gateway's store", "zh": "{0} 条记录仍在等待网关写入"}
        show.say(pick(words).format(report.waiting))
    if report.differences:
        show.table([msgspec.to_builtins(one) for one in report.differences], _DIFFERENCE, settings.zone)


def _time(option: str, text: str, settings: Settings) -> int:
    try:
        return parse_time(text, settings.zone)
    except ValueError:
        raise UsageError(f"{option} {text!r}: allowed: ISO 8601, such as 2026-01-31T08:00, or ms since 1970") from None


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
