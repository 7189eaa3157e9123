"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from gateway.mqtt.options import MqttOptions

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file (else DIR/hygeia.toml of --data-dir).")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Data folder; overrides data.dir of the settings.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


_TIME = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")
_PARTS_MS = (86_400_000, 3_600_000, 60_000, 1000)


def milliseconds(option: str, text: str) -> int:
    """A time such as ``2h``, ``90m`` or ``1h30m`` in ms. Raises UsageError with one line that names ``option``."""
    match = _TIME.fullmatch(text.strip())
    found = sum(int(part or 0) * ms for part, ms in zip(match.groups(), _PARTS_MS, strict=True)) if match else 0
    if not found:
        raise UsageError(f"{option} {text!r}: allowed: numbers with d, h, m or s, such as 2h, 90m, 1h30m")
    return found


def broker_of(url: str, root: str, client_id: str) -> MqttOptions:
    """The broker of ``--broker`` and ``--root``. Raises UsageError with one line that names the option."""
    from gateway.mqtt.options import MqttOptions  # noqa: PLC0415 - other commands start faster

    try:
        return MqttOptions.parse(url, root=root, client_id=client_id)
    except ConfigurationError as error:
        option = error.faults[0].replace("mqtt.url", "--broker", 1).replace("mqtt.root", "--root", 1)
        raise UsageError(option) from error


def writable(option: str, path: Path | None) -> None:
    """Raise UsageError, before any work is done, where the file of ``option`` could not be written."""
    if path is None:
        return
    new = not path.exists()
    try:
        path.open("ab").close()
        if new:
            path.unlink()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}; allowed: a file that this user may write") from error
