"""A sheet of labels for waste containers, numbers handed out beforehand: QR code, number, unit, and what is filled in.

The QR code holds the number and nothing else, so that every terminal reads it as the id of the container.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from gateway.printing import qr
from gateway.printing.content import Layout, Words
from gateway.printing.fonts import chinese

#: Yellow of the bags (HJ 421-2008), as near as a printer comes.
_YELLOW = (1.0, 0.86, 0.0)


def sheet(numbers: Sequence[str], words: Words, layout: Layout, skip: int = 0) -> bytes:
    """The PDF of one label a number; ``skip`` labels of the first sheet were used before. Blocks: see ``chinese``."""
    written = io.BytesIO()
    letters = f"{words.mark}{words.other_mark}{words.unit}{words.department}{words.date}"
    with chinese("".join((letters, *words.categories, *numbers))) as font:
        canvas = Canvas(written, pagesize=A4, pageCompression=1)
        canvas.setTitle(f"{words.unit} {numbers[0]} – {numbers[-1]}" if numbers else words.unit)
        canvas.setAuthor("Hygeia")
        for place, number in enumerate(numbers, start=skip % layout.number):
            if place and place % layout.number == 0:
                canvas.showPage()
            _label(canvas, _box(layout, place % layout.number), number, words, font)
        canvas.save()
    return written.getvalue()


class _Box(msgspec.Struct, frozen=True):
    """Where a label may be printed, in points; (x, y) is the lower left corner."""

    x: float
    y: float
    width: float
    height: float


def _box(layout: Layout, place: int) -> _Box:
    width, height = (A4[0] - 2 * layout.left_mm * mm) / layout.columns, (A4[1] - 2 * layout.top_mm * mm) / layout.rows
    edge = layout.edge_mm * mm
    row, column = divmod(place, layout.columns)
    x, y = layout.left_mm * mm + column * width, A4[1] - layout.top_mm * mm - (row + 1) * height
    return _Box(x + edge, y + edge, width - 2 * edge, height - 2 * edge)


def _label(canvas: Canvas, box: _Box, number: str, words: Words, font: str) -> None:
    """Mark above, number below; between them the QR code, and beside it unit, categories, department and date."""
    top = _band(canvas, box, words, font)
    side = min(top - box.y - box.height * 0.17, box.width * 0.42)
    qr.draw(canvas, number, box.x, top - side, side)
    canvas.setFillGray(0)
    _fitted(canvas, number, (box.x, box.y + box.height * 0.04), side * 0.92, ("Courier-Bold", box.height * 0.13))
    left, free = box.x + side, box.width - side
    # Three categories in a line; a line is a ninth of what is free in height.
    size = min((top - box.y) / 9, free / 15)
    line = top - size * 1.5
    _fitted(canvas, words.unit, (left, line), free, (font, size * 1.15))
    line = _boxes(canvas, words, (left, line - size * 1.7), free, (font, size))
    canvas.setLineWidth(0.4)
    for name in (words.department, words.date):
        canvas.setFont(font, size)
        canvas.drawString(left, line, name)
        begin = left + stringWidth(name, font, size) + size * 0.4
        canvas.line(begin, line - size * 0.15, box.x + box.width, line - size * 0.15)
        line -= size * 1.75


def _band(canvas: Canvas, box: _Box, words: Words, font: str) -> float:
    """The yellow band with the mark; gives where it ends."""
    band = box.height * 0.17
    end = box.y + box.height - band
    canvas.setFillColorRGB(*_YELLOW)
    canvas.rect(box.x, end, box.width, band, stroke=0, fill=1)
    canvas.setFillGray(0)
    size = min(band * 0.68, box.width * 0.09)
    canvas.setFont(font, size)
    canvas.drawString(box.x + size * 0.4, end + band * 0.27, words.mark)
    canvas.setFont(font, size * 0.75)
    canvas.drawRightString(box.x + box.width - size * 0.4, end + band * 0.27, words.other_mark)
    return end


def _boxes(canvas: Canvas, words: Words, at: tuple[float, float], free: float, face: tuple[str, float]) -> float:
    """One box to tick a category, in as many lines as it takes; gives the next free line."""
    font, size = face
    x, y = at
    canvas.setFont(font, size)
    canvas.setLineWidth(0.5)
    for name in words.categories:
        wide = size * 1.15 + stringWidth(name, font, size) + size * 0.5
        if x > at[0] and x + wide - size * 0.5 > at[0] + free:
            x, y = at[0], y - size * 1.5
        canvas.rect(x, y - size * 0.08, size * 0.8, size * 0.8, stroke=1, fill=0)
        canvas.drawString(x + size * 1.1, y, name)
        x += wide
    return y - size * 1.9


def _fitted(canvas: Canvas, text: str, at: tuple[float, float], free: float, face: tuple[str, float]) -> None:
    """Write ``text`` at ``at``, smaller where it would not fit."""
    font, size = face
    wide = stringWidth(text, font, size)
    canvas.setFont(font, size if wide <= free else size * free / wide)
    canvas.drawString(*at, text)
