"""Registry sources: devices whose firmware cannot be changed, and how their messages are read (DESIGN 4.6)."""

from __future__ import annotations

import re
import zlib
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from devices.fields import Refused, Text, TimeFormat, ZoneName, check_unit, is_id, problem, refuse
from devices.model import Entry, Part
from devices.parameters import CATALOGUE
from devices.topics import filter_fault

Codec = Literal["hygeia-json", "json-map"]


class SourceTime(Part):
    """Where a source's messages have their time: ``field`` is a key or JSON path, ``zone`` for times that name none."""

    field: Text
    format: TimeFormat = "unix_ms"
    zone: ZoneName | None = None


class Source(Entry):
    """Devices whose firmware cannot be changed: where their messages are and how to read them (DESIGN 4.6).

    Keys of ``map`` and ``units`` are fields of the payload (JSON paths begin with ``$.``); ``skip`` are values that
    mean "no value". An entry without an id gets one from its filter.
    """

    filter: str
    device: str
    codec: Codec = "hygeia-json"
    map: dict[str, str] = Field(default_factory=dict)
    time: SourceTime | None = None
    units: dict[str, str] = Field(default_factory=dict)
    skip: list[Text] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _has_an_id(cls, raw: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        if isinstance(raw, dict) and raw.get("id") is None and isinstance(raw.get("filter"), str):
            return {**raw, "id": id_of_filter(raw["filter"])}
        return raw

    @field_validator("filter")
    @classmethod
    def _is_a_filter(cls, pattern: str) -> str:
        fault = filter_fault(pattern)
        if fault:
            raise problem("filter", fault)
        return pattern

    @field_validator("device")
    @classmethod
    def _is_an_address(cls, rule: str, info: ValidationInfo) -> str:
        levels = info.data.get("filter", "#").split("/")
        match = re.fullmatch(r"topic\[(\d{1,3})\]|\$(?:\.[^.\s]+)+|=[A-Za-z0-9_.-]{1,64}", rule)
        if match is None or (match[1] and levels[-1] != "#" and int(match[1]) >= len(levels)):
            last = len(levels) - 1
            raise problem("device_rule", f"topic[0]..topic[{last}], $.path.to.field, =device-id")
        return rule

    @field_validator("map")
    @classmethod
    def _names_parameters(cls, fields: dict[str, str]) -> dict[str, str]:
        errors: list[Refused] = []
        seen: dict[str, str] = {}
        for field, target in fields.items():
            parameter, at, point = target.partition("@")
            if parameter not in CATALOGUE:
                errors.append(((field,), target, problem("parameter", ", ".join(CATALOGUE))))
            elif at and not is_id(point):
                errors.append(((field,), target, problem("id")))
            elif seen.setdefault(target if point != "-" else parameter, field) != field:
                errors.append(((field,), target, problem("duplicate", seen[target if point != "-" else parameter])))
        if errors:
            refuse(errors)
        return fields

    @field_validator("units")
    @classmethod
    def _are_convertible(cls, units: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        errors: list[Refused] = []
        fields: dict[str, str] = info.data.get("map", {})
        spelt = {}
        for field, unit in units.items():
            parameter = fields.get(field, field).partition("@")[0]
            if parameter not in CATALOGUE:
                if "map" in info.data:
                    errors.append(((field,), unit, problem("unknown_key", ", ".join(fields) or ", ".join(CATALOGUE))))
                continue
            try:
                spelt[field] = check_unit(unit, parameter)
            except PydanticCustomError as error:
                errors.append(((field,), unit, error))
        if errors:
            refuse(errors)
        return spelt

    @model_validator(mode="after")
    def _maps_something(self) -> Self:
        if self.codec == "json-map" and not self.map:
            refuse([(("map",), None, problem("required"))])
        return self


def id_of_filter(pattern: str) -> str:
    """The id of a source that has none: its filter, with a checksum where characters had to go."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", pattern.strip()).strip("_")[:55]
    return plain if plain == pattern else f"{plain or 'source'}-{zlib.crc32(pattern.strip().encode()):08x}"
