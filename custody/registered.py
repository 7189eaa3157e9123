"""What the registry says of badges, ids and places, found once a version of it (pure)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from custody.fact import Spot
from custody.identity import read_id
from devices.labels import Numbers, numbers_of, split_label
from devices.registry import Registry, SubjectParts, periods_of

_EVER = -(2**63), 2**63
#: Kinds of units that are producers by themselves.
_PRODUCERS = {"hospital": "hospital", "clinic": "clinic"}

Span = tuple[int, int]


class _Range(msgspec.Struct, frozen=True):
    """Labels of a unit in [begin, end), ms since 1970 UTC."""

    numbers: Numbers
    begin: int
    end: int
    unit: str


class Registered:
    """One version of the registry turned round: from what a terminal reads to what is registered."""

    def __init__(self, registry: Registry) -> None:
        self.version = registry.version
        self._badges: dict[str, list[tuple[Span, str, str]]] = {}
        self._ties: dict[str, tuple[str, ...]] = {}
        self._spans: dict[str, list[Span]] = {}
        self._ranges: dict[tuple[str, int], list[_Range]] = {}
        self._ranged: dict[str, list[Span]] = {}
        self._spots: dict[tuple[str, str], tuple[list[int], dict[int, Spot]]] = {}
        for name, period in _periods(registry, "people"):
            if period.get("badge"):
                holder = _span(period), name, period.get("unit", "")
                self._badges.setdefault(str(period["badge"]), []).append(holder)
        self._containers(registry)
        self._labels(registry)

    def person_of(self, badge: str, at: int, near: Iterable[str] = ()) -> str:
        """The person who has a badge at a time; empty = nobody, or nobody can tell.

        Each unit numbers its own badges: of several people with the same one the one counts who is of the first of the
        units ``near`` that has any.
        """
        found = [(person, unit) for (begin, end), person, unit in self._badges.get(badge, ()) if begin <= at < end]
        if len(found) > 1:
            found = next((mine for unit in near if (mine := [one for one in found if one[1] == unit])), [])
        return found[0][0] if len(found) == 1 else ""

    def tied(self, text: str) -> tuple[str, ...]:
        """The other ids of the container of the registry that has the id ``text``, whenever it had them."""
        return tuple(other for other in self._ties.get(text, ()) if other != text)

    def has(self, text: str, at: int) -> bool:
        """Whether ``text`` is an id of a container of the registry at that time."""
        return any(begin <= at < end for begin, end in self._spans.get(text, ()))

    def label(self, text: str, at: int) -> str | None:
        """The unit that a label was given to beforehand; None = it is in no range."""
        prefix, digits, number = split_label(text)
        ranges = self._ranges.get((prefix, digits))
        if ranges is None:
            return None
        # Those that hold at one time do not overlap, so the last one that begins at or before the number is the one.
        for one in reversed(ranges[: bisect_right(ranges, number, key=lambda one: one.numbers.first)]):
            if number <= one.numbers.last and one.begin <= at < one.end:
                return one.unit
        return None

    def has_labels(self, unit: str, at: int) -> bool:
        """Whether ranges of labels were given to a unit."""
        return any(begin <= at < end for begin, end in self._ranged.get(unit, ()))

    def home(self, registry: Registry, device: str, at: int) -> Spot:
        """The place of a device, as of a time."""
        return self._spot(registry, "device", device, at, registry.turns, registry.subject_parts)

    def spot(self, registry: Registry, place: str, at: int) -> Spot:
        """A place, as of a time; of one that nobody knows only its name."""
        return self._spot(registry, "place", place, at, registry.place_turns, registry.place_parts)

    def _spot(  # noqa: PLR0917 - how to ask for what
        self,
        registry: Registry,
        what: str,
        name: str,
        at: int,
        turns: Callable[[str], list[int]],
        parts: Callable[[str, int | None], SubjectParts],
    ) -> Spot:
        key = what, name
        known = self._spots.get(key)
        if known is None:
            known = self._spots[key] = turns(name), {}
        between = bisect_right(known[0], at)
        found = known[1].get(between)
        if found is None:
            found = known[1][between] = spot_of(registry, parts(name, at), at)
        return found

    def _containers(self, registry: Registry) -> None:
        ids: dict[str, set[str]] = {}
        for name, period in _periods(registry, "containers"):
            for one in period.get("ids", ()):
                found = read_id(one, set())
                if found is not None:
                    ids.setdefault(name, set()).add(found.v)
                    self._spans.setdefault(found.v, []).append(_span(period))
        # An id is of one container only: the registry's own check sees to that.
        for texts in ids.values():
            self._ties.update(dict.fromkeys(texts, tuple(sorted(texts))))

    def _labels(self, registry: Registry) -> None:
        for _, period in _periods(registry, "labels"):
            numbers, span = numbers_of(period), _span(period)
            self._ranges.setdefault(numbers[:2], []).append(_Range(numbers, *span, period["unit"]))
            self._ranged.setdefault(period["unit"], []).append(span)
        for ranges in self._ranges.values():
            ranges.sort(key=lambda one: one.numbers.first)


_known: WeakKeyDictionary[Registry, Registered] = WeakKeyDictionary()


def registered(registry: Registry) -> Registered:
    """What the registry as it is now says."""
    known = _known.get(registry)
    if known is None or known.version != registry.version:
        known = _known[registry] = Registered(registry)
    return known


def container_texts(body: dict[str, Any] | None) -> set[str]:
    """The ids that an entry of ``containers`` ever gives its container; none of an entry that is not there."""
    found = (read_id(one, set()) for period in periods_of(body) for one in period.get("ids", ()))
    return {one.v for one in found if one is not None}


def tied(registry: Registry, text: str) -> tuple[str, ...]:
    """See ``Registered.tied``."""
    return registered(registry).tied(text)


def known_label(registry: Registry, text: str, at: int) -> str | None:
    """See ``Registered.label``."""
    return registered(registry).label(text, at)


def has_labels(registry: Registry, unit: str, at: int) -> bool:
    """See ``Registered.has_labels``."""
    return registered(registry).has_labels(unit, at)


def spot_of(registry: Registry, parts: SubjectParts, at: int) -> Spot:
    """A place with the producer profile of its unit: the one it names, else that of its kind."""
    unit = (registry.get("units", parts.unit, at) if parts.unit else None) or {}
    producer = unit.get("producer") or _PRODUCERS.get(unit.get("kind", ""), "")
    if parts.place_kind == "collection_point":
        producer = "collection_point"
    return Spot(parts.place, parts.place_kind, parts.unit, parts.grid, producer, parts.accepted)


def _periods(registry: Registry, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in registry.ids(kind):
        for period in periods_of(registry.body(kind, name)):
            yield name, period


def _span(period: dict[str, Any]) -> Span:
    return period.get("from", _EVER[0]), period.get("to", _EVER[1])
