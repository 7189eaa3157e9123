"""The models of a rule pack: limits by place and disinfectant, and the rules that judge readings by them (pure).

A pack is one YAML file (docs/alerts.md shows each key)::

    pack: my-limits                    # = the file's name without .yaml
    version: "1"
    title: {zh: 我的限值, en: My limits}
    profiles:                          # a place names its profile in the registry
      my-limits:
        - {parameter: turbidity, unit: NTU, max: 1, place_kinds: [water_outlet], source: "GB 5749-2022", verified: true}
    rules:
      - id: turbidity-high
        title: {zh: 浑浊度超标, en: Turbidity above its limit}
        severity: warning
        parameter: turbidity
        condition: {above: profile}    # or a number; also below, outside
        clear: {dead_band: 0.05}       # optional
        count: 2                       # or for: 10m, in event time
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from devices.parameters import CATALOGUE

Severity = Literal["info", "warning", "major", "critical"]
PlaceKind = Literal[
    "raw_water",
    "water_outlet",
    "network",
    "network_end",
    "secondary_supply",
    "direct_drinking",
    "small_supply",
    "department",
    "waste_store",
    "clinic",
    "collection_point",
    "vehicle",
    "disposal_plant",
    "radiation_room",
]
Disinfectant = Literal["free_chlorine", "total_chlorine", "chlorine_dioxide", "ozone", "none"]
PLACE_KINDS: tuple[str, ...] = get_args(PlaceKind)
DISINFECTANTS: tuple[str, ...] = get_args(Disinfectant)

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MAX_DURATION_MS = 30 * _MS["d"]


def _duration(text: object) -> int:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    duration = int(match[1]) * _MS[match[2]] if match else 0
    if not 0 < duration <= MAX_DURATION_MS:
        raise ValueError("allowed: a whole number and s, m, h or d, such as 90s or 10m, at most 30d")
    return duration


def _parameter(name: object) -> object:
    if isinstance(name, str) and name not in CATALOGUE:
        raise ValueError(f"no such parameter; allowed: {', '.join(CATALOGUE)}")
    return name


Duration = Annotated[int, BeforeValidator(_duration)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
ParameterName = Annotated[str, BeforeValidator(_parameter)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Written = Annotated[str, Field(min_length=1)]
FromProfile = Literal["profile"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(_Model):
    """What a person reads, in both languages."""

    zh: Written
    en: Written


class Limit(_Model):
    """The values that one source sets for a parameter, inclusive: ``min <= value <= max`` is good.

    An empty ``place_kinds`` or ``disinfectants`` means any. ``verified`` is False where nobody compared the value with
    the text of the source; it is then shown as to be confirmed. ``unit`` is that of the catalogue.
    """

    parameter: ParameterName
    unit: str
    min: Number | None = None
    max: Number | None = None
    place_kinds: list[PlaceKind] = []
    disinfectants: list[Disinfectant] = []
    source: Written
    verified: bool

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("allowed: min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        unit = CATALOGUE[self.parameter].unit
        if self.unit != unit:
            raise ValueError(f"unit {self.unit!r} does not fit {self.parameter}; allowed: {unit!r}")
        return self

    def holds_for(self, parameter: str, place_kind: str, disinfectant: str) -> bool:
        """Whether this limit is about such a subject."""
        return (
            self.parameter == parameter
            and (not self.place_kinds or place_kind in self.place_kinds)
            and (not self.disinfectants or disinfectant in self.disinfectants)
        )


class When(_Model):
    """The subjects that a rule is about; an empty list means any."""

    place_kinds: list[PlaceKind] = []
    disinfectants: list[Disinfectant] = []
    profiles: list[Identifier] = []

    def holds_for(self, place_kind: str, profile: str, disinfectant: str) -> bool:
        """Whether the rule is about such a subject."""
        return (
            (not self.place_kinds or place_kind in self.place_kinds)
            and (not self.disinfectants or disinfectant in self.disinfectants)
            and (not self.profiles or profile in self.profiles)
        )


Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class Condition(_Model):
    """A value that breaks it is bad: strictly above, strictly below, or outside ``[low, high]``."""

    above: Number | FromProfile | None = None
    below: Number | FromProfile | None = None
    outside: Pair | FromProfile | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(part is not None for part in (self.above, self.below, self.outside)) != 1:
            raise ValueError("allowed: exactly one of above, below, outside")
        if isinstance(self.outside, list) and self.outside[0] > self.outside[1]:
            raise ValueError("allowed: outside: [low, high] with low <= high")
        return self

    @property
    def from_profile(self) -> bool:
        """Whether the limit value comes from the profile of the place."""
        return "profile" in {self.above, self.below, None if isinstance(self.outside, list) else self.outside}


class Clear(_Model):
    """When an alert is over. Nothing written: at the first reading that is not bad.

    ``dead_band`` is how far inside the limit a reading must be; ``above``, ``below`` (inclusive) and ``inside`` give
    the values themselves. With ``for`` only readings that meet it for that long (event time) clear.
    """

    dead_band: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    above: Number | None = None
    below: Number | None = None
    inside: Pair | None = None
    hold: Duration = Field(0, alias="for", validate_default=False)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(part is not None for part in (self.dead_band, self.above, self.below, self.inside)) > 1:
            raise ValueError("allowed: at most one of dead_band, above, below, inside")
        return self


class Rule(_Model):
    """One rule: which readings are bad, when that fires, when it is over."""

    id: Identifier
    title: Text
    severity: Severity
    parameter: ParameterName
    when: When = When()
    condition: Condition
    clear: Clear = Clear()
    count: Annotated[int, Field(ge=1, le=100)] = 2
    hold: Duration = Field(0, alias="for", validate_default=False)
    source: str = ""
    verified: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.hold and "count" in self.model_fields_set:
            raise ValueError("count and for exclude each other; allowed: one of them")
        clear, condition = self.clear, self.condition
        fits = {"above": condition.below, "below": condition.above, "inside": condition.outside}
        for name, wanted in fits.items():
            if getattr(clear, name) is not None and wanted is None:
                raise ValueError(
                    f"clear.{name} does not fit the condition; allowed: dead_band, below with above, "
                    "above with below, inside with outside",
                )
        return self


class Pack(_Model):
    """A rule pack. Those that ``alerts.rules`` reads know the text that they were read from."""

    id: Identifier = Field(alias="pack")
    version: Written
    title: Text
    profiles: dict[Identifier, list[Limit]] = {}
    rules: list[Rule]
    _text: str = PrivateAttr("")
    _digest: str = PrivateAttr("")

    @property
    def text(self) -> str:
        """The pack as it was written."""
        return self._text

    @property
    def digest(self) -> str:
        """SHA-256 of ``text`` in hexadecimal: the version that a decision names."""
        return self._digest

    def written_as(self, text: str) -> Self:
        """The same pack with the text that it was read from."""
        pack = self.model_copy()
        digest = hashlib.sha256(text.encode()).hexdigest()
        pack._text, pack._digest = text, digest  # noqa: SLF001 - its own copy
        return pack
