"""The clean chains of docs/life-of-a-container.md: a hospital's day, a clinic's visit, a collection point's load.

Times are minutes of a local day, beyond 1440 on the next one; a ``When`` makes ms of them. Each chain is made whole,
from the ward to the furnace; who puts its scans into the order of time is ``devices.simulate.waste``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from devices.simulate.city import BIN_TARE_G, City, Clinic, Department, Hospital, Point, Post, Truck
from devices.simulate.numbers import Numbers
from devices.simulate.rates import Portion
from devices.simulate.scan import Bag, Chain, Scan, sgtin96, weigh

#: Minutes of a round as ms since 1970 UTC.
When = Callable[[float], int]
TARE_G = {"sharps": 230}
BAG_TARE_G = 40
#: So many containers go into one bin, one scan or one furnace charge.
GROUP = 20
#: What goes in which bin; None where containers travel as they are.
Loads = list[tuple[str, list[Bag]]] | None
#: Containers that stand ready, by department.
Ready = Sequence[tuple[Department, Sequence[Bag]]]


class _Trip(NamedTuple):
    """What is on the road: whose chain it is, with whom and how."""

    chain: Chain
    truck: Truck
    when: When
    loads: Loads


class Work:
    """Lets a city work. ``each``: every container is scanned alone at every step; else they go in groups.

    ``stamp`` is part of every label, so that no two runs print the same.
    """

    def __init__(self, city: City, stamp: int, *, each: bool) -> None:
        self._city = city
        self._stamp = stamp
        self._each = each

    def label(self, unit: str, number: int) -> str:
        """The label of a unit with that number."""
        return f"{self.prefix(unit)}{number:07d}"

    def prefix(self, unit: str) -> str:
        """With what all labels of a unit begin."""
        return f"MW{self._stamp:X}-{unit}-"

    def bags(self, unit: str, place: str, number: int, portions: Sequence[Portion], item: int = 0) -> list[Bag]:
        """Containers with labels from ``number`` on; ``item`` > 0: they have tags, of that item number."""
        found = []
        for n, (category, net_g) in enumerate(portions, number):
            tag = sgtin96(item, self._stamp % 20_000 * 10_000_000 + n) if item else ""
            tare = TARE_G.get(category, BAG_TARE_G)
            found.append(Bag(self.label(unit, n), tag, category, net_g, tare, place, unit))
        return found

    def pack(self, department: Department, bags: Sequence[Bag], when: When, numbers: Numbers) -> list[Scan]:
        """Closed and labelled in the department, early in the morning."""
        found = []
        for bag in bags:
            event = _event("pack", bag.ids, department.place, department.nurse)
            event["category"] = bag.category
            bag.packed = Scan(when(numbers.uniform(390, 525)), department.post.terminal, event)
            found.append(bag.packed)
        return found

    def hospital(self, one: Hospital, waste: Ready, manifest: str, when: When) -> Chain:
        """From the round of the collector to the furnace. ``waste``: containers that stand ready, by department."""
        chain = Chain("hospital", one.id, manifest)
        slot = 140 / len(one.departments)
        for n, (department, bags) in enumerate(waste):
            for k, bag in enumerate(bags):
                minute = 535 + slot * n + slot * (k + 1) / (len(bags) + 2)
                event = _event("collect", bag.read, department.place, one.collector, department.nurse)
                post = department.post
                event["category"] = bag.category
                event["weight"] = weigh(bag.net_g, bag.tare_g, post.scale, post.division_g)
                chain.add(Scan(when(minute), post.terminal, event))
            chain.bags += bags
        for n, bag in enumerate(chain.bags):
            event = _event("store_in", bag.read, one.store.place, one.collector, one.keeper)
            event["weight"] = weigh(bag.net_g, bag.tare_g, one.store.scale, one.store.division_g)
            chain.add(Scan(when(690 + 0.3 * n), one.store.terminal, event))
        if one.truck is not None and chain.bags:
            minute = 1440 + 450 if one.morning else 780
            loads = self._bins(chain, one, minute - 30, when) if one.bins and not self._each else None
            trip = _Trip(chain, one.truck, when, loads)
            self._fetch(trip, one.store, one.keeper, minute + 15 * (one.number % 8))
            self._deliver(trip, 1440 + 640 if one.morning else 970)
        return chain

    def clinic(self, one: Clinic, bags: list[Bag], manifest: str, minute: float, when: When) -> Chain:
        """Collected by the driver, brought to the plant or to the collection point of the street."""
        chain = Chain("clinic", one.id, manifest, bags)
        truck = one.truck
        for n, bag in enumerate(bags):
            event = _event("collect", bag.ids, one.place, truck.driver, one.person)
            event |= {"category": bag.category, "manifest": manifest, "vehicle": truck.id}
            chain.add(Scan(when(minute + 0.5 * n), truck.post.terminal, event))
        trip = _Trip(chain, truck, when, None)
        self._drive(trip, "depart", minute + 3)
        if one.point is None:
            self._deliver(trip, 1030 + minute % 1)
            return chain
        point = one.point
        at = 905 + 2 * (one.number // 10 % 8) + minute % 1
        arrived = self._drive(trip, "arrive", at, point.post.place, point.keeper)
        self._receive(trip, point.post, point.keeper, at + 1)
        self._confirm(trip, point.post, point.keeper, arrived, at + 1.5)
        return chain

    def point(self, one: Point, bags: list[Bag], manifest: str, when: When) -> Chain:
        """What clinics brought on a day goes to the plant."""
        trip = _Trip(Chain("point", one.id, manifest, bags), one.truck, when, None)
        self._fetch(trip, one.post, one.keeper, 930)
        self._deliver(trip, 1000 + one.number)
        return trip.chain

    @staticmethod
    def _bins(chain: Chain, one: Hospital, minute: float, when: When) -> list[tuple[str, list[Bag]]]:
        """Containers go into the re-usable bins; gives who is in which."""
        size = -(-len(chain.bags) // len(one.bins))
        loads = []
        for n, name in enumerate(one.bins):
            inside = chain.bags[n * size : (n + 1) * size]
            if inside:
                ids = [read for bag in inside for read in bag.read]
                event = _event("pack", ids, one.store.place, one.keeper)
                event |= {"parent": {"k": "qr", "v": name}}
                chain.add(Scan(when(minute + n), one.store.terminal, event))
                loads.append((name, inside))
        return loads

    def _fetch(self, trip: _Trip, post: Post, keeper: str, minute: float) -> None:
        """Out of the store, onto the vehicle, taken over by the driver, away."""
        chain, truck, when, loads = trip
        for n, (ids, bags, tare) in enumerate(self._parts(chain, loads)):
            at = minute + 0.06 * n
            event = _event("store_out", ids, post.place, keeper, truck.driver)
            event["weight"] = _together(bags, tare, post)
            out = chain.add(Scan(when(at), post.terminal, event))
            event = _event("load", ids, post.place, truck.driver, keeper)
            event |= {"manifest": chain.manifest, "vehicle": truck.id}
            chain.add(Scan(when(at + 0.02), truck.post.terminal, event))
            event = _event("confirm", ids, post.place, truck.driver)
            chain.add(Scan(when(at + 0.04), truck.post.terminal, event, of=out))
        self._drive(trip, "depart", minute + 13)

    @staticmethod
    def _drive(trip: _Trip, step: str, minute: float, place: str = "", keeper: str = "") -> Scan:
        event = _event(step, [], place, trip.truck.driver, keeper)
        event |= {"manifest": trip.chain.manifest, "vehicle": trip.truck.id}
        return trip.chain.add(Scan(trip.when(minute), trip.truck.post.terminal, event))

    def _deliver(self, trip: _Trip, minute: float) -> None:
        """Arrived at the plant, weighed and received there, confirmed, burnt; bins cleaned."""
        city, plant = self._city, self._city.plant
        assert plant is not None
        chain, _, when, loads = trip
        minute += 4 * (sum(chain.unit.encode()) % 12)
        arrived = self._drive(trip, "arrive", minute, plant.place, city.gatekeeper)
        self._receive(trip, plant, city.gatekeeper, minute + 2)
        self._confirm(trip, plant, city.gatekeeper, arrived, minute + 12)
        for n, (name, inside) in enumerate(loads or ()):
            ids = [read for bag in inside for read in bag.read]
            event = _event("unpack", ids, plant.place, city.stoker)
            event["parent"] = {"k": "qr", "v": name}
            chain.add(Scan(when(minute + 14 + n), plant.terminal, event))
            event = _event("bin_clean", [{"k": "qr", "v": name}], plant.place, city.stoker)
            chain.add(Scan(when(minute + 40 + n), plant.terminal, event))
        for n, (ids, _, _) in enumerate(self._parts(chain, None)):
            event = _event("dispose", ids, plant.place, city.stoker)
            chain.add(Scan(when(minute + 45 + 0.06 * n), plant.terminal, event))

    def _receive(self, trip: _Trip, post: Post, keeper: str, minute: float) -> None:
        for n, (ids, bags, tare) in enumerate(self._parts(trip.chain, trip.loads)):
            event = _event("receive", ids, post.place, keeper, trip.truck.driver)
            event |= {"manifest": trip.chain.manifest, "weight": _together(bags, tare, post)}
            trip.chain.add(Scan(trip.when(minute + 0.06 * n), post.terminal, event))

    @staticmethod
    def _confirm(trip: _Trip, post: Post, keeper: str, of: Scan, minute: float) -> None:
        event = _event("confirm", [], post.place, keeper)
        event["manifest"] = trip.chain.manifest
        trip.chain.add(Scan(trip.when(minute), post.terminal, event, of=of))

    def _parts(self, chain: Chain, loads: Loads) -> list[tuple[list[dict[str, str]], Sequence[Bag], int]]:
        """What is scanned at once: ids, what is in it, and the tare beside the bags' own."""
        if loads is not None:
            return [([{"k": "qr", "v": name}], inside, BIN_TARE_G) for name, inside in loads]
        size = 1 if self._each else GROUP
        parts = [chain.bags[n : n + size] for n in range(0, len(chain.bags), size)]
        return [([read for bag in part for read in bag.read], part, 0) for part in parts]


def _together(bags: Sequence[Bag], tare: int, post: Post) -> dict[str, Any]:
    """One weight of several containers."""
    return weigh(sum(bag.net_g for bag in bags), tare + sum(bag.tare_g for bag in bags), post.scale, post.division_g)


def _event(step: str, ids: list[dict[str, str]], place: str, by: str, other: str = "") -> dict[str, Any]:
    event: dict[str, Any] = {"step": step, "ids": ids, "by": {"badge": by, "auth": "card"}}
    if place:
        event["place"] = place
    if other:
        event["with"] = {"badge": other, "auth": "card"}
    return event
