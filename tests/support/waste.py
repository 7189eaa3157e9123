"""A small city of medical waste for tests of decide: a hospital, a carrier, a plant, and what their terminals say."""

from __future__ import annotations

from typing import Any

from alerts.rules import pack_text
from custody.profiles import shipped
from gateway.journal.record import Kind
from tests.support.deciding import Script, changes

HOUR = 3_600_000
MINUTE = 60_000

WASTE: dict[str, list[dict[str, Any]]] = {
    "units": [
        {"id": "hosp-1", "kind": "hospital", "producer": "hospital"},
        {"id": "car-1", "kind": "carrier"},
        {"id": "plant-1", "kind": "plant"},
    ],
    "grid": [{"id": "gulou"}],
    "places": [
        {"id": "ward-7", "unit": "hosp-1", "kind": "department", "grid": "gulou", "state": "accepted"},
        {"id": "hosp-1-store", "unit": "hosp-1", "kind": "waste_store", "grid": "gulou", "state": "accepted"},
        {"id": "van-1", "unit": "car-1", "kind": "vehicle", "grid": "gulou", "state": "accepted"},
        {"id": "plant-1-line", "unit": "plant-1", "kind": "disposal_plant", "grid": "gulou", "state": "accepted"},
    ],
    "devices": [
        {"id": "T-ward", "kind": "terminal", "place": "ward-7"},
        {"id": "T-store", "kind": "terminal", "place": "hosp-1-store"},
        {"id": "T-van", "kind": "terminal", "place": "van-1"},
        {"id": "T-plant", "kind": "terminal", "place": "plant-1-line"},
        {"id": "wq-9", "kind": "water", "place": "ward-7"},
    ],
    "people": [
        {"id": "p-nurse", "badge": "0101", "unit": "hosp-1", "role": "operator"},
        {"id": "p-collector", "badge": "0412", "unit": "hosp-1", "role": "collector"},
        {"id": "p-keeper", "badge": "0413", "unit": "hosp-1", "role": "operator"},
        {"id": "p-driver", "badge": "0701", "unit": "car-1", "role": "driver"},
        {"id": "p-gate", "badge": "0901", "unit": "plant-1", "role": "operator"},
    ],
    "scales": [{"id": "bs-12", "division_g": 10, "max_g": 60_000}],
}


class WasteScript(Script):
    """Events of the terminals of ``WASTE``; each mints the next id of its terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._minted: dict[str, int] = {}

    def open_city(self, pack: str = "", **more: Any) -> None:
        """START with the shipped profiles and the rules of medical waste, then the registry."""
        packs = {"medical-waste-cn": pack or pack_text("medical-waste-cn")}
        self.other(Kind.START, version="1", channels=["webhook"], packs=packs, profiles=shipped(), **more)
        self.other(Kind.REGISTRY, changes=changes(WASTE), by="test")
        self.other(Kind.CAUGHT_UP)

    def event(self, terminal: str, step: str, *labels: str, at: int | None = None, **more: Any) -> str:
        """One event; returns its id. ``at`` is its device time, else now."""
        number = self._minted[terminal] = self._minted.get(terminal, 0) + 1
        name = more.pop("id", f"{terminal}-{number:04d}")
        body = {
            "id": name,
            "boot": 1,
            "seq": number,
            "ts": self.now if at is None else at,
            "step": step,
            "ids": [{"k": "qr", "v": label} for label in labels],
            **more,
        }
        self.message(terminal, body, channel="event")
        return str(name)

    def chain(self, *labels: str, manifest: str = "M-1", net_g: int = 3420) -> list[str]:
        """The clean chain of a hospital for these containers, one weight each; returns the ids of its events."""
        weight = {"gross_g": net_g + 230, "tare_g": 230, "net_g": net_g, "scale": "bs-12", "stable": True}
        weight["mode"] = "scale"
        found = []
        for label in labels:
            found.append(
                self.event(
                    "T-ward", "collect", label, weight=weight, category="infectious",
                    by={"badge": "0412"}, **{"with": {"badge": "0101"}},
                )
            )  # fmt: skip
            self.now += MINUTE
        for label in labels:
            found.append(self.event("T-store", "store_in", label, weight=weight, by={"badge": "0412"}))
            self.now += MINUTE
        self.now += HOUR
        out = ""
        for label in labels:
            out = self.event("T-store", "store_out", label, by={"badge": "0413"}, **{"with": {"badge": "0701"}})
            found.append(out)
            found.append(self.event("T-van", "load", label, by={"badge": "0701"}, vehicle="van-1", manifest=manifest))
            found.append(self.event("T-van", "confirm", label, of=out, by={"badge": "0701"}))
            self.now += MINUTE
        found.append(self.event("T-van", "depart", by={"badge": "0701"}, vehicle="van-1", manifest=manifest))
        self.now += HOUR
        arrived = self.event("T-van", "arrive", by={"badge": "0701"}, vehicle="van-1", manifest=manifest)
        found.append(arrived)
        self.now += MINUTE
        by = {"badge": "0901"}
        for label in labels:
            found += [self.event("T-plant", "receive", label, weight=weight, by=by, manifest=manifest)]
        found.append(self.event("T-plant", "confirm", of=arrived, by=by, manifest=manifest))
        self.now += HOUR
        for label in labels:
            found += [self.event("T-plant", "dispose", label, by=by)]
        self.now += MINUTE
        return found
