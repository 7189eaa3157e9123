"""``hygeia custody``: waste containers, the history of one, and what is exported of them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from custody.container import State
from gateway.api.times import parse_time
from gateway.cli import custody_words as words
from gateway.cli import show
from gateway.cli.custody_balance import balance
from gateway.cli.custody_evidence import bundle, verify
from gateway.cli.custody_ledger import ledger, new_origin
from gateway.cli.custody_profiles import profiles
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json, writable
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

COLUMNS = ("id", "state", "category", "holder", "place", "net_g", "sealed_at", "unit", "department", "manifest")

app = typer.Typer(help="Waste containers: what is where, the history of one, exports.", no_args_is_help=True)
app.command()(balance)
app.command()(profiles)
app.command()(bundle)
app.command()(verify)
app.command()(new_origin)
app.add_typer(ledger, name="ledger")

_Unit = Annotated[str | None, typer.Option("--unit", metavar="UNIT", help="Only waste that this unit produced.")]


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    unit: _Unit = None,
    place: Annotated[str | None, typer.Option("--place", metavar="PLACE", help="Only at this place or below.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List waste containers in the order in which they became known."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        items = door.items("containers", state=state, unit=unit, place=place, events=None if json else "false")
    if json:
        show.items_document(items)
    else:
        show.table([words.spoken(item) for item in items], COLUMNS, settings.zone)


@app.command()
def trace(
    id: Annotated[str, typer.Argument(metavar="ID", help="Any id of the container.")],  # noqa: A002 - as in the listing
    as_known_at: Annotated[
        str | None,
        typer.Option("--as-known-at", metavar="TIME", help="As it was known then (ISO 8601 or ms)."),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show the history of one container: what was done, when, where, by whom, what it weighed, what is the matter."""
    settings = load(config, data_dir)
    at = None
    if as_known_at is not None:
        try:
            at = parse_time(as_known_at, settings.zone)
        except ValueError:
            raise UsageError(
                f"--as-known-at {as_known_at!r}: allowed: ISO 8601, such as 2026-01-31T08:00, or ms since 1970"
            ) from None
    with open_door(settings) as door:
        container = door.get("containers", id, as_known_at=at)
    if json:
        show.document(container)
    else:
        from gateway.cli.custody_tree import tree  # noqa: PLC0415 - rich is slow to load

        show.tree(tree(container, settings.zone))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")],
    id: Annotated[  # noqa: A002 - as in the listing
        str | None, typer.Argument(metavar="ID", help="Any id of one container.")
    ] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="DAY", help="All events of a day (YYYY-MM-DD).")] = None,
    unit: _Unit = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write an EPCIS 2.0 document (JSON-LD) of one container or of a day."""
    if (id is None) == (day is None):
        raise UsageError("custody export: name one container, or a day with --day YYYY-MM-DD")
    if day is not None and not _is_day(day):
        raise UsageError(f"--day {day!r}: allowed: a day, such as 2026-01-31")
    settings = load(config, data_dir)
    writable("--out", out)
    with open_door(settings) as door:
        document = door.get("epcis", container=id, day=day, unit=unit)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    events: list[Any] = document["epcisBody"]["eventList"]
    show.say(pick({"en": "{0} events written to {1}", "zh": "已将 {0} 个事件写入 {1}"}).format(len(events), out))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
