"""What waits to be written, in two lanes: messages are held while too little disk is free, the rest is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gateway.journal import record
from gateway.journal.record import Kind


class Entry(NamedTuple):
    """What is to become a record: ``kind`` is a ``Kind``, ``received_at`` ms since 1970 UTC."""

    kind: int
    received_at: int
    body: bytes


#: Called in the writer thread with the offset of the first entry of a submission, once all of it is on disk.
Done = Callable[[int], None]


class Submission(NamedTuple):
    """Entries that are written together; ``size`` is in bytes on disk, ``message`` says whether they may be held.

    ``done`` is None for records of the writer's own.
    """

    entries: Sequence[Entry]
    done: Done | None
    size: int
    message: bool


def submission(entries: Sequence[Entry], done: Done) -> Submission:
    """Check and measure ``entries``. Raises ValueError if there are none or a body is longer than can be read back."""
    size, message = record.OVERHEAD * len(entries), False
    for kind, _, body in entries:
        size += len(body)
        if kind == 1:  # Kind.MESSAGE, plain for speed
            message = True
    if size > record.MAX_BODY or not entries:
        _refuse_wrong(entries)
    return Submission(entries, done, size, message)


def own(kind: Kind, document: dict[str, Any], now: int) -> Submission:
    """A record of the writer's own."""
    body = record.json_body(document)
    return Submission([Entry(kind, now, body)], None, record.OVERHEAD + len(body), message=False)


class Lanes:
    """Who is next. Used by the writer thread only."""

    def __init__(self) -> None:
        self._own: list[Submission] = []  # the writer's own records go first
        self._refused: list[Submission] = []  # taken back from a full disk, no messages
        self._held: list[Submission] = []  # messages

    @property
    def urgent(self) -> bool:
        """Something waits that nobody submitted."""
        return bool(self._own)

    def remark(self, submitted: Submission) -> None:
        """Have a record of the writer's own written before anything else."""
        self._own.append(submitted)

    def choose(self, incoming: list[Submission], *, low: bool, full: bool) -> list[Submission]:
        """What is to be written now, in order; the rest is kept.

        While ``low`` messages are kept, while ``full`` everything.
        """
        if low:
            self._held += [one for one in incoming if one.message]
            self._refused += self._own + [one for one in incoming if not one.message]
            self._own = []
            if full:
                return []
            batch, self._refused = self._refused, []
            return batch
        if self._own or self._refused or self._held:
            incoming = self._own + self._refused + self._held + incoming
            self._own, self._refused, self._held = [], [], []
        return incoming

    def put_back(self, batch: list[Submission]) -> None:
        """Keep a batch that could not be written."""
        self._refused = [one for one in batch if not one.message]
        self._held = [one for one in batch if one.message] + self._held


def _refuse_wrong(entries: Sequence[Entry]) -> None:
    if not entries:
        raise ValueError("entries is empty; at least one is needed")
    for entry in entries:
        if len(entry.body) > record.MAX_BODY:
            raise ValueError(f"a body has {len(entry.body)} bytes; at most {record.MAX_BODY} are allowed")
