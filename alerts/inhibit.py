"""Which alert mutes which: the cause is told, its consequences are not (pure).

A source mutes while its condition stands and its alert is neither closed nor out of service. It fails open: an alert
that nobody hears of (its place does not notify, or it began under a maintenance session) mutes none that somebody
would hear of, none mutes what mutes it (so that of several that explain
each other one always speaks), and an alert that fits both sides of an entry is muted only by one that does not.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from alerts.alert import Alert

RANK = {"info": 0, "warning": 1, "major": 2, "critical": 3}
_HELD_BY_ALERT = "alert:"
_HELD_BY_SESSION = "maintenance:"
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

#: Alerts of one device are few: entries about them are looked up there, all others in an index.
_NEAR: frozenset[Common] = frozenset({"device", "key"})
#: (entry of the list, what both sides have in common)
_Group = tuple[int, Any]
#: What decides whether a source may mute a target: (fits the other side too, notifies, rank of severity).
_Slot = tuple[bool, bool, int]
#: Alerts of a side by group and slot, each slot ordered by (offset, id).
_Sided = dict[_Group, dict[_Slot, list[tuple[int, str]]]]


class _Part(NamedTuple):
    """How entry ``n`` concerns alerts of one make; ``both``: it fits both sides, and two such could mute each other."""

    n: int
    source: bool
    target: bool
    both: bool


class Inhibition:
    """Finds sources and targets among the alerts that are open; kept by ``put``.

    ``alerts`` are all by id, ``near`` gives those of a device, in any order.
    """

    def __init__(self, alerts: Mapping[str, Alert], near: Callable[[str], Sequence[Alert]]) -> None:
        self.entries: tuple[Inhibit, ...] = DEFAULTS
        self._alerts = alerts
        self._near = near
        self._standing: set[str] = set()
        self._sources: _Sided = {}
        self._free: _Sided = {}
        self._at: dict[str, list[tuple[_Sided, _Group, _Slot]]] = {}
        self._parts: dict[tuple[str, ...], dict[int, _Part]] = {}
        self._common: list[Callable[[Alert], Any]] = []
        self.renew()

    def use(self, entries: Sequence[Inhibit]) -> None:
        """Take these entries besides the ones that are always in force, and put every alert anew."""
        self.entries = (*DEFAULTS, *entries)
        self.renew()

    def renew(self) -> None:
        """Put every alert anew."""
        for held in (self._standing, self._sources, self._free, self._at, self._parts):
            held.clear()
        self._common = [_getter(entry.equal) for entry in self.entries]
        for alert in self._alerts.values():
            self.put(alert)

    def is_source(self, alert: Alert) -> bool:
        """Whether it was put as one that stands."""
        return alert.id in self._standing

    def put(self, alert: Alert) -> None:
        """Take an alert as it is now, in place of what was known of it."""
        for sided, group, slot in self._at.pop(alert.id, ()):
            _remove(sided, group, slot, alert)
        stands = _stands(alert)
        (self._standing.add if stands else self._standing.discard)(alert.id)
        places: list[tuple[_Sided, _Group, _Slot]] = []
        for part in self._parts_of(alert).values():
            if not _NEAR.isdisjoint(self.entries[part.n].equal):
                continue
            group = (part.n, self._common[part.n](alert))
            if not all(group[1]):
                continue
            slot = (part.both, alert.notify, RANK[alert.severity])
            if part.source and stands:
                places.append((self._sources, group, slot))
            if part.target and _free(alert):
                places.append((self._free, group, slot))
        for sided, group, slot in places:
            insort(sided.setdefault(group, {}).setdefault(slot, []), (alert.offset, alert.id))
        if places:
            self._at[alert.id] = places

    def source_of(self, target: Alert) -> str | None:
        """The id of the alert that mutes this one; None = none.

        The present one while it may, else the newest by the first entry that has one: what fired last is over last
        when trouble ends in the order in which it began, and nothing is handed on from one to the next.
        """
        parts = [part for part in self._parts_of(target).values() if part.target]
        if not parts:
            return None
        present = self._alerts.get(target.held_by.removeprefix(_HELD_BY_ALERT))
        if present is not None and any(self._mutes(part.n, present, target) for part in parts):
            return present.id
        near = self._near(target.device)
        for part in parts:
            if _NEAR.isdisjoint(self.entries[part.n].equal):
                best = self._far_source(part, target)
            else:
                found = ((one.offset, one.id) for one in near if self._mutes(part.n, one, target))
                best = max(found, default=None)
            if best is not None:
                return best[1]
        return None

    def targets_of(self, source: Alert) -> list[Alert]:
        """Alerts that none mutes and that this one may, the earliest first."""
        found: set[tuple[int, str]] = set()
        if not _stands(source):
            return []
        for part in self._parts_of(source).values():
            entry = self.entries[part.n]
            if not part.source:
                continue
            if not _NEAR.isdisjoint(entry.equal):
                free = (one for one in self._near(source.device) if _free(one))
                found.update((one.offset, one.id) for one in free if self._mutes(part.n, source, one))
                continue
            slots = self._free.get((part.n, self._common[part.n](source)), {})
            for slot, listed in slots.items():
                if _may(entry, (part.both, source.notify, RANK[source.severity]), slot):
                    found.update(listed)
        return [self._alerts[name] for _, name in sorted(found) if name != source.id]

    def _far_source(self, part: _Part, target: Alert) -> tuple[int, str] | None:
        entry, aim = self.entries[part.n], (part.both, target.notify, RANK[target.severity])
        best: tuple[int, str] | None = None
        for slot, listed in self._sources.get((part.n, self._common[part.n](target)), {}).items():
            if _may(entry, slot, aim):
                newest = next((one for one in reversed(listed) if self._not_below(one[1], target)), None)
                best = newest if best is None or (newest is not None and newest > best) else best
        return best

    def _mutes(self, n: int, source: Alert, target: Alert) -> bool:
        """Whether this alert mutes that one by entry ``n``."""
        common = self._common[n](target)
        if common != self._common[n](source) or not all(common) or not _stands(source):
            return False
        entry, cause, effect = self.entries[n], self._parts_of(source).get(n), self._parts_of(target).get(n)
        if cause is None or effect is None or not (cause.source and effect.target):
            return False
        slot = (cause.both, source.notify, RANK[source.severity])
        if not _may(entry, slot, (effect.both, target.notify, RANK[target.severity])):
            return False
        if entry.early and (source.pack, source.rule) != (target.pack, target.early_of):
            return False
        return self._not_below(source.id, target)

    def _not_below(self, source: str, target: Alert) -> bool:
        """Whether the target is not what mutes the source, directly or through others, nor the source itself."""
        alert = self._alerts.get(source)
        while alert is not None and alert.id != target.id:
            if not alert.held_by.startswith(_HELD_BY_ALERT):
                return True
            alert = self._alerts.get(alert.held_by.removeprefix(_HELD_BY_ALERT))
        return alert is None

    def _parts_of(self, alert: Alert) -> dict[int, _Part]:
        """The entries that concern this alert."""
        key = (
            alert.rule,
            alert.pack,
            alert.kind,
            alert.severity,
            alert.place_kind,
            alert.unit,
            alert.grid,
            alert.early_of,
        )
        known = self._parts.get(key)
        if known is None:
            if len(self._parts) >= _MOST_KNOWN:
                self._parts.clear()
            parts = (_part(n, entry, alert) for n, entry in enumerate(self.entries))
            self._parts[key] = known = {part.n: part for part in parts if part.source or part.target}
        return known


def _part(n: int, entry: Inhibit, alert: Alert) -> _Part:
    source = entry.source.fits(alert)
    target = entry.target.fits(alert) and (bool(alert.early_of) or not entry.early)
    return _Part(n, source, target, source and target and not (entry.higher or entry.early))


def _stands(alert: Alert) -> bool:
    """Whether it may explain others.

    What began under a maintenance session nobody has heard of, and of others nobody would hear for as long as the
    session lasts; those that the same session holds need no other reason. What is muted by such an alert cannot be: it
    was released when that one began, so this holds along a chain of causes too.
    """
    if not alert.on or alert.state in {"closed", "out_of_service"}:
        return False
    known = alert.kept in {"active", "acknowledged"} or alert.acknowledged_by is not None
    return known or not alert.held_by.startswith(_HELD_BY_SESSION)


def _free(alert: Alert) -> bool:
    """Whether it stands or is held by something else than an alert."""
    return alert.on and alert.state != "closed" and not alert.held_by.startswith(_HELD_BY_ALERT)


def _may(entry: Inhibit, source: _Slot, target: _Slot) -> bool:
    if (source[0] and target[0]) or (target[1] and not source[1]):
        return False
    return not entry.higher or source[2] > target[2]


def _getter(equal: tuple[Common, ...]) -> Callable[[Alert], Any]:
    if len(equal) > 1:
        return attrgetter(*equal)
    part = attrgetter(*equal)
    return lambda alert: (part(alert),)


def _remove(sided: _Sided, group: _Group, slot: _Slot, alert: Alert) -> None:
    held = sided[group]
    listed = held[slot]
    del listed[bisect_left(listed, (alert.offset, alert.id))]
    if not listed:
        del held[slot]
    if not held:
        del sided[group]
