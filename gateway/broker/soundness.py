"""What a broker would refuse of its files, found before they take the place of good ones (pure).

Mosquitto 2.1 stops when it reads a bad password or ACL file at a reload.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from devices.topics import filter_fault
from gateway.broker.passwords import is_digest

_ACCESS = frozenset({"read", "write", "readwrite", "deny"})


def faults(files: Mapping[str, bytes]) -> list[str]:
    """All that is wrong, a line each: ``file: line n: what``. Contents of password lines are not repeated."""
    found: list[str] = []
    for name, check in (("passwords", _passwords), ("acl", _acl), ("server.pem", _pair), ("crl.pem", _crl)):
        if name in files:
            found += [f"{name}: {words}" for words in check(files[name])]
    return found


def _passwords(content: bytes) -> Iterator[str]:
    seen: set[str] = set()
    for number, line in enumerate(content.decode().splitlines(), 1):
        name, _, digest = line.partition(":")
        if not name or not name.isprintable() or name in seen or not is_digest(digest):
            yield f"line {number}: no name with a hash of its own, or a name that occurs twice"
        seen.add(name)


def _acl(content: bytes) -> Iterator[str]:
    user = ""
    for number, line in enumerate(content.decode().splitlines(), 1):
        word, _, rest = line.partition(" ")
        if not line or line.startswith("#"):
            continue
        if word == "user" and rest and rest == rest.strip():
            user = rest
            continue
        access, _, pattern = rest.partition(" ")
        wrong = filter_fault(pattern) or (None if pattern == pattern.strip() else "has blanks at an end")
        if word != "topic" or access not in _ACCESS or wrong or not user:
            yield f"line {number}: {line!r}: {wrong or 'no line that a broker knows'}"


def _pair(content: bytes) -> Iterator[str]:
    try:
        certificate, key = x509.load_pem_x509_certificate(content), load_pem_private_key(content, None)
    except (ValueError, TypeError):
        yield "no certificate with its key"
        return
    if certificate.public_key() != key.public_key():
        yield "the key is that of another certificate"


def _crl(content: bytes) -> Iterator[str]:
    try:
        x509.load_pem_x509_crl(content)
    except ValueError:
        yield "no list of revoked certificates"
