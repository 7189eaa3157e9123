"""Tables of rows, from XLSX sheets and CSV files alike, and the entries they hold."""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from devices.fields import DEFAULT_ZONE, instant
from devices.files.faults import Fault, Path, Spot, fault_at
from devices.files.headings import (
    ALWAYS,
    Column,
    columns_of,
    headings_of,
    is_remark,
    language_of,
    normal,
    since_of,
)
from devices.files.raw import Raw, RawEntry
from devices.sections import SHEETS

#: Rows of titles that may stand above the headings.
_TITLE_ROWS = 5
_LIST = re.compile(r"[,;，；、\n]")
_MAP = re.compile(r"[;；\n]")


class Table(msgspec.Struct):
    """One sheet: ``rows`` are (row number, cells as text), headings among the first of them."""

    title: str
    section: str
    rows: list[tuple[int, list[str]]]
    #: Several sections share the headings: a heading of another section is no fault.
    lenient: bool = False


class _Row(msgspec.Struct):
    raw: dict[str, Any]
    spot: RowSpot


class RowSpot:
    """Finds the column of a path in one row; for a list with a sheet of its own in the rows of that."""

    def __init__(self, table: Table, row: int, columns: Sequence[Column | None], headings: Sequence[str]) -> None:
        self._table = table
        self._row = row
        self._columns = columns
        self._headings = headings
        self.lists: dict[str, list[RowSpot]] = {}

    def __call__(self, path: Path) -> Spot:
        """Where ``path`` of this row's entry stands."""
        below = self.lists.get(str(path[0]), []) if len(path) > 1 else []
        if below and isinstance(path[1], int) and path[1] < len(below):
            return below[path[1]](path[2:])
        return Spot(self._table.title, self._row, self._heading(path))

    def _heading(self, path: Path) -> str:
        if not path:
            return ""
        present = list(zip(self._columns, self._headings, strict=False))
        for column, heading in present:
            if column is not None and path[: len(column.path)] == column.path:
                return heading
        for column, heading in present:
            if column is not None and column.path[: len(path)] == path:
                return heading
        for column in columns_of(self._table.section):
            if column.path[: len(path)] == path:
                return column.heading(language_of(self._headings))
        return str(path[0])


def entries_of_tables(tables: Iterable[Table], raw: Raw) -> None:
    """Add the entries of all tables of one import to ``raw``, rows of channels and their like joined to them."""
    lists: dict[str, list[_Row]] = {}
    for table in tables:
        rows = _rows(table, raw.faults)
        if table.section in SHEETS:
            lists.setdefault(table.section, []).extend(rows)
        else:
            raw.entries += [RawEntry(table.section, row.raw, row.spot) for row in rows]
    raw.kept = tuple(sheet for sheet in SHEETS if sheet not in lists)
    for sheet, rows in lists.items():
        _join(sheet, rows, raw)


def _rows(table: Table, faults: list[Fault]) -> list[_Row]:
    known = headings_of(table.section)
    rows = [(number, cells) for number, cells in table.rows if any(cells)]
    if not rows:
        return []
    hits = [sum(normal(cell) in known for cell in cells) for _, cells in rows[:_TITLE_ROWS]]
    at = next((index for index, count in enumerate(hits) if count > 1), 0)
    number, headings = rows[at]
    columns = _columns(table, number, headings, faults)
    found = []
    for row, cells in rows[at + 1 :]:
        spot = RowSpot(table, row, columns, headings)
        entry: dict[str, Any] = {}
        for column, cell in zip(columns, cells, strict=False):
            if column is not None and cell:
                _place(entry, column, cell, spot, faults)
        if entry:
            found.append(_Row(entry, spot))
    return found


def _columns(table: Table, row: int, headings: list[str], faults: list[Fault]) -> list[Column | None]:
    known = headings_of(table.section)
    columns: list[Column | None] = []
    for heading in headings:
        column = known.get(normal(heading))
        if heading and column is None and not is_remark(heading) and not table.lenient:
            allowed = ", ".join(dict.fromkeys(f"{one.zh}/{one.en}" for one in known.values()))
            faults.append(fault_at(Spot(table.title, row, heading), heading, "unknown_key", allowed))
        elif column is not None and column in columns:
            first = headings[columns.index(column)]
            faults.append(fault_at(Spot(table.title, row, heading), heading, "duplicate", first))
            column = None
        columns.append(column)
    return columns


def _place(entry: dict[str, Any], column: Column, cell: str, spot: RowSpot, faults: list[Fault]) -> None:
    value: Any = cell
    try:
        if column.shape == "list":
            value = _list(cell)
        elif column.shape == "map":
            value = _map(cell)
        elif column.values:
            value = column.values.get(normal(cell), cell)
    except ValueError:
        shape = "a, b, c" if column.shape == "list" else "key=value; key=value"
        faults.append(fault_at(spot(column.path), cell, "list" if column.shape == "list" else "mapping", shape))
        return
    target = entry
    for step in column.path[:-1]:
        below = target.setdefault(str(step), {})
        if not isinstance(below, dict):
            faults.append(fault_at(spot(column.path), cell, "name", "{zh, en}"))
            return
        target = below
    target[str(column.path[-1])] = value


def _list(cell: str) -> list[Any]:
    if cell.startswith("["):
        items = json.loads(cell, parse_int=str, parse_float=str)
        return items if isinstance(items, list) else [items]
    return [item.strip() for item in _LIST.split(cell) if item.strip()]


def _map(cell: str) -> dict[str, Any]:
    if cell.startswith("{"):
        found = json.loads(cell, parse_int=str, parse_float=str)
        return dict(found)
    pairs: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in _MAP.split(cell))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or key.strip() in pairs:
            raise ValueError(part)
        pairs[key.strip()] = value.strip()
    return pairs


def list_text(items: Sequence[Any]) -> str:
    """A cell that ``_list`` reads back."""
    texts = [str(item) for item in items]
    if any(not text or _LIST.search(text) or text != text.strip() for text in texts) or texts[0].startswith("["):
        return json.dumps(texts, ensure_ascii=False)
    return ", ".join(texts)


def map_text(pairs: dict[str, Any]) -> str:
    """A cell that ``_map`` reads back."""
    texts = [text for pair in pairs.items() for text in pair]
    plain = not any(not text or _MAP.search(text) or text != text.strip() or text[0] == "{" for text in texts)
    if plain and not any("=" in key for key in pairs):
        return "; ".join(f"{key}={value}" for key, value in pairs.items())
    return json.dumps(pairs, ensure_ascii=False)


def _join(sheet: str, rows: list[_Row], raw: Raw) -> None:
    section, key, owner, _ = SHEETS[sheet]
    known: dict[str, list[RawEntry]] = {}
    for entry in raw.entries:
        if entry.section == section:
            known.setdefault(str(entry.raw.get("id", "")), []).append(entry)
    for row in rows:
        name, since = str(row.raw.pop(owner, "")), row.raw.pop(since_of(owner), None)
        if not name:
            raw.faults.append(fault_at(row.spot((owner,)), None, "required"))
            continue
        owners = [entry for entry in known.get(name, []) if since is None or _same(entry.raw.get("from"), since)]
        if not owners:
            path = (owner,) if since is None or name not in known else (since_of(owner),)
            raw.faults.append(fault_at(row.spot(path), name if path == (owner,) else since, "dangling", section))
        for entry in owners:
            entry.raw.setdefault(key, []).append(row.raw)
            assert isinstance(entry.spot, RowSpot)
            entry.spot.lists.setdefault(key, []).append(row.spot)


def _same(one: object, other: object) -> bool:
    """Whether two cells name the same time, however they are written; ``-`` is no time at all."""
    if other == ALWAYS:
        return one is None
    zone = zoneinfo.ZoneInfo(DEFAULT_ZONE)
    try:
        return instant(one, zone) == instant(other, zone)
    except ValueError:
        return one == other
