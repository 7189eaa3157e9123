"""``hygeia journal``: the durable log, what was parked, and its check."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door, require
from gateway.config import load
from gateway.errors import UsageError
from gateway.installation import Installation
from gateway.journal.fsck import Fault, check_journal
from gateway.progress import known_durable

PARKED = ("offset", "received_at", "device", "topic", "reason", "detail")

app = typer.Typer(help="The durable log and the parked messages.", no_args_is_help=True)


@app.command()
def stat(config: Config = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Count what came in and what became of it."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        report = door.report()
    if json:
        show.document(report)
    else:
        show.fields(report, settings.zone)


@app.command()
def parked(
    reason: Annotated[str | None, typer.Option("--reason", metavar="R", help="Only with this reason.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List messages and values that were not accepted, with the reason."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        items = door.items("parked", reason=reason)
    if json:
        show.items_document(items)
    else:
        show.table(items, PARKED, settings.zone)


@app.command()
def redrive(
    offsets: Annotated[
        list[int] | None, typer.Argument(metavar="OFFSET...", help="Offsets of parked messages.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="R", help="All with this reason.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All parked messages.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Decide parked messages again, after what was missing has been registered."""
    if bool(offsets) + (reason is not None) + all_ != 1:
        raise UsageError("redrive: give one of OFFSET..., --reason R, --all")
    args: dict[str, Any] = (
        {"offsets": offsets} if offsets else {"reason": reason} if reason is not None else {"all": True}
    )
    settings = load(config, data_dir)
    with open_door(settings) as door:
        answer = door.command("journal.redrive", args)
    if json:
        show.document(answer)
    else:
        _tell_redriven(answer)


def _tell_redriven(answer: dict[str, Any]) -> None:
    left: dict[str, int] = answer.get("still_parked", {})
    words = {"en": f"{answer['redriven']} messages accepted", "zh": f"已接受 {answer['redriven']} 条消息"}
    line = pick(words)
    if left:
        reasons = ", ".join(f"{reason} {count}" for reason, count in left.items())
        line += pick(
            {
                "en": f", {sum(left.values())} still parked: {reasons}",
                "zh": f"，仍挂起 {sum(left.values())} 条：{reasons}",
            }
        )
    if answer.get("not_redriven"):
        named = ", ".join(map(str, answer["not_redriven"]))
        line += pick({"en": f"; not parked messages: {named}", "zh": f"；不是挂起的消息：{named}"})
    show.say(line)


@app.command()
def fsck(config: Config = None, data_dir: DataDir = None, json: Json = False) -> int:
    """Check every byte on disk, also while the gateway runs; names file and offset of each fault and exits 1.

    The torn tail of a gateway that was killed is named but is no fault: the next start cuts it off.
    """
    settings = load(config, data_dir)
    installation = Installation(settings.data.dir)
    require(installation)
    found = check_journal(installation.journal, known_durable=known_durable(installation.state))
    if json:
        show.document(
            {
                "ok": not found.damage,
                "records": found.records,
                "segments": found.segments,
                "faults": [_fault(fault) for fault in found.damage],
                "torn": None if found.torn is None else _fault(found.torn),
            }
        )
        return 1 if found.damage else 0
    for fault in found.damage:
        show.say(_line(fault))
    if found.torn is not None:
        show.say(
            _line(found.torn)
            + pick({"en": " (torn tail, cut at the next start)", "zh": "（尾部不完整，下次启动时截去）"})
        )
    words = {"en": "{0} records in {1} files, {2} faults", "zh": "{1} 个文件，{0} 条记录，{2} 处损坏"}
    show.say(pick(words).format(found.records, found.segments, len(found.damage)))
    return 1 if found.damage else 0


def _line(fault: Fault) -> str:
    return f"{fault.file}: record {fault.offset} at byte {fault.position}: {fault.what}"


def _fault(fault: Fault) -> dict[str, Any]:
    return {"file": str(fault.file), "offset": fault.offset, "position": fault.position, "what": fault.what}
