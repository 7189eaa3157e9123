"""Rows of the state that alerts leave behind, each keyed by the record and its place among the outputs (pure)."""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.alert import ALERT_KEYS, Alert, Step
from alerts.change import Finding
from alerts.notify import Context
from alerts.route import Message

Row = dict[str, Any]


class Standing(msgspec.Struct):
    """What a decision names besides its cause: software version, registry version, digests of the packs by id."""

    version: str = ""
    registry_version: int = -1
    packs: dict[str, str] = msgspec.field(default_factory=dict)


def shown(alert: Alert) -> Row:
    """The alert as the outside sees it (DESIGN 4.7)."""
    row = {name: getattr(alert, name) for name in ALERT_KEYS}
    if alert.acknowledged_by is not None:
        # The history says what kind of name it is (``person:``, ``account:``).
        row["acknowledged_by"] = alert.acknowledged_by.partition(":")[2] or alert.acknowledged_by
    return row


def alert_row(alert: Alert, standing: Standing) -> Row:
    """A row of ``state.alerts``; ``version`` and ``registry_version`` count when it is written for the first time."""
    return shown(alert) | {
        "grid": alert.grid,
        "version": standing.version,
        "pack_digest": alert.pack_digest,
        "registry_version": standing.registry_version,
        "kind": alert.kind,
        "acknowledged_at": alert.acknowledged_at or None,
        "closed_at": alert.closed_at or None,
        "assigned_to": alert.assigned_to,
        "shelved_until": alert.shelved_until or None,
        "held_by": alert.held_by,
        "condition": alert.on,
    }


def transition_row(step: Step, offset: int, n: int, copy: str | None) -> Row:
    """A row of ``state.transitions``."""
    return {
        "offset": offset,
        "n": n,
        "alert": step.alert.id,
        "event": step.event,
        "from_state": step.from_state,
        "to_state": step.to_state,
        "reason": step.reason,
        "at": step.at,
        "ts": step.ts,
        "by": step.by,
        "value": step.alert.value,
        "limit_value": step.alert.limit_value,
        "copy": copy,
        "comment": step.comment,
        "file": step.file,
    }


def finding_row(finding: Finding, offset: int, n: int) -> Row:
    """A row of ``state.findings``."""
    subject = finding.subject
    return {
        "offset": offset,
        "n": n,
        "rule": finding.rule,
        "pack": finding.pack,
        "severity": finding.severity,
        **{name: getattr(subject, name) for name in ("unit", "place", "grid", "device", "point", "parameter")},
        "value": finding.value,
        "limit_value": finding.limit_value,
        "ts": finding.ts,
        "at": finding.at,
    }


def outbox_row(message: Message, context: Context | None, offset: int, n: int, at: int) -> Row:
    """A row of ``state.outbox``; several alerts or a digest are an array, one alert is an object."""
    single = message.event != "digest" and len(message.alerts) == 1
    about = [shown(alert) for alert in message.alerts]
    name = message.alerts[0].id if single else message.event
    return {
        "offset": offset,
        "n": n,
        "channel": message.channel,
        "event": message.event,
        "key": f"{name}:{offset}:{n}",
        "body": msgspec.json.encode(about[0] if single else about).decode(),
        "created_at": at,
        "state_now": "waiting",
        "person": message.person,
        "context": "{}" if context is None else msgspec.json.encode(context).decode(),
        "next_channels": msgspec.json.encode(message.next_channels).decode(),
        "max_age_s": message.max_age_s,
    }
