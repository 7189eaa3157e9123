"""The doing half: the broker's folder, the keys of the installation, and telling the broker to read again."""

from __future__ import annotations

import grp
import os
import shlex
import signal
import subprocess
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.broker.conf import Options
from gateway.errors import HygeiaError, JournalFailedError, StartError, UsageError
from gateway.installation import Installation
from gateway.journal.disk import Disk

#: The broker runs as a user of its own and reads through the group of the folder.
SHARED_FILE = 0o640
SHARED_FOLDER = 0o2750
_GROUP = "mosquitto"
_RELOAD_S = 30


def load_options(installation: Installation) -> Options | None:
    """What ``hygeia broker config`` was called with last; None where it never was. Raises StartError."""
    file = installation.folder / "broker.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=Options)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StartError(f"{file}: it cannot be read; remove it and give 'hygeia broker config' its options") from error


def save_options(installation: Installation, options: Options) -> None:
    """Keep what this call said for the next one."""
    _put(installation.folder / "broker.json", msgspec.json.format(msgspec.json.encode(options)) + b"\n", 0o600)


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files that are there, by name. Raises UsageError where they may not be read."""
    try:
        return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} if folder.exists() else {}
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}; allowed: a folder that this user may read") from error


def write_folder(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Put files that are new or different in their places, each whole or not at all; returns their names.

    A folder that is absent is made for the group of Mosquitto, where this machine has one and this user may say so.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            _hand_over(folder)
            folder.chmod(SHARED_FOLDER)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror}; allowed: a place that this user may write") from error
    changed = []
    for name, content in files.items():
        file = folder / name
        if not file.exists() or file.read_bytes() != content:
            _put(file, content, SHARED_FILE)
            changed.append(name)
    return changed


def load_key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    """A key of ours; None where there is none. Raises StartError where others may read it, or it is of another kind."""
    try:
        mode, content = file.stat().st_mode, file.read_bytes()
        key = load_pem_private_key(content, password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StartError(f"{file}: no key that can be read; allowed: EC in unencrypted PEM") from error
    if mode & 0o077:
        raise StartError(f"{file}: others may read it; run: chmod 600 {file}")
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StartError(f"{file}: a key of another kind; allowed: EC in unencrypted PEM")
    return key


def load_certificate(file: Path) -> x509.Certificate | None:
    """A certificate in PEM; None where there is none. Raises StartError where it cannot be read."""
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StartError(f"{file}: no certificate in PEM that can be read") from error


def put_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read. Raises UsageError."""
    _put(file, content, 0o600)


def put_secrets(folder: Path, files: dict[str, bytes]) -> None:
    """Write files that only their owner may read into a folder, made where it is absent. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(f"--out {folder}: {error.strerror}; allowed: a place that this user may write") from error
    for name, content in files.items():
        _put(folder / name, content, 0o600)


def reload(pid: int | None, command: str) -> None:
    """Tell the broker to read its files again. Raises HygeiaError where it cannot be told."""
    if pid is not None:
        try:
            os.kill(pid, signal.SIGHUP)
        except OSError as error:
            raise HygeiaError(f"--reload {pid}: {error.strerror}; the files are written") from error
    if command:
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own command, given on the command line
                shlex.split(command), capture_output=True, text=True, timeout=_RELOAD_S, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise HygeiaError(f"--reload-command: {error}; the files are written") from error
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()
            said = f": {words[-1]}" if words else ""
            raise HygeiaError(f"--reload-command ended with {done.returncode}{said}; the files are written")


def _put(file: Path, content: bytes, mode: int) -> None:
    try:
        Disk().replace(file, content, mode)
    except JournalFailedError as error:
        raise StartError(f"{error}; check the disk") from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; allowed: a place that this user may write") from error


def _hand_over(folder: Path) -> None:
    """Give a new folder to Mosquitto's group: root may, others only where they are in it."""
    try:
        group = grp.getgrnam(_GROUP).gr_gid
    except KeyError:
        return
    try:
        os.chown(folder, -1, group)
    except PermissionError:
        return
