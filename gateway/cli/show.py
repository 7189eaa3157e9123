"""What commands print: one JSON document, or a table for people. Standard output holds nothing else."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.api.times import print_time
from gateway.cli.language import heading, pick, spoken

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

#: A longer table is printed without measuring the terminal: rich needs 5 ms a row.
PLAIN_ROWS = 200
_TIMES = frozenset({"since", "ts", "at", "until", "shelved_until", "from", "to"})
_NONE = {"zh": "没有。", "en": "None."}


def document(value: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def items_document(items: Sequence[Mapping[str, Any]]) -> None:
    """Print a whole list as JSON."""
    document({"items": items, "next": None})


def table(items: Sequence[Mapping[str, Any]], columns: Sequence[str], zone: tzinfo) -> None:
    """Print ``columns`` of all items, a line each; those of ``cell`` are times."""
    if not items:
        say(pick(_NONE))
        return
    if len(items) > PLAIN_ROWS or not sys.stdout.isatty():
        _plain([[cell(column, item.get(column), zone) for column in columns] for item in items], columns)
        return
    from rich.table import Table  # noqa: PLC0415 - 60 ms that most commands do not need
    from rich.text import Text  # noqa: PLC0415 - likewise

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(heading(column), no_wrap=True)
    for item in items:
        made.add_row(*(Text(cell(column, item.get(column), zone)) for column in columns))
    _console().print(made)


def fields(item: Mapping[str, Any], zone: tzinfo) -> None:
    """Print one thing, a line a field."""
    from rich.table import Table  # noqa: PLC0415 - see table
    from rich.text import Text  # noqa: PLC0415 - likewise

    made = Table(box=None, pad_edge=False, show_header=False)
    for key, value in item.items():
        made.add_row(heading(key), Text(cell(key, value, zone)))
    _console().print(made)


def tree(made: Tree) -> None:
    """Print a tree."""
    _console().print(made)


def say(line: str) -> None:
    """Print one line as it is."""
    sys.stdout.write(f"{line}\n")


def complain(line: str) -> None:
    """Print one line to standard error."""
    sys.stderr.write(f"{line}\n")


def cell(key: str, value: object, zone: tzinfo) -> str:
    """A value as people read it: times with offset, names in their language, nested things as JSON."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool) and (key.endswith("_at") or key in _TIMES):
        return print_time(value, zone)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping) and {"zh", "en"} & value.keys():
        texts = {str(name): str(text) for name, text in value.items()}
        return pick({"zh": "", "en": "", **texts}) or next(iter(texts.values()))
    if isinstance(value, list | Mapping):
        return msgspec.json.encode(value).decode()
    return _printed(spoken(key, str(value)).replace("\n", "␊")) or "-"


def _printed(text: str) -> str:
    """What a device sent may not break the table, nor steer the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\u3000" else ascii(one)[1:-1] for one in text)


def _plain(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    """Rows in columns as wide as their widest cell, uncut: programs read lines."""
    lines = [[heading(column) for column in columns], *rows]
    widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        padded = (text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters take two."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - see table

    # Into a file or pipe nothing is cut or wrapped: programs read lines.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100_000, soft_wrap=True)
