"""Readings out of the wide tables of the embedded store: the query, and rows taken apart again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.store.base import StoredReading


def select(
    table: str, columns: Mapping[str, str], parameters: Sequence[str], point: str | None, rows: int
) -> tuple[str, dict[str, str | int]]:
    """The first ``rows`` rows that hold one of ``parameters``, and all others of the last of their times."""
    fields = []
    for name in parameters:
        marks = [quote(name + suffix) if name + suffix in columns else "NULL" for suffix in ("_flag", "_q")]
        fields += [quote(name), *marks]
    some = " OR ".join(f"{quote(name)} IS NOT NULL" for name in parameters)
    where = f"FROM {quote(table)} WHERE device = $device AND ts >= $start AND ts < $end AND ({some})"
    values: dict[str, str | int] = {"rows": rows}
    if point is not None:
        where += " AND point = $point"
        values["point"] = point
    query = (
        f'SELECT point, ts, received_at, late, "offset", {", ".join(fields)} {where} '  # noqa: S608 - quoted names
        f"AND ts <= (SELECT max(ts) FROM (SELECT ts {where} ORDER BY ts LIMIT $rows)) ORDER BY ts"
    )
    return query, values


def readings(device: str, parameters: Sequence[str], row: Sequence[Any]) -> list[StoredReading]:
    """Take one row of ``select`` apart into its readings."""
    point, ts, received_at, late, offset, *fields = row
    found = []
    for at, parameter in enumerate(parameters):
        value, flag, qualifier = fields[3 * at : 3 * at + 3]
        if value is not None:
            found.append(
                StoredReading(
                    device=device,
                    point=point,
                    parameter=parameter,
                    ts=ts,
                    received_at=received_at,
                    value=value,
                    flag=flag or "N",
                    qualifier=qualifier or "",
                    late=late,
                    offset=offset,
                )
            )
    return found


def quote(name: str) -> str:
    """Write an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
