"""``hygeia alerts``: what is wrong now, the history of one alert, and what people do with it (``handle``)."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Any, Literal, get_args

import typer

from gateway.api.times import parse_time
from gateway.cli import handle, show, trial
from gateway.cli.language import STATES, pick
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

#: The plain states of people that are no states by themselves, as the API groups them.
Group = Literal["to_do", "in_hand", "to_confirm", "more"]
State = Literal[
    "pending",
    "active",
    "acknowledged",
    "returned",
    "latched",
    "shelved",
    "suppressed",
    "out_of_service",
    "closed",
    Group,
]
Severity = Literal["info", "warning", "major", "critical"]
COLUMNS = (
    *("id", "state", "severity", "place", "device", "point", "parameter", "value", "limit_value", "parameter_unit"),
    *("since", "fired_at", "cleared_at", "acknowledged_by", "rule"),
)
STEPS = ("at", "event", "from_state", "to_state", "value", "by", "reason", "comment", "offset")
DELIVERIES = ("created_at", "person", "channel", "event", "state", "tries", "last_error")
RECORDS = ("offset", "at", "kind", "topic", "payload")
READINGS = ("ts", "value", "flag", "late")
SESSIONS = ("opened_at", "kind", "until", "closed_at", "opened_by", "comment")
FINDINGS = ("ts", "value", "limit_value", "rule", "severity")
#: Readings that ``show`` prints, half of them from before the alert; ``--json`` has all.
NEAR = 20
#: Of a record's bytes so many characters are printed.
SHOWN = 100
_TITLES: Mapping[str, Mapping[str, str]] = {
    "transitions": {"en": "What happened", "zh": "经过"},
    "deliveries": {"en": "Who was told", "zh": "通知记录"},
    "records": {"en": "Records that caused it", "zh": "依据的记录"},
    "readings": {"en": "Readings around its beginning", "zh": "开始前后的读数"},
    "sessions": {"en": "Maintenance", "zh": "维护"},
    "findings": {"en": "Late readings beyond a limit", "zh": "迟到的超限读数"},
}
#: How a notice stands.
_DELIVERY: Mapping[str, Mapping[str, str]] = {
    "waiting": {"en": "waiting", "zh": "等待发送"},
    "delivered": {"en": "delivered", "zh": "已送达"},
    "refused": {"en": "refused", "zh": "被拒绝"},
    "dead": {"en": "dead", "zh": "发送失败"},
}
#: Parts of the answer that are for pages: what they say stands elsewhere, or is a choice to be made.
_FOR_PAGES = frozenset({"candidates", "names", "grid_names"})

app = typer.Typer(
    help="Alerts: what is wrong now, the history of one, and what is done about it.", no_args_is_help=True
)
for _name, _command in handle.COMMANDS.items():
    app.command(_name)(_command)
app.command("test-channel")(trial.try_channel)

_From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Begun at or after (ISO 8601 or ms).")]
_To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Begun before.")]


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are closed.")] = False,
    state: Annotated[State | None, typer.Option("--state", help="Only in this state.")] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="Only of this severity.")] = None,
    place: Annotated[str | None, typer.Option("--place", metavar="PLACE", help="Only of this place or below.")] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help="Only of this device.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="UNIT", help="Only of this supervised body.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="RULE", help="Only of the rule with this id.")] = None,
    from_: _From = None,
    to: _To = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List alerts in the order in which they began."""
    settings = load(config, data_dir)
    asked: dict[str, Any] = {"severity": severity, "place": place, "device": device, "unit": unit, "rule": rule}
    asked |= {"from": _time("--from", from_, settings.zone), "to": _time("--to", to, settings.zone)}
    wanted: list[dict[str, str]]
    if state in get_args(Group):
        wanted = [{"group": str(state)}]
    else:
        wanted = [{"state": one} for one in STATES if one == state or (not state and (all_ or one != "closed"))]
    with open_door(settings) as door:
        # An alert that moves on between two of these calls is met twice; its newer state counts.
        found = {item["id"]: item for one in wanted for item in door.items("alerts", **one, **asked)}
    items = sorted(found.values(), key=lambda item: (item["offset"], item["id"]))
    if json:
        show.items_document(items)
    else:
        show.table([item | {"state": pick(STATES[item["state"]])} for item in items], COLUMNS, settings.zone)


def _time(option: str, text: str | None, zone: tzinfo) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text, zone)
    except ValueError:
        raise UsageError(f"{option} {text!r}: allowed: ISO 8601, such as 2026-01-31T08:00, or ms since 1970") from None


@app.command("show")
def show_(
    id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id.")],  # noqa: A002 - the word of the listing
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show one alert: readings around it, every step, the records that caused it, who was told."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        alert = door.get("alerts", id)
    if json:
        show.document(alert)
        return
    parts = {name: alert.pop(name, []) for name in (*_TITLES, *_FOR_PAGES)}
    alert["state"] = pick({"en": "{0} ({1})", "zh": "{0}"}).format(pick(STATES[alert["state"]]), alert["state"])
    show.fields(alert, settings.zone)
    _part("transitions", parts["transitions"], STEPS, settings.zone)
    deliveries = [one | {"state": _delivery(one["state"])} for one in parts["deliveries"]]
    _part("deliveries", deliveries, DELIVERIES, settings.zone)
    _part(
        "records",
        [one | {"payload": _text(one.get("payload_b64"))} for one in parts["records"]],
        RECORDS,
        settings.zone,
    )
    near, rest = _near(parts["readings"], alert["since"])
    _part("readings", near, READINGS, settings.zone)
    if rest:
        show.say(pick({"en": "{0} more are in --json.", "zh": "其余 {0} 条见 --json。"}).format(rest))
    _part("sessions", parts["sessions"], SESSIONS, settings.zone)
    _part("findings", parts["findings"], FINDINGS, settings.zone)


def _delivery(state: str) -> str:
    return pick(_DELIVERY[state]) if state in _DELIVERY else state


def _part(name: str, items: Sequence[Mapping[str, Any]], columns: Sequence[str], zone: tzinfo) -> None:
    """A titled table; nothing where it would be empty."""
    if items:
        show.say(f"\n{pick(_TITLES[name])}")
        show.table(items, columns, zone)


def _near(readings: Any, since: int) -> tuple[list[dict[str, Any]], int]:  # noqa: ANN401 - a document, or nothing
    """The readings around the time ``since``, and how many are not among them."""
    items: list[dict[str, Any]] = readings.get("items", []) if isinstance(readings, dict) else []
    before = sum(item["ts"] < since for item in items)
    first = max(0, min(before - NEAR // 2, len(items) - NEAR))
    return items[first : first + NEAR], max(0, len(items) - NEAR)


def _text(payload: str | None) -> str | None:
    """The bytes of a record as people can read them; None where they are no text or not kept."""
    if payload is None:
        return None
    try:
        text = base64.b64decode(payload).decode()
    except UnicodeDecodeError:
        return None
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
