"""What commands print: one JSON document, or a table for people. Standard output holds nothing else."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.api.times import print_time
from gateway.cli.language import heading, pick

_NONE = {"zh": "没有。", "en": "None."}


def document(value: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def items_document(items: Sequence[Mapping[str, Any]]) -> None:
    """Print a whole list as JSON."""
    document({"items": items, "next": None})


def table(items: Sequence[Mapping[str, Any]], columns: Sequence[str], zone: tzinfo) -> None:
    """Print ``columns`` of all items, a line each; keys that end in ``_at`` and ``since`` are times."""
    if not items:
        say(pick(_NONE))
        return
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(heading(column), no_wrap=True)
    for item in items:
        made.add_row(*(Text(cell(column, item.get(column), zone)) for column in columns))
    _console().print(made)


def fields(item: Mapping[str, Any], zone: tzinfo) -> None:
    """Print one thing, a line a field."""
    made = Table(box=None, pad_edge=False, show_header=False)
    for key, value in item.items():
        made.add_row(heading(key), Text(cell(key, value, zone)))
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
    if isinstance(value, int) and not isinstance(value, bool) and (key.endswith("_at") or key in {"since", "ts", "at"}):
        return print_time(value, zone)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping) and {"zh", "en"} & value.keys():
        texts = {str(name): str(text) for name, text in value.items()}
        return pick({"zh": "", "en": "", **texts}) or next(iter(texts.values()))
    if isinstance(value, list | Mapping):
        return msgspec.json.encode(value).decode()
    # A line feed in what a device sent would break the table.
    return str(value).replace("\n", "␊") or "-"


def _console() -> Console:
    # Into a file or pipe nothing is cut or wrapped: programs read lines.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100_000, soft_wrap=True)
