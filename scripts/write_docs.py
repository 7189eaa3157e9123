"""Write the pages of docs/ that are made from the code; with --check only say which are stale, and exit 1."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli import document as command_line
from gateway.config import document as configuration

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {"configuration.md": configuration.page, "cli.md": command_line.page}


def stale() -> list[str]:
    """Names of the pages that are not what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != page()
    ]


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    if arguments == ["--check"]:
        found = stale()
        for name in found:
            sys.stderr.write(f"docs/{name} is stale; run: make docs\n")
        return 1 if found else 0
    for name in stale():
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"docs/{name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
