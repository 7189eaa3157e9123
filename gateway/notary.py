"""The thread that signs the ledger's head: only what is durably committed, and only what goes on from the last head.

Steps of one signature, in this order: new entries are hashed again from their bytes as committed; the result is
compared with the stored tree; the head is signed; it is on disk outside the database (``head_file``); it is on record
in the state; others see it. After a crash between any two of them the head on disk is the newest that anybody can have
seen, and the next start signs only what goes on from it.

Where that cannot be shown (a restored backup, a changed state) nothing is signed any more: ``words`` say why, the alarm
``ledger_fork`` stands, everything else works. docs/ledger.md has the way out.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.dialects.sqlite import insert as upsert

from custody.ledger.checkpoint import Clock as Stamp
from custody.ledger.checkpoint import checkpoint
from custody.ledger.entry import EntryError
from custody.ledger.merkle import Frontier, leaf_hash
from custody.ledger.note import NoteError, key_of, parse_note, sign, signed_by
from gateway import state
from gateway.clock import Clock, SystemClock
from gateway.clock_source import clock_state
from gateway.config.model import Ledger
from gateway.doubt import Doubt
from gateway.errors import JournalFailedError
from gateway.journal.disk import Disk
from gateway.ledger_book import PIECE, Book, Opened, Signed, signed

log = structlog.get_logger(__name__)

#: Seconds from one look at the ledger to the next, at the least and at the most.
LOOK_S, REST_S = 0.2, 5.0
ALARM = "ledger_fork"


class Alarm(Protocol):
    """Says that an alarm of the gateway begins or ends."""

    def __call__(self, name: str, *, on: bool) -> None:
        """Raise or clear the alarm ``name``."""
        ...


class Asker(Protocol):
    """Shows heads to witnesses, in a thread of its own."""

    def offer(self, head: Signed | None) -> None:
        """Have this head cosigned, soon; None where the name of the ledger is new."""
        ...

    def behind(self, patience_s: float) -> str:
        """Why the ledger is behind what a witness saw, empty where none says so within seconds."""
        ...


class ForkError(Exception):
    """The ledger does not go on from its last signed head; the message says why, for a person."""


class Notary:
    """Signs. ``replayed`` says whether decide has passed all that the journal held when the gateway started."""

    def __init__(
        self,
        engine: sa.Engine,
        key: Ed25519PrivateKey,
        settings: Ledger,
        head_file: Path,
        *,
        zone: ZoneInfo,
        clock: Clock,
        alarm: Alarm,
        replayed: Callable[[], bool],
        witnesses: Asker | None = None,
        disk: Disk | None = None,
        doubt: Doubt | None = None,
    ) -> None:
        self.words = ""
        self.newest: Signed | None = None
        self.size = 0
        self._engine, self._key, self._settings, self._file = engine, key, settings, head_file
        self._zone, self._clock, self._alarm, self._replayed = zone, clock, alarm, replayed
        self._witnesses, self._disk, self._doubt = witnesses, disk or Disk(), doubt
        self._frontier: Frontier | None = None
        self._origin = ""
        self._name: tuple[int, Opened | None] = (-2, None)
        self._refused_at = -1
        self._unsigned_since: float | None = None
        self._signed_on: dt.date | None = None
        self._wake = threading.Event()
        #: Looks that began and that ended, and whether somebody waits for a head over all that is committed.
        self._turn = threading.Condition()
        self._began = self._ended = 0
        self._asked = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notary", daemon=True)

    @property
    def unsigned(self) -> int:
        """Entries that no signed head covers."""
        return self.size - (self.newest.head.size if self.newest else 0)

    def start(self) -> None:
        """Start signing."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed. Any thread."""
        self._wake.set()

    def cover(self, timeout: float) -> None:
        """Have all that is committed now signed, and wait for it, ``timeout`` seconds at the most. Any other thread.

        What may not be signed stays unsigned: whoever reads the head must look what it covers.
        """
        if not self._thread.is_alive():
            return
        with self._turn:
            self._asked, wanted = True, self._began + 1
            self._wake.set()
            self._turn.wait_for(lambda: self._ended >= wanted, timeout)

    def stop(self, timeout: float) -> bool:
        """Sign what is committed and end; False when that took longer than ``timeout`` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            with self._turn:
                self._began += 1
                asked, self._asked = self._asked, False
            self.look_safely(at_once=asked)
            with self._turn:
                self._ended = self._began
                self._turn.notify_all()
            self._stopping.wait(LOOK_S)
            self._wake.wait(self._rest())
        self.look_safely(at_once=True)

    def _rest(self) -> float:
        if self._unsigned_since is None:
            return REST_S
        left = self._unsigned_since + self._settings.sign_every_s - self._clock.monotonic()
        return min(max(self._clock.wall_seconds(left), 0.0), REST_S)

    def look_safely(self, *, at_once: bool) -> None:
        """Look once; what is wrong becomes an alarm or a line of the log."""
        try:
            self.look(at_once=at_once)
        except ForkError as error:
            self._refuse(str(error))
        except (sa.exc.SQLAlchemyError, OSError, JournalFailedError) as error:
            log.warning("the ledger cannot be signed now", words=str(getattr(error, "orig", error)))
        except Exception:
            log.exception("the notary failed")

    def look(self, *, at_once: bool = False) -> None:
        """Take in what was committed and sign it if it is time, or with ``at_once`` in any case.

        Raises ForkError where the ledger may not be signed, OSError, JournalFailedError and SQLAlchemyError.
        """
        with self._engine.connect() as connection:
            book = Book(connection)
            self.size = book.size
            if not self._ready(book):
                return
            self._ask_witnesses(0)
            self._take_in(book)
        self._fine()
        if self._due(at_once=at_once):
            self._sign()

    # Beginning: what the last head was, and whether the ledger goes on from it.

    def _ready(self, book: Book) -> bool:
        opened = self._newest_name(book)
        if self.words and (opened is None or opened.idx <= self._refused_at):
            return False
        origin = str(opened.body["origin"]) if opened is not None else self._settings.origin
        if self._frontier is not None and origin == self._origin:
            return True
        return self._begin(book, origin, opened)

    def _newest_name(self, book: Book) -> Opened | None:
        number = book.openings()
        if number != self._name[0]:
            try:
                self._name = (number, book.opened())
            except EntryError as error:
                raise ForkError(f"the ledger is damaged: {error}") from error
        return self._name[1]

    def _begin(self, book: Book, origin: str, opened: Opened | None) -> bool:
        """Find where signing goes on; False while decide still replays. Raises ForkError."""
        self._frontier, self._origin = None, origin
        last = self._last()
        known = [head for head in (last, _newest(book, origin)) if head is not None and head.head.origin == origin]
        if max((head.head.size for head in known), default=0) > book.size and not self._replayed():
            return False
        for head in known:
            self._goes_on(book, head)
        if self._doubt is not None and (opened is None or opened.idx < self._doubt.entries):
            raise ForkError(self._doubt.words())
        if last is not None and last.head.origin != origin:
            _cites(opened, last, origin)
        newest = max(known, key=lambda head: head.head.size, default=None)
        if last is None and newest is not None:
            log.warning("the head kept outside the database is gone: nothing but witnesses tells an older state now")
        base = newest.head.size if newest else 0
        if newest is None and opened is not None:
            base = opened.idx + 1
        try:
            self._frontier = Frontier(base, book.peaks(base))
        except LookupError as error:
            raise ForkError(f"the ledger is damaged: {error}") from error
        self.newest = newest
        self._signed_on = self._signed_on or self._today()
        if newest is not None:
            self._record(newest)
        if self._witnesses is not None:
            self._witnesses.offer(newest)
        self._ask_witnesses(LONGEST_ASK_S)
        return True

    def _ask_witnesses(self, patience_s: float) -> None:
        """Raise ForkError where a witness knows more of this ledger than there is."""
        words = self._witnesses.behind(patience_s) if self._witnesses is not None else ""
        if words:
            raise ForkError(words)

    def _last(self) -> Signed | None:
        """The head in the file outside the database. Raises ForkError where it is none of ours."""
        try:
            raw = self._file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return signed(raw)
        except NoteError as error:
            raise ForkError(f"{self._file}: {error}; restore it, or take it away if the state is whole") from error

    def _goes_on(self, book: Book, last: Signed) -> None:
        """Raise ForkError unless the ledger goes on from the head ``last``."""
        head = last.head
        if not signed_by(last.note, key_of(head.origin, self._key)):
            raise ForkError(f"the last head of {head.origin} (size {head.size}) was signed by another key")
        if book.size < head.size:
            raise ForkError(f"a head over {head.size} entries was signed, but there are {book.size}: an older state")
        try:
            root = book.root(head.size)
        except LookupError as error:
            raise ForkError(f"the ledger is damaged: {error}") from error
        if root != head.root:
            raise ForkError(f"the first {head.size} entries are not those over which the last head was signed")

    # Going on: new entries, and their head.

    def _take_in(self, book: Book) -> None:
        """Hash the new entries from their bytes, and compare with the stored tree. Raises ForkError."""
        frontier = self._frontier
        assert frontier is not None
        if book.size < frontier.size:
            self._frontier = None
            raise ForkError(f"there were {frontier.size} entries, now there are {book.size}")
        made: dict[int, list[tuple[int, bytes]]] = {}
        for one in book.entries(frontier.size):
            if one.idx != frontier.size:
                raise ForkError(f"entry {frontier.size} is missing")
            if leaf_hash(one.raw) != one.leaf:
                raise ForkError(f"entry {one.idx}: its bytes are not those that were hashed")
            for level, idx, node in frontier.append(one.leaf):
                made.setdefault(level, []).append((idx, node))
            if frontier.size % PIECE == 0:
                _compare(book, made)
        _compare(book, made)

    def _due(self, *, at_once: bool) -> bool:
        assert self._frontier is not None
        unsigned = self._frontier.size - (self.newest.head.size if self.newest else 0)
        if unsigned <= 0:
            self._unsigned_since = None
            return False
        now = self._clock.monotonic()
        if self._unsigned_since is None:
            self._unsigned_since = now
        settings = self._settings
        late = now - self._unsigned_since >= settings.sign_every_s
        return at_once or late or unsigned >= settings.sign_every_entries or self._today() != self._signed_on

    def _sign(self) -> None:
        frontier = self._frontier
        assert frontier is not None
        # A simulated clock has its time from nowhere.
        source, offset = clock_state() if isinstance(self._clock, SystemClock) else ("unknown", 0)
        stamp = Stamp(self._clock.now_ms(), source, offset)
        head = checkpoint(self._origin, frontier.size, frontier.root(), stamp)
        made = Signed(sign(head.text(), self._origin, self._key), head)
        self._disk.replace(self._file, str(made.note).encode())
        self._record(made)
        self.newest, self._unsigned_since, self._signed_on = made, None, self._today()
        if self._witnesses is not None:
            self._witnesses.offer(made)

    def _record(self, made: Signed) -> None:
        head = made.head
        row = {"origin": head.origin, "size": head.size, "at": head.clock.at if head.clock else 0}
        statement = upsert(state.ledger_checkpoints).on_conflict_do_nothing()
        with self._engine.begin() as connection:
            connection.execute(statement, [row | {"note": str(made.note)}])

    def _fine(self) -> None:
        """The ledger goes on from its last head; an alarm may stand from an earlier run."""
        if self.words:
            log.info("the ledger is signed again", origin=self._origin)
        self.words = ""
        self._alarm(ALARM, on=False)

    def _refuse(self, words: str) -> None:
        """Sign nothing until a new origin is opened; say so once."""
        self._frontier = None
        opened = self._name[1]
        self._refused_at = -1 if opened is None else opened.idx
        if words != self.words:
            log.error("the ledger is not signed any more; see docs/ledger.md", words=words)
        self.words = words
        self._alarm(ALARM, on=True)

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._clock.now_ms() / 1000, self._zone).date()


#: Seconds that the first signature of a run waits for witnesses to say what they saw last.
LONGEST_ASK_S = 5.0


def _compare(book: Book, made: dict[int, list[tuple[int, bytes]]]) -> None:
    """Raise ForkError unless the nodes ``made``, by level, are the stored ones; forgets them."""
    for level, nodes in made.items():
        if book.nodes(level, nodes[0][0], nodes[-1][0]) != nodes:
            span = f"{nodes[0][0] << level} to {(nodes[-1][0] + 1 << level) - 1}"
            raise ForkError(f"the stored hashes of level {level} over entries {span} are not those of the entries")
    made.clear()


def _newest(book: Book, origin: str) -> Signed | None:
    try:
        return book.newest(origin)
    except NoteError as error:
        raise ForkError(f"the signed heads on record are damaged: {error}") from error


def _cites(opened: Opened | None, last: Signed, origin: str) -> None:
    """Raise ForkError unless the newest change of name cites the head that was signed last."""
    old = None if opened is None else opened.body.get("old_head")
    try:
        cited = bool(old) and parse_note(str(old).encode()).text == last.note.text
    except NoteError:
        cited = False
    if not cited:
        raise ForkError(f"the last head was signed as {last.head.origin}, now the ledger is called {origin}")
