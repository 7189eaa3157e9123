"""A small certificate authority for one broker: its own certificate, the server's, the devices', and what is revoked.

Keys are EC P-256. ``now`` is an argument everywhere; certificates begin five minutes before it, because clocks of
devices differ. A list of revoked certificates (CRL) is valid as long as the authority: nobody fetches it from us, the
broker reads it as a file, and one that had run out would lock every device out.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import UsageError

AUTHORITY_DAYS = 3650
#: Browsers and some TLS libraries take no server certificate that is valid for longer.
SERVER_DAYS = 398
RENEW_DAYS = 30
DEVICE_DAYS = 730

_EARLY = dt.timedelta(minutes=5)
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class Authority(NamedTuple):
    """A certificate that signs others, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Issued(NamedTuple):
    """A certificate in PEM, the key made for it (empty where its owner has it), its serial in hex and its end, ms."""

    certificate: bytes
    key: bytes
    serial: str
    expires_at: int


class Revoked(NamedTuple):
    """A certificate that is not to be taken any more: serial in hex, and since when, ms since 1970 UTC."""

    serial: str
    at: int


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    """The self-signed certificate of an authority."""
    name = _name(f"Hygeia broker authority {now:%Y-%m-%d}")
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def own_certificate(common_name: str, key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    """A client certificate that is trusted by itself: what takes it takes no other."""
    name = _name(common_name)
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
    return _for_client(builder).sign(key, hashes.SHA256())


def server_certificate(authority: Authority, hosts: Sequence[str], now: dt.datetime) -> Issued:
    """A certificate for a broker that is reached under these names and addresses."""
    key = new_key()
    builder = _signed(authority, hosts[0], key.public_key(), now, SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(host) for host in hosts]), critical=False)
    return _issue(builder, authority, pem_of(key))


def device_certificate(authority: Authority, device: str, now: dt.datetime, days: int, csr: bytes = b"") -> Issued:
    """A client certificate whose common name is ``device``, for a new key or for that of a request (PEM).

    Nothing but the key is taken from the request. Raises UsageError where it cannot be used.
    """
    own = None if csr else new_key()
    public = own.public_key() if own is not None else _key_of_request(csr)
    return _issue(_for_client(_signed(authority, device, public, now, days)), authority, pem_of(own) if own else b"")


def revocation_list(authority: Authority, revoked: Iterable[Revoked], now: dt.datetime, before: bytes = b"") -> bytes:
    """The CRL in PEM; ``before`` again, byte by byte, where it says the same and was signed by the same authority.

    A new one is later than ``before`` by at least a second and has the next number: a broker that has both takes it.
    """
    wanted = {int(one.serial, 16): one.at for one in revoked}
    old = _old_list(before, authority)
    number, since = 1, now - _EARLY
    if old is not None:
        if {one.serial_number for one in old} == wanted.keys():
            return before
        number = old.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
        since = max(since, old.last_update_utc + dt.timedelta(seconds=1))
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    builder = builder.last_update(since).next_update(authority.certificate.not_valid_after_utc)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(_authority_key(authority), critical=False)
    for serial, at in sorted(wanted.items()):
        one = x509.RevokedCertificateBuilder().serial_number(serial)
        one = one.revocation_date(dt.datetime.fromtimestamp(at // 1000, dt.UTC))
        builder = builder.add_revoked_certificate(one.build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def revoked_by(authority: Authority, before: bytes) -> list[Revoked]:
    """What a list in PEM says is revoked; nothing where the authority did not sign it."""
    old = _old_list(before, authority)
    return [Revoked(f"{one.serial_number:x}", int(one.revocation_date_utc.timestamp() * 1000)) for one in old or ()]


def fits(pem: bytes, authority: x509.Certificate, hosts: Sequence[str], now: dt.datetime) -> bool:
    """Whether a server certificate with its key may stay: ours, for these hosts, and not soon at its end."""
    try:
        found, private = x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, None)
        found.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    if found.public_key() != private.public_key() or days_left(found, now) < RENEW_DAYS:
        return False
    return {_alternative(host) for host in hosts_of(pem)} == {_alternative(host) for host in hosts}


def hosts_of(certificate: bytes) -> tuple[str, ...]:
    """The names and addresses of a server certificate; none where it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    return tuple(str(name.value) for name in names)


def days_left(certificate: x509.Certificate, now: dt.datetime) -> int:
    """Whole days until a certificate ends."""
    return (certificate.not_valid_after_utc - now).days


def common_name(certificate: bytes) -> str | None:
    """The CN of a certificate in PEM; None where it cannot be read or has none."""
    try:
        found = x509.load_pem_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return None
    return str(found[0].value) if found else None


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key in unencrypted PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: PublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _EARLY).not_valid_after(now + dt.timedelta(days=days))
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _signed(
    authority: Authority, common: str, public: PublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    end = authority.certificate.not_valid_after_utc
    builder = _builder(_name(common), authority.certificate.subject, public, now, min(days, (end - now).days))
    return builder.add_extension(_authority_key(authority), critical=False)


def _for_client(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(), critical=True)
    return builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)


def _authority_key(authority: Authority) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def _usage(*, signs: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _issue(builder: x509.CertificateBuilder, authority: Authority, key: bytes) -> Issued:
    made = builder.sign(authority.key, hashes.SHA256())
    end = int(made.not_valid_after_utc.timestamp() * 1000)
    return Issued(made.public_bytes(Encoding.PEM), key, f"{made.serial_number:x}", end)


def _key_of_request(csr: bytes) -> PublicKey:
    allowed = "allowed: a certificate request in PEM with a key on P-256, P-384, P-521, or RSA of at least 2048 bits"
    try:
        request = x509.load_pem_x509_csr(csr)
        public = request.public_key()
    except ValueError as error:
        raise UsageError(f"--csr: it cannot be read; {allowed}") from error
    if not request.is_signature_valid:
        raise UsageError("--csr: its signature is wrong: whoever asks does not have the key")
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return public
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return public
    raise UsageError(f"--csr: its key is of another kind; {allowed}")


def _old_list(before: bytes, authority: Authority) -> x509.CertificateRevocationList | None:
    """The list that ``before`` is, where the authority signed it."""
    try:
        old = x509.load_pem_x509_crl(before)
    except ValueError:
        return None
    if old.issuer != authority.certificate.subject or not old.is_signature_valid(authority.key.public_key()):
        return None
    return old
