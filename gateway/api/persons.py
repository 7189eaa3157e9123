"""People of the registry as the pages show them: a name beside an id, never a phone number or an address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from devices.registry import Registry
from gateway import state
from gateway.api.auth import Principal
from gateway.api.context import Context
from gateway.api.scope import among

#: More than these are not offered to be chosen from.
MOST = 200


def names_of(connection: sa.Connection, caller: Principal, ids: Iterable[str]) -> dict[str, str]:
    """Names by id, of those that have one. Who did not sign in sees ids only."""
    wanted = sorted({one for one in ids if one})
    if caller.how == "nobody" or not wanted:
        return {}
    table = state.people_private
    rows = connection.execute(sa.select(table.c.id, table.c.body).where(among(table.c.id, wanted))).all()
    found: dict[str, str] = {}
    for name, body in rows:
        written = msgspec.json.decode(body).get("name")
        if isinstance(written, Mapping):
            written = written.get("zh") or written.get("en")
        if written:
            found[name] = str(written)
    return found


def persons_in(texts: Iterable[str | None]) -> Iterator[str]:
    """The ids in texts of the form ``person:ID``."""
    for text in texts:
        if text is not None and text.startswith("person:"):
            yield text.removeprefix("person:")


def candidates(context: Context, alert: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Who an alert may be assigned to: the officers of its part of the grid and the people of its unit."""
    registry = context.services.registry()
    ordered = dict.fromkeys([*_of_unit(registry, alert["unit"]), *_of_grid(registry, alert["grid"])])
    found = []
    for name in ordered:
        body = registry.get("people", name)
        if body is not None:
            found.append({"id": name, "role": body.get("role", ""), "unit": body.get("unit", "")})
    return found[:MOST]


def _of_unit(registry: Registry, unit: str) -> Iterator[str]:
    yield from (registry.get("units", unit) or {}).get("contacts", []) if unit else []
    for name in registry.ids("people"):
        body = registry.get("people", name) or {}
        if unit and body.get("unit") == unit:
            yield name


def _of_grid(registry: Registry, grid: str) -> Iterator[str]:
    """The nearest officers first."""
    for name in reversed(grid.split("/")) if grid else ():
        yield from (registry.get("grid", name) or {}).get("officers", [])
