"""The sections of a registry file and the shape in which their entries are journaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devices import containers, duty, model
from devices.model import Entry, Part
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
    "containers": containers.Container,
    "labels": containers.LabelRange,
    "calendars": duty.Calendar,
    "teams": duty.Team,
    "sources": Source,
}


class Rows(NamedTuple):
    """A list of an entry that tables keep as rows of a sheet of its own, with the entry's id in column ``owner``."""

    section: str
    key: str
    owner: str
    model: type[Part]


#: sheet: whose list it holds.
SHEETS: Mapping[str, Rows] = {
    "channels": Rows("devices", "channels", "device", model.Channel),
    "limits": Rows("places", "limits", "place", model.Limit),
    "container_ids": Rows("containers", "ids", "container", containers.Tag),
    "rosters": Rows("teams", "roster", "team", duty.Shift),
}


def body_of(entry: Entry) -> dict[str, Any]:
    """The plain JSON shape of a valid entry: defaults are spelt out, what is absent or empty is left out."""
    body = entry.model_dump(by_alias=True, exclude_none=True)
    return {"id": entry.id} | {key: _without_empty(value) for key, value in body.items() if value not in ([], {})}


def _without_empty(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Items of lists likewise."""
    if isinstance(value, list):
        return [
            {key: part for key, part in one.items() if part not in ([], {})} if isinstance(one, dict) else one
            for one in value
        ]
    return value
