"""How a place and a device stand, in one word (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

#: ``place.state``: what the map colours.
IN_ORDER, WARNING, MAJOR, CRITICAL, NO_DATA, NOT_IN_SERVICE = range(6)
_OF_SEVERITY = {"warning": WARNING, "major": MAJOR, "critical": CRITICAL}
#: Places in these states of the registry are not in service: nobody expects anything there.
OUT_OF_SERVICE = frozenset({"registered", "suspended", "retired"})
#: Conditions that are nothing but silence.
SILENCE = frozenset({"silent", "absent"})
#: A device, or a channel, is silent after three of its intervals, and not before five minutes.
PATIENCE = 3
LEAST_MS = 5 * 60_000
#: Where the registry names no interval.
DEFAULT_REPORT_S = 60
#: Devices of these kinds send no readings.
WITHOUT_READINGS = frozenset({"terminal", "gateway"})


def patience_ms(report_s: float) -> float:
    """How long somebody who reports so often may say nothing."""
    return max(LEAST_MS, PATIENCE * 1000 * report_s)


def place_state(place_state: str, alerts: Iterable[tuple[str, str]], *, silent: bool) -> int:
    """The state of a place; ``alerts`` are (severity, kind of condition) of those that stand in front of people.

    The worst of what is wrong counts; then whether anything is heard at all; then what was said about silence.
    """
    if place_state in OUT_OF_SERVICE:
        return NOT_IN_SERVICE
    known = list(alerts)
    worst = max((_OF_SEVERITY.get(severity, IN_ORDER) for severity, kind in known if kind not in SILENCE), default=0)
    if worst > IN_ORDER:
        return worst
    if silent:
        return NO_DATA
    return max((_OF_SEVERITY.get(severity, IN_ORDER) for severity, _ in known), default=IN_ORDER)


def is_online(status: str | None, heard_at: int | None, report_s: float | None, now: int) -> bool:
    """Whether a device is there: not called offline, heard of, and not silent for longer than its patience.

    ``report_s`` None: it has no interval (a terminal scans when there is something to scan). Who sleeps is there.
    """
    if status == "offline":
        return False
    if status == "sleeping":
        return True
    if report_s is None:
        return heard_at is not None or status == "online"
    return heard_at is not None and now - heard_at <= patience_ms(report_s)


def all_silent(online: Collection[bool]) -> bool:
    """Whether a place with devices that send readings hears none of them."""
    return bool(online) and not any(online)
