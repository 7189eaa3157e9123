"""What is printed, apart from how: a start of the gateway reads no library of PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Part(msgspec.Struct, frozen=True):
    """What one of the parties fills in: names and values, two pairs in a row; ``sign`` are lines for a pen."""

    title: str
    facts: Sequence[tuple[str, str]]
    sign: Sequence[str] = ()


class Rows(msgspec.Struct, frozen=True):
    """A table. ``wide`` are the shares of the columns, those in ``numbers`` stand to the right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: Sequence[float]
    numbers: frozenset[int] = frozenset()
    last: Sequence[str] = ()


class Slip(msgspec.Struct, frozen=True):
    """A manifest as it is printed, in one language. ``page`` has ``{page}`` and ``{pages}``."""

    title: str
    number: str
    state: str
    code: str
    code_name: str
    link: str
    parts: Sequence[Part]
    tables: Sequence[Rows]
    notes: Sequence[str]
    page: str


class Layout(msgspec.Struct, frozen=True):
    """Labels on an A4 sheet; ``edge`` is what stays free of print inside of each label, in mm."""

    columns: int
    rows: int
    left_mm: float = 0.0
    top_mm: float = 0.0
    edge_mm: float = 3.0

    @property
    def number(self) -> int:
        """Labels on one sheet."""
        return self.columns * self.rows


#: Sheets that are sold, by columns x rows; those without a margin of their own are cut to the edge.
LAYOUTS: Mapping[str, Layout] = {
    "3x8": Layout(3, 8),
    "2x7": Layout(2, 7, left_mm=4.65, top_mm=15.1),
    "2x4": Layout(2, 4),
    "1x4": Layout(1, 4, edge_mm=6.0),
}


class Words(msgspec.Struct, frozen=True):
    """What stands on every label, in one language."""

    mark: str
    other_mark: str
    unit: str
    categories: Sequence[str]
    department: str
    date: str
