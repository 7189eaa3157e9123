"""What the page of one container asks for: its history in words, weights, proofs, alerts, and when each was known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response

from custody.container import Container
from custody.fact import NONE
from gateway import state
from gateway.api.auth import Caller, Principal
from gateway.api.context import Context, context_of
from gateway.api.custody_events import event, fields, parties
from gateway.api.custody_limits import level, shown
from gateway.api.custody_names import Names
from gateway.api.custody_scope import sees
from gateway.api.custody_weights import differences
from gateway.api.faults import Reason, RefusedError
from gateway.api.ledger_head import covering
from gateway.api.persons import names_of
from gateway.api.scope import Scope, among, condition
from gateway.api.session import who
from gateway.api.times import LAST_MS

router = APIRouter(tags=["page"])

_PLAIN = (
    *("id", "category", "state", "holder", "keeper", "unit", "department", "producer", "net_g", "sealed_at"),
    *("collected_at", "stored_at", "destroyed_at", "parent", "manifest", "vehicle", "cycle", "members", "handover"),
)
_ALERT = ("id", "rule", "pack", "severity", "state", "parameter", "since", "cleared_at", "value", "point")
#: Alerts and members that are shown.
_MOST = 100


@router.get("/custody-trace/{id:path}", responses={404: {"model": Reason}})
def trace(
    request: Request,
    caller: Caller,
    id: Annotated[str, Path(max_length=256)],  # noqa: A002 - the name in the path
    as_known_at: Annotated[
        int | None, Query(ge=0, le=LAST_MS, description="As it was known then: ms since 1970 UTC.")
    ] = None,
) -> Response:
    """Show one container, by any of its ids, as it is known now or was known at a time."""
    context = context_of(request)
    now = context.services.histories().container(id)
    if now is None or not sees(caller.scope, now, context.services.registry()):
        raise RefusedError(404, f"there is no container {id[:100]!r}")
    found = now if as_known_at is None else context.services.histories().container(id, as_known_at)
    document: dict[str, Any] = {
        "now": context.services.clock.now_ms(),
        "me": who(caller),
        "as_known_at": as_known_at,
        # Each time at which something new was learnt of it.
        "moments": sorted({one.fact.received_at for one in now.history}),
        "container": None,
    }
    if found is not None:
        document |= _described(context, caller, found, document["now"])
    return Response(msgspec.json.encode(document), media_type="application/json")


def _described(context: Context, caller: Principal, found: Container, now: int) -> dict[str, Any]:
    names = Names(context)
    facts = [one.fact for one in found.history]
    with context.services.engine.connect() as connection:
        people = names_of(connection, caller, (party.person for fact in facts for party in parties(fact)))
        entries = sorted({fact.entry for fact in facts if fact.entry != NONE})
        head = covering(connection, entries[-1]) if entries else None
        alerts = _alerts(connection, context, caller.scope, found)
    places = {fact.spot.place for fact in facts} | {found.spot.place, found.department}
    units = {fact.spot.unit for fact in facts} | {found.holder, found.unit}
    units |= {party.unit for fact in facts for party in parties(fact)}
    return {
        "container": _container(context, found, now),
        "events": [event(one) for one in found.history],
        "weighings": [fields(one) for one in found.weighings],
        "differences": differences(found, context.services.histories().profiles),
        "proof": {"entries": entries, "head": head},
        "alerts": alerts,
        "names": {
            "places": names.many("places", places),
            "units": names.many("units", units),
            "people": people,
        },
    }


def _container(context: Context, found: Container, now: int) -> dict[str, Any]:
    limits = context.overviews.limits.get(context.services.packs).of(found.spot.kind, found.producer)
    inside = found.state in {"stored", "held"} and found.stored_at is not None
    age = now - found.stored_at if inside and found.stored_at is not None else None
    return {
        **{name: getattr(found, name) for name in _PLAIN},
        "ids": [{"k": one.k, "v": one.v, "uri": one.uri} for one in found.ids],
        "place": found.spot.place,
        "members": found.members[:_MOST],
        "conditions": [{"quantity": one.quantity, "at": one.at, "value": one.value} for one in found.conditions],
        "age_ms": age,
        "level": "ok" if age is None else level(age, limits),
        "limits": shown(limits) if inside else [],
    }


def _alerts(connection: sa.Connection, context: Context, scope: Scope, found: Container) -> list[dict[str, Any]]:
    """Alerts of the container and of its events, the newest first."""
    table, rules = state.alerts, context.rule_words()
    about = [one.v for one in found.ids] + [f"event:{one.fact.terminal}:{one.fact.id}" for one in found.history]
    statement = (
        sa.select(*(table.c[name] for name in _ALERT))
        .where(
            condition(scope, table.c.unit, table.c.grid),
            sa.func.substr(table.c.parameter, 1, 8) == "custody.",
            among(table.c.point, about),
        )
        .order_by(table.c.offset.desc())
        .limit(_MOST)
    )
    rows: Sequence[sa.RowMapping] = connection.execute(statement).mappings().all()
    return [dict(row) | {"title": rules.title(row["pack"], row["rule"])} for row in rows]
