"""Maintenance sessions: somebody works on a device, and its alerts are held meanwhile (pure)."""

from __future__ import annotations

import enum
import heapq
import math
from collections.abc import Mapping

import msgspec


class Work(enum.StrEnum):
    """What is done in a session."""

    CLEAN = "clean"
    CALIBRATE = "calibrate"
    COMPARISON = "comparison"
    REPAIR = "repair"
    OUTAGE = "outage"


#: The HJ 212 flag that readings of the device count as during a session: C calibrating, M maintenance.
FLAG_OF_WORK: Mapping[str, str] = {work.value: "C" if work is Work.CALIBRATE else "M" for work in Work}


class Session(msgspec.Struct, frozen=True):
    """One row of ``gateway.state.sessions``, keyed by (``device``, ``offset`` of the command that opened it).

    ``until`` is when time ends it, ms since 1970 UTC; ``closed_at`` and ``closed_by`` (a person, or ``time``) are None
    while it is open.
    """

    device: str
    offset: int
    kind: str
    opened_at: int
    until: int
    opened_by: str
    comment: str = ""
    closed_at: int | None = None
    closed_by: str | None = None


class Sessions:
    """The open sessions by device. Every change waits in a list until ``take``."""

    def __init__(self) -> None:
        self.open: dict[str, Session] = {}
        self._changes: list[Session] = []
        self._timers: list[tuple[int, str]] = []

    def put(self, session: Session) -> None:
        """Open it, or prolong the one that is open."""
        self.load(session)
        self._changes.append(session)

    def load(self, session: Session) -> None:
        """Take one of a dump."""
        self.open[session.device] = session
        heapq.heappush(self._timers, (session.until, session.device))

    def end(self, device: str, at: int, by: str) -> None:
        """Close the session of a device."""
        session = self.open.pop(device)
        self._changes.append(msgspec.structs.replace(session, closed_at=at, closed_by=by))

    @property
    def due(self) -> float:
        """When time ends a session next; inf = never."""
        timers = self._timers
        while timers and (timers[0][1] not in self.open or self.open[timers[0][1]].until != timers[0][0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else math.inf

    def next(self, now: int) -> Session | None:
        """The session whose end is reached; to be ended by the caller."""
        return self.open[self._timers[0][1]] if self.due <= now else None

    def take(self) -> list[Session]:
        """Rows that changed since the last time, oldest first."""
        changes, self._changes = self._changes, []
        return changes
