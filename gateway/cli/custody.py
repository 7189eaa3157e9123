"""``hygeia custody``: waste containers, the history of one, and what is exported of them."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.container import State
from gateway.cli import custody_words as words
from gateway.cli import show
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door
from gateway.config import load

COLUMNS = ("id", "state", "category", "holder", "place", "net_g", "sealed_at", "unit", "department", "manifest")

app = typer.Typer(help="Waste containers: what is where, the history of one, exports.", no_args_is_help=True)


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List waste containers in the order in which they became known."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        items = door.items("containers", state=state)
    if json:
        show.items_document(items)
        return
    spoken = [
        item
        | {"state": words.say(words.STATES, item["state"]), "category": words.say(words.CATEGORIES, item["category"])}
        for item in items
    ]
    show.table(spoken, COLUMNS, settings.zone)
