"""What each local day leaves in the ledger: how much every device sent, and the newest entry of every open container.

The entries of a day that ended are written piece by piece with the records that follow, so that midnight holds up
nobody. With them an omission shows: a container whose later entries somebody left out ends before the head that its
day names, and a device's messages are as many as its count says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from custody.container import Container
from gateway.decide.outputs import Outputs

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

#: Entries, or heads, that one record brings at the most.
PIECE = 500


class Saved(msgspec.Struct):
    """What of the days is in a snapshot."""

    day: str = ""
    ends: int = 0
    sent: dict[str, int] = {}
    open: list[str] = []
    over: str = ""
    counts: list[tuple[str, int]] = []
    heads: list[str] = []
    part: int = 0


class Days:
    """Counts and heads for a ``Fold``. ``sent`` counts the messages of each device since midnight."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.sent: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._day = ""
        self._ends = 0
        self._over = ""
        self._counts: list[tuple[str, int]] = []
        self._heads: list[str] = []
        self._part = 0

    @property
    def open(self) -> list[str]:
        """The ids of the containers of which something is expected."""
        return [entity.removeprefix("container:") for entity in self._open]

    def standing(self, before: Iterable[Container], after: Iterable[Container]) -> None:
        """Containers were ``before`` and are ``after``: of those that are open, the day names the newest entry."""
        for one in before:
            for known in one.ids:
                self._open.pop(f"container:{known.v}", None)
        for one in after:
            if one.open:
                self._open |= dict.fromkeys(f"container:{known.v}" for known in one.ids)

    def tick(self, out: Outputs) -> bool:
        """Journal time went on: what an old day leaves is written on; whether the day is another one from now on."""
        now = self._fold.time
        turned = now >= self._ends
        if turned:
            self._turn(now, out)
        if self._counts or self._heads:
            self._piece(out)
        return turned

    def _turn(self, now: int, out: Outputs) -> None:
        while self._counts or self._heads:
            self._piece(out)
        if self._day:
            self._over, self._counts = self._day, sorted(self.sent.items())
            self._heads, self._part = sorted(self._open), 0
            self.sent.clear()
        zone = ZoneInfo(self._fold.alerting.zone)
        today = dt.datetime.fromtimestamp(now / 1000, zone).date()
        midnight = dt.datetime.combine(today + dt.timedelta(days=1), dt.time(), zone)
        self._day, self._ends = today.isoformat(), int(midnight.timestamp() * 1000)

    def _piece(self, out: Outputs) -> None:
        fold = self._fold
        if self._counts:
            for device, messages in self._counts[:PIECE]:
                body = {"day": self._over, "device": device, "messages": messages}
                fold.ledger.append("device_day", [f"device:{device}"], body, fold.offset, fold.time, out)
            del self._counts[:PIECE]
            return
        piece, left = self._heads[:PIECE], self._heads[PIECE:]
        heads = []
        for entity in piece:
            head = fold.ledger.head(entity)
            if head is not None:
                heads.append([entity, head[0], head[1].hex()])
        body = {"day": self._over, "part": self._part, "last": not left, "heads": heads}
        fold.ledger.append("heads", ["ledger"], body, fold.offset, fold.time, out)
        self._heads, self._part = left, self._part + 1

    def dump(self) -> Saved:
        """What a snapshot keeps."""
        return Saved(
            self._day, self._ends, self.sent, list(self._open), self._over, self._counts, self._heads, self._part
        )

    def load(self, saved: Saved) -> None:
        """Go on from a snapshot."""
        self._day, self._ends, self.sent = saved.day, saved.ends, saved.sent
        self._open = dict.fromkeys(saved.open)
        self._over, self._counts = saved.over, saved.counts
        self._heads, self._part = saved.heads, saved.part
