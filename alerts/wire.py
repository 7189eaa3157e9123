"""Sequence numbers and clocks of devices, message by message (pure).

A hole in the sequence numbers waits for its messages; what is still missing after the rule's ``for`` (journal time)
fires, and is over when they come late, or when no other hole was seen for the ``for`` of its clear condition. Small
numbers after large ones are a device that began anew.

A clock is off where the receive time minus the time of the newest reading stays the same, beyond the limit, over
three messages and at least as long as the limit itself: a backlog that is drained faster than it grew has an offset
that shrinks meanwhile. The value of such an alert is the offset in seconds, positive where the device is behind; whole
hours, as of a wrong zone, are exactly whole hours. Only while caught up: a broker's backlog is no clock.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.tracks import Track
from alerts.turns import advance
from alerts.verdicts import Verdict
from devices.observation import Observation, Subject

if TYPE_CHECKING:
    from alerts.evaluate import Evaluation

HOUR_MS = 3_600_000
#: Messages with the same offset that make a clock off.
STEADY = 3
#: What jitter of a network and of sampling may do to a steady offset, at least.
JITTER_MS = 10_000
#: A sequence number so far below the last is a new beginning, not a message that comes late.
RESTART = 1000
#: Holes that are remembered of one device.
HOLES = 64


class _Saved(msgspec.Struct, array_like=True):
    seq: bytes
    holes: dict[int, list[list[int]]]


class Wire:
    """What messages say of their own way. ``seq`` is the last sequence number by slot, -1 where none is known."""

    KINDS = frozenset({"sequence_gap", "clock_off"})

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self.seq = array("q")
        self._holes: dict[int, list[list[int]]] = {}
        self.use()

    def use(self) -> None:
        """The rules changed. ``off_ms``: offsets beyond it, either way, must be told to ``timed``."""
        conditions = [rule.condition for pack in self._evaluation.rules.packs for rule in pack.rules if rule.enabled]
        clocks = [one.clock_off.by for one in conditions if one.clock_off is not None]
        self.off_ms = min(clocks, default=2**62)

    def reach(self, slot: int) -> None:
        """Make room for a device."""
        while len(self.seq) <= slot:
            self.seq.append(-1)

    def numbered(self, slot: int, device: str, seq: int, now: int) -> list[Change]:
        """A message of a device with a sequence number, at journal time ``now``; below 0: the next one counts anew."""
        changes: list[Change] = []
        self.reach(slot)
        last = self.seq[slot]
        if last < 0 or seq == last + 1 or seq < 0:
            self.seq[slot] = seq
        elif seq > last:
            self.seq[slot] = seq
            subject = self._evaluation.around.device(device, now)
            bounds = () if subject is None else self._evaluation.rules.of(subject).of("sequence_gap")
            if subject is not None and bounds:
                self._holes[slot] = [*self._holes.get(slot, []), [last + 1, seq - 1]][-HOLES:]
                self._missing(slot, bounds, subject, now)
        elif not self._filled(slot, f"{device}/-/", seq, now, changes) and (seq <= 1 or last - seq > RESTART):
            self.seq[slot] = seq
        return changes

    def timed(self, device: str, newest: int, received: int, now: int) -> list[Change]:
        """A message of a device whose newest reading is of ``newest`` in its own time."""
        changes: list[Change] = []
        offset = received - newest
        known = any(track.bound.kind == "clock_off" for track in self._evaluation.tracks.of(f"{device}/-/"))
        if self._evaluation.presence.live and (known or not -self.off_ms <= offset <= self.off_ms):
            subject = self._evaluation.around.device(device, now)
            for bound in () if subject is None else self._evaluation.rules.of(subject).of("clock_off"):
                assert subject is not None
                self._clock(bound, Observation(subject, float(offset), newest, now), changes)
        return changes

    def _missing(self, slot: int, bounds: tuple[Bound, ...], device: Subject, now: int) -> None:
        missing = float(sum(last - first + 1 for first, last in self._holes[slot]))
        for bound in bounds:
            track = self._evaluation.tracks.find((device.key, bound.pack, bound.rule))
            if track is None:
                self._evaluation.begin(Track(bound, device, now, now, now, missing, None))
                continue
            track.value, track.last = missing, now
            if track.fired:
                track.good_since = now

    def _filled(self, slot: int, key: str, seq: int, now: int, changes: list[Change]) -> bool:
        """Whether a number was missing; the last one of all ends what they began."""
        holes = self._holes.get(slot, [])
        hole = next((one for one in holes if one[0] <= seq <= one[1]), None)
        if hole is None:
            return False
        place = holes.index(hole)
        holes[place : place + 1] = [part for part in ([hole[0], seq - 1], [seq + 1, hole[1]]) if part[0] <= part[1]]
        missing = float(sum(last - first + 1 for first, last in holes))
        if not holes:
            del self._holes[slot]
        for track in list(self._evaluation.tracks.of(key)):
            if track.bound.kind != "sequence_gap":
                continue
            track.value = missing
            if not holes:
                if track.fired:
                    changes.append(track.ends(Reason.DATA_AGAIN, now, now))
                self._evaluation.tracks.drop(track)
        return True

    def ripe(self, track: Track, now: int, changes: list[Change]) -> None:
        """The timer of a track ended."""
        if track.bound.kind != "sequence_gap":
            return
        due = self._due(track)
        if due > now:
            self._evaluation.tracks.arm(track, due)
        elif not track.fired:
            changes.append(track.fires(Reason.SEQUENCE_GAP, now))
            track.good_since = now
            self.arm(track)
        else:
            changes.append(track.ends(Reason.CONDITION_OVER, now))
            self._evaluation.tracks.drop(track)
            slot = self._evaluation.presence.slot(track.subject.device, now)
            self._holes.pop(slot, None)

    @staticmethod
    def _due(track: Track) -> int:
        if track.fired:
            return (track.good_since or track.last) + track.bound.clear_for_ms
        return track.heard + track.bound.for_ms

    def arm(self, track: Track) -> None:
        """Look at an open track again when it may be over."""
        if track.bound.kind == "sequence_gap":
            self._evaluation.tracks.arm(track, self._due(track))

    def _clock(self, bound: Bound, o: Observation, changes: list[Change]) -> None:
        """The value of the observation is the offset in ms."""
        tracks, offset, now = self._evaluation.tracks, o.value, o.now
        track = tracks.find((o.subject.key, bound.pack, bound.rule))
        off = not bound.low <= offset <= bound.high
        shown, limit = _shown(offset, bound) / 1000, bound.span_ms / 1000
        if track is None:
            if off:
                self._evaluation.begin(Track(bound, o.subject, now, now, now, shown, limit, level=offset))
            return
        if track.fired:
            found = Verdict(bad=off, over=not off, value=shown, limit=limit)
            # Its own time is what is wrong.
            if not advance(track, found, Observation(o.subject, 0.0, now, now), changes):
                tracks.drop(track)
        elif not off:
            tracks.drop(track)
        elif abs(offset - track.level) > max(JITTER_MS, bound.span_ms // 4):
            track.since, track.level, track.bad = now, offset, 1
            track.value, track.last = shown, now
        else:
            track.bad += 1
            track.value, track.last = shown, now
            long = now - track.since >= max(bound.for_ms, bound.span_ms)
            if long and track.bad >= max(bound.count, STEADY):
                changes.append(track.fires(Reason.CLOCK_OFF, now))

    def forget(self, slot: int) -> None:
        """The device is gone from the registry."""
        self._holes.pop(slot, None)
        if slot < len(self.seq):
            self.seq[slot] = -1

    def dump(self) -> bytes:
        """The state."""
        return msgspec.msgpack.encode(_Saved(self.seq.tobytes(), dict(sorted(self._holes.items()))))

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``."""
        saved: Any = msgspec.msgpack.decode(state, type=_Saved)
        self.seq = array("q", saved.seq)
        self._holes = saved.holes


def _shown(offset: float, bound: Bound) -> float:
    """An offset near whole hours is whole hours."""
    hours = round(offset / HOUR_MS)
    return hours * HOUR_MS if hours and abs(offset - hours * HOUR_MS) <= bound.span_ms else offset
