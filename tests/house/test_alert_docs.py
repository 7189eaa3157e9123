"""The documentation of alerts and webhook is true."""

from __future__ import annotations

import hashlib
import hmac
import re
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from alerts.conditions import BadFlags, ClockOff, Compare, Invalid, Moved, Overdue, Stuck, UnitSuspect
from alerts.lifecycle import Reason
from alerts.notify import Notice
from alerts.notify.webhook import Webhook
from alerts.pack import Clear, Condition, Early, Rule, Schedule, When
from alerts.rules import known_packs, parse_pack

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = ["turbidity-high", "turbidity-very-high", "pressure-drop", "tank-turbid", "unwatched-dosing"]
#: Heading of a table of keys: the model whose keys it explains.
KEYS: dict[str, type[BaseModel]] = {
    "### Keys of a rule": Rule,
    "### Keys of a condition": Condition,
    "### Keys of when": When,
    "### Keys of clear": Clear,
    "### Keys of early": Early,
    "### Keys of schedule": Schedule,
}
#: Conditions with keys of their own.
CONDITIONS: dict[str, type[BaseModel]] = {
    "change": Moved,
    "stuck": Stuck,
    "invalid": Invalid,
    "bad_flags": BadFlags,
    "clock_off": ClockOff,
    "unit_suspect": UnitSuspect,
    "compare": Compare,
    "overdue": Overdue,
}
#: Reasons of conditions; those of what happens to an alert then stand on another page.
OF_CONDITIONS = [reason for reason in Reason if list(Reason).index(reason) <= list(Reason).index(Reason.REMOVED)]


def first_cells(text: str) -> list[str]:
    """What stands between backquotes in the first cells of the tables of a text."""
    return [word for line in re.findall(r"(?m)^\|(.*?)\|", text) for word in re.findall(r"`([^`]+)`", line)]


def block(page: str, beginning: str) -> str:
    """The indented block of a page that begins with these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"(?m)^    {re.escape(beginning)}(?:.*\n(?:    .*\n|\n(?=    ))*)", text)
    assert found is not None, f"docs/{page} has no block that begins with {beginning!r}"
    return textwrap.dedent(found[0])


def test_the_pack_in_the_documentation_can_be_used() -> None:
    """Whoever copies it has a pack without faults."""
    assert [rule.id for rule in parse_pack(block("alerts.md", "pack: my-limits"), "docs").rules] == EXAMPLE


def test_every_reason_and_every_pack_is_explained() -> None:
    """No word on a screen without a line that says what it means."""
    text = (DOCS / "alerts.md").read_text(encoding="utf-8")
    reasons = first_cells(text[: text.index("## Rule packs")])
    assert sorted(reasons) == sorted(reason.value for reason in OF_CONDITIONS)
    for pack in known_packs():
        assert f"## {pack}\n" in text


def test_reasons_of_what_people_do_are_explained() -> None:
    """The page about handling has a line for every other reason."""
    page = DOCS / "alert-handling.md"
    if not page.exists():
        pytest.skip("docs/alert-handling.md is not there")
    text = page.read_text(encoding="utf-8")
    missing = [reason.value for reason in Reason if reason not in OF_CONDITIONS and f"`{reason}`" not in text]
    assert missing == []


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_of_a_rule_is_explained_and_no_other(heading: str) -> None:
    """The tables have the keys of the models, each once."""
    text = (DOCS / "alerts.md").read_text(encoding="utf-8")
    table = text[text.index(f"{heading}\n") + len(heading) :].partition("\n#")[0]
    assert sorted(first_cells(table)) == sorted(info.alias or name for name, info in KEYS[heading].model_fields.items())


def test_every_key_of_a_kind_of_condition_is_named() -> None:
    """What can be written below ``stuck``, ``absent`` and the others stands in the condition's own row."""
    text = (DOCS / "alerts.md").read_text(encoding="utf-8")
    table = text.partition("### Keys of a condition\n")[2].partition("\n#")[0]
    for kind, model in CONDITIONS.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{kind}`"))
        for name, info in model.model_fields.items():
            if name != "upstream":
                assert (info.alias or name) in row, (kind, name)


def test_the_receiver_in_the_documentation_accepts_what_is_sent() -> None:
    """Its check of the signature is the one that the sender's signature passes, and no other body does."""
    names: dict[str, Any] = {}
    exec(block("webhook.md", "import hashlib"), names)  # the page's own example
    now = int(time.time())
    request = Webhook("http://host", "secret").request(Notice("fired", "k", 1, b'{"id":"a"}'), now)
    assert names["is_from_hygeia"](b"secret", request.headers, request.body)
    assert not names["is_from_hygeia"](b"secret", request.headers, request.body + b" ")
    assert not names["is_from_hygeia"](b"other", request.headers, request.body)
    stale = Webhook("http://host", "secret").request(Notice("fired", "k", 1, b'{"id":"a"}'), now - 3600)
    assert not names["is_from_hygeia"](b"secret", stale.headers, stale.body)
    wanted = hmac.new(b"secret", b"%d.%b" % (now, request.body), hashlib.sha256).hexdigest()
    assert request.headers["X-Hygeia-Signature"] == f"v1={wanted}"
