"""The readings around an alert: what a person needs to see to believe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.api.auth import Principal
from gateway.api.context import Context
from gateway.store.base import RetryError, StoredReading

#: Shown before the beginning and after the end of an alert.
MARGIN_MS = 3_600_000
#: Of an alert that stands for weeks only the beginning is shown.
LONGEST_MS = 7 * 24 * MARGIN_MS
MOST = 2_000
_CHUNK = 10_000


def around(context: Context, caller: Principal, alert: Mapping[str, Any]) -> dict[str, Any]:
    """``{from, to, limit_value, thinned, missing, began, items: [{ts, value, flag, late}]}`` of the channel, by time.

    Of more than 2,000 readings the lowest and the highest of each step of time are kept (``thinned``). An alert of a
    whole device has none. What the device measured elsewhere, out of the caller's scope, is left out. ``missing``: the
    store cannot be read now, which must not hide the alert. ``began`` is the journal offset of the reading with which
    it began, None where the store does not know.
    """
    start = max(0, alert["since"] - MARGIN_MS)
    until = alert["cleared_at"] or alert["closed_at"] or context.services.clock.now_ms()
    end = min(max(until, alert["since"]) + MARGIN_MS, start + LONGEST_MS)
    items: list[StoredReading] = []
    missing = False
    if alert["parameter"]:
        try:
            items = list(_readings(context, caller, alert, start, end))
        except RetryError:
            missing = True
    kept = _thinned(items, start, end) if len(items) > MOST else items
    began = next((one.offset for one in items if one.ts == alert["since"] and one.offset is not None), None)
    return {
        "from": start,
        "to": end,
        "limit_value": alert["limit_value"],
        "thinned": len(kept) < len(items),
        "missing": missing,
        "began": began,
        "items": [{"ts": one.ts, "value": one.value, "flag": one.flag, "late": one.late} for one in kept],
    }


def _readings(
    context: Context, caller: Principal, alert: Mapping[str, Any], start: int, end: int
) -> Iterator[StoredReading]:
    moves, device = context.moves(), alert["device"]
    while start < end:
        rows = context.services.store.read(
            device=device,
            point=alert["point"] or "-",
            parameter=alert["parameter"],
            start=start,
            end=end,
            limit=_CHUNK,
        )
        yield from (one for one in rows if moves.sees(caller.scope, device, one.offset, one.ts))
        if len(rows) < _CHUNK:
            return
        start = rows[-1].ts + 1


def _thinned(items: list[StoredReading], start: int, end: int) -> list[StoredReading]:
    """The lowest and the highest reading of each of 1,000 steps, in order of time."""
    width = max(1, -(-(end - start) // (MOST // 2)))
    steps: dict[int, list[StoredReading]] = {}
    for one in items:
        steps.setdefault((one.ts - start) // width, []).append(one)
    found: list[StoredReading] = []
    for step in steps.values():
        ends = {min(step, key=_value).ts, max(step, key=_value).ts}
        found += [one for one in step if one.ts in ends]
    return found


def _value(one: StoredReading) -> float:
    return one.value
