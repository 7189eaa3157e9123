"""What may not stand in the words of an outcome: secrets, and whom a notice went to (pure).

Outcomes go into journal and log, which cannot be erased (DESIGN, invariant 10), and receivers like to quote what they
were sent.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import msgspec

from alerts.notify import Outcome, Recipient, words_of

MASK = "***"
#: Shorter parts of an address are no secret, and hiding them would garble the words.
_SHORTEST = 6
#: A number is written with and without the code of its country; these last digits are the person's.
_NATIONAL = 11


class Hidden:
    """Knows some secrets and takes them out of texts. ``url`` may hold some, as an access token does in its query."""

    def __init__(self, url: str, *secrets: str) -> None:
        parts = {part for part in (*secrets, *_secrets_of(url)) if len(part) >= _SHORTEST}
        self._secrets = sorted(parts, key=len, reverse=True)

    def __repr__(self) -> str:
        """Tells how many, never what."""
        return f"Hidden({len(self._secrets)})"

    def shown(self, body: bytes | str) -> str:
        """What the receiver said, on one line of at most 200 characters, without what only we two may know."""
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return words_of(text.encode())


def discreet(outcome: Outcome, to: Recipient | None) -> Outcome:
    """The outcome without the recipient's name, number or address in its words."""
    if to is None or not outcome.words:
        return outcome
    words = outcome.words
    digits = to.number.removeprefix("+")
    for part in (to.email, to.phone, digits, digits[-_NATIONAL:], to.name):
        if len(part) >= 2:
            words = words.replace(part, MASK)
    return outcome if words == outcome.words else msgspec.structs.replace(outcome, words=words)


def _secrets_of(url: str) -> list[str]:
    """Whatever of an address may be a token: password, the last part of its path, the values of its query."""
    parts = urlsplit(url)
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    found = [parts.password or "", *parts.path.split("/")[-1:], *values]
    return [*found, *(unquote(one) for one in found)]
