"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file (else DIR/hygeia.toml of --data-dir).")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Data folder; overrides data.dir of the settings.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
