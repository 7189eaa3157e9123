"""Silence of devices and channels, in journal time and only while caught up (pure).

What is expected of a device stands in the registry: itself (``silent``) and its channels (``absent``, ``invalid``),
each within so many of its reporting intervals, from the registration on even where it never sent. Nothing is expected
without an interval, of channels that are held or switches (``alerts.compiled``), of a device that says it sleeps, and
of places out of service. A device that its last will calls offline is silent at once.

A device has a slot in the columns. Its next check waits in the bucket of a second; when that comes the check looks at
what came meanwhile and waits again, so a message costs one store into an array. No check is earlier than needed or
depends on when one was armed: straight run and replay from a snapshot decide the same.
"""

from __future__ import annotations

import heapq
import math
from array import array
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.quiet import NEVER
from alerts.tracks import Track
from alerts.turns import advance, fired_by
from alerts.verdicts import Verdict
from devices.observation import Observation, Subject

if TYPE_CHECKING:
    from alerts.evaluate import Evaluation

#: Nothing is silent after less; checks of a whole fleet are spread over this time.
LEAST_MS = 60_000
_HERE = Verdict(bad=False, over=True, value=None, limit=None)


class _Channel(NamedTuple):
    point: str
    parameter: str
    absent: tuple[Bound, ...]
    invalid: tuple[Bound, ...]


class _Expected(NamedTuple):
    silent: tuple[Bound, ...]
    channels: tuple[_Channel, ...]


class _Fallen(NamedTuple):
    """A condition that begins: when it was due, 0 for the device and 1 for its channels, whose."""

    due: int
    rank: int
    key: str
    bound: Bound
    since: int
    slot: int


class _Saved(msgspec.Struct, array_like=True):
    names: list[str]
    contact: bytes
    since: bytes
    due: bytes
    gone: list[int]
    asleep: list[int]
    floor: int
    live: bool


class Presence:
    """Who was heard when, and who should have been. ``contact``: journal time of a device's last message, by slot.

    Where ``odd`` is set the next message of the device must be told to ``heard``.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._reset()

    def _reset(self) -> None:
        self.contact = array("q")
        self.odd = bytearray()
        self._slots: dict[str, int] = {}
        self._names: list[str] = []
        self._since = array("q")
        self._due = array("q")
        self._gone: set[int] = set()
        self._asleep: set[int] = set()
        self._floor = 0
        self.live = False
        self._buckets: dict[int, list[int]] = {}
        self._seconds: list[int] = []
        # What follows from registry and rules, worked out when a device is looked at.
        self._expected: list[_Expected | None] = []
        self._indices: list[array[int] | None] = []
        self._until: dict[int, int] = {}
        self._shared: dict[_Expected, _Expected] = {}

    def slot(self, device: str, now: int) -> int:
        """The slot of a registered device, given at first sight."""
        found = self._slots.get(device)
        if found is None:
            found = self._slots[device] = len(self._names)
            self._names.append(device)
            self._widen()
            self.contact.append(0)
            self._since.append(now)
            self._due.append(NEVER)
            self._arm(found, now + found * 1000 % LEAST_MS)
            self._evaluation.wire.reach(found)
        return found

    def name(self, slot: int) -> str:
        """The device of a slot."""
        return self._names[slot]

    def _widen(self) -> None:
        self.odd.append(0)
        self._expected.append(None)
        self._indices.append(None)

    def registered(self, device: str, now: int) -> None:
        """The registry says something new of a device: a whole interval begins."""
        slot = self.slot(device, now)
        self._since[slot] = now
        self._stale(slot, now)

    def grew(self, device: str, now: int) -> None:
        """A registered device sent a channel that it had not sent before: it may be expected from now on."""
        self._stale(self.slot(device, now), now)

    def removed(self, device: str) -> None:
        """The device is gone from the registry; its slot stays, for it may come back."""
        slot = self._slots.get(device)
        if slot is not None:
            self._evaluation.wire.forget(slot)
            self._expected[slot] = _Expected((), ())
            self._until.pop(slot, None)
            self._due[slot] = NEVER
            self._gone.discard(slot)
            self._asleep.discard(slot)

    def stale(self, now: int) -> None:
        """Places, rules or calendars changed: what is expected is worked out anew, of all within a minute."""
        for slot in range(len(self._names)):
            self._stale(slot, now)

    def _stale(self, slot: int, now: int) -> None:
        self._expected[slot] = None
        self._arm(slot, now + slot * 1000 % LEAST_MS)

    def heard(self, slot: int, now: int) -> list[Change]:
        """Something came of a device that was marked ``odd``."""
        self.contact[slot] = now
        self._gone.discard(slot)
        key = f"{self._names[slot]}/-/"
        changes: list[Change] = []
        tracks = self._evaluation.tracks
        for track in list(tracks.of(key)):
            here = Observation(track.subject, 0.0, now, now)
            if track.bound.kind == "silent" and not advance(track, _HERE, here, changes):
                tracks.drop(track)
                self._arm(slot, now + LEAST_MS)
        self.odd[slot] = bool(tracks.of(key))
        return changes

    def status(self, device: str, state: str, now: int) -> list[Change]:
        """A device, or its last will, says how it is."""
        slot = self.slot(device, now)
        (self._asleep.add if state == "sleeping" else self._asleep.discard)(slot)
        if state != "offline":
            changes = self.heard(slot, now)
            self._arm(slot, now + LEAST_MS)
            return changes
        self._gone.add(slot)
        self.odd[slot] = 1
        fallen: list[_Fallen] = []
        if self.live:
            self._check(slot, now, fallen)
        return self._fall(fallen, now)

    def lost(self, now: int) -> None:  # noqa: ARG002 - the same shape as caught_up
        """Silence says nothing from now on."""
        self.live = False

    def caught_up(self, now: int) -> None:
        """Silence counts again, from now on: all are looked at within a minute, for rules may be others since then."""
        self.live = True
        self._floor = now
        for slot in range(len(self._due)):
            self._due[slot] = NEVER
            self._arm(slot, now + slot * 1000 % LEAST_MS)

    def arm(self, device: str, now: int) -> None:
        """A condition of the device ended: look again when it may begin anew."""
        slot = self._slots.get(device)
        if slot is not None:
            self._arm(slot, now + LEAST_MS)

    def _arm(self, slot: int, due: int) -> None:
        if due < self._due[slot]:
            self._due[slot] = due
            self._enter(slot, due)

    def _enter(self, slot: int, due: int) -> None:
        second = -(-due // 1000)
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = []
            heapq.heappush(self._seconds, second)
        bucket.append(slot)

    @property
    def due(self) -> float:
        """When the next check is; inf while nothing is judged."""
        return self._seconds[0] * 1000 if self._seconds and self.live else math.inf

    def tick(self, now: int) -> list[Change]:
        """Check whoever is due at journal time ``now``."""
        if not self.live:
            return []
        fallen: list[_Fallen] = []
        while self._seconds and self._seconds[0] * 1000 <= now:
            second = heapq.heappop(self._seconds)
            for slot in self._buckets.pop(second):
                if -(-self._due[slot] // 1000) == second:
                    self._check(slot, now, fallen)
        return self._fall(fallen, now)

    def _check(self, slot: int, now: int, fallen: list[_Fallen]) -> None:
        """Find what is silent for too long and wait for what may be next."""
        expected = self._expected[slot]
        if expected is None or self._until.get(slot, NEVER) <= now:
            expected = self._work_out(slot, now)
        begin = max(self._since[slot], self._floor)
        following = self._until.get(slot, NEVER)
        device = self._names[slot]
        for bound in expected.silent if slot not in self._asleep else ():
            last = max(self.contact[slot], begin)
            due = now if slot in self._gone else last + bound.span_ms
            following = min(following, self._judge(_Fallen(due, 0, f"{device}/-/", bound, last, slot), now, fallen))
        if slot not in self._asleep and expected.channels:
            following = min(following, self._channels(slot, expected, begin, now, fallen))
        self._due[slot] = following
        if following < NEVER:
            self._enter(slot, following)

    def _channels(self, slot: int, expected: _Expected, begin: int, now: int, fallen: list[_Fallen]) -> int:
        columns = self._evaluation.quiet
        indices = self._indices[slot] or self._find(slot, expected)
        device = self._names[slot]
        following = NEVER
        for number, channel in enumerate(expected.channels):
            index = indices[number]
            if index < 0:
                index = indices[number] = self._evaluation.around.index(device, channel.point, channel.parameter)
            normal = columns.seen[index] if 0 <= index < len(columns) else 0
            other = columns.other.get(index, 0)
            for bound in channel.absent:
                last = max(normal, other, begin)
                due = last + bound.span_ms
                if due > now:
                    following = min(following, due)
                    continue
                key = f"{device}/{channel.point}/{channel.parameter}"
                following = min(following, self._judge(_Fallen(due, 1, key, bound, last, slot), now, fallen))
            for bound in channel.invalid:
                last = max(normal, begin)
                due = last + bound.span_ms
                # Nothing at all came: that is absence, and the first value that comes is looked at.
                if due <= now < other + bound.span_ms:
                    key = f"{device}/{channel.point}/{channel.parameter}"
                    following = min(following, self._judge(_Fallen(due, 1, key, bound, last, slot), now, fallen))
                else:
                    following = min(following, max(due, now + LEAST_MS))
        return following

    def _judge(self, one: _Fallen, now: int, fallen: list[_Fallen]) -> int:
        """When to look again; what is silent for too long and not yet known joins ``fallen``."""
        if one.due > now:
            return one.due
        known = self._evaluation.tracks.find((one.key, one.bound.pack, one.bound.rule))
        if known is not None:
            known.good_since = None
            return NEVER
        if not self._evaluation.scheduled(one.bound, now):
            return now + LEAST_MS
        fallen.append(one)
        return NEVER

    def _fall(self, fallen: list[_Fallen], now: int) -> list[Change]:
        """Begin the conditions that were found, in the order in which they were due."""
        changes = []
        subjects: dict[int, dict[str, Subject]] = {}
        for one in sorted(fallen, key=lambda one: (one.due, one.rank, one.key, one.bound.pack, one.bound.rule)):
            known = subjects.get(one.slot)
            if known is None:
                found = self._evaluation.around.subjects(self._names[one.slot], now)
                known = subjects[one.slot] = {subject.key: subject for subject in found}
            subject = known[one.key]
            track = Track(one.bound, subject, one.since, now, now, None, None, fired=True)
            self._evaluation.begin(track)
            if one.bound.kind == "silent":
                self.odd[one.slot] = 1
            changes.append(track.fires(fired_by(one.bound, Reason.SILENT), now))
        return changes

    def _work_out(self, slot: int, now: int) -> _Expected:
        device = self._names[slot]
        around, rules = self._evaluation.around, self._evaluation.rules
        subjects = around.subjects(device, now)
        silent: tuple[Bound, ...] = ()
        channels = []
        for subject in subjects:
            if not subject.service:
                continue
            force = rules.of(subject)
            if not subject.parameter:
                silent = force.of("silent")
            elif force.absent or force.invalid:
                channels.append(_Channel(subject.point, subject.parameter, force.absent, force.invalid))
        expected = _Expected(silent, tuple(channels))
        expected = self._shared.setdefault(expected, expected)
        self._expected[slot] = expected
        self._indices[slot] = None
        until = around.until(device, now)
        if until is None:
            self._until.pop(slot, None)
        else:
            self._until[slot] = until
        return expected

    def _find(self, slot: int, expected: _Expected) -> array[int]:
        indices = array("q", [-1]) * len(expected.channels)
        self._indices[slot] = indices
        return indices

    def dump(self) -> bytes:
        """The state."""
        return msgspec.msgpack.encode(
            _Saved(
                self._names,
                self.contact.tobytes(),
                self._since.tobytes(),
                self._due.tobytes(),
                sorted(self._gone),
                sorted(self._asleep),
                self._floor,
                self.live,
            ),
        )

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``."""
        saved = msgspec.msgpack.decode(state, type=_Saved)
        self._reset()
        self._names = saved.names
        self._slots = {name: slot for slot, name in enumerate(saved.names)}
        self.contact = array("q", saved.contact)
        self._since = array("q", saved.since)
        self._due = array("q", saved.due)
        self._gone, self._asleep = set(saved.gone), set(saved.asleep)
        self._floor, self.live = saved.floor, saved.live
        # The first message of each device ends what it was silent with.
        self.odd = bytearray(b"\1") * len(saved.names)
        self._expected = [None] * len(saved.names)
        self._indices = [None] * len(saved.names)
        for slot, due in enumerate(self._due):
            if due < NEVER:
                self._enter(slot, due)
