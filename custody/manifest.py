"""A manifest (转移联单): one consignor, one trip; mover, carrier and receiver each fill their part (pure).

It is worked out from all facts that name it, whenever they came, like a container. Whatever its vehicle did meanwhile
without naming containers or another manifest is of this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from custody.container import Condition, Container
from custody.fact import Fact, Party, Spot, Weight
from custody.fold import Moment
from custody.happening import Amendments, unit_of
from custody.known import VEHICLE_MS, Known
from custody.profile import Profile

State = Literal["open", "departed", "received", "confirmed", "refused_in_part"]
#: How a container came to the receiver; ``open`` = nothing is known of it yet.
Fate = Literal["open", "seen", "inferred", "missing", "refused"]

#: Steps that put a container on a manifest.
MOVED = frozenset({"collect", "store_out", "load"})
_STEPS = MOVED | {"depart", "arrive", "receive", "refuse", "confirm"}


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


def manifest(known: Known, name: str, profiles: Mapping[str, Profile]) -> Manifest | None:
    """The manifest with this number; None where nothing was moved under it."""
    own = _standing(known, known.facts(f"manifest:{name}"))
    moved = [fact for fact in own if fact.step in MOVED and fact.manifest == name]
    if not moved:
        return None
    found = Manifest(name, first=min(fact.offset for fact in moved))
    found.vehicle = next((fact.vehicle for fact in reversed(own) if fact.vehicle), "")
    found.facts = _with_vehicle(known, found, own, moved[-1])
    lines = _Lines(known, found.facts, Moment(known, profiles))
    _moved(found, moved, lines)
    for fact in found.facts:
        _trip(found, fact, lines)
    _confirmed(found)
    _close(found)
    return found


class _Lines:
    """The lines of a manifest by any id of their containers.

    Which ids are one container is asked only where its events read ids of several kinds: it takes a look at all that
    is known of each.
    """

    def __init__(self, known: Known, facts: Sequence[Fact], moment: Moment) -> None:
        self.all: dict[str, Line] = {}
        self._known = known
        self._mixed = len({one.k for fact in facts for one in fact.ids}) > 1
        self._moment = moment

    def name(self, text: str) -> str:
        """The id under which a container has its line."""
        return self._moment.bearer(text).id if self._mixed else text

    def producer(self) -> str:
        """The unit where the first of its containers was before: a carrier that loads alone does not say whose it is."""
        for name in self.all:
            at = [fact for fact in self._known.facts(name) if fact.spot.producer and fact.spot.unit]
            if at:
                return min(at, key=lambda fact: fact.key).spot.unit
        return ""

    def names(self, fact: Fact) -> list[str]:
        """The containers of an event, each once."""
        return list(dict.fromkeys(self.name(one) for one in fact.names))


def weighed(found: Manifest, containers: Sequence[Container]) -> None:
    """Fill in what containers weighed alone before they were moved, where the manifest's own events say nothing."""
    of = {known.v: one for one in containers for known in one.ids}
    for line in found.lines:
        one = of.get(line.id)
        if one is None:
            continue
        line.category = line.category or one.category
        if line.net_g is None:
            line.net_g = next(
                (
                    weighing.net_g
                    for weighing in reversed(one.weighings)
                    if weighing.group == 1 and weighing.step != "receive" and weighing.at <= _left(found)
                ),
                None,
            )


def _left(found: Manifest) -> int:
    return found.carrier.at if found.carrier else 2**62


def _standing(known: Known, facts: Sequence[Fact]) -> list[Fact]:
    """The facts that count, as they were corrected, in the order of the fold."""
    return [one.fact for one in Amendments(known).happenings(facts) if one.counts and one.fact.step in _STEPS]


def _with_vehicle(known: Known, found: Manifest, own: list[Fact], last: Fact) -> list[Fact]:
    """Its own facts and those of its vehicle that name neither container nor manifest, up to the next departure."""
    if not found.vehicle:
        return own
    named = {fact.offset for fact in own}
    facts = list(own)
    departed = any(fact.step == "depart" for fact in own)
    for fact in _standing(known, known.facts(f"trip:vehicle:{found.vehicle}", last.ts, last.ts + VEHICLE_MS)):
        if fact.offset in named or fact.ids or fact.manifest or fact.step not in {"depart", "arrive", "receive"}:
            continue
        if fact.step == "depart":
            if departed:
                break
            departed = True
        facts.append(fact)
    return sorted(facts, key=lambda fact: fact.key)


def _moved(found: Manifest, moved: Sequence[Fact], lines: _Lines) -> None:
    units: dict[str, int] = {}
    for fact in moved:
        unit = _consignor(fact)
        if unit:
            units.setdefault(unit, fact.offset)
        for name in lines.names(fact):
            line = lines.all.setdefault(name, Line(name))
            line.category = fact.category or line.category
        _weigh(found, lines, fact)
    found.lines = list(lines.all.values())
    found.consignor = next(iter(units), "") or lines.producer()
    found.others = [(offset, unit) for unit, offset in units.items() if unit != found.consignor]
    giving = next((fact for fact in reversed(moved) if _consignor(fact) == found.consignor), moved[0])
    found.mover = _part(giving, found.consignor)


def _consignor(fact: Fact) -> str:
    """The unit whose waste is moved: that of the place, unless it is a vehicle; then that of who hands over."""
    if fact.spot.kind != "vehicle" and fact.spot.unit:
        return fact.spot.unit
    own = fact.home.unit
    return next((one.unit for one in (fact.with_, fact.by) if one and one.unit and one.unit != own), "")


def _weigh(found: Manifest, lines: _Lines, fact: Fact) -> None:
    net = _net(fact.weight)
    names = [name for name in lines.names(fact) if name in lines.all]
    if net is None or not names:
        return
    if len(names) > 1:
        found.groups.append(Together(tuple(names), net, fact.offset, fact.step))
    elif fact.step == "receive":
        lines.all[names[0]].received_g = net
    else:
        lines.all[names[0]].net_g = net


def _net(weight: Weight | None) -> int | None:
    return weight.net_g if weight is not None and weight.usable and weight.stable else None


def _trip(found: Manifest, fact: Fact, lines: _Lines) -> None:
    if fact.step == "depart":
        found.carrier = found.carrier or _part(fact, unit_of(fact))
    elif fact.step == "arrive":
        found.arrived = found.arrived or _part(fact, unit_of(fact))
    elif fact.step == "receive":
        found.receiver = found.receiver or _part(fact, unit_of(fact))
        _received(found, fact, lines)
    elif fact.step == "refuse":
        for name in lines.names(fact):
            if name in lines.all:
                lines.all[name].fate = "refused"


def _received(found: Manifest, fact: Fact, lines: _Lines) -> None:
    for name in lines.names(fact):
        line = lines.all.get(name)
        if line is None:
            found.surplus.append(name)
        elif line.fate != "refused":
            line.fate = "seen"
    if fact.ids:
        _weigh(found, lines, fact)
        return
    for line in found.lines:
        if line.fate == "open":
            line.fate = "inferred"
    net = _net(fact.weight)
    if net is not None:
        found.groups.append(Together(tuple(lines.all), net, fact.offset, fact.step))


def _confirmed(found: Manifest) -> None:
    """The first confirmation by a device of the receiver; of who else than consignor and carrier, if none received."""
    carrier = found.carrier.unit if found.carrier else ""
    for fact in found.facts:
        if fact.step != "confirm":
            continue
        unit = unit_of(fact)
        is_receiver = unit == found.receiver.unit if found.receiver else unit not in {found.consignor, carrier, ""}
        if is_receiver and fact.manifest == found.id:
            found.confirmed = found.confirmed or _part(fact, unit)


def _close(found: Manifest) -> None:
    if found.receiver and any(line.fate == "seen" for line in found.lines):
        for line in found.lines:
            if line.fate == "open" and found.confirmed:
                line.fate = "missing"
    if found.carrier or found.arrived:
        found.state = "departed"
    if found.receiver:
        found.state = "received"
    if found.confirmed:
        found.state = "confirmed"
    if any(line.fate == "refused" for line in found.lines):
        found.state = "refused_in_part"
    came = found.arrived or found.receiver
    if came is not None and found.confirmed is None:
        spot = came.spot if came.spot.unit or found.mover is None else found.mover.spot
        found.conditions = [Condition("custody.unconfirmed_manifest", f"manifest:{found.id}", came.at, spot)]


def _part(fact: Fact, unit: str) -> Part:
    return Part(fact.offset, fact.ts, unit, fact.spot, fact.by, fact.with_)


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
