"""Passwords of broker accounts as Mosquitto keeps them: ``$7$rounds$salt$hash`` (PBKDF2, SHA-512).

The form of ``mosquitto_passwd`` of Mosquitto 1.6 to 2.1: salt 12 bytes, hash 64 bytes, both in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

#: Mosquitto 2.0's own number. More would only make the broker slow, which hashes at each connection in its one thread:
#: passwords made here have 119 random bits, and nobody guesses those.
ROUNDS = 101
_SALT_BYTES = 12
_HASH_BYTES = 64
_LENGTH = 24
#: Letters and digits that nobody mistakes for one another, as for the passwords of people.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
#: At most 99,999 rounds: more of them in one hash would hold the broker's one thread at each connection.
DIGEST = r"^\$7\$([1-9]\d{0,4})\$([A-Za-z0-9+/]{16})\$([A-Za-z0-9+/]{86}==)$"
_FORM = re.compile(DIGEST)


def new_password() -> str:
    """A password that nobody guesses and a person can type."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def digest_of(password: str, salt: bytes | None = None) -> str:
    """What the password file holds of ``password``; ``salt`` is 12 random bytes unless given."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, _HASH_BYTES)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def is_digest(text: str) -> bool:
    """Whether ``text`` has the form that Mosquitto reads."""
    return _FORM.fullmatch(text) is not None


def verify(password: str, digest: str) -> bool:
    """Whether ``digest`` was made from ``password``; False too where it has another form."""
    match = _FORM.fullmatch(digest)
    if match is None:
        return False
    try:
        salt, wanted = base64.b64decode(match[2], validate=True), base64.b64decode(match[3], validate=True)
    except binascii.Error:
        return False
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, int(match[1]), len(wanted))
    return hmac.compare_digest(made, wanted)
