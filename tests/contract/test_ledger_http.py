"""The ledger over HTTP, and a gateway as witness of another one's ledger: what is asked, what is answered."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from custody.ledger import witness
from custody.ledger.checkpoint import Clock, checkpoint
from custody.ledger.checkpoint import parse as parse_head
from custody.ledger.merkle import Frontier, consistency, leaf_hash, verify_inclusion
from custody.ledger.note import Note, NoteError, cosigned_at, key_of, parse_key, parse_line, parse_note, sign, signed_by
from gateway.api import ledger as routes
from gateway.api.app import build_app
from gateway.api.throttle import Throttle
from gateway.installation import Installation
from tests.plugins.fake_services import FakeClock, FakeServices
from tests.plugins.http_caller import Caller, Reply, in_thread
from tests.support.ledger_rows import KEY, ORIGIN, Office, Rows

PEER = "other.example/ledger/1"
ADD = "/api/v1/ledger/witness/add-checkpoint"


@pytest.fixture
def served(services: FakeServices, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """Somebody on the machine of a gateway that witnesses the ledger of ``PEER`` and has keys."""
    installation = Installation(services.settings.data.dir)
    installation.prepare()
    installation.create_keys()
    ledger = services.settings.ledger.model_copy(update={"origin": ORIGIN, "witness_for": (str(key_of(PEER, KEY)),)})
    services.settings = services.settings.model_copy(update={"ledger": ledger})
    monkeypatch.setattr(routes, "_THROTTLE", Throttle())
    return Caller(build_app(services, FakeClock()))


class Peer:
    """The other ledger."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}

    def grow(self, count: int, word: str = "entry") -> Note:
        """More entries, and the signed head over all."""
        for _ in range(count):
            size = self.frontier.size
            leaf = self.nodes[0, size] = leaf_hash(f"{word} {size}".encode())
            self.nodes |= {(level, idx): made for level, idx, made in self.frontier.append(leaf)}
        return self.note()

    def note(self, name: str = PEER) -> Note:
        """The signed head as it is."""
        head = checkpoint(name, self.frontier.size, self.frontier.root(), Clock(1, "ntp", 0))
        return sign(head.text(), name, KEY)

    def request(self, old: int, note: Note) -> bytes:
        """What is sent to a witness that knows ``old``."""
        size = parse_head(note.text).size
        proof = consistency(old, size, lambda level, idx: self.nodes[level, idx]) if old <= size else []
        return witness.body(old, proof, note)


async def ask(caller: Caller, body: bytes) -> Reply:
    """One request to the witness."""
    return await caller.call("POST", ADD, {"content-type": "text/plain"}, body)


async def test_a_witness_cosigns_what_goes_on(served: Caller) -> None:
    """First head, a later one, the same again: each is cosigned with the key that the gateway shows."""
    key = parse_key((await served.get("/api/v1/ledger/key")).json()["witness"])
    peer, old = Peer(), 0
    for count in (3, 5, 0):
        note = peer.grow(count)
        reply = await ask(served, peer.request(old, note))
        assert reply.status == 200, reply.text
        line = parse_line(reply.text.rstrip("\n"))
        assert cosigned_at(note.having([line]), key) is not None
        old = peer.frontier.size
    assert key.name == "test.example/witness"


async def test_a_witness_says_what_it_knows(served: Caller) -> None:
    """A wrong old size is answered with 409 and the size that is known, as text/x.tlog.size."""
    peer = Peer()
    await ask(served, peer.request(0, peer.grow(4)))
    note = peer.grow(4)
    for old in (0, 3, 8):
        reply = await ask(served, peer.request(old, note))
        assert (reply.status, reply.text, reply.header("content-type")) == (409, "4\n", "text/x.tlog.size")
    assert (await ask(served, peer.request(4, note))).status == 200


async def test_a_witness_signs_no_second_history(served: Caller) -> None:
    """Another ledger of the same name and key, of the same size or longer, is not cosigned."""
    true, forged = Peer(), Peer()
    await ask(served, true.request(0, true.grow(4)))
    note = forged.grow(4, "forged")
    assert (await ask(served, forged.request(4, note))).status == 409
    longer = forged.grow(3, "forged")
    assert (await ask(served, forged.request(4, longer))).status == 422
    assert (await ask(served, true.request(4, true.grow(1)))).status == 200


async def test_a_witness_remembers_before_it_answers(served: Caller, services: FakeServices) -> None:
    """What was cosigned stands in the state, so another process gives the same answers."""
    peer = Peer()
    await ask(served, peer.request(0, peer.grow(4)))
    again = Caller(build_app(services, FakeClock()))
    assert (await ask(again, peer.request(0, peer.grow(1)))).status == 409


async def test_many_askers_at_once_get_one_history(served: Caller) -> None:
    """Of two histories that arrive at the same moment one is cosigned."""
    forks = [Peer(), Peer(), Peer(), Peer()]
    bodies = [peer.request(0, peer.grow(2, f"history {n}")) for n, peer in enumerate(forks)]
    replies = await asyncio.gather(*(ask(served, body) for body in bodies))
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]


async def test_a_witness_knows_its_ledgers(served: Caller) -> None:
    """Unknown origin 404, another key 403, rubbish 400; an old size beyond the head 400."""
    peer = Peer()
    note = peer.grow(2)
    assert (await ask(served, witness.body(0, [], peer.note("nobody.example/l")))).status == 404
    forged = Note(note.text, (note.signatures[0].__class__(PEER, note.signatures[0].id, bytes(64)),))
    assert (await ask(served, witness.body(0, [], forged))).status == 403
    assert (await ask(served, witness.body(3, [], note))).status == 400
    assert (await ask(served, str(note).encode())).status == 400
    for raw in (b"", b"old 0\n", b"old 00\n\n", b"old 0\nx\n\n" + str(note).encode(), b"\xff\n\n" + str(note).encode()):
        with pytest.raises(NoteError):
            witness.parse(raw)


async def test_who_shows_what_nobody_knows_is_slowed_down(served: Caller) -> None:
    """After some heads of unknown ledgers an address has to wait; the body tells nothing else."""
    statuses = [(await ask(served, b"rubbish")).status for _ in range(12)]
    assert statuses[0] == 400
    assert statuses[-1] == 429


async def test_a_gateway_that_witnesses_nobody_says_so(services: FakeServices, caller: Caller) -> None:
    """Without ledger.witness_for every origin is unknown."""
    peer = Peer()
    assert services.settings.ledger.witness_for == ()
    assert (await ask(caller, peer.request(0, peer.grow(1)))).status == 404


async def test_head_key_and_proof_belong_together(served: Caller, services: FakeServices, tmp_path: Path) -> None:
    """Whoever has the key checks the head, and with the proof that an entry is under it."""
    assert (await served.get("/api/v1/ledger/checkpoint")).status == 404
    assert (await served.get("/api/v1/ledger/head")).status == 404
    rows = await in_thread(Rows, services.settings.data.dir / "state.db")
    await in_thread(rows.add, 11)
    await in_thread(Office(rows, tmp_path).look, at_once=True)
    reply = await served.get("/api/v1/ledger/checkpoint")
    note = parse_note(reply.body)
    assert signed_by(note, key_of(ORIGIN, KEY))
    head = parse_head(note.text)
    shown = (await served.get("/api/v1/ledger/head")).json()
    assert (shown["size"], shown["root"], shown["note"]) == (11, head.root.hex(), reply.text)
    found = (await served.get("/api/v1/ledger/proof", idx=6, size=11)).json()
    hashes = [base64.b64decode(one) for one in found["hashes"]]
    assert verify_inclusion(6, 11, base64.b64decode(found["leaf"]), hashes, head.root)
    assert (await served.get("/api/v1/ledger/proof", idx=11)).status == 422
    assert (await served.get("/api/v1/ledger/proof", idx=0, size=12)).status == 422
    rows.engine.dispose()
