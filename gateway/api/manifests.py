"""Manifests: the list of them as they stand, and one of them with what each party filled in."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from custody.manifest import Manifest, Part, State, weighed
from gateway import state
from gateway.api import custody_events
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.lists import LARGEST_OFFSET, Listed, answer, decode_cursor, encode_cursor
from gateway.api.manifest_scope import seen, sees
from gateway.api.persons import names_of
from gateway.api.shapes import Page
from gateway.api.times import ALLOWED, parse_time

router = APIRouter(tags=["custody"])

_TABLE = state.manifests
_KEYS = (
    *("id", "state", "consignor", "carrier", "receiver", "vehicle", "opened_at", "departed_at", "received_at"),
    *("confirmed_at", "loaded", "received", "net_g", "offset"),
)
_TIMES = ("opened_at", "departed_at", "received_at", "confirmed_at")
_TEXTS = ("consignor", "carrier", "receiver", "vehicle")
_LONGEST = 256


class ManifestRow(BaseModel):
    """A manifest as it stands. `consignor`, `carrier` and `receiver` are units; `loaded` and `received` containers."""

    id: str
    state: State
    consignor: str | None
    carrier: str | None
    receiver: str | None
    vehicle: str | None
    opened_at: int | None
    departed_at: int | None
    received_at: int | None
    confirmed_at: int | None
    loaded: int
    received: int
    net_g: int | None
    offset: int


class ManifestPart(BaseModel):
    """What one party filled in by an event."""

    offset: int
    at: int
    unit: str | None
    place: str | None
    by: dict[str, Any] | None
    with_: dict[str, Any] | None


class ManifestLine(BaseModel):
    """One container of a manifest; weights are its own, net, in grams."""

    id: str
    category: str | None
    net_g: int | None
    fate: str
    received_g: int | None


class ManifestWhole(ManifestRow):
    """A manifest with its parts, lines and weights; `others` are units whose waste went under the same number."""

    received_g: int | None
    mover: ManifestPart | None
    departed: ManifestPart | None
    arrived: ManifestPart | None
    taken: ManifestPart | None
    confirmed: ManifestPart | None
    lines: list[ManifestLine]
    groups: list[dict[str, Any]]
    surplus: list[str]
    others: list[dict[str, Any]]
    unconfirmed_since: int | None
    as_known_at: int | None
    names: dict[str, str]


@router.get("/manifests", response_model=Page[ManifestRow])
def manifests(
    request: Request,
    caller: Caller,
    query: Listed,
    *,
    state_: Annotated[State | None, Query(alias="state", description="Only in this state.")] = None,
    unit: Annotated[str | None, Query(max_length=100, description="Only of this consignor.")] = None,
) -> Response:
    """List manifests in the order in which they became known; `from` and `to` are about their first event."""
    if query.device is not None or query.place is not None:
        raise wrong("device or place", query.device or query.place, "neither: a manifest is of units")
    statement = sa.select(*(_TABLE.c[name] for name in _KEYS)).where(seen(caller.scope))
    if query.bounded:
        statement = statement.where(_TABLE.c.opened_at >= query.start, _TABLE.c.opened_at < query.end)
    if state_ is not None:
        statement = statement.where(_TABLE.c.state == state_)
    if unit is not None:
        statement = statement.where(_TABLE.c.consignor == unit)
    key = sa.tuple_(_TABLE.c.offset, _TABLE.c.id)
    cursor = decode_cursor(query.after, _cursor)
    if cursor is not None:
        statement = statement.where(key < sa.tuple_(*cursor) if query.descending else key > sa.tuple_(*cursor))
    by = (_TABLE.c.offset.desc(), _TABLE.c.id.desc()) if query.descending else (_TABLE.c.offset, _TABLE.c.id)
    with context_of(request).services.engine.connect() as connection:
        rows = connection.execute(statement.order_by(*by).limit(query.limit + 1)).mappings().all()
    items = [{**row, **{name: row[name] or None for name in _TEXTS}} for row in rows[: query.limit]]
    next_ = encode_cursor([items[-1]["offset"], items[-1]["id"]]) if len(rows) > query.limit else None
    return answer(items, next_, query, _KEYS, _TIMES)


@router.get("/manifests/{id}", response_model=ManifestWhole, responses={404: {"model": Reason}})
def manifest(
    request: Request,
    caller: Caller,
    id: Annotated[str, Path(max_length=_LONGEST, description="Number of the manifest, URL-quoted.")],  # noqa: A002
    as_known_at: Annotated[
        str | None, Query(max_length=60, description=f"As it was known when this was received: {ALLOWED}.")
    ] = None,
) -> Response:
    """Show one manifest as it is known now, or was known at a time."""
    services = context_of(request).services
    histories = services.histories()
    now = histories.manifest(id)
    if now is None or not sees(caller.scope, now):
        raise RefusedError(404, f"there is no manifest {id[:100]!r}")
    at = None
    if as_known_at is not None:
        try:
            at = parse_time(as_known_at, services.settings.zone)
        except ValueError:
            raise wrong("as_known_at", as_known_at, ALLOWED) from None
    found = now if at is None else histories.manifest(id, at)
    if found is None:
        raise RefusedError(404, f"the manifest {id[:100]!r} was not known then")
    weighed(found, histories.containers([line.id for line in found.lines], at))
    people = [party.person for fact in found.facts for party in custody_events.parties(fact)]
    with services.engine.connect() as connection:
        names = names_of(connection, caller, people)
    document = _described(found) | {"as_known_at": at, "names": names}
    return Response(msgspec.json.encode(document), media_type="application/json")


def _described(found: Manifest) -> dict[str, Any]:
    row = {name: found.row()[name] for name in _KEYS}
    return {
        **row,
        **{name: row[name] or None for name in _TEXTS},
        "received_g": found.received_g,
        "mover": _part(found.mover),
        "departed": _part(found.carrier),
        "arrived": _part(found.arrived),
        "taken": _part(found.receiver),
        "confirmed": _part(found.confirmed),
        "lines": [{**(custody_events.fields(line) or {}), "category": line.category or None} for line in found.lines],
        "groups": [custody_events.fields(one) for one in found.groups],
        "surplus": found.surplus,
        "others": [{"offset": offset, "unit": unit} for offset, unit in found.others],
        "unconfirmed_since": next((one.at for one in found.conditions), None),
    }


def _part(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "offset": part.offset,
        "at": part.at,
        "unit": part.unit or None,
        "place": part.spot.place or None,
        "by": part.by and custody_events.fields(part.by),
        "with": part.with_ and custody_events.fields(part.with_),
    }


def _cursor(parts: Any) -> tuple[int, str]:  # noqa: ANN401 - whatever a cursor holds
    offset, name = parts
    if not isinstance(name, str) or not isinstance(offset, int) or not -1 <= offset <= LARGEST_OFFSET:
        raise ValueError
    return offset, name
