"""The thread that has signed heads cosigned by witnesses (c2sp.org/tlog-witness). Signing never waits for it.

A witness that knows more of this ledger than there is, or another head of the same size, proves that an older state
was put back, or that there are two ledgers with one key: then ``behind`` says so, and nothing more is signed.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
from contextlib import suppress
from importlib.metadata import version
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.sqlite import insert as upsert

from custody.ledger import witness
from custody.ledger.merkle import consistency
from custody.ledger.note import Key, NoteError, cosigned_at, parse_key, parse_line, parse_note
from gateway import state
from gateway.config.model import Witness
from gateway.database import writing
from gateway.ledger_book import Book, Signed

log = structlog.get_logger(__name__)

FAILURES = "ledger_witness_failures"
TIMEOUT_S = 10.0
#: Seconds until a witness that failed is asked again, unless there is a new head before.
AGAIN_S = 60.0
_AGENT = f"hygeia/{version('hygeia-gateway')}"
_LARGEST = 65_536
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n?")


class AskError(Exception):
    """A witness did not cosign; the message says why, in one line."""


class KnowsMoreError(Exception):
    """A witness knows another ledger of this name than there is."""


class _Peer:
    """One witness. ``known`` is the size of the newest head of ours that it cosigned, as far as we know."""

    def __init__(self, settings: Witness) -> None:
        self.url = settings.url
        self.key: Key = parse_key(settings.key)
        self.origin = ""
        self.known = 0
        self.done: Signed | None = None
        self.words = ""


class Witnesses:
    """Shows the newest head to every witness of the settings and keeps what they sign with it."""

    def __init__(self, engine: sa.Engine, settings: tuple[Witness, ...]) -> None:
        self._engine = engine
        self._peers = [_Peer(one) for one in settings]
        self._head: Signed | None = None
        self._behind = ""
        self._asked = threading.Event()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)

    def start(self) -> None:
        """Start asking; without witnesses there is nothing to do."""
        if self._peers:
            self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ask once more where there is a new head, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def offer(self, head: Signed | None) -> None:
        """Have ``head`` cosigned, soon; one that waits still is passed over. None: the name of the ledger is new."""
        self._asked.clear()
        self._behind = ""
        self._head = head
        if head is None:
            self._asked.set()
        self._wake.set()

    def behind(self, patience_s: float) -> str:
        """Why the ledger is behind what a witness saw; empty where none says so within ``patience_s``."""
        if self._peers:
            self._asked.wait(patience_s)
        return self._behind

    def waiting(self) -> list[str]:
        """What is wrong with each witness that did not cosign the newest head."""
        return [f"{peer.key.name}: {peer.words}" for peer in self._peers if peer.words]

    def _run(self) -> None:
        while True:
            self._wake.wait(AGAIN_S)
            self._wake.clear()
            head = self._head
            if head is not None:
                for peer in self._peers:
                    if peer.done != head:
                        self._ask_safely(peer, head)
                if head == self._head:
                    self._asked.set()
            if self._stopping.is_set():
                return

    def _ask_safely(self, peer: _Peer, head: Signed) -> None:
        try:
            self._ask(peer, head)
        except KnowsMoreError as error:
            self._behind = f"the witness {peer.key.name} {error}"
        except (AskError, NoteError, LookupError, OSError, http.client.HTTPException, sa.exc.SQLAlchemyError) as error:
            self._failed(peer, str(error) or type(error).__name__)
        else:
            peer.done, peer.known, peer.words = head, head.head.size, ""

    def _failed(self, peer: _Peer, words: str) -> None:
        if words != peer.words:
            log.warning("a witness did not cosign", witness=peer.key.name, words=words)
        peer.words = words
        table = state.counters
        statement = upsert(table).values(name=FAILURES, value=1)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": table.c.value + 1})
        with suppress(sa.exc.SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(statement)

    def _ask(self, peer: _Peer, head: Signed) -> None:
        """Ask once, and a second time from the size that the witness names. Raises what ``_ask_safely`` knows."""
        if peer.origin != head.head.origin:
            peer.origin, peer.known = head.head.origin, 0
        status, answer = self._show(peer, head, peer.known)
        if status == http.HTTPStatus.CONFLICT:
            found = _SIZE.fullmatch(answer)
            if found is None:
                raise AskError("answered 409 without the size that it knows")
            known = int(found[1])
            if known > head.head.size:
                raise KnowsMoreError(f"has seen {known} entries, here a head over {head.head.size} is the newest")
            if known == peer.known:
                raise KnowsMoreError(f"has seen another head over {known} entries")
            peer.known = known
            status, answer = self._show(peer, head, known)
        if status == http.HTTPStatus.UNPROCESSABLE_ENTITY and peer.known:
            raise KnowsMoreError(f"has seen {peer.known} entries that are not the first ones here")
        if status != http.HTTPStatus.OK:
            raise AskError(f"answered {status}: {answer.strip()[:200]!r}")
        self._keep(head, peer.key, answer)

    def _show(self, peer: _Peer, head: Signed, old: int) -> tuple[int, str]:
        if old > head.head.size:
            raise AskError(f"has cosigned {old} entries already")
        with self._engine.connect() as connection:
            proof = consistency(old, head.head.size, Book(connection).node)
        return _post(f"{peer.url}/add-checkpoint", witness.body(old, proof, head.note))

    def _keep(self, head: Signed, key: Key, answer: str) -> None:
        """Add what the witness signed to the head on record. Raises AskError where it is not its signature."""
        lines = [parse_line(line) for line in answer.split("\n")[:100] if line]
        own = [line for line in lines if (line.name, line.id) == (key.name, key.id)]
        if not own or cosigned_at(head.note.having(own), key) is None:
            raise AskError("its signature is not that of its key")
        table = state.ledger_checkpoints
        place = (table.c.origin == head.head.origin) & (table.c.size == head.head.size)
        with writing(self._engine) as connection:
            found = connection.execute(sa.select(table.c.note).where(place)).scalar()
            if found is not None:
                note = parse_note(str(found).encode()).having(own)
                connection.execute(table.update().where(place).values(note=str(note)))


def _post(url: str, body: bytes) -> tuple[int, str]:
    """Status and text of the answer; no proxy, no redirect. Raises OSError and HTTPException."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("POST", parts.path, body, {"User-Agent": _AGENT, "Content-Type": "text/plain"})
        answer = connection.getresponse()
        return answer.status, answer.read(_LARGEST).decode("utf-8", "replace")
    finally:
        connection.close()
