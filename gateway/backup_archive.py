"""The form of a backup: one gzipped tar whose last member, ``MANIFEST.json``, has the SHA-256 of all others.

Written from front to back and read the same way, so neither needs room for a second copy. The manifest stands last,
because sums are known only then; an archive without it was cut off. Members are plain files with relative names.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol, cast

import msgspec

from gateway.errors import HygeiaError

FORMAT = "hygeia-backup/1"
MANIFEST = "MANIFEST.json"
#: Fast: a journal shrinks to a third of its size, and little more at the highest level.
LEVEL = 1
#: Stands for standard input.
STDIN = Path("-")
_PIECE = 1 << 20
_LONGEST_MANIFEST = 1 << 28

#: Told how many bytes of members went by.
Progress = Callable[[int], None]


class Member(msgspec.Struct, frozen=True):
    """One file of a backup."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is.

    ``made_at`` in ms UTC; ``cursor`` is decide's (-1 = nothing decided); ``first`` and ``next`` are the offsets that
    the journal begins with and would go on with; ``entries`` the size of the ledger; ``running``: the gateway ran
    meanwhile. ``outside`` are files that were not in the data folder: member, and where it was.
    """

    format: str = FORMAT
    version: str
    migration: str
    made_at: int
    running: bool
    store: str
    root: str
    cursor: int
    first: int
    next: int
    entries: int
    outside: dict[str, str]
    members: list[Member]


class BackupError(HygeiaError):
    """A backup is damaged or is none; ``faults`` name each member concerned."""

    def __init__(self, file: Path, faults: list[str]) -> None:
        super().__init__("; ".join(f"{file}: {fault}" for fault in faults))
        self.faults = faults


class _Hashing:
    """A file of which at most ``size`` bytes are read, hashed on the way."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file, self._left, self._progress = file, size, progress
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """See ``io.RawIOBase.read``."""
        data = self._file.read(min(self._left, size if size >= 0 else self._left))
        self._left -= len(data)
        self.digest.update(data)
        self._progress(len(data))
        return data


class Writable(Protocol):
    """What an archive is written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""
        ...


class Writer:
    """Writes an archive to ``out``; ``add`` in any order, ``finish`` once."""

    def __init__(self, out: Writable, progress: Progress) -> None:
        self._packed = gzip.GzipFile("", "wb", LEVEL, cast("Any", out), mtime=0)
        self._tar = tarfile.open(fileobj=self._packed, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - see finish
        self._progress = progress
        self.members: list[Member] = []

    def add(self, name: str, file: IO[bytes], size: int, at_ms: int) -> None:
        """Add ``size`` bytes of ``file``. Raises OSError where it has less."""
        source = _Hashing(file, size, self._progress)
        self._tar.addfile(_info(name, size, at_ms), source)
        self.members.append(Member(name, size, source.digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the end of the archive."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._tar.addfile(_info(MANIFEST, len(text), manifest.made_at), io.BytesIO(text))
        self._tar.close()
        self._packed.close()


def read(file: Path, into: Path | None, progress: Progress) -> Manifest:
    """Read a whole archive and compare every sum; with ``into`` its files are written there (0600, synced).

    ``STDIN`` is read from standard input.

    Raises:
        BackupError: with one line a member that is damaged, missing or too many.
        OSError: what the system says of either side.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    name = "its beginning"
    try:
        with (
            _source(file) as packed,
            gzip.GzipFile(fileobj=packed) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            for info in tar:
                name = info.name
                if manifest is not None:
                    raise BackupError(file, [f"{name}: stands behind the manifest"])
                content = tar.extractfile(info) if info.isreg() else None
                if content is None or not _plain(name) or name in found:
                    raise BackupError(file, [f"{name!r}: no plain file of a backup"])
                if name == MANIFEST:
                    manifest = _manifest(file, content, info.size)
                else:
                    found[name] = _take(name, content, into, progress)
            name = "its end"
            while plain.read(_PIECE):  # so that the sum over all of it is compared, too
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupError(file, [f"{name}: cannot be read from here on ({error})"]) from error
    if manifest is None:
        raise BackupError(file, [f"it ends without {MANIFEST}: it was cut off, or is no backup"])
    faults = list(_differences(manifest, found))
    if faults:
        raise BackupError(file, faults)
    return manifest


def _source(file: Path) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if file == STDIN else file.open("rb")


def _differences(manifest: Manifest, found: dict[str, Member]) -> Iterator[str]:
    wanted = {one.name: one for one in manifest.members}
    for name, one in wanted.items():
        if name not in found:
            yield f"{name}: is missing"
        elif found[name] != one:
            yield f"{name}: its bytes are not those that were backed up"
    for name in found.keys() - wanted.keys():
        yield f"{name}: the manifest does not know it"


def _take(name: str, content: IO[bytes], into: Path | None, progress: Progress) -> Member:
    digest, size = hashlib.sha256(), 0
    out = _create(into / name) if into is not None else None
    try:
        while piece := content.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            progress(len(piece))
            if out is not None:
                out.write(piece)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return Member(name, size, digest.hexdigest())


def _create(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _manifest(file: Path, content: IO[bytes], size: int) -> Manifest:
    raw = content.read(min(size, _LONGEST_MANIFEST))
    try:
        form = msgspec.json.decode(raw, type=dict[str, Any]).get("format")
        if form != FORMAT:
            raise BackupError(file, [f"{MANIFEST}: format {form!r}; this version reads {FORMAT!r}"])
        return msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(file, [f"{MANIFEST}: {error}"]) from error


def _plain(name: str) -> bool:
    """Whether a name stays in the folder that it is extracted to."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name and name.isprintable()


def _info(name: str, size: int, at_ms: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, at_ms // 1000, 0o600
    return info
