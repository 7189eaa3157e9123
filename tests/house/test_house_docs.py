"""The documentation is true: pages made from the code are current, commands and links exist, decisions are in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.cli import build
from gateway.cli import document as command_line
from gateway.config import document as configuration
from gateway.config.layers import KEYS, variable

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
STATUS = {"proposed", "accepted", "superseded", "rejected", "deprecated"}
#: Words that follow the program's name in prose and are no command.
PROSE = {"gateway"}


@pytest.mark.parametrize(("name", "page"), [("configuration.md", configuration.page), ("cli.md", command_line.page)])
def test_pages_made_from_the_code_are_current(name: str, page: Any) -> None:
    """What 'make docs' would write is what stands in docs/."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), "run: make docs"


def test_every_setting_is_documented_with_its_variable_and_what_is_allowed() -> None:
    """Each key has a description, says what is allowed, and stands on the page beside its variable."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for key, info in KEYS.items():
        assert info.description, key
        extra = info.json_schema_extra
        assert isinstance(extra, dict), key
        assert extra["allowed"], key
        assert f"`{key}`" in page
        assert f"`{variable(key)}`" in page


def commands() -> dict[str, set[str]]:
    """Every command of the command line with its subcommands."""
    root: Any = typer.main.get_command(build())
    return {name: set(getattr(command, "commands", ())) for name, command in root.commands.items()}


def code_of(page: Path) -> Iterator[str]:
    """The code of a page: fenced blocks, indented lines and what stands between backquotes."""
    text = page.read_text(encoding="utf-8")
    fenced = re.compile(r"```.*?```", re.DOTALL)
    for block in fenced.findall(text):
        yield from block.splitlines()
    for line in fenced.sub("", text).splitlines():
        if line.startswith("    "):
            yield line
        yield from re.findall(r"`([^`]+)`", line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documentation_exist(page: Path) -> None:
    """Every ``hygeia …`` and ``make …`` that a page tells to type is there."""
    known = commands()
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    for line in code_of(page):
        for name, rest in re.findall(r"(?:^|[ (|'\"])hygeia ([a-z][a-z-]*)((?: [a-z][a-z|-]*)?)", line):
            if name in PROSE:
                continue
            assert name in known, line
            asked = [part for part in rest.strip().split("|") if part]
            if known[name] and asked:
                assert set(asked) <= known[name], line
        for name in re.findall(r"^\s*make ([a-z-]+)", line):
            assert name in targets, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_documentation_lead_somewhere(page: Path) -> None:
    """Every link to a file of the project has its file."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_decisions_are_numbered_without_a_gap_and_have_a_status() -> None:
    """docs/adr holds 0001, 0002, … each with one of five words as its status."""
    files = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.match(rf"# {int(file.name[:4])}\. \S", text), file.name
        status = re.search(r"(?m)^Status: (\w+)", text)
        assert status is not None, file.name
        assert status[1] in STATUS, file.name
