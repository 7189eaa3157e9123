"""The returned file: what was sent in, with a column (in YAML: comments) that says what is wrong in each row."""

from __future__ import annotations

import csv
import zipfile
from collections import defaultdict
from pathlib import Path as File

from openpyxl import load_workbook
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from devices.files.csvfile import decode, rows_of
from devices.files.faults import Fault, Language
from devices.files.headings import REMARK, headings_of, is_remark, language_of, normal, sheets
from devices.files.xlsx import cell_text

_WRONG = PatternFill("solid", fgColor="FFE08A")
_TITLE_ROWS = 5

#: Faults by row.
ByRow = dict[int, list[Fault]]


def write_remarks(source: File, out: File, faults: list[Fault], language: Language | None = None) -> None:
    """Write ``source`` to ``out`` with a remark for every fault; a folder of CSV files to a folder.

    Without ``language`` each sheet's headings decide. A file that could not be read at all gets a list of the faults
    beside nothing else. Raises OSError.
    """
    kind = source.suffix.lower()
    try:
        if source.is_dir():
            out.mkdir(parents=True, exist_ok=True)
            for file in sorted(source.glob("*.csv")):
                _csv(file, out / file.name, [fault for fault in faults if fault.sheet == file.name], language)
        elif kind == ".xlsx":
            _xlsx(source, out, faults, language)
        elif kind == ".csv":
            _csv(source, out, faults, language)
        else:
            _yaml(source, out, faults, language)
    except (ValueError, KeyError, csv.Error, zipfile.BadZipFile, OSError):
        if source.is_dir() or not source.exists():
            raise
        out.write_text("".join(f"{fault.line(language or 'zh')}\n" for fault in faults), encoding="utf-8-sig")


def _by_row(faults: list[Fault]) -> ByRow:
    rows: ByRow = defaultdict(list)
    for fault in faults:
        rows[fault.row].append(fault)
    return rows


def _lines(faults: list[Fault], language: Language) -> str:
    return "\n".join(fault.line(language) for fault in faults)


def _xlsx(source: File, out: File, faults: list[Fault], language: Language | None) -> None:
    book = load_workbook(source)
    by_sheet: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_sheet[fault.sheet].append(fault)
    for sheet in book.worksheets:
        rows = _by_row(by_sheet.get(sheet.title, []))
        if not rows:
            continue
        texts = [[cell_text(cell) for cell in row] for row in sheet.iter_rows(max_row=_TITLE_ROWS, values_only=True)]
        head = _head_of(texts, sheets().get(normal(sheet.title)))
        headings = texts[head] if texts else []
        speaks = language or language_of(headings)
        column = _remark_column(headings)
        sheet.cell(head + 1, column + 1, REMARK[speaks])
        for row in range(head + 2, sheet.max_row + 1):
            sheet.cell(row, column + 1).value = None
        for row, wrong in rows.items():
            _mark(sheet, max(row, head + 1), wrong, headings, column, speaks, in_head=row <= head + 1)
    book.save(out)


def _mark(  # noqa: PLR0917 - one row of a sheet
    sheet: Worksheet,
    row: int,
    wrong: list[Fault],
    headings: list[str],
    column: int,
    language: Language,
    *,
    in_head: bool,
) -> None:
    """Write the remark of one row and colour the cells it speaks of."""
    cell = sheet.cell(row, column + 1)
    text = _lines(wrong, language)
    cell.value = f"{cell.value}\n{text}" if in_head and cell.value else text
    cell.data_type = "s"
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions[get_column_letter(column + 1)].width = 60
    for fault in wrong:
        if fault.column in headings:
            sheet.cell(row, headings.index(fault.column) + 1).fill = _WRONG


def _head_of(rows: list[list[str]], section: str | None) -> int:
    """Index of the row of headings, found as the reader finds it."""
    known = headings_of(section) if section else {}
    hits = [sum(normal(cell) in known for cell in cells) for cells in rows]
    first = next((index for index, cells in enumerate(rows) if any(cells)), 0)
    return next((index for index, count in enumerate(hits) if count > 1), first)


def _remark_column(headings: list[str]) -> int:
    """Index of the remark column: the one that is there, else the first free one."""
    there = next((index for index, heading in enumerate(headings) if heading and is_remark(heading)), None)
    if there is not None:
        return there
    return max((index + 1 for index, heading in enumerate(headings) if heading), default=0)


def _csv(source: File, out: File, faults: list[Fault], language: Language | None) -> None:
    found = decode(source.read_bytes())
    if found is None:
        raise ValueError("neither UTF-8 nor GB 18030")
    rows = rows_of(found[0])
    first = next((index for index, (_, cells) in enumerate(rows) if any(cells)), 0)
    section = sheets().get(normal(source.stem))
    head = first + _head_of([cells for _, cells in rows[first : first + _TITLE_ROWS]], section)
    headings = rows[head][1] if rows else []
    speaks = language or language_of(headings)
    column = _remark_column(headings)
    by_row = _by_row(faults)
    with out.open("w", encoding=found[1], newline="") as file:
        writer = csv.writer(file)
        for index, (line, cells) in enumerate(rows):
            wide = cells + [""] * (column + 1 - len(cells))
            if index == head:
                above = [fault for row, wrong in by_row.items() if row <= line for fault in wrong]
                wide[column] = "\n".join(filter(None, [REMARK[speaks], _lines(above, speaks)]))
            elif index > head:
                wide[column] = _lines(by_row.get(line, []), speaks)
            writer.writerow(wide)


def _yaml(source: File, out: File, faults: list[Fault], language: Language | None) -> None:
    """Comments above the entries: a line of its own is a comment everywhere but inside a block text."""
    text = source.read_bytes().decode("utf-8-sig")
    speaks = language or "zh"
    by_row = _by_row(faults)
    written = [f"# {REMARK[speaks]}：{fault.line(speaks)}\n" for fault in by_row.pop(0, [])]
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        indent = line[: len(line) - len(line.lstrip())]
        written += [f"{indent}# {REMARK[speaks]}：{fault.line(speaks)}\n" for fault in by_row.pop(number, [])]
        written.append(line)
    written += [f"# {REMARK[speaks]}：{fault.line(speaks)}\n" for wrong in by_row.values() for fault in wrong]
    out.write_text("".join(written), encoding="utf-8")
