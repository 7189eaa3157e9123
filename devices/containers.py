"""What a registry file may say of containers: re-usable ones, and labels that were handed out beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from devices.fields import Id, Name, Refused, Text, problem
from devices.model import Entry, Part, judged

ContainerKind = Literal["bin", "pallet", "trolley"]
#: Kinds of ids that name a container (DESIGN 4.2); a TID names a chip.
IdKind = Literal["epc", "qr", "text"]

#: 8 to 62 bytes of hex that are neither blank nor a TID (ISO/IEC 15963).
_EPC = re.compile(r"(?!0+$|E0|E2)(?:[0-9A-F]{2}){8,62}")


class Tag(Part):
    """One id of a container; ``v`` of an ``epc`` is the hex of its memory."""

    k: IdKind
    v: Text

    @field_validator("v")
    @classmethod
    def _is_tag_content(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("k") != "epc":
            return value
        if not _EPC.fullmatch(value.upper()):
            raise problem("epc")
        return value.upper()


class Container(Entry):
    """A container that is used again; its ``ids``, at most one of each kind, are tied: they name the same thing."""

    name: Name | None = None
    kind: ContainerKind
    unit: Id | None = None
    tare_g: int | None = Field(default=None, ge=0, le=100_000_000)
    max_g: int | None = Field(default=None, ge=1, le=100_000_000)
    ids: list[Tag] = Field(min_length=1)

    @field_validator("ids", mode="wrap")
    @classmethod
    def _are_of_different_kinds(cls, raw: Any, judge: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - whatever a file holds
        return judged(raw, judge, _same_kinds(raw))


def _same_kinds(raw: object) -> list[Refused]:
    errors: list[Refused] = []
    kinds: dict[str, int] = {}
    for index, one in enumerate(raw if isinstance(raw, list) else []):
        kind = str(one.get("k")) if isinstance(one, Mapping) else ""
        if kind and kinds.setdefault(kind, index) != index:
            errors.append(((index, "k"), kind, problem("duplicate", f"ids[{kinds[kind]}]")))
    return errors


class LabelRange(Entry):
    """Labels that a unit was given: ``prefix`` and a number from ``first`` to ``last``, written with ``digits``."""

    unit: Id
    prefix: Text
    first: int = Field(ge=0)
    last: int = Field(ge=0)
    digits: int = Field(ge=1, le=18)

    @field_validator("last")
    @classmethod
    def _is_not_below_first(cls, last: int, info: ValidationInfo) -> int:
        if last < info.data.get("first", 0):
            raise problem("integer", f">= first ({info.data['first']})")
        return last

    @field_validator("digits")
    @classmethod
    def _are_enough(cls, digits: int, info: ValidationInfo) -> int:
        if len(str(info.data.get("last", 0))) > digits:
            raise problem("integer", f">= {len(str(info.data['last']))}")
        return digits
