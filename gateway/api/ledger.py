"""The ledger over HTTP: its newest signed head, its key, proofs, and the witness that others ask to cosign theirs."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.dialects.sqlite import insert as upsert

from custody.ledger import witness
from custody.ledger.merkle import inclusion
from custody.ledger.note import COSIGNS, NoteError, cosign, encode64, key_of, parse_key
from custody.ledger.witness import NOTHING, Seen, Verdict
from custody.ledger.witness import Request as Asked
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.faults import RefusedError, wrong
from gateway.api.ledger_head import short_code
from gateway.api.lists import LARGEST_OFFSET
from gateway.api.throttle import Throttle
from gateway.database import writing
from gateway.errors import StartError
from gateway.installation import Installation
from gateway.ledger_book import Book, newest_note
from gateway.witness_key import witness_key, witness_name

router = APIRouter(tags=["ledger"])

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_ANY = "witness"
#: Who shows heads that nobody here knows is slowed down; one process serves one gateway.
_THROTTLE, _THROTTLE_LOCK = Throttle(), threading.Lock()


class LedgerKeys(BaseModel):
    """Verifier keys (c2sp.org/signed-note): of this ledger, and of what this gateway signs as a witness."""

    origin: str
    key: str
    witness: str


class LedgerHead(BaseModel):
    """The newest signed head; `root` in hex, `at` ms since 1970 UTC, `clock` is where that time comes from.

    `code` is short enough to be printed and compared by eye; `signers` are the names on the note, witnesses too.
    """

    origin: str
    size: int
    root: str
    at: int
    clock: str
    code: str
    signers: list[str]
    note: str


class LedgerProof(BaseModel):
    """That entry `idx` is in the ledger of `size` entries; all hashes are base64."""

    idx: int
    size: int
    leaf: str
    root: str
    hashes: list[str]


@router.get("/ledger/checkpoint", response_class=Response)
def newest(request: Request, _: Caller) -> Response:
    """Show the newest signed head as a note (c2sp.org/tlog-checkpoint), with the signatures of witnesses so far."""
    with context_of(request).services.engine.connect() as connection:
        note = newest_note(connection)
    if note is None:
        raise RefusedError(404, "the ledger has no signed head yet")
    return Response(note, media_type=TEXT)


@router.get("/ledger/head", response_model=LedgerHead)
def head(request: Request, _: Caller) -> dict[str, Any]:
    """Show the newest signed head taken apart."""
    with context_of(request).services.engine.connect() as connection:
        found = Book(connection).newest()
    if found is None:
        raise RefusedError(404, "the ledger has no signed head yet")
    stamp = found.head.clock
    return {
        "origin": found.head.origin,
        "size": found.head.size,
        "root": found.head.root.hex(),
        "at": stamp.at if stamp else 0,
        "clock": stamp.source if stamp else "unknown",
        "code": short_code(found.head.size, found.head.root),
        "signers": [one.name for one in found.note.signatures],
        "note": str(found.note),
    }


@router.get("/ledger/key", response_model=LedgerKeys)
def keys(request: Request, _: Caller) -> dict[str, Any]:
    """Show the keys that others check this ledger with, and this gateway's signatures as a witness.

    `key` belongs to the origin of the newest head, to `ledger.origin` before there is one.
    """
    context = context_of(request)
    settings = context.services.settings
    with context.services.engine.connect() as connection:
        opened = Book(connection).opened()
    origin = settings.ledger.origin if opened is None else str(opened.body["origin"])
    own = _key(context)
    cosigns = key_of(witness_name(settings.ledger.origin), witness_key(own), COSIGNS)
    return {"origin": origin, "key": str(key_of(origin, own)), "witness": str(cosigns)}


@router.get("/ledger/proof", response_model=LedgerProof)
def proof(
    request: Request,
    _: Caller,
    idx: Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Number of the entry.")],
    size: Annotated[int | None, Query(ge=1, le=LARGEST_OFFSET, description="Of which head; now if left out.")] = None,
) -> dict[str, Any]:
    """Prove that an entry is in the ledger of a size (RFC 6962 section 2.1.1); hashes are base64."""
    with context_of(request).services.engine.connect() as connection:
        book = Book(connection)
        wanted = book.size if size is None else size
        if not idx < wanted <= book.size:
            allowed = f"idx below size, size up to {book.size}"
            raise wrong("size" if wanted > book.size else "idx", str(wanted if wanted > book.size else idx), allowed)
        hashes = [encode64(one) for one in inclusion(idx, wanted, book.node)]
        return {"idx": idx, "size": wanted, "leaf": encode64(book.node(0, idx)),
                "root": encode64(book.root(wanted)), "hashes": hashes}  # fmt: skip


@router.post("/ledger/witness/add-checkpoint", response_class=Response)
async def add_checkpoint(request: Request) -> Response:
    """Cosign the head of another ledger (c2sp.org/tlog-witness). Needs no token: a known key must have signed it.

    200 signature lines · 400 not understood · 403 no known key signed it · 404 not witnessed here · 409 another head
    was seen last (its size in the body) · 422 the proof does not lead there · 429 too many heads that nobody knows.
    """
    context = context_of(request)
    peer = request.client.host if request.client else ""
    with _THROTTLE_LOCK:
        wait = _THROTTLE.wait(_ANY, peer, context.wall.monotonic())
    if wait > 0:
        raise RefusedError(429, "too many heads of unknown ledgers", headers={"Retry-After": str(int(wait) + 1)})
    raw = await request.body()
    verdict, lines = await asyncio.to_thread(_witnessed, context, raw)
    if verdict.status in {400, 403, 404}:
        with _THROTTLE_LOCK:
            _THROTTLE.failed(_ANY, peer, context.wall.monotonic())
    if verdict.status == 409:
        return Response(f"{verdict.size}\n", 409, headers={"content-type": SIZE})
    if verdict.status != 200:
        return Response(f"{verdict.reason}\n", verdict.status, media_type=TEXT)
    return Response(lines, media_type=TEXT)


def _witnessed(context: Context, raw: bytes) -> tuple[Verdict, str]:
    settings = context.services.settings.ledger
    try:
        asked = witness.parse(raw)
    except NoteError as error:
        return Verdict(400, str(error)), ""
    refused = witness.known_ledger(asked, [parse_key(text) for text in settings.witness_for])
    if refused is not None:
        return refused, ""
    at = context.wall.now_ms()
    with writing(context.services.engine) as connection:
        verdict = witness.judge(asked, _seen(connection, asked.head.origin))
        if verdict.status == 200:
            _keep(connection, asked, at)
    if verdict.status != 200:
        return verdict, ""
    # Only now: what is cosigned is remembered for certain.
    line = cosign(asked.note.text, witness_name(settings.origin), witness_key(_key(context)), at // 1000)
    return verdict, f"{line}\n"


def _key(context: Context) -> Ed25519PrivateKey:
    """The ledger's key; reads the disk. Raises 503 where it cannot."""
    settings = context.services.settings
    try:
        return Installation(settings.data.dir).ledger_key(settings.ledger.key_file)
    except StartError:
        raise RefusedError(503, "the key of the ledger cannot be read; see: hygeia doctor") from None


def _seen(connection: sa.Connection, origin: str) -> Seen:
    table = state.ledger_witnessed
    row = connection.execute(sa.select(table.c.size, table.c.root).where(table.c.origin == origin)).first()
    return NOTHING if row is None else Seen(int(row.size), bytes(row.root))


def _keep(connection: sa.Connection, asked: Asked, at: int) -> None:
    head = asked.head
    row = {"origin": head.origin, "size": head.size, "root": head.root, "at": at, "note": str(asked.note)}
    statement = upsert(state.ledger_witnessed).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["origin"], set_=row))
