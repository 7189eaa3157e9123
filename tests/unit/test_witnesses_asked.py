"""Asking witnesses: what they sign stands under the head, what they know more of stops the signing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.ledger import witness
from custody.ledger.note import COSIGNS, cosign, cosigned_at, key_of, parse_note
from custody.ledger.witness import NOTHING, Seen
from gateway import state
from gateway.config.model import Witness
from gateway.witnesses import FAILURES, Witnesses
from tests.support.ledger_rows import KEY, ORIGIN, Office, Rows

NAME = "authority.example/witness"
OWN = Ed25519PrivateKey.from_private_bytes(b"w" * 32)


class Authority:
    """A witness on a port of its own; ``answer`` may be replaced."""

    def __init__(self) -> None:
        self.seen = NOTHING
        self.asked = 0
        self.answer: Callable[[bytes], tuple[int, str]] = self.judge
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.asked += 1
                status, text = outer.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def judge(self, raw: bytes) -> tuple[int, str]:
        """As the format says."""
        asked = witness.parse(raw)
        refused = witness.known_ledger(asked, [key_of(ORIGIN, KEY)])
        verdict = refused or witness.judge(asked, self.seen)
        if verdict.status != 200:
            return verdict.status, f"{verdict.size}\n" if verdict.status == 409 else verdict.reason
        self.seen = Seen(asked.head.size, asked.head.root)
        return 200, f"{cosign(asked.note.text, NAME, OWN, 1_795_312_200)}\n"

    def settings(self) -> tuple[Witness, ...]:
        """How the asker reaches it."""
        url = f"http://127.0.0.1:{self.server.server_port}/w"
        return (Witness(url=url, key=str(key_of(NAME, OWN, COSIGNS))),)

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def authority() -> Iterator[Authority]:
    """A witness."""
    made = Authority()
    yield made
    made.close()


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """An empty ledger."""
    return Rows(tmp_path / "state.sqlite3")


def until(true: Callable[[], bool]) -> None:
    """Wait for something that threads do."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def cosigned(rows: Rows) -> list[bool]:
    """Of each head on record, whether the witness signed it."""
    key = key_of(NAME, OWN, COSIGNS)
    return [cosigned_at(parse_note(note.encode()), key) is not None for note in rows.notes()]


def test_each_head_is_cosigned_and_a_restart_finds_the_size(rows: Rows, authority: Authority, tmp_path: Path) -> None:
    """Heads over 3 and 8 entries, then a new run that asks from size 0, hears 409 and goes on from there."""
    for count in (3, 5, 2):
        asker = Witnesses(rows.engine, authority.settings())
        asker.start()
        rows.add(count)
        Office(rows, tmp_path, asker).look(at_once=True)
        until(lambda: bool(cosigned(rows)) and all(cosigned(rows)))
        assert asker.waiting() == []
        assert asker.stop(10)
    assert len(rows.notes()) == 3


@pytest.mark.parametrize("answer", [(500, "away"), (200, "— x AAAAAAAA\n"), (200, ""), (409, "many"), (404, "unknown")])
def test_a_witness_that_fails_delays_nothing(
    rows: Rows, authority: Authority, tmp_path: Path, answer: tuple[int, str]
) -> None:
    """The head is signed and recorded; the failure is counted and said, and no line of it gets under the head."""
    authority.answer = lambda _: answer
    asker = Witnesses(rows.engine, authority.settings())
    asker.start()
    rows.add(3)
    office = Office(rows, tmp_path, asker)
    head = office.look(at_once=True)
    assert head is not None
    until(lambda: asker.waiting() != [])
    assert asker.stop(10)
    assert cosigned(rows) == [False]
    assert office.alarms == set()
    with rows.engine.connect() as connection:
        query = sa.select(state.counters.c.value).where(state.counters.c.name == FAILURES)
        assert connection.execute(query).scalar_one() >= 1


def test_a_folder_that_was_put_back_is_noticed_by_the_witness(rows: Rows, authority: Authority, tmp_path: Path) -> None:
    """State and head file are those of yesterday: only the witness has seen more, and nothing is signed any more."""
    rows.add(3)
    Office(rows, tmp_path).look(at_once=True)
    today = Rows(tmp_path / "today.sqlite3")
    today.add(9)
    with today.engine.connect():
        authority.seen = Seen(9, today.frontier.root())
    asker = Witnesses(rows.engine, authority.settings())
    asker.start()
    office = Office(rows, tmp_path, asker)
    rows.add(1)
    office.look(at_once=True)
    assert asker.stop(10)
    assert office.alarms == {"ledger_fork"}
    assert "has seen 9 entries" in office.notary.words
    assert len(rows.notes()) == 1


def test_two_ledgers_with_one_key_are_noticed_by_the_witness(rows: Rows, authority: Authority, tmp_path: Path) -> None:
    """The witness has another head of fewer entries: the proof does not lead on from it."""
    other = Rows(tmp_path / "other.sqlite3")
    other.add(2, word="other")
    authority.seen = Seen(2, other.frontier.root())
    rows.add(5)
    Office(rows, tmp_path).look(at_once=True)
    asker = Witnesses(rows.engine, authority.settings())
    asker.start()
    office = Office(rows, tmp_path, asker)
    office.look(at_once=True)
    assert asker.stop(10)
    assert office.alarms == {"ledger_fork"}
    assert "not the first ones here" in office.notary.words
