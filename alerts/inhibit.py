"""Which alert mutes which: the cause is told, its consequences are not (pure).

A source mutes while its condition stands and its alert is neither closed nor out of service. It fails open: an alert
that nobody hears of mutes none that somebody would hear of, none mutes what mutes it (so that of several that explain
each other one always speaks), and an alert that fits both sides of an entry is muted only by one that does not.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from alerts.alert import Alert

RANK = {"info": 0, "warning": 1, "major": 2, "critical": 3}
_HELD_BY_ALERT = "alert:"


class Inhibit(msgspec.Struct, frozen=True):
    """One entry: alerts that fit ``target`` are muted while one that fits ``source`` stands.

    ``source`` and ``target`` are globs over ``RULE`` or ``PACK/RULE``, ``*_kinds`` kinds of conditions (none = any).
    Both must agree in ``equal`` and have a value there; ``subject`` is the same parameter at the same point of the
    same device. ``higher``: only where the source's severity is above the target's. ``early``: only where the target is
    the early warning of the source.
    """

    source: str = "*"
    target: str = "*"
    equal: Literal["subject", "device", "place", "unit", "grid"] = "device"
    source_kinds: tuple[str, ...] = ()
    target_kinds: tuple[str, ...] = ()
    higher: bool = False
    early: bool = False


#: Always in force: what is an early warning of a standing alert, what a silent device explains, and a higher level.
DEFAULTS: tuple[Inhibit, ...] = (
    Inhibit(equal="subject", early=True),
    Inhibit(equal="device", source_kinds=("silent",), target_kinds=("absent", "invalid")),
    Inhibit(equal="subject", source_kinds=("limit",), target_kinds=("limit",), higher=True),
)

#: (entry of the list, what both sides have in common)
_Group = tuple[int, str]
#: Sources of a group by what decides whether they may mute: (fits the target's side too, notifies, rank of severity).
_Sources = dict[tuple[bool, bool, int], list[tuple[int, str]]]


class Inhibition:
    """Finds sources and targets among the alerts that are open; kept by ``put`` and ``drop``."""

    def __init__(self, alerts: Mapping[str, Alert]) -> None:
        self.entries: tuple[Inhibit, ...] = DEFAULTS
        self._alerts = alerts
        self._sources: dict[_Group, _Sources] = {}
        self._free: dict[_Group, dict[str, None]] = {}
        self._source_at: dict[str, list[tuple[_Group, tuple[bool, bool, int]]]] = {}
        self._free_at: dict[str, list[_Group]] = {}
        self._fits: dict[tuple[str, str, str], tuple[tuple[bool, bool], ...]] = {}

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
        best: tuple[int, str] | None = None
        for n, (is_source, is_target) in enumerate(self._sides(target)):
            held = self._sources.get((n, _common(self.entries[n], target))) if is_target else None
            if held is None:
                continue
            both = is_source and self._symmetric(n)
            for slot, listed in held.items():
                if not self._may(self.entries[n], slot, target, both=both):
                    continue
                for found in listed:
                    if target.held_by == _HELD_BY_ALERT + found[1] and self._explains(n, found[1], target):
                        return found[1]
                    if best is not None and found >= best:
                        break
                    if self._explains(n, found[1], target):
                        best = found
                        break
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

    @staticmethod
    def _may(entry: Inhibit, slot: tuple[bool, bool, int], target: Alert, *, both: bool) -> bool:
        fits_both, notifies, rank = slot
        if (fits_both and both) or (target.notify and not notifies):
            return False
        return not entry.higher or rank > RANK[target.severity]

    def _explains(self, n: int, source: str, target: Alert) -> bool:
        alert = self._alerts[source]
        if self.entries[n].early and (alert.pack, alert.rule) != (target.pack, target.early_of):
            return False
        # Up the chain of what mutes the source: the target must not be in it.
        while alert.id != target.id:
            if not alert.held_by.startswith(_HELD_BY_ALERT):
                return True
            alert = self._alerts[alert.held_by.removeprefix(_HELD_BY_ALERT)]
        return False

    def _sides(self, alert: Alert) -> tuple[tuple[bool, bool], ...]:
        """For each entry: whether it fits the source's side, and the target's."""
        key = (alert.pack, alert.rule, alert.kind)
        known = self._fits.get(key)
        if known is None:
            self._fits[key] = known = tuple(
                (
                    _fits(entry.source, entry.source_kinds, alert),
                    _fits(entry.target, entry.target_kinds, alert) and bool(alert.early_of or not entry.early),
                )
                for entry in self.entries
            )
        return known


def _fits(pattern: str, kinds: tuple[str, ...], alert: Alert) -> bool:
    if kinds and alert.kind not in kinds:
        return False
    return fnmatchcase(alert.rule, pattern) or fnmatchcase(f"{alert.pack}/{alert.rule}", pattern)


def _common(entry: Inhibit, alert: Alert) -> str:
    match entry.equal:
        case "subject":
            return alert.key
        case "device":
            return alert.device
        case "place":
            return alert.place
        case "unit":
            return alert.unit
        case "grid":
            return alert.grid
