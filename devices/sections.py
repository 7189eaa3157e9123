"""The sections of a registry file and the shape in which their entries are journaled."""

from __future__ import annotations

from typing import Any

from devices import model
from devices.model import Entry
from devices.sources import Source

#: section: what an entry of it may say.
MODELS: dict[str, type[Entry]] = {
    "units": model.Unit,
    "places": model.Place,
    "grid": model.GridEntry,
    "devices": model.Device,
    "scales": model.Scale,
    "people": model.Person,
    "vehicles": model.Vehicle,
    "calendars": model.Calendar,
    "sources": Source,
}


def body_of(entry: Entry) -> dict[str, Any]:
    """The plain JSON shape of a valid entry: defaults are spelt out, what is absent or empty is left out."""
    body = entry.model_dump(by_alias=True, exclude_none=True)
    return {key: value for key, value in body.items() if value not in ([], {})}
