"""Custody facts as terminals of a small city send them, for tests of the pure parts of custody."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from custody import fold
from custody.container import Container
from custody.fact import ContainerId, Fact, Party, Spot, Weight
from custody.known import Remembered
from custody.profiles import parse_profiles, shipped

ZONE = ZoneInfo("Asia/Shanghai")
PROFILES = parse_profiles(shipped())

SPOTS = {
    "ward-7": Spot("ward-7", "department", "hosp-1", "gulou", "hospital"),
    "ward-8": Spot("ward-8", "department", "hosp-1", "gulou", "hospital"),
    "store": Spot("store", "waste_store", "hosp-1", "gulou", "hospital"),
    "ward-2": Spot("ward-2", "department", "hosp-2", "gulou", "hospital"),
    "store-2": Spot("store-2", "waste_store", "hosp-2", "gulou", "hospital"),
    "clinic": Spot("clinic", "clinic", "clinic-1", "gulou", "clinic"),
    "point": Spot("point", "collection_point", "point-1", "gulou", "collection_point"),
    "van": Spot("van", "vehicle", "car-1", "gulou"),
    "plant": Spot("plant", "disposal_plant", "plant-1", "gulou"),
}
#: The place of the terminal that usually sends a step.
_HOME = {
    "pack": "ward-7",
    "collect": "ward-7",
    "store_in": "store",
    "store_out": "store",
    "load": "van",
    "depart": "van",
    "arrive": "van",
    "receive": "plant",
    "dispose": "plant",
    "confirm": "plant",
    "refuse": "plant",
    "void": "store",
}
_PEOPLE = {"hosp-1": "keeper", "hosp-2": "keeper-2", "car-1": "driver", "plant-1": "gate", "clinic-1": "nurse"}


def ms(text: str) -> int:
    """``03-02 18:00`` of 2026 in China."""
    return int(dt.datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=ZONE).timestamp()) * 1000


class City:
    """Facts in the order in which they are said; each has the next offset."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def say(self, when: str, step: str, labels: str = "", net_g: int = 0, *, at: str = "", **more: Any) -> Fact:
        """One event of the containers named in ``labels`` (``a b``, ``epc:c``); ``at`` is where, if not as usual."""
        spot = SPOTS[at or _HOME[step]]
        weight = Weight(net_g + 200, 200, net_g, "bs", 10, "scale") if net_g else None
        number = len(self.facts)
        ts = ms(when)
        by = Party(f"b-{spot.unit}", _PEOPLE.get(spot.unit, ""), spot.unit)
        fact = Fact(
            number, number, f"e{number}", f"T-{spot.place}", step, ts, ts + 1000, 1, number,
            ids=tuple(_id(one) for one in labels.split()), weight=weight, spot=spot, home=spot, by=by,
            **{"category": "infectious", **more},
        )  # fmt: skip
        self.facts.append(fact)
        return fact

    def chain(self, day: str, labels: str, net_g: int, *, until: str = "dispose", manifest: str = "M-1") -> None:
        """The clean chain of each of these containers on one day, each weighed alone wherever it is weighed."""
        times = ["08:00", "10:00", "14:00", "14:30", "15:00", "16:00", "16:30", "17:00", "18:00"]
        steps = ["collect", "store_in", "store_out", "load", "depart", "arrive", "receive", "confirm", "dispose"]
        for step, clock in zip(steps, times, strict=True):
            papers = {} if step in {"collect", "store_in", "dispose"} else {"manifest": manifest, "vehicle": "V-1"}
            if step in {"depart", "arrive", "confirm"}:
                self.say(f"{day} {clock}", step, **papers)
            for label in labels.split() if step not in {"depart", "arrive", "confirm"} else ():
                weighed = net_g if step not in {"load", "dispose"} else 0
                self.say(f"{day} {clock}", step, label, weighed, **papers)
            if step == until:
                return

    @property
    def known(self) -> Remembered:
        """All facts so far."""
        return Remembered(self.facts)

    def containers(self, labels: str = "") -> list[Container]:
        """The containers of these labels; all without any."""
        texts = labels.split() or sorted({name for fact in self.facts for name in fact.names})
        return fold.containers(self.known, texts, PROFILES)


def _id(text: str) -> ContainerId:
    kind, found, value = text.partition(":")
    return ContainerId(kind, value) if found else ContainerId("qr", text)
