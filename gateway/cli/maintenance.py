"""``hygeia maintenance``: work on a device, while its alerts are held and what it sends counts as flag M or C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json, milliseconds
from gateway.client import Door, open_door
from gateway.config import load

Kind = Literal["clean", "calibrate", "comparison", "repair", "outage"]
COLUMNS = ("device", "kind", "opened_at", "until", "opened_by", "closed_at", "closed_by", "comment")
_KINDS: Mapping[str, Mapping[str, str]] = {
    "clean": {"en": "cleaning", "zh": "清洗"},
    "calibrate": {"en": "calibration", "zh": "校准"},
    "comparison": {"en": "comparison", "zh": "比对"},
    "repair": {"en": "repair", "zh": "维修"},
    "outage": {"en": "planned outage", "zh": "计划停运"},
}

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id.")]
Comment = Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="What is done, and why.")]
By = Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Who does it: the id of a person.")]

app = typer.Typer(help="Work on devices: its alerts are held meanwhile.", no_args_is_help=True)


@app.command("open")
def open_(
    device: Device,
    kind: Annotated[Kind, typer.Option("--kind", help="What is done.")],
    for_: Annotated[str, typer.Option("--for", metavar="TIME", help="At most how long: 30m, 2h, 1d.")],
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Open a maintenance session; opened again it is prolonged. It ends by itself when its time is over."""
    settings = load(config, data_dir)
    args: dict[str, Any] = {"device": device, "kind": kind, "for_ms": milliseconds("--for", for_)}
    with open_door(settings) as door:
        door.command("maintenance.open", args | _given(comment=comment, by=by))
        session = _latest(door, device)
    if json:
        show.document(session)
        return
    words = {"en": "{0}: {1} until {2}", "zh": "{0}：{1}，至 {2}"}
    until = show.cell("at", session.get("until"), settings.zone)
    show.say(pick(words).format(device, pick(_KINDS[session.get("kind", kind)]), until))


@app.command("close")
def close(
    device: Device,
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Close the maintenance session of a device."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        door.command("maintenance.close", {"device": device} | _given(comment=comment, by=by))
        session = _latest(door, device)
    if json:
        show.document(session)
        return
    words = {"en": "{0}: {1} is over, since {2}", "zh": "{0}：{1}已结束，开始于 {2}"}
    began = show.cell("at", session.get("opened_at"), settings.zone)
    show.say(pick(words).format(device, pick(_KINDS[session["kind"]]), began))


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help="Only of this device.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List maintenance sessions in the order in which they were opened."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        items = door.items("sessions", open=None if all_ else "true", device=device)
    if json:
        show.items_document(items)
    else:
        rows = [
            item | {"kind": pick(_KINDS[item["kind"]]) if item["kind"] in _KINDS else item["kind"]} for item in items
        ]
        show.table(rows, COLUMNS, settings.zone)


def _given(**args: str | None) -> dict[str, str]:
    return {name: value for name, value in args.items() if value is not None}


def _latest(door: Door, device: str) -> dict[str, Any]:
    """The newest session of a device."""
    return dict(door.get("sessions", device=device, order="desc", limit=1)["items"][0])
