"""The contract of a time-series store and what decide and the stores hand each other.

A store is called from one thread, its own. ``write`` gets consecutive items in journal order, never a
parked or repeated message, and returns only when everything is durable; the cursor moves with it.
``read`` may be called from any thread while ``write`` runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from devices.reading import Row


class Tags(msgspec.Struct, frozen=True):
    """The labels of a device as of a record's offset; absent ones are ``-``."""

    device: str
    kind: str
    place: str = "-"
    unit: str = "-"
    district: str = "-"


class Telemetry(msgspec.Struct, gc=False):
    """One accepted telemetry message: rows without refused or already known values."""

    offset: int
    received_at: int
    qos: int
    tags: Tags
    rows: list[Row]


class CustodyPoints(msgspec.Struct, gc=False):
    """One accepted custody event, one point a container in ``containers`` (sorted ids).

    ``grams`` holds ``net_g, gross_g, tare_g`` as far as known; with several containers they are the group's.
    """

    offset: int
    received_at: int
    qos: int
    tags: Tags
    ts: int
    step: str
    category: str
    event_id: str
    containers: list[str]
    grams: dict[str, int]


class AlertPoint(msgspec.Struct, gc=False):
    """One alert transition; ``n`` is its place among the outputs of record ``offset``."""

    offset: int
    n: int
    tags: Tags
    ts: int
    point: str
    rule: str
    severity: str
    state: str
    alert_id: str
    value: float | None
    limit_value: float | None


class Quiet(msgspec.Struct, gc=False):
    """An accepted device message of which the store writes nothing (a status)."""

    offset: int
    qos: int


Item = Telemetry | CustodyPoints | AlertPoint | Quiet


class StoreParked(msgspec.Struct):
    """What the store refused of an accepted message.

    ``whole`` is True when nothing of the message was stored: the message moves from accepted to parked.
    ``reason``: ``store_refused`` (``detail`` = the server's words) or ``conflict`` (late data; both values in detail).
    """

    offset: int
    reason: str
    detail: dict[str, Any]
    whole: bool


class StoreStats(msgspec.Struct):
    """Totals since the beginning, committed with the cursor: messages exclude QoS 0."""

    cursor: int = -1
    stored: int = 0
    parked: int = 0
    points: int = 0
    points_conflict: int = 0


class StoredReading(msgspec.Struct):
    """One reading as the API shows it (DESIGN 4.4); times are ms since 1970 UTC."""

    device: str
    point: str
    parameter: str
    ts: int
    received_at: int
    value: float
    flag: str
    qualifier: str
    late: bool
    offset: int


class TimeSeriesStore(Protocol):
    """See the module's docstring."""

    name: str

    def open(self) -> None:
        """Open or create the store. Raises StartError with one line that says what to do."""
        ...

    def stats(self) -> StoreStats:
        """Totals and cursor as durably stored; callable from any thread."""
        ...

    def write(self, items: Sequence[Item], cursor: int) -> list[StoreParked]:
        """Store all items durably, exactly once, and move the cursor to ``cursor``.

        Late values (``Row.late``) and all values of rows with ``Row.compare`` are compared with what is stored: the
        same value is left alone, a different one comes back as ``conflict``. Raises ``RetryError`` when nothing was
        decided and the same call must come again.
        """
        ...

    def last_parked(self) -> list[StoreParked]:
        """What the newest committed batch parked, kept with the cursor: the follower records it again at start."""
        ...

    def read(
        self,
        *,
        device: str,
        point: str | None,
        parameter: str | None,
        start: int,
        end: int,
        limit: int,
        after: int = -1,
    ) -> list[StoredReading]:
        """Readings with start <= ts < end in order of (ts, parameter, point), at most ``limit``; from any thread.

        ``after`` is the place (0, 1, ...) in that order of the last reading already seen, -1 = none: for the next
        page the caller adds the length of this one. Raises ``RetryError`` when the store cannot be asked now.
        """
        ...

    def close(self) -> None:
        """Flush nothing (all is durable), release everything."""
        ...


class RetryError(Exception):
    """The store cannot be reached or is overloaded: call again after ``after`` seconds.

    ``held`` is True where a person must act (credentials, missing bucket): the gateway raises an alarm.
    """

    def __init__(self, reason: str, after: float, *, held: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.held = held
