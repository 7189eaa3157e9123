"""A disk that forgets and fails, and a clock set by hand, for the tests of the journal."""

from __future__ import annotations

import errno
import os
import random
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.clock import Clock
from gateway.journal.disk import Disk
from gateway.journal.reader import OPEN_END, Reader
from gateway.journal.record import Record

SECTOR = 16


class HandClock(Clock):
    """Wall and monotonic time as the test sets them; waiting takes no real time."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.wall = now
        self.seconds = 0.0

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return self.wall

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self.seconds

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``: the shortest wait there is."""
        return min(seconds, 0.0)

    def pass_ms(self, ms: int) -> None:
        """Let time pass."""
        self.wall += ms
        self.seconds += ms / 1000


class PowerCutError(BaseException):
    """The process would be gone here."""


class Node:
    """A file: what was written to it, and what of it is on the disk."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.synced = content


class ForgetfulDisk(Disk):
    """Writes to real files, syncs nothing, and at ``crash`` loses what a real disk might lose.

    ``fail_at`` is the number of the call (from 0) at which ``how`` happens: ``EIO``, ``ENOSPC`` (this call only),
    ``short`` (half of a write succeeds), ``short+EIO``, ``short+ENOSPC`` (then the next write fails), ``cut`` (the
    power goes, half of a write done). ``only`` counts calls of that name. ``free_bytes`` is what ``free`` says.
    """

    def __init__(self, folder: Path, fail_at: int | None = None, how: str = "EIO", only: str = "") -> None:
        self.folder = folder
        self.fail_at = fail_at
        self.how = how
        self.only = only
        self.free_bytes = 1 << 40
        self.calls: list[str] = []
        self.dead = False
        self.gate: threading.Event | None = None  # fdatasync waits for it
        self._next_write = 0  # errno
        paths = [path for path in folder.iterdir() if path.is_file()] if folder.exists() else []
        self.names = {path: Node(path.read_bytes()) for path in paths}
        self.synced_names = dict(self.names)
        self._open_files: dict[int, Node] = {}

    def free(self, folder: Path) -> int:
        """See ``Disk.free``."""
        return self.free_bytes

    def call(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """See ``Disk.call``."""
        if self.dead:
            raise PowerCutError
        due = not self.only or what == self.only
        number = sum(1 for one in self.calls if one == self.only) if self.only else len(self.calls)
        self.calls.append(what)
        if self._next_write and what == "write":
            number, self._next_write = self._next_write, 0
            raise OSError(number, os.strerror(number))
        if due and number == self.fail_at:
            self._misbehave(what, arguments)
            if what == "write":
                arguments = (arguments[0], arguments[1][: len(arguments[1]) // 2 + 1], arguments[2])
        if what == "fdatasync" and self.gate:
            self.gate.wait(30)
            if self.dead:
                raise PowerCutError
        return self._do(what, function, arguments)

    def _misbehave(self, what: str, arguments: tuple[Any, ...]) -> None:
        if self.how in {"EIO", "ENOSPC"}:
            number = getattr(errno, self.how)
            raise OSError(number, os.strerror(number))
        if self.how == "cut":
            self.dead = True
            if what == "write":
                node = self._open_files[arguments[0]]
                half = arguments[1][: len(arguments[1]) // 2]
                node.content[arguments[2] : arguments[2] + len(half)] = half
            raise PowerCutError
        if what == "write" and self.how.startswith("short+"):
            self._next_write = getattr(errno, self.how.removeprefix("short+"))

    def _do(self, what: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Do it for real, and in the model; a sync is done in the model only."""
        if what in {"fsync", "fdatasync"}:
            if stat.S_ISDIR(os.fstat(arguments[0]).st_mode):
                self.synced_names = dict(self.names)
            else:
                node = self._open_files[arguments[0]]
                node.synced = bytes(node.content)
            return None
        result = function(*arguments)
        if what == "open":
            path, flags = arguments[0], arguments[1]
            node = self.names.setdefault(path, Node())
            if flags & os.O_TRUNC:
                node.content.clear()
            self._open_files[result] = node
        elif what == "write":
            node = self._open_files[arguments[0]]
            node.content[arguments[2] : arguments[2] + result] = arguments[1][:result]
        elif what == "truncate":
            del self._open_files[arguments[0]].content[arguments[1] :]
        elif what == "rename":
            self.names[arguments[1]] = self.names.pop(arguments[0])
        elif what == "unlink":
            self.names.pop(arguments[0])
        return result

    def crash(self, rng: random.Random) -> None:
        """Leave in the folder what may be there after a power cut: any mix of what was not synced."""
        self.dead = True
        left = {}
        for path in sorted({*self.names, *self.synced_names}):
            node = rng.choice([self.names.get(path), self.synced_names.get(path)])
            if node is not None:
                left[path] = _after_crash(node, rng)
        for path in self.folder.iterdir():
            path.unlink()
        for path, content in left.items():
            path.write_bytes(content)


def _after_crash(node: Node, rng: random.Random) -> bytes:
    """What was synced, and of the rest a part, in which sectors may be missing."""
    content, synced = bytes(node.content), node.synced
    if not content.startswith(synced):
        return rng.choice([content, synced])
    rest = bytearray(content[len(synced) : rng.randint(len(synced), len(content))])
    for at in range(0, len(rest), SECTOR):
        if rng.random() < 0.1:
            rest[at : at + SECTOR] = bytes(len(rest[at : at + SECTOR]))
    return synced + bytes(rest)


def read_all(folder: Path, first: int = 0) -> list[Record]:
    """All records from ``first`` on, as another process sees them."""
    reader = Reader(folder)
    records: list[Record] = []
    while got := reader.read(first + len(records), end=OPEN_END):
        records += got
    reader.close()
    return records
