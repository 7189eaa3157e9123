"""What decide hands to the store while both are at the same place, so that a message is decoded once.

Bounded: a store that is slow or dead loses the hand-off, not the data; it then reads journal and state again.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from gateway.store.base import Item

#: A store that took nothing for so many seconds is not waited for.
LIVELY_S = 1.0


class Handoff:
    """Batches of items in journal order, at most ``limit`` items; the oldest batch goes first when it is full."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._batches: deque[tuple[int, int, list[Item]]] = deque()
        self._held = 0
        self._taken = 0.0
        self._lock = threading.Condition()

    def put(self, first: int, last: int, items: list[Item], patience: float = 0.0) -> None:
        """The records ``first`` to ``last`` are decided and committed; ``items`` is what a store writes of them.

        Where there is no room, waits up to ``patience`` seconds for a store that took something lately: deciding an old
        backlog, that is cheaper than decoding everything a second time.
        """
        with self._lock:
            if patience and self._held > self._limit and time.monotonic() - self._taken < LIVELY_S:
                self._lock.wait_for(lambda: self._held <= self._limit, patience)
            self._batches.append((first, last, items))
            self._held += len(items) + 1
            while self._held > self._limit and len(self._batches) > 1:
                self._held -= len(self._batches.popleft()[2]) + 1

    def take(self, first: int, most: int) -> tuple[int, list[Item]] | None:
        """(last, items) of consecutive batches from record ``first`` on, about ``most`` items; None = not here."""
        with self._lock:
            while self._batches and self._batches[0][0] < first:
                self._held -= len(self._batches.popleft()[2]) + 1
            if not self._batches or self._batches[0][0] != first:
                return None
            last, items = first - 1, list[Item]()
            while self._batches and self._batches[0][0] == last + 1 and len(items) < most:
                _, last, more = self._batches.popleft()
                self._held -= len(more) + 1
                items = [*items, *more] if items else more
            self._taken = time.monotonic()
            self._lock.notify_all()
            return last, items
