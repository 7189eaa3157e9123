"""A fleet: every simulated device of a run, what each publishes and when, and the registry that describes them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from devices.simulate.city import City
from devices.simulate.city_registry import registry_of
from devices.simulate.districts import DISTRICTS, grid_entries, grid_of, position_of
from devices.simulate.waste import Rounds, Waste
from devices.simulate.water import WaterPoint, troubles_of

_encode = msgspec.json.Encoder().encode
PARAMETERS = ("chlorine_free", "turbidity", "ph", "conductivity", "temperature", "pressure")
#: A round of waste begins every so many periods of the water points, and takes its containers from ward to furnace in
#: so many.
ROUND_PERIODS, CHAIN_PERIODS = 15, 20


class Emission(NamedTuple):
    """One message. ``numbers`` are its seq (telemetry) or event ids, ``points`` its distinct readings."""

    at: int
    site: str
    device: str
    channel: str
    payload: bytes
    numbers: tuple[int | str, ...]
    points: int


class Fleet:
    """``devices`` water points that each report every ``period_ms`` and ``terminals`` terminals, from ``start`` on.

    The same arguments give the same messages. A device in a gap keeps what it measures and sends it afterwards as
    one array, behind its next live reading, so that it arrives late. Terminals are those of a small city
    (``devices.simulate.city``) that goes through a whole day in ``CHAIN_PERIODS`` periods, again and again.
    """

    def __init__(self, *, devices: int, terminals: int, period_ms: int, start: int, seed: int) -> None:
        self.devices = [f"wq-{n + 1}" for n in range(devices)]
        self.city = City.with_terminals(terminals) if terminals else City()
        self.terminals = self.city.terminals
        # Terminals count from one again after they were switched on; their boot keeps ids and labels apart.
        rounds = Rounds(start + period_ms, ROUND_PERIODS * period_ms, CHAIN_PERIODS * period_ms)
        self._waste = Waste(self.city, rounds, seed=seed, stamp=start // 1000)
        self._period = period_ms
        self._start = start
        self._seed = seed

    def emissions(self) -> Iterator[Emission]:
        """Messages in order of time, without end."""
        sources = [self._station(index) for index in range(len(self.devices))]
        if self.terminals:
            sources.append(self._events())
        return heapq.merge(*sources, key=lambda one: one.at)

    def registry(self) -> dict[str, Any]:
        """The registry file of this fleet (DESIGN 4.6)."""
        units: list[dict[str, Any]] = [
            {"id": "sim-water", "name": {"zh": "模拟水务", "en": "Simulated waterworks"}, "kind": "waterworks"},
        ]
        places = [self._place(index) for index in range(len(self.devices))]
        channels = [{"parameter": name} for name in PARAMETERS]
        report_s = max(1, self._period // 1000)
        devices = [
            {"id": name, "place": f"{name}-point", "kind": "water", "report_s": report_s, "channels": channels}
            for name in self.devices
        ]
        water = {"units": units, "grid": grid_entries(), "places": places, "devices": devices}
        if not self.terminals:
            return water
        waste = registry_of(self.city, self._waste.work, self._waste.closures, rounds=True)
        return waste | {section: entries + waste[section] for section, entries in water.items() if section != "grid"}

    def _place(self, index: int) -> dict[str, Any]:
        outlet = index % 4 == 0
        number = index + 1
        name = {
            "zh": f"出厂水 {number}" if outlet else f"管网点 {number}",
            "en": f"{'Outlet' if outlet else 'Network'} {number}",
        }
        return {
            "id": f"{self.devices[index]}-point",
            "unit": "sim-water",
            "name": name,
            "kind": "water_outlet" if outlet else "network",
            "grid": grid_of(index),
            **position_of(grid_of(index), 4 * (index // len(DISTRICTS))),
            "profile": "gb5749-2022",
            "disinfectant": "free_chlorine",
        }

    def _station(self, index: int) -> Iterator[Emission]:
        name = self.devices[index]
        troubles = troubles_of(name, self._seed, eventful=index == 0)
        point = WaterPoint(name, self._seed, outlet=index % 4 == 0, troubles=troubles)
        kept: list[dict[str, Any]] = []
        phase = self._period * index // max(1, len(self.devices))
        sample = 0
        while True:
            at = self._start + phase + sample * self._period
            values = point.sample(sample, at // 1000)
            reading = {"ts": at, "seq": sample + 1, "values": values}
            trouble = point.trouble(sample)
            if trouble is not None and trouble.kind == "gap":
                kept.append(reading)
            else:
                yield self._telemetry(at, name, [reading])
                for first in range(0, len(kept), 20):
                    yield self._telemetry(at, name, kept[first : first + 20])
                kept = []
            sample += 1

    @staticmethod
    def _telemetry(at: int, device: str, readings: list[dict[str, Any]]) -> Emission:
        payload = _encode(readings[0] if len(readings) == 1 else readings)
        numbers = tuple(reading["seq"] for reading in readings)
        points = sum(len(reading["values"]) for reading in readings)
        return Emission(at, "sim", device, "telemetry", payload, numbers, points)

    def _events(self) -> Iterator[Emission]:
        """What the terminals send."""
        for one in self._waste.sent():
            yield Emission(one.at, "sim", one.terminal, "event", one.payload, (one.id,), 0)
