"""The models of conditions: what of a channel, a device or a state of custody is bad (pure; docs/alerts.md for users).

``Condition`` holds exactly one of them; ``Condition.kind`` says which kind evaluation has to do with. Defaults of
waiting times are meant for a sensor that reports every minute as well as for an analyser that does every four hours:
they count intervals of the channel, with a least time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from alerts.values import (
    STRICT,
    Age,
    Duration,
    FromProfile,
    Number,
    Pair,
    ParameterName,
    Positive,
    RegistryId,
)

Kind = Literal[
    "limit",
    "change",
    "stuck",
    "absent",
    "silent",
    "invalid",
    "saturated",
    "bad_flags",
    "sequence_gap",
    "clock_off",
    "unit_suspect",
    "compare",
    "overdue",
    "logic",
]
#: Of the fields of ``Condition`` that have not the name of their kind.
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("above", "below", "outside"), "limit"),
    **dict.fromkeys(("all_", "any_", "not_"), "logic"),
}
#: Conditions about a whole device: their rules name no parameter.
DEVICE_KINDS = frozenset({"silent", "sequence_gap", "clock_off", "overdue", "logic"})
#: Conditions that each reading meets or not: only they can count readings in a row.
READING_KINDS = frozenset({"limit", "change", "saturated", "unit_suspect", "compare", "logic"})
#: Conditions that are judged by days: their rules have no ``for``.
DAILY_KINDS = frozenset({"overdue"})
#: Conditions with a number that a clear condition may stand back from.
NUMBER_KINDS = frozenset({"limit", "change", "compare"})

_INTERVALS = Field(ge=1, le=1000, allow_inf_nan=False)
_SHARE = Field(gt=0, le=1, allow_inf_nan=False)


class _Model(BaseModel):
    model_config = STRICT


class Range(_Model):
    """Numbers: strictly above, strictly below, or outside ``[low, high]`` is bad."""

    above: Number | None = None
    below: Number | None = None
    outside: Pair | None = None

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.outside is not None and self.outside[0] > self.outside[1]:
            raise ValueError("allowed: outside: [low, high] with low <= high")
        return self

    @property
    def band(self) -> tuple[float, float]:
        """(low, high), inclusive: the good values."""
        if self.outside is not None:
            return self.outside[0], self.outside[1]
        return (-math.inf if self.below is None else self.below), (math.inf if self.above is None else self.above)


class Moved(_Model):
    """``change``: moved more than ``by`` in ``per`` (ms of event time), up, down or either way."""

    by: Positive
    per: Duration
    direction: Literal["any", "up", "down"] = "any"


class Stuck(_Model):
    """``stuck``: never further apart than ``resolution`` for that long; None: the last digit of the catalogue."""

    hold: Duration = Field(alias="for")
    resolution: Positive | None = None


class Missing(_Model):
    """``absent`` (a channel) and ``silent`` (a device): nothing for ``intervals``, and at least for ``least`` ms."""

    intervals: Annotated[float, _INTERVALS] = 3
    least: Duration = 300_000


class Invalid(_Model):
    """``invalid``: messages come, but none with flag N for ``intervals``, and at least for ``least`` ms."""

    intervals: Annotated[float, _INTERVALS] = 5
    least: Duration = 600_000


class Saturated(_Model):
    """``saturated``: flag T, or a value outside of the plausible range."""


class BadFlags(_Model):
    """``bad_flags``: more than ``share`` of the readings of the last ``window`` ms have a flag other than N."""

    share: Annotated[float, _SHARE] = 0.2
    window: Duration = 3_600_000


class SequenceGap(_Model):
    """``sequence_gap``: a hole in a device's sequence numbers, not filled within the rule's ``for`` (else 5 min)."""


class ClockOff(_Model):
    """``clock_off``: the clock of a device is off by more than ``by`` ms, steadily; whole hours are a wrong zone."""

    by: Duration = 120_000


class UnitSuspect(_Model):
    """``unit_suspect``: a jump to 10, 100, 1000 ... times (or a tenth ... of) the level before.

    ``factor_within`` is how far the factor may be from the power of ten, as a share of it.
    """

    factor_within: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.2


class Against(_Model):
    """The other channel of a comparison: the same parameter upstream, or a channel of the same device.

    ``parameter`` None is the parameter of the reading, ``point`` None its point.
    """

    upstream: bool = False
    parameter: ParameterName | None = None
    point: RegistryId | None = None


def _against(written: object) -> object:
    if isinstance(written, str):
        if written != "upstream":
            raise ValueError("allowed: upstream, {point: POINT} or {parameter: NAME, point: POINT}")
        return {"upstream": True}
    return written


class Compare(Range):
    """``compare``: the value minus the latest N value of the other channel is above, below or outside."""

    other: Annotated[Against, BeforeValidator(_against)] = Field(alias="with")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(part is not None for part in (self.above, self.below, self.outside)) != 1:
            raise ValueError("allowed: with, and exactly one of above, below, outside")
        return self


class Overdue(_Model):
    """``overdue``: a certificate runs out within ``after`` ms, or the last calibration is longer ago than that.

    For a certificate ``after`` 0 (left out) is the day after its last.
    """

    what: Literal["certificate", "calibration"]
    after: Age = Field(0, validate_default=False)

    @model_validator(mode="after")
    def _aged(self) -> Self:
        if self.what == "calibration" and not self.after:
            raise ValueError("after: it is missing; how old may the last calibration be, such as 90d")
        return self


class Term(Range):
    """A part of ``all``, ``any`` and ``not``: a range of one channel of the device, or parts again."""

    parameter: ParameterName | None = None
    point: RegistryId = "-"
    all_: Terms | None = Field(None, alias="all")
    any_: Terms | None = Field(None, alias="any")
    not_: Term | None = Field(None, alias="not")

    @model_validator(mode="after")
    def _one(self) -> Self:
        ranges = sum(part is not None for part in (self.above, self.below, self.outside))
        parts = sum(part is not None for part in (self.all_, self.any_, self.not_))
        if ranges + parts != 1 or (ranges == 1) != (self.parameter is not None):
            raise ValueError("allowed: a parameter with one of above, below, outside; or one of all, any, not")
        return self

    @property
    def terms(self) -> Iterator[Term]:
        """The parts, at whatever depth, that name a channel."""
        if self.parameter is not None:
            yield self
        for part in (*(self.all_ or ()), *(self.any_ or ()), *((self.not_,) if self.not_ else ())):
            yield from part.terms


Terms = Annotated[list[Term], Field(min_length=1)]
Term.model_rebuild()


class Condition(_Model):
    """Exactly one condition. Of ``above``, ``below``, ``outside`` the value may come from the profile of the place."""

    above: Number | FromProfile | None = None
    below: Number | FromProfile | None = None
    outside: Pair | FromProfile | None = None
    change: Moved | None = None
    stuck: Stuck | None = None
    absent: Missing | None = None
    silent: Missing | None = None
    invalid: Invalid | None = None
    saturated: Saturated | None = None
    bad_flags: BadFlags | None = None
    sequence_gap: SequenceGap | None = None
    clock_off: ClockOff | None = None
    unit_suspect: UnitSuspect | None = None
    compare: Compare | None = None
    overdue: Overdue | None = None
    all_: Terms | None = Field(None, alias="all")
    any_: Terms | None = Field(None, alias="any")
    not_: Term | None = Field(None, alias="not")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self._written()) != 1:
            keys = ", ".join(info.alias or name for name, info in type(self).model_fields.items())
            raise ValueError(f"allowed: exactly one of {keys}")
        if isinstance(self.outside, list) and self.outside[0] > self.outside[1]:
            raise ValueError("allowed: outside: [low, high] with low <= high")
        return self

    def _written(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    @property
    def kind(self) -> Kind:
        """What kind of condition it is."""
        (name,) = self._written()
        return _KINDS.get(name) or cast("Kind", name)

    @property
    def from_profile(self) -> bool:
        """Whether the limit value comes from the profile of the place."""
        return "profile" in {self.above, self.below, None if isinstance(self.outside, list) else self.outside}

    @property
    def terms(self) -> tuple[Term, ...]:
        """The channels that a logic condition looks at; empty for all others."""
        parts = (*(self.all_ or ()), *(self.any_ or ()), *((self.not_,) if self.not_ else ()))
        return tuple(term for part in parts for term in part.terms)
