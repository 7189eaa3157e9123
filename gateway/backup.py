"""Copies an installation while its gateway works, or while it does not, into one archive (``gateway.backup_archive``).

What is copied when decides whether it fits together. In this order:

1. the readings of the embedded store, by the running gateway between two of its writes: the store may be behind the
   state, never ahead of it, for what the store parked stands in the state;
2. snapshots of the folded state: none may be ahead of the state;
3. the state, by SQLite's own online backup: one moment of it;
4. the journal: records only come after the state, so it reaches at least as far as everything above. Of the last
   segment all whole records;
5. keys, packs, profiles, files and settings, which change rarely.

The head of the ledger is taken out of the copied state: the newest that was signed over it. If retention removed what
an older copy still needs, all is copied again.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from gateway.backup_archive import Manifest, Writable, Writer
from gateway.client import HttpTransport, require
from gateway.config import Settings
from gateway.errors import HygeiaError, InstallationLockedError, StartError, UsageError
from gateway.installation import Installation
from gateway.journal import segment

#: Told how many more bytes were copied, and of how many.
Meter = Callable[[int, int], None]
#: Parts of the data folder that are not made by walking it.
_APART = frozenset({"journal", "snapshots", "backup", "lock", "runtime.json", "ledger/head"})
_DATABASES = ("state.sqlite3", "readings.duckdb")
_TRIES = 3
#: Seconds that a running gateway may take to copy its readings.
_READINGS_S = 3600.0
_LOCK_PATIENCE_S = 5.0


class Part(NamedTuple):
    """A member to be: how much of its open file, and the time that is written beside it.

    A path stands for a file that is opened when its turn comes, as it is then: there may be more than a process may
    hold open. If it is gone by then it is left out.
    """

    name: str
    file: IO[bytes] | Path
    size: int
    at_ms: int


class StateFacts(NamedTuple):
    """What a copied state says of itself; ``head`` is the newest signed head, empty where there is none."""

    migration: str
    cursor: int
    entries: int
    head: str


class Made(NamedTuple):
    """A finished backup: what it is, and its bytes."""

    manifest: Manifest
    size: int


class _Counting:
    """An open file, and how much was written to it."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.size = 0

    def write(self, data: bytes) -> int:
        """See ``io.RawIOBase.write``."""
        self.size += len(data)
        return self._out.write(data)


class Backup:
    """One backup of the installation of ``settings``; ``config`` is the settings file where it is not the folder's."""

    def __init__(self, settings: Settings, config: Path | None) -> None:
        self._settings = settings
        self._installation = Installation(settings.data.dir)
        self._config = config

    def write(self, out: Path, progress: Meter) -> Made:
        """Write the backup to the new file ``out``, whole or not at all, readable by the owner only.

        Raises UsageError where ``out`` exists or lies in the data folder, or there is no installation; HygeiaError for
        what cannot be copied.
        """
        require(self._installation)
        if out.exists() or out.absolute().is_relative_to(self._installation.folder):
            raise UsageError(f"--out {out}: allowed: a new file outside the data folder {self._installation.folder}")
        with self._room(out.absolute().parent) as room:
            target = room / "archive"
            with os.fdopen(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                manifest = self._archive(file, room, progress)
                file.flush()
                os.fsync(file.fileno())
                made = Made(manifest, file.tell())
            target.rename(out)
            _sync_folder(out.absolute().parent)
        return made

    def stream(self, out: IO[bytes], progress: Meter) -> Made:
        """Write the backup to an open file, such as standard output; one that broke off has no manifest at its end."""
        require(self._installation)
        counted = _Counting(out)
        with self._room(self._installation.folder / "backup") as room:
            manifest = self._archive(counted, room, progress)
            out.flush()
        return Made(manifest, counted.size)

    @contextlib.contextmanager
    def _room(self, folder: Path) -> Iterator[Path]:
        """A folder of our own beside what is written, for the copy of the state."""
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".hygeia-backup-", dir=folder) as name:
                yield Path(name)
        except OSError as error:
            raise HygeiaError(f"{error.filename or folder}: {error.strerror or error}; nothing was kept") from error

    @contextlib.contextmanager
    def _held(self) -> Iterator[HttpTransport | None]:
        """The running gateway; None where there is none, and none can start meanwhile."""
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            runtime = self._installation.read_runtime()
            if runtime is not None and self._installation.locked():
                yield HttpTransport(runtime, _READINGS_S)
                return
            try:
                lock = self._installation.lock()
            except InstallationLockedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                continue
            with lock:
                yield None
            return

    def _archive(self, out: Writable, room: Path, progress: Meter) -> Manifest:
        _allow_files()
        with self._held() as gateway, ExitStack() as stack:
            parts, facts, span = self._gather(room, gateway, stack)
            outside = self._outside(stack)
            parts += [part for part, _ in outside]
            total = sum(part.size for part in parts)
            writer = Writer(out, lambda more: progress(more, total))
            for part in parts:
                _add(writer, part)
            manifest = Manifest(
                version=version("hygeia-gateway"),
                migration=facts.migration,
                made_at=time.time_ns() // 1_000_000,
                running=gateway is not None,
                store=self._settings.timeseries.store,
                root=self._settings.mqtt.root,
                cursor=facts.cursor,
                first=span[0],
                next=span[1],
                entries=facts.entries,
                outside={part.name: str(path) for part, path in outside},
                members=writer.members,
            )
            writer.finish(manifest)
            return manifest

    def _gather(
        self, room: Path, gateway: HttpTransport | None, stack: ExitStack
    ) -> tuple[list[Part], StateFacts, tuple[int, int]]:
        """Everything of the data folder, fitting together; and the offsets of the journal."""
        for _ in range(_TRIES):
            attempt = stack.enter_context(ExitStack())
            readings, stored = self._readings(gateway, attempt)
            snapshots = list(self._snapshots(attempt))
            state = room / "state.sqlite3"
            facts = copy_state(self._installation.state, state)
            journal, span = self._journal(attempt)
            folded = [int(Path(part.name).stem) for part in snapshots]
            needed = min(max((at for at in folded if at <= facts.cursor), default=-1), stored)
            if span[0] <= needed + 1 and span[1] > facts.cursor:
                head = self._head(facts, room)
                parts = [*self._rest(), _part("state.sqlite3", state, stack), *readings, *snapshots, *journal]
                return [*parts, *([_part("ledger/head", head, stack)] if head else [])], facts, span
            attempt.close()
        raise HygeiaError(f"{self._installation.folder}: the journal was shortened {_TRIES} times meanwhile; try again")

    def _readings(self, gateway: HttpTransport | None, stack: ExitStack) -> tuple[list[Part], int]:
        """The file of the embedded store, and its cursor as far as it is known to matter."""
        file = self._installation.readings
        if self._settings.timeseries.store != "embedded" or not file.exists():
            return [], 2**62
        stored = 2**62
        if gateway is not None:
            reply = gateway("POST", "/api/v1/backup/readings")
            if reply.status != 200:
                words = reply.body.decode("utf-8", "replace")[:300]
                raise HygeiaError(f"the gateway cannot copy its readings: {words}")
            stored = int(msgspec.json.decode(reply.body)["cursor"])
            file = self._installation.folder / "backup" / file.name
            stack.callback(_remove, file)
        return [_part(one.name, one, stack) for one in (file, _wal(file)) if one.exists()], stored

    def _snapshots(self, stack: ExitStack) -> Iterator[Part]:
        for path in sorted(self._installation.snapshots.glob("*.snap")):
            with contextlib.suppress(FileNotFoundError):
                yield _part(f"snapshots/{path.name}", path, stack)

    def _journal(self, stack: ExitStack) -> tuple[list[Part], tuple[int, int]]:
        """The segments, the last one up to its last whole record, and the line that says where they begin."""
        folder = self._installation.journal
        while True:
            try:
                found = segment.listing(folder)
                files = [(one.first, one.path, stack.enter_context(one.path.open("rb"))) for one in found]
                break
            except FileNotFoundError:  # retention was faster
                continue
        if not files:
            return [], (0, 0)
        parts = [_opened(f"journal/{path.name}", file) for _, path, file in files]
        first, last = files[0][0], files[-1]
        data = last[2].read()
        end = segment.scan(data, last[0])
        last[2].seek(0)
        parts[-1] = parts[-1]._replace(size=end.position if data else 0)
        if first:
            line = segment.kept_line(first)
            parts.append(Part(f"journal/{segment.KEPT_FROM}", io.BytesIO(line), len(line), parts[0].at_ms))
        return parts, (first, end.next)

    def _rest(self) -> Iterator[Part]:
        """Keys, settings, packs, profiles, attached files and what else lies there."""
        root = self._installation.folder
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root)
            apart = {name.parts[0], name.as_posix()} & _APART or name.parts[0].startswith(_DATABASES)
            if not apart and path.suffix != ".tmp" and path.is_file():
                with contextlib.suppress(FileNotFoundError):
                    about = path.stat()
                    yield Part(name.as_posix(), path, about.st_size, about.st_mtime_ns // 1_000_000)

    def _head(self, facts: StateFacts, room: Path) -> Path | None:
        if not facts.head:
            return None
        path = room / "head"
        path.write_text(facts.head, encoding="utf-8")
        return path

    def _outside(self, stack: ExitStack) -> list[tuple[Part, Path]]:
        """Files that the settings name and that are not in the data folder, with where they are."""
        settings = self._settings
        named = {
            "config": self._config,
            "ledger.key_file": settings.ledger.key_file,
            "alerts.routing": settings.alerts.routing,
            "mqtt.ca": settings.mqtt.ca,
            "mqtt.cert": settings.mqtt.cert,
            "mqtt.key": settings.mqtt.key,
            "influx.ca": settings.influx.ca,
        }
        found = [(key, path.absolute()) for key, path in named.items() if path is not None]
        for key, folder in (("alerts.pack_dir", settings.packs), ("custody.profile_dir", settings.profiles)):
            found += [(key, path.absolute()) for path in sorted(folder.glob("*.yaml"))]
        root = self._installation.folder
        return [
            (_part(f"outside/{key}/{path.name}", path, stack), path)
            for key, path in found
            if not path.is_relative_to(root)
        ]


def copy_state(state: Path, to: Path) -> StateFacts:
    """Copy one moment of a state that others may write, and say what it holds. Raises StartError, OSError."""
    to.unlink(missing_ok=True)
    to.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(to)) as target,
        ):
            source.backup(target)
        return facts_of(to)
    except sqlite3.Error as error:
        raise StartError(f"{state}: {error}; see docs/operations.md, 'A damaged state'") from error


def facts_of(state: Path) -> StateFacts:
    """What a state that nobody writes says of itself. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{state.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

        def one(query: str, table: str) -> object:
            row = connection.execute(query).fetchone() if table in tables else None
            return None if row is None else row[0]

        cursor = one("SELECT \"offset\" FROM cursors WHERE name = 'decide'", "cursors")
        return StateFacts(
            str(one("SELECT version_num FROM alembic_version", "alembic_version") or ""),
            -1 if cursor is None else int(str(cursor)),
            int(str(one("SELECT count(*) FROM ledger_entries", "ledger_entries") or 0)),
            str(one("SELECT note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1", "ledger_checkpoints") or ""),
        )


def _add(writer: Writer, part: Part) -> None:
    if not isinstance(part.file, Path):
        writer.add(part.name, part.file, part.size, part.at_ms)
        return
    with contextlib.suppress(FileNotFoundError), part.file.open("rb") as file:
        writer.add(part.name, file, os.fstat(file.fileno()).st_size, part.at_ms)


def _allow_files() -> None:
    """Segments stay open until they are copied, for retention may remove them: as many as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _part(name: str, path: Path, stack: ExitStack) -> Part:
    return _opened(name, stack.enter_context(path.open("rb")))


def _opened(name: str, file: IO[bytes]) -> Part:
    about = os.fstat(file.fileno())
    return Part(name, file, about.st_size, about.st_mtime_ns // 1_000_000)


def _wal(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _remove(file: Path) -> None:
    for one in (file, _wal(file)):
        one.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
