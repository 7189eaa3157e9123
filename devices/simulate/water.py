"""A simulated water point: diurnal demand, decay of the disinfectant, noise, drift and troubles of real stations.

Orders of magnitude (noise of a step, lag-1 autocorrelation near 0.99 for slow signals and 0.77 for turbidity, bulk
decay of chlorine 0.5 a day) are the project's own statistics of public series of an outlet and of a simulated network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from devices.simulate.numbers import Numbers

#: Bulk decay of free chlorine, 1/s (0.5 a day).
DECAY = 0.5 / 86_400
DAY_S = 86_400
#: The day's rhythm is that of a Chinese city (UTC+8).
OFFSET_S = 8 * 3600


class Trouble(NamedTuple):
    """Something that goes wrong from sample ``first`` to ``last``: contamination, dead, drift, gap or wrong_unit."""

    kind: str
    first: int
    last: int


def demand(second: int) -> float:
    """Relative demand of a city at a time of day: low at night, peaks in the morning and the evening; mean about 1."""
    hour = (second + OFFSET_S) % DAY_S / 3600
    morning = math.exp(-(((hour - 7.5) / 1.8) ** 2))
    evening = math.exp(-(((hour - 19.0) / 2.4) ** 2))
    night = math.exp(-(((hour - 3.0) / 2.5) ** 2))
    return 0.85 + 0.75 * morning + 0.65 * evening - 0.45 * night


class WaterPoint:
    """One sensor station. ``sample(n, second)`` is called once for each n = 0, 1, 2, ... and gives its values.

    ``age_h`` is the age of the water at mean demand: 0 at the outlet, more in the network.
    """

    def __init__(self, name: str, seed: int, *, outlet: bool, troubles: Iterator[Trouble]) -> None:
        self._numbers = Numbers(seed, name)
        draw = self._numbers.uniform
        self.outlet = outlet
        self._troubles = troubles
        self._current = next(troubles)
        self._age_h = draw(0.2, 1.0) if outlet else draw(4.0, 26.0)
        self._dose = draw(0.65, 0.85)
        self._ph = draw(7.2, 7.8)
        self._conductivity = draw(260, 420)
        self._turbidity = draw(0.08, 0.25)
        self._temperature = draw(12, 22)
        self._slow = dict.fromkeys(("chlorine", "ph", "conductivity", "temperature"), 0.0)
        self._haze = 0.0

    def trouble(self, n: int) -> Trouble | None:
        """The trouble that sample ``n`` falls into; asked for rising ``n`` only."""
        while self._current.last < n:
            self._current = next(self._troubles)
        return self._current if self._current.first <= n else None

    def sample(self, n: int, second: int) -> dict[str, float]:
        """Values in the catalogue's units, rounded as instruments round. A ``gap`` changes nothing here."""
        use = demand(second)
        for name, step in (("chlorine", 0.004), ("ph", 0.004), ("conductivity", 0.6), ("temperature", 0.02)):
            self._slow[name] = 0.99 * self._slow[name] + self._numbers.normal(0, step)
        self._haze = 0.77 * self._haze + self._numbers.normal(0, 0.008)
        age_s = self._age_h * 3600 / max(use, 0.3)
        chlorine = (
            self._dose * math.exp(-DECAY * age_s * (1 + 0.03 * (self._temperature - 15))) + self._slow["chlorine"]
        )
        turbidity = self._turbidity * (1 + 0.15 * (use - 1)) + self._haze
        values = {
            "chlorine_free": chlorine,
            "turbidity": max(0.01, turbidity),
            "ph": self._ph + self._slow["ph"] + 0.03 * math.sin(2 * math.pi * second / DAY_S),
            "conductivity": self._conductivity + self._slow["conductivity"],
            "temperature": self._temperature + self._slow["temperature"] + 0.4 * math.sin(2 * math.pi * second / DAY_S),
            "pressure": 380 - 70 * (use - 1) + self._numbers.normal(0, 1.5),
        }
        trouble = self.trouble(n)
        if trouble is not None:
            self._spoil(values, trouble, n)
        decimals = {"chlorine_free": 2, "turbidity": 3, "ph": 2, "conductivity": 1, "temperature": 1, "pressure": 1}
        return {name: round(max(0.0, value), decimals[name]) for name, value in values.items()}

    def _spoil(self, values: dict[str, float], trouble: Trouble, n: int) -> None:
        progress = (n - trouble.first + 1) / (trouble.last - trouble.first + 1)
        if trouble.kind == "contamination":
            values["turbidity"] = 1.4 + 2.2 * math.sin(math.pi * min(progress, 0.98)) + self._numbers.uniform(0, 0.2)
            values["chlorine_free"] = self._numbers.uniform(0.0, 0.03)
            values["conductivity"] *= 1.25
        elif trouble.kind == "dead":
            values["chlorine_free"] = 0.0
        elif trouble.kind == "drift":
            values["ph"] += 1.6 * progress
        elif trouble.kind == "wrong_unit":
            values["conductivity"] /= 1000


def troubles_of(name: str, seed: int, *, eventful: bool) -> Iterator[Trouble]:
    """What goes wrong at a station, without end.

    An ``eventful`` station has an early contamination that ends before sample 20; the others are troubled now and then.
    """
    numbers = Numbers(seed, name, "troubles")
    at = numbers.whole(20, 400)
    if eventful:
        yield Trouble("contamination", 6, 17)
        at += 40
    kinds = ("gap", "dead", "drift", "wrong_unit", "contamination", "gap")
    while True:
        length = numbers.whole(5, 30)
        yield Trouble(kinds[numbers.whole(0, len(kinds) - 1)], at, at + length)
        at += length + numbers.whole(200, 1500)
