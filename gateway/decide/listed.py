"""The registry found the other way round: devices by the place they measure, certificates by their last day (pure).

Each is worked out when it is first asked for, and kept up entry by entry from then on: a change of one device among
100,000 must not cost a walk over all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from devices.registry import Change, Registry, periods_of

#: (``devices`` or ``scales``, id)
Owner = tuple[str, str]
_What = TypeVar("_What")
_Sets = dict[_What, set[Owner]]

_CERTIFIED = frozenset({"devices", "scales"})


class Listed:
    """All periods of an entry count: what holds at a time, the registry says."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._places: _Sets[str] | None = None
        self._days: _Sets[int] | None = None
        self._placed: dict[Owner, frozenset[str]] = {}
        self._dated: dict[Owner, frozenset[int]] = {}

    def changed(self, changes: Iterable[Change]) -> None:
        """The registry holds these changes by now."""
        for change in changes:
            owner = (change.kind, change.id)
            if self._places is not None and change.kind == "devices":
                _move(self._places, self._placed, owner, _places_of(change.body))
            if self._days is not None and change.kind in _CERTIFIED:
                _move(self._days, self._dated, owner, _days_of(change.body))

    def measuring(self, place: str) -> list[str]:
        """The devices that measure a place at some time, sorted."""
        if self._places is None:
            self._places = {}
            for name in self._registry.ids("devices"):
                owner = ("devices", name)
                _move(self._places, self._placed, owner, _places_of(self._registry.body(*owner)))
        return sorted(name for _, name in self._places.get(place, ()))

    def ending(self, last: int, also: Collection[str]) -> list[Owner]:
        """Whose certificate has its last day on ``last`` (ordinal) or before, and those of ``also``; sorted."""
        if self._days is None:
            self._days = {}
            for kind, name, raw in self._registry.rows():
                if kind in _CERTIFIED and b'"certificate"' in raw:
                    owner = (kind, name)
                    _move(self._days, self._dated, owner, _days_of(self._registry.body(*owner)))
        found = {owner for day, owners in self._days.items() if day <= last for owner in owners}
        found.update(owner for name in also for kind in _CERTIFIED if (owner := (kind, name)) in self._dated)
        return sorted(found)


def _move(sets: _Sets[_What], known: dict[Owner, frozenset[_What]], owner: Owner, now: frozenset[_What]) -> None:
    before = known.pop(owner, frozenset())
    for one in before - now:
        sets[one].discard(owner)
        if not sets[one]:
            del sets[one]
    for one in now - before:
        sets.setdefault(one, set()).add(owner)
    if now:
        known[owner] = now


def _places_of(body: dict[str, Any] | None) -> frozenset[str]:
    return frozenset(period["place"] for period in periods_of(body) if period.get("place"))


def _days_of(body: dict[str, Any] | None) -> frozenset[int]:
    parts = [part for period in periods_of(body) for part in (period, *(period.get("channels") or ()))]
    days = [last_day(part) for part in parts]
    return frozenset(day.toordinal() for day in days if day is not None)


def last_day(entry: dict[str, Any]) -> dt.date | None:
    """The last day of an entry's certificate; None where it has none, or one that never ends (9999-12-31)."""
    until = (entry.get("certificate") or {}).get("until")
    day = None if until is None else dt.date.fromisoformat(until)
    return None if day == dt.date.max else day
