"""Which manifests an account sees: its district by where the waste came from, and each unit that has a part in it."""

from __future__ import annotations

import sqlalchemy as sa

from custody.manifest import Manifest
from gateway import state
from gateway.api.scope import Scope, condition

_TABLE = state.manifests


def seen(scope: Scope) -> sa.ColumnElement[bool]:
    """Rows of ``state.manifests`` in scope."""
    own = condition(scope, _TABLE.c.consignor, _TABLE.c.grid)
    if scope.nothing or scope.unit is None or scope.grid is not None:
        return own
    return sa.or_(own, _TABLE.c.carrier == scope.unit, _TABLE.c.receiver == scope.unit)


def sees(scope: Scope, found: Manifest) -> bool:
    """``seen`` for one manifest."""
    if scope.covers(found.consignor, found.mover.spot.grid if found.mover else ""):
        return True
    if scope.nothing or scope.unit is None or scope.grid is not None:
        return False
    return scope.unit in {part.unit for part in (found.carrier, found.receiver) if part is not None}
