"""When waste of a place is to be taken away, as registry and profiles say it (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from custody.fact import Spot
from custody.profile import Profile
from custody.profiles import profile_of
from custody.resolve import spot_of
from devices.calendars import WorkingTime
from devices.registry import Registry

#: Sections of the registry of which a change makes ``Departments.use`` necessary.
KINDS = frozenset({"units", "places", "calendars"})
#: The steps by which waste leaves a place, by the kind of the place.
TAKEN: Mapping[str, frozenset[str]] = {
    "department": frozenset({"collect"}),
    "clinic": frozenset({"collect", "store_out", "load"}),
    "collection_point": frozenset({"collect", "store_out", "load"}),
}


class Round(NamedTuple):
    """When a place is due, as of the registry; ``grace`` in ms, ``works`` says on which days."""

    spot: Spot
    every: str
    by: dt.time
    grace: int
    works: WorkingTime


def rounds(registry: Registry, profiles: Mapping[str, Profile], zone: ZoneInfo, now: int) -> Iterator[Round]:
    """One of every place that is accepted and has waste to be taken away."""
    calendars: dict[str, WorkingTime] = {}
    for name in registry.ids("places"):
        place = registry.get("places", name, now)
        if place is None or place["kind"] not in TAKEN or place.get("state", "accepted") != "accepted":
            continue
        spot = spot_of(registry, registry.place_parts(name, now), now)
        unit = registry.get("units", spot.unit, now) or {}
        profile = profile_of(profiles, spot.producer)
        own = {"every": profile.collection.every, "by": profile.collection.by} | (unit.get("collection") or {})
        calendar = unit.get("calendar", "")
        if calendar not in calendars:
            calendars[calendar] = WorkingTime(_days(registry.body("calendars", calendar)), zone)
        by = dt.time.fromisoformat(own["by"])
        yield Round(spot, own["every"], by, profile.collection.grace_min * 60_000, calendars[calendar])


def _days(calendar: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A calendar with its days and without its hours: a collection may be due after hours."""
    if calendar is None:
        return None
    periods = [
        {key: value for key, value in one.items() if key != "hours"} for one in calendar.get("periods") or [calendar]
    ]
    return {"periods": periods}
