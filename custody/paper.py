"""What a manifest is (pure data; ``custody.manifest`` makes it)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from custody.container import Condition
from custody.fact import Fact, Party, Spot

State = Literal["open", "departed", "received", "confirmed", "refused_in_part"]
#: How a container came to the receiver; ``open`` = nothing is known of it yet.
Fate = Literal["open", "seen", "inferred", "missing", "refused"]

#: Steps that put a container on a manifest.
MOVED = frozenset({"collect", "store_out", "load"})


class Part(msgspec.Struct, frozen=True):
    """What one party filled in: the event by which it did, when, where and on whose word."""

    offset: int
    at: int
    unit: str
    spot: Spot
    by: Party | None = None
    with_: Party | None = None


class Line(msgspec.Struct):
    """One container of the manifest. Weights are of this container alone, net; None = none is known."""

    id: str
    category: str = ""
    net_g: int | None = None
    fate: Fate = "open"
    received_g: int | None = None


class Together(msgspec.Struct, frozen=True):
    """Containers that were weighed together; the weight is never divided."""

    ids: tuple[str, ...]
    net_g: int
    offset: int
    step: str


class Manifest(msgspec.Struct):
    """One manifest as it stands. Units are ids of the registry; times ms since 1970 UTC.

    ``surplus`` came to the receiver under this manifest and was never moved under it. ``others`` are the units, each
    with the offset of its event, that moved containers under the same number: a fault of theirs, for one manifest is
    of one consignor. ``groups`` are weights of several containers, of both sides.
    """

    id: str
    state: State = "open"
    consignor: str = ""
    vehicle: str = ""
    mover: Part | None = None
    carrier: Part | None = None
    arrived: Part | None = None
    receiver: Part | None = None
    confirmed: Part | None = None
    lines: list[Line] = []
    groups: list[Together] = []
    surplus: list[str] = []
    others: list[tuple[int, str]] = []
    first: int = -1
    facts: list[Fact] = []
    conditions: list[Condition] = []

    @property
    def net_g(self) -> int | None:
        """Net weight of all that was moved, from its own weights and those of groups; None where one is missing."""
        return _total({line.id: line.net_g for line in self.lines}, [one for one in self.groups if one.step in MOVED])

    @property
    def received_g(self) -> int | None:
        """Net weight of all that was received, likewise."""
        came = {line.id: line.received_g for line in self.lines if line.fate in {"seen", "inferred"}}
        return _total(came, [one for one in self.groups if one.step == "receive"]) if came else None

    @property
    def received(self) -> int:
        """How many of its containers were received."""
        return sum(line.fate in {"seen", "inferred"} for line in self.lines)

    def row(self) -> dict[str, Any]:
        """Its row in ``gateway.state.manifests``, without ``changed``."""
        return {
            "id": self.id,
            "offset": self.first,
            "state": self.state,
            "consignor": self.consignor,
            "carrier": self.carrier.unit if self.carrier else "",
            "receiver": self.receiver.unit if self.receiver else "",
            "grid": self.mover.spot.grid if self.mover else "",
            "vehicle": self.vehicle,
            "opened_at": self.facts[0].ts if self.facts else None,
            "departed_at": self.carrier.at if self.carrier else None,
            "received_at": self.receiver.at if self.receiver else None,
            "confirmed_at": self.confirmed.at if self.confirmed else None,
            "loaded": len(self.lines),
            "received": self.received,
            "net_g": self.net_g,
        }


def _total(own: Mapping[str, int | None], groups: Sequence[Together]) -> int | None:
    """The sum of disjoint groups and of the own weights of all others; None where one has no weight."""
    total = 0
    left = dict(own)
    for group in _disjoint(groups):
        if all(name in left for name in group.ids):
            total += group.net_g
            for name in group.ids:
                del left[name]
    weights = list(left.values())
    if not own or any(weight is None for weight in weights):
        return None
    return total + sum(weight for weight in weights if weight is not None)


def _disjoint(groups: Sequence[Together]) -> Iterator[Together]:
    """Newest first, without those that share a container with a newer one."""
    taken: set[str] = set()
    for group in reversed(groups):
        if taken.isdisjoint(group.ids):
            taken.update(group.ids)
            yield group
