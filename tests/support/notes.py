"""Signed notes of C2SP, made with an Ed25519 key: checkpoints and cosignatures for tests of those who check them."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def vkey(name: str, kind: int, public: bytes) -> str:
    """The verifier key of ``public``; kind 1 signs notes, kind 4 cosigns checkpoints."""
    raw = bytes([kind]) + public
    return f"{name}+{_id(name, raw).hex()}+{base64.b64encode(raw).decode()}"


def _id(name: str, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def signed_note(origin: str, size: int, root: bytes, extension: str, key: Ed25519PrivateKey) -> bytes:
    """A checkpoint that ``key`` signed under the name of the log."""
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n{extension}\n"
    signature = _id(origin, b"\1" + public_of(key)) + key.sign(body.encode())
    return f"{body}\n\u2014 {origin} {base64.b64encode(signature).decode()}\n".encode()


def cosigned(note: bytes, name: str, key: Ed25519PrivateKey, at_s: int) -> bytes:
    """The note with a cosignature of a witness (c2sp.org/tlog-cosignature) under it."""
    body = note[: note.index(b"\n\n") + 1]
    signed = key.sign(b"cosignature/v1\ntime %d\n" % at_s + body)
    line = _id(name, b"\4" + public_of(key)) + at_s.to_bytes(8, "big") + signed
    return note + f"\u2014 {name} {base64.b64encode(line).decode()}\n".encode()
