"""How an alert stands that a text tells of: broken, well again, or at its end otherwise (pure)."""

from __future__ import annotations

import msgspec

from alerts.alert import side_of
from alerts.notify import Told
from alerts.notify.facts import LIMIT_KINDS
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

#: Reasons for which an alert ends while nobody knows that all is well.
_NOT_WELL = frozenset({"outside_schedule", "rule_not_applicable", "moved", "removed"})
#: The reason of a late reading that a digest lists: its value is the bad one.
_LATE = "late_finding"


class AlertTold(msgspec.Struct):
    """What a text says of the JSON of an alert (DESIGN 4.7)."""

    rule: str = ""
    severity: str = ""
    state: str = ""
    unit: str = ""
    place: str = ""
    device: str = ""
    point: str = ""
    parameter: str = ""
    value: float | None = None
    limit_value: float | None = None
    parameter_unit: str = ""
    since: int | None = None
    cleared_at: int | None = None
    acknowledged_by: str | None = None
    reason: str = ""


def breaks_limit(alert: AlertTold, told: Told) -> bool:
    """Whether its number is of a parameter, with a limit of that."""
    measured = alert.parameter in CATALOGUE and tells(alert)
    return alert.limit_value is not None and alert.value is not None and told.kind in LIMIT_KINDS and measured


def standing(alert: AlertTold) -> bool:
    """Whether the value is the bad one: the condition holds, or it is of a late reading."""
    return (alert.cleared_at is None and alert.state != "returned") or alert.reason == _LATE


def side(alert: AlertTold, told: Told) -> str:
    """Where the value was of its limit when it was bad; empty where there is none, or where nobody knows any more."""
    if not breaks_limit(alert, told):
        return ""
    return told.side or (side_of(alert.value, alert.limit_value) or "below" if standing(alert) else "")


def well(alert: AlertTold, told: Told) -> bool:
    """Whether the value is on the good side of its limit again."""
    broken = side(alert, told)
    return bool(broken) and not standing(alert) and side_of(alert.value, alert.limit_value) != broken


def ending(alert: AlertTold, told: Told) -> str:
    """How an alert ended, by the keys of ``ENDINGS``; empty where it goes on."""
    if alert.reason == _LATE:
        return "late"
    if standing(alert):
        return "closed" if alert.state == "closed" else ""
    if alert.state == "latched":
        return "latched"
    known = bool(side(alert, told)) and alert.state != "returned"
    return "ended" if alert.reason in _NOT_WELL or (known and not well(alert, told)) else "cleared"


def tells(alert: AlertTold) -> bool:
    """Whether the value is a number that people read: not a switch, and not the 1 that says that something is so."""
    parameter = CATALOGUE.get(alert.parameter)
    if parameter is not None:
        return not parameter.switch
    return bool(alert.parameter) and (alert.parameter not in QUANTITIES or alert.value not in {0.0, 1.0})
