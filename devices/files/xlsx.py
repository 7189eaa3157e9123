"""Registry files in XLSX: one sheet a section, channels in a sheet of their own."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path as File
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from devices.files.faults import Fault
from devices.files.headings import normal, sheets
from devices.files.raw import Raw
from devices.files.tables import Table, entries_of_tables

#: Sheets that explain and hold nothing.
_FOR_PEOPLE = {normal(name) for name in ("说明", "填写说明", "选项", "readme", "options")}
#: A spreadsheet number keeps 15 digits.
_DIGITS = 10**15


def read_xlsx(file: File) -> Raw:
    """Read a workbook. Faults of form are noted; what could be read goes on."""
    raw = Raw()
    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raw.faults.append(Fault(file.name, 0, "", "", "unreadable", f"no valid XLSX: {error}"))
        return raw
    known = sheets()
    tables = []
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            rows = _rows(sheet, raw)
            section = known.get(normal(sheet.title))
            if section is not None:
                tables.append(Table(sheet.title, section, rows))
            elif rows and normal(sheet.title) not in _FOR_PEOPLE:
                allowed = ", ".join(dict.fromkeys(known.values()))
                raw.faults.append(Fault(sheet.title, 0, "", sheet.title, "sheet", allowed))
    finally:
        book.close()
    entries_of_tables(tables, raw)
    return raw


def _rows(sheet: Any, raw: Raw) -> list[tuple[int, list[str]]]:  # noqa: ANN401 - openpyxl's read-only sheet
    rows = []
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            rows.append((number, [cell_text(cell) for cell in cells]))
            raw.faults += [
                Fault(sheet.title, number, "", cell_text(cell), "digits")
                for cell in cells
                if isinstance(cell, int | float) and abs(cell) >= _DIGITS
            ]
    return rows


def cell_text(cell: object) -> str:
    """A cell as text: whole numbers without a point, dates and times in ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _DIGITS:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        whole = cell.replace(tzinfo=None)
        return whole.date().isoformat() if whole.time() == dt.time() else whole.isoformat(timespec="seconds")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell).strip()
