"""The kinds of values that rule packs consist of, with the words to refuse one (pure)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from devices.observation import QUANTITIES
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
DeviceKind = Literal["water", "terminal", "store_climate", "radiation", "gateway"]
Mode = Literal["continuous", "sampled", "held"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
PLACE_KINDS: tuple[str, ...] = get_args(PlaceKind)
DISINFECTANTS: tuple[str, ...] = get_args(Disinfectant)

#: Parameters that ``parameters: all`` means: every measured one, no switch.
MEASURED: tuple[str, ...] = tuple(name for name, one in CATALOGUE.items() if not one.switch)

_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)")
_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MAX_DURATION_MS = 30 * _MS["d"]
MAX_AGE_MS = 3660 * _MS["d"]


def _ms(text: object) -> int:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return int(match[1]) * _MS[match[2]] if match else 0


def _duration(text: object) -> int:
    if not 0 < (duration := _ms(text)) <= MAX_DURATION_MS:
        raise ValueError("allowed: a whole number and s, m, h or d, such as 90s or 10m, at most 30d")
    return duration


def _duration_or_none(text: object) -> int:
    return 0 if text in {"0s", "0m", "0h", "0d"} else _duration(text)


def _age(text: object) -> int:
    if not 0 < (age := _ms(text)) <= MAX_AGE_MS:
        raise ValueError("allowed: a whole number and d or h, such as 90d, at most 3660d")
    return age


def _hours(text: object) -> object:
    if not isinstance(text, str) or not _HOURS.fullmatch(text) or text[:5] == text[6:]:
        raise ValueError('allowed: hours in quotes, such as "08:00-17:30"')
    return text


def _parameter(name: object) -> object:
    if isinstance(name, str) and name not in CATALOGUE:
        raise ValueError(f"no such parameter; allowed: {', '.join(CATALOGUE)}")
    return name


def _quantity(name: object) -> object:
    if isinstance(name, str) and name not in QUANTITIES:
        raise ValueError(f"no such quantity; allowed: {', '.join(QUANTITIES)}")
    return name


#: Milliseconds, written ``90s``, ``10m``, ``2h`` or ``1d``, up to 30 days.
Duration = Annotated[int, BeforeValidator(_duration)]
#: The same; ``0s`` is allowed and means none.
DurationOrNone = Annotated[int, BeforeValidator(_duration_or_none)]
#: The same, up to ten years.
Age = Annotated[int, BeforeValidator(_age)]
Hours = Annotated[str, BeforeValidator(_hours)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
#: An id of the registry, or the point of a channel.
RegistryId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
ParameterName = Annotated[str, BeforeValidator(_parameter)]
QuantityName = Annotated[str, BeforeValidator(_quantity)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]
Written = Annotated[str, Field(min_length=1)]
FromProfile = Literal["profile"]


#: Of every part of a pack: unknown keys are refused, and values of another type than is asked for.
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(BaseModel):
    """What a person reads, in both languages."""

    model_config = STRICT

    zh: Written
    en: Written
