"""The balance of a day (``custody.balance``), from the containers that were collected on it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from custody.balance import KEYS, balance, end_of
from custody.container import Container
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.custody_scope import sees
from gateway.api.faults import wrong
from gateway.api.lists import DEFAULT_LIMIT, LARGEST_LIMIT, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.shapes import Page
from gateway.api.times import LAST_MS
from gateway.histories import Histories

router = APIRouter(tags=["custody"])

_DAY = "a day, such as 2026-01-31"
#: The ids that events of a day name by which a container comes to belong to that day.
_NAMED = """
    SELECT DISTINCT l.entity FROM custody_events AS e JOIN custody_links AS l ON l."offset" = e."offset"
    WHERE e.ts >= :begin AND e.ts < :end AND (:unit = '' OR e.unit = :unit OR e.step = 'receive')
    AND e.step IN ('collect', 'store_in', 'store_out', 'load', 'receive') AND l.entity NOT LIKE 'manifest:%'
    AND l.entity NOT LIKE 'vehicle:%' AND l.entity NOT LIKE 'trip:%'
"""


class BalanceRow(BaseModel):
    """One unit, local day and category: how many containers came to each stage, and their net weight in grams there.

    A weight is null where nothing was weighed at that stage; `part` names the stages at which not all were, each alone
    or in a group of this row. `difference_g` is that of the two stages furthest apart. `missing` are containers of
    which nobody knows where they are, `skipped` those that came further without having been in the store.
    """

    unit: str
    day: str
    category: str
    department_n: int
    department_g: int | None
    store_in_n: int
    store_in_g: int | None
    store_out_n: int
    store_out_g: int | None
    loaded_n: int
    loaded_g: int | None
    received_n: int
    received_g: int | None
    disposed_n: int
    difference_g: int
    tolerance_g: int
    ok: bool
    missing: list[str]
    skipped: list[str]
    part: list[str]


@router.get("/balance", response_model=Page[BalanceRow])
def balances(
    request: Request,
    caller: Caller,
    *,
    unit: Annotated[str | None, Query(max_length=100, description="Only of this unit.")] = None,
    day: Annotated[str | None, Query(max_length=20, description=f"The local day, {_DAY}; without it today.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Most items in one answer.")] = DEFAULT_LIMIT,
    after: Annotated[str | None, Query(max_length=400, description="`next` of the answer before.")] = None,
    format: Annotated[Literal["json", "csv"], Query(description="`csv` for a file.")] = "json",  # noqa: A002 - the name in the query
) -> Response:
    """Balance what departments handed over on a day with store, vehicle and plant: a row a unit and category.

    Weights are net grams, null where nothing was weighed at that stage.
    """
    services = context_of(request).services
    zone, now = services.settings.zone, services.clock.now_ms()
    found_day = _day(day, zone, now)
    cursor = decode_cursor(after, _cursor)
    waste = [
        one
        for one in containers_of(services.histories(), services.engine, zone, found_day, unit)
        if sees(caller.scope, one, services.registry())
    ]
    profiles = services.histories().profiles
    rows = [
        row.item()
        for name in sorted({one.unit for one in waste})
        if name and unit in {None, name}
        for row in balance(waste, name, found_day, zone, profiles, now=now)
    ]
    left = [row for row in rows if cursor is None or (row["unit"], row["category"]) > cursor]
    items = left[:limit]
    next_ = encode_cursor([items[-1]["unit"], items[-1]["category"]]) if len(left) > limit else None
    query = ListQuery(limit, after, 0, LAST_MS, None, None, format == "csv", descending=False, zone=zone)
    return answer(items, next_, query, KEYS)


def containers_of(
    histories: Histories, engine: sa.Engine, zone: ZoneInfo, day: str, unit: str | None
) -> list[Container]:
    """The containers that events of a day name, with what is in them and what they are in; of other days as well."""
    end = end_of(day, zone)
    begin = end_of((dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat(), zone)
    with engine.connect() as connection:
        named = connection.execute(sa.text(_NAMED), {"begin": begin, "end": end, "unit": unit or ""}).scalars().all()
    found = {one.id: one for one in histories.containers(sorted(named))}
    known = {text.v for one in found.values() for text in one.ids}
    packed = (seen.fact for one in found.values() for seen in one.history if seen.fact.step == "pack")
    inside = {name for fact in packed if fact.parent is not None and fact.parent.v in known for name in fact.names}
    found |= {one.id: one for one in histories.containers(sorted(inside - known))}
    return [found[name] for name in sorted(found)]


def _day(text: str | None, zone: ZoneInfo, now: int) -> str:
    if text is None:
        return dt.datetime.fromtimestamp(now / 1000, zone).date().isoformat()
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        raise wrong("day", text, _DAY) from None
    if not 2000 <= found.year <= 2100:
        raise wrong("day", text, "a day from 2000 to 2100")
    return found.isoformat()


def _cursor(parts: Any) -> tuple[str, str]:  # noqa: ANN401 - whatever a cursor holds
    unit, category = parts
    if not isinstance(unit, str) or not isinstance(category, str):
        raise TypeError
    return unit, category
