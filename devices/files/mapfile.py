"""Map files: which columns of a recorded CSV are which parameters (DESIGN 4.6); also a registry file.

``hygeia replay`` publishes a mapped column under ``<parameter>`` or ``<parameter>@<point>`` in the unit of the
catalogue (``Column.factors``, ``Column.key``), so the registered channels carry no name and no unit of their own.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from devices.fields import Id, Name, ParameterName, Refused, TimeFormat, ZoneName, check_unit, problem, refuse
from devices.model import Disinfectant, Part, PlaceKind
from devices.parameters import CATALOGUE, convert
from devices.registry import Registry


class TimeColumn(Part):
    """Which column holds the time; ``zone`` is for times that name none (UTC without it)."""

    column: str
    format: TimeFormat
    zone: ZoneName = "UTC"


class Column(Part):
    """What one column measures; ``unit`` is that of the CSV (the catalogue's without it)."""

    parameter: ParameterName
    unit: str | None = None
    point: Id = "-"

    @field_validator("unit")
    @classmethod
    def _is_convertible(cls, unit: str | None, info: ValidationInfo) -> str | None:
        return check_unit(unit, info.data["parameter"]) if unit and "parameter" in info.data else unit

    @property
    def key(self) -> str:
        """The key under which a message has the value."""
        return self.parameter if self.point == "-" else f"{self.parameter}@{self.point}"

    @property
    def factors(self) -> tuple[float, float]:
        """(a, b): the value in the catalogue's unit is ``a * cell + b``."""
        target = CATALOGUE[self.parameter].unit
        return (1.0, 0.0) if self.unit is None else convert(self.unit, target)


class MapFile(Part):
    """A whole map file. ``skip`` are literal cells that mean "no value"; ``report_s`` is the device's."""

    device: Id
    time: TimeColumn
    columns: dict[str, Column]
    skip: list[str] = Field(default_factory=list)
    name: Name | None = None
    place: Id | None = None
    place_kind: PlaceKind | None = None
    profile: Id | None = None
    disinfectant: Disinfectant | None = None
    report_s: int | None = Field(default=None, ge=1, le=31 * 86_400)

    @field_validator("columns")
    @classmethod
    def _are_told_apart(cls, columns: dict[str, Column]) -> dict[str, Column]:
        errors: list[Refused] = []
        seen: dict[str, str] = {}
        for name, column in columns.items():
            first = seen.setdefault(column.key, name)
            if first != name:
                errors.append(((name, "point"), column.point, problem("duplicate", first)))
        if not columns:
            errors.append(((), None, problem("required")))
        if errors:
            refuse(errors)
        return columns


def entries_of(mapping: MapFile, current: Registry) -> list[tuple[str, dict[str, Any]]]:
    """(section, raw entry) of the device and place that a map file registers.

    A place that is registered already keeps what the map file does not say; so does the device, but for its channels.
    A new place needs no unit: it stands by itself until somebody assigns one.
    """
    device = dict(current.get("devices", mapping.device) or {})
    place = mapping.place or device.get("place") or mapping.device
    device |= {
        "id": mapping.device,
        "kind": "water",
        "place": place,
        "earliest": 0,
        "channels": [{"parameter": column.parameter, "point": column.point} for column in mapping.columns.values()],
    }
    if mapping.name is not None:
        device["name"] = mapping.name
    if mapping.report_s is not None:
        device["report_s"] = mapping.report_s
    said = {"kind": mapping.place_kind, "profile": mapping.profile, "disinfectant": mapping.disinfectant}
    said = {key: value for key, value in said.items() if value is not None}
    known = current.get("places", place)
    if known is None:
        known = {"kind": "network", "profile": "gb5749-2022", "disinfectant": "free_chlorine"}
        if mapping.name is not None:
            known["name"] = mapping.name
    entries: list[tuple[str, dict[str, Any]]] = [("devices", device)]
    if current.get("places", place) != {**known, **said, "id": place}:
        entries.insert(0, ("places", {**known, **said, "id": place}))
    return entries
