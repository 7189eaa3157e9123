"""What a reader of one file format hands on: entries as they were written, each with where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from devices.files.faults import Fault, Path, Spot


class RawEntry(msgspec.Struct):
    """One entry; scalars are texts (or typed, from JSON), empty ones are absent. ``spot`` finds a path in the file."""

    section: str
    raw: dict[str, Any]
    spot: Callable[[Path], Spot]


class Raw(msgspec.Struct):
    """All entries of a file, with the faults that reading alone found."""

    entries: list[RawEntry] = msgspec.field(default_factory=list)
    faults: list[Fault] = msgspec.field(default_factory=list)
    #: The document of a map file (DESIGN 4.6) in place of entries.
    mapping: RawEntry | None = None
    #: The sheets (``devices.sections.SHEETS``) of which tables have none, so that what is registered stays.
    kept: tuple[str, ...] = ()
    #: What the file says its positions are in (``devices.coordinates.SYSTEMS``), and where; empty = it does not say.
    coordinates: str = ""
    coordinates_spot: Spot = Spot()


def dotted(path: Path) -> str:
    """``channels[2].unit``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
