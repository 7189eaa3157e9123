"""The one scope filter: which supervised bodies and which part of the grid an account sees.

Every list, page, export and call of the API asks ``Scope``: ``covers`` for things in memory, ``condition`` for rows
with ``unit`` and ``grid``; rows that only name a device are first narrowed with ``among``, then asked one by one where
the device stood (``moves``). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa


class Scope(msgspec.Struct, frozen=True):
    """``unit`` and ``grid`` (a path of ids) narrow what is seen, both together more so; None = not narrowed.

    ``nothing`` is the scope of an account that should have one and has none: it fails closed.
    """

    unit: str | None = None
    grid: str | None = None
    nothing: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.unit is None and self.grid is None and not self.nothing

    def covers(self, unit: str, grid: str) -> bool:
        """Whether something of ``unit`` at ``grid`` is seen; empty texts mean that it has none."""
        if self.nothing:
            return False
        if self.unit is not None and unit != self.unit:
            return False
        return self.grid is None or grid == self.grid or grid.startswith(f"{self.grid}/")


EVERYTHING = Scope()
NOTHING = Scope(nothing=True)


def scope_of(role: str, unit: str | None, grid: str | None) -> Scope:
    """The scope of an account: a unit user without a unit or grid sees nothing."""
    if role == "unit_user" and not unit and not grid:
        return NOTHING
    return Scope(unit=unit or None, grid=grid or None)


def condition(scope: Scope, unit: sa.ColumnElement[str], grid: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """``Scope.covers`` as SQL. No LIKE: SQLite compares it without regard to case."""
    if scope.nothing:
        return sa.false()
    parts: list[sa.ColumnElement[bool]] = [sa.true()]
    if scope.unit is not None:
        parts.append(unit == scope.unit)
    if scope.grid is not None:
        below = f"{scope.grid}/"
        parts.append(sa.or_(grid == scope.grid, sa.func.substr(grid, 1, len(below)) == below))
    return sa.and_(*parts)


def among(column: sa.ColumnElement[Any], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """``column IN values`` through ``json_each``: SQLite bounds the number of variables, not the length of one."""
    each = sa.func.json_each(msgspec.json.encode(list(values)).decode()).table_valued("value")
    return column.in_(sa.select(each.c.value))
