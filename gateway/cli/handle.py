"""``hygeia alerts ack|close|shelve|unshelve|comment|assign``: what people do with an alert (docs/alert-handling.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.alert import ALERT_KEYS
from alerts.lifecycle import CLOSE_REASONS
from gateway.cli import show
from gateway.cli.language import STATES, pick
from gateway.cli.options import Config, DataDir, Json, milliseconds
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

#: What ``--json`` prints of the alert: its public shape (DESIGN 4.7) and what handling adds to it.
KEYS = (*ALERT_KEYS, "assigned_to", "acknowledged_at", "shelved_until", "closed_at")

#: How long an alert is put aside where nobody says.
SHELVED = "1h"
_CLOSED = f"How it ended: {', '.join(CLOSE_REASONS)}, which needs a comment; any other text is that comment."
_LENGTH = f"How long: 30m, 2h, 1d. Left out: {SHELVED}, or with --one-shot no time."
Id = Annotated[str, typer.Argument(metavar="ID", help="The alert's id.")]
By = Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Who does it: the id of a person.")]
Comment = Annotated[
    str | None, typer.Option("--comment", "--reason", metavar="TEXT", help="Why; it stands in the alert's history.")
]


def ack(
    id: Id,  # noqa: A002 - the word of the listing
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Take an alert: nobody else is called from now on. One whose trouble is over is closed by it."""
    _handle("ack", {"id": id, "comment": comment, "by": by}, config, data_dir, json=json)


def close(
    id: Id,  # noqa: A002 - the word of the listing
    reason: Annotated[str, typer.Option("--reason", metavar="REASON", help=_CLOSED)],
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="What was found and done.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="A photograph or report that belongs to it.")
    ] = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Close an alert. The same trouble within the rule's time opens it again."""
    if reason not in CLOSE_REASONS:
        comment = "; ".join(part for part in (reason.strip(), comment) if part)
        reason = "other"
    args = {"id": id, "reason": reason, "comment": comment, "by": by}
    _handle("close", args, config, data_dir, json=json, file=file)


def shelve(
    id: Id,  # noqa: A002 - the word of the listing
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help=_LENGTH)] = None,
    one_shot: Annotated[bool, typer.Option("--one-shot", help="Only until its condition is over.")] = False,
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Put an alert aside for a time: it tells nobody, and comes back by itself."""
    assumed = for_ is None and not one_shot
    for_ = SHELVED if assumed else for_
    args: dict[str, Any] = {"id": id, "comment": comment, "by": by, "one_shot": one_shot or None}
    args["for_ms"] = None if for_ is None else milliseconds("--for", for_)
    words = {"en": ", for {0} as --for was not given", "zh": "，未给出 --for，按 {0} 计"}
    _handle("shelve", args, config, data_dir, json=json, remark=pick(words).format(SHELVED) if assumed else "")


def unshelve(
    id: Id,  # noqa: A002 - the word of the listing
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Take an alert back from the shelf."""
    _handle("unshelve", {"id": id, "comment": comment, "by": by}, config, data_dir, json=json)


def comment(
    id: Id,  # noqa: A002 - the word of the listing
    comment: Annotated[str, typer.Option("--comment", "--reason", metavar="TEXT", help="What to remark.")],
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Write a remark into the history of an alert."""
    _handle("comment", {"id": id, "comment": comment, "by": by}, config, data_dir, json=json)


def assign(
    id: Id,  # noqa: A002 - the word of the listing
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="PERSON", help="Who is responsible now; '' = nobody. Left out: the one of --by."),
    ] = None,
    comment: Comment = None,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make a person responsible for an alert."""
    if to is None and not by:
        raise UsageError("assign: give --to PERSON, or --by PERSON who takes it")
    _handle(
        "assign", {"id": id, "to": by if to is None else to, "comment": comment, "by": by}, config, data_dir, json=json
    )


#: The commands that ``gateway.cli.alerts`` takes in, by name.
COMMANDS: dict[str, Callable[..., None]] = {
    "ack": ack,
    "close": close,
    "shelve": shelve,
    "unshelve": unshelve,
    "comment": comment,
    "assign": assign,
}


def _handle(
    command: str,
    args: dict[str, Any],
    config: Path | None,
    data_dir: Path | None,
    *,
    json: bool,
    file: Path | None = None,
    remark: str = "",
) -> None:
    """Give the command and print the alert as it stands after it, with ``remark`` at the end of the line."""
    settings = load(config, data_dir)
    given = {name: value for name, value in args.items() if value is not None}
    with open_door(settings) as door:
        if file is not None:
            given["file"] = door.put_file(file)
        door.command(f"alerts.{command}", given)
        found = door.get("alerts", args["id"])
    alert = {key: found.get(key) for key in KEYS}
    if json:
        show.document(alert)
    else:
        show.say(_line(alert, settings.zone) + remark)


def _line(alert: dict[str, Any], zone: Any) -> str:  # noqa: ANN401 - a zone of datetime
    """What an alert is about and how it stands, in one line."""
    about = " ".join(show.cell(key, alert[key], zone) for key in ("place", "device", "parameter") if alert[key])
    words = [pick(STATES[alert["state"]])]
    until = alert["shelved_until"] if alert["state"] == "shelved" else None
    if until:
        words.append(pick({"en": "until {0}", "zh": "至 {0}"}).format(show.cell("at", until, zone)))
    if alert["acknowledged_by"]:
        words.append(pick({"en": "taken by {0}", "zh": "处理人 {0}"}).format(alert["acknowledged_by"]))
    if alert["assigned_to"]:
        words.append(pick({"en": "assigned to {0}", "zh": "指派给 {0}"}).format(alert["assigned_to"]))
    comma = pick({"en": ", ", "zh": "，"})
    colon = pick({"en": ": ", "zh": "："})
    return f"{alert['id']} {alert['rule']} {about}{colon}{comma.join(words)}"
