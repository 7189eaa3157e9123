"""``hygeia backup`` and ``restore``: an installation in one file, and back."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import FILE_NAME, load
from gateway.errors import UsageError

if TYPE_CHECKING:
    from gateway.backup_archive import Manifest
    from gateway.backup_restore import Restored

#: What stands for standard output, and for standard input.
_STDIO = Path("-")


def backup(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="New file for the backup; - = standard output.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="Check a backup instead: all sums, all in it."),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Copy journal, state, readings, keys, files and settings into one file, also while the gateway runs.

    The keys are in it: whoever has the file can sign as this gateway. InfluxDB has a backup of its own.
    """
    if (out is None) == (check is None):
        raise UsageError("backup: give one of --out FILE, --check FILE")
    if check is not None:
        return _check(check, json=json)
    assert out is not None
    from gateway.backup import Backup  # noqa: PLC0415 - other commands start faster
    from gateway.backup_restore import described  # noqa: PLC0415 - likewise

    if json and out == _STDIO:
        raise UsageError("backup: --json and --out -: both are standard output; give one of them")
    settings = load(config, data_dir)
    copy = Backup(settings, config or (Path(FILE_NAME) if data_dir is None and Path(FILE_NAME).is_file() else None))
    with _bar() as progress:
        made = copy.stream(sys.stdout.buffer, progress) if out == _STDIO else copy.write(out, progress)
    if json:
        show.document({"file": str(out), "size": made.size, **described(made.manifest)})
        return 0
    tell = show.complain if out == _STDIO else show.say
    mib, members = f"{made.size / 2**20:.1f}", len(made.manifest.members)
    records = _records(made.manifest)
    tell(pick({"en": f"{out}: {members} files, {mib} MiB, {records} records",
               "zh": f"{out}：{members} 个文件，{mib} MiB，{records} 条记录"}))  # fmt: skip
    tell(pick({"en": "The keys are in it: keep it where nobody else can read it.",
               "zh": "文件内含密钥：请存放在他人无法读取的地方。"}))  # fmt: skip
    if made.manifest.store != "embedded":
        tell(pick({"en": "InfluxDB is not in it: use influx backup, or hygeia influx reconcile from the journal.",
                   "zh": "不含 InfluxDB：请用 influx backup，或用 hygeia influx reconcile 由日志补写。"}))  # fmt: skip
    return 0


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup; - = standard input.")],
    data_dir: DataDir = None,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", metavar="DIR", help="The newer journal of the same installation, if it was saved."),
    ] = None,
    nothing_since: Annotated[
        bool, typer.Option("--nothing-since", help="The gateway has not run since this backup was made.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> int:
    """Put a backup into an empty data folder; says done when sums, journal, state and ledger were found whole."""
    from gateway.backup_restore import described  # noqa: PLC0415 - see backup
    from gateway.backup_restore import restore as put_back  # noqa: PLC0415 - likewise
    from gateway.site import hand_over  # noqa: PLC0415 - likewise

    if journal is not None and nothing_since:
        raise UsageError("restore: give one of --journal DIR, --nothing-since")
    _must_exist(file)
    folder = (data_dir or load(config).data.dir).absolute()
    with _bar() as progress:
        found = put_back(file, folder, lambda more: progress(more, 0), journal=journal, nothing_since=nothing_since)
    hand_over(folder, folder)
    if json:
        told = described(found.manifest)
        show.document({"folder": str(folder), "signs": not found.doubt, "ledger_faults": found.ledger, **told})
    else:
        _tell(found, folder)
    return 1 if found.ledger else 0


def _check(file: Path, *, json: bool) -> int:
    from gateway.backup_restore import check, described  # noqa: PLC0415 - see backup

    _must_exist(file)
    # Beside the backup there is room for it; where that is not ours, in the usual place.
    beside = file.absolute().parent if file != _STDIO and os.access(file.absolute().parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".hygeia-check-", dir=beside) as scratch, _bar() as progress:
        found = check(file, Path(scratch), lambda more: progress(more, 0))
    if json:
        show.document({"ok": not found.ledger, "ledger_faults": found.ledger, **described(found.manifest)})
    else:
        _tell_found(found, str(file))
    return 1 if found.ledger else 0


def _records(manifest: Manifest) -> int:
    return manifest.next - manifest.first


def _must_exist(file: Path) -> None:
    if file != _STDIO and (not file.is_file() or not os.access(file, os.R_OK)):
        raise UsageError(f"{file}: allowed: a backup that this user may read")


def _tell_found(found: Restored, where: str) -> None:
    manifest = found.manifest
    show.say(pick({
        "en": f"{where}: {len(manifest.members)} files whole, made by {manifest.version}, "
              f"{_records(manifest)} records, {manifest.entries} entries of the ledger",
        "zh": f"{where}：{len(manifest.members)} 个文件完整，由 {manifest.version} 生成，{_records(manifest)} 条记录，"
              f"账本 {manifest.entries} 条",
    }))  # fmt: skip
    for fault in found.ledger:
        show.say(pick({"en": f"ledger: {fault}", "zh": f"账本：{fault}"}))
    if not found.checked:
        show.say(pick({
            "en": "An older version made it: its ledger is checked with hygeia custody verify after the first start.",
            "zh": "由旧版本生成：首次启动后请用 hygeia custody verify 检查账本。",
        }))  # fmt: skip


def _tell(found: Restored, folder: Path) -> None:
    _tell_found(found, str(folder))
    for name, path in found.manifest.outside.items():
        show.say(pick({"en": f"{folder / name} was {path}: put it back there, or name it in the settings",
                       "zh": f"{folder / name} 原为 {path}：请放回原处，或在配置中指明"}))  # fmt: skip
    if not found.doubt:
        show.say(pick({"en": "At the next start the ledger is signed on, where it goes on from the last head.",
                       "zh": "下次启动时，若账本承接最后一个签名头，则继续签名。"}))  # fmt: skip
        return
    mark = folder / "ledger" / "restored"
    show.say(pick({
        "en": "At the next start the gateway takes in, decides and alerts, but signs nothing (ledger_fork): after\n"
              "this backup heads may have been signed that nobody here knows. Go on with one of:\n"
              "  - hygeia custody new-origin NAME --reason … once it runs: the ledger goes on under a new name;\n"
              f"  - empty {folder} and restore with --journal DIR, if the journal of the old disk was saved;\n"
              f"  - rm {mark}, if the gateway never ran after the backup (as restore --nothing-since).",
        "zh": "下次启动后网关照常接收、判定、报警，但不签名（ledger_fork）：备份后可能签发过此处未知的签名头。\n"
              "请选择其一：\n"
              "  - 启动后运行 hygeia custody new-origin NAME --reason …：账本以新名称延续；\n"
              f"  - 若旧盘日志仍在，清空 {folder}，用 --journal DIR 重新恢复；\n"
              f"  - 若备份后网关从未运行，rm {mark}（等同 restore --nothing-since）。",
    }))  # fmt: skip


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error for people who wait; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _more, _total: None
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn  # noqa: PLC0415 - likewise

    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def move(more: int, total: int) -> None:
            bar.update(task, advance=more, total=total or None)

        yield move
