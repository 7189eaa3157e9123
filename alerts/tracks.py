"""What is remembered of the conditions that are not quiet, with their timers, and its form in a snapshot (pure)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from devices.observation import Subject

#: (key of the subject, pack, rule)
Identity = tuple[str, str, str]


class Track(msgspec.Struct, gc=False):
    """What is remembered of one rule for one subject, from its first bad sight until its condition is over.

    ``value``, ``limit`` and ``last`` (event time) are the last bad sight's. ``heard`` is the journal time of the last
    live reading of any flag; ``good_since`` the event time of the first of the readings that meet the clear condition
    now. ``level`` is what the kind of condition needs besides: the level before a jump, the offset of a clock, how
    many readings a window has.
    """

    bound: Bound
    subject: Subject
    since: int
    last: int
    heard: int
    value: float | None
    limit: float | None
    bad: int = 1
    fired: bool = False
    good_since: int | None = None
    level: float = 0.0

    @property
    def identity(self) -> Identity:
        """Which rule of which subject."""
        return self.subject.key, self.bound.pack, self.bound.rule

    def turned(self, reason: Reason, at: int, ts: int | None = None, value: float | None = None) -> Change:
        """The change that this track begins (where it fired) or ends with, decided at journal time ``at``."""
        bound = self.bound
        return Change(
            on=self.fired,
            rule=bound.rule,
            pack=bound.pack,
            digest=bound.digest,
            severity=bound.severity,
            kind=bound.kind,
            subject=self.subject,
            value=self.value if ts is None else value,
            limit_value=self.limit,
            since=self.since,
            ts=self.last if ts is None else ts,
            at=at,
            reason=reason.value,
            latching=bound.latching,
            reopen_ms=bound.reopen_ms,
            tell=bound.tell,
            early_of=bound.early_of,
        )

    def ends(self, reason: Reason, at: int, ts: int | None = None, value: float | None = None) -> Change:
        """The change of a condition that holds no longer."""
        self.fired = False
        return self.turned(reason, at, ts, value)

    def fires(self, reason: Reason, at: int, ts: int | None = None, value: float | None = None) -> Change:
        """The change of a condition that holds from now on."""
        self.fired = True
        return self.turned(reason, at, ts, value)


class _Saved(msgspec.Struct, array_like=True):
    """A track in a snapshot; ``bound`` is an index, for thousands of tracks share a few."""

    bound: int
    subject: Subject
    since: int
    last: int
    heard: int
    value: float | None
    limit: float | None
    bad: int
    fired: bool
    good_since: int | None
    level: float


class Saved(msgspec.Struct, array_like=True):
    """All tracks as they stand in a snapshot."""

    bounds: list[Bound]
    tracks: list[_Saved]


class Tracks:
    """Tracks by the key of their subject, each with at most one timer. ``watched`` stays the same set object."""

    def __init__(self) -> None:
        self.watched: set[str] = set()
        self._held: dict[str, list[Track]] = {}
        self._timers: list[tuple[int, str, str, str]] = []
        self._timed: dict[Identity, int] = {}
        #: Open tracks of rules with a schedule.
        self.scheduled: set[Identity] = set()

    def of(self, key: str) -> list[Track]:
        """The tracks of one subject; not to be changed."""
        return self._held.get(key, [])

    def find(self, identity: Identity) -> Track | None:
        """One track."""
        key, pack, rule = identity
        for track in self._held.get(key, ()):
            if track.bound.rule == rule and track.bound.pack == pack:
                return track
        return None

    def add(self, track: Track) -> None:
        """Remember a new track."""
        key = track.subject.key
        self._held.setdefault(key, []).append(track)
        self.watched.add(key)
        if track.bound.schedule:
            self.scheduled.add(track.identity)

    def keep(self, key: str, held: list[Track]) -> None:
        """Remember only these of a subject."""
        for track in self._held.get(key, ()):
            if track.bound.schedule and track not in held:
                self.scheduled.discard(track.identity)
        if held:
            self._held[key] = held
        else:
            self._held.pop(key, None)
            self.watched.discard(key)

    def drop(self, track: Track) -> None:
        """Forget one track."""
        key = track.subject.key
        self.keep(key, [one for one in self._held.get(key, ()) if one is not track])

    def arm(self, track: Track, due: int) -> None:
        """Ask for a look at a track at journal time ``due``, unless an earlier one is asked for already."""
        identity = track.identity
        if due < self._timed.get(identity, due + 1):
            self._timed[identity] = due
            heapq.heappush(self._timers, (due, *identity))

    @property
    def due(self) -> float:
        """When the next timer ends."""
        return self._timers[0][0] if self._timers else float("inf")

    def ripe(self, now: int) -> list[Track]:
        """The tracks of which a timer has ended, each to be armed again by whoever wants it."""
        found = []
        while self._timers and self._timers[0][0] <= now:
            due, *names = heapq.heappop(self._timers)
            identity = (names[0], names[1], names[2])
            if self._timed.get(identity) != due:
                continue
            del self._timed[identity]
            track = self.find(identity)
            if track is not None:
                found.append(track)
        return found

    def __iter__(self) -> Iterator[Track]:
        """All tracks in an order that depends on the state alone."""
        return (track for _, held in sorted(self._held.items()) for track in held)

    def clear(self) -> None:
        """Forget all."""
        self.watched.clear()
        self.scheduled.clear()
        self._held.clear()
        self._timers.clear()
        self._timed.clear()


def has(held: list[Track], bound: Bound) -> bool:
    """Whether one of the tracks is of the same rule, of whatever version."""
    for track in held:
        mine = track.bound
        if mine is bound or (mine.rule == bound.rule and mine.pack == bound.pack):
            return True
    return False


def dump(tracks: Iterable[Track]) -> Saved:
    """Tracks as they stand in a snapshot; they come in an order that depends on the state alone."""
    indices: dict[Bound, int] = {}
    saved = [
        _Saved(
            indices.setdefault(track.bound, len(indices)),
            track.subject,
            track.since,
            track.last,
            track.heard,
            track.value,
            track.limit,
            track.bad,
            track.fired,
            track.good_since,
            track.level,
        )
        for track in tracks
    ]
    return Saved(list(indices), saved)


def load(saved: Saved) -> list[Track]:
    """What ``dump`` was given."""
    return [
        Track(
            saved.bounds[one.bound],
            one.subject,
            one.since,
            one.last,
            one.heard,
            one.value,
            one.limit,
            one.bad,
            one.fired,
            one.good_since,
            one.level,
        )
        for one in saved.tracks
    ]
