"""Numbers that look random and are the same on every run: a small counter-based generator (splitmix64)."""

from __future__ import annotations

import math

_MASK = (1 << 64) - 1


class Numbers:
    """A deterministic stream of numbers for one subject; its state is one integer."""

    __slots__ = ("_state",)

    def __init__(self, *seed: int | str) -> None:
        state = 0x9E3779B97F4A7C15
        for part in seed:
            for byte in str(part).encode():
                state = ((state ^ byte) * 0x100000001B3) & _MASK
            state = (state ^ (state >> 29)) * 0xBF58476D1CE4E5B9 & _MASK
        self._state = state

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from [low, high)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return low + (high - low) * ((z ^ (z >> 31)) >> 11) / (1 << 53)

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> float:
        """A normally distributed number (Box-Muller, one of the pair)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return mean + deviation * radius * math.cos(2 * math.pi * self.uniform())

    def chance(self, probability: float) -> bool:
        """True with ``probability``."""
        return self.uniform() < probability

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.uniform() * (high - low + 1))
