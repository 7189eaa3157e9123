"""The thread that seals journal segments: the Merkle root of each closed one becomes a record, and so a ledger entry.

With it nobody can change a record that was written, not even together with all its check sums: the entry would no
longer fit. A segment is not removed before its root is recorded (``recorded``).
"""

from __future__ import annotations

import hashlib
import mmap
import struct
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
import structlog

from custody.ledger.entry import parse as parse_entry
from custody.ledger.merkle import Frontier, leaf_hash
from gateway import state
from gateway.clock import Clock
from gateway.errors import HygeiaError, JournalDamagedError
from gateway.journal.record import HEADER, Kind, json_body
from gateway.journal.segment import Segment, listing
from gateway.journal.writer import Done, Entry

log = structlog.get_logger(__name__)

#: The entity of entries about segments.
JOURNAL = "journal"
#: Seconds from one look for closed segments to the next.
LOOK_S = 5.0
_LENGTH = struct.Struct("<I")
_FRAME = 8


class Sink(Protocol):
    """The journal, as far as it is written to."""

    def submit(self, entries: list[Entry], done: Done) -> None:
        """See ``Journal.submit``."""
        ...


def seal(one: Segment, following: int) -> dict[str, Any]:
    """The body of the record about a closed segment, which ends before record ``following``.

    ``root`` is the RFC 6962 root over its records, each as it stands in the file from its length to the end of its
    body, ``sha256`` that of the whole file. Raises OSError, and JournalDamagedError where the records do not end there.
    """
    frontier = Frontier()
    with one.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        digest = hashlib.sha256(data).hexdigest()
        at, size = HEADER.size, len(data)
        while at + _FRAME <= size:
            end = at + _FRAME + _LENGTH.unpack_from(data, at)[0]
            if end > size:
                break
            frontier.append(leaf_hash(data[at:end]))
            at = end
    if at != size or frontier.size != following - one.first:
        raise JournalDamagedError(one.path, one.first + frontier.size, at, "the segment does not end with its records")
    return {
        "type": "segment",
        "first": one.first,
        "last": following - 1,
        "root": frontier.root().hex(),
        "sha256": digest,
        "records": frontier.size,
    }


class Segments:
    """Seals what is closed. ``replayed`` says whether decide has passed all that the journal held at the start."""

    def __init__(
        self, engine: sa.Engine, journal: Sink, folder: Path, clock: Clock, replayed: Callable[[], bool]
    ) -> None:
        #: All records below this offset are in segments whose root is recorded.
        self.recorded = 0
        self._engine, self._journal, self._folder, self._clock = engine, journal, folder, clock
        self._replayed = replayed
        self._asked = False
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segments", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End; False when a segment in work took longer than ``timeout`` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def look(self) -> None:
        """Seal every closed segment that has no root yet. Raises OSError, HygeiaError, SQLAlchemyError."""
        if not self._asked:
            if not self._replayed():
                return
            self.recorded = self._known()
            self._asked = True
        for one, following in pairwise(listing(self._folder)):
            if self._stopping.is_set():
                return
            if following.first <= self.recorded:
                continue
            body = seal(one, following.first)
            self._submit(body)

    def _submit(self, body: dict[str, Any]) -> None:
        durable = threading.Event()
        record = Entry(Kind.SEGMENT, self._clock.now_ms(), json_body(body))
        self._journal.submit([record], lambda _: durable.set())
        while not durable.wait(0.2):
            if self._stopping.is_set():
                return
        self.recorded = body["last"] + 1

    def _known(self) -> int:
        """The first record of which no root is in the ledger."""
        entries, links = state.ledger_entries, state.ledger_links
        query = (
            sa.select(entries.c.bytes)
            .join(links, links.c.idx == entries.c.idx)
            .where(links.c.entity == JOURNAL)
            .order_by(links.c.seq.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return 0 if found is None else int(parse_entry(bytes(found)).body["last"]) + 1

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
                self._trouble = ""
            except (OSError, ValueError, HygeiaError, sa.exc.SQLAlchemyError) as error:
                if str(error) != self._trouble:
                    log.warning("a journal segment cannot be sealed", words=str(error))
                self._trouble = str(error)
            self._stopping.wait(LOOK_S)
