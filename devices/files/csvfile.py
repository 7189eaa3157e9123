"""Registry files in CSV: a folder with one file a section, or one file; UTF-8 with or without BOM, or GB 18030.

A column ``section`` (``登记表``) says the section of each row; without one the file's name does (``places.csv``,
``场所.csv``), else a column ``kind`` whose every value names a section.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path as File

from devices.files.faults import Fault
from devices.files.headings import normal, sheets
from devices.files.raw import Raw
from devices.files.tables import Table, entries_of_tables

_SECTION = ("section", "登记表")


def read_csv(path: File) -> Raw:
    """Read a file or every ``*.csv`` of a folder. Faults of form are noted; what could be read goes on."""
    raw = Raw()
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files:
        raw.faults.append(Fault(path.name, 0, "", "", "unreadable", "the folder holds no *.csv"))
    tables = [table for file in files for table in _tables(file, raw)]
    entries_of_tables(tables, raw)
    return raw


def decode(data: bytes) -> tuple[str, str] | None:
    """(text, encoding) of a CSV file; None where it is neither UTF-8 nor GB 18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return None


def rows_of(text: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of every row; comma, semicolon or tab, whichever the first line has most of. Raises csv.Error."""
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    line = 1
    for cells in reader:
        rows.append((line, [cell.strip() for cell in cells]))
        line = reader.line_num + 1
    return rows


def _tables(file: File, raw: Raw) -> list[Table]:
    found = decode(file.read_bytes())
    if found is None:
        raw.faults.append(Fault(file.name, 0, "", "", "unreadable", "neither UTF-8 nor GB 18030"))
        return []
    try:
        rows = rows_of(found[0])
    except csv.Error as error:
        raw.faults.append(Fault(file.name, 0, "", "", "unreadable", f"no valid CSV: {error}"))
        return []
    head = next(((number, cells) for number, cells in rows if any(cells)), (0, []))
    body = [(number, cells) for number, cells in rows if number > head[0] and any(cells)]
    headings = [normal(heading) for heading in head[1]]
    named = next((index for index, heading in enumerate(headings) if heading in _SECTION), None)
    section = sheets().get(normal(file.stem))
    if named is None and section is not None:
        return [Table(file.name, section, rows)]
    if named is None and "kind" in headings:
        kind = headings.index("kind")
        named = kind if all(normal(_cell(cells, kind)) in sheets() for _, cells in body) else None
    if named is not None:
        return _split(file.name, head, body, named, raw)
    raw.faults.append(Fault(file.name, 0, "", file.name, "sheet", _allowed()))
    return []


def _allowed() -> str:
    return ", ".join(dict.fromkeys(sheets().values()))


def _cell(cells: list[str], index: int) -> str:
    return cells[index] if index < len(cells) else ""


def _split(
    title: str, head: tuple[int, list[str]], body: list[tuple[int, list[str]]], index: int, raw: Raw
) -> list[Table]:
    known = sheets()
    tables: dict[str, Table] = {}
    for number, cells in body:
        word = _cell(cells, index)
        section = known.get(normal(word))
        if section is None:
            raw.faults.append(Fault(title, number, head[1][index], word, "sheet", _allowed()))
            continue
        table = tables.get(section)
        if table is None:
            table = tables[section] = Table(title, section, [], lenient=True)
            table.rows.append((head[0], [*head[1][:index], "", *head[1][index + 1 :]]))
        table.rows.append((number, [*cells[:index], "", *cells[index + 1 :]]))
    return list(tables.values())
