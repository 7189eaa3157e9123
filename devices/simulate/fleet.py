"""A fleet: every simulated device of a run, what each publishes and when, and the registry that describes them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from devices.simulate.waste import ContainerFlow, Scan
from devices.simulate.water import WaterPoint, troubles_of

_encode = msgspec.json.Encoder().encode
PARAMETERS = ("chlorine_free", "turbidity", "ph", "conductivity", "temperature", "pressure")
#: Terminals of one hospital, in the order in which they are added.
ROLES = ("ward", "store", "carrier", "plant")


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
    one array, behind its next live reading, so that it arrives late.
    """

    def __init__(self, *, devices: int, terminals: int, period_ms: int, start: int, seed: int) -> None:
        self.devices = [f"wq-{n + 1}" for n in range(devices)]
        self.terminals = [f"scale-{n + 1}" for n in range(terminals)]
        self._period = period_ms
        self._start = start
        self._seed = seed

    def emissions(self) -> Iterator[Emission]:
        """Messages in order of time, without end."""
        sources = [self._station(index) for index in range(len(self.devices))]
        if self.terminals:
            sources.append(self._waste())
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
        if self.terminals:
            units.append({"id": "sim-hosp", "name": {"zh": "模拟医院", "en": "Simulated hospital"}, "kind": "hospital"})
            place = {"id": "sim-hosp-store", "unit": "sim-hosp", "kind": "waste_store", "grid": "sim"}
            places.append(place | {"name": {"zh": "医废暂存间", "en": "Waste store"}})
            devices += [{"id": name, "place": "sim-hosp-store", "kind": "terminal"} for name in self.terminals]
        grid = [{"id": "sim", "name": {"zh": "模拟区", "en": "Simulated district"}}]
        return {"units": units, "grid": grid, "places": places, "devices": devices}

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
            "grid": "sim",
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

    def _waste(self) -> Iterator[Emission]:
        """Containers of all hospitals; a new one starts every two periods a hospital."""
        hospitals = [
            ContainerFlow(self._seed, first // len(ROLES), self._roles(first))
            for first in range(0, len(self.terminals), len(ROLES))
        ]
        waiting: list[tuple[int, int, Scan]] = []
        minted = dict.fromkeys(self.terminals, 0)
        # A terminal counts from one again after it was switched on; its boot keeps the ids apart.
        boot = self._start // 1000
        born, order = self._start + self._period, 0
        while True:
            for flow in hospitals:
                for scan in flow.container(born, 4 * self._period):
                    heapq.heappush(waiting, (scan.at, order, scan))
                    order += 1
            born += 2 * self._period
            while waiting and waiting[0][0] < born:
                _, _, scan = heapq.heappop(waiting)
                minted[scan.terminal] += 1
                number = minted[scan.terminal]
                event_id = f"{scan.terminal}-{boot:x}-{number:06d}"
                event = {"id": event_id, "boot": boot, "seq": number, "clock_sync": self._start, **scan.event}
                yield Emission(scan.at, "sim", scan.terminal, "event", _encode(event), (event_id,), 0)

    def _roles(self, first: int) -> dict[str, str]:
        mine = self.terminals[first : first + len(ROLES)]
        return {role: mine[min(n, len(mine) - 1)] for n, role in enumerate(ROLES)}
