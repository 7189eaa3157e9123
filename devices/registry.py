"""The registry in memory: who and what is supervised, as of one journal offset (pure).

Entries are kept as the JSON bytes of their bodies and decoded on demand, so that ten thousand devices fit into a few
MiB. Folded from journal records by decide and by each store follower, each with a Registry of its own. An import
replaces entries by (kind, id); an entry goes only by a change that says so (``body`` None).

A body has the keys of the registry file (``devices.model``) in plain JSON shapes. ``from``, ``to`` (exclusive) and
``earliest`` are ms since 1970 UTC. An entry that occurs several times has the body
``{"id": ..., "periods": [body, ...]}`` in order of ``from``; ``get`` picks one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from devices.observation import Subject
from devices.parameters import CATALOGUE, convert
from devices.topics import matches, specificity

#: The sections of a registry file, in its order (DESIGN 4.6).
KINDS = (
    *("units", "places", "grid", "devices", "scales", "people", "vehicles", "containers", "labels", "calendars"),
    *("teams", "sources"),
)

#: Keys of a person that never stand in journal or ledger (DESIGN 1, invariant 10).
PRIVATE = frozenset({"name", "phone", "email", "password", "token"})

#: Sites and devices in topics (DESIGN 4.1).
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

#: Decoded bodies and topics that are remembered; more are only slower.
_BODIES = 4096
_TOPICS = 65_536
#: A longer topic is not remembered, so that strangers cannot fill the memory.
_LONG_TOPIC = 256

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class Change(msgspec.Struct):
    """One entry as it is from now on; ``body`` None removes it. ``kind`` is one of ``KINDS``."""

    kind: str
    id: str
    body: dict[str, Any] | None


class Address(NamedTuple):
    """Whom a message is from. ``device`` is None where ``source`` finds it in the payload (a JSON path)."""

    device: str | None
    source: dict[str, Any] | None
    channel: str


class Labels(NamedTuple):
    """The labels of a device, in the order of the stores' tags; absent ones are ``-``."""

    device: str
    kind: str = "-"
    place: str = "-"
    unit: str = "-"
    district: str = "-"


class SubjectParts(NamedTuple):
    """What decisions ask about where a device measures; absent parts are empty.

    ``accepted``: notifies and counts; ``service``: neither suspended nor retired; ``upstream``: whose water comes here.
    """

    place: str = ""
    place_kind: str = ""
    unit: str = ""
    profile: str = ""
    disinfectant: str = ""
    grid: str = ""
    accepted: bool = True
    service: bool = True
    upstream: str = ""


_NOBODY: tuple[tuple[str, int | None], SubjectParts, dict[str, Any]] = ("", None), SubjectParts(), {}


class Registry:
    """See the module's docstring. ``root`` is the topic root of DESIGN 4.1, without a slash at its end."""

    def __init__(self, root: str = "hygeia/v1") -> None:
        self.version = -1
        self._prefix = f"{root}/"
        self._entries: dict[str, dict[str, bytes]] = {kind: {} for kind in KINDS}
        self._bodies: dict[tuple[str, str], dict[str, Any]] = {}
        self._addresses: dict[str, Address | None] = {}
        self._sources: list[tuple[list[str], dict[str, Any]]] | None = None
        # Of whom ``subject`` was asked last: the channels of a device are asked for one after the other.
        self._last: tuple[tuple[str, int | None], SubjectParts, dict[str, Any]] = _NOBODY

    def apply(self, changes: Iterable[Change], offset: int) -> None:
        """Fold the changes of the journal record at ``offset``; the same changes again change nothing."""
        for change in changes:
            entries = self._entries[change.kind]
            if change.body is None:
                entries.pop(change.id, None)
            else:
                entries[change.id] = _encode(change.body)
        self._changed(offset)

    def load(self, rows: Iterable[tuple[str, str, bytes]], offset: int) -> None:
        """Take over (kind, id, JSON body) rows as of ``offset``, forgetting what was there."""
        self._entries = {kind: {} for kind in KINDS}
        for kind, name, body in rows:
            self._entries[kind][name] = body
        self._changed(offset)

    def rows(self) -> Iterator[tuple[str, str, bytes]]:
        """Every entry as ``load`` takes it."""
        return ((kind, name, body) for kind, entries in self._entries.items() for name, body in entries.items())

    def _changed(self, offset: int) -> None:
        self.version = offset
        self._bodies.clear()
        self._addresses.clear()
        self._sources = None
        self._last = _NOBODY

    def body(self, kind: str, name: str) -> dict[str, Any] | None:
        """The whole body, with all its periods; shared, so it must not be changed. None = not registered."""
        found = self._bodies.get((kind, name))
        if found is not None:
            return found
        raw = self._entries[kind].get(name)
        if raw is None:
            return None
        if len(self._bodies) >= _BODIES:
            self._bodies.clear()
        found = _decode(raw)
        self._bodies[kind, name] = found
        return found

    def get(self, kind: str, id: str, at: int | None = None) -> dict[str, Any] | None:  # noqa: A002 - the field's word
        """The entry in force at ``at`` (ms since 1970 UTC), or the newest period without ``at``.

        None where it is not registered or no period holds at that time. Shared: must not be changed.
        """
        found = self._bodies.get((kind, id)) or self.body(kind, id)
        if found is None:
            return None
        periods = found.get("periods")
        if periods is None:
            return found if at is None or _holds(found, at) else None
        if at is None:
            return periods[-1]  # type: ignore[no-any-return]
        return next((period for period in reversed(periods) if _holds(period, at)), None)

    def knows(self, kind: str, name: str) -> bool:
        """Whether an entry is registered."""
        return name in self._entries[kind]

    def ids(self, kind: str) -> list[str]:
        """Every registered id of a kind, sorted."""
        return sorted(self._entries[kind])

    def resolve(self, topic: str) -> Address | None:
        """Whom a topic belongs to: the root's topics first, then the sources, the most specific filter first.

        None where nobody has it. A device of the root's topics need not be registered.
        """
        try:
            return self._addresses[topic]
        except KeyError:
            pass
        found = self._under_root(topic) or self._under_sources(topic)
        if len(topic) <= _LONG_TOPIC:
            if len(self._addresses) >= _TOPICS:
                self._addresses.clear()
            self._addresses[topic] = found
        return found

    def _under_root(self, topic: str) -> Address | None:
        if not topic.startswith(self._prefix):
            return None
        parts = topic[len(self._prefix) :].split("/")
        if len(parts) != 4 or parts[2] != "up" or parts[3] not in {"telemetry", "event", "status"}:
            return None
        if _NAME.fullmatch(parts[0]) and _NAME.fullmatch(parts[1]):
            return Address(parts[1], None, parts[3])
        return None

    def _under_sources(self, topic: str) -> Address | None:
        if self._sources is None:
            sources = [source for name in self.ids("sources") if (source := self.get("sources", name)) is not None]
            sources.sort(key=lambda source: specificity(source["filter"]))
            self._sources = [(source["filter"].split("/"), source) for source in sources]
        levels = topic.split("/")
        for pattern, source in self._sources:
            if matches(pattern, levels):
                return Address(_device_of(source["device"], levels), source, "telemetry")
        return None

    def tags(self, device: str, at: int | None = None) -> Labels:
        """The labels of a device; the district is the first step of the grid path."""
        entry = self.get("devices", device, at)
        if entry is None:
            return Labels(device or "-")
        parts = self.subject_parts(device, at)
        district = parts.grid.split("/", 1)[0]
        return Labels(device, entry["kind"], parts.place or "-", parts.unit or "-", district or "-")

    def subject_parts(self, device: str, at: int | None = None) -> SubjectParts:
        """What is known of the place a device measures; unit and grid come from the places above where it has none."""
        entry = self.get("devices", device, at)
        return self.place_parts(entry.get("place", "") if entry else "", at)

    def place_parts(self, name: str, at: int | None = None) -> SubjectParts:
        """What is known of a place; of one that nobody knows only its name."""
        place = self.get("places", name, at) if name else None
        if place is None:
            return SubjectParts(place=name)
        unit, grid = self._above(place, at)
        state = place.get("state", "accepted")
        return SubjectParts(
            place=name,
            place_kind=place["kind"],
            unit=unit,
            profile=place.get("profile", ""),
            disinfectant=place.get("disinfectant", ""),
            grid=grid,
            accepted=state == "accepted",
            service=state not in {"suspended", "retired"},
            upstream=place.get("upstream", ""),
        )

    def _above(self, place: dict[str, Any], at: int | None) -> tuple[str, str]:
        """Unit and grid path of a place: its own, else those of the nearest place above, else the unit's grid."""
        unit, grid = place.get("unit", ""), place.get("grid", "")
        seen = {place["id"]}
        above = place.get("parent")
        while above and above not in seen and not (unit and grid):
            seen.add(above)
            parent = self.get("places", above, at) or {}
            unit, grid = unit or parent.get("unit", ""), grid or parent.get("grid", "")
            above = parent.get("parent")
        if unit and not grid:
            grid = (self.get("units", unit, at) or {}).get("grid", "")
        return unit, grid

    def subject(
        self, device: str, point: str, parameter: str, channel: int = -1, at: int | None = None, *, place: str = ""
    ) -> Subject:
        """What a rule may ask of one channel of a device at a time; without ``parameter``, of the device itself.

        ``place``: as if the device measured there.
        """
        if self._last[0] != (device, at):
            self._last = (device, at), self.subject_parts(device, at), self.get("devices", device, at) or {}
        _, parts, entry = self._last
        if place and place != parts.place:
            parts = self.place_parts(place, at)
        known = CATALOGUE.get(parameter)
        own = _channel(entry, point, parameter) if parameter else {}
        low, high = self._limits(parts.place, parameter, at)
        return Subject(
            key=f"{device}/{point}/{parameter}",
            device=device,
            point=point,
            parameter=parameter,
            parameter_unit=known.unit if known else "",
            place=parts.place,
            place_kind=parts.place_kind,
            unit=parts.unit,
            profile=parts.profile,
            disinfectant=parts.disinfectant,
            grid=parts.grid,
            channel=channel,
            notify=parts.accepted,
            service=parts.service,
            low=low,
            high=high,
            mode=own.get("mode", ""),
            report_ms=1000 * (own.get("report_s") or entry.get("report_s", 0)),
            device_kind=entry.get("kind", ""),
            upstream=parts.upstream,
        )

    def _limits(self, place: str, parameter: str, at: int | None) -> tuple[float | None, float | None]:
        """(low, high) that a place sets for a parameter itself, in the catalogue's unit; the newest without ``at``."""
        entry = self.get("places", place, at) if place and parameter else None
        for limit in reversed(entry.get("limits", []) if entry else []):
            if limit["parameter"] == parameter and (at is None or _holds(limit, at)):
                low, high = limit.get("min"), limit.get("max")
                if "unit" in limit:
                    factors = convert(limit["unit"], CATALOGUE[parameter].unit)
                    low, high = _converted(low, factors), _converted(high, factors)
                return low, high
        return None, None

    def turns(self, device: str) -> list[int]:
        """The times at which what is known of a device changes by ``from`` or ``to`` (sorted; mostly empty).

        Between two of them ``get``, ``tags`` and ``subject`` of a device stay the same.
        """
        body = self.body("devices", device)
        return self._turns([body], [period.get("place") for period in periods_of(body)])

    def place_turns(self, place: str) -> list[int]:
        """The same of a place and ``place_parts``."""
        return self._turns([], [place])

    def _turns(self, bodies: list[dict[str, Any] | None], waiting: list[str | None]) -> list[int]:
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name and name not in seen:
                seen.add(name)
                bodies.append(self.body("places", name))
                for period in periods_of(bodies[-1]):
                    bodies += period.get("limits", [])
                    waiting.append(period.get("parent"))
                    bodies.append(self.body("units", period.get("unit", "")))
        return sorted(
            {period[key] for body in bodies for period in periods_of(body) for key in ("from", "to") if key in period}
        )


def periods_of(body: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The periods of a body in order of ``from``; mostly only itself."""
    if body is None:
        return []
    periods: list[dict[str, Any]] = body.get("periods") or [body]
    return periods


def _channel(device: dict[str, Any], point: str, parameter: str) -> dict[str, Any]:
    """The entry of a device's channel; empty where it has none."""
    for channel in device.get("channels", ()):
        if channel["parameter"] == parameter and channel.get("point", "-") == point:
            found: dict[str, Any] = channel
            return found
    return {}


def _converted(value: float | None, factors: tuple[float, float]) -> float | None:
    """``a * value + b``, without the noise of binary fractions."""
    return None if value is None else float(f"{factors[0] * value + factors[1]:.12g}")


def _holds(period: dict[str, Any], at: int) -> bool:
    return bool(period.get("from", at) <= at < period.get("to", at + 1))


def _device_of(rule: str, levels: list[str]) -> str | None:
    """The device by a source's ``device`` rule: ``topic[i]``, ``=literal``, or None for a JSON path."""
    if rule.startswith("="):
        return rule[1:]
    if rule.startswith("topic["):
        index = int(rule[6:-1])
        return levels[index] if index < len(levels) else ""
    return None


def split_private(person: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what may be journaled, what may only stand in the erasable table) of a person's body."""
    if "periods" in person:
        pairs = [split_private(period) for period in person["periods"]]
        private: dict[str, Any] = {}
        for _, part in pairs:
            private |= part
        return {**person, "periods": [public for public, _ in pairs]}, private
    public = {key: value for key, value in person.items() if key not in PRIVATE}
    return public, {key: value for key, value in person.items() if key in PRIVATE}
