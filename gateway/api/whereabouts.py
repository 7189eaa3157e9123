"""Where devices and places stand: unit and grid of each, taken from the registry once a version and minute."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from devices.registry import Registry
from gateway.api.scope import Scope

MINUTE_MS = 60_000


class Spot(NamedTuple):
    """Empty texts mean that there is none."""

    place: str = ""
    unit: str = ""
    grid: str = ""


class Whereabouts:
    """Of one registry at one time (``now``, ms since 1970 UTC); read-only, so it is shared between threads."""

    def __init__(self, registry: Registry, now: int) -> None:
        self.registry = registry
        self.now = now
        self.places: dict[str, Spot] = {}
        self.devices: dict[str, Spot] = {}
        self._children: dict[str, list[str]] = {}
        for name in registry.ids("places"):
            body = registry.get("places", name, now) or registry.get("places", name) or {}
            self.places[name] = Spot(name, *self._inherited(body))
            self._children.setdefault(body.get("parent") or "", []).append(name)
        for name in registry.ids("devices"):
            body = registry.get("devices", name, now) or registry.get("devices", name) or {}
            place = body.get("place") or ""
            self.devices[name] = self.places.get(place, Spot(place))

    def _inherited(self, place: dict[str, Any]) -> tuple[str, str]:
        """Unit and grid of a place, its own or those above it: the rule of ``Registry.subject_parts``."""
        unit, grid = place.get("unit") or "", place.get("grid") or ""
        seen = {place.get("id")}
        above = place.get("parent")
        while above and above not in seen and not (unit and grid):
            seen.add(above)
            parent = self.registry.get("places", above, self.now) or {}
            unit, grid = unit or parent.get("unit") or "", grid or parent.get("grid") or ""
            above = parent.get("parent")
        if unit and not grid:
            grid = (self.registry.get("units", unit, self.now) or {}).get("grid") or ""
        return unit, grid

    def sees_device(self, scope: Scope, device: str) -> bool:
        """Whether ``device`` is in scope where it stands now."""
        spot = self.devices.get(device, Spot())
        return scope.covers(spot.unit, spot.grid)

    def sees_place(self, scope: Scope, place: str) -> bool:
        """Whether ``place`` is in scope."""
        spot = self.places.get(place, Spot())
        return scope.covers(spot.unit, spot.grid)

    def sees_unit(self, scope: Scope, unit: str) -> bool:
        """Whether a unit is in scope itself or through one of its places."""
        if scope.everything:
            return True
        body = self.registry.get("units", unit) or {}
        if scope.covers(unit, body.get("grid") or ""):
            return True
        return any(spot.unit == unit and scope.covers(unit, spot.grid) for spot in self.places.values())

    def below(self, place: str) -> set[str]:
        """``place`` and every place under it."""
        found = {place}
        waiting = [place]
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found


class WhereaboutsCache:
    """The newest ``Whereabouts``, made again when the registry changed or a minute has passed (``from``, ``to``)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[int, int] | None = None
        self._registry: Registry | None = None
        self._found: Whereabouts | None = None

    def get(self, registry: Registry, now: int) -> Whereabouts:
        """``Whereabouts`` of ``registry`` in the minute of ``now``."""
        key = (registry.version, now // MINUTE_MS)
        with self._lock:
            if self._found is None or self._key != key or self._registry is not registry:
                self._found = Whereabouts(registry, now)
                self._key, self._registry = key, registry
            return self._found
