"""Stories of containers: who does what at which minute; a hospital, a clinic, a collection point, carrier and plant."""

from __future__ import annotations

from typing import Any

from custody.container import Condition, Container
from custody.fact import ContainerId, Fact, Party, Spot, Weight
from custody.fold import containers, touched
from custody.judge import once
from custody.known import Remembered
from custody.profiles import parse_profiles, shipped

PROFILES = parse_profiles(shipped())
MINUTE = 60_000
#: 2026-01-06 08:00 in Shanghai.
START = 1_767_657_600_000

CLINIC = Spot("clinic-1-room", "clinic", "clinic-1", "gulou", "clinic")
#: The places of the terminals.
HOMES = {
    "ward": Spot("ward-7", "department", "hosp-1", "gulou", "hospital"),
    "store": Spot("hosp-1-store", "waste_store", "hosp-1", "gulou", "hospital"),
    "van": Spot("van-1", "vehicle", "car-1", "gulou"),
    "plant": Spot("plant-1-line", "disposal_plant", "plant-1", "pukou"),
    "clinic": CLINIC,
    "point": Spot("point-1-room", "collection_point", "point-1", "gulou", "collection_point"),
    "office": Spot("office", "department", "authority", "gulou"),
}
NURSE = Party("0101", "p-nurse", "hosp-1", "operator")
COLLECTOR = Party("0412", "p-collector", "hosp-1", "collector")
KEEPER = Party("0413", "p-keeper", "hosp-1", "operator")
DRIVER = Party("0701", "p-driver", "car-1", "driver")
GATE = Party("0901", "p-gate", "plant-1", "operator")
DOCTOR = Party("0301", "p-doctor", "clinic-1", "operator")
PORTER = Party("0501", "p-porter", "point-1", "operator")


def scale(net_g: int, mode: str = "scale", division_g: int = 10) -> Weight:
    """A weight of a scale with 100 g of tare."""
    return Weight(gross_g=net_g + 100, tare_g=100, net_g=net_g, scale="bs", division_g=division_g, mode=mode)


def label(text: str) -> ContainerId:
    """``A`` is a printed label, ``epc:30AB`` a tag."""
    kind, _, value = text.rpartition(":")
    return ContainerId(kind or "qr", value)


class Story:
    """Facts as they come; each is known, and judged, as soon as it is told."""

    def __init__(self, *ties: tuple[str, ...]) -> None:
        self.known = Remembered(ties=ties)
        self.facts: list[Fact] = []
        self.told: list[Condition] = []

    def at(self, minute: float, who: str, step: str, *ids: str, **more: Any) -> Fact:
        """One event of a terminal: ``net_g`` weighed, ``of`` another Fact, ``late`` minutes until it was received."""
        offset = len(self.facts) + 1
        ts = START + int(minute * MINUTE)
        net_g, parent, of = more.pop("net_g", None), more.pop("parent", None), more.pop("of", None)
        received_at = ts + 1000 + int(more.pop("late", 0) * MINUTE)
        weight = more.pop("weight", None) if net_g is None else scale(net_g)
        fact = Fact(
            offset=offset,
            decided=offset,
            id=more.pop("id", f"{who}-{offset}"),
            terminal=f"T-{who}",
            step=step,
            ts=ts,
            received_at=received_at,
            boot=1,
            seq=offset,
            ids=tuple(label(one) for one in ids),
            parent=label(parent) if parent else None,
            weight=weight,
            spot=more.pop("spot", HOMES[who]),
            home=HOMES[who],
            of=of.id if isinstance(of, Fact) else of or "",
            **more,
        )
        self.tell(fact)
        return fact

    def tell(self, fact: Fact) -> None:
        """Know a fact, and keep what is told once of it."""
        self.facts.append(fact)
        self.known.add(fact)
        self.told += once(fact, containers(self.known, touched(self.known, fact), PROFILES), PROFILES)

    def of(self, text: str) -> Container:
        """The container with this id."""
        (found,) = containers(self.known, [text], PROFILES)
        return found

    def once(self) -> set[tuple[str, str]]:
        """All that was told once: its name, and of what."""
        return {(one.quantity.removeprefix("custody."), one.about) for one in self.told}

    def holds(self, text: str) -> dict[str, float]:
        """What holds of a container, and since which minute."""
        found = self.of(text).conditions
        return {one.quantity.removeprefix("custody."): (one.at - START) / MINUTE for one in found}

    def collect(self, minute: float, *ids: str, net_g: int | None = 3000, **more: Any) -> Fact:
        """Collected in a ward by the hospital's collector."""
        usual = {"by": COLLECTOR, "with_": NURSE, "category": "infectious"}
        return self.at(minute, "ward", "collect", *ids, net_g=net_g, **(usual | more))

    def store_out(self, minute: float, *ids: str, confirmed: bool = True, **more: Any) -> Fact:
        """Handed to the driver, loaded under M-1 a minute later, and confirmed by the driver."""
        out = self.at(minute, "store", "store_out", *ids, by=KEEPER, with_=DRIVER, **more)
        self.at(minute + 1, "van", "load", *ids, by=DRIVER, vehicle="van-1", manifest="M-1")
        if confirmed:
            self.at(minute + 2, "van", "confirm", *ids, of=out, by=DRIVER)
        return out

    def drive(self, minute: float, **more: Any) -> Fact:
        """The van leaves, and arrives an hour later; returns the arrival."""
        names = {"manifest": "M-1", "vehicle": "van-1"} | more
        self.at(minute, "van", "depart", by=DRIVER, **names)
        return self.at(minute + 60, "van", "arrive", by=DRIVER, **names)

    def hospital(self, *ids: str, packed: bool = False, scanned: bool = False) -> None:
        """The whole clean chain of a hospital; ``scanned`` at the plant, else received by the manifest."""
        for text in ids:
            if packed:
                self.at(0, "ward", "pack", text, by=NURSE, category="infectious")
            self.collect(10, text)
            self.at(20, "store", "store_in", text, by=KEEPER, with_=COLLECTOR, net_g=3010)
        self.store_out(100, *ids)
        arrival = self.drive(110)
        if scanned:
            for text in ids:
                self.at(180, "plant", "receive", text, by=GATE, manifest="M-1", net_g=2990)
        else:
            self.at(180, "plant", "receive", by=GATE, manifest="M-1")
        self.at(181, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
        for text in ids:
            self.at(300, "plant", "dispose", text, by=GATE)
