"""Tables of the command line: aligned for people, quick where they are long."""

from __future__ import annotations

import io
import sys
from datetime import UTC

import pytest

from gateway.cli import show


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        """See ``io.TextIOBase.isatty``."""
        return True


def test_columns_are_as_wide_as_their_widest_cell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Chinese character takes two columns; nothing is cut and no line ends in blanks."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    show.table([{"id": "a", "name": "出厂水"}, {"id": "bcd", "name": "x" * 300}, {"id": "出"}], ["name", "id"], UTC)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{'Name':300}  id", f"出厂水{'':294}  a", f"{'x' * 300}  bcd", f"{'-':300}  出"]


@pytest.mark.parametrize(("rows", "loaded"), [(show.PLAIN_ROWS, True), (show.PLAIN_ROWS + 1, False)])
def test_a_long_table_is_printed_plainly(rows: int, loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal short tables are measured and bold, long ones are one quick pass; none loses a row."""
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    show.table([{"id": str(number)} for number in range(rows)], ["id"], UTC)
    assert len(out.getvalue().splitlines()) == rows + 1
    assert ("\x1b[" in out.getvalue()) is loaded


def test_what_a_device_sent_cannot_steer_the_terminal() -> None:
    """Line feeds, escapes and direction marks in an id are shown, not obeyed."""
    assert show.cell("id", "MW1\nMW2\x1b[2J\u202eé 水", UTC) == r"MW1␊MW2\x1b[2J\u202eé 水"
