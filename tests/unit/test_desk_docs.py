"""The page for operators says all that can happen to an alert."""

from __future__ import annotations

import re
from pathlib import Path

from alerts.actions import COMMANDS
from alerts.lifecycle import CLOSE_REASONS, Reason, State, plain
from alerts.sessions import Work

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "alert-handling.md").read_text(encoding="utf-8")


def test_every_reason_is_explained_in_both_languages() -> None:
    """Each has one line, and no line is about a word that is not used."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| ([^|`]+) \| ([^|]+) \|$", PAGE)
    assert [row[0] for row in rows] == [reason.value for reason in Reason]
    assert all(re.search("[一-鿿]", row[1]) for row in rows)


def test_every_command_and_kind_of_work_is_explained() -> None:
    """What can be done stands on the page."""
    for command in COMMANDS:
        assert f"| `{command}` |" in PAGE
    for work in Work:
        assert f"`{work}`" in PAGE
    for reason in CLOSE_REASONS:
        assert f"| `{reason}` |" in PAGE


def test_every_state_stands_under_its_plain_one() -> None:
    """The words of screens, and what is behind them."""
    shown = {"to_do": "待处理", "in_hand": "处理中", "to_confirm": "已恢复待确认", "closed": "已关闭", "more": "更多"}
    for state in State:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {shown[plain(state)]} |"))
        assert f"`{state}`" in row
