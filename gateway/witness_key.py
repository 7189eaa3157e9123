"""The key by which this gateway cosigns the ledgers of others: of its own ledger's key, but never the same."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def witness_key(ledger: Ed25519PrivateKey) -> Ed25519PrivateKey:
    """The witness key of an installation, derived from its ledger key (HMAC-SHA256 as RFC 5869 extracts).

    With a key of its own nothing that a witness signs can ever be taken for a head of this ledger.
    """
    return Ed25519PrivateKey.from_private_bytes(
        hmac.digest(b"hygeia witness key v1", ledger.private_bytes_raw(), hashlib.sha256)
    )


def witness_name(origin: str) -> str:
    """The name of the witness key: the host of the ledger's origin, and ``/witness``."""
    return f"{origin.partition('/')[0]}/witness"
