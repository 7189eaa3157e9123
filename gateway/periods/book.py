"""What held for a device in a window: places, intervals, limits, approved stops, from registry and rules (pure)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from alerts.rulebook import Rulebook
from devices.parameters import CATALOGUE
from devices.registry import Labels, Registry, periods_of
from gateway.periods.figures import INF, Terms

#: The kinds of devices of which figures are made.
KINDS = ("water", "store_climate", "radiation")

#: Channels of which the terms are remembered (about 500 bytes each); more are only slower.
REMEMBERED = 20_000
#: All times there are.
EVER = -(2**62), 2**62

#: (point, parameter) of a channel.
Channel = tuple[str, str]
Known = Callable[[str], Sequence[Channel]]


class Guard(NamedTuple):
    """The channel (of the same device) whose state says whether another one's values count, and that state."""

    point: str
    parameter: str
    state: float


class Span(NamedTuple):
    """A time in which nothing that the registry says of a device changes; ``labels`` None = not registered then."""

    start: int
    end: int
    labels: Labels | None


class Book:
    """Registry and rules as they are now; ``from`` and ``to`` of the registry say what held when.

    ``known`` tells the channels that a device has sent so far: one that the registry does not list is due as the
    device is.
    """

    def __init__(self, registry: Registry, rules: Rulebook, known: Known) -> None:
        self.registry = registry
        self._rules = rules
        self._known = known
        self._terms: dict[tuple[str, Channel, str, bool], Terms] = {}
        self._devices: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for name in registry.ids("devices"):
            for kind in kinds_of(registry, name):
                self._devices[kind].append(name)

    def devices(self, kind: str) -> list[str]:
        """The devices that are, were or will be of one of ``KINDS``, sorted."""
        return self._devices[kind]

    def kinds(self, device: str) -> set[str]:
        """Of which of ``KINDS`` a device is, was or will be."""
        return kinds_of(self.registry, device)

    def dated(self, device: str) -> bool:
        """Whether the registry says since when a device is there."""
        return any("from" in period for period in periods_of(self.registry.body("devices", device))[:1])

    def spans(self, device: str, start: int, end: int) -> list[Span]:
        """What is registered of a device from ``start`` to ``end``, cut where it changes."""
        cuts = [start, *(turn for turn in self.registry.turns(device) if start < turn < end), end]
        return [Span(begin, until, self._labels(device, begin)) for begin, until in itertools.pairwise(cuts)]

    def _labels(self, device: str, at: int) -> Labels | None:
        if self.registry.get("devices", device, at) is None:
            return None
        return self.registry.tags(device, at)

    def channels(self, device: str, at: int) -> list[Channel]:
        """The channels from which readings are due: those that the registry lists, and those that were ever heard."""
        entry = self.registry.get("devices", device, at)
        if entry is None:
            return []
        listed = [(one.get("point", "-"), one["parameter"]) for one in entry.get("channels") or ()]
        return list(dict.fromkeys([*listed, *self._known(device)]))

    def guards(self, device: str, at: int) -> dict[Channel, Guard]:
        """The guards of the channels that have a ``valid_when``."""
        entry = self.registry.get("devices", device, at) or {}
        channels = entry.get("channels") or ()
        found = {}
        for one in channels:
            if one.get("valid_when"):
                guard = _guard(one["valid_when"], channels)
                if guard is not None:
                    found[one.get("point", "-"), one["parameter"]] = guard
        return found

    def terms(self, device: str, channel: Channel, place: str, span: Span, *, due: bool) -> Terms:
        """What held for a channel of a device in ``span`` (and perhaps longer), measuring at ``place``.

        ``due``: it is due there.
        """
        key = (device, channel, place, due)
        found = self._terms.get(key)
        if found is None or not found.start <= span.start < span.end <= found.end:
            if len(self._terms) >= REMEMBERED:
                self._terms.clear()
            found = self._terms[key] = self._work_out(device, channel, place, span, due=due)
        return found

    def _work_out(self, device: str, channel: Channel, place: str, span: Span, *, due: bool) -> Terms:
        point, parameter = channel
        at = span.start
        subject = self.registry.subject(device, point, parameter, -1, at, place=place)
        entry = self.registry.get("devices", device, at) or {}
        own: dict[str, Any] = next(
            (
                one
                for one in entry.get("channels") or ()
                if one["parameter"] == parameter and one.get("point", "-") == point
            ),
            {},
        )
        low, high = -INF, INF
        for bound in self._rules.of(subject).of("limit"):
            if not bound.early_of:
                low, high = max(low, bound.low), min(high, bound.high)
        turns = {*self.registry.turns(device), *(self.registry.place_turns(place) if place else ())}
        known = CATALOGUE.get(parameter)
        least, most = own.get("range") or ((known.low, known.high) if known else (-INF, INF))
        return Terms(
            start=max((turn for turn in turns if turn <= at), default=EVER[0]),
            end=min((turn for turn in turns if turn > at), default=EVER[1]),
            interval=_interval(entry, own) if due else None if self.registry.knows("devices", device) else 0,
            service=subject.service,
            counts=subject.notify,
            low=low,
            high=high,
            least=least,
            most=most,
        )


def kinds_of(registry: Registry, device: str) -> set[str]:
    """Of which of ``KINDS`` a device is, was or will be."""
    return {period["kind"] for period in periods_of(registry.body("devices", device))} & set(KINDS)


def _interval(device: dict[str, Any], channel: dict[str, Any]) -> int:
    """How often a channel reports (ms); 0 where nobody said. One that takes samples reports each of them once."""
    seconds = channel.get("report_s")
    if not seconds and channel.get("mode") == "sampled":
        seconds = channel.get("sample_s")
    return 1000 * int(seconds or device.get("report_s") or 0)


def _guard(condition: str, channels: Sequence[dict[str, Any]]) -> Guard | None:
    """The guard of a ``valid_when``: a channel by its key in messages, and a state (none written: on)."""
    key, _, state = condition.partition("=")
    try:
        wanted = float(state) if state else 1.0
    except ValueError:
        return None
    for one in channels:
        point = one.get("point", "-")
        if key == (one.get("name") or (one["parameter"] if point == "-" else f"{one['parameter']}@{point}")):
            return Guard(point, one["parameter"], wanted)
    parameter, _, point = key.partition("@")
    return Guard(point or "-", parameter, wanted) if parameter in CATALOGUE else None
