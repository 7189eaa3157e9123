"""docs/registry.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from devices.files import read
from devices.files.document import tables
from devices.files.headings import columns_of
from devices.files.words import SECTIONS_ZH, VALUES_ZH

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_has_the_columns_of_the_code() -> None:
    """The tables are what ``python -m devices.files.document`` prints."""
    assert tables() in (DOCS / "registry.md").read_text(encoding="utf-8")


def test_the_map_file_of_the_page_is_valid(tmp_path: Path) -> None:
    """The example of a map file imports without a fault."""
    text = (DOCS / "registry.md").read_text(encoding="utf-8")
    match = re.search(r"((?:    .*\n)+)", text.split("## Map files")[1])
    assert match is not None
    file = tmp_path / "map.yaml"
    file.write_text("\n".join(line[4:] for line in match[1].splitlines()), encoding="utf-8")
    checked = read(file)
    assert not checked.faults
    assert checked.mapping is not None


def test_every_word_stands_for_an_allowed_value() -> None:
    """No Chinese word names a value that the column does not have, and every allowed value has a word."""
    for section in SECTIONS_ZH:
        for column in columns_of(section):
            words = VALUES_ZH.get(f"{section}.{column.en}")
            if words is not None:
                assert set(words) == set(column.allowed), f"{section}.{column.en}"
                assert sum(map(len, words.values())) == len(column.values), (
                    f"{section}.{column.en}: a word stands twice"
                )
