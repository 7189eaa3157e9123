"""What a registry file may say: one model a section, with the keys, words and periods of DESIGN 4.6.

Models judge one entry by itself; ``devices.files.check`` judges what entries say of each other. Sources, and calendars
with teams, have modules of their own (``devices.sources``, ``devices.duty``); ``devices.sections`` lists all sections.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from devices.fields import (
    Clock,
    Day,
    GridPath,
    Id,
    Instant,
    InstantUtc,
    Name,
    ParameterName,
    Refused,
    Text,
    check_unit,
    instant,
    problem,
    refuse,
    zone_of,
)
from devices.parameters import CATALOGUE

UnitKind = Literal["waterworks", "property_manager", "hospital", "clinic", "carrier", "plant"]
Producer = Literal["hospital", "clinic", "collection_point"]
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
PlaceState = Literal["registered", "trial", "accepted", "suspended", "retired"]
Disinfectant = Literal["free_chlorine", "total_chlorine", "chlorine_dioxide", "ozone", "none"]
Role = Literal["contact", "head", "officer", "collector", "driver", "operator"]
DeviceKind = Literal["water", "terminal", "store_climate", "radiation", "gateway"]
Mode = Literal["continuous", "sampled", "held"]
Language = Literal["zh", "en"]

#: Keys of a telemetry message that are never channels (DESIGN 4.2).
RESERVED = frozenset({"ts", "id", "seq", "hist", "flags", "values"})

_SECONDS = Field(default=None, ge=1, le=31 * 86_400)


class Part(BaseModel):
    """Anything with keys: unknown ones are refused, texts are stripped, NaN and infinity are no numbers."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )


class Period(Part):
    """What holds for a time: ``from`` and ``to`` (exclusive), in ms since 1970 UTC."""

    from_: Instant | None = Field(default=None, alias="from")
    to: Instant | None = None

    @field_validator("to")
    @classmethod
    def _ends_after_it_begins(cls, to: int | None, info: ValidationInfo) -> int | None:
        begin = info.data.get("from_")
        if to is not None and begin is not None and to <= begin:
            raise problem("period", "from < to")
        return to


class Entry(Period):
    """An entry of a section; ``from`` and ``to`` (exclusive) bound the time it holds, in ms since 1970 UTC."""

    id: Id


class Certificate(Part):
    """Proof that an instrument was verified; ``until`` is its last day."""

    number: Text
    from_: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    issuer: Text | None = None


class Collection(Part):
    """When waste of a unit is due to be taken away, in place of its producer profile's (``custody.profile``)."""

    every: Literal["daily", "weekly", "call"]
    by: Clock | None = None


class Unit(Entry):
    """A supervised body; ``contacts`` are ids of people, never names or numbers.

    ``producer`` is its producer profile where that does not follow from ``kind``, ``calendar`` says on which days it
    works.
    """

    name: Name | None = None
    kind: UnitKind
    producer: Producer | None = None
    credit_code: Text | None = None
    grid: GridPath | None = None
    address: Text | None = None
    beds: int | None = Field(default=None, ge=0, le=100_000)
    contacts: list[Id] = []
    calendar: Id | None = None
    collection: Collection | None = None


class Limit(Period):
    """A limit that a place sets in place of its profile's, and why; ``min`` and ``max`` are in ``unit``.

    Without ``unit`` they are in the catalogue's. A side that is not given stays the profile's. ``from`` and ``to``
    (exclusive) bound the time it holds.
    """

    parameter: ParameterName
    min: float | None = None
    max: float | None = Field(default=None, validate_default=True)
    unit: str | None = Field(default=None, max_length=20)
    reason: Text

    @field_validator("max")
    @classmethod
    def _is_not_below_min(cls, high: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("min", 0.0)
        if high is None and low is None:
            raise problem("required")
        if high is not None and low is not None and "min" in info.data and high < low:
            raise problem("number", f">= min ({low:g})")
        return high

    @field_validator("unit")
    @classmethod
    def _is_convertible(cls, unit: str | None, info: ValidationInfo) -> str | None:
        return check_unit(unit, info.data["parameter"]) if unit and "parameter" in info.data else unit


def _twice(raw: object, zone: dt.tzinfo) -> list[Refused]:
    """Limits of one place that hold for the same parameter at the same time; looked at as written."""
    errors: list[Refused] = []
    spans: dict[str, list[tuple[int, float, float]]] = {}
    for index, one in enumerate(raw if isinstance(raw, list) else []):
        if not isinstance(one, Mapping):
            continue
        name = str(one.get("parameter"))
        begin, end = _bound(one.get("from"), zone, -math.inf), _bound(one.get("to"), zone, math.inf)
        first = next((other for other, since, until in spans.get(name, []) if since < end and begin < until), None)
        if first is not None:
            errors.append(((index, "parameter"), name, problem("duplicate", f"limits[{first}]")))
        spans.setdefault(name, []).append((index, begin, end))
    return errors


def _bound(value: object, zone: dt.tzinfo, open_end: float) -> float:
    try:
        return open_end if value is None else float(instant(value, zone))
    except (ValueError, OverflowError):
        return open_end


class Place(Entry):
    """Where something is measured, kept or carried: a tree under a unit. ``profile`` is the limit profile only.

    ``upstream`` is the place whose water comes here; ``limits`` are what counts here in place of the profile's.
    """

    name: Name | None = None
    kind: PlaceKind
    unit: Id | None = None
    parent: Id | None = None
    grid: GridPath | None = None
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    address: Text | None = None
    profile: Id | None = None
    disinfectant: Disinfectant | None = None
    state: PlaceState = "accepted"
    upstream: Id | None = None
    limits: list[Limit] = []

    @field_validator("limits", mode="wrap")
    @classmethod
    def _hold_once(cls, raw: Any, judge: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:  # noqa: ANN401 - whatever a file holds
        return judged(raw, judge, _twice(raw, zone_of(info)))


class GridEntry(Entry):
    """A district, street or village with the officers (ids of people) responsible for it."""

    name: Name | None = None
    parent: Id | None = None
    officers: list[Id] = []


def _condition(raw: object) -> object:
    """``{cell_flow: 1}`` as the text ``cell_flow=1``."""
    if isinstance(raw, Mapping) and len(raw) == 1:
        ((channel, state),) = raw.items()
        return f"{channel}={int(state) if isinstance(state, bool) else state}"
    return raw


class Channel(Part):
    """One parameter at one point of a device.

    ``name`` is its key in messages where that is not the parameter's own; ``unit`` the unit of measure it sends in;
    ``valid_when`` another channel of the device (``cell_flow``, ``mode=2`` or ``{mode: 2}``) without which its values
    do not count; ``range`` the instrument's range in the catalogue's unit.
    """

    parameter: ParameterName
    point: Id = "-"
    name: Text | None = None
    unit: str | None = Field(default=None, max_length=20)
    sample_s: int | None = _SECONDS
    report_s: int | None = _SECONDS
    mode: Mode | None = None
    valid_when: Annotated[Text, BeforeValidator(_condition)] | None = None
    detection_limit: float | None = Field(default=None, ge=0)
    range: list[float] | None = Field(default=None, min_length=2, max_length=2)
    serial: Text | None = None
    certificate: Certificate | None = None

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, name: str | None) -> str | None:
        if name in RESERVED:
            raise problem("choice", f"any but {', '.join(sorted(RESERVED))}")
        return name

    @field_validator("unit")
    @classmethod
    def _is_convertible(cls, unit: str | None, info: ValidationInfo) -> str | None:
        return check_unit(unit, info.data["parameter"]) if unit and "parameter" in info.data else unit

    @field_validator("range")
    @classmethod
    def _rises(cls, bounds: list[float] | None) -> list[float] | None:
        if bounds is not None and bounds[0] >= bounds[1]:
            raise problem("list", "[low, high], low < high")
        return bounds


class Device(Entry):
    """A sensor, terminal or gateway. A time before ``earliest`` (ms since 1970 UTC) is no device time (DESIGN 4.2)."""

    name: Name | None = None
    kind: DeviceKind
    place: Id | None = None
    report_s: int | None = _SECONDS
    earliest: InstantUtc | None = None
    public_key: str | None = None
    maker: Text | None = None
    model: Text | None = None
    serial: Text | None = None
    channels: list[Channel] = []

    @field_validator("public_key")
    @classmethod
    def _is_ed25519(cls, key: str | None) -> str | None:
        try:
            if key is not None and len(base64.b64decode(key, validate=True)) != 32:
                raise problem("public_key")
        except binascii.Error:
            raise problem("public_key") from None
        return key

    @field_validator("channels", mode="wrap")
    @classmethod
    def _are_told_apart(cls, raw: Any, judge: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - whatever a file holds
        return judged(raw, judge, _confusions(raw))


def judged(raw: object, judge: ValidatorFunctionWrapHandler, errors: list[Refused]) -> Any:  # noqa: ANN401 - what ``judge`` makes of it
    """The items as ``judge`` makes them; refuses all that is wrong of each and (``errors``) between them at once."""
    try:
        items = judge(raw)
    except ValidationError as error:
        refuse(errors, error)
    if errors:
        refuse(errors)
    return items


def channel_key(channel: Mapping[str, Any]) -> str:
    """The key that messages have a channel's value under."""
    parameter, point = channel.get("parameter"), channel.get("point") or "-"
    return str(channel.get("name") or (parameter if point == "-" else f"{parameter}@{point}"))


def _confusions(raw: object) -> list[Refused]:
    """What the channels of one device say of each other; looked at as written, so that nothing else hides it."""
    if not isinstance(raw, list):
        return []
    errors: list[Refused] = []
    channels = [(index, one) for index, one in enumerate(raw) if isinstance(one, Mapping)]
    keys: dict[str, int] = {}
    points: dict[tuple[Any, Any], int] = {}
    for index, channel in channels:
        key = channel_key(channel)
        first = keys.setdefault(key, index)
        same = points.setdefault((str(channel.get("parameter")), channel.get("point") or "-"), index)
        if first != index:
            errors.append(((index, "name"), key, problem("duplicate", f"channels[{first}]")))
        elif same != index:
            errors.append(((index, "point"), channel.get("point") or "-", problem("duplicate", f"channels[{same}]")))
    known = [*keys, *(key for key in CATALOGUE if key not in keys)]
    for index, channel in channels:
        condition = _condition(channel.get("valid_when"))
        if condition is not None and str(condition).partition("=")[0] not in known:
            errors.append(((index, "valid_when"), condition, problem("choice", ", ".join(known))))
    return errors


class Scale(Entry):
    """A weighing scale; a weight beyond its range never counts, one without a valid certificate is flagged."""

    name: Name | None = None
    unit: Id | None = None
    place: Id | None = None
    division_g: int | None = Field(default=None, ge=1)
    min_g: int | None = Field(default=None, ge=0)
    max_g: int | None = Field(default=None, ge=1)
    serial: Text | None = None
    certificate: Certificate | None = None


class Person(Entry):
    """A person. ``name``, ``phone`` and ``email`` are kept apart and never journaled (``registry.split_private``).

    ``channels`` are the names of alert channels by which this person is told, in order; ``language`` of what is told.
    """

    badge: Text | None = None
    unit: Id | None = None
    role: Role
    channels: list[Id] = []
    language: Language | None = None
    name: Name | None = None
    phone: Text | None = None
    email: Text | None = None


class Vehicle(Entry):
    """A vehicle of a carrier; ``place`` is its place of kind ``vehicle``."""

    name: Name | None = None
    unit: Id | None = None
    place: Id | None = None
    plate: Text | None = None
    tare_g: int | None = Field(default=None, ge=0)
    permit: Text | None = None
