"""Certificates that run out and calibrations that are too long ago, judged once a day of the journal (pure)."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
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


class _Saved(msgspec.Struct, array_like=True):
    following: int
    calibrated: dict[str, int]
    calibrating: list[str]


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
        self.use()

    def use(self) -> None:
        """The rules changed."""
        conditions = [rule.condition for pack in self._evaluation.rules.packs for rule in pack.rules if rule.enabled]
        self._wanted = sorted({one.overdue.what for one in conditions if one.overdue is not None})

    def soon(self) -> None:
        """The registry changed, or a calibration ended: judge at the next tick."""
        self._next = 0

    @property
    def due(self) -> float:
        """When the next day begins; inf where no rule asks."""
        return self._next if self._wanted else math.inf

    def tick(self, now: int) -> list[Change]:
        """Judge all dates where a new day began."""
        if self._calibrating or self._evaluation.sessions:
            self._note(now)
        if not self._wanted or now < self._next:
            return []
        self._next = self._midnight(now)
        changes: list[Change] = []
        known: set[Identity] = set()
        for bound, term in sorted(self._terms(now), key=lambda one: (one[1].subject.key, one[0].pack, one[0].rule)):
            known.add((term.subject.key, bound.pack, bound.rule))
            self._judge(bound, term, now, changes)
        for track in list(self._evaluation.tracks):
            if track.bound.kind == "overdue" and track.identity not in known:
                changes.append(track.ends(Reason.RULE_NOT_APPLICABLE, now))
                self._evaluation.tracks.drop(track)
        return changes

    def _note(self, now: int) -> None:
        """Sessions that ended since the last tick."""
        open_now = {device for device, flag in self._evaluation.sessions.items() if flag == "C"}
        for device in self._calibrating - open_now:
            self._calibrated[device] = now
            self.soon()
        self._calibrating = open_now

    def _calibrations(self, now: int) -> Iterator[Term]:
        for device, at in sorted(self._calibrated.items()):
            subjects = self._evaluation.around.subjects(device, now)
            if subjects:
                yield Term(subjects[0], at)

    def _terms(self, now: int) -> Iterator[tuple[Bound, Term]]:
        for what in self._wanted:
            found = self._calibrations(now) if what == "calibration" else self._evaluation.around.certificates(now)
            for term in found:
                for bound in self._evaluation.rules.of(term.subject).of("overdue"):
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
        elif track is None and self._evaluation.scheduled(bound, now):
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
            _Saved(self._next, dict(sorted(self._calibrated.items())), sorted(self._calibrating))
        )

    def load(self, state: bytes) -> None:
        """Take the state of a ``dump``."""
        saved = msgspec.msgpack.decode(state, type=_Saved)
        self._next, self._calibrated = saved.following, saved.calibrated
        self._calibrating = set(saved.calibrating)
