"""``hygeia dashboards build`` and ``check``: files for Grafana, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import call


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines as the tests expect them."""
    monkeypatch.setenv("HYGEIA_LANG", "en")


def test_files_are_written_for_another_user_and_others_are_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both languages, readable by Grafana; a dashboard of ours that is gone goes, somebody's own stays."""
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "old.json").write_text(json.dumps({"uid": "old", "tags": ["hygeia", "hygeia-zh"]}), "utf-8")
    (tmp_path / "zh" / "own.json").write_text(json.dumps({"uid": "own", "tags": ["power"]}), "utf-8")
    assert call(["dashboards", "build", "--out", str(tmp_path), "--gateway-url", "https://gw.example"]) == 0
    written = {file.relative_to(tmp_path).as_posix(): file for file in tmp_path.rglob("*.json")}
    assert {"zh/city-overview-zh.json", "en/city-overview-en.json", "zh/own.json"} <= written.keys()
    assert "zh/old.json" not in written
    assert written["zh/city-overview-zh.json"].stat().st_mode & 0o777 == 0o644
    assert "https://gw.example" in written["en/city-overview-en.json"].read_text("utf-8")
    assert capsys.readouterr().out == f"{len(written) - 1} dashboards in {tmp_path}\n"


def test_one_language_is_enough(tmp_path: Path) -> None:
    """A site that wants one gets one."""
    assert call(["dashboards", "build", "--out", str(tmp_path), "--language", "zh"]) == 0
    assert [folder.name for folder in tmp_path.iterdir()] == ["zh"]


def test_what_is_built_has_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """As one JSON document."""
    assert call(["dashboards", "check", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["faults"]) == (True, [])
    assert document["dashboards"] % 2 == 0


def test_each_fault_of_a_file_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was edited, one that is no JSON, one that is no dashboard; exit 1."""
    (tmp_path / "a.json").write_text('{"uid": "a", "title": 7}', "utf-8")
    (tmp_path / "b.json").write_text("{", "utf-8")
    (tmp_path / "c.json").write_text("[]", "utf-8")
    (tmp_path / "d.json").write_bytes(b'{"uid": "\xff"}')
    assert call(["dashboards", "check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a.json: ")
    assert any(line.startswith("a.json: title: 7 is not of type") for line in lines)
    assert any(line.startswith("b.json: no JSON: ") for line in lines)
    assert "c.json: list: allowed: a JSON object" in lines
    assert lines[-1].startswith("4 dashboards, ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "--out", "/proc/nowhere"], "--out /proc/nowhere: "),
        (["build"], "Missing option '--out'"),
        (["build", "--out", "x", "--language", "fr"], "'fr' is not one of"),
        (["build", "--out", "x", "--time-zone", "Mars/Base"], "--time-zone 'Mars/Base': allowed: an IANA name"),
        (["build", "--out", "x", "--time-zone", "../etc/passwd"], "--time-zone '../etc/passwd': allowed"),
        (["build", "--out", "x", "--gateway-url", "http://a'b"], "allowed: http://HOST or https://HOST"),
        (["check", "/nowhere"], "/nowhere: no *.json in it"),
        (["check", "--url", "http://127.0.0.1:1"], "give --token-file FILE, or --user NAME"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is allowed."""
    assert call(["dashboards", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
