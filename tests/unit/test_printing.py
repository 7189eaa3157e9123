"""Paper: codes that a scanner reads, glyphs that are in the file, sheets that begin where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pypdfium2
import pytest
import zxingcpp

from gateway.printing import fonts, qr
from gateway.printing.content import LAYOUTS, Part, Rows, Slip, Words
from gateway.printing.labels import sheet
from gateway.printing.slip import pdf

WORDS = Words(
    "医疗废物", "MEDICAL WASTE", "第一医院", ["感染性", "损伤性", "病理性", "药物性", "化学性"], "科室", "日期"
)
SLIP = Slip(
    title="医疗废物转移联单",
    number="M-0001",
    state="已确认",
    code="4096-K7QF3M2PXA",
    code_name="当日账本短码",
    link="https://gateway.example/manifests/M-0001",
    parts=[Part("一、移出单位", [("单位", "第一医院 <b>&"), ("件数", "80")], ["签字", "日期"])],
    tables=[
        Rows("容器", ["编号", "kg"], [(f"MW{n:04d}", "3.420") for n in range(80)], [3, 1], frozenset({1}), ["", "9"])
    ],
    notes=["用于核对"],
    page="第 {page} / {pages} 页",
)


@pytest.fixture
def without_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which no Chinese font is installed."""
    fonts.found_font.cache_clear()
    monkeypatch.setattr(fonts, "_FILES", ())
    yield
    fonts.found_font.cache_clear()


def scanned(document: bytes) -> list[list[str]]:
    """The codes on each page, as a scanner sees them on paper at about 150 dpi."""
    pages = pypdfium2.PdfDocument(document)
    try:
        return [sorted(one.text for one in zxingcpp.read_barcodes(page.render(scale=2).to_pil())) for page in pages]
    finally:
        pages.close()


def words_of(document: bytes) -> list[str]:
    """The text of each page."""
    pages = pypdfium2.PdfDocument(document)
    try:
        return [page.get_textpage().get_text_bounded() for page in pages]
    finally:
        pages.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_label_is_read_by_a_scanner_as_its_number(layout: str) -> None:
    """In each layout, from the place on where the sheet was used before; the number stands there in words too."""
    on_one = LAYOUTS[layout].number
    numbers = [f"H1-{number:06d}" for number in range(1, on_one + 2)]
    document = sheet(numbers, WORDS, LAYOUTS[layout], skip=2)
    found = scanned(document)
    assert [one for page in found for one in page] == numbers
    assert [len(page) for page in found] == [on_one - 2, 3]
    shown = "".join(words_of(document))
    for word in (*numbers, "医疗废物", "第一医院", "感染性"):
        assert word in shown


def test_a_manifest_has_its_code_on_every_page_and_reads_as_it_was_written() -> None:
    """Markup in a name is a name; page numbers know how many there are; the table goes on with its head."""
    document = pdf(SLIP)
    pages = words_of(document)
    assert len(pages) > 1
    assert scanned(document) == [[SLIP.link]] * len(pages)
    assert "第一医院 <b>&" in pages[0]
    for number, page in enumerate(pages, start=1):
        for word in ("医疗废物转移联单", "M-0001", "4096-K7QF3M2PXA", f"第 {number} / {len(pages)} 页", "编号"):
            assert word in page


def test_the_font_is_in_the_file() -> None:
    """Whoever opens it needs no Chinese font; it holds the glyphs of the document and few more."""
    if fonts.found_font() is None:
        pytest.skip("no Chinese font on this machine: make servers, or the extra print")
    document = pdf(SLIP)
    assert b"FontFile2" in document
    assert len(document) < 120_000


@pytest.mark.usefixtures("without_fonts")
def test_without_a_font_on_the_machine_the_words_are_there_nevertheless() -> None:
    """The PDF names a Chinese font that its reader must have."""
    document = pdf(SLIP)
    assert b"STSong-Light" in document
    assert "医疗废物转移联单" in words_of(document)[0]
    assert scanned(document)[0] == [SLIP.link]


def test_a_code_on_a_page_is_an_image_without_style_or_script() -> None:
    """Plain SVG, black on white, with the quiet zone of the standard."""
    drawn = qr.svg("M-0001").decode()
    side = len(qr.modules("M-0001")) + 2 * qr.QUIET
    assert drawn.startswith(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"')
    assert "style" not in drawn
    assert "script" not in drawn


def test_a_document_has_its_own_glyphs_whatever_was_printed_before() -> None:
    """Each has letters that the other one has not, under the same name of a font."""
    for unit in ("鼓楼医院", "玄武门诊", "鼓楼医院"):
        document = sheet(["A-1"], msgspec.structs.replace(WORDS, unit=unit), LAYOUTS["1x4"])
        assert unit in words_of(document)[0]
