"""Which alert mutes which: the cause is told, its consequences are not (pure).

A source mutes while its condition stands and its alert is neither closed nor out of service. It fails open: an alert
that nobody hears of mutes none that somebody would hear of, none mutes what mutes it (so that of several that explain
each other one always speaks), and an alert that fits both sides of an entry is muted only by one that does not.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from alerts.alert import Alert

RANK = {"info": 0, "warning": 1, "major": 2, "critical": 3}
_HELD_BY_ALERT = "alert:"
_MOST_KNOWN = 20_000


#: ``key``: the same parameter at the same point of the same device, or the same device as such.
Common = Literal["device", "place", "unit", "grid", "point", "parameter", "key"]


class Side(msgspec.Struct, frozen=True):
    """Which alerts; an empty list means any. The keys are those of ``match`` in a routing file.

    ``rules`` are globs over ``RULE`` or ``PACK/RULE``, ``grid`` beginnings of paths, ``kinds`` kinds of conditions.
    """

    severities: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    place_kinds: tuple[str, ...] = ()
    grid: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def fits(self, alert: Alert) -> bool:
        """Whether this alert is one of them."""
        plain = (
            (self.severities, alert.severity),
            (self.packs, alert.pack),
            (self.place_kinds, alert.place_kind),
            (self.units, alert.unit),
            (self.kinds, alert.kind),
        )
        if any(wanted and value not in wanted for wanted, value in plain):
            return False
        if self.grid and not any(f"{alert.grid}/".startswith(f"{path.rstrip('/')}/") for path in self.grid):
            return False
        names = (alert.rule, f"{alert.pack}/{alert.rule}")
        return not self.rules or any(fnmatchcase(name, rule) for rule in self.rules for name in names)


class Inhibit(msgspec.Struct, frozen=True):
    """One entry: alerts that fit ``target`` are muted while one that fits ``source`` stands.

    Both must have the same value, not an empty one, in every part of ``equal``. ``higher``: only where the source's
    severity is above the target's. ``early``: only where the target is the early warning of the source.
    """

    source: Side
    target: Side
    equal: tuple[Common, ...]
    higher: bool = False
    early: bool = False


def entries_of(written: Iterable[Mapping[str, Any]]) -> tuple[Inhibit, ...]:
    """The entries of a routing file, each as ``model_dump()`` gives it. Raises msgspec.ValidationError."""
    return tuple(msgspec.convert(entry, Inhibit) for entry in written)


_LIMIT = Side(kinds=("limit",))
#: Always in force: what is an early warning of a standing alert, what a silent device explains, and a higher level.
DEFAULTS: tuple[Inhibit, ...] = (
    Inhibit(Side(), Side(), ("key",), early=True),
    Inhibit(Side(kinds=("silent",)), Side(kinds=("absent", "invalid")), ("device",)),
    Inhibit(_LIMIT, _LIMIT, ("key",), higher=True),
)

#: (entry of the list, what both sides have in common)
_Group = tuple[int, str]
#: What decides whether a source may mute: (fits the target's side too, notifies, rank of its severity).
_Slot = tuple[bool, bool, int]


class Inhibition:
    """Finds sources and targets among the alerts that are open; kept by ``put`` and ``drop``."""

    def __init__(self, alerts: Mapping[str, Alert]) -> None:
        self.entries: tuple[Inhibit, ...] = DEFAULTS
        self._alerts = alerts
        self._sources: dict[_Group, dict[_Slot, list[tuple[int, str]]]] = {}
        self._free: dict[_Group, dict[str, None]] = {}
        self._source_at: dict[str, list[tuple[_Group, _Slot]]] = {}
        self._free_at: dict[str, list[_Group]] = {}
        self._fits: dict[tuple[str, ...], tuple[tuple[bool, bool], ...]] = {}

    def use(self, entries: Sequence[Inhibit]) -> None:
        """Take these entries besides the ones that are always in force, and put every alert anew."""
        self.entries = (*DEFAULTS, *entries)
        self.renew()

    def renew(self) -> None:
        """Put every alert anew."""
        for held in (self._sources, self._free, self._source_at, self._free_at, self._fits):
            held.clear()
        for alert in self._alerts.values():
            self.put(alert)

    def is_source(self, alert: Alert) -> bool:
        """Whether it was put as one that stands."""
        return alert.id in self._source_at

    def put(self, alert: Alert) -> None:
        """Take an alert as it is now, in place of what was known of it."""
        self.drop(alert)
        if not alert.on or alert.state == "closed":
            return
        fits = self._sides(alert)
        if alert.state != "out_of_service":
            self._source_at[alert.id] = places = []
            for n, (is_source, is_target) in enumerate(fits):
                group = (n, _common(self.entries[n], alert))
                if is_source and group[1]:
                    slot = (is_target and self._symmetric(n), alert.notify, RANK[alert.severity])
                    insort(self._sources.setdefault(group, {}).setdefault(slot, []), (alert.offset, alert.id))
                    places.append((group, slot))
        if not alert.held_by.startswith(_HELD_BY_ALERT):
            self._free_at[alert.id] = groups = []
            for n, (_, is_target) in enumerate(fits):
                group = (n, _common(self.entries[n], alert))
                if is_target and group[1]:
                    self._free.setdefault(group, {})[alert.id] = None
                    groups.append(group)

    def drop(self, alert: Alert) -> None:
        """Forget an alert."""
        for group, slot in self._source_at.pop(alert.id, ()):
            held = self._sources[group]
            listed = held[slot]
            del listed[bisect_left(listed, (alert.offset, alert.id))]
            if not listed:
                del held[slot]
            if not held:
                del self._sources[group]
        for group in self._free_at.pop(alert.id, ()):
            free = self._free[group]
            del free[alert.id]
            if not free:
                del self._free[group]

    def source_of(self, target: Alert) -> str | None:
        """The id of the alert that mutes this one: the present one while it may, else the earliest; None = none."""
        sides = self._sides(target)
        present = target.held_by.removeprefix(_HELD_BY_ALERT)
        for (n, common), slot in self._source_at.get(present, ()):
            fits = sides[n][1] and common == _common(self.entries[n], target)
            if fits and self._may(n, slot, target, sides) and self._explains(n, present, target):
                return present
        best: tuple[int, str] | None = None
        for n, (_, is_target) in enumerate(sides):
            held = self._sources.get((n, _common(self.entries[n], target))) if is_target else None
            for slot, listed in () if held is None else held.items():
                if self._may(n, slot, target, sides):
                    first = next((one for one in listed if self._explains(n, one[1], target)), None)
                    best = first if best is None or (first is not None and first < best) else best
        return None if best is None else best[1]

    def targets_of(self, source: Alert) -> list[Alert]:
        """Alerts that none mutes and that this one may, the earliest first."""
        found = {
            target: None
            for group, _ in self._source_at.get(source.id, ())
            for target in self._free.get(group, ())
            if target != source.id
        }
        return sorted((self._alerts[target] for target in found), key=lambda alert: (alert.offset, alert.id))

    def _symmetric(self, n: int) -> bool:
        """Whether two alerts could mute each other by this entry."""
        return not (self.entries[n].higher or self.entries[n].early)

    def _may(self, n: int, slot: _Slot, target: Alert, sides: tuple[tuple[bool, bool], ...]) -> bool:
        fits_both, notifies, rank = slot
        if (fits_both and sides[n][0]) or (target.notify and not notifies):
            return False
        return not self.entries[n].higher or rank > RANK[target.severity]

    def _explains(self, n: int, source: str, target: Alert) -> bool:
        alert: Alert | None = self._alerts[source]
        assert alert is not None
        if self.entries[n].early and (alert.pack, alert.rule) != (target.pack, target.early_of):
            return False
        # Up the chain of what mutes the source: the target must not be in it.
        while alert is not None and alert.id != target.id:
            if not alert.held_by.startswith(_HELD_BY_ALERT):
                return True
            alert = self._alerts.get(alert.held_by.removeprefix(_HELD_BY_ALERT))
        return alert is None

    def _sides(self, alert: Alert) -> tuple[tuple[bool, bool], ...]:
        """For each entry: whether it fits the source's side, and the target's."""
        key = (alert.pack, alert.rule, alert.kind, alert.severity, alert.place_kind, alert.unit, alert.grid)
        known = self._fits.get(key)
        if known is None:
            if len(self._fits) >= _MOST_KNOWN:
                self._fits.clear()
            self._fits[key] = known = tuple(
                (entry.source.fits(alert), entry.target.fits(alert) and bool(alert.early_of or not entry.early))
                for entry in self.entries
            )
        return known


def _common(entry: Inhibit, alert: Alert) -> str:
    values = [str(getattr(alert, part)) for part in entry.equal]
    return "\0".join(values) if all(values) else ""
