"""``hygeia custody bundle`` and ``verify``: sealed evidence, and the check of one bundle or of the whole ledger."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import show
from gateway.cli.language import language, pick
from gateway.cli.options import Config, DataDir, Json, writable
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SUBJECTS = ("container:", "alert:", "day:")
_CHECKED = {
    "entries": {"en": "entries of the ledger", "zh": "账本记录"},
    "events": {"en": "events", "zh": "事件"},
    "containers": {"en": "containers", "zh": "容器"},
    "manifests": {"en": "manifests", "zh": "转移联单"},
}
_KEY = typer.Option("--key", metavar="K", help="The ledger's verifier key, or a file that holds it.")


def bundle(
    subject: Annotated[
        str,
        typer.Argument(metavar="SUBJECT", help="container:ID, alert:ID or day:YYYY-MM-DD; a bare ID is a container's."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write the evidence of a container, an alert or a day: one file that anybody can check without Hygeia."""
    settings = load(config, data_dir)
    writable("--out", out)
    of = subject if subject.startswith(_SUBJECTS) else f"container:{subject}"
    with open_door(settings) as door:
        content = door.download("evidence", of=of)
    out.write_bytes(content)
    words = {"en": "evidence of {0} written to {1}, {2} bytes", "zh": "已将 {0} 的证据写入 {1}，{2} 字节"}
    show.say(pick(words).format(of, out, len(content)))


def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A bundle; without it the whole ledger.")] = None,
    key: Annotated[str | None, _KEY] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", metavar="K", help="Key of a witness that must have signed, or a file that holds it."),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Check a bundle of evidence (FILE, no installation needed), or the whole ledger and state of an installation.

    Exits 1 where anything is wrong. Without --key a bundle is checked with the key inside it: that proves that it is
    whole, not whose it is.
    """
    if file is None:
        if key is not None or witness:
            raise UsageError("custody verify: --key and --witness are for a FILE")
        _installation(config, data_dir, json=json)
        return
    if config is not None or data_dir is not None:
        raise UsageError("custody verify: FILE needs no installation; give FILE, or --data-dir or --config")
    _bundle(file, key, witness or [], json=json)


def _bundle(file: Path, key: str | None, witnesses: list[str], *, json: bool) -> None:
    from custody.evidence.verify import Check, read_key  # noqa: PLC0415 - other commands start faster

    try:
        known = None if key is None else read_key(key)
        found = Check(file.read_bytes(), known, [read_key(one) for one in witnesses]).run()
    except (OSError, ValueError) as error:
        raise UsageError(f"custody verify: {error}; allowed: a bundle and verifier keys, as text or files") from error
    if json:
        show.document({"ok": not found.faults, "origin_proved": found.facts["origin_proved"], "faults": found.faults})
    else:
        for line in found.words(1 if language() == "zh" else 0):
            show.say(line)
    if found.faults:
        raise typer.Exit(1)


def _installation(config: Path | None, data_dir: Path | None, *, json: bool) -> None:
    from gateway.state_check import check_installation  # noqa: PLC0415 - other commands start faster

    settings = load(config, data_dir)
    with _progress() as bar:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(pick(_CHECKED[what]), total=total)
            bar.update(tasks[what], completed=done)

        faults, size = check_installation(settings, told)
    if json:
        found: list[dict[str, Any]] = [{"kind": one.kind, "entry": one.entry, "detail": one.detail} for one in faults]
        show.document({"ok": not faults, "origin_proved": not faults, "faults": found})
    else:
        for one in faults:
            place = "-" if one.entry is None else one.entry
            show.say(pick({"en": "FAULT {0} {1}: {2}", "zh": "错误 {0} {1}：{2}"}).format(one.kind, place, one.detail))
        good = {
            "en": "{0} entries of the ledger were checked, and events, containers, manifests and alerts against them; "
            "not the registry, nor the journal (hygeia journal fsck): {1} faults",
            "zh": "已核验账本 {0} 条记录及相应的事件、容器、转移联单和告警，"
            "未核验登记信息和日志（hygeia journal fsck）：{1} 处错误",
        }
        show.say(pick(good).format(size, len(faults)))
    if faults:
        raise typer.Exit(1)


def _progress() -> Progress:
    from rich import progress  # noqa: PLC0415 - other commands start faster
    from rich.console import Console  # noqa: PLC0415 - likewise

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    return progress.Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
