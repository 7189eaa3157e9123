"""Whom a target of the routing file means for an alert, and by which channels (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from alerts.alert import Alert
from devices.calendars import on_duty
from devices.registry import Registry, periods_of

#: A team of this id stands for the city in the order of call.
CITY = "city"


class Receiver(NamedTuple):
    """A channel and the person who is told by it (empty = the channel's own).

    ``others`` are tried when it fails; None where that was said before.
    """

    channel: str
    person: str = ""
    others: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Who is called, whichever channel it is by; written as a target of the routing file."""
        return f"person:{self.person}" if self.person else f"channel:{self.channel}"


class Contacts:
    """Looks people up as of a time. Remembers nothing but the registry's own words; ``unreachable`` grows by name.

    ``own`` are the channels that need no person, ``personal`` those that do; ``preferred`` of them are tried, in that
    order, for people who name none themselves (empty = all).
    """

    def __init__(self, own: Sequence[str], preferred: Sequence[str], personal: Sequence[str], zone: ZoneInfo) -> None:
        self._own = frozenset(own)
        self._preferred = tuple(preferred or personal)
        self._personal = frozenset(personal)
        self._zone = zone
        self._index: tuple[Registry | None, int] = (None, -1)
        self._roles: dict[tuple[str, str], list[str]] = {}
        self._found: dict[tuple[str, int], list[str]] = {}
        #: Whom nobody can reach, name -> why, as met so far.
        self.unreachable: dict[str, str] = {}

    def receivers(self, targets: Sequence[str], alert: Alert, registry: Registry, at: int) -> list[Receiver]:
        """Everybody whom the targets mean at ``at`` (ms since 1970 UTC), each once, in order; empty = nobody."""
        found: dict[Receiver, None] = {}
        for target in targets:
            kind, _, name = target.partition(":")
            if kind == "channel":
                if name in self._own:
                    found[Receiver(name)] = None
                else:
                    self.unreachable[f"channel {name}"] = "is not configured or needs a person"
                continue
            for person in self.people(target, alert, registry, at):
                receiver = self.receiver(person, registry, at)
                if receiver is not None:
                    found[receiver] = None
        return list(found)

    def receiver(self, person: str, registry: Registry, at: int) -> Receiver | None:
        """How a person is told; None where not at all."""
        entry = registry.get("people", person, at)
        if entry is None:
            self.unreachable[f"person {person}"] = "is not in the registry"
            return None
        wanted = entry.get("channels") or self._preferred
        channels = [name for name in dict.fromkeys(wanted) if name in self._personal]
        if not channels:
            self.unreachable[f"person {person}"] = "has no channel that is configured"
            return None
        return Receiver(channels[0], person, tuple(channels[1:]))

    def people(self, target: str, alert: Alert, registry: Registry, at: int) -> list[str]:
        """The ids of the people whom a target other than a channel means."""
        kind, _, name = target.partition(":")
        self._refresh(registry)
        if kind == "person":
            return [name]
        if kind == "team":
            return self._team(name, registry, at)
        if kind == "city":
            return self._city(alert, registry, at)
        if kind == "grid_officer":
            return self._officers(list(reversed(alert.grid.split("/"))), registry, at)
        if not alert.unit:
            return []
        found = self._contacts(alert.unit, registry, at) if kind == "unit_contact" else self._heads(alert, registry, at)
        if not found:
            self.unreachable[f"unit {alert.unit}"] = f"has no {kind.removeprefix('unit_')}"
        return found

    def _contacts(self, unit: str, registry: Registry, at: int) -> list[str]:
        """The unit's contacts but its heads, who come later; the heads where it has no others."""
        named: list[str] = (registry.get("units", unit, at) or {}).get("contacts", [])
        named = named or self._with_role(unit, "contact", registry, at)
        return [one for one in named if _role(registry, one, at) != "head"] or list(named)

    def _heads(self, alert: Alert, registry: Registry, at: int) -> list[str]:
        named: list[str] = (registry.get("units", alert.unit, at) or {}).get("contacts", [])
        heads = [one for one in named if _role(registry, one, at) == "head"]
        return heads or self._with_role(alert.unit, "head", registry, at)

    @staticmethod
    def _officers(path: Sequence[str], registry: Registry, at: int) -> list[str]:
        for name in path:
            officers: list[str] = (registry.get("grid", name, at) or {}).get("officers", []) if name else []
            if officers:
                return officers
        return []

    def _city(self, alert: Alert, registry: Registry, at: int) -> list[str]:
        if registry.knows("teams", CITY):
            return self._team(CITY, registry, at)
        operators = self._with_role("", "operator", registry, at)
        return operators or self._officers(alert.grid.split("/")[:1], registry, at)

    def _team(self, name: str, registry: Registry, at: int) -> list[str]:
        found = self._found.get((name, at))
        if found is None:
            team = registry.get("teams", name, at)
            if team is None:
                self.unreachable[f"team {name}"] = "is not in the registry"
            found = [] if team is None else duty(team, registry, at, self._zone)
            self._found = {(name, at): found}
        return found

    def _with_role(self, unit: str, role: str, registry: Registry, at: int) -> list[str]:
        return [
            one
            for one in self._roles.get((unit, role), [])
            if (entry := registry.get("people", one, at)) is not None
            and (entry.get("unit", ""), entry["role"]) == (unit, role)
        ]

    def _refresh(self, registry: Registry) -> None:
        """Read who has which role where once for each version of the registry."""
        if self._index == (registry, registry.version):
            return
        self._index = (registry, registry.version)
        self._found = {}
        self._roles = {}
        for one in registry.ids("people"):
            places = {(period.get("unit", ""), period["role"]) for period in periods_of(registry.body("people", one))}
            for place in sorted(places):
                self._roles.setdefault(place, []).append(one)


def _role(registry: Registry, person: str, at: int) -> str:
    return str((registry.get("people", person, at) or {}).get("role", ""))


def duty(team: dict[str, Any], registry: Registry, at: int, zone: ZoneInfo) -> list[str]:
    """Who of a team is called at ``at``: those on duty, and all its members where the roster has nobody.

    By the team's calendar a holiday counts as a Sunday and a shifted working day as a Monday; ``dates`` of the roster
    come before that.
    """
    calendar = registry.get("calendars", team.get("calendar", ""), at) or {}
    holidays, workdays = calendar.get("holidays", []), calendar.get("workdays", [])
    roster = [_shifted(entry, holidays, workdays) for entry in team.get("roster", [])]
    return on_duty({**team, "roster": roster}, at, zone) or list(dict.fromkeys(team.get("members", [])))


def _shifted(entry: dict[str, Any], holidays: list[str], workdays: list[str]) -> dict[str, Any]:
    weekdays = entry.get("weekdays")
    if not weekdays:
        return entry
    added = [*(holidays if 7 in weekdays else []), *(workdays if 1 in weekdays else [])]
    without = [*([] if 7 in weekdays else holidays), *([] if 1 in weekdays else workdays)]
    dates = [*entry.get("dates", []), *(day for day in added if day not in without)]
    return {**entry, "dates": dates, "holidays": without}
