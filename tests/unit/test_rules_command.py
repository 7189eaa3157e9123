"""``hygeia rules check`` and ``list``: faults with lines, and what packs mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.policy import SHIPPED_POLICY
from alerts.rules import SHIPPED, known_packs
from gateway.cli import call

GB = SHIPPED / "gb5749-2022.yaml"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYGEIA_LANG", "en")


def test_a_sound_pack_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Limits by place kind and disinfectant with what is to be confirmed, then the rules in words."""
    assert call(["rules", "check", str(GB)]) == 0
    out = capsys.readouterr().out
    assert f"{GB}: sound; gb5749-2022 1" in out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert any(
        row.startswith("gb5749-2022 chlorine_free free_chlorine water_outlet 0.3 – 2 mg/L yes GB 5749") for row in rows
    )
    assert any("turbidity any small_supply ≤ 3 NTU to be confirmed" in row for row in rows)
    assert any("toc-high" in row and "to be confirmed no GB 5749-2022 annex A" in row for row in rows)
    assert any("chlorine-free-low" in row and "in part to be confirmed" in row for row in rows)


def test_what_is_to_be_confirmed_is_said_in_chinese(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headings, words and conditions follow the language of the user."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    assert call(["rules", "check", str(GB)]) == 0
    out = capsys.readouterr().out
    for words in ("无误", "待核实", "限值", "点位类型", "低于点位限值，连续2次", "二次供水"):
        assert words in out


def test_other_place_kinds_are_named_where_a_limit_is_for_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A maximum for any place and a minimum at the outlet are two rows."""
    file = tmp_path / "p.yaml"
    file.write_text(
        'pack: p\nversion: "1"\ntitle: {zh: 包, en: P}\nprofiles:\n  p:\n'
        "    - {parameter: ozone, unit: mg/L, max: 0.3, source: x, verified: true}\n"
        "    - {parameter: ozone, unit: mg/L, min: 0.1, source: x, verified: true, place_kinds: [water_outlet]}\n"
        "rules: []\n",
        encoding="utf-8",
    )
    assert call(["rules", "check", str(file)]) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "p ozone any water_outlet 0.1 – 0.3 mg/L yes x" in rows
    assert "p ozone any any other ≤ 0.3 mg/L yes x" in rows


def test_faults_of_all_files_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Packs, routing files, doubled pack ids and files that are no text; one line each, and exit code 1."""
    bad, again, routing, binary = (tmp_path / name for name in ("bad.yaml", "again.yaml", "routing.yaml", "b.yaml"))
    bad.write_text('pack: bad\nversion: "1"\ntitle: {zh: 坏, en: Bad}\nrules:\n  - {id: x}\n', encoding="utf-8")
    again.write_text("\n" + GB.read_text(encoding="utf-8"), encoding="utf-8")
    routing.write_text(
        SHIPPED_POLICY.read_text(encoding="utf-8").replace("to: unit_contact", "to: nobody"), encoding="utf-8"
    )
    binary.write_bytes(b"\xff\xfe")
    line = GB.read_text(encoding="utf-8").splitlines().index("pack: gb5749-2022") + 2
    files = [str(file) for file in (GB, bad, again, routing, binary)]
    assert call(["rules", "check", *files]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    for words in (
        f"{bad}:5: rules[0].condition: it is missing",
        f"{bad}:5: rules[0].severity: it is missing",
        f"{again}:{line}: pack = 'gb5749-2022': another of these files has this id",
        f"{routing}:8: steps[0].to",
        f"{binary}:1: byte 0 is not UTF-8",
    ):
        assert words in shown.err
    assert call(["rules", "check", "--json", *files]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document == {"ok": False, "faults": shown.err.splitlines()}


def test_the_shipped_files_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    """Packs and the routing file, as JSON."""
    files = [str(SHIPPED / f"{name}.yaml") for name in known_packs()]
    assert call(["rules", "check", "--json", *files, str(SHIPPED_POLICY)]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "faults": []}


def test_a_file_that_is_not_there_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one line."""
    assert call(["rules", "check", "/nowhere/pack.yaml"]) == 2
    assert capsys.readouterr().err.startswith("hygeia: /nowhere/pack.yaml: No such file")


def test_the_list_says_which_rules_are_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of alerts.packs first, then shipped ones; each with its source and whether it was verified."""
    (tmp_path / "hygeia.toml").write_text('alerts.packs = ["cj-t94"]\n', encoding="utf-8")
    assert call(["rules", "list", "--json", "--config", str(tmp_path / "hygeia.toml")]) == 0
    document = json.loads(capsys.readouterr().out)
    items = {(item["pack"], item["id"]): item for item in document["items"]}
    assert document["next"] is None
    assert document["items"][0]["pack"] == "cj-t94"
    assert {pack for (pack, _), item in items.items() if item["in_force"]} == {"cj-t94"}
    assert {pack for pack, _ in items} == set(known_packs())
    low = items["gb5749-2022", "chlorine-free-low"]
    assert low["title"] == {"zh": "游离氯低于限值", "en": "Free chlorine below its minimum"}
    assert (low["verified"], low["unverified"]) == (False, ["GB 5749-2022 table 2, minimum of tap water"])
    assert items["gb5749-2022", "toc-high"]["enabled"] is False
    assert items["device-health", "device-silent"]["verified"] is None
    assert items["device-health", "device-silent"]["parameter"] == "device"


def test_the_table_of_rules_has_words_in_place_of_truth_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``yes``, ``no`` and ``to be confirmed``."""
    (tmp_path / "hygeia.toml").write_text("", encoding="utf-8")
    assert call(["rules", "list", "--config", str(tmp_path / "hygeia.toml")]) == 0
    out = capsys.readouterr().out
    assert "True" not in out
    assert "to be confirmed" in out


def test_the_list_has_what_is_sound_and_names_the_faults_of_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad pack of one's own is a line on standard error and exit code 1; the gateway goes on with the old ones."""
    (tmp_path / "hygeia.toml").write_text('alerts.packs = ["ours", "cj-t94"]\n', encoding="utf-8")
    own = tmp_path / "packs"
    own.mkdir()
    (own / "ours.yaml").write_text("pack: ours\nrules: 1\n", encoding="utf-8")
    for arguments in (["--json"], []):
        assert call(["rules", "list", *arguments, "--data-dir", str(tmp_path)]) == 1
        shown = capsys.readouterr()
        faults = shown.err.splitlines()
        assert len(faults) == len(set(faults)) == 3
        assert all("ours.yaml:" in fault for fault in faults)
        assert "chlorine-free-low" in shown.out
    assert call(["rules", "list", "--json", "--data-dir", str(tmp_path)]) == 1
    items = json.loads(capsys.readouterr().out)["items"]
    assert {item["pack"] for item in items if item["in_force"]} == {"cj-t94"}


def test_the_tables_speak_chinese_and_json_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Severity, parameter, place and disinfectant in words; in JSON their names."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    assert call(["rules", "check", str(GB)]) == 0
    out = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert any(row.startswith("gb5749-2022 游离氯 游离氯 出厂水 0.3 – 2") for row in rows)
    assert any(row.startswith("chlorine-free-low 游离氯低于限值 重要 游离氯 ") for row in rows)
    for word in ("chlorine_free ", " major ", " warning ", "water_outlet"):
        assert word not in out
    (tmp_path / "hygeia.toml").write_text("", encoding="utf-8")
    assert call(["rules", "list", "--json", "--config", str(tmp_path / "hygeia.toml")]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    assert {item["severity"] for item in items} <= {"info", "warning", "major", "critical"}
    assert "chlorine_free" in {item["parameter"] for item in items}
