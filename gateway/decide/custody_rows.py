"""Rows and ledger entries of custody (pure). No names of people, no free text (DESIGN 1, invariant 10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from custody.container import Container
from custody.fact import NONE, Fact, Party, Weight
from custody.manifest import Manifest

Row = dict[str, Any]


def container_row(one: Container, offset: int) -> Row:
    """A row of ``state.containers``."""
    return {
        "id": one.id,
        "offset": one.first,
        "ids": msgspec.json.encode([{"k": known.k, "v": known.v, "uri": known.uri} for known in one.ids]).decode(),
        "category": one.category,
        "state": one.state,
        "holder": one.holder,
        "place": one.spot.place,
        "unit": one.unit,
        "grid": one.grid,
        "department": one.department,
        "net_g": one.net_g,
        "sealed_at": one.sealed_at,
        "stored_at": one.stored_at,
        "parent": one.parent,
        "manifest": one.manifest,
        "cycle": one.cycle,
        "handover": one.handover,
        "open": one.open,
        "first_ts": one.history[0].fact.ts if one.history else 0,
        "changed": offset,
    }


def manifest_row(one: Manifest, offset: int) -> Row:
    """A row of ``state.manifests``."""
    return {**one.row(), "changed": offset}


def entry_entities(fact: Fact, others: Sequence[Fact]) -> list[str]:
    """What a custody entry is about: every id of its containers and of those of the event that it speaks of."""
    found = {f"container:{name}" for one in (fact, *others) for name in one.names}
    for one in (fact, *others):
        if one.parent is not None:
            found.add(f"container:{one.parent.v}")
        if one.manifest:
            found.add(f"manifest:{one.manifest}")
        if one.vehicle:
            found.add(f"vehicle:{one.vehicle}")
    return sorted(found) or [f"device:{fact.terminal}"]


def entry_body(fact: Fact) -> Row:
    """The body of a custody entry; ``raw`` is the SHA-256 of the payload as it came."""
    weight = fact.weight
    return {
        "terminal": fact.terminal,
        "id": fact.id,
        "step": fact.step,
        "ts": fact.ts,
        "received_at": fact.received_at,
        "boot": _known(fact.boot),
        "seq": _known(fact.seq),
        "digest": fact.digest,
        "raw": fact.copy,
        "ids": list(fact.names),
        "parent": fact.parent.v if fact.parent else None,
        "category": fact.category,
        "weight": None if weight is None else _weight(weight),
        "place": fact.spot.place,
        "unit": fact.spot.unit,
        "by": _party(fact.by),
        "with": _party(fact.with_),
        "approved_by": _party(fact.approved_by),
        "of": fact.of or None,
        "manifest": fact.manifest or None,
        "vehicle": fact.vehicle or None,
        "files": [one.sha256 for one in fact.files],
        "signature": fact.signature or None,
        "skew_ms": fact.skew_ms,
        "message": fact.offset,
        "flags": list(fact.flags),
    }


def _known(number: int) -> int | str | None:
    """JSON numbers are exact to 2^53 only."""
    if number == NONE:
        return None
    return number if abs(number) < 2**53 else str(number)


def _weight(weight: Weight) -> Row:
    return {name: getattr(weight, name) for name in weight.__struct_fields__}


def _party(party: Party | None) -> Row | None:
    if party is None:
        return None
    return {"badge": party.badge, "person": party.person, "unit": party.unit, "role": party.role}
