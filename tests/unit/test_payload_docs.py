"""docs/payloads.md says what the code does with custody events."""

from __future__ import annotations

import json
import re
from pathlib import Path

from custody.event import CATEGORIES, decode
from custody.flags import FLAGS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "payloads.md").read_text(encoding="utf-8")
CUSTODY = PAGE[PAGE.index("## Custody events") :]


def test_every_flag_stands_on_the_page_and_no_other() -> None:
    """The first column of the table of flags is the catalogue."""
    table = CUSTODY[CUSTODY.index("### Flags") : CUSTODY.index("### Weights")]
    named = {flag for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for flag in re.findall(r"`(\w+)`", row)}
    assert named == set(FLAGS)


def test_the_event_of_the_page_has_no_flags() -> None:
    """The example is an event as it should be."""
    example = "\n".join(line for line in CUSTODY.split("\n\n")[1].splitlines())
    event = decode(json.dumps(json.loads(example)).encode(), 1_732_200_002_000)
    assert (event.fault, event.flags) == (None, [])


def test_every_category_stands_on_the_page() -> None:
    """Those that the law names."""
    assert all(f"`{one}`" in CUSTODY for one in CATEGORIES)
