"""What Python's cyclic garbage collector costs a process."""

from __future__ import annotations

import gc
import time
from typing import Any


class Collections:
    """Counts from when it is made: ``seconds`` in all, ``longest`` one, ``full`` ones (the oldest generation).

    A collection runs in whichever thread allocates, and no other Python thread runs meanwhile.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.longest = 0.0
        self.full = 0
        self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, details: dict[str, Any]) -> None:
        now = time.thread_time()
        if phase == "start":
            self._began = now
            return
        spent = now - self._began
        self.seconds += spent
        self.longest = max(self.longest, spent)
        self.full += details["generation"] == 2
