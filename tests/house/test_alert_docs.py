"""The documentation of alerts and webhook is true."""

from __future__ import annotations

import hashlib
import hmac
import re
import textwrap
import time
from pathlib import Path
from typing import Any

from alerts.lifecycle import Reason
from alerts.notify import Notice
from alerts.notify.webhook import Webhook
from alerts.rules import known_packs, parse_pack

DOCS = Path(__file__).resolve().parents[2] / "docs"


def block(page: str, beginning: str) -> str:
    """The indented block of a page that begins with these words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"(?m)^    {re.escape(beginning)}(?:.*\n(?:    .*\n|\n(?=    ))*)", text)
    assert found is not None, f"docs/{page} has no block that begins with {beginning!r}"
    return textwrap.dedent(found[0])


def test_the_pack_in_the_documentation_can_be_used() -> None:
    """Whoever copies it has a pack without faults."""
    assert [rule.id for rule in parse_pack(block("alerts.md", "pack: my-limits"), "docs").rules] == [
        "turbidity-high",
        "turbidity-very-high",
    ]


def test_every_reason_and_every_pack_is_explained() -> None:
    """No word on a screen without a line that says what it means."""
    text = (DOCS / "alerts.md").read_text(encoding="utf-8")
    for reason in Reason:
        assert f"| `{reason}` |" in text
    for pack in known_packs():
        assert f"## {pack}" in text


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
