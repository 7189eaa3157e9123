"""The page about routing is true."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from pydantic import BaseModel

from alerts.policy import CallStep, Group, Match, Policy, parse_policy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
KEYS: dict[str, type[BaseModel]] = {
    "### Keys of the file": Policy,
    "### Keys of a step": CallStep,
    "### Keys of match": Match,
    "### Keys of group and machines": Group,
}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    table = PAGE.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_is_explained(heading: str) -> None:
    """The tables have the keys of the models, in their order."""
    names = [name for cells in rows(heading) for name in re.findall(r"`([a-z_]+)`", cells[0])]
    assert names == [info.alias or name for name, info in KEYS[heading].model_fields.items()]


def test_the_example_is_a_sound_file() -> None:
    """What the page shows can be copied."""
    example = re.search(r"(?m)^    routing: city\n(?:    .*\n)+", PAGE)
    assert example is not None
    policy = parse_policy(textwrap.dedent(example[0]), "example")
    assert [len(route.calls) for route in policy.routes] == [1, 2, 1]


def test_the_defaults_are_those_of_the_code() -> None:
    """Durations and numbers that the page names."""
    policy = Policy.model_validate({"routing": "x", "version": "1", "steps": []})
    said = {row[0].strip("`"): row[1:3] for row in rows("### Keys of group and machines")}
    assert said["burst"] == [str(policy.group.burst), str(policy.machines.burst)]
    assert said["wait"] == [f"{policy.group.wait // 1000}s", f"{policy.machines.wait // 1000}s"]
    assert said["interval"] == [f"{policy.group.interval // 60_000}m", f"{policy.machines.interval // 60_000}m"]
    file = {row[0].strip("`"): row for row in rows("### Keys of the file")}
    assert file["fallback_after"][1] == f"{policy.fallback_after // 60_000}m"
    assert file["acknowledge_timeout"][1] == f"{(policy.acknowledge_timeout or 0) // 3_600_000}h"
    assert f"`alerts` ({policy.flood.alerts}) to one receiver in `window` ({policy.flood.window // 60_000}m)" in PAGE
