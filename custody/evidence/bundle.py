"""A bundle of evidence: its members, sealed by the ledger's key, in the one ZIP that they make (DESIGN 4.7; pure).

``custody.evidence.verify`` checks it and shares no code with this module.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.resources import files

import msgspec
import rfc8785

#: A ZIP without extensions holds no more members; a subject with more must be asked for in parts.
MOST_MEMBERS = 65_000
#: The first time that a ZIP can say.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


class Claim(msgspec.Struct, frozen=True):
    """What a bundle says of itself.

    ``subject`` is ``container:ID``, ``alert:ID`` or ``day:YYYY-MM-DD``, ``made_at`` ms since 1970 UTC, ``chains`` the
    number of the newest entry of each entity of which every entry is here, ``span`` the first and the last entry of a
    range that is here as a whole.
    """

    subject: str
    made_at: int
    origin: str
    version: str
    chains: Mapping[str, int]
    span: tuple[int, int] | None = None


def entry_members(entries: Mapping[int, bytes]) -> dict[str, bytes]:
    """The members that hold entries, by their number in the ledger."""
    return {f"entries/{index:08}.json": raw for index, raw in entries.items()}


def proof_member(index: int, hashes: Sequence[bytes], checkpoint: bytes) -> dict[str, bytes]:
    """The member that proves entry ``index`` under ``checkpoint`` (c2sp.org/tlog-proof@v1)."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(base64.b64encode(one).decode() for one in hashes), "", ""]
    return {f"proofs/{index:08}.tlog-proof": "\n".join(lines).encode() + checkpoint}


def raw_members(raws: Iterable[bytes]) -> dict[str, bytes]:
    """The members that hold what terminals sent, each under its SHA-256."""
    return {f"raw/{sha256(raw).hexdigest()}": raw for raw in raws}


def seal(members: Mapping[str, bytes], claim: Claim, key: str, sign: Callable[[bytes], bytes]) -> bytes:
    """The bundle of ``members`` as bytes of a ZIP; key, manifest and signature are added, and this version's verifier.

    ``key`` is the verifier key of the ledger, ``sign`` makes its Ed25519 signature. Raises ValueError where there are
    more members than a plain ZIP holds.
    """
    inside = {
        "verify.py": files("custody.evidence").joinpath("verify.py").read_bytes(),
        **members,
        "key.pub": f"{key}\n".encode(),
    }
    if len(inside) > MOST_MEMBERS:
        raise ValueError(f"{claim.subject} has {len(inside)} members; allowed: {MOST_MEMBERS}")
    manifest = rfc8785.dumps(
        {
            "v": 1,
            "subject": claim.subject,
            "made_at": claim.made_at,
            "origin": claim.origin,
            "version": claim.version,
            "chains": dict(claim.chains),
            "range": None if claim.span is None else list(claim.span),
            "members": {name: sha256(content).hexdigest() for name, content in inside.items()},
        }
    )
    return pack({**inside, "manifest.json": manifest, "manifest.sig": base64.b64encode(sign(manifest))})


def pack(members: Mapping[str, bytes]) -> bytes:
    """The one ZIP with these members: stored, sorted by name, fixed times and rights, no extras, no comments."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = _UNIX
            info.external_attr = 0o100644 << 16
            archive.writestr(info, members[name])
    return file.getvalue()
