"""Where a device stood when a record came in: what was measured at one unit stays that unit's when the device moves.

Made from every version of the registry in the state; only entries that ever changed cost anything.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from devices.registry import Change, Registry
from gateway import state
from gateway.api.scope import Scope
from gateway.api.whereabouts import Spot, Whereabouts

_KINDS = ("devices", "places", "units")
_Key = tuple[str, str]


class Moves:
    """Of one registry version; read-only but for its cache, so it is shared between threads."""

    def __init__(self, engine: sa.Engine, whereabouts: Whereabouts) -> None:
        self._now = whereabouts
        self._versions: dict[_Key, list[tuple[int, dict[str, Any] | None]]] = {}
        self._timelines: dict[str, tuple[list[int], list[Registry]]] = {}
        table = state.registry
        many = (
            sa.select(table.c.kind, table.c.id)
            .where(table.c.kind.in_(_KINDS))
            .group_by(table.c.kind, table.c.id)
            .having(sa.or_(sa.func.count() > 1, sa.func.max(table.c.body.is_(None))))
        )
        query = sa.select(table).where(sa.tuple_(table.c.kind, table.c.id).in_(many)).order_by(table.c.offset)
        with engine.connect() as connection:
            for row in connection.execute(query).mappings():
                body = None if row["body"] is None else msgspec.json.decode(row["body"])
                self._versions.setdefault((row["kind"], row["id"]), []).append((row["offset"], body))
        gone = {name for kind, name in self._versions if kind == "devices"} - whereabouts.devices.keys()
        #: Every device that is or ever was registered.
        self.devices = sorted({*whereabouts.devices, *gone})

    def sees(self, scope: Scope, device: str, offset: int, at: int) -> bool:
        """Whether a record of ``device``, decided at ``offset`` for the time ``at``, is in scope."""
        if scope.everything:
            return True
        spot = self.spot(device, offset, at)
        return scope.covers(spot.unit, spot.grid)

    def spot(self, device: str, offset: int, at: int) -> Spot:
        """Where ``device`` stood at the time ``at`` by what was known at ``offset``."""
        offsets, registries = self._timeline(device)
        if not offsets:
            if not self._now.registry.turns(device):
                return self._now.devices.get(device, Spot())
            return _spot(self._now.registry, device, at)
        return _spot(registries[max(0, bisect.bisect_right(offsets, offset) - 1)], device, at)

    def devices_of(self, scope: Scope, *, device: str | None = None, place: str | None = None) -> list[str]:
        """Devices that are or ever were in scope (and in ``place`` or below it), in order of their ids.

        A device that nobody registered is named by its own id only, and seen by those who see everything.
        """
        if device is not None and device not in self._now.devices and ("devices", device) not in self._versions:
            return [device] if scope.everything and place is None else []
        below = None if place is None else self._now.below(place)
        found = []
        for name in self.devices if device is None else [device]:
            if scope.everything and below is None:
                found.append(name)
                continue
            if any(
                scope.covers(spot.unit, spot.grid) and (below is None or spot.place in below)
                for spot in self._spots(name)
            ):
                found.append(name)
        return found

    def _spots(self, device: str) -> Iterator[Spot]:
        offsets, registries = self._timeline(device)
        if not offsets:
            yield self._now.devices.get(device, Spot())
        for registry in registries or [self._now.registry]:
            for turn in registry.turns(device):
                yield _spot(registry, device, turn)
                yield _spot(registry, device, turn - 1)
            if offsets:
                yield _spot(registry, device, None)

    def _timeline(self, device: str) -> tuple[list[int], list[Registry]]:
        """The offsets at which something about ``device`` changed, and what held from each on; empty = never."""
        found = self._timelines.get(device)
        if found is None:
            found = self._timelines[device] = self._build(device) if self._versions else ([], [])
        return found

    def _build(self, device: str) -> tuple[list[int], list[Registry]]:
        chain = self._chain(device)
        changes: dict[int, list[Change]] = {}
        for kind, name in chain:
            for offset, body in self._versions.get((kind, name), ()):
                changes.setdefault(offset, []).append(Change(kind, name, body))
        offsets = sorted(changes)
        fixed = [
            Change(kind, name, body)
            for kind, name in chain
            if (kind, name) not in self._versions and (body := self._now.registry.body(kind, name)) is not None
        ]
        registries = []
        for index in range(len(offsets)):
            registry = Registry()
            registry.apply(fixed, -1)
            for offset in offsets[: index + 1]:
                # A removed device keeps its last place: its past is still that unit's.
                kept = [one for one in changes[offset] if one.body is not None or one.kind != "devices"]
                registry.apply(kept, offset)
            registries.append(registry)
        return offsets, registries

    def _chain(self, device: str) -> list[_Key]:
        """The entries that say where ``device`` is or was: itself, its places, those above them, their units."""
        found: dict[_Key, None] = {}
        waiting: list[_Key] = [("devices", device)]
        while waiting:
            key = waiting.pop()
            if key in found or not key[1]:
                continue
            found[key] = None
            bodies = [body for _, body in self._versions.get(key, ())] or [self._now.registry.body(*key)]
            for body in bodies:
                for period in (body or {}).get("periods") or [body or {}]:
                    if key[0] == "devices":
                        waiting.append(("places", period.get("place") or ""))
                    elif key[0] == "places":
                        waiting.append(("places", period.get("parent") or ""))
                        waiting.append(("units", period.get("unit") or ""))
        return list(found)


def _spot(registry: Registry, device: str, at: int | None) -> Spot:
    parts = registry.subject_parts(device, at)
    return Spot(parts.place, parts.unit, parts.grid)


class MovesCache:
    """The newest ``Moves``, made again with the ``Whereabouts`` it rests on."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._whereabouts: Whereabouts | None = None
        self._found: Moves | None = None

    def get(self, whereabouts: Whereabouts) -> Moves:
        """``Moves`` on top of ``whereabouts``."""
        with self._lock:
            if self._found is None or self._whereabouts is not whereabouts:
                self._found = Moves(self._engine, whereabouts)
                self._whereabouts = whereabouts
            return self._found
