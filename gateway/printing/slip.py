"""A manifest on paper: its parts, its containers, a QR code, and the short code of the day's ledger head."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from gateway.printing import qr
from gateway.printing.content import Part, Rows, Slip
from gateway.printing.fonts import chinese

_LEFT, _RIGHT, _TOP, _BOTTOM = 16 * mm, 16 * mm, 44 * mm, 24 * mm
_QR = 27 * mm
_GREY = colors.Color(0.35, 0.38, 0.42)
_LINE = colors.Color(0.72, 0.75, 0.79)
_HEAD = colors.Color(0.92, 0.94, 0.95)


def pdf(slip: Slip) -> bytes:
    """The PDF of a manifest. Blocks: see ``chinese``."""
    with chinese("".join(_texts(msgspec.to_builtins(slip)))) as font:
        written = io.BytesIO()
        # The number of pages is known only when they are laid out: laid out twice.
        pages = _laid_out(slip, font, io.BytesIO(), 0)
        _laid_out(slip, font, written, pages)
    return written.getvalue()


def _texts(value: Any) -> Sequence[str]:  # noqa: ANN401 - plain values
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [text for one in value for text in _texts(one)] if isinstance(value, list | tuple) else []


def _laid_out(slip: Slip, font: str, into: io.BytesIO, pages: int) -> int:
    document = BaseDocTemplate(into, pagesize=A4, title=f"{slip.title} {slip.number}", author="Hygeia")
    width = A4[0] - _LEFT - _RIGHT
    body = Frame(_LEFT, _BOTTOM, width, A4[1] - _TOP - _BOTTOM, 0, 0, 0, 0)

    def around(canvas: Canvas, laid_out: Any) -> None:  # noqa: ANN401 - reportlab's own type is private
        _around(canvas, slip, font, (laid_out.page, pages))

    document.addPageTemplates([PageTemplate(frames=[body], onPage=around)])
    flow: list[Flowable] = []
    for part in slip.parts:
        flow += [CondPageBreak(30 * mm), _heading(part.title, font), _facts(part, font, width), Spacer(1, 4 * mm)]
    for table in slip.tables:
        flow += [CondPageBreak(30 * mm), _heading(table.title, font), _table(table, font, width), Spacer(1, 4 * mm)]
    flow += [Paragraph(escape(note), _style(font, 8, color=_GREY)) for note in slip.notes]
    document.build(flow)
    return int(document.page)


def _around(canvas: Canvas, slip: Slip, font: str, page: tuple[int, int]) -> None:
    """Title, number, state and QR code above; ledger code and page below; on every page."""
    top = A4[1] - 14 * mm
    canvas.setFillGray(0)
    canvas.setFont(font, 18)
    canvas.drawString(_LEFT, top - 6 * mm, slip.title)
    canvas.setFont("Courier-Bold" if slip.number.isascii() else font, 13)
    canvas.drawString(_LEFT, top - 15 * mm, slip.number)
    canvas.setFont(font, 11)
    canvas.drawString(_LEFT, top - 22 * mm, slip.state)
    qr.draw(canvas, slip.link, A4[0] - _RIGHT - _QR, top - _QR + 3 * mm, _QR)
    canvas.setStrokeColor(_LINE)
    canvas.line(_LEFT, _BOTTOM - 5 * mm, A4[0] - _RIGHT, _BOTTOM - 5 * mm)
    canvas.setFillColor(_GREY)
    canvas.setFont(font, 8.5)
    canvas.drawString(_LEFT, _BOTTOM - 10 * mm, f"{slip.code_name}  {slip.code}")
    canvas.drawRightString(A4[0] - _RIGHT, _BOTTOM - 10 * mm, slip.page.format(page=page[0], pages=page[1]))


def _style(font: str, size: float, *, color: Any = colors.black, right: bool = False) -> ParagraphStyle:  # noqa: ANN401
    return ParagraphStyle(
        f"{font}{size}{right}",
        fontName=font,
        fontSize=size,
        leading=size * 1.35,
        textColor=color,
        wordWrap="CJK",
        alignment=TA_RIGHT if right else TA_LEFT,
    )


def _heading(text: str, font: str) -> Paragraph:
    style = _style(font, 11)
    style.spaceAfter = 1.5 * mm
    return Paragraph(escape(text), style)


def _facts(part: Part, font: str, width: float) -> Table:
    names, values = _style(font, 8.5, color=_GREY), _style(font, 9.5)
    cells = [(Paragraph(escape(name), names), Paragraph(escape(value or "—"), values)) for name, value in part.facts]
    if len(cells) % 2:
        cells.append((Paragraph("", names), Paragraph("", values)))
    rows: list[Any] = [[*cells[i], *cells[i + 1]] for i in range(0, len(cells), 2)]
    if part.sign:
        rows.append(
            [
                Paragraph(
                    "&nbsp;&nbsp;&nbsp;&nbsp;".join(f"{escape(one)} ____________________" for one in part.sign), names
                )
            ]
        )
    shares = (0.15, 0.35, 0.15, 0.35)
    table = Table(rows, colWidths=[width * share for share in shares])
    style: list[Any] = [("GRID", (0, 0), (-1, -1), 0.5, _LINE), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]
    if part.sign:
        style += [("SPAN", (0, -1), (-1, -1)), ("TOPPADDING", (0, -1), (-1, -1), 9)]
    table.setStyle(TableStyle(style))
    return table


def _table(content: Rows, font: str, width: float) -> Table:
    def cells(row: Sequence[str], size: float) -> list[Paragraph]:
        return [Paragraph(escape(one), _style(font, size, right=i in content.numbers)) for i, one in enumerate(row)]

    rows = [cells(content.head, 8.5), *(cells(row, 9) for row in content.rows)]
    style: list[Any] = [
        ("GRID", (0, 0), (-1, -1), 0.5, _LINE),
        ("BACKGROUND", (0, 0), (-1, 0), _HEAD),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    if content.last:
        rows.append(cells(content.last, 9))
        style.append(("BACKGROUND", (0, -1), (-1, -1), _HEAD))
    whole = sum(content.wide)
    table = Table(rows, colWidths=[width * share / whole for share in content.wide], repeatRows=1)
    table.setStyle(TableStyle(style))
    return table
