"""Custody events as the API shows them (DESIGN 4.7)."""

from __future__ import annotations

from typing import Any

import msgspec

from custody.container import Seen
from custody.fact import NONE, Fact, Party


def event(seen: Seen) -> dict[str, Any]:
    """One event of one container; ``counts`` is false where the event at ``taken_back_by`` voided or replaced it."""
    fact = seen.fact
    return {
        "offset": fact.offset,
        "id": fact.id,
        "step": fact.step,
        "ts": fact.ts,
        "received_at": fact.received_at,
        "device": fact.terminal,
        "by": fields(fact.by),
        "with": fields(fact.with_),
        "weight": fields(fact.weight),
        "entry": None if fact.entry == NONE else fact.entry,
        "seen": not seen.inferred,
        "inferred": seen.inferred,
        "flags": list(fact.flags),
        "place": fact.spot.place or None,
        "unit": fact.spot.unit or None,
        "category": fact.category or None,
        "containers": list(fact.names),
        "parent": fact.parent.v if fact.parent else None,
        "manifest": fact.manifest or None,
        "vehicle": fact.vehicle or None,
        "of": fact.of or None,
        "reason": fact.reason or None,
        "approved_by": fields(fact.approved_by),
        "files": [fields(one) for one in fact.files],
        "signature": fact.signature or None,
        "skew_ms": fact.skew_ms,
        "counts": seen.counts,
        "taken_back_by": seen.by,
        "cycle": seen.cycle,
    }


def parties(fact: Fact) -> list[Party]:
    """Everybody whose badge stands in an event."""
    return [one for one in (fact.by, fact.with_, fact.approved_by) if one is not None]


def fields(value: msgspec.Struct | None) -> dict[str, Any] | None:
    """By name: these structs are arrays where they are kept."""
    return None if value is None else {name: getattr(value, name) for name in value.__struct_fields__}
