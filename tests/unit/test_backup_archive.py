"""A backup is found whole or its damage is named; what is restored is what was there, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import sys
import tarfile
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command

from gateway import backup_restore
from gateway.backup import facts_of
from gateway.backup_archive import MANIFEST, BackupError, read
from gateway.cli import call
from gateway.database import newest_revision, open_state
from gateway.doubt import doubt_file
from gateway.installation import Installation
from gateway.migrations.apply import configuration

REGISTRY = """
places: [{id: p, kind: network}]
devices: [{id: w-1, place: p, kind: water}]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that decided something, with files of its own in it."""
    folder = tmp_path_factory.mktemp("site")
    data = folder / "data"
    assert call(["init", "--data-dir", str(data)]) == 0
    (folder / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    assert call(["registry", "import", str(folder / "registry.yaml"), "--data-dir", str(data)]) == 0
    for name in ("profiles/own.yaml", "files/ab/abcd", "keys/influx.token", "outlines.geojson"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("x" * 5000, encoding="utf-8")
        (data / name).chmod(0o600)
    (data / "profiles" / "own.yaml").unlink()
    assert call(["broker", "config", "--out", str(folder / "broker"), "--data-dir", str(data)]) == 0
    return data


@pytest.fixture(scope="module")
def backup(site: Path) -> Path:
    """A backup of it."""
    file = site.parent / "backup.tar.gz"
    assert call(["backup", "--out", str(file), "--data-dir", str(site)]) == 0
    return file


def members(file: Path) -> dict[str, bytes]:
    """Every member of a backup."""
    with tarfile.open(file) as tar:
        return {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}


def pack(file: Path, content: dict[str, bytes]) -> Path:
    """A backup with this content."""
    with tarfile.open(file, "w:gz", compresslevel=1) as tar:
        for name, raw in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return file


def flipped(packed: bytes, at: int) -> bytes:
    """One bit turned, at or after a byte: some bits of a packed run of zeros may be either, and mean the same."""
    for place in range(at, len(packed)):
        raw = bytearray(packed)
        raw[place] ^= 0x10
        try:
            if gzip.decompress(raw) != gzip.decompress(packed):
                return bytes(raw)
        except (OSError, EOFError, zlib.error):
            return bytes(raw)
    raise AssertionError(at)


def ignored(_: int) -> None:
    """Nobody looks at the progress."""


def test_outlines_and_what_the_broker_was_asked_for_are_in_it(backup: Path) -> None:
    """With the authority's keys: else no map, another certificate authority, and a broker that is asked for again."""
    assert {"outlines.geojson", "broker.json", "keys/ca.key", "keys/ca.pem"} <= members(backup).keys()


def test_a_restored_folder_has_every_file_of_the_old_one(site: Path, backup: Path, tmp_path: Path) -> None:
    """Byte for byte, but for the state, which is a copy of its content; readable by the owner only."""
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "new")]) == 0
    old = {str(path.relative_to(site)): path for path in site.rglob("*") if path.is_file()}
    new = {str(path.relative_to(tmp_path / "new")): path for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert new.keys() - {"ledger/restored"} == {name for name in old if not name.startswith(("lock", "state.sqlite3-"))}
    for name in new.keys() - {"ledger/restored", "state.sqlite3"}:
        assert new[name].read_bytes() == old[name].read_bytes(), name
    assert {path.stat().st_mode & 0o777 for path in new.values()} == {0o600}
    assert call(["registry", "check", str(site.parent / "registry.yaml")]) == 0
    assert call(["journal", "fsck", "--data-dir", str(tmp_path / "new")]) == 0
    assert call(["custody", "verify", "--data-dir", str(tmp_path / "new")]) == 0


@pytest.mark.parametrize("part", range(12))
def test_a_flipped_byte_is_found_wherever_it_is(backup: Path, tmp_path: Path, part: int) -> None:
    """In the packed bytes: the check names the file, the member and fails; a restore leaves nothing behind."""
    whole = backup.read_bytes()
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(flipped(whole, len(whole) * part // 12 + 10))
    with pytest.raises(BackupError) as caught:
        read(damaged, None, ignored)
    assert str(damaged) in str(caught.value)
    assert call(["restore", str(damaged), "--data-dir", str(tmp_path / "new")]) == 1
    assert not (tmp_path / "new").exists()


def test_each_member_that_was_changed_is_named(backup: Path, tmp_path: Path) -> None:
    """One byte in each member in turn, packed anew: its name stands in the line."""
    content = members(backup)
    for name in content.keys() - {MANIFEST}:
        changed = content | {name: bytes([content[name][0] ^ 1]) + content[name][1:]}
        with pytest.raises(BackupError, match=f"{name}: its bytes"):
            read(pack(tmp_path / "changed", changed), None, ignored)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_a_backup_that_was_cut_off_is_none(backup: Path, tmp_path: Path, share: float) -> None:
    """However much of it is there."""
    raw = backup.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(BackupError):
        read(cut, None, ignored)
    content = members(backup)
    del content[MANIFEST]
    with pytest.raises(BackupError, match="without MANIFEST"):
        read(pack(tmp_path / "open", content), None, ignored)


def test_members_missing_surplus_or_twice_are_named(backup: Path, tmp_path: Path) -> None:
    """The manifest says what must be there, and nothing else may be."""
    content = members(backup)
    less = {name: raw for name, raw in content.items() if name != "keys/ledger.key"}
    with pytest.raises(BackupError, match=r"keys/ledger\.key: is missing"):
        read(pack(tmp_path / "less", less), None, ignored)
    with pytest.raises(BackupError, match="stranger: the manifest does not know it"):
        read(pack(tmp_path / "more", {"stranger": b"x"} | content), None, ignored)
    with pytest.raises(BackupError, match="behind the manifest"):
        read(pack(tmp_path / "behind", content | {"zz": b"x"}), None, ignored)


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped", "./escaped", "a\nb"])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str) -> None:
    """Names that point elsewhere are refused before anything is written."""
    with pytest.raises(BackupError, match="no plain file"):
        read(pack(tmp_path / "evil", {name: b"x"}), tmp_path / "into", ignored)
    assert not (tmp_path / "escaped").exists()


def test_links_and_other_archives_are_refused(tmp_path: Path) -> None:
    """A symbolic link, a tar of something else, a text."""
    with tarfile.open(tmp_path / "link", "w:gz") as tar:
        info = tarfile.TarInfo("keys")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(info)
    (tmp_path / "text").write_bytes(gzip.compress(b"hello"))
    (tmp_path / "plain").write_bytes(b"hello")
    for name in ("link", "text", "plain"):
        with pytest.raises(BackupError):
            read(tmp_path / name, None, ignored)


def test_the_form_of_a_newer_version_is_named(backup: Path, tmp_path: Path) -> None:
    """What cannot be read is not guessed."""
    content = members(backup)
    manifest = json.loads(content[MANIFEST]) | {"format": "hygeia-backup/9"}
    with pytest.raises(BackupError, match=r"hygeia-backup/9.*this version reads 'hygeia-backup/1'"):
        read(pack(tmp_path / "newer", content | {MANIFEST: json.dumps(manifest).encode()}), None, ignored)


def test_only_an_empty_folder_is_restored_into(backup: Path, tmp_path: Path) -> None:
    """An empty one that is there may be a volume; anything in it stays as it is."""
    (tmp_path / "empty").mkdir()
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "empty")]) == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").touch()
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "full")]) == 2
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["note"]


def test_out_is_a_new_file_outside_the_data_folder(site: Path, backup: Path) -> None:
    """An older backup is never overwritten, and none backs itself up."""
    before = backup.read_bytes()
    assert call(["backup", "--out", str(backup), "--data-dir", str(site)]) == 2
    assert call(["backup", "--out", str(site / "b"), "--data-dir", str(site)]) == 2
    assert call(["backup", "--data-dir", str(site)]) == 2
    assert backup.read_bytes() == before
    assert list(backup.parent.glob(".hygeia-backup-*")) == []
    assert backup.stat().st_mode & 0o777 == 0o600


def test_standard_output_and_input(
    site: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``-`` is for containers, whose files are elsewhere."""
    assert call(["backup", "--out", "-", "--data-dir", str(site)]) == 0
    raw = capsysbinary.readouterr().out
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert call(["restore", "-", "--data-dir", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "keys" / "ledger.key").read_bytes() == (site / "keys" / "ledger.key").read_bytes()


def test_the_mark_of_doubt_stands_unless_nothing_ran_since(backup: Path, tmp_path: Path) -> None:
    """Whether the ledger may be signed on only people know, or the newer journal."""
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "a")]) == 0
    assert doubt_file(tmp_path / "a").exists()
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "b"), "--nothing-since"]) == 0
    assert not doubt_file(tmp_path / "b").exists()


def test_a_journal_of_another_installation_is_refused(backup: Path, tmp_path: Path) -> None:
    """``--journal`` takes only one that goes on from the backup's."""
    other = tmp_path / "other"
    assert call(["init", "--data-dir", str(other)]) == 0
    registry = tmp_path / "registry.yaml"
    registry.write_text(REGISTRY.replace("w-1", "w-2"), encoding="utf-8")
    assert call(["registry", "import", str(registry), "--data-dir", str(other)]) == 0
    new = tmp_path / "new"
    assert call(["restore", str(backup), "--data-dir", str(new), "--journal", str(other / "journal")]) == 2
    assert not new.exists()


def test_files_outside_the_data_folder_come_along(site: Path, tmp_path: Path) -> None:
    """The settings file of --config and the key that it names, each with the place where it was."""
    config, key = tmp_path / "hygeia.toml", tmp_path / "elsewhere.key"
    key.write_bytes((site / "keys" / "ledger.key").read_bytes())
    key.chmod(0o600)
    config.write_text(f'data.dir = "{site}"\nledger.key_file = "elsewhere.key"\n', encoding="utf-8")
    file, new = tmp_path / "backup", tmp_path / "new"
    assert call(["backup", "--out", str(file), "--config", str(config)]) == 0
    manifest = read(file, None, ignored)
    assert manifest.outside == {
        "outside/config/hygeia.toml": str(config),
        "outside/ledger.key_file/elsewhere.key": str(key),
    }
    assert call(["restore", str(file), "--data-dir", str(new)]) == 0
    assert (new / "outside" / "ledger.key_file" / "elsewhere.key").read_bytes() == key.read_bytes()


def test_a_state_of_a_newer_version_is_refused_and_of_an_older_one_said(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The older one is brought forward by its first start, as after an upgrade."""
    monkeypatch.setattr(backup_restore, "newest_revision", lambda: "0001")
    with pytest.raises(BackupError, match="a newer Hygeia wrote it"):
        backup_restore.check(backup, _scratch(tmp_path / "newer"), ignored)
    monkeypatch.setattr(backup_restore, "newest_revision", lambda: "9999")
    assert call(["restore", str(backup), "--data-dir", str(tmp_path / "older")]) == 0
    assert "after the first start" in capsys.readouterr().out


def test_a_backup_of_an_older_version_is_brought_forward_by_its_first_use(tmp_path: Path) -> None:
    """A state of migration 0003, backed up and restored as it is, gets the tables of this version then."""
    old = tmp_path / "old"
    installation = Installation(old)
    installation.prepare()
    installation.create_keys()
    engine = open_state(installation.state)
    with engine.connect() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.commit()
    engine.dispose()
    assert call(["backup", "--out", str(tmp_path / "b"), "--data-dir", str(old)]) == 0
    assert read(tmp_path / "b", None, ignored).migration == "0003"
    assert call(["restore", str(tmp_path / "b"), "--data-dir", str(tmp_path / "new")]) == 0
    assert call(["journal", "stat", "--data-dir", str(tmp_path / "new")]) == 0
    assert facts_of(Installation(tmp_path / "new").state).migration == newest_revision()


def test_a_journal_that_does_not_reach_the_state_is_refused(backup: Path, tmp_path: Path) -> None:
    """Sums that fit do not make a backup that fits: the state is past records that are not there."""
    content = members(backup)
    state = tmp_path / "state"
    state.write_bytes(content["state.sqlite3"])
    with sqlite3.connect(state) as connection:
        connection.execute("UPDATE cursors SET offset = 10000000 WHERE name = 'decide'")
    connection.close()
    content["state.sqlite3"] = state.read_bytes()
    with pytest.raises(BackupError, match="journal"):
        backup_restore.check(_sealed(tmp_path / "odd", content), _scratch(tmp_path / "odd-in"), ignored)


def _scratch(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _sealed(file: Path, content: dict[str, bytes]) -> Path:
    """A backup of this content whose sums fit."""
    from hashlib import sha256  # noqa: PLC0415 - here only

    manifest: dict[str, Any] = json.loads(content[MANIFEST])
    for one in manifest["members"]:
        raw = content[one["name"]]
        one |= {"size": len(raw), "sha256": sha256(raw).hexdigest()}
    return pack(file, content | {MANIFEST: json.dumps(manifest).encode()})
