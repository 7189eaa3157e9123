"""Columns of what is known of quiet channels: within them a reading changes nothing but a few numbers (pure).

Index = the channel of ``devices.series``. Decide's hot path reads and writes these columns itself
(``gateway.decide.readings``); ``alerts.evaluate`` does the same on its long way, so that both ways leave equal columns.

- ``low``, ``high`` (inclusive): an N value inside breaks no limit, moved no rule's distance, jumped by no power of ten.
  An empty interval sends every value the long way. ``turn``: from that event time on values go the long way.
- ``anchor``, ``moved``: the value from which the channel has not moved by ``step`` since event time ``moved``; after
  ``span`` without moving values go the long way. ``step`` 0 makes every value the new anchor.
- ``seen``: journal time of the last N value.

``anchor``, ``moved`` and ``seen`` are state; the others follow from the rules at the next value.
"""

from __future__ import annotations

import math
from array import array

import msgspec

INF = math.inf
#: Later than any event time, and still within 64 bits when a time is added.
NEVER = 2**62
#: No event time at all.
UNKNOWN = -(2**62)
_BLOCK = 256
#: A step that was meant to be one is one, whatever its binary fraction.
ROUNDING = 1e-9


class References:
    """Two values of each channel, so that one of them is ``per_ms`` / 2 to ``per_ms`` old; for rules of change."""

    def __init__(self, per_ms: int) -> None:
        self.per_ms = per_ms
        self.half_ms = max(1, per_ms // 2)
        self.old_ts = array("q")
        self.old = array("d")
        self.new_ts = array("q")
        self.new = array("d")

    def take(self, index: int, ts: int, value: float) -> None:
        """One N value in the order of event time."""
        while len(self.old) <= index:
            self.old_ts.append(UNKNOWN)
            self.new_ts.append(UNKNOWN)
            self.old.append(0.0)
            self.new.append(0.0)
        if ts - self.new_ts[index] >= self.half_ms:
            stale = ts - self.new_ts[index] > self.per_ms
            self.old_ts[index], self.old[index] = (ts, value) if stale else (self.new_ts[index], self.new[index])
            self.new_ts[index], self.new[index] = ts, value

    def before(self, index: int, ts: int) -> tuple[float, int] | None:
        """The value to compare with at ``ts``, and until when it is the one; None where none is young enough."""
        if index < len(self.old):
            for stamp, value in ((self.old_ts[index], self.old[index]), (self.new_ts[index], self.new[index])):
                if ts - stamp <= self.per_ms:
                    return value, stamp + self.per_ms
        return None

    def following(self, index: int, ts: int) -> int:
        """The first time after ``ts`` at which values are compared with another one."""
        known = self.before(index, ts)
        turn = self.new_ts[index] + self.half_ms
        return turn if known is None else min(turn, known[1] + 1)


class _Saved(msgspec.Struct, array_like=True):
    anchor: bytes
    moved: bytes
    seen: bytes
    other: dict[int, int]
    references: dict[int, tuple[bytes, bytes, bytes, bytes]]


class Quiet:
    """The columns; see the module's docstring."""

    def __init__(self) -> None:
        # Lists where every value looks: an array makes an object each time. They cost about 100 bytes a channel more.
        self.low: list[float] = []
        self.high: list[float] = []
        self.turn: list[int] = []
        self.step: list[float] = []
        self.span = array("q")
        self.anchor: list[float] = []
        self.moved: list[int] = []
        self.seen: list[int] = []
        #: Journal time of the last value that did not count, of channels that ever had one.
        self.other: dict[int, int] = {}
        self.references: dict[int, References] = {}

    def __len__(self) -> int:
        return len(self.low)

    def reach(self, index: int) -> None:
        """Make room for a channel."""
        if index < len(self.low):
            return
        # Whole blocks: their number depends on the highest channel alone.
        missing = (index // _BLOCK + 1) * _BLOCK - len(self.low)
        self.low.extend([INF] * missing)
        self.high.extend([-INF] * missing)
        self.turn.extend([NEVER] * missing)
        self.step.extend([0.0] * missing)
        self.span.extend([NEVER] * missing)
        self.anchor.extend([math.nan] * missing)
        self.moved.extend([UNKNOWN] * missing)
        self.seen.extend([0] * missing)

    def open(self, index: int) -> None:
        """Send the next value of a channel the long way."""
        if 0 <= index < len(self.low):
            self.low[index], self.high[index] = INF, -INF

    def open_all(self) -> None:
        """Send the next value of every channel the long way: rules or registry changed."""
        count = len(self.low)
        self.low = [INF] * count
        self.high = [-INF] * count

    def move(self, index: int, ts: int, value: float) -> None:
        """The anchor follows an N value that is a step away from it."""
        if not -self.step[index] < value - self.anchor[index] < self.step[index]:
            self.anchor[index], self.moved[index] = value, ts

    def stir(self, index: int, ts: int) -> None:
        """Time without N values is no time of standing still."""
        if 0 <= index < len(self.moved) and self.moved[index] != UNKNOWN:
            self.moved[index] = max(ts, self.moved[index])

    def forget(self, index: int) -> None:
        """Nothing is known of the channel's values any more."""
        if 0 <= index < len(self.low):
            self.open(index)
            self.anchor[index], self.moved[index] = math.nan, UNKNOWN
            for one in self.references.values():
                if index < len(one.old):
                    one.old_ts[index] = one.new_ts[index] = UNKNOWN
                    one.old[index] = one.new[index] = 0.0

    def dump(self) -> _Saved:
        """The state."""
        found = {
            per: (one.old_ts.tobytes(), one.old.tobytes(), one.new_ts.tobytes(), one.new.tobytes())
            for per, one in sorted(self.references.items())
            if len(one.old)
        }
        other = dict(sorted(self.other.items()))
        anchor, moved, seen = array("d", self.anchor), array("q", self.moved), array("q", self.seen)
        return _Saved(anchor.tobytes(), moved.tobytes(), seen.tobytes(), other, found)

    def load(self, saved: _Saved) -> None:
        """Take the state of a ``dump``."""
        self.__init__()  # type: ignore[misc]
        self.reach(len(saved.anchor) // 8 - 1)
        self.anchor = array("d", saved.anchor).tolist()
        self.moved = array("q", saved.moved).tolist()
        self.seen = array("q", saved.seen).tolist()
        self.other = saved.other
        for per, (old_ts, old, new_ts, new) in saved.references.items():
            one = self.references[per] = References(per)
            one.old_ts, one.old = array("q", old_ts), array("d", old)
            one.new_ts, one.new = array("q", new_ts), array("d", new)


Saved = _Saved
