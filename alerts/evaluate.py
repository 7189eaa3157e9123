"""Observations against rules: which condition holds from now on, which is over (pure; journal in, changes out).

What is kept of a subject (a channel, a device, a container) is a ``Track`` a rule, from its first bad sight until its
condition is over; a quiet channel costs a few numbers in columns (``alerts.quiet``). How a reading moves a track
(docs/alerts.md says it for operators):

- Only live readings with flag N count. Others leave every count alone; late ones and those more than five minutes
  ahead are not looked at (``assess`` lists late ones that break a limit).
- ``count`` bad readings in a row fire; a good one in between starts anew. With ``for`` the rule fires at a bad reading
  when all were bad for that long in event time; where the channel falls silent before that, it fires once nothing
  was heard of it for that long in journal time, counted from the last reading of any flag (a jitter of the network
  must not overtake the reading that would have ended it).
- The first N reading that meets the clear condition clears; with a ``for`` of the clear condition all readings over
  that time (event time) must meet it. Silence never clears.
- An alert keeps the version of the rule under which it fired until it is over. Bad readings that have not fired yet are
  forgotten where their rule changed: they count from one again, under the new version.
- Outside of its schedule a rule begins nothing and counts nothing, and what was open under it is over.

Silence and the clocks and counters of devices are ``alerts.presence`` and ``alerts.wire``; dates are ``alerts.terms``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from alerts import quiet, tracks
from alerts.bounds import INF, Bound
from alerts.change import Change, Finding
from alerts.flags import EXCUSED, FlagShares
from alerts.late import finding
from alerts.lifecycle import Reason
from alerts.orphans import orphaned
from alerts.pack import Pack
from alerts.presence import Presence
from alerts.quiet import Quiet
from alerts.rulebook import InForce, Rulebook, device_of, facts_of
from alerts.schedules import Schedules
from alerts.settle import settle
from alerts.surroundings import Nothing, Surroundings
from alerts.terms import Terms
from alerts.tracks import Track, Tracks, has
from alerts.turns import advance, fired_by
from alerts.verdicts import Verdict, verdict
from alerts.wire import Wire
from devices.observation import Observation, Subject
from devices.reading import AHEAD_MS


class _Saved(msgspec.Struct, array_like=True):
    tracks: tracks.Saved
    quiet: quiet.Saved
    presence: bytes
    wire: bytes
    terms: bytes


class Evaluation:
    """Folds observations into changes of conditions. One thread calls it, in journal order.

    ``watched`` holds the keys of the subjects that have a track; it stays the same set object. ``quiet`` are the
    columns of all channels: an N reading in order of time, of a channel that is not watched, changes nothing but them
    while they say so. ``sessions`` is the flag that an open maintenance session gives the readings of a device.
    ``around`` answers what one observation does not say.
    """

    def __init__(self, packs: Sequence[Pack], around: Surroundings | None = None) -> None:
        self.around: Surroundings = around or Nothing()
        self.sessions: dict[str, str] = {}
        self.rules = Rulebook(packs)
        self.quiet = Quiet()
        self.tracks = Tracks()
        self.watched = self.tracks.watched
        self.shares = FlagShares(self)
        self.presence = Presence(self)
        self.wire = Wire(self)
        self.terms = Terms(self)
        self.schedules = Schedules(self.around)
        #: Open under rules that judge no longer; over at the next tick.
        self._orphans: list[Track] = []

    def band(self, subject: Subject) -> tuple[float, float]:
        """(low, high), inclusive: a value inside breaks no limit, early warnings left out.

        (-inf, inf) where no rule holds; low above high where rules leave no good value.
        """
        low, high = -INF, INF
        for bound in self.rules.of(subject).of("limit"):
            if not bound.early_of:
                low, high = max(low, bound.low), min(high, bound.high)
        return low, high

    def observe(self, o: Observation) -> list[Change]:
        """Judge one reading of one channel, or one observation of another quantity."""
        if o.late or o.at > o.now + AHEAD_MS:
            return []
        changes: list[Change] = []
        subject = o.subject
        held = self.tracks.of(subject.key)
        if held and held[0].subject != subject:
            changes = self.rebind(subject, o.now)
        force = self.rules.of(subject)
        index = subject.channel
        if index >= 0:
            self.quiet.reach(index)
        # NaN is neither bad nor good: it must not clear anything.
        if o.flag != "N" or math.isnan(o.value):
            self._odd(o, force, changes)
            return changes
        if index >= 0:
            self.quiet.step[index], self.quiet.span[index] = force.step, force.span
        self._judge(o, force, changes)
        if index >= 0:
            self.quiet.seen[index] = o.now
            settle(self.quiet, o, force, watched=subject.key in self.watched)
        return changes

    def _judge(self, o: Observation, force: InForce, changes: list[Change]) -> None:
        """An N reading: what is held goes on or ends, what is bad begins."""
        subject = o.subject
        if self.tracks.of(subject.key):
            self._advance(o, changes)
        held = self.tracks.of(subject.key)
        for bound in force.readings:
            if not has(held, bound):
                self._begin(bound, subject, o, changes)
        for bound in force.bad_flags:
            self.shares.normal(bound, o, changes)
        if force.combinations:
            device = device_of(subject)
            for bound in force.combinations:
                track = self.tracks.find((device.key, bound.pack, bound.rule))
                if track is None:
                    self._begin(bound, device, o, changes)
                elif not self._one(track, o, changes):
                    self.tracks.drop(track)

    def _begin(self, bound: Bound, subject: Subject, o: Observation, changes: list[Change]) -> None:
        if bound.kind in {"limit", "quantity"} and bound.low <= o.value <= bound.high:
            return
        found = verdict(bound, o, self.quiet, 0.0, self.around)
        if found is None or not found.bad or not self.scheduled(bound, o.at):
            return
        since = o.at if found.since is None else found.since
        track = Track(bound, subject, since, o.at, o.now, found.value, found.limit, level=found.level)
        self.begin(track)
        if not bound.for_ms and bound.count <= 1:
            changes.append(track.fires(fired_by(bound, Reason.BAD_READINGS), o.now, o.at, found.value))

    def begin(self, track: Track) -> None:
        """Remember a track that was not there; its channel goes the long way from now on."""
        self.tracks.add(track)
        self.quiet.open(track.subject.channel)
        if track.bound.for_ms and not track.fired:
            self.tracks.arm(track, self._due(track))

    @staticmethod
    def _due(track: Track) -> int:
        """Journal time at which a pending track fires where nothing more is heard."""
        return (track.since if track.bound.held else track.heard) + track.bound.for_ms

    def _advance(self, o: Observation, changes: list[Change]) -> None:
        held = self.tracks.of(o.subject.key)
        kept = [track for track in held if self._one(track, o, changes)]
        if len(kept) < len(held):
            self.tracks.keep(o.subject.key, kept)

    def _one(self, track: Track, o: Observation, changes: list[Change]) -> bool:
        """Whether a track goes on at an N reading."""
        track.heard = o.now
        bound = track.bound
        if bound.kind in _COMING:
            goes_on = advance(track, Verdict(bad=False, over=True, value=o.value, limit=None), o, changes)
            self.presence.arm(track.subject.device, o.now)
            return goes_on
        if bound.kind == "bad_flags":
            return True
        if not self.scheduled(bound, o.at):
            if track.fired:
                changes.append(track.ends(Reason.OUTSIDE_SCHEDULE, o.now, o.at, o.value))
            return False
        found = verdict(bound, o, self.quiet, track.level, self.around)
        return found is None or advance(track, found, o, changes)

    def _odd(self, o: Observation, force: InForce, changes: list[Change]) -> None:
        """A reading that does not count: it says that data come, and what its flag says."""
        subject = o.subject
        index = subject.channel
        for track in self.tracks.of(subject.key):
            track.heard = o.now
        self.noted(index, o.now, excused=o.flag in EXCUSED)
        self.quiet.stir(index, o.at)
        self._ends(subject.key, "absent", o, changes)
        if o.flag == "T":
            for bound in force.of("saturated"):
                self._saturated(bound, o, changes)
        for bound in force.bad_flags:
            if self.scheduled(bound, o.at):
                self.shares.odd(bound, o, changes)
        if subject.key in self.watched:
            self.quiet.open(index)

    def noted(self, index: int, now: int, *, excused: bool = False) -> None:
        """A value that does not count came of a channel: not N, refused, or ahead; ``excused``: for a known reason."""
        if index < 0:
            return
        self.quiet.reach(index)
        self.quiet.other[index] = now
        if excused:
            self.quiet.seen[index] = now

    def _saturated(self, bound: Bound, o: Observation, changes: list[Change]) -> None:
        value = None if math.isnan(o.value) else o.value
        found = Verdict(bad=True, over=False, value=value, limit=None)
        track = self.tracks.find((o.subject.key, bound.pack, bound.rule))
        if track is not None:
            advance(track, found, o, changes)
        elif self.scheduled(bound, o.at):
            track = Track(bound, o.subject, o.at, o.at, o.now, value, None)
            self.begin(track)
            if not bound.for_ms and bound.count <= 1:
                changes.append(track.fires(Reason.SATURATED, o.now, o.at, value))

    def _ends(self, key: str, kind: str, o: Observation, changes: list[Change]) -> None:
        for track in list(self.tracks.of(key)):
            if track.bound.kind == kind:
                if not advance(track, Verdict(bad=False, over=True, value=None, limit=None), o, changes):
                    self.tracks.drop(track)
                self.presence.arm(track.subject.device, o.now)

    def assess(self, o: Observation) -> list[Finding]:
        """What a late N reading breaks: for compliance, it moves nothing."""
        if o.flag != "N" or math.isnan(o.value):
            return []
        return [
            finding(bound, o)
            for bound in self.rules.of(o.subject).readings
            if bound.kind == "limit" and bound.is_bad(o.value) and not bound.early_of and self.scheduled(bound, o.at)
        ]

    @property
    def due(self) -> float:
        """Journal time at which ``tick`` may have something to do; inf = never."""
        looks = self.tracks.scheduled or self._orphans
        return min(self.tracks.due, self.presence.due, self.terms.due, 0 if looks else math.inf)

    def tick(self, now: int) -> list[Change]:
        """What time alone brings. ``now`` is journal time; more often changes nothing."""
        changes: list[Change] = []
        while self._orphans:
            self._over(self._orphans.pop(0), Reason.RULE_NOT_APPLICABLE, now, changes)
        if self.tracks.due <= now:
            self._ripen(now, changes)
        for identity in sorted(self.tracks.scheduled):
            track = self.tracks.find(identity)
            if track is not None and track.fired and not self.scheduled(track.bound, now):
                self._over(track, Reason.OUTSIDE_SCHEDULE, now, changes)
                # Nothing may come that begins it anew: whoever waits for its end looks again.
                self.presence.arm(track.subject.device, now)
                if track.bound.kind == "overdue":
                    self.terms.soon()
        changes += self.presence.tick(now)
        changes += self.terms.tick(now)
        return changes

    def _over(self, track: Track, reason: Reason, now: int, changes: list[Change]) -> None:
        if track.fired:
            changes.append(track.ends(reason, now))
            self.tracks.drop(track)

    def _ripen(self, now: int, changes: list[Change]) -> None:
        """Fire what was pending when its channel fell silent."""
        silent: list[tuple[int, tracks.Identity]] = []
        for track in self.tracks.ripe(now):
            if track.bound.kind in Wire.KINDS:
                self.wire.ripe(track, now, changes)
            elif not track.fired:
                due = self._due(track)
                if due <= now:
                    silent.append((due, track.identity))
                else:
                    self.tracks.arm(track, due)
        # A heap that was built anew after a restart may hold the same timers in another order.
        for _, identity in sorted(silent):
            found = self.tracks.find(identity)
            assert found is not None
            reason = Reason.BAD_FOR_DURATION if found.bound.held else Reason.SILENT_WHILE_BAD
            changes.append(found.fires(fired_by(found.bound, reason), now))

    def message(self, slot: int, seq: int | None, newest: int | None, received: int, now: int) -> list[Change]:
        """A message of the device in ``slot``; decide calls it where the columns do not say that all is as expected.

        ``newest`` is the device time of its newest reading, None where it had no time of its own.
        """
        changes = self.presence.heard(slot, now)
        name = self.presence.name(slot)
        if seq is not None:
            changes += self.wire.numbered(slot, name, seq, now)
        if newest is not None:
            changes += self.wire.timed(name, newest, received, now)
        self.presence.odd[slot] = bool(self.tracks.of(f"{name}/-/"))
        return changes

    def lost(self, now: int) -> None:
        """From now on silence says nothing: the gateway starts, or the broker is away."""
        self.presence.lost(now)

    def caught_up(self, now: int) -> None:
        """All that waited has come: silence counts from now on, a whole interval at least."""
        self.presence.caught_up(now)

    def rebind(self, subject: Subject, now: int) -> list[Change]:
        """The registry says something new of this subject (same key); ``observe`` does this by itself.

        Moved to another place: what was seen belongs to the old one, so an open alert is over. Other facts that decide
        about rules: an alert is over unless its rule holds with the very same limit, and bad readings that have not
        fired count from one again unless their rule is unchanged.
        """
        changes: list[Change] = []
        in_force = self.rules.of(subject).bounds
        kept: list[Track] = []
        for track in self.tracks.of(subject.key):
            before, track.subject = track.subject, subject
            if before.place != subject.place:
                over = Reason.MOVED
            elif facts_of(before) == facts_of(subject) or any(track.bound.same_numbers(bound) for bound in in_force):
                kept.append(track)
                continue
            else:
                over = Reason.RULE_NOT_APPLICABLE
            if over is Reason.MOVED:
                self.quiet.forget(subject.channel)
            if track.fired:
                changes.append(track.ends(over, now))
        self.tracks.keep(subject.key, kept)
        return changes

    def forget(self, key: str, now: int) -> list[Change]:
        """The subject is gone from the registry: what is open is over, nothing of it is kept."""
        changes = []
        for track in self.tracks.of(key):
            self.quiet.forget(track.subject.channel)
            if track.fired:
                changes.append(track.ends(Reason.REMOVED, now))
        self.tracks.keep(key, [])
        return changes

    def use(self, packs: Sequence[Pack]) -> None:
        """Judge by other rules from now on; see ``load`` for what becomes of what is held."""
        state = self.dump()
        self.rules = Rulebook(packs)
        self.wire.use()
        self.load(state)
        self.terms.use()

    def use_sessions(self, flags: dict[str, str], now: int) -> None:
        """Maintenance sessions began or ended: the flags that readings count as, by device, from ``now`` on."""
        self.sessions = flags
        self.terms.sessions(now)

    def relearn(self) -> None:
        """Rules, registry or sessions changed: every channel goes the long way once."""
        self.quiet.open_all()

    def dump(self) -> bytes:
        """The folded state; equal states give equal bytes. The rules are not in it, but those of tracks are."""
        saved = _Saved(
            tracks.dump(self.tracks), self.quiet.dump(), self.presence.dump(), self.wire.dump(), self.terms.dump()
        )
        return msgspec.msgpack.encode(saved)

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``, in place of all that is held.

        Where this evaluation has other rules than the dumped one, open alerts stay under theirs, but for those that
        only a rule in force could end, and bad readings that have not fired under a rule of the same version are
        forgotten.
        """
        saved = msgspec.msgpack.decode(state, type=_Saved)
        self.tracks.clear()
        self.quiet.load(saved.quiet)
        self.presence.load(saved.presence)
        self.wire.load(saved.wire)
        self.terms.load(saved.terms)
        for track in tracks.load(saved.tracks):
            if track.fired or track.bound in self.rules.of(track.subject).bounds:
                self.begin(track)
                if track.bound.kind in Wire.KINDS:
                    self.wire.arm(track)
        self._orphans = [track for track in self.tracks if orphaned(track, self.rules)]

    def scheduled(self, bound: Bound, at: int) -> bool:
        """Whether a rule is judged at ``at``; one whose calendar is not registered always is."""
        return not bound.schedule or self.schedules.open_at(bound, at)


_COMING = frozenset({"absent", "invalid"})
