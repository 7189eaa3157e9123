"""``hygeia custody bundle`` and ``verify`` as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.ledger.note import key_of
from gateway.cli import call
from gateway.installation import Installation
from gateway.journal.record import Kind
from tests.support.deciding import decided
from tests.support.evidence import ORIGIN, bundle_of, clean_chain, frontier_of, sign_head
from tests.support.waste import WasteScript


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good bundle."""
    path = tmp_path_factory.mktemp("bundle") / "case.zip"
    path.write_bytes(bundle_of(clean_chain()))
    return path


def test_a_bundle_is_checked_without_an_installation(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The document has exactly three keys; without a key no origin is proved."""
    assert call(["custody", "verify", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "origin_proved": False, "faults": []}
    assert call(["custody", "verify", str(file), "--key", clean_chain().vkey, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["origin_proved"] is True


def test_the_words_are_those_of_the_language(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chinese where HYGEIA_LANG says so."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    assert call(["custody", "verify", str(file)]) == 0
    assert "未证明" in capsys.readouterr().out
    monkeypatch.setenv("HYGEIA_LANG", "en")
    assert call(["custody", "verify", str(file)]) == 0
    assert "Give the key of the ledger with --key" in capsys.readouterr().out


def test_a_changed_bundle_exits_with_1_and_wrong_use_with_2(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each."""
    changed = tmp_path / "changed.zip"
    changed.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert call(["custody", "verify", str(changed), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["faults"][0]["kind"] == "not_canonical"
    for arguments in (["absent.zip"], [str(file), "--key", "nonsense"], [str(file), "--data-dir", str(tmp_path)]):
        assert call(["custody", "verify", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose state is decided and signed."""
    script = WasteScript()
    script.open_city()
    script.chain("MW1")
    script.other(Kind.TICK)
    done = decided(tmp_path, script)
    installation = Installation(tmp_path)
    installation.prepare()
    installation.create_keys()
    head = sign_head(done.engine, frontier_of(done.engine), installation.ledger_key(), script.now)
    done.engine.dispose()
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "head").write_bytes(head)
    return tmp_path


def test_an_installation_is_checked_as_a_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing wrong is 0; an older head file, a changed head is 1."""
    assert call(["custody", "verify", "--data-dir", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "origin_proved": True, "faults": []}
    (folder / "ledger" / "head").unlink()
    assert call(["custody", "verify", "--data-dir", str(folder)]) == 1
    assert "head_missing" in capsys.readouterr().out
    key = str(key_of(ORIGIN, Installation(folder).ledger_key()))
    assert call(["custody", "verify", "--data-dir", str(folder), "--key", key]) == 2
