"""Puts a backup into an empty folder, and says done only when it was found whole.

Everything is written to ``.restore`` in the folder and checked there: sums, keys, journal, state and ledger. Then it is
moved into place, ``keys`` last: no gateway starts on a journal without its key, so a half-moved folder cannot run.

A restored state may be older than the last signed head that anybody has seen. Where that cannot be excluded the file
``ledger/restored`` says so, and the notary signs nothing until a new name is opened (docs/ledger.md).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.backup_archive import BackupError, Manifest, Progress, read
from gateway.config import Settings
from gateway.config.model import Custody, Data, Mqtt
from gateway.config.model import Ledger as LedgerSettings
from gateway.database import newest_revision
from gateway.doubt import Doubt, write_doubt
from gateway.errors import HygeiaError, UsageError
from gateway.installation import Installation
from gateway.journal import segment
from gateway.journal.disk import Disk
from gateway.journal.fsck import check_journal
from gateway.progress import known_durable

_ROOM = ".restore"
_PIECE = 1 << 20


class Restored(NamedTuple):
    """What was put back. ``ledger`` are faults of its ledger, ``checked`` whether it could be looked for any.

    ``doubt``: the ledger is not signed until somebody says how it goes on.
    """

    manifest: Manifest
    ledger: list[str]
    checked: bool
    doubt: bool


def check(file: Path, scratch: Path, progress: Progress) -> Restored:
    """Extract a backup to the empty folder ``scratch`` and look at everything. Raises BackupError, OSError."""
    manifest = read(file, scratch, progress)
    faults = [*_keys(scratch), *_journal(scratch, manifest), *_state(scratch, manifest)]
    if faults:
        raise BackupError(file, faults)
    checked = manifest.migration == newest_revision()
    return Restored(manifest, _ledger(scratch, manifest) if checked else [], checked, doubt=False)


def restore(
    file: Path, folder: Path, progress: Progress, *, journal: Path | None = None, nothing_since: bool = False
) -> Restored:
    """Put ``file`` into ``folder``, which is absent or empty; raises and leaves it as it was where anything is wrong.

    ``journal`` is the folder of a newer journal of the same installation that takes the place of the backup's.
    ``nothing_since``: the gateway has not run since the backup was made. Raises BackupError, UsageError, HygeiaError.
    """
    new = not folder.exists()
    if not new and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: not empty; allowed: an empty or absent folder. Nothing was changed")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = folder / _ROOM
        room.mkdir(mode=0o700)
        try:
            found = check(file, room, progress)
            if journal is not None:
                _take_journal(room, journal, found.manifest)
            doubt = journal is None and not nothing_since
            if doubt:
                _doubt(room, found.manifest)
            _into_place(room, folder)
        except BaseException:
            shutil.rmtree(room, ignore_errors=True)
            if new:
                shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise HygeiaError(f"{error.filename or folder}: {error.strerror or error}; nothing was restored") from error
    return found._replace(doubt=doubt)


def _keys(folder: Path) -> Iterator[str]:
    installation = Installation(folder)
    for look in (installation.installation_key, lambda: installation.ledger_key(_key_file(folder))):
        try:
            look()
        except HygeiaError as error:
            yield _short(folder, str(error))


def _journal(folder: Path, manifest: Manifest) -> Iterator[str]:
    installation = Installation(folder)
    if not installation.journal.is_dir():
        if manifest.next:
            yield "journal: is missing"
        return
    report = check_journal(installation.journal, known_durable=known_durable(installation.state))
    for fault in report.faults:
        yield _short(folder, f"{fault.file}: record {fault.offset} at byte {fault.position}: {fault.what}")
    if not report.faults and (report.first, report.next) != (manifest.first, manifest.next):
        backed_up = f"{manifest.first} to {manifest.next - 1}"
        yield f"journal: records {report.first} to {report.next - 1}; backed up were {backed_up}"


def _state(folder: Path, manifest: Manifest) -> Iterator[str]:
    state = Installation(folder).state
    if manifest.migration > newest_revision():
        yield f"state.sqlite3: a newer Hygeia wrote it (migration {manifest.migration}); install that version"
    try:
        with closing(sqlite3.connect(f"{state.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            yield f"state.sqlite3: {verdict}"
    except sqlite3.Error as error:
        yield f"state.sqlite3: {error}"


def _ledger(folder: Path, manifest: Manifest) -> list[str]:
    from gateway.state_check import check_installation  # noqa: PLC0415 - only where it is needed: it loads much

    profiles = folder / "outside" / "custody.profile_dir"
    settings = Settings(
        data=Data(dir=folder),
        mqtt=Mqtt(root=manifest.root),
        ledger=LedgerSettings(key_file=_key_file(folder)),
        custody=Custody(profile_dir=profiles if profiles.is_dir() else None),
    )
    faults, _ = check_installation(settings, lambda *_: None)
    for path in folder.glob("state.sqlite3-*"):
        path.unlink()
    return [f"{fault.kind}: {fault.detail}" for fault in faults]


def _key_file(folder: Path) -> Path | None:
    return next(iter((folder / "outside" / "ledger.key_file").glob("*")), None)


def _take_journal(room: Path, newer: Path, manifest: Manifest) -> None:
    """Put a newer journal in place of the backup's, if it is one. Raises UsageError, OSError."""
    own = Installation(room).journal
    report = check_journal(newer, known_durable=known_durable(Installation(room).state))
    if report.damage:
        fault = report.damage[0]
        raise UsageError(f"--journal {fault.file}: record {fault.offset} at byte {fault.position}: {fault.what}")
    if report.next < manifest.next:
        raise UsageError(f"--journal {newer}: ends before record {report.next}, the backup's before {manifest.next}")
    needed = max((int(one.stem) for one in (room / "snapshots").glob("*.snap")), default=-1)
    if report.first > needed + 1:
        raise UsageError(f"--journal {newer}: begins with record {report.first}, needed is {needed + 1}")
    for one in segment.listing(own):
        other = newer / one.path.name
        if other.exists() and not _begins_with(other, one.path):
            raise UsageError(f"--journal {other}: not of this installation: other bytes than in the backup")
    shutil.rmtree(own)
    own.mkdir(mode=0o700)
    for path in sorted(newer.iterdir()):
        if path.suffix == segment.SUFFIX or path.name == segment.KEPT_FROM:
            _copy(path, own / path.name)


def _begins_with(whole: Path, beginning: Path) -> bool:
    with whole.open("rb") as one, beginning.open("rb") as other:
        while piece := other.read(_PIECE):
            if one.read(len(piece)) != piece:
                return False
    return True


def _copy(source: Path, target: Path) -> None:
    with (
        source.open("rb") as file,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
    ):
        shutil.copyfileobj(file, out, _PIECE)
        out.flush()
        os.fsync(out.fileno())


def _doubt(room: Path, manifest: Manifest) -> None:
    (room / "ledger").mkdir(mode=0o700, exist_ok=True)
    write_doubt(room, Doubt(manifest.made_at, manifest.entries, time.time_ns() // 1_000_000), Disk())


def _into_place(room: Path, folder: Path) -> None:
    disk = Disk()
    for path in sorted(room.rglob("*")):
        if path.is_dir():
            disk.sync_folder(path)
    for path in sorted(room.iterdir(), key=lambda one: (one.name == "keys", one.name)):
        path.rename(folder / path.name)
    room.rmdir()
    disk.sync_folder(folder)


def _short(folder: Path, words: str) -> str:
    return words.replace(f"{folder}/", "").replace(f"{folder.absolute()}/", "")


def described(manifest: Manifest) -> dict[str, object]:
    """What a backup is, for people and programs; without the list of its members."""
    told = msgspec.to_builtins(manifest)
    told["members"] = len(manifest.members)
    told["bytes"] = sum(one.size for one in manifest.members)
    return dict(told)
