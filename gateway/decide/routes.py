"""Routes: from the topic of a message to the device, its codec and its plan, found once and remembered (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from devices.codecs import hygeia_json, json_map
from devices.observation import Subject
from devices.plan import Plan, compile_plan
from devices.reading import Decoded
from devices.registry import Address, Registry
from gateway.store.base import Tags

#: Subjects of channels that are remembered; more only cost time.
SUBJECTS = 16_384

Decode = Callable[[bytes, Plan, int], Decoded]


class Guard(NamedTuple):
    """The channel whose state says whether another one's values count, and the state in which they do."""

    parameter: str
    point: str
    state: float


class Route:
    """Where messages of one topic go; ``plan`` is None for a device that the registry does not know.

    Holds until journal time ``until``, when a ``from`` or ``to`` of the registry changes what is known of the device.
    ``reply`` is the topic of replies, empty for foreign sources. ``slot`` is the device's in ``alerts.presence``, -1
    until it is asked for. ``guards`` are the channels with a ``valid_when``, by (parameter, point); None = none is.
    """

    __slots__ = (
        "_at",
        "_registry",
        "channel",
        "decode",
        "device",
        "guards",
        "plan",
        "reply",
        "slot",
        "tags",
        "until",
    )

    def __init__(self, registry: Registry, device: str, address: Address, reply: str, at: int) -> None:
        self._registry = registry
        self._at = at
        self.device = device
        self.channel = address.channel
        self.reply = reply
        source = address.source
        known = registry.get("devices", device, at) is not None
        self.plan: Plan | None = compile_plan(registry, device, source, at) if known else None
        self.decode: Decode = json_map.decode if source and source["codec"] == "json-map" else hygeia_json.decode
        self.slot = -1
        self.guards = None if self.plan is None else _guards(registry, device, self.plan, at)
        self.tags = Tags(*registry.tags(device, at))
        self.until = min((turn for turn in registry.turns(device) if turn > at), default=math.inf)

    def subject(self, index: int, parameter: str, point: str) -> Subject:
        """What a rule may ask of a channel of this device."""
        return self._registry.subject(self.device, point, parameter, index, self._at)


def _guards(registry: Registry, device: str, plan: Plan, at: int) -> dict[tuple[str, str], Guard] | None:
    guards = {}
    for channel in (registry.get("devices", device, at) or {}).get("channels") or ():
        if not channel.get("valid_when"):
            continue
        key, _, state = channel["valid_when"].partition("=")
        other = plan.profile.channel(key)
        wanted = _number(state)
        if other is not None and wanted is not None:
            guards[channel["parameter"], channel.get("point", "-")] = Guard(other.parameter, other.point, wanted)
    return guards or None


def _number(state: str) -> float | None:
    """The state of a condition; none written means on."""
    try:
        return float(state) if state else 1.0
    except ValueError:
        return None


class Routes:
    """Routes by topic. Only topics of known devices are remembered: strangers cannot make it grow.

    Of subjects some are remembered: those of quiet channels are asked for once, and a fleet has 600,000.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._subjects: dict[int, tuple[Route, Subject]] = {}
        self._known: dict[bytes, Route] = {}
        # Several devices behind one topic (a JSON path names the device).
        self._behind: dict[tuple[bytes, str], Route] = {}

    def clear(self) -> None:
        """Forget all: the registry changed."""
        self._known.clear()
        self._behind.clear()
        self._subjects.clear()

    def subject(self, route: Route, index: int, parameter: str, point: str) -> Subject:
        """What a rule may ask of a channel of a route's device."""
        found = self._subjects.get(index)
        if found is not None and found[0] is route:
            return found[1]
        if len(self._subjects) >= SUBJECTS:
            self._subjects.clear()
        subject = route.subject(index, parameter, point)
        self._subjects[index] = (route, subject)
        return subject

    def find(self, topic: bytes, payload: bytes, now: int) -> Route | None:
        """The route of a message received at journal time ``now``; None where the topic is nobody's."""
        found = self._known.get(topic)
        if found is not None and now < found.until:
            return found
        text = topic.decode("utf-8", "replace")
        address = self._registry.resolve(text)
        if address is None:
            return None
        if address.device is not None or address.source is None:
            route = self._make(address.device or "", address, text, now)
            if route.plan is not None:
                self._known[topic] = route
            return route
        device = json_map.device_of(address.source, text, payload) or ""
        found = self._behind.get((topic, device))
        if found is not None and now < found.until:
            return found
        route = self._make(device, address, text, now)
        if route.plan is not None:
            self._behind[topic, device] = route
        return route

    def _make(self, device: str, address: Address, topic: str, now: int) -> Route:
        reply = f"{topic.rsplit('/up/', 1)[0]}/down/reply" if address.source is None else ""
        return Route(self._registry, device, address, reply, now)

    def tags(self, device: str, at: int) -> Tags:
        """The labels of a device at journal time ``at``."""
        return Tags(*self._registry.tags(device, at))
