"""Witnesses (c2sp.org/tlog-witness): what is asked of one, and what one answers (pure).

A witness remembers the newest head that it saw of a ledger and cosigns another one only where that is shown to go on
from it. So whoever holds the ledger's key cannot show two histories without the witness, nor write the past anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from custody.ledger.checkpoint import Checkpoint
from custody.ledger.checkpoint import parse as parse_checkpoint
from custody.ledger.merkle import EMPTY, HASH_BYTES, MAX_SIZE, verify_consistency
from custody.ledger.note import Key, Note, NoteError, decode64, encode64, parse_note, signed_by

#: A proof has no more hashes than a size has bits.
_MOST_HASHES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Request(msgspec.Struct, frozen=True):
    """The body of ``add-checkpoint``: the size that the asker believes the witness to know, a proof, the new head."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    head: Checkpoint


class Seen(msgspec.Struct, frozen=True):
    """The newest head that a witness has seen of one ledger."""

    size: int
    root: bytes


NOTHING = Seen(0, EMPTY)


class Verdict(msgspec.Struct, frozen=True):
    """What a witness answers: 200 = cosign; 400, 403, 404, 409 (``size`` is what it knows), 422 with a reason."""

    status: int
    reason: str = ""
    size: int = 0


def body(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    """The body of ``add-checkpoint``."""
    return "".join([f"old {old}\n", *(f"{encode64(one)}\n" for one in proof), "\n", str(note)]).encode()


def parse(raw: bytes) -> Request:
    """Read the body of ``add-checkpoint``. Raises NoteError."""
    front, blank, rest = raw.partition(b"\n\n")
    try:
        first, *hashes = front.decode("ascii").split("\n")
    except UnicodeDecodeError:
        first, hashes = "", []
    old = _OLD.fullmatch(first)
    if not blank or old is None or int(old[1]) > MAX_SIZE or len(hashes) > _MOST_HASHES:
        raise NoteError("not a request to a witness: 'old SIZE', the hashes of a proof, a blank line, a signed head")
    proof = tuple(map(decode64, hashes))
    if any(len(one) != HASH_BYTES for one in proof):
        raise NoteError(f"a hash of the proof is not {HASH_BYTES} bytes long")
    note = parse_note(rest)
    return Request(int(old[1]), proof, note, parse_checkpoint(note.text))


def known_ledger(request: Request, keys: Iterable[Key]) -> Verdict | None:
    """Why the head is of no ledger that is witnessed here; None where one of ``keys`` signed it.

    A ledger's key has its origin as name.
    """
    own = [key for key in keys if key.name == request.head.origin]
    if not own:
        return Verdict(404, "this ledger is not witnessed here")
    if not any(signed_by(request.note, key) for key in own):
        return Verdict(403, "the head is not signed by a known key of this ledger")
    return None


def judge(request: Request, seen: Seen) -> Verdict:
    """Whether to cosign a head of a known ledger of which ``seen`` is the newest one."""
    head = request.head
    if request.old > head.size:
        return Verdict(400, "old is beyond the head")
    if request.old != seen.size:
        return Verdict(409, "another head was seen last", seen.size)
    if head.size == seen.size and head.root != seen.root:
        return Verdict(409, "another head of this size was seen", seen.size)
    if request.old in {0, head.size}:
        # Nothing can be shown of an empty tree, and of two equal ones there is nothing to show.
        return Verdict(422, "this proof must be empty") if request.proof else Verdict(200)
    if not verify_consistency(request.old, head.size, seen.root, head.root, request.proof):
        return Verdict(422, "the proof does not lead from the head that was seen last to this one")
    return Verdict(200)
