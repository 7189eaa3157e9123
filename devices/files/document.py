"""The tables of columns in docs/registry.md: ``python -m devices.files.document`` prints them."""

from __future__ import annotations

import sys

from devices.files.headings import columns_of
from devices.files.words import SECTIONS_ZH, VALUES_ZH

_SHAPES = {"list": "list", "map": "pairs", "time": "time", "time_utc": "time (UTC)"}


def tables() -> str:
    """One table a section: heading in English and Chinese, what a cell holds."""
    parts = []
    for section, zh in SECTIONS_ZH.items():
        parts.append(f"### {section} · {zh}\n\n| key, English heading | Chinese heading | cell |\n|---|---|---|")
        for column in columns_of(section):
            words = VALUES_ZH.get(f"{section}.{column.en}", {})
            values = [f"`{name}` {words[name][0]}" if name in words else f"`{name}`" for name in column.allowed]
            cell = ", ".join(values) if values else _SHAPES.get(column.shape, "")
            parts.append(f"| `{column.en}`{' *' if column.required else ''} | {column.zh} | {cell} |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(tables())
