"""Bodies of ledger entries about alerts, commands and journal segments: ids and numbers, no free text (pure)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from alerts.alert import Step

#: Arguments of commands that say what was acted on; all others are covered by the digest alone.
#: Free text of people may hold names (DESIGN 1, invariant 10).
_NAMED = ("id", "device", "channel", "kind", "for_ms", "to", "origin", "file", "account", "version", "serial")


def alert_body(step: Step, copy: str | None) -> dict[str, Any]:
    """One transition of one alert. Numbers that are fractions are decimal text: an entry holds integers only."""
    alert = step.alert
    return {
        "alert": alert.id,
        "event": str(step.event),
        "from_state": str(step.from_state),
        "to_state": str(step.to_state),
        "reason": str(step.reason),
        "rule": alert.rule,
        "pack": alert.pack,
        "pack_digest": alert.pack_digest,
        "severity": str(alert.severity),
        "at": step.at,
        "ts": step.ts,
        "value": _number(alert.value),
        "limit_value": _number(alert.limit_value),
        "by": step.by,
        "unit": alert.unit,
        "place": alert.place,
        "device": alert.device,
        "point": alert.point,
        "parameter": alert.parameter,
        "raw": copy,
        "file": step.file or None,
    }


def command_body(name: str, args: dict[str, Any], by: str, status: int) -> dict[str, Any]:
    """What somebody asked for and whether it was done; ``args`` is the SHA-256 of the arguments as journaled."""
    named = {key: args[key] for key in _NAMED if _plain(args.get(key))}
    digest = hashlib.sha256(msgspec.json.encode(args, order="sorted")).hexdigest()
    return {"command": name, "by": by, "status": status, "named": named, "args": digest}


def segment_body(body: dict[str, Any]) -> dict[str, Any]:
    """The root over the records of a journal segment that is closed."""
    return {key: body[key] for key in ("first", "last", "records", "root", "sha256") if key in body}


def _number(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 200
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
