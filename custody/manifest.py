"""A manifest (转移联单): one consignor, one trip; mover, carrier and receiver each fill their part (pure).

It is worked out from all facts that name it, whenever they came, like a container. Whatever its vehicle did meanwhile
without naming containers or another manifest is of this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from custody.container import Condition, Container
from custody.fact import Fact, Spot, Weight
from custody.fold import Moment
from custody.happening import Amendments, unit_of
from custody.known import VEHICLE_MS, Known
from custody.paper import MOVED, Line, Manifest, Part, State, Together
from custody.profile import Profile

__all__ = ["Line", "Manifest", "Part", "State", "Together", "manifest", "weighed"]

_STEPS = MOVED | {"depart", "arrive", "receive", "refuse", "confirm"}


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

    def origin(self, until: int) -> Spot | None:
        """The producer's place where the first of its containers was last up to then; a vehicle does not say whose."""
        for name in self.all:
            at = [one for one in self._known.facts(name, None, until) if one.spot.producer and one.spot.unit]
            if at:
                return max(at, key=lambda fact: fact.key).spot
        return None

    def names(self, fact: Fact) -> list[str]:
        """The containers of an event, each once."""
        return list(dict.fromkeys(self.name(one) for one in fact.names))


def weighed(found: Manifest, containers: Sequence[Container]) -> None:
    """Fill in what only its containers know: what they weighed alone before they were moved, and whose they are.

    A collection point moves the waste of many.
    """
    if found.mover is not None and found.mover.spot.producer != "collection_point":
        known = {unit for _, unit in found.others} | {found.consignor, ""}
        strange = {one.unit: one for one in containers if one.unit not in known}
        found.others += [(one.first, unit) for unit, one in sorted(strange.items())]
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
    found.consignor = next(iter(units), "")
    found.others = [(offset, unit) for unit, offset in units.items() if unit != found.consignor]
    giving = next((fact for fact in reversed(moved) if _consignor(fact) == found.consignor), moved[0])
    found.mover = _part(giving, found.consignor)
    if not found.consignor and (spot := lines.origin(giving.ts)) is not None:
        found.consignor = spot.unit
        found.mover = msgspec.structs.replace(found.mover, unit=spot.unit, spot=spot)


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
