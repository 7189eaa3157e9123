"""Readings as stored: the list with every value, and the small series that a chart needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from devices.parameters import CATALOGUE
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.faults import RefusedError
from gateway.api.lists import Listed, ListQuery, answer, decode_cursor, encode_cursor
from gateway.api.shapes import Page, Reading
from gateway.store.base import StoredReading

router = APIRouter(tags=["readings"])

#: Stores keep ns in 64 bits: no reading is later than this.
LAST_STORED_MS = 9_223_372_036_854
#: An answer that looks through many devices ends after this time, with a cursor to go on.
PATIENCE_S = 2.0
#: Rows that may share a time at one device; more are read as well, only slower.
_SAME_TIME = 64
_COLUMNS = (
    *("device", "point", "parameter", "ts", "received_at", "value"),
    *("parameter_unit", "flag", "qualifier", "late", "offset"),
)
_CHUNK = 10_000
_Key = tuple[int, str, str]


@router.get("/readings", response_model=Page[Reading])
def readings(
    request: Request,
    caller: Caller,
    query: Listed,
    point: Annotated[str | None, Query(description="Only of this point of a device (`-` = its only one).")] = None,
    parameter: Annotated[str | None, Query(description="Only of this parameter of the catalogue.")] = None,
) -> Response:
    """List readings in order of device and time (`desc` is not offered: begin at a later `from`).

    Without `device` or `place` it goes through every device in scope, and an answer may hold fewer than `limit` items
    and still have a `next`.
    """
    if query.descending:
        raise RefusedError(422, "order: readings are listed in order of time; give a later from")
    context = context_of(request)
    moves = context.moves()
    cursor = decode_cursor(query.after, _cursor)
    names = moves.devices_of(caller.scope, device=query.device, place=query.place)
    below = None if query.place is None else context.whereabouts().below(query.place)
    items: list[dict[str, Any]] = []
    stop = time.monotonic() + PATIENCE_S
    for name in names:
        if cursor is not None and name < cursor[0]:
            continue
        start_key = cursor[1] if cursor is not None and name == cursor[0] else None
        for one in _after(
            context, name, query, point=point, parameter=parameter, last=start_key, wanted=query.limit - len(items)
        ):
            spot = None if caller.scope.everything and below is None else moves.spot(name, one.offset, one.ts)
            if spot is not None and not (
                caller.scope.covers(spot.unit, spot.grid) and (below is None or spot.place in below)
            ):
                continue
            if len(items) == query.limit:
                return answer(items, _next(items), query, _COLUMNS, ("ts", "received_at"))
            items.append(_item(one))
        if time.monotonic() > stop and name != names[-1]:
            return answer(
                items, encode_cursor([name, LAST_STORED_MS, "~", "~"]), query, _COLUMNS, ("ts", "received_at")
            )
    return answer(items, None, query, _COLUMNS, ("ts", "received_at"))


def _after(
    context: Context,
    device: str,
    query: ListQuery,
    *,
    point: str | None,
    parameter: str | None,
    last: _Key | None,
    wanted: int,
) -> Iterator[StoredReading]:
    """Readings of one device after the key ``last``, in order of (ts, parameter, point), as many as are asked for."""
    start, end = query.start, min(query.end, LAST_STORED_MS)
    ask = min(wanted, _CHUNK) + 1 + _SAME_TIME
    if last is not None:
        start = max(start, last[0])
    while start < end:
        rows = context.services.store.read(
            device=device, point=point, parameter=parameter, start=start, end=end, limit=ask
        )
        rows.sort(key=_key)
        full = len(rows) >= ask
        newest = rows[-1].ts if rows else start
        if full and newest == start:
            # All share one time: ask for more of them at once.
            ask *= 2
            continue
        for one in rows:
            # A cut may go through rows of one time: those are read again, whole.
            if (full and one.ts == newest) or (last is not None and _key(one) <= last):
                continue
            yield one
        if not full:
            return
        start = newest


def _key(one: StoredReading) -> _Key:
    return one.ts, one.parameter, one.point


def _item(one: StoredReading) -> dict[str, Any]:
    known = CATALOGUE.get(one.parameter)
    return {
        "device": one.device,
        "point": one.point,
        "parameter": one.parameter,
        "ts": one.ts,
        "received_at": one.received_at,
        "value": one.value,
        "parameter_unit": known.unit if known else "",
        "flag": one.flag,
        "qualifier": one.qualifier,
        "late": one.late,
        "offset": one.offset,
    }


def _next(items: list[dict[str, Any]]) -> str:
    last = items[-1]
    return encode_cursor([last["device"], last["ts"], last["parameter"], last["point"]])


def _cursor(parts: Any) -> tuple[str, _Key]:  # noqa: ANN401 - whatever a cursor holds
    device, ts, parameter, point = parts
    if not (isinstance(device, str) and isinstance(parameter, str) and isinstance(point, str)):
        raise TypeError
    if not isinstance(ts, int) or not 0 <= ts <= LAST_STORED_MS:
        raise ValueError
    return device, (ts, parameter, point)


@router.get("/series")
def series(
    request: Request,
    caller: Caller,
    *,
    device: Annotated[str, Query(description="The device.")],
    parameter: Annotated[str, Query(description="The parameter of the catalogue.")],
    point: Annotated[str, Query(description="The point, `-` = its only one.")] = "-",
    hours: Annotated[int, Query(ge=1, le=168, description="How far back.")] = 24,
    buckets: Annotated[int, Query(ge=10, le=1000, description="Steps of time in the answer.")] = 360,
) -> Response:
    """One channel for a chart: lowest, highest and last value of each step of time that has any.

    `ts` is the time of the last value of a step; a step without a reading is absent, so gaps stay gaps. Values whose
    flag is not N are counted in `flagged` and left out.
    """
    context = context_of(request)
    moves = context.moves()
    now = context.services.clock.now_ms()
    width = max(1, hours * 3_600_000 // buckets)
    end = (now // width + 1) * width
    start = end - width * buckets
    found = _Series(start, width)
    if moves.devices_of(caller.scope, device=device):
        for one in _channel(context, device, point=point, parameter=parameter, start=start, end=end):
            if moves.sees(caller.scope, device, one.offset, one.ts):
                found.add(one)
    body = {"device": device, "point": point, "parameter": parameter, "from": start, "to": end, "step_ms": width}
    return Response(msgspec.json.encode(body | found.columns()), media_type="application/json")


def _channel(
    context: Context, device: str, *, point: str, parameter: str, start: int, end: int
) -> Iterator[StoredReading]:
    """Every reading of one channel: its times are unique, so the next chunk begins after the last."""
    while start < end:
        rows = context.services.store.read(
            device=device, point=point, parameter=parameter, start=start, end=end, limit=_CHUNK
        )
        yield from rows
        if len(rows) < _CHUNK:
            return
        start = rows[-1].ts + 1


class _Series:
    """Folds readings in order of time into steps."""

    def __init__(self, start: int, width: int) -> None:
        self._start, self._width = start, width
        self._step = -1
        self._flagged = 0
        self._ts: list[int] = []
        self._low: list[float] = []
        self._high: list[float] = []
        self._last: list[float] = []

    def add(self, one: StoredReading) -> None:
        if one.flag != "N":
            self._flagged += 1
            return
        step = (one.ts - self._start) // self._width
        if step != self._step:
            self._step = step
            self._ts.append(one.ts)
            self._low.append(one.value)
            self._high.append(one.value)
            self._last.append(one.value)
            return
        self._ts[-1], self._last[-1] = one.ts, one.value
        self._low[-1] = min(self._low[-1], one.value)
        self._high[-1] = max(self._high[-1], one.value)

    def columns(self) -> dict[str, Any]:
        return {"ts": self._ts, "low": self._low, "high": self._high, "last": self._last, "flagged": self._flagged}
