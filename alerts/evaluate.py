"""Readings against limit rules: which alert fires, which is over (pure; journal in, changes out).

What is kept of a subject (one channel of one device) is a ``Track`` a rule, from its first bad reading until the alert
clears; a quiet subject costs nothing. How a reading moves it (docs/alerts.md says it for operators):

- Only live readings with flag N count. Others leave every count alone; late ones and those more than five minutes
  ahead are not looked at.
- ``count`` bad readings in a row fire; a good one in between starts anew. With ``for`` the rule fires at a bad reading
  when all were bad for that long in event time; where the channel falls silent before that, it fires once nothing
  was heard of it for that long in journal time, counted from the last reading of any flag (a jitter of the network
  must not overtake the reading that would have ended it).
- The first N reading that meets the clear condition clears; with a ``for`` of the clear condition all readings over
  that time (event time) must meet it. Silence never clears.
- An alert keeps the version of the rule under which it fired until it is over. Bad readings that have not fired yet are
  forgotten where their rule changed: they count from one again, under the new version.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

from alerts import tracks
from alerts.bounds import INF, Bound, bounds
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.pack import Pack
from alerts.tracks import Track
from devices.observation import Observation, Subject
from devices.reading import AHEAD_MS


class _Moment(NamedTuple):
    """What moves a condition: a value, its device time, the journal time."""

    value: float
    ts: int
    at: int


class Evaluation:
    """Folds observations into changes of conditions. One thread calls it, in journal order.

    ``watched`` holds the keys of the subjects that have a first bad reading or an open alert; it stays the same set
    object. A reading of any other subject changes nothing while it lies inside ``band``.
    """

    def __init__(self, packs: Sequence[Pack]) -> None:
        self.watched: set[str] = set()
        self._packs = tuple(packs)
        self._bounds: dict[tuple[str, str, str, str], tuple[Bound, ...]] = {}
        self._tracks: dict[str, list[Track]] = {}
        # (not before, key, pack, rule) of pending tracks whose rule has a ``for``, one entry each.
        self._timers: list[tuple[int, str, str, str]] = []
        self._timed: set[tuple[str, str, str]] = set()

    def band(self, subject: Subject) -> tuple[float, float]:
        """(low, high), inclusive: an N value inside changes nothing while the subject is not watched.

        (-inf, inf) where no rule holds; low above high where rules leave no good value.
        """
        low, high = -INF, INF
        for bound in self._of(subject):
            low, high = max(low, bound.low), min(high, bound.high)
        return low, high

    def observe(self, o: Observation) -> list[Change]:
        """Judge one reading of one channel."""
        if o.late or o.at > o.now + AHEAD_MS:
            return []
        changes: list[Change] = []
        subject, value = o.subject, o.value
        held = self._tracks.get(subject.key)
        if held is not None and held[0].subject != subject:
            changes = self.rebind(subject, o.now)
            held = self._tracks.get(subject.key)
        # NaN is neither bad nor good: it must not clear anything.
        if o.flag != "N" or math.isnan(value):
            for track in held or ():
                track.heard = o.now
            return changes
        if held is not None:
            self._advance(held, o, changes)
            held = self._tracks.get(subject.key)
        for bound in self._of(subject):
            if (value < bound.low or value > bound.high) and (held is None or not _has(held, bound)):
                self._begin(bound, o, changes)
        return changes

    def tick(self, now: int) -> list[Change]:
        """Fire what was pending when its channel fell silent. ``now`` is journal time; more often changes nothing."""
        silent: list[tuple[int, str, str, str]] = []
        while self._timers and self._timers[0][0] <= now:
            entry = heapq.heappop(self._timers)
            identity = entry[1:]
            self._timed.discard(identity)
            track = self._find(*identity)
            if track is None or track.fired:
                continue
            due = track.heard + track.bound.for_ms
            if due <= now:
                silent.append((due, *identity))
            else:
                self._arm(track)
        changes: list[Change] = []
        # A heap that was built anew after a restart may hold the same timers in another order.
        for _, key, pack, rule in sorted(silent):
            track = self._find(key, pack, rule)
            assert track is not None
            moment = _Moment(track.value, track.last, now)
            changes.append(self._fire(track, moment, Reason.SILENT_WHILE_BAD))
        return changes

    def rebind(self, subject: Subject, now: int) -> list[Change]:
        """The registry says something new of this subject (same key); ``observe`` does this by itself.

        Moved to another place: what was seen belongs to the old one, so an open alert is over. Other kind of place,
        profile or disinfectant: an alert is over unless its rule holds with the very same limit, and bad readings that
        have not fired count from one again unless their rule is unchanged.
        """
        changes: list[Change] = []
        in_force = self._of(subject)
        kept: list[Track] = []
        for track in self._tracks.get(subject.key, ()):
            before, track.subject = track.subject, subject
            if before.place != subject.place:
                over = Reason.MOVED
            elif _facts(before) == _facts(subject) or any(_same_limit(track.bound, bound) for bound in in_force):
                kept.append(track)
                continue
            else:
                over = Reason.RULE_NOT_APPLICABLE
            if track.fired:
                changes.append(self._clear(track, _Moment(track.value, track.last, now), over))
        self._keep(subject.key, kept)
        return changes

    def forget(self, key: str, now: int) -> list[Change]:
        """The channel is gone from the registry: its open alerts are over, nothing of it is kept."""
        changes = [
            self._clear(track, _Moment(track.value, track.last, now), Reason.REMOVED)
            for track in self._tracks.get(key, ())
            if track.fired
        ]
        self._keep(key, [])
        return changes

    def dump(self) -> bytes:
        """The folded state; equal states give equal bytes. The rules are not in it, but those of open alerts are."""
        return tracks.dump(track for _, held in sorted(self._tracks.items()) for track in held)

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``, in place of all that is held.

        Where this evaluation has other rules than the dumped one, open alerts stay under theirs and bad readings
        that have not fired under a rule of the same version are forgotten.
        """
        held = tracks.load(state)
        self.watched.clear()
        self._tracks.clear()
        self._timers.clear()
        self._timed.clear()
        for track in held:
            if track.fired or track.bound in self._of(track.subject):
                self._add(track)

    def _of(self, subject: Subject) -> tuple[Bound, ...]:
        """The rules that hold for such a subject: few kinds of subjects, so each is worked out once."""
        facts = _facts(subject)
        found = self._bounds.get(facts)
        if found is None:
            found = tuple(bound for pack in self._packs for bound in bounds(pack, *facts))
            self._bounds[facts] = found
        return found

    def _begin(self, bound: Bound, o: Observation, changes: list[Change]) -> None:
        track = Track(bound, o.subject, since=o.at, last=o.at, heard=o.now, value=o.value)
        self._add(track)
        if not bound.for_ms and bound.count <= 1:
            changes.append(self._fire(track, _Moment(o.value, o.at, o.now), Reason.BAD_READINGS))

    def _advance(self, held: list[Track], o: Observation, changes: list[Change]) -> None:
        kept: list[Track] = []
        for track in held:
            track.heard = o.now
            if not track.fired:
                change, goes_on = self._still_pending(track, o)
            else:
                change, goes_on = self._still_open(track, o)
            if change is not None:
                changes.append(change)
            if goes_on:
                kept.append(track)
        if len(kept) < len(held):
            self._keep(o.subject.key, kept)

    def _still_pending(self, track: Track, o: Observation) -> tuple[Change | None, bool]:
        """(what happens, whether the track goes on) at a reading while nothing has fired."""
        bound = track.bound
        if not bound.is_bad(o.value):
            return None, False
        track.bad, track.last, track.value = track.bad + 1, o.at, o.value
        moment = _Moment(o.value, o.at, o.now)
        if bound.for_ms:
            if o.at - track.since >= bound.for_ms:
                return self._fire(track, moment, Reason.BAD_FOR_DURATION), True
        elif track.bad >= bound.count:
            return self._fire(track, moment, Reason.BAD_READINGS), True
        return None, True

    def _still_open(self, track: Track, o: Observation) -> tuple[Change | None, bool]:
        """(what happens, whether the track goes on) at a reading while an alert is open."""
        bound = track.bound
        if not bound.clear_low <= o.value <= bound.clear_high:
            track.good_since = None
            if bound.is_bad(o.value):
                track.last, track.value = o.at, o.value
            return None, True
        if track.good_since is None:
            track.good_since = o.at
        if o.at - track.good_since < bound.clear_for_ms:
            return None, True
        return self._clear(track, _Moment(o.value, o.at, o.now), Reason.BACK_IN_LIMITS), False

    @staticmethod
    def _fire(track: Track, moment: _Moment, reason: Reason) -> Change:
        track.fired = True
        return _change(track, moment, reason, on=True)

    @staticmethod
    def _clear(track: Track, moment: _Moment, reason: Reason) -> Change:
        return _change(track, moment, reason, on=False)

    def _add(self, track: Track) -> None:
        key = track.subject.key
        self._tracks.setdefault(key, []).append(track)
        self.watched.add(key)
        if track.bound.for_ms and not track.fired:
            self._arm(track)

    def _arm(self, track: Track) -> None:
        identity = (track.subject.key, track.bound.pack, track.bound.rule)
        if identity not in self._timed:
            self._timed.add(identity)
            heapq.heappush(self._timers, (track.heard + track.bound.for_ms, *identity))

    def _find(self, key: str, pack: str, rule: str) -> Track | None:
        for track in self._tracks.get(key, ()):
            if track.bound.rule == rule and track.bound.pack == pack:
                return track
        return None

    def _keep(self, key: str, held: list[Track]) -> None:
        if held:
            self._tracks[key] = held
        else:
            self._tracks.pop(key, None)
            self.watched.discard(key)


def _has(held: list[Track], bound: Bound) -> bool:
    """Whether one of the tracks is of the same rule, of whatever version."""
    for track in held:
        mine = track.bound
        if mine is bound or (mine.rule == bound.rule and mine.pack == bound.pack):
            return True
    return False


def _same_limit(one: Bound, other: Bound) -> bool:
    """Whether both are the same rule with the same numbers, of whatever version."""
    return (one.pack, one.rule, one.low, one.high) == (other.pack, other.rule, other.low, other.high)


def _facts(subject: Subject) -> tuple[str, str, str, str]:
    """What decides which limits hold."""
    return subject.parameter, subject.place_kind, subject.profile, subject.disinfectant


def _change(track: Track, moment: _Moment, reason: Reason, *, on: bool) -> Change:
    bound = track.bound
    return Change(
        on=on,
        rule=bound.rule,
        pack=bound.pack,
        digest=bound.digest,
        severity=bound.severity,
        kind="limit",
        subject=track.subject,
        value=moment.value,
        limit_value=bound.broken_by(track.value),
        since=track.since,
        ts=moment.ts,
        at=moment.at,
        reason=reason.value,
    )
