"""How many messages a receiver takes in how many seconds (pure; times are those of any clock that never runs back)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Allowance:
    """Remembers what was sent, so that of no ``(messages, seconds)`` in ``limits`` more goes out."""

    def __init__(self, limits: Sequence[tuple[int, int]]) -> None:
        self._sent: list[tuple[deque[float], int]] = [(deque(maxlen=messages), s) for messages, s in limits]

    def free_at(self) -> float:
        """When the next one may go out; any time is it where nothing stands against it."""
        full = (sent[0] + seconds for sent, seconds in self._sent if len(sent) == sent.maxlen)
        return max(full, default=float("-inf"))

    def take(self, now: float) -> None:
        """One goes out now."""
        for sent, _ in self._sent:
            sent.append(now)
