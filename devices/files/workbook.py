"""Writing the registry to a workbook so that importing it again changes nothing, and empty templates."""

from __future__ import annotations

from pathlib import Path as File
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from devices.fields import DEFAULT_ZONE
from devices.files.faults import Language
from devices.files.headings import Column, columns_of
from devices.files.words import SECTIONS_ZH, VALUES_ZH
from devices.files.write import Private, tables_to_write, title_of
from devices.registry import Registry

_HEAD = PatternFill("solid", fgColor="DDE8F0")
_DUTY = PatternFill("solid", fgColor="F6DDCC")
#: Rows of a template that offer the allowed words.
_TEMPLATE_ROWS = 3000


def write_xlsx(
    registry: Registry,
    file: File,
    *,
    private: Private | None = None,
    zone: str = DEFAULT_ZONE,
    language: Language = "zh",
) -> None:
    """Write one sheet a section; texts stay texts (a badge ``0412``, a rule ``=wq-1``)."""
    book = Workbook(write_only=True)
    for section, columns, rows in tables_to_write(registry, private, zone):
        sheet = book.create_sheet(title_of(section, language))
        sheet.freeze_panes = "A2"
        sheet.append([_text_cell(sheet, column.heading(language), Font(bold=True)) for column in columns])
        for row in rows:
            sheet.append([_typed_cell(sheet, value) for value in row])
    book.save(file)


def _typed_cell(sheet: Any, value: Any) -> Any:  # noqa: ANN401 - write-only sheet, text or number
    """Numbers as numbers, but for those that need more digits than openpyxl writes (16)."""
    if isinstance(value, float) and float(f"{value:.16g}") != value:
        value = repr(value)
    return _text_cell(sheet, value) if isinstance(value, str) else value


def _text_cell(sheet: Any, text: str, font: Font | None = None) -> Any:  # noqa: ANN401 - write-only sheet
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    cell.number_format = "@"
    if font is not None:
        cell.font = font
    return cell


def write_template(file: File, *, language: Language = "zh") -> None:
    """Write an empty workbook: every sheet and heading, duties marked with ``*``, allowed words offered in lists."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for section in SECTIONS_ZH:
        sheet = book.create_sheet(title_of(section, language))
        sheet.freeze_panes = "A2"
        for number, column in enumerate(columns_of(section), 1):
            heading = column.heading(language) + ("*" if column.required else "")
            cell = sheet.cell(1, number, heading)
            cell.font = Font(bold=True)
            cell.fill = _DUTY if column.required else _HEAD
            letter = cell.column_letter
            sheet.column_dimensions[letter].width = max(12, 2 * len(heading))
            sheet.column_dimensions[letter].number_format = "@"
            words = _words(section, column, language)
            if words and len(",".join(words)) < 255:
                offered = DataValidation("list", formula1=f'"{",".join(words)}"', allow_blank=True)
                offered.add(f"{letter}2:{letter}{_TEMPLATE_ROWS}")
                sheet.add_data_validation(offered)
    book.save(file)


def _words(section: str, column: Column, language: Language) -> list[str]:
    words = VALUES_ZH.get(f"{section}.{column.en}", {})
    return [words[name][0] if language == "zh" and name in words else name for name in column.allowed]
