"""docs/operations.md is whole: every alarm, every kind of rule, every line of doctor, every secret has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.rules import known_packs, load_packs
from gateway import notary
from gateway.decide.fold import ALARMS
from gateway.decide.wording import GATEWAY
from gateway.doctor import TITLES
from gateway.site import SECRETS, SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
#: How the code names an alarm of the gateway.
RAISED = re.compile(r"""(?:alarm\(|"alarm": )f?"([a-z_]+)\"""")


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    return PAGE[PAGE.index(f"\n{heading}\n") + len(heading) + 2 :].partition("\n#")[0]


def first_cells(text: str) -> set[str]:
    """The first cell of every row of the tables of a text, without backquotes."""
    rows = re.findall(r"(?m)^\| *([^|]+?) *\|", text)
    return {cell.strip("`") for cell in rows if not set(cell) <= {"-"}}


def raised() -> set[str]:
    """Every alarm that the code raises."""
    texts = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "gateway").rglob("*.py"))]
    return {name for text in texts for name in RAISED.findall(text)} | set(ALARMS.values()) | {notary.ALARM}


def test_the_code_raises_no_alarm_without_words() -> None:
    """What is searched for is found: the alarms in the code are those that have a text for people."""
    assert raised() == GATEWAY.keys()


def test_every_alarm_of_the_gateway_has_its_row() -> None:
    """No alarm without a line that says what it means and what to do, and no line for one that does not exist."""
    assert first_cells(section("### Of the gateway itself")) - {"alarm"} == GATEWAY.keys()


def test_every_kind_of_rule_and_every_pack_is_in_a_group() -> None:
    """Whatever fires by a shipped pack, somebody is told what it usually is."""
    text = section("### Of devices, water, waste")
    for pack in load_packs(known_packs(), Path("/nonexistent")):
        if pack.id != "device-health":
            assert pack.id in text, pack.id
        for rule in pack.rules:
            assert f"`{rule.kind}`" in text, rule.id


def test_every_line_of_doctor_is_explained() -> None:
    """By the words that it prints."""
    cells = first_cells(section("### What `hygeia doctor` says"))
    explained = {word.strip() for cell in cells for word in cell.split(",")}
    assert {title["en"] for title in TITLES.values()} <= explained


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_of_a_site_can_be_rotated(name: str) -> None:
    """Its file, or what it opens, stands in the table of secrets."""
    assert name in PAGE or name == "grafana_admin_password"


def test_the_settings_in_deploy_are_those_that_init_writes() -> None:
    """A reader finds there what a site gets."""
    assert (ROOT / "deploy" / "gateway" / "hygeia.toml").read_text(encoding="utf-8") == SETTINGS


def test_it_says_what_was_not_run() -> None:
    """Claims are honest."""
    text = section("## Not run by us")
    for word in ("containers", "Grafana", "InfluxDB 2 and 3", "aarch64", "macOS", "systemd"):
        assert word in text, word
