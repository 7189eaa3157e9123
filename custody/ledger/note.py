"""Signed notes (c2sp.org/signed-note), verifier keys, and cosignatures (c2sp.org/tlog-cosignature) with Ed25519 (pure).

A note is text that ends with a newline, a blank line, and signature lines ``— NAME BASE64(key id, signature)``.
Everything is read by strict patterns and written again for comparison: Python's own ``int``, ``b64decode`` and
``splitlines`` all take more than the formats allow.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: Kinds of key: of who signs notes, and of a witness that cosigns checkpoints with the time.
SIGNS, COSIGNS = 0x01, 0x04
#: A note has no more signature lines; what is longer is nobody's note.
MOST_LINES = 100
MOST_CHARACTERS = 65_536
_NAME = r"[^\s+\u0000-\u0020]{1,200}"
_VKEY = re.compile(rf"({_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]+={{0,2}})")
_LINE = re.compile(rf"\u2014 ({_NAME}) ([A-Za-z0-9+/]+={{0,2}})")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ID, _TIME, _SIGNATURE = 4, 8, 64


class NoteError(ValueError):
    """Not a note, a key or a checkpoint; the message says why, in one line."""


class Key(msgspec.Struct, frozen=True):
    """A verifier key: whose it is, its kind, and its 32 public bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before each of its signatures."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:_ID]

    def __str__(self) -> str:
        """``name+id+base64``, as it is handed on."""
        return f"{self.name}+{self.id.hex()}+{encode64(bytes([self.kind]) + self.public)}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: the name, the key id and what follows it, not checked yet."""

    name: str
    id: bytes
    raw: bytes

    def __str__(self) -> str:
        """The line without its newline."""
        return f"\u2014 {self.name} {encode64(self.id + self.raw)}"


class Note(msgspec.Struct, frozen=True):
    """A note taken apart; ``text`` ends with a newline. No signature of it is checked yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        """The note as it is handed on."""
        return f"{self.text}\n" + "".join(f"{one}\n" for one in self.signatures)

    def having(self, more: Sequence[Signature]) -> Note:
        """The note with other signatures too, each once."""
        known = {(one.name, one.id) for one in more}
        kept = tuple(one for one in self.signatures if (one.name, one.id) not in known)
        return Note(self.text, (*kept, *more))


def encode64(raw: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(raw).decode()


def decode64(text: str) -> bytes:
    """The bytes of standard base64 in its one form. Raises NoteError."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if not raw or encode64(raw) != text:
        msg = f"{text[:60]!r} is not base64"
        raise NoteError(msg)
    return raw


def key_of(name: str, key: Ed25519PrivateKey, kind: int = SIGNS) -> Key:
    """What others verify the signatures of ``key`` with. Raises NoteError for a name that no note can carry."""
    if not re.fullmatch(_NAME, name):
        msg = f"{name[:60]!r} is no name of a key; allowed: 1 to 200 characters without space and +"
        raise NoteError(msg)
    return Key(name, kind, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def parse_key(text: str) -> Key:
    """Read a verifier key. Raises NoteError."""
    found = _VKEY.fullmatch(text)
    raw = decode64(found[3]) if found else b""
    if found is None or len(raw) != 33 or raw[0] not in {SIGNS, COSIGNS}:
        msg = f"{text[:60]!r} is no verifier key; allowed: NAME+8 hex digits+base64 of an Ed25519 key"
        raise NoteError(msg)
    key = Key(found[1], raw[0], raw[1:])
    if key.id.hex() != found[2]:
        msg = f"{text[:60]!r}: the id does not belong to this name and key"
        raise NoteError(msg)
    return key


def parse_note(raw: bytes) -> Note:
    """Take a note apart. Raises NoteError."""
    try:
        whole = raw.decode("utf-8") if len(raw) <= MOST_CHARACTERS else ""
    except UnicodeDecodeError:
        whole = ""
    head, blank, tail = whole.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or not head or lines[-1] or not 2 <= len(lines) <= MOST_LINES + 1 or _CONTROL.search(whole):
        msg = "not a signed note: text, a blank line, and signature lines"
        raise NoteError(msg)
    return Note(f"{head}\n", tuple(parse_line(line) for line in lines[:-1]))


def parse_line(line: str) -> Signature:
    """Read one signature line, without its newline. Raises NoteError."""
    found = _LINE.fullmatch(line)
    raw = decode64(found[2]) if found else b""
    if found is None or len(raw) <= _ID:
        msg = f"{line[:60]!r} is no signature line"
        raise NoteError(msg)
    return Signature(found[1], raw[:_ID], raw[_ID:])


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Note:
    """The note of ``text``, which must end with a newline, signed by ``key`` under ``name``."""
    return Note(text, (Signature(name, key_of(name, key).id, key.sign(text.encode())),))


def cosign(text: str, name: str, key: Ed25519PrivateKey, at_s: int) -> Signature:
    """What a witness adds to a checkpoint that it saw at ``at_s`` (Unix seconds)."""
    stamped = at_s.to_bytes(_TIME, "big") + key.sign(_cosigned(at_s, text))
    return Signature(name, key_of(name, key, COSIGNS).id, stamped)


def signed_by(note: Note, key: Key) -> bool:
    """Whether ``key`` signed the note: one of its lines is there, and none of them is wrong."""
    own = [one for one in note.signatures if (one.name, one.id) == (key.name, key.id)]
    return key.kind == SIGNS and bool(own) and all(_right(key, one.raw, note.text.encode()) for one in own)


def cosigned_at(note: Note, key: Key) -> int | None:
    """When the witness ``key`` cosigned the note (Unix seconds); None where it did not, or a line of it is wrong."""
    own = [one.raw for one in note.signatures if (one.name, one.id) == (key.name, key.id)]
    if key.kind != COSIGNS or not own:
        return None
    times = [int.from_bytes(raw[:_TIME], "big") for raw in own]
    right = [_right(key, raw[_TIME:], _cosigned(at, note.text)) for at, raw in zip(times, own, strict=True)]
    return min(times) if all(right) else None


def _cosigned(at_s: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _right(key: Key, signature: bytes, message: bytes) -> bool:
    if len(signature) != _SIGNATURE:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
