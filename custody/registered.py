"""What the registry says of ids and badges, found once a version of it (pure)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from custody.identity import read_id
from devices.labels import numbers_of, split_label
from devices.registry import Registry, periods_of

_ALWAYS = -(2**63), 2**63


class _Range(msgspec.Struct, frozen=True, order=True):
    """Labels of a unit: numbers ``first`` to ``last`` (inclusive) in [begin, end) ms since 1970 UTC."""

    first: int
    last: int
    begin: int
    end: int
    unit: str


class _Known(msgspec.Struct):
    """The registry turned round. ``ties``: every id text with all ids of its container; ``spans`` the times it holds.

    ``ranges`` are by (text before the digits at the end, how many digits).
    """

    version: int
    badges: dict[str, list[tuple[int, int, str]]] = {}
    ties: dict[str, tuple[str, ...]] = {}
    spans: dict[str, list[tuple[int, int]]] = {}
    ranges: dict[tuple[str, int], list[_Range]] = {}
    ranged: dict[str, list[tuple[int, int]]] = {}


_known: WeakKeyDictionary[Registry, _Known] = WeakKeyDictionary()


def person_of(registry: Registry, badge: str, at: int) -> str:
    """The person who has a badge at a time; empty = nobody."""
    for begin, end, person in _of(registry).badges.get(badge, ()):
        if begin <= at < end:
            return person
    return ""


def tied(registry: Registry, text: str) -> tuple[str, ...]:
    """The other ids of the container of the registry that has the id ``text``, whenever it had them."""
    return tuple(other for other in _of(registry).ties.get(text, ()) if other != text)


def is_registered(registry: Registry, text: str, at: int) -> bool:
    """Whether ``text`` is an id of a container of the registry at that time."""
    return any(begin <= at < end for begin, end in _of(registry).spans.get(text, ()))


def known_label(registry: Registry, text: str, at: int) -> str | None:
    """The unit that a label was given to beforehand; None = it is in no range."""
    prefix, digits, number = split_label(text)
    if not digits:
        return None
    ranges = _of(registry).ranges.get((prefix, digits), [])
    # Ranges that hold at the same time do not overlap; of the few that begin at or before the number one may hold now.
    for one in reversed(ranges[: bisect_right(ranges, number, key=lambda one: one.first)]):
        if number <= one.last and one.begin <= at < one.end:
            return one.unit
    return None


def has_labels(registry: Registry, unit: str, at: int) -> bool:
    """Whether ranges of labels were given to a unit."""
    return any(begin <= at < end for begin, end in _of(registry).ranged.get(unit, ()))


def _of(registry: Registry) -> _Known:
    known = _known.get(registry)
    if known is None or known.version != registry.version:
        known = _known[registry] = _Known(registry.version)
        for name, period in _periods(registry, "people"):
            if period.get("badge"):
                known.badges.setdefault(str(period["badge"]), []).append((*_span(period), name))
        _containers(registry, known)
        _labels(registry, known)
    return known


def _containers(registry: Registry, known: _Known) -> None:
    ids: dict[str, set[str]] = {}
    for name, period in _periods(registry, "containers"):
        for one in period.get("ids", ()):
            found = read_id(one, set())
            if found is not None:
                ids.setdefault(name, set()).add(found.v)
                known.spans.setdefault(found.v, []).append(_span(period))
    # An id is of one container only: the registry's own check sees to that.
    for texts in ids.values():
        known.ties.update(dict.fromkeys(texts, tuple(sorted(texts))))


def _labels(registry: Registry, known: _Known) -> None:
    for _, period in _periods(registry, "labels"):
        span, (prefix, digits, first, last) = _span(period), numbers_of(period)
        known.ranges.setdefault((prefix, digits), []).append(_Range(first, last, *span, period["unit"]))
        known.ranged.setdefault(period["unit"], []).append(span)
    for ranges in known.ranges.values():
        ranges.sort()


def _periods(registry: Registry, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in registry.ids(kind):
        for period in periods_of(registry.body(kind, name)):
            yield name, period


def _span(period: dict[str, Any]) -> tuple[int, int]:
    return period.get("from", _ALWAYS[0]), period.get("to", _ALWAYS[1])
