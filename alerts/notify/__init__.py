"""Channels that tell people: what is sent and what the answer means (pure; ``gateway`` does the sending).

A channel kind that speaks HTTP is a ``HttpKind``: it builds a request and judges the answer, and never sees a socket.
Outcomes say what the caller does next: nothing (``Delivered``), try again (``Retry``), give up (``Refused``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

import msgspec

#: A Retry-After beyond this is not believed: the receiver may be well again long before.
MOST_RETRY_AFTER_S = 3600.0
MOST_WORDS = 200


class Recipient(msgspec.Struct, frozen=True):
    """A person as a channel needs to know one, out of the erasable table; never journaled, logged or shown."""

    id: str
    name: str = ""
    phone: str = ""
    email: str = ""
    language: str = "zh"

    @property
    def number(self) -> str:
        """The phone number as providers want it: no spaces, dashes or brackets, digits of ASCII."""
        return re.sub(r"[\s()./-]", "", unicodedata.normalize("NFKC", self.phone).replace("–", "-"))


class Notice(msgspec.Struct, frozen=True):
    """What is told. ``content`` is the JSON of one alert (an object) or of several (an array), as in DESIGN 4.7.

    ``key`` is the same at every try, so that a receiver can drop repetitions; ``at`` is ms since 1970 UTC. ``context``
    is the JSON of ``Context``: the names that people read. ``to`` is None where a channel has one receiver for all.
    ``link`` is the address where the receiver may acknowledge, empty where there is none.
    """

    event: str
    key: str
    at: int
    content: bytes
    context: bytes = b"{}"
    to: Recipient | None = None
    link: str = ""

    @property
    def subject(self) -> str:
        """What must stay in order: the id of the alert; notices without one stand alone under their key."""
        try:
            return msgspec.json.decode(self.content, type=_Identified).id or self.key
        except msgspec.MsgspecError:
            return self.key


class Words(msgspec.Struct, frozen=True):
    """A name in both languages; either may be empty."""

    zh: str = ""
    en: str = ""


class Told(msgspec.Struct, frozen=True):
    """What people read of one alert besides its keys: names, never addresses. ``call`` is whom to call (no number).

    ``kind`` is the kind of its condition, see ``alerts.change.Change``; empty where it is not known. ``side`` is where
    it was of its limit when it fired: ``above``, ``below``, or empty. ``mine``: the receiver was given the alert.
    """

    place: Words = Words()
    unit: Words = Words()
    rule: Words = Words()
    parameter: Words = Words()
    call: Words = Words()
    verified: bool = True
    kind: str = ""
    device: Words = Words()
    side: str = ""
    mine: bool = False


class Context(msgspec.Struct, frozen=True):
    """What goes with the alerts of a notice: one ``Told`` each, in the same order; ``zone`` is an IANA name."""

    told: list[Told] = []
    zone: str = "Asia/Shanghai"


class _Identified(msgspec.Struct):
    id: str = ""


class Request(NamedTuple):
    """One HTTP request. ``url`` is sent as it stands where it is plain ASCII."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


class Answer(NamedTuple):
    """The beginning of what came back; header names are lower case, ``now`` is Unix seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    now: int


class Delivered(msgspec.Struct, frozen=True):
    """The receiver has it; ``words`` is what it said, such as its id of the message."""

    status: int | None = None
    words: str = ""


class Retry(msgspec.Struct, frozen=True):
    """Not this time. ``after`` are seconds that the receiver asked for, for all that goes to it; None = as we like."""

    words: str
    status: int | None = None
    after: float | None = None


class Refused(msgspec.Struct, frozen=True):
    """The receiver will never take it."""

    words: str
    status: int | None = None


Outcome = Delivered | Retry | Refused


class HttpKind(Protocol):
    """A kind of channel that is one HTTP request a notice."""

    def request(self, notice: Notice, now: int) -> Request | Refused:
        """Build what is sent; ``now`` is Unix seconds. Refused where this notice cannot go out by this channel."""
        ...

    def judge(self, answer: Answer) -> Outcome:
        """Say what an answer means."""
        ...


def retry_after(value: str | None, now: int) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date), at most an hour; None where it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), MOST_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(text)
        seconds = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now
        return min(max(seconds, 0.0), MOST_RETRY_AFTER_S)
    except (ValueError, OverflowError):
        return None


def words_of(body: bytes) -> str:
    """The receiver's words on one line, at most 200 characters."""
    text = body[: 4 * MOST_WORDS].decode("utf-8", "replace")
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())[:MOST_WORDS]
