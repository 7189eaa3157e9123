"""Signed heads of the ledger: the body of c2sp.org/tlog-checkpoint, with a line that says when (pure).

    hygeia.example/ledger/1
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    time 1795312200000 ntp -412

The last line is ours: ms since 1970 UTC, where the clock has its time from, and how many microseconds it was found
to be off. Clock sources: ``ntp`` (kept by the system), ``free`` (nobody keeps it), ``unknown`` (nothing says so).
"""

from __future__ import annotations

import re

import msgspec

from custody.ledger.merkle import HASH_BYTES, MAX_SIZE
from custody.ledger.note import NoteError, decode64, encode64

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_TIME = re.compile(r"time (0|[1-9][0-9]{0,15}) ([a-z][a-z0-9-]{0,31}) (0|-?[1-9][0-9]{0,15})")


class Clock(msgspec.Struct, frozen=True):
    """When a head was signed (ms UTC), by a clock with its time from ``source`` that was ``offset_us`` off."""

    at: int
    source: str
    offset_us: int


class Checkpoint(msgspec.Struct, frozen=True):
    """A head: the ledger ``origin`` has ``size`` entries with that ``root``. ``extensions`` are lines as they are."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The body of the note."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode64(self.root), *self.extensions))

    @property
    def clock(self) -> Clock | None:
        """What our own line says; None where there is none."""
        found = _TIME.fullmatch(self.extensions[0]) if self.extensions else None
        return Clock(int(found[1]), found[2], int(found[3])) if found else None


def checkpoint(origin: str, size: int, root: bytes, clock: Clock) -> Checkpoint:
    """A head of ours."""
    return Checkpoint(origin, size, root, (f"time {clock.at} {clock.source} {clock.offset_us}",))


def parse(text: str) -> Checkpoint:
    """Read the body of a checkpoint, which ends with a newline. Raises NoteError."""
    origin, _, rest = text.partition("\n")
    lines = rest.split("\n")
    if not origin or len(lines) < 3 or lines[-1] or not all(lines[:-1]):
        raise NoteError("not a checkpoint: origin, size and root, a line each")
    size, root, *extensions = lines[:-1]
    if not _NUMBER.fullmatch(size) or int(size) > MAX_SIZE:
        raise NoteError(f"size: {size[:40]!r} is no number of entries")
    raw = decode64(root)
    if len(raw) != HASH_BYTES:
        raise NoteError(f"root: {root[:60]!r} is not {HASH_BYTES} bytes")
    return Checkpoint(origin, int(size), raw, tuple(extensions))
