"""The value that broke a limit: an alert that is over holds the value that ended it, which is a good one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from gateway import state
from gateway.api.scope import among


def with_broken(connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Add ``bad_value`` (of the newest firing) and ``side``: ``low``, ``high``, or empty where nothing was broken."""
    items = list(rows)
    steps = state.transitions
    over = [one["id"] for one in items if one["cleared_at"] is not None]
    statement = (
        sa.select(steps.c.alert, steps.c.value)
        .where(among(steps.c.alert, over), steps.c.event == "fired", steps.c.value.is_not(None))
        .order_by(steps.c.offset, steps.c.n)
    )
    fired = {str(row.alert): float(row.value) for row in connection.execute(statement)} if over else {}
    for one in items:
        value = fired.get(one["id"]) if one["cleared_at"] is not None else one["value"]
        one["bad_value"], one["side"] = value, _side(value, one["limit_value"])


def _side(value: float | None, limit: float | None) -> str:
    if value is None or limit is None or value == limit:
        return ""
    return "low" if value < limit else "high"
