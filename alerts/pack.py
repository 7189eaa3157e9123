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
import math
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, model_validator

from alerts.conditions import READING_KINDS, Condition
from alerts.values import (
    DISINFECTANTS,
    MEASURED,
    PLACE_KINDS,
    SEVERITIES,
    STRICT,
    DeviceKind,
    Disinfectant,
    Duration,
    DurationOrNone,
    Hours,
    Identifier,
    Mode,
    Number,
    Pair,
    ParameterName,
    PlaceKind,
    Positive,
    QuantityName,
    RegistryId,
    Severity,
    Text,
    Written,
)
from devices.observation import Subject
from devices.parameters import CATALOGUE

__all__ = [
    "DISINFECTANTS",
    "PLACE_KINDS",
    "SEVERITIES",
    "Clear",
    "Condition",
    "Disinfectant",
    "Duration",
    "Early",
    "Identifier",
    "Limit",
    "Pack",
    "PlaceKind",
    "Rule",
    "Schedule",
    "Severity",
    "Text",
    "When",
]


class _Model(BaseModel):
    model_config = STRICT


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
    """The subjects that a rule is about; an empty list means any.

    A channel without a mode in the registry is ``continuous``.
    """

    place_kinds: list[PlaceKind] = []
    disinfectants: list[Disinfectant] = []
    profiles: list[Identifier] = []
    device_kinds: list[DeviceKind] = []
    modes: list[Mode] = []
    not_modes: list[Mode] = []
    points: list[RegistryId] = []

    def holds_for(self, place_kind: str, profile: str, disinfectant: str) -> bool:
        """Whether the rule is about such a place, whatever the device."""
        return (
            (not self.place_kinds or place_kind in self.place_kinds)
            and (not self.disinfectants or disinfectant in self.disinfectants)
            and (not self.profiles or profile in self.profiles)
        )

    def fits(self, subject: Subject) -> bool:
        """Whether the rule is about this subject."""
        mode = subject.mode or "continuous"
        return (
            self.holds_for(subject.place_kind, subject.profile, subject.disinfectant)
            and (not self.device_kinds or subject.device_kind in self.device_kinds)
            and (not self.modes or mode in self.modes)
            and mode not in self.not_modes
            and (not self.points or subject.point in self.points)
        )


class Clear(_Model):
    """When an alert is over. Nothing written: at the first reading that is not bad.

    ``dead_band`` is how far inside the limit a reading must be; ``above``, ``below`` (inclusive) and ``inside`` give
    the values themselves. With ``for`` only readings that meet it for that long (event time) clear.
    """

    dead_band: Positive | None = None
    above: Number | None = None
    below: Number | None = None
    inside: Pair | None = None
    hold: Duration = Field(0, alias="for", validate_default=False)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(part is not None for part in (self.dead_band, self.above, self.below, self.inside)) > 1:
            raise ValueError("allowed: at most one of dead_band, above, below, inside")
        return self


class Early(_Model):
    """An early warning: a rule ``<id>.early`` of its own, which the rule mutes while it holds.

    ``at`` is the share of the limit at which it begins; ``band`` says what that means.
    """

    at: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    severity: Severity = "info"

    def band(self, low: float, high: float) -> tuple[float, float]:
        """The values that give no early warning, where ``low`` to ``high`` (or infinite) are those within the limit.

        ``at * high`` for a maximum, ``low / at`` for a minimum (below 0 as much outwards); of both, this share of their
        width around the middle. A limit of 0 has no share: nothing is warned of before it is broken.
        """
        if math.isfinite(low) and math.isfinite(high):
            middle, half = (low + high) / 2, (high - low) / 2 * self.at
            return middle - half, middle + half
        return (
            low if low == -math.inf else low + (1 / self.at - 1) * abs(low),
            high if high == math.inf else high - (1 - self.at) * abs(high),
        )


class Schedule(_Model):
    """When a rule is judged: in the working time of a calendar of the registry, or at ``hours`` of ``weekdays``."""

    calendar: RegistryId | None = None
    hours: list[Hours] = []
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = []

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.calendar is not None) == bool(self.hours or self.weekdays):
            raise ValueError("allowed: calendar; or hours, weekdays or both")
        return self

    @property
    def body(self) -> dict[str, object] | None:
        """The same as a calendar for ``devices.calendars.WorkingTime``; None where the registry has it."""
        if self.calendar is not None:
            return None
        return {"weekdays": self.weekdays or [*range(1, 8)], "hours": self.hours}


def _listed(written: object) -> object:
    if isinstance(written, str):
        if written != "all":
            raise ValueError("allowed: a list of parameters, or all")
        return list(MEASURED)
    return written


def _count(written: dict[str, object]) -> int:
    """Two readings in a row; what is told once, or is no reading, fires at once."""
    condition = written.get("condition")
    one = written.get("quantity") or not isinstance(condition, Condition) or condition.kind not in READING_KINDS
    return 1 if one else 2


class Rule(_Model):
    """One rule: what is bad, of which subjects, when that fires, when it is over.

    It is about one ``parameter``, several (``parameters``), one ``quantity`` of ``devices.observation``, or, with none
    of them, about the device.
    """

    id: Identifier
    title: Text
    severity: Severity
    parameter: ParameterName | None = None
    several: Annotated[list[ParameterName], Field(min_length=1), BeforeValidator(_listed)] | None = Field(
        None, alias="parameters"
    )
    quantity: QuantityName | None = None
    when: When = When()
    condition: Condition
    clear: Clear = Clear()
    count: Annotated[int, Field(ge=1, le=100)] = Field(default_factory=_count)
    hold: Duration = Field(0, alias="for", validate_default=False)
    early: Early | None = None
    schedule: Schedule | None = None
    latching: bool = False
    reopen: DurationOrNone = 3_600_000
    tell: bool = True
    source: str = ""
    verified: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sum(part is not None for part in (self.parameter, self.several, self.quantity)) > 1:
            raise ValueError("allowed: at most one of parameter, parameters, quantity")
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the catalogue that it judges; empty for a quantity and for a whole device."""
        return tuple(self.several) if self.several else (self.parameter,) if self.parameter else ()

    @property
    def kind(self) -> str:
        """The kind of its condition."""
        return self.condition.kind


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
