"""A small ledger with one container's history, and a bundle of it, made of custody's own parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.evidence.bundle import Claim, entry_members, proof_member, raw_members, seal
from custody.evidence.report import Case, Step, page
from custody.ledger.checkpoint import Clock, checkpoint
from custody.ledger.entry import entry
from custody.ledger.merkle import Frontier, inclusion, leaf_hash
from custody.ledger.note import cosign, key_of, sign
from custody.profiles import parse_profile, shipped
from gateway import state
from gateway.evidence import Evidence, Sources
from tests.support.deciding import Decided

ORIGIN = "test.example/ledger/1"
T0 = 1_763_769_600_000
LABEL = "MW0001"


class SmallLedger:
    """A ledger in memory; ``append`` links entries as decide does."""

    def __init__(self, seed: bytes = b"\7" * 32, origin: str = ORIGIN) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.origin = origin
        self.entries: list[bytes] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.frontier = Frontier()
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.raws: dict[str, bytes] = {}

    @property
    def vkey(self) -> str:
        """The verifier key."""
        return str(key_of(self.origin, self.key))

    def append(self, kind: str, entities: list[str], body: dict[str, Any], at: int = T0) -> int:
        """Add an entry; gives its number."""
        index = len(self.entries)
        links = []
        for entity in sorted(entities):
            before = self.heads.get(entity)
            links.append((entity, 0, None) if before is None else (entity, before[0] + 1, before[1]))
        raw = entry(kind, at, 100 + index, 0, links, body, "0.1.0", 3)
        leaf = leaf_hash(raw)
        self.entries.append(raw)
        self.nodes[0, index] = leaf
        self.nodes |= {(level, at_): node for level, at_, node in self.frontier.append(leaf)}
        self.heads |= {entity: (seq, leaf) for entity, seq, _ in links}
        return index

    def event(self, step: str, number: int, ids: list[str], **more: Any) -> int:
        """Add a custody entry with the message that brought it."""
        at = T0 + number * 600_000
        sent = {"id": f"E-{number}", "step": step, "ts": at, "ids": [{"k": "qr", "v": one} for one in ids], **more}
        raw = json.dumps(sent, indent=1).encode()
        self.raws[hashlib.sha256(raw).hexdigest()] = raw
        body = {
            "terminal": "T7",
            "id": f"E-{number}",
            "step": step,
            "ts": at,
            "received_at": at + 400,
            "digest": hashlib.sha256(rfc8785.dumps(sent)).hexdigest(),
            "raw": hashlib.sha256(raw).hexdigest(),
            "ids": ids,
            "parent": None,
            "category": sent.get("category", ""),
            "weight": sent.get("weight"),
            "place": sent.get("place", ""),
            "unit": "hosp-1",
            "by": sent.get("by"),
            "with": sent.get("with"),
            "of": None,
            "manifest": None,
            "vehicle": None,
            "files": [],
            "signature": None,
            "skew_ms": 5,
            "flags": [],
        }
        return self.append("custody", [f"container:{one}" for one in ids], body, at + 500)

    def checkpoint(self, witness: Ed25519PrivateKey | None = None) -> bytes:
        """The signed head over all entries."""
        text = checkpoint(self.origin, len(self.entries), self.frontier.root(), Clock(T0, "ntp", 12)).text()
        note = sign(text, self.origin, self.key)
        if witness is not None:
            note = note.having([cosign(text, "witness.example", witness, T0 // 1000)])
        return str(note).encode()


def clean_chain() -> SmallLedger:
    """Ward, store, plant; another container between; then the day's list of newest entries."""
    ledger = SmallLedger()
    weight = {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "mode": "scale", "scale": "bs-12"}
    who = {"badge": "0412", "person": "p-7", "unit": "hosp-1", "role": "collector"}
    ledger.event("collect", 0, [LABEL], weight=weight, by=who, category="infectious", place="ward-7")
    ledger.event("collect", 1, ["OTHER"])
    ledger.event("store_in", 2, [LABEL], weight=weight, place="store")
    head = ledger.heads[f"container:{LABEL}"]
    ledger.append("heads", ["ledger"], {"day": "2025-11-22", "heads": [[f"container:{LABEL}", head[0], head[1].hex()]]})
    return ledger


def bundle_of(ledger: SmallLedger, label: str = LABEL, **instead: Any) -> bytes:
    """The bundle of one container; ``instead`` replaces or (None) leaves out parts, see the code."""
    entity = f"container:{label}"
    parsed = [json.loads(raw) for raw in ledger.entries]
    mine = [
        index
        for index, one in enumerate(parsed)
        if any(link["entity"] == entity for link in one["links"]) or one["kind"] == "heads"
    ]
    mine = [index for index in mine if index not in instead.get("without", ())]
    checkpoint = instead.get("checkpoint") or ledger.checkpoint(instead.get("witness"))
    steps = [
        Step(index, parsed[index]["at"], parsed[index]["body"]) for index in mine if parsed[index]["kind"] == "custody"
    ]
    case = Case(f"container:{label}", T0, UTC, ledger.origin, (len(ledger.entries), "root"), steps=steps)
    members = entry_members({index: ledger.entries[index] for index in mine})
    for index in mine:
        proof = inclusion(index, len(ledger.entries), lambda level, at: ledger.nodes[level, at])
        members |= proof_member(index, proof, checkpoint)
    raws = [ledger.raws[step.body["raw"]] for step in steps]
    members |= raw_members(raws)
    members |= {"checkpoint": checkpoint, "report.html": instead.get("report") or page(case), "epcis.jsonld": b"{}\n"}
    members |= {"verify.py": instead["verifier"]} if "verifier" in instead else {}
    members |= instead.get("members", {})
    claim = Claim(entity, T0, ledger.origin, "0.1.0", {entity: ledger.heads[entity][0]})
    return seal(members, instead.get("claim") or claim, instead.get("vkey") or ledger.vkey, ledger.key.sign)


def sign_head(engine: sa.Engine, frontier: Frontier, key: Ed25519PrivateKey, at: int, origin: str = ORIGIN) -> bytes:
    """Sign the head over all entries of a state, as the notary does."""
    text = checkpoint(origin, frontier.size, frontier.root(), Clock(at, "ntp", 12)).text()
    note = str(sign(text, origin, key))
    with engine.begin() as connection:
        row = {"origin": origin, "size": frontier.size, "at": at, "note": note}
        connection.execute(sa.insert(state.ledger_checkpoints), row)
    return note.encode()


def frontier_of(engine: sa.Engine) -> Frontier:
    """The tree over the entries of a state."""
    frontier = Frontier()
    with engine.connect() as connection:
        for (leaf,) in connection.execute(sa.select(state.ledger_entries.c.leaf).order_by(state.ledger_entries.c.idx)):
            frontier.append(leaf)
    return frontier


def evidence_of(done: Decided, key: Ed25519PrivateKey, cover: Callable[[], object] = bool) -> Evidence:
    """What makes bundles of a decided state."""
    sources = Sources(
        engine=done.engine,
        registry=done.registry(),
        profiles={name: parse_profile(text, name) for name, text in shipped().items()},
        zone=ZoneInfo("Asia/Shanghai"),
        key=lambda: key,
        base="https://test.example",
        version="0.1.0",
        cover=cover,
    )
    return Evidence(sources)
