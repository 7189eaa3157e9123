"""What to do with each answer of InfluxDB to a write: written, split, retry or hold. No input or output here.

Only 204 means written: 200 may be a login page, 201 is not InfluxDB. 429, 5xx, 408 and a lost connection are tried
again with full jitter; 413 splits; 400 and 422 split until the refused line stands alone; everything else (401, 403,
404, a redirect, a page) needs a person. Writing a line twice changes nothing, so a batch may always be repeated.
"""

from __future__ import annotations

import email.utils
import enum
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

#: Status where the server is not the one whose certificate we trust.
UNTRUSTED = -1
#: No server is asked more seldom than this, and none may ask for a longer rest (seconds).
LONGEST = 300.0
_WORDS = 300


class Verdict(enum.Enum):
    """What an answer means for the lines that were sent."""

    WRITTEN = "written"
    SPLIT = "split"
    RETRY = "retry"
    HOLD = "hold"


class Answer(NamedTuple):
    """What came back. ``words`` is one line; ``influx`` = the body had InfluxDB's own shape.

    ``status`` is 0 where there was no answer, and ``UNTRUSTED``.
    """

    status: int
    words: str
    retry_after: float | None = None
    influx: bool = False


class UnwrittenError(Exception):
    """Lines are not written and nothing is wrong with them; ``held`` where a person must act, ``silent``: no answer."""

    def __init__(self, reason: str, *, held: bool, retry_after: float | None = None, silent: bool = False) -> None:
        super().__init__(reason)
        self.held = held
        self.silent = silent
        self.retry_after = retry_after


def judge(status: int) -> Verdict:
    """What the status of an answer to a write means."""
    if status == 204:
        return Verdict.WRITTEN
    if status in {400, 413, 422}:
        return Verdict.SPLIT
    if status in {0, 408, 425, 429} or status >= 500:
        return Verdict.RETRY
    return Verdict.HOLD


def answer_of(status: int, body: bytes, retry_after: str | None, now: float) -> Answer:
    """Take an answer apart; ``now`` (Unix seconds) resolves a Retry-After that is a date."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = None
    said = None
    if isinstance(document, dict):
        said = document.get("message") or document.get("error")
    words = said if isinstance(said, str) else body[:2000].decode("utf-8", "replace")
    return Answer(status, " ".join(words.split())[:_WORDS], _seconds(retry_after, now), isinstance(said, str))


def _seconds(retry_after: str | None, now: float) -> float | None:
    if not retry_after:
        return None
    try:
        wait = float(retry_after)
    except ValueError:
        try:
            wait = email.utils.parsedate_to_datetime(retry_after).timestamp() - now
        except ValueError:
            return None
    return min(max(wait, 0.0), LONGEST) if wait == wait else None  # noqa: PLR0124 - NaN is not itself


class Refusal(NamedTuple):
    """The line ``at`` was refused for itself, with the server's words."""

    at: int
    words: str


async def deliver(
    send: Callable[[bytes], Awaitable[Answer]], lines: Sequence[bytes], start: int, end: int
) -> list[Refusal]:
    """Send lines ``start`` to ``end`` until each is written or refused for itself.

    Raises UnwrittenError when the server takes none, now or until a person acts. A server that refuses every one of
    many lines without a word in InfluxDB's shape (a proxy) is held, not believed.
    """
    waiting = [(start, end)]
    refused: list[Refusal] = []
    strange = ""
    while waiting:
        first, last = waiting.pop()
        answer = await send(b"\n".join(lines[first:last]))
        verdict = judge(answer.status)
        if verdict is Verdict.WRITTEN:
            continue
        if verdict is not Verdict.SPLIT:
            raise UnwrittenError(
                _reason(answer),
                held=verdict is Verdict.HOLD,
                retry_after=answer.retry_after,
                silent=answer.status == 0,
            )
        if last - first > 1:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
            continue
        refused.append(Refusal(first, answer.words or f"HTTP {answer.status}"))
        if not answer.influx:
            strange = _reason(answer)
        if strange and len(refused) == 2 and last == start + 2:
            # The first two lines, alone, and nothing written before them: this is no judgement about lines.
            raise UnwrittenError(f"refuses every line: {strange}", held=True)
    return refused


def _reason(answer: Answer) -> str:
    if answer.status <= 0:
        return answer.words
    return f"HTTP {answer.status} {answer.words}".strip()


class Backoff:
    """Waits between attempts: full jitter, doubling from ``first`` to ``most`` seconds; what the server asks counts."""

    def __init__(self, dice: random.Random, first: float = 0.5, most: float = 60.0) -> None:
        self._dice = dice
        self._first = first
        self._most = most
        self._tries = 0

    def failed(self, retry_after: float | None) -> float:
        """Seconds to wait after one more failure, never less than ``retry_after``."""
        ceiling = min(self._most, self._first * 2.0 ** min(self._tries, 20))
        self._tries += 1
        return (retry_after or 0.0) + self._dice.uniform(0.05, 1.0) * ceiling

    def succeeded(self) -> None:
        """Begin again with the shortest wait."""
        self._tries = 0
