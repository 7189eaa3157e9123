"""The data folder: one holder, private keys, a runtime file that is whole or absent."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import InstallationLockedError, StartError
from gateway.installation import Installation, Runtime


def mode(path: Path) -> int:
    """Permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A prepared folder with keys."""
    installation = Installation(tmp_path / "hygeia")
    installation.prepare()
    installation.create_keys()
    return installation


def test_a_held_folder_refuses_the_second_and_names_the_holder(installation: Installation) -> None:
    """The second lock fails with one line that names folder and process id, and exit code 2."""
    with installation.lock(), pytest.raises(InstallationLockedError, match=f"process {os.getpid()}") as caught:
        installation.lock()
    assert str(installation.folder) in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_released_folder_can_be_taken_again(installation: Installation) -> None:
    """Release gives the folder to the next one, and releasing twice does no harm."""
    lock = installation.lock()
    assert installation.locked()
    lock.release()
    lock.release()
    assert not installation.locked()
    with installation.lock():
        assert installation.locked()


def test_the_lock_of_a_killed_process_is_free(installation: Installation) -> None:
    """A process that dies without releasing leaves no lock behind."""
    program = (
        "import os, sys; from pathlib import Path; from gateway.installation import Installation;"
        "lock = Installation(Path(sys.argv[1])).lock(); print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(installation.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout
    assert child.stdin
    with child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(InstallationLockedError, match=f"process {child.pid}"):
            installation.lock()
        child.kill()
        child.wait()
    installation.lock().release()


def test_keys_are_private_and_stay_the_same(installation: Installation) -> None:
    """Keys have mode 0600, 32 bytes and Ed25519, and making them again changes nothing."""
    first = installation.installation_key()
    assert len(first) == 32
    assert {mode(file) for file in installation.keys.iterdir()} == {0o600}
    signature = installation.ledger_key().sign(b"entry")
    installation.create_keys()
    assert installation.installation_key() == first
    installation.ledger_key().public_key().verify(signature, b"entry")


def test_a_lost_installation_key_is_not_replaced_once_there_are_records(installation: Installation) -> None:
    """With records in the journal a missing key is an error, for new ids would not match the old."""
    (installation.journal / "00000000000000000000.seg").write_bytes(b"")
    (installation.keys / "installation.key").unlink()
    with pytest.raises(StartError, match="restore the key from a backup"):
        installation.create_keys()


@pytest.mark.parametrize(
    ("content", "rights", "words"),
    [
        (b"short", 0o600, "5 bytes; allowed: 32"),
        (b"x" * 32, 0o644, "chmod 600"),
        (None, 0, "missing; run 'hygeia init'"),
    ],
)
def test_a_bad_installation_key_is_one_line(
    installation: Installation, content: bytes | None, rights: int, words: str
) -> None:
    """A key that is short, readable by others or absent is a StartError that says what to do."""
    file = installation.keys / "installation.key"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
        file.chmod(rights)
    with pytest.raises(StartError, match=words):
        installation.installation_key()


def test_a_ledger_key_that_is_none_is_one_line(installation: Installation, tmp_path: Path) -> None:
    """A named file that holds no Ed25519 key is a StartError that names it."""
    file = tmp_path / "other.key"
    file.write_bytes(b"-----BEGIN NOTHING-----")
    file.chmod(0o600)
    with pytest.raises(StartError, match=r"other\.key: not a private key; allowed: Ed25519"):
        installation.ledger_key(file)


def test_the_runtime_file_is_private_replaced_and_removed(installation: Installation) -> None:
    """What is written is read back, with mode 0600 and without a draft left behind, until it is removed."""
    assert installation.read_runtime() is None
    for port in (1, 2):
        runtime = Runtime(f"http://127.0.0.1:{port}", "t", "mqtt://127.0.0.1:1883", 7)
        installation.write_runtime(runtime)
        assert installation.read_runtime() == runtime
    assert mode(installation.runtime_file) == 0o600
    assert not list(installation.folder.glob("runtime*.tmp"))
    installation.remove_runtime()
    installation.remove_runtime()
    assert installation.read_runtime() is None


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A folder below a file is refused with the system's words and what is allowed."""
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"Not a directory; choose another data") as caught:
        Installation(tmp_path / "file" / "hygeia").prepare()
    assert caught.value.exit_code == 2


def test_an_absent_folder_is_not_locked(tmp_path: Path) -> None:
    """Asking whether an absent folder is held neither fails nor makes it."""
    assert not Installation(tmp_path / "none").locked()
    assert not (tmp_path / "none").exists()
