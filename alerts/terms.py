"""Certificates that run out and calibrations that are too long ago, judged once a day of the journal (pure)."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.surroundings import Term
from alerts.tracks import Identity, Track

if TYPE_CHECKING:
    from alerts.evaluate import Evaluation

_DAY_MS = 86_400_000
#: A date that came outside of the hours of its rule is looked at again so often.
_AGAIN_MS = 900_000


class _Saved(msgspec.Struct, array_like=True):
    following: int
    calibrated: dict[str, int]
    calibrating: list[str]
    zone: str = ""


class Terms:
    """Dates of instruments; the value of such an alert is the days that are left, below zero where none are.

    A calibration is a maintenance session of that kind, noted when it ends; of a device of which none is known nothing
    is said.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._next = 0
        self._calibrated: dict[str, int] = {}
        self._calibrating: set[str] = set()
        self._zone = ""
        self.use()

    def use(self) -> None:
        """The rules changed: judge at the next tick."""
        conditions = [rule.condition for pack in self._evaluation.rules.packs for rule in pack.rules if rule.enabled]
        asked = [one.overdue for one in conditions if one.overdue is not None]
        self._wanted = sorted({one.what for one in asked})
        # No certificate begins to be told earlier than this before its end, no calibration earlier than this after it.
        self._widest = max((one.after for one in asked if one.what == "certificate"), default=0)
        self._least = min((one.after for one in asked if one.what == "calibration"), default=0)
        self.soon()

    def soon(self) -> None:
        """The registry changed, or a calibration ended: judge at the next tick."""
        self._next = 0

    def sessions(self, now: int) -> None:
        """Maintenance sessions began or ended at journal time ``now``."""
        open_now = {device for device, flag in self._evaluation.sessions.items() if flag == "C"}
        for device in self._calibrating - open_now:
            self._calibrated[device] = now
            self.soon()
        self._calibrating = open_now

    @property
    def due(self) -> float:
        """When the next day begins, at once where another time zone counts; inf where no rule asks."""
        if not self._wanted:
            return math.inf
        return self._next if self._zone == self._evaluation.around.zone().key else 0

    def tick(self, now: int) -> list[Change]:
        """Judge the dates that may have come where a new day began."""
        if self.due > now:
            return []
        self._zone = self._evaluation.around.zone().key
        self._next = self._midnight(now)
        changes: list[Change] = []
        known: set[Identity] = set()
        standing = [track for track in self._evaluation.tracks if track.bound.kind == "overdue"]
        terms = self._terms(now, {track.subject.device for track in standing})
        for bound, term in sorted(terms, key=lambda one: (one[1].subject.key, one[0].pack, one[0].rule)):
            known.add((term.subject.key, bound.pack, bound.rule))
            self._judge(bound, term, now, changes)
        for track in standing:
            if track.fired and track.identity not in known:
                changes.append(track.ends(Reason.RULE_NOT_APPLICABLE, now))
                self._evaluation.tracks.drop(track)
        return changes

    def _calibrations(self, now: int, also: Collection[str]) -> Iterator[Term]:
        for device, at in sorted(self._calibrated.items()):
            if at + self._least <= now or device in also:
                subject = self._evaluation.around.device(device, now)
                if subject is not None:
                    yield Term(subject, at)

    def _terms(self, now: int, also: Collection[str]) -> Iterator[tuple[Bound, Term]]:
        """What may be told now, and all of the devices and scales ``also``."""
        around, rules = self._evaluation.around, self._evaluation.rules
        for what in self._wanted:
            if what == "calibration":
                found: Iterable[Term] = self._calibrations(now, also)
            else:
                found = around.certificates(now, now + self._widest + 1, also)
            for term in found:
                for bound in rules.of(term.subject).of("overdue"):
                    if json.loads(bound.asks) == what:
                        yield bound, term

    def _judge(self, bound: Bound, term: Term, now: int, changes: list[Change]) -> None:
        certificate = json.loads(bound.asks) == "certificate"
        begins = term.at - bound.span_ms if certificate else term.at + bound.span_ms
        left = (term.at if certificate else term.at + bound.span_ms) - now
        track = self._evaluation.tracks.find((term.subject.key, bound.pack, bound.rule))
        if track is not None:
            track.value = float(left // _DAY_MS)
        if now < begins:
            if track is not None:
                changes.append(track.ends(Reason.CONDITION_OVER, now))
                self._evaluation.tracks.drop(track)
        elif track is None and not self._evaluation.scheduled(bound, now):
            self._next = min(self._next, now + _AGAIN_MS)
        elif track is None:
            track = Track(bound, term.subject, begins, now, now, float(left // _DAY_MS), None, fired=True)
            self._evaluation.begin(track)
            changes.append(track.fires(Reason.OVERDUE, now))

    def _midnight(self, now: int) -> int:
        """The begin of the next day."""
        zone = self._evaluation.around.zone()
        day = dt.datetime.fromtimestamp(now / 1000, zone).date() + dt.timedelta(days=1)
        begins = dt.datetime(day.year, day.month, day.day, tzinfo=zone)
        return int(begins.timestamp() * 1000)

    def dump(self) -> bytes:
        """The state."""
        return msgspec.msgpack.encode(
            _Saved(self._next, dict(sorted(self._calibrated.items())), sorted(self._calibrating), self._zone)
        )

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``."""
        saved = msgspec.msgpack.decode(state, type=_Saved)
        self._next, self._calibrated = saved.following, saved.calibrated
        self._calibrating, self._zone = set(saved.calibrating), saved.zone
