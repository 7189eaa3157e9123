"""The scope filter in memory and in SQL says the same."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.scope import EVERYTHING, NOTHING, Scope, among, condition, scope_of

UNITS = (None, "wtp-1", "WTP-1", "hosp-1")
GRIDS = (None, "gulou", "gulou/hunan-lu", "Gulou", "gu%", "gulo_")
ROWS = list(
    itertools.product(("", "wtp-1", "WTP-1", "hosp-1"), ("", "gulou", "gulou/hunan-lu", "gulou2", "GULOU/x", "guluo"))
)


def test_a_grid_covers_itself_and_what_is_below_it_only() -> None:
    """A path is compared step by step, not letter by letter."""
    scope = Scope(grid="gulou")
    assert scope.covers("any", "gulou")
    assert scope.covers("any", "gulou/hunan-lu/3")
    assert not scope.covers("any", "gulou2")
    assert not scope.covers("any", "")


def test_unit_and_grid_together_narrow_more() -> None:
    """Both must hold."""
    scope = Scope(unit="wtp-1", grid="gulou")
    assert scope.covers("wtp-1", "gulou/a")
    assert not scope.covers("wtp-1", "xuanwu")
    assert not scope.covers("wtp-2", "gulou")


def test_a_unit_user_without_unit_and_grid_sees_nothing() -> None:
    """What is missing fails closed."""
    assert scope_of("unit_user", None, "") == NOTHING
    assert not NOTHING.covers("", "")
    assert scope_of("viewer", None, None) == EVERYTHING
    assert scope_of("officer", None, "gulou") == Scope(grid="gulou")


@pytest.mark.parametrize(("unit", "grid"), list(itertools.product(UNITS, GRIDS)))
def test_sql_and_memory_agree(unit: str | None, grid: str | None) -> None:
    """The same rows pass the condition as pass ``covers``, letter case and wildcards included."""
    _agree(Scope(unit=unit, grid=grid))


def test_sql_hides_everything_from_nothing() -> None:
    """The scope that sees nothing is false in SQL."""
    _agree(NOTHING)


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_text_is_a_scope(unit: str, grid: str) -> None:
    """No text of an account breaks the SQL or widens it."""
    text = "".join(letter for letter in unit if letter.isprintable()), "".join(one for one in grid if one.isprintable())
    _agree(Scope(unit=text[0], grid=text[1]))


def test_among_takes_any_number_of_values() -> None:
    """More values than SQLite has variables are one variable."""
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("name", sa.Text))
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"name": f"d-{n}"} for n in range(5)])
        wanted = [f"d-{n}" for n in range(3, 60_000)]
        found = connection.execute(sa.select(table.c.name).where(among(table.c.name, wanted))).scalars().all()
    engine.dispose()
    assert sorted(found) == ["d-3", "d-4"]


def _agree(scope: Scope) -> None:
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("unit", sa.Text), sa.Column("grid", sa.Text))
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"unit": unit, "grid": grid} for unit, grid in ROWS])
        rows = connection.execute(sa.select(table).where(condition(scope, table.c.unit, table.c.grid))).all()
    engine.dispose()
    assert sorted(map(tuple, rows)) == sorted(row for row in ROWS if scope.covers(*row))
