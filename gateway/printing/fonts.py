"""A font with Chinese glyphs for a PDF: exactly the glyphs that the document needs, embedded in it.

Looked for in the wheel of the extra ``print``, then among the fonts of the system. reportlab reads no PostScript
outlines, which the free Chinese fonts have: those of the needed glyphs are converted to TrueType. Where no font is
found, ``STSong-Light`` is named and not embedded: whoever opens the PDF must have a Chinese font then.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont, TTLibError, newTable
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError
from reportlab.pdfbase.ttfonts import TTFont as EmbeddedFont

log = structlog.get_logger(__name__)

#: The font that a document is set in while ``chinese`` holds.
NAME = "Hygeia"
#: What is named where there is nothing to embed.
NAMED_ONLY = "STSong-Light"

_WHEEL = "pylopdf_fonts_zh_cn"
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/opt/homebrew/share/fonts")
#: Free fonts that have Chinese and Latin glyphs, the best first.
_FILES = (
    *("NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf"),
    *("SourceHanSansSC-Regular.otf", "SourceHanSansCN-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc"),
)
#: Without these a font is no font for us.
_NEEDED = "医疗废物Ag0"
#: In every subset, so that documents of one kind share it.
_USUAL = "".join(chr(code) for code in range(0x20, 0x7F)) + "·–—…≤≥℃（），。：；、《》第共页年月日千克袋件"
#: How far a converted outline may be from the original, in units of a thousandth of the size of the font.
_ERROR = 1.0
_LOCK = threading.Lock()


@contextmanager
def chinese(text: str) -> Iterator[str]:
    """The name of a font for ``text``, for one document at a time: the PDF is written before the block ends.

    Takes up to a second where the glyphs are not those of a document before; call it from a thread.
    """
    characters = "".join(sorted({*text, *_USUAL}))
    with _LOCK:
        font = _embedded(characters)
        if font is None:
            pdfmetrics.registerFont(UnicodeCIDFont(NAMED_ONLY))
            yield NAMED_ONLY
            return
        pdfmetrics.registerFont(font)
        try:
            yield NAME
        finally:
            # reportlab keeps the first font of a name: the next document would miss its glyphs.
            font.unregister()


def _embedded(characters: str) -> EmbeddedFont | None:
    found = found_font()
    if found is None:
        return None
    try:
        return EmbeddedFont(NAME, io.BytesIO(_subset(found, characters)))
    except (TTLibError, TTFError, OSError, ValueError) as error:
        log.warning("font_unusable", file=str(found), error=str(error))
        return None


@cache
def found_font() -> Path | None:
    """The file of the font that is embedded, None where there is none."""
    for file in _candidates():
        try:
            with _face(file) as face:
                known = face.getBestCmap() or {}
        except (TTLibError, OSError):
            continue
        if all(ord(one) in known for one in _NEEDED):
            return file
    return None


def _candidates() -> Iterator[Path]:
    wheel = find_spec(_WHEEL)
    folders = [Path(place) for place in (wheel.submodule_search_locations or ())] if wheel else []
    folders += [Path(folder) for folder in _FOLDERS]
    folders.append(Path.home() / ".local" / "share" / "fonts")
    there = {file.name: file for folder in reversed(folders) if folder.is_dir() for file in folder.rglob("*.[ot]t[fc]")}
    for name in _FILES:
        if name in there:
            yield there[name]


def _face(file: Path) -> TTFont:
    """The font of a file; of a collection the one for simplified Chinese, else its first."""
    if file.suffix != ".ttc":
        return TTFont(file, lazy=True)
    with TTCollection(file, lazy=True) as collection:
        names = [one["name"].getDebugName(4) or "" for one in collection.fonts]
    number = next((i for i, name in enumerate(names) if name.endswith(" SC")), 0)
    return TTFont(file, fontNumber=number, lazy=True)


@lru_cache(maxsize=8)
def _subset(file: Path, characters: str) -> bytes:
    """A TrueType font with the glyphs of ``characters`` and no others."""
    options = Options(layout_features=[], notdef_outline=True, name_IDs=[1, 2, 4, 6], hinting=False)
    options.drop_tables += ["GSUB", "GPOS", "BASE", "VORG", "vhea", "vmtx", "DSIG"]
    with _face(file) as face:
        subsetter = Subsetter(options)
        subsetter.populate(text=characters)
        subsetter.subset(face)
        if "CFF " in face:
            _convert(face)
        written = io.BytesIO()
        face.save(written)
    return written.getvalue()


def _convert(face: Any) -> None:  # noqa: ANN401 - fontTools has no types
    """Replace PostScript outlines by TrueType ones."""
    glyphs, order = face.getGlyphSet(), face.getGlyphOrder()
    drawn = {}
    for name in order:
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, _ERROR, reverse_direction=True))
        drawn[name] = pen.glyph()
    face["loca"], face["glyf"] = newTable("loca"), newTable("glyf")
    face["glyf"].glyphOrder, face["glyf"].glyphs = order, drawn
    limits = face["maxp"]
    limits.tableVersion, limits.maxZones = 0x00010000, 1
    for name in ("TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
        setattr(limits, f"max{name}", 0)
    limits.maxSizeOfInstructions = limits.maxComponentElements = limits.maxComponentDepth = 0
    face["post"].formatType = 3.0
    del face["CFF "]
    face.sfntVersion = "\x00\x01\x00\x00"
