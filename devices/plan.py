"""What decoding needs to know of a device, compiled once from its registry entry and its source (pure).

A plan is small: everything that does not depend on which device it is stands in a profile that all devices with the
same channels, the same ``earliest`` and the same source share. A profile remembers layouts: what to do with a message
that has exactly these keys in this order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from devices.parameters import CATALOGUE, Parameter, UnitError, convert
from devices.registry import Registry
from devices.validate import LATEST_MS, NOTHING, Channel

#: ``earliest`` of a device that states none: 2020-01-01T00:00:00Z in ms (DESIGN 4.2).
EARLIEST_MS = 1_577_836_800_000
#: Keys of a message that are never parameters (DESIGN 4.2).
RESERVED = frozenset({"ts", "id", "seq", "hist", "flags", "values"})
#: 140 degF is 60.00000000000001 degC: a bound gives way by so much of itself where values are converted.
_ROUNDING = 1e-9
#: Layouts that a profile remembers; more only cost time. Messages with more keys are not remembered.
LAYOUTS = 64

_POINT = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class Group(msgspec.Struct, frozen=True):
    """The values of a layout that belong to one point; ``picks`` are their places, None = all in order."""

    point: str
    parameters: tuple[str, ...]
    picks: tuple[int, ...] | None


class Layout(msgspec.Struct, frozen=True):
    """What to do with exactly these keys. Where not ``quick``, every value is judged on its own.

    ``bounds`` are (low, high) of each value after ``conversions`` (None = no value needs one); ``switches`` are the
    places of values that may only be 0 or 1; ``sentinels`` are compared before the conversion.
    """

    channels: tuple[Channel | None, ...]
    quick: bool
    groups: tuple[Group, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()
    conversions: tuple[tuple[float, float], ...] | None = None
    switches: tuple[int, ...] = ()
    sentinels: frozenset[float] = NOTHING


class Profile:
    """What all devices with equal channels and source share; see the module's docstring."""

    __slots__ = ("_aliases", "_channels", "_keys", "_layouts", "_source", "compiled", "earliest", "source")

    def __init__(self, earliest: int, channels: list[dict[str, Any]], source: dict[str, Any]) -> None:
        self.earliest = max(earliest, -LATEST_MS)
        self.source = source
        #: What the codec of the source made of ``source`` at the first message.
        self.compiled: object = None
        self._source = _Source(source)
        self._aliases: dict[str, str] = dict(source.get("map") or {})
        self._channels = {(one["parameter"], one.get("point", "-")): one for one in channels}
        self._keys = {one["name"]: (one["parameter"], one.get("point", "-")) for one in channels if one.get("name")}
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def channel(self, key: str) -> Channel | None:
        """The channel of a key: through the source's ``map``, then by name, parameter, parameter@point; else None."""
        target = self._aliases.get(key, key)
        found = self._keys.get(target)
        if found is None:
            parameter, at, point = target.partition("@")
            if at and _POINT.fullmatch(point) is None:
                return None
            found = (parameter, point if at else "-")
        known = CATALOGUE.get(found[0])
        if known is None or (key in RESERVED and key not in self._aliases):
            return None
        entry = self._channels.get(found, {})
        low, high = _narrowed(entry.get("range"), known)
        unit = self._source.units.get(key, entry.get("unit"))
        a, b, fault = 1.0, 0.0, ""
        if unit is not None:
            try:
                a, b = convert(unit, known.unit)
            except UnitError as error:
                fault = str(error)
        return Channel(
            parameter=known.name,
            point=found[1],
            low=low if (a, b) == (1.0, 0.0) else low - _ROUNDING * max(1.0, abs(low)),
            high=high if (a, b) == (1.0, 0.0) else high + _ROUNDING * max(1.0, abs(high)),
            a=a,
            b=b,
            switch=known.switch,
            fault=fault,
            skip_numbers=self._source.skip_numbers,
            skip_texts=self._source.skip_texts,
        )

    def layout(self, keys: tuple[str, ...]) -> Layout:
        """The layout of a message with ``keys``, which are distinct."""
        found = self._layouts.get(keys)
        if found is None:
            found = _layout(tuple(self.channel(key) for key in keys))
            if len(keys) <= LAYOUTS and sum(map(len, keys)) <= 16 * LAYOUTS:
                if len(self._layouts) >= LAYOUTS:
                    self._layouts.clear()
                self._layouts[keys] = found
        return found


class Plan(msgspec.Struct, frozen=True, gc=False):
    """All that a codec asks: whose message it is and what its keys mean."""

    device: str
    profile: Profile


class _Source:
    """``units`` and ``skip`` of a source, taken apart once."""

    def __init__(self, source: dict[str, Any]) -> None:
        skip = source.get("skip") or []
        self.units: dict[str, str] = dict(source.get("units") or {})
        self.skip_texts = frozenset(str(one).strip() for one in skip)
        numbers = set()
        for one in self.skip_texts:
            try:
                numbers.add(float(one))
            except ValueError:
                continue
        self.skip_numbers = frozenset(numbers)


def compile_plan(registry: Registry, device: str, source: dict[str, Any] | None, at: int | None = None) -> Plan:
    """The plan of ``device`` as the registry knows it at ``at`` (ms; None = the newest period).

    ``source`` is the body of the registry source its messages come through, None for the topics of DESIGN 4.1. Never
    raises: what the registry's own check would have refused makes values refused (``bad_unit``) or messages parked
    (``bad_source``).
    """
    body = registry.get("devices", device, at) or {}
    earliest = body.get("earliest")
    earliest = EARLIEST_MS if earliest is None else earliest
    described = msgspec.json.encode([earliest, body.get("channels") or [], source or {}])
    return Plan(device, _profile(described))


@lru_cache(maxsize=4096)
def _profile(described: bytes) -> Profile:
    """Equal descriptions give the same profile, so that 100,000 devices of one make need one."""
    earliest, channels, source = msgspec.json.decode(described)
    return Profile(earliest, channels, source)


def _narrowed(bounds: list[float] | None, known: Parameter) -> tuple[float, float]:
    """The plausible range: the catalogue's, narrowed by the channel's."""
    low, high = bounds or (known.low, known.high)
    return max(float(low), known.low), min(float(high), known.high)


def _layout(channels: tuple[Channel | None, ...]) -> Layout:
    known = [channel for channel in channels if channel is not None]
    series = {(channel.point, channel.parameter) for channel in known}
    if not known or len(known) < len(channels) or len(series) < len(known) or any(one.fault for one in known):
        return Layout(channels, quick=False)
    points = list(dict.fromkeys(channel.point for channel in known))
    groups = []
    for point in points:
        picks = tuple(i for i, channel in enumerate(known) if channel.point == point)
        parameters = tuple(known[i].parameter for i in picks)
        groups.append(Group(point, parameters, None if len(points) == 1 else picks))
    conversions = tuple((channel.a, channel.b) for channel in known)
    return Layout(
        channels,
        quick=True,
        groups=tuple(groups),
        bounds=tuple((channel.low, channel.high) for channel in known),
        conversions=None if all(one == (1.0, 0.0) for one in conversions) else conversions,
        switches=tuple(i for i, channel in enumerate(known) if channel.switch),
        sentinels=known[0].skip_numbers,
    )
