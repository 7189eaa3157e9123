"""One alert with all that it rests on: readings around it, every step, the bytes that caused it, who was told."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from gateway import state
from gateway.api.alerts import KEYS
from gateway.api.around import around
from gateway.api.auth import Caller, Principal
from gateway.api.broken import with_broken
from gateway.api.context import Context, context_of
from gateway.api.faults import Reason, RefusedError
from gateway.api.persons import candidates, names_of, persons_in
from gateway.api.scope import condition
from gateway.api.sessions import FINDING_KEYS, SESSION_KEYS
from gateway.api.shapes import AlertHistory

router = APIRouter(tags=["alerts"])

_MORE = (
    *("kind", "grid", "assigned_to", "acknowledged_at", "closed_at", "shelved_until", "held_by", "condition"),
    *("version", "pack_digest", "registry_version", "bad_value", "side"),
)
_STEP = (
    *("offset", "n", "event", "from_state", "to_state", "at", "ts", "by", "reason", "value", "limit_value"),
    *("comment", "file"),
)
#: Records whose topic and receive time are looked up in the journal, and late findings and notices that are shown.
_RECORDS = 20
_FINDINGS = 100
_DELIVERIES = 500
_HOUR = 3_600_000


@router.get("/alerts/{id}", response_model=AlertHistory, responses={404: {"model": Reason}})
def alert(request: Request, caller: Caller, id: str) -> Response:  # noqa: A002 - the name in the path
    """Show one alert: readings around it, steps, records that caused it, who was told, sessions, late findings."""
    context = context_of(request)
    table = state.alerts
    shown = condition(caller.scope, table.c.unit, table.c.grid)
    with context.services.engine.connect() as connection:
        found = connection.execute(sa.select(table).where(table.c.id == id, shown)).mappings().first()
        if found is None:
            raise RefusedError(404, f"there is no alert {id[:100]!r}")
        row = dict(found)
        with_broken(connection, [row])
        steps = connection.execute(_steps(id)).mappings().all()
        deliveries = [dict(one) for one in connection.execute(_deliveries(id)).mappings()]
        readings = around(context, caller, row)
        beside = _beside(context, connection, caller, row, readings)
        document = {name: row[name] for name in (*KEYS, *_MORE)} | _words(context, row)
        document |= {"readings": readings, "transitions": [_transition(step) for step in steps]}
        document |= {"deliveries": deliveries, "records": _records(context, steps, readings["began"])} | beside
        document["candidates"] = candidates(context, row) if caller.may("handle") else []
        document["names"] = _names(connection, caller, document)
    document["now"] = context.services.clock.now_ms()
    return Response(msgspec.json.encode(document), media_type="application/json")


def _words(context: Context, row: dict[str, Any]) -> dict[str, Any]:
    """Names of place, unit, grid and rule, and where the limit comes from."""
    registry, rules = context.services.registry(), context.rule_words()
    origin = rules.origin(row, registry.subject_parts(row["device"], row["since"]))
    grid = [registry.get("grid", name) or {} for name in row["grid"].split("/") if name]
    return {
        "place_name": (registry.get("places", row["place"]) or {}).get("name"),
        "unit_name": (registry.get("units", row["unit"]) or {}).get("name"),
        "grid_names": [one.get("name") or one.get("id") for one in grid],
        "rule_title": rules.title(row["pack"], row["rule"]),
        "limit_source": None if origin is None else origin.source,
        "limit_verified": None if origin is None else origin.verified,
    }


def _names(connection: sa.Connection, caller: Principal, document: dict[str, Any]) -> dict[str, str]:
    texts = [document["acknowledged_by"], document["assigned_to"], *(one["by"] for one in document["transitions"])]
    texts += [text for one in document["sessions"] for text in (one["opened_by"], one["closed_by"])]
    ids = {*persons_in(texts), *(one["person"] for one in document["deliveries"])}
    # Fields that hold a bare id of a person are looked up as well: a name that is no id finds nothing.
    ids |= {text for text in texts[:2] if text} | {one["id"] for one in document["candidates"]}
    return names_of(connection, caller, ids)


def _steps(id_: str) -> sa.Select[Any]:
    steps = state.transitions
    return (
        sa.select(steps, state.copies.c.bytes)
        .join(state.copies, state.copies.c.sha256 == steps.c.copy, isouter=True)
        .where(steps.c.alert == id_)
        .order_by(steps.c.offset, steps.c.n)
    )


def _deliveries(id_: str) -> sa.Select[Any]:
    """What was to be told of an alert, to whom by which channel, and what became of it."""
    outbox, tried, steps, told = state.outbox, state.attempts, state.transitions, state.told
    about = sa.select(told.c.offset, told.c.n).where(told.c.alert == id_)
    # Rows from before there was ``told``: offsets find them by the primary key, their key says whose they are.
    before = sa.select(outbox.c.offset, outbox.c.n).where(
        outbox.c.offset.in_(sa.select(steps.c.offset).where(steps.c.alert == id_)),
        sa.func.substr(outbox.c.key, 1, len(id_) + 1) == f"{id_}:",
    )
    rows = sa.union(about, before).subquery()
    return (
        sa.select(
            outbox.c.channel,
            outbox.c.person,
            outbox.c.event,
            outbox.c.state_now.label("state"),
            outbox.c.created_at,
            sa.func.coalesce(tried.c.tries, 0).label("tries"),
            sa.func.nullif(tried.c.last_error, "").label("last_error"),
        )
        .join(rows, (rows.c.offset == outbox.c.offset) & (rows.c.n == outbox.c.n))
        .join(tried, (tried.c.offset == outbox.c.offset) & (tried.c.n == outbox.c.n), isouter=True)
        .order_by(outbox.c.offset, outbox.c.n)
        .limit(_DELIVERIES)
    )


def _transition(step: sa.RowMapping) -> dict[str, Any]:
    return {name: step[name] for name in _STEP} | {"payload_b64": _b64(step["bytes"])}


def _records(context: Context, steps: Sequence[sa.RowMapping], began: int | None) -> list[dict[str, Any]]:
    """The journal records that moved the alert, each once; topic and bytes as far as they are kept.

    First the one with which it ``began``: a rule fires at the second bad reading, or later.
    """
    found: list[dict[str, Any]] = []
    first = None if began is None or any(step["offset"] == began for step in steps) else began
    message = None if first is None else context.services.message(first)
    if first is not None and message is not None:
        told = {"topic": message.topic, "received_at": message.received_at, "payload_b64": _b64(message.payload)}
        found.append({"offset": first, "at": message.received_at, "kind": "message", **told})
    looked = 0
    for step in steps:
        if found and found[-1]["offset"] == step["offset"]:
            continue
        raw, kind = step["bytes"], "other"
        record: dict[str, Any] = {"offset": step["offset"], "at": step["at"]}
        if step["by"].startswith(("person:", "account:")):
            kind = "command"
        elif looked < _RECORDS or raw is not None:
            message = context.services.message(step["offset"]) if looked < _RECORDS else None
            looked += 1
            if message is not None:
                record |= {"topic": message.topic, "received_at": message.received_at}
                raw = message.payload if raw is None else raw
            kind = "message" if raw is not None else kind
        found.append({**record, "kind": kind, "payload_b64": _b64(raw)})
    return found


def _beside(
    context: Context, connection: sa.Connection, caller: Principal, row: dict[str, Any], span: dict[str, Any]
) -> dict[str, Any]:
    """Maintenance sessions of the device and late findings of the channel that fall into the span shown."""
    sessions, findings, moves = state.sessions, state.findings, context.moves()
    start, end = span["from"], span["to"]
    open_ = sa.select(*(sessions.c[name] for name in SESSION_KEYS)).where(
        sessions.c.device == row["device"],
        sessions.c.opened_at < end,
        sa.func.coalesce(sessions.c.closed_at, sessions.c.until) >= start,
    )
    late = sa.select(*(findings.c[name] for name in FINDING_KEYS)).where(
        findings.c.device == row["device"],
        findings.c.point == row["point"],
        findings.c.parameter == row["parameter"],
        findings.c.ts >= start,
        findings.c.ts < end,
        condition(caller.scope, findings.c.unit, findings.c.grid),
    )
    rows = connection.execute(open_.order_by(sessions.c.offset)).mappings()
    return {
        "sessions": [
            dict(one) for one in rows if moves.sees(caller.scope, one["device"], one["offset"], one["opened_at"])
        ],
        "findings": [dict(one) for one in connection.execute(late.order_by(findings.c.ts).limit(_FINDINGS)).mappings()],
    }


def _b64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()
