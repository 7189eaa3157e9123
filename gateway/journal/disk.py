"""The only module that writes to disk: segments of the journal, small files and snapshots.

Every system call that changes the disk passes ``Disk.call`` under a name, so that a test can let the n-th of them
fail, write short, or end the process. What a caller may rely on:

- A name that exists stands for whole content: files come into being as ``*.tmp``, are synced, renamed, and the
  folder is synced. A ``*.tmp`` left by a crash means nothing and may be removed.
- An error of fsync or fdatasync is never retried, here or by the caller: after it the kernel may have dropped the
  data while it calls the pages clean. It always comes as JournalFailedError; every other refusal as OSError.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from gateway.errors import JournalFailedError, StartError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Who may read what is written, where nothing else is said.
OWNER = 0o600

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_OLD = os.O_RDWR | os.O_CLOEXEC


def _full_sync(fd: int) -> None:
    """Fsync that reaches the medium; on macOS only F_FULLFSYNC does."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fsync(fd)


_data_sync = getattr(os, "fdatasync", _full_sync)


class Disk:
    """The writing side of the file system. Holds no state; one object may serve all threads."""

    def call(self, what: str, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run one system call that changes the disk.

        ``what``: ``mkdir, open, chmod, write, fsync, fdatasync, rename, unlink, truncate``. Tests override this.
        """
        del what
        return function(*arguments)

    def prepare(self, folder: Path) -> None:
        """Make ``folder`` where it is missing and make sure that files can be written in it. Raises StartError."""
        try:
            missing = [part for part in (folder, *folder.parents) if not part.exists()]
            for part in reversed(missing):
                self.call("mkdir", os.mkdir, part, 0o700)
                self.sync_folder(part.parent)
            probe = folder / ".writable.tmp"
            os.close(self.call("open", os.open, probe, _NEW, 0o600))
            self.call("unlink", os.unlink, probe)
        except OSError as error:
            raise StartError(f"{folder}: cannot write here: {error.strerror}; choose another data.dir") from error

    def create(self, path: Path, content: bytes, mode: int = OWNER) -> int:
        """Make the file ``path`` durable with ``content``, replacing any other. Returns it open for ``append``."""
        temporary = path.with_name(path.name + ".tmp")
        fd = self.call("open", os.open, temporary, _NEW, OWNER)
        try:
            if mode != OWNER:
                self.call("chmod", os.fchmod, fd, mode)
            self.append(fd, 0, content)
            self._sync(fd, path)
            self.call("rename", os.rename, temporary, path)
            self.sync_folder(path.parent)
        except BaseException:
            os.close(fd)
            if temporary.exists():
                self.call("unlink", os.unlink, temporary)
            raise
        return fd

    def replace(self, path: Path, content: bytes, mode: int = OWNER) -> None:
        """Put ``content`` in place of ``path``: after a crash either the old or the new file is there, whole."""
        os.close(self.create(path, content, mode))

    def open(self, path: Path) -> int:
        """Open an existing file for ``append``."""
        return self.call("open", os.open, path, _OLD, 0o600)

    def append(self, fd: int, position: int, content: bytes) -> None:
        """Write all of ``content`` at byte ``position``; a short write goes on, an error raises OSError."""
        written = self.call("write", os.pwrite, fd, content, position)
        while written < len(content):
            written += self.call("write", os.pwrite, fd, content[written:], position + written)

    def sync(self, fd: int, path: Path) -> None:
        """Wait until the data of the file are on disk. Raises JournalFailedError."""
        try:
            self.call("fdatasync", _data_sync, fd)
        except OSError as error:
            raise JournalFailedError(f"{path}: fdatasync failed: {error.strerror}") from error

    def shorten(self, fd: int, length: int) -> None:
        """Take back what was written beyond ``length`` and never synced."""
        self.call("truncate", os.ftruncate, fd, length)

    def cut(self, path: Path, length: int) -> Path | None:
        """Durably cut ``path`` to ``length`` bytes; what is cut off is first kept beside it.

        Returns the copy, ``{name}.{length}-{n}.torn``, or None where there was nothing to cut off.
        """
        with path.open("rb") as file:
            file.seek(length)
            tail = file.read()
        if not tail:
            return None
        names = (path.with_name(f"{path.name}.{length}-{n}.torn") for n in count(1))
        kept = next(name for name in names if not name.exists())
        self.replace(kept, tail)
        fd = self.open(path)
        try:
            self.shorten(fd, length)
            self._sync(fd, path)
        finally:
            os.close(fd)
        return kept

    def remove(self, paths: Iterable[Path]) -> None:
        """Durably remove files of one folder; those already gone are no error."""
        folders = set()
        for path in paths:
            folders.add(path.parent)
            if path.exists():
                self.call("unlink", os.unlink, path)
        for folder in folders:
            self.sync_folder(folder)

    def free(self, folder: Path) -> int:
        """Bytes that this user may still write on the file system of ``folder``."""
        figures = os.statvfs(folder)
        return figures.f_bavail * figures.f_frsize

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in ``folder`` are on disk. Raises JournalFailedError."""
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._sync(fd, folder)
        finally:
            os.close(fd)

    def _sync(self, fd: int, path: Path) -> None:
        try:
            self.call("fsync", _full_sync, fd)
        except OSError as error:
            raise JournalFailedError(f"{path}: fsync failed: {error.strerror}") from error
