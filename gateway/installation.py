"""The data folder of an installation: what lies where, who holds it, and its keys.

Layout below the folder::

    hygeia.toml        settings (optional: they may come from elsewhere)
    lock               held with flock by the process that works in the folder; holds its process id
    runtime.json       how to reach the running gateway, mode 0600, only while it runs
    keys/              installation.key (32 random bytes), ledger.key (Ed25519, PKCS 8 PEM); mode 0600
    journal/           segments, see gateway.journal.record
    state.sqlite3      decisions, registry, alerts, accounts
    readings.duckdb    readings of the embedded store
    snapshots/         folded state, to start faster
    files/             files that people or terminals attached, by SHA-256
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import InstallationLockedError, JournalFailedError, StartError
from gateway.journal.disk import Disk

KEY_BYTES = 32
OWNER_ONLY = 0o600


class Runtime(msgspec.Struct, frozen=True):
    """How to reach a running gateway; ``token`` opens the whole API, ``mqtt`` is the broker without its password."""

    address: str
    token: str
    mqtt: str
    pid: int


class Installation:
    """The data folder ``folder``. Making the object touches nothing; ``disk`` does all writing."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder.absolute()
        self._disk = disk or Disk()
        self.journal = self.folder / "journal"
        self.state = self.folder / "state.sqlite3"
        self.readings = self.folder / "readings.duckdb"
        self.snapshots = self.folder / "snapshots"
        self.keys = self.folder / "keys"
        self.files = self.folder / "files"
        self.runtime_file = self.folder / "runtime.json"
        self.lock_file = self.folder / "lock"
        self.settings_file = self.folder / "hygeia.toml"

    def prepare(self) -> None:
        """Make what is missing of the folders and prove that files can be written. Raises StartError."""
        for folder in (self.folder, self.journal, self.snapshots, self.keys, self.files):
            self._disk.prepare(folder)
        with _start_errors(self.folder):
            # Names and numbers of people stand in it: its owner's alone, also in a folder that others may enter.
            self.state.touch(mode=0o600)
            self.state.chmod(0o600)

    def lock(self) -> Lock:
        """Take the folder for this process, until ``release`` or the process ends.

        Raises:
            InstallationLockedError: another process, or another lock of this one, holds it.
            StartError: the folder is absent or cannot be written.
        """
        return Lock(self)

    def locked(self) -> bool:
        """Whether a process holds the folder; False also where there is no folder. Changes nothing."""
        try:
            probe = os.open(self.lock_file, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(probe)
        return False

    def write_runtime(self, runtime: Runtime) -> None:
        """Say how this gateway is reached: whole or not at all, readable by the owner only."""
        with _start_errors(self.folder):
            self._disk.replace(self.runtime_file, msgspec.json.encode(runtime))

    def read_runtime(self) -> Runtime | None:
        """Return what the running gateway wrote, None where there is nothing or it cannot be read."""
        try:
            return msgspec.json.decode(self.runtime_file.read_bytes(), type=Runtime)
        except (OSError, msgspec.DecodeError):
            return None

    def remove_runtime(self) -> None:
        """Take ``runtime.json`` away, at stop."""
        self._disk.remove([self.runtime_file])

    def create_keys(self) -> None:
        """Make the keys that are absent. Raises StartError where records exist that were decided under a lost key."""
        installation, ledger = self._key_files()
        if not installation.exists() and any(self.journal.glob("*.seg")):
            raise StartError(f"{installation}: missing, but the journal has records; restore the key from a backup")
        with _start_errors(self.keys):
            if not installation.exists():
                self._disk.replace(installation, secrets.token_bytes(KEY_BYTES))
            if not ledger.exists():
                key = Ed25519PrivateKey.generate()
                pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                self._disk.replace(ledger, pem)

    def installation_key(self) -> bytes:
        """Return the 32 bytes that ids and link tokens are derived from. Raises StartError."""
        file, _ = self._key_files()
        key = _read_private(file)
        if len(key) != KEY_BYTES:
            raise StartError(f"{file}: {len(key)} bytes; allowed: {KEY_BYTES}; restore the key from a backup")
        return key

    def ledger_key(self, file: Path | None = None) -> Ed25519PrivateKey:
        """Return the key that signs the ledger, from ``file`` where settings name one. Raises StartError."""
        file = file or self._key_files()[1]
        try:
            key = load_pem_private_key(_read_private(file), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise StartError(f"{file}: not a private key; allowed: Ed25519 in unencrypted PEM")
        return key

    def _key_files(self) -> tuple[Path, Path]:
        return self.keys / "installation.key", self.keys / "ledger.key"


class Lock:
    """A held data folder; also a context manager that releases it."""

    def __init__(self, installation: Installation) -> None:
        path = installation.lock_file
        with _start_errors(installation.folder):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise InstallationLockedError(
                installation.folder,
                f"process {holder}" if holder else "another process",
                int(holder) if holder.isdigit() else None,
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the folder go; further calls do nothing. The file stays: removing it would let two processes in."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextlib.contextmanager
def _start_errors(folder: Path) -> Iterator[None]:
    """Turn what the system says about a folder into one line for the user."""
    try:
        yield
    except OSError as error:
        raise StartError(f"{folder}: {error.strerror}; allowed: a folder that this user may write") from error
    except JournalFailedError as error:
        raise StartError(f"{error}; check the disk") from error


def _read_private(file: Path) -> bytes:
    try:
        if file.stat().st_mode & 0o077:
            raise StartError(f"{file}: others may read it; run: chmod 600 {file}")
        return file.read_bytes()
    except FileNotFoundError:
        raise StartError(f"{file}: missing; run 'hygeia init', or restore it from a backup") from None
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}; allowed: a file that this user may read") from error
