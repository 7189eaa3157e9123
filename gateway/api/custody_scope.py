"""Which containers an account sees: the scope filter (``gateway.api.scope``) for what many units have a part in.

A container is seen by its producer and by the district where it was produced. A unit with an account of its own, such
as a carrier or a plant, also sees what it holds and, where its work is the waste of others, what it ever handled.
"""

from __future__ import annotations

import sqlalchemy as sa

from custody.container import Container
from devices.registry import Registry
from gateway import state
from gateway.api.scope import Scope, condition

_TABLE = state.containers
#: Kinds of units, and producer profiles, that handle waste of others.
HANDLERS = frozenset({"carrier", "plant", "collection_point"})
#: Events of a container: those that name one of its ids, and those of its manifest.
_EVENTS = """
    SELECT 1 FROM custody_links AS l JOIN custody_events AS e ON e."offset" = l."offset"
    WHERE l.entity IN (
        SELECT json_extract(value, '$.v') FROM json_each(containers.ids)
        UNION ALL SELECT containers.id
        UNION ALL SELECT 'manifest:' || containers.manifest
    )
"""


def sees(scope: Scope, container: Container, registry: Registry) -> bool:
    """Whether a container is in scope.

    That a unit sent an event about it counts only for those whose work it is: whoever reads the label on a bag could
    make its history its own otherwise.
    """
    if scope.covers(container.unit, container.grid):
        return True
    if scope.nothing or scope.unit is None or scope.grid is not None:
        return False
    if scope.unit == container.holder:
        return True
    return _handles(scope.unit, registry) and scope.unit in {one.fact.spot.unit for one in container.history}


def seen(scope: Scope, registry: Registry) -> sa.ColumnElement[bool]:
    """``sees`` for rows of ``state.containers``. A producer's list does not look through the events of everybody."""
    own = condition(scope, _TABLE.c.unit, _TABLE.c.grid)
    if scope.nothing or scope.unit is None or scope.grid is not None:
        return own
    mine = sa.or_(own, _TABLE.c.holder == scope.unit)
    if not _handles(scope.unit, registry):
        return mine
    return sa.or_(mine, _event("e.unit = :handled_by").bindparams(handled_by=scope.unit))


def _handles(unit: str, registry: Registry) -> bool:
    """Whether the registry says that a unit handles waste of others."""
    entry = registry.get("units", unit) or {}
    return entry.get("kind") in HANDLERS or entry.get("producer") in HANDLERS


def of_device(device: str) -> sa.ColumnElement[bool]:
    """Containers that an event of this device names."""
    known = sa.exists().where(state.custody_events.c.terminal == device)
    return sa.and_(known, _event("e.terminal = :of_device").bindparams(of_device=device))


def _event(which: str) -> sa.TextClause:
    return sa.text(f"EXISTS ({_EVENTS} AND {which})")
