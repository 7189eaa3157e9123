"""QR codes: for paper as filled squares, for pages as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import segno

if TYPE_CHECKING:  # a start of the gateway reads no library of PDF
    from reportlab.pdfgen.canvas import Canvas

#: Modules that stay white around a code (ISO/IEC 18004).
QUIET = 4


def modules(text: str) -> list[list[bool]]:
    """The dark squares of the code of ``text``, row by row, without the quiet zone; a quarter of it may be damaged."""
    return [[bool(one) for one in row] for row in segno.make(text, error="q", micro=False, boost_error=False).matrix]


def draw(canvas: Canvas, text: str, x: float, y: float, side: float) -> None:
    """Draw the code of ``text`` with its quiet zone into the square at (x, y), the lower left corner; in points."""
    rows = modules(text)
    step = side / (len(rows) + 2 * QUIET)
    canvas.setFillGray(0)
    path = canvas.beginPath()
    for i, row in enumerate(rows):
        bottom = y + side - (i + 1 + QUIET) * step
        for start, end in _runs(row):
            path.rect(x + (start + QUIET) * step, bottom, (end - start) * step, step)
    canvas.drawPath(path, stroke=0, fill=1)


def svg(text: str) -> bytes:
    """The code of ``text`` as an SVG document, black on white."""
    rows = modules(text)
    whole = len(rows) + 2 * QUIET
    dark = "".join(
        f"M{start + QUIET},{i + QUIET}h{end - start}v1h-{end - start}z"
        for i, row in enumerate(rows)
        for start, end in _runs(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0,0h{whole}v{whole}h-{whole}z"/><path d="{dark}"/></svg>'
    ).encode()


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    """Where the dark squares of a row begin and end (exclusive): drawn as one, no printer leaves a gap between."""
    found: list[tuple[int, int]] = []
    for place, dark in enumerate(row):
        if dark and found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        elif dark:
            found.append((place, place + 1))
    return found
