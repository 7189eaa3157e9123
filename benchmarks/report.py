"""The page of figures: pure text from the figures of this run and of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

Figures = Mapping[str, float]
BUSY = """\
**The machine was busy with other work (load average of {:.1f} a core when the run began).** Rates, times and even CPU
microseconds are worse than on a quiet one; only ratios within this run say something.\
"""


class Run(msgspec.Struct):
    """One run: ``figures`` by key (``backlog/embedded/10000/rate``), ``machine`` as ``machine.describe`` says.

    ``busy`` is the load average a core when it began, ``minutes`` what it took.
    """

    date: str
    mode: str
    minutes: float
    busy: float
    machine: dict[str, str]
    figures: dict[str, float]


class Budget(NamedTuple):
    """A promise of DESIGN 6: the figure ``key`` is at most ``limit``, or at least where ``least``."""

    what: str
    key: str
    limit: float
    unit: str
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure keeps it."""
        return value >= self.limit if self.least else value <= self.limit


class Table(NamedTuple):
    """Rows of (title, key a column); a key None, or one that was not measured, leaves its cell empty."""

    title: str
    words: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str | None]]]


def page(run: Run, before: Run | None, budgets: Sequence[Budget], tables: Sequence[Table], words: str) -> str:
    """The whole document in Markdown; figures of ``before`` stand in brackets."""
    old: Figures = before.figures if before else {}
    parts = [_head(run, before), _budgets(run.figures, old, budgets), words.strip()]
    parts += [_table(table, run.figures, old) for table in tables if _measured(table, run.figures)]
    return "\n\n".join(parts) + "\n"


def shown(value: float) -> str:
    """A figure with three digits that matter."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _head(run: Run, before: Run | None) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; not to be edited. What is measured and how stands below each table.",
        "",
        f"- Run: {run.date}, {run.mode}, {run.minutes:.0f} minutes",
        *(f"- {name.capitalize()}: {text}" for name, text in run.machine.items() if name != "load"),
        f"- Load average when it began: {run.machine['load']}",
    ]
    if before is not None:
        lines.append(f"- In brackets: the run before, {before.date}, load average {before.machine['load']}")
    if run.busy > 0.25:
        lines += ["", BUSY.format(run.busy)]
    return "\n".join(lines)


def _budgets(figures: Figures, old: Figures, budgets: Sequence[Budget]) -> str:
    rows = []
    for budget in budgets:
        sign = ">=" if budget.least else "<="
        promised = f"{sign} {shown(budget.limit)} {budget.unit}".strip()
        value = figures.get(budget.key)
        verdict = "not measured" if value is None else "met" if budget.met(value) else "**not met**"
        rows.append([budget.what, promised, _cell(budget.key, figures, old), verdict])
    return "## Budgets\n\n" + _markdown(["what", "budget", "this run", ""], rows)


def _table(table: Table, figures: Figures, old: Figures) -> str:
    rows = [
        [title, *(_cell(key, figures, old) for key in keys)]
        for title, keys in table.rows
        if any(key in figures for key in keys if key)
    ]
    text = f"## {table.title}\n\n{_markdown(['', *table.columns], rows)}"
    return f"{text}\n\n{table.words.strip()}" if table.words else text


def _cell(key: str | None, figures: Figures, old: Figures) -> str:
    if key is None or key not in figures:
        return ""
    return shown(figures[key]) + (f" ({shown(old[key])})" if key in old else "")


def _measured(table: Table, figures: Figures) -> bool:
    return any(key in figures for _, keys in table.rows for key in keys if key)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
