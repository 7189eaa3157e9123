"""EPCIS 2.0 documents (JSON-LD) of one container or of a day (docs/epcis.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from custody.container import Container
from custody.epcis import document
from custody.fact import Fact
from custody.known import VEHICLE_MS, Known
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.custody_scope import sees
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.scope import Scope
from gateway.config import Settings

router = APIRouter(tags=["custody"])

MEDIA_TYPE = "application/ld+json"
#: A document of more containers than this is refused: whoever asks names a unit.
MOST = 10_000
_DAY = "a day, such as 2026-01-31"
_decode = msgspec.msgpack.Decoder(Fact).decode


@router.get(
    "/epcis",
    responses={200: {"content": {MEDIA_TYPE: {}}}, 404: {"model": Reason}},
    response_class=Response,
)
def epcis(
    request: Request,
    caller: Caller,
    *,
    container: Annotated[str | None, Query(max_length=256, description="Any id of one container.")] = None,
    day: Annotated[str | None, Query(max_length=10, description=f"All events of {_DAY}.")] = None,
    unit: Annotated[str | None, Query(max_length=100, description="Of a day: only waste of this producer.")] = None,
) -> Response:
    """Return an EPCIS 2.0 document of one container, or of all events of a day (of this installation's time zone)."""
    context = context_of(request)
    if (container is None) == (day is None):
        raise wrong("container", container, "container or day, one of them")
    settings = context.services.settings
    common: dict[str, Any] = {"base": base_of(settings), "zone": settings.zone, "at": context.services.clock.now_ms()}
    if day is None:
        one = context.services.histories().container(str(container))
        if one is None or not sees(caller.scope, one, context.services.registry()):
            raise RefusedError(404, f"there is no container {str(container)[:100]!r}")
        found = document([one], **common)
    else:
        since, until = _span(day, settings.zone)
        found = document(_of_day(context, caller.scope, since, until, unit), **common, since=since, until=until)
    return Response(msgspec.json.encode(found), media_type=MEDIA_TYPE)


def base_of(settings: Settings) -> str:
    """The URI under which this installation names things: its public address, else the host of its ledger's origin."""
    return settings.http.public_url or f"https://{settings.ledger.origin.partition('/')[0]}"


def _span(day: str, zone: tzinfo) -> tuple[int, int]:
    """Begin and end of a local day in ms."""
    try:
        first = date.fromisoformat(day)
        begin, end = (
            datetime.combine(one, datetime.min.time(), zone).timestamp() for one in (first, first + timedelta(days=1))
        )
    except (ValueError, OverflowError):
        raise wrong("day", day, _DAY) from None
    return round(begin * 1000), round(end * 1000)


def _of_day(context: Context, scope: Scope, since: int, until: int, unit: str | None) -> list[Container]:
    """Containers in scope that something happened to in that span, in the order of their ids."""
    events = state.custody_events
    statement = sa.select(events.c.fact).where(events.c.ts >= since, events.c.ts < until)
    histories, registry = context.services.histories(), context.services.registry()
    with context.services.engine.connect() as connection:
        facts = [_decode(raw) for (raw,) in connection.execute(statement) if raw]
    with histories.known() as known:
        texts = sorted({text for fact in facts for text in _about(known, fact)})
    if len(texts) > MOST:
        raise RefusedError(422, f"{len(texts)} containers on this day, allowed are {MOST}: name a unit")
    found = histories.containers(texts)
    return sorted(
        (one for one in found if sees(scope, one, registry) and (unit is None or one.unit == unit)),
        key=lambda one: one.id,
    )


def _about(known: Known, fact: Fact) -> Iterable[str]:
    """The ids of all containers that an event may be about; of a group, those that ever went into it."""
    yield from fact.names
    if fact.parent is not None:
        yield fact.parent.v
    if fact.names:
        return
    groups = [] if fact.parent is None else [known.facts(fact.parent.v)]
    if fact.manifest:
        groups.append(known.facts(f"manifest:{fact.manifest}"))
    elif fact.vehicle:
        groups.append(known.facts(f"vehicle:{fact.vehicle}", since=fact.ts - VEHICLE_MS, until=fact.ts))
    for others in groups:
        for other in others:
            yield from other.names
    for other in known.event(fact.of) if fact.of else ():
        yield from other.names
