"""``hygeia alerts``: what is wrong now, and the history of one alert."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import typer

from gateway.cli import show
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door
from gateway.config import load

State = Literal[
    "pending", "active", "acknowledged", "returned", "latched", "shelved", "suppressed", "out_of_service", "closed"
]
COLUMNS = (
    *("id", "state", "severity", "place", "device", "point", "parameter", "value", "limit_value", "parameter_unit"),
    *("since", "fired_at", "cleared_at", "rule"),
)
DELIVERIES = ("created_at", "channel", "event", "state", "tries", "last_error")
STEPS = ("at", "event", "from_state", "to_state", "value", "by", "reason", "offset")

app = typer.Typer(help="Alerts: what is wrong now, and the history of one.", no_args_is_help=True)


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List alerts in the order in which they began."""
    settings = load(config, data_dir)
    wanted = [state] if state else [one for one in get_args(State) if all_ or one != "closed"]
    with open_door(settings) as door:
        # An alert that moves on between two of these calls is met twice; its newer state counts.
        found = {item["id"]: item for one in wanted for item in door.items("alerts", state=one)}
    items = sorted(found.values(), key=lambda item: (item["offset"], item["id"]))
    if json:
        show.items_document(items)
    else:
        show.table(items, COLUMNS, settings.zone)


@app.command("show")
def show_(
    id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id.")],  # noqa: A002 - the word of the listing
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show one alert with every step and the message that caused it."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        alert = door.get("alerts", id)
    if json:
        show.document(alert)
        return
    steps, deliveries = alert.pop("transitions"), alert.pop("deliveries", [])
    show.fields(alert, settings.zone)
    show.say("")
    show.table(steps, STEPS, settings.zone)
    if deliveries:
        show.say("")
        show.table(deliveries, DELIVERIES, settings.zone)
