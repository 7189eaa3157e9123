"""``hygeia alerts test-channel``: one test notice through a real channel, and what its receiver said."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from alerts.notify import Delivered, Outcome, Refused
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.client import Door, HttpTransport, require
from gateway.config import Settings, load
from gateway.installation import Installation

#: A modem may need a minute and a half for a message.
PATIENCE_S = 120.0
_LOOK_S = 0.1
OUTCOMES = {
    "delivered": {"en": "delivered", "zh": "已送达"},
    "refused": {"en": "refused", "zh": "被拒绝"},
    "dead": {"en": "given up", "zh": "已放弃"},
    "waiting": {"en": "not delivered yet; it is tried again", "zh": "尚未送达，将继续重试"},
}


def try_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The channel, as in alerts.channels.NAME.")],
    to: Annotated[
        str, typer.Option("--to", metavar="PERSON", help="Id of the person, where it sends to persons.")
    ] = "",
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Send a test message through a channel now and say what became of it; exit 1 where it was not delivered."""
    settings = load(config, data_dir)
    installation = Installation(settings.data.dir)
    require(installation)
    runtime = installation.read_runtime()
    if runtime is not None and installation.locked():
        found = _by_gateway(Door(HttpTransport(runtime)), name, to)
    else:
        found = _by_hand(settings, name, to)
    if json:
        show.document(found)
    else:
        words = f": {found['words']}" if found["words"] else ""
        show.say(f"{name}: {pick(OUTCOMES[found['outcome']])}{words}")
    if found["outcome"] != "delivered":
        raise typer.Exit(1)


def _by_gateway(door: Door, name: str, person: str) -> dict[str, Any]:
    """Let the running gateway send it, and wait for its first try."""
    answer = door.command("alerts.test-channel", {"channel": name, "person": person})
    place = str(answer["offset_of_notice"]), str(answer["n"])
    deadline = time.monotonic() + PATIENCE_S
    while True:
        notice = door.get("notices", *place)
        if notice["state"] != "waiting" or notice["next_at"] or time.monotonic() > deadline:
            break
        time.sleep(_LOOK_S)
    return {"channel": name, "person": person, "outcome": notice["state"], "words": notice["words"]}


def _by_hand(settings: Settings, name: str, person: str) -> dict[str, Any]:
    """Send it from this process."""
    from gateway.trial import send_trial  # noqa: PLC0415 - what sends is loaded only where it is needed

    outcome = send_trial(settings, name, person)
    return {"channel": name, "person": person, "outcome": _name(outcome), "words": outcome.words}


def _name(outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return "delivered"
    return "refused" if isinstance(outcome, Refused) else "waiting"
