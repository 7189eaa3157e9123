"""The registry of the city that fills InfluxDB in tests and benchmarks: water, climate and radiation in districts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.simulate.city import City
from devices.simulate.city_registry import registry_of
from devices.simulate.districts import DISTRICTS, grid_entries, grid_of, position_of
from devices.simulate.fleet import PARAMETERS
from devices.simulate.waste import Waste

_KINDS = {
    "raw_water": ("原水", "Inlet"),
    "water_outlet": ("出厂水", "Outlet"),
    "network": ("管网点", "Network point"),
    "network_end": ("管网末梢", "Network end"),
    "secondary_supply": ("二次供水", "Secondary supply"),
    "radiation_room": ("放射机房", "X-ray room"),
}
_CLIMATE, _RADIATION = ("temperature", "humidity"), ("dose_rate",)
_CERTIFICATE = {"number": "JL-0001", "from": "2026-01-01", "until": "2027-03-31"}


MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Station:
    """A device that reports: every ``period`` ms from ``phase`` on; ``trouble``: samples of a contamination."""

    device: str
    place: str
    kind: str
    period: int
    phase: int
    parameters: tuple[str, ...] = PARAMETERS
    outlet: bool = False
    trouble: tuple[int, int] = (0, 0)

    def measured(self, values: Mapping[str, float]) -> dict[str, float]:
        """Its values, out of those of a simulated water point."""
        if self.kind == "water":
            return dict(values)
        known = {**values, "humidity": 50.0 + values["temperature"], "dose_rate": round(values["ph"] / 50, 4)}
        return {name: known[name] for name in self.parameters}


@dataclass(slots=True)
class Town:
    """Waterworks with inlet, outlet, network and end, house supplies, a room with radiation; ``places`` in all."""

    places: list[dict[str, Any]] = field(default_factory=list)
    units: list[dict[str, Any]] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    districts: int = len(DISTRICTS)
    waterworks: str = "wtp-1"

    @property
    def water(self) -> list[Station]:
        """The water stations, in the order of the waterworks."""
        return [one for one in self.stations if one.kind == "water"]

    @classmethod
    def of(cls, places: int, *, districts: int = 3, per_works: int = 7) -> Town:
        """So many places that measure: three quarters of waterworks with ``per_works`` each, then house supplies.

        The first waterworks reports each minute, all others each five minutes.
        """
        town = cls(districts=districts)
        works = max(1, places * 3 // 4 // per_works)
        for n in range(works):
            unit = town._unit(f"wtp-{n + 1}", "waterworks", (f"第{n + 1}水厂", f"Waterworks {n + 1}"), n)
            kinds = ["raw_water", "water_outlet", *["network"] * (per_works - 3), "network_end"]
            for k, kind in enumerate(kinds):
                short = {"raw_water": "raw", "water_outlet": "out", "network_end": "end"}.get(kind, f"net-{k - 1}")
                town._water(unit, f"{unit}-{short}", kind, n + k // 3, MINUTE if n == 0 else 5 * MINUTE)
        for n in range(places - works * per_works - 1):
            unit = f"prop-{n // 4 + 1}"
            if n % 4 == 0:
                town._unit(unit, "property_manager", (f"物业{n // 4 + 1}", f"Property manager {n // 4 + 1}"), n // 4)
            town._water(unit, f"{unit}-{n % 4 + 1}", "secondary_supply", n // 4, 5 * MINUTE)
        town._place("prop-1", "rad-1", "radiation_room", 0)
        town.stations.insert(0, Station("rd-1", "rad-1", "radiation", 5 * MINUTE, 0, _RADIATION))
        return town

    def registry(self, city: City, waste: Waste) -> dict[str, list[dict[str, Any]]]:
        """All sections of the registry file; hospitals and clinics are spread over the districts."""
        found = registry_of(city, waste.work, waste.closures, rounds=True) if city.terminals else {}
        grids = {place["unit"]: place["grid"] for place in found.get("places", [])}
        for unit in found.get("units", []):
            unit["grid"] = grids[unit["id"]]
        found["grid"] = grid_entries()
        own = {"units": self.units, "places": self.places, "devices": [_device(one) for one in self.stations]}
        return {**found, **{section: entries + found.get(section, []) for section, entries in own.items()}}

    def climate(self, city: City) -> None:
        """A climate station in the store of each of the first hospitals."""
        for one in city.hospitals[:2]:
            self.stations.insert(0, Station(f"th-{one.id}", one.store.place, "store_climate", 5 * MINUTE, 0, _CLIMATE))

    @staticmethod
    def changes(registry: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The sections as ``registry.apply`` takes them."""
        return [{"kind": kind, "id": one["id"], "body": one} for kind, found in registry.items() for one in found]

    def _unit(self, name: str, kind: str, names: tuple[str, str], number: int) -> str:
        words = dict(zip(("zh", "en"), names, strict=True))
        self.units.append({"id": name, "kind": kind, "name": words, "grid": grid_of(number % self.districts)})
        return name

    def _place(self, unit: str, name: str, kind: str, number: int) -> None:
        words, n, grid = _KINDS[kind], len(self.places), grid_of(number % self.districts)
        self.places.append(
            {
                "id": name,
                "unit": unit,
                "kind": kind,
                "name": {"zh": f"{words[0]} {name}", "en": f"{words[1]} {name}"},
                "grid": grid,
                **position_of(grid, n),
            }
        )

    def _water(self, unit: str, name: str, kind: str, number: int, period: int) -> None:
        n = len(self.stations)
        self._place(unit, name, kind, number)
        self.places[-1] |= {"profile": "gb5749-2022", "disinfectant": "free_chlorine"}
        hour = 3_600_000 // period
        # One was dirty in the morning, one is at the end of the day; both are of the first waterworks.
        trouble = {2: (10 * hour, 10 * hour + hour // 3), 3: (23 * hour + hour // 2, 30 * hour)}.get(n, (0, 0))
        self.stations.append(
            Station(
                f"wq-{name}",
                name,
                "water",
                period,
                period * (n * 61 % 97) // 97,
                outlet=kind == "water_outlet",
                trouble=trouble,
            )
        )


def _device(one: Station) -> dict[str, Any]:
    entry = {"id": one.device, "place": one.place, "kind": one.kind, "report_s": one.period // 1000}
    channels = [{"parameter": name} for name in one.parameters]
    if one.kind == "water":
        channels[0] |= {"certificate": _CERTIFICATE}  # type: ignore[dict-item]
    return entry | {"channels": channels}
