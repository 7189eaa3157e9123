"""Readings and signs of life of devices on their way to the rules: the quick way, and the long one (pure).

Nearly every value of a healthy fleet changes nothing but a few numbers in the columns of ``alerts.quiet`` and
``alerts.presence``; the quick way writes those itself. Everything else goes to ``Evaluation``, which leaves the columns
as the quick way would (tests/property/test_readings_quick.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from alerts.change import Change as Turn
from devices.observation import Observation
from devices.reading import Decoded, Row
from gateway.decide.alerting import Cause
from gateway.decide.outputs import Outputs
from gateway.decide.routes import Route
from gateway.journal.record import Message

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

#: Refused values that say that an instrument speaks, and that it says nothing of use.
_SPOKEN = frozenset({"implausible", "not_a_number", "sentinel", "bad_unit"})


class Readings:
    """Hands what devices send to the evaluation of a ``Fold``."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    def came(self, route: Route, decoded: Decoded | None, received: int, message: Message, out: Outputs) -> None:
        """A message of a device, whatever became of it; ``decoded`` is given for telemetry."""
        fold = self._fold
        evaluation = fold.evaluation
        presence, wire, now = evaluation.presence, evaluation.wire, fold.time
        slot = route.slot
        if slot < 0:
            slot = route.slot = presence.slot(route.device, now)
        seq = newest = None
        if decoded is not None:
            seq, rows = decoded.seq, decoded.rows
            if rows:
                last = rows[-1]
                if not last.gateway_time:
                    newest = last.ts
                if seq is not None and rows[0].ts != last.ts:
                    # An array has the number of its first reading only: count anew from the next message on.
                    seq = -1
        if (
            presence.odd[slot]
            or (seq is not None and seq != wire.seq[slot] + 1)
            # While a backlog comes nobody looks at clocks, and nearly every message of it is old.
            or (newest is not None and presence.live and not -wire.off_ms <= received - newest <= wire.off_ms)
        ):
            if newest is not None and decoded is not None:
                newest = max(row.ts for row in decoded.rows if not row.gateway_time)
            turns = evaluation.message(slot, seq, newest, received, now)
            if turns:
                fold.caused(turns, route, message, out)
            return
        presence.contact[slot] = now
        if seq is not None:
            wire.seq[slot] = seq

    def status(self, route: Route, state: str, message: Message, out: Outputs) -> None:
        """A device, or its last will, says ``online``, ``offline`` or ``sleeping``."""
        turns = self._fold.evaluation.presence.status(route.device, state, self._fold.time)
        if turns:
            self._fold.caused(turns, route, message, out)

    def evaluate(self, route: Route, decoded: Decoded, message: Message, out: Outputs) -> None:
        """The values of an accepted message: only what can change a condition goes the long way."""
        fold = self._fold
        evaluation, now = fold.evaluation, fold.time
        columns = evaluation.quiet
        low, high, turn, seen = columns.low, columns.high, columns.turn, columns.seen
        anchor, step, moved, span = columns.anchor, columns.step, columns.moved, columns.span
        known, timed = len(low), bool(columns.references)
        marked = route.guards is not None or route.device in evaluation.sessions
        for row in decoded.rows:
            channels = row.channels
            if row.ahead:
                for index in channels:
                    evaluation.noted(index, now)
                continue
            ts = row.ts
            plain = row.flags is None and row.qualifiers is None and row.late is None and not marked
            for index, value in zip(channels, row.values, strict=True):
                # Without rules of change no channel has a turn.
                if plain and index < known and low[index] <= value <= high[index] and not (timed and ts >= turn[index]):
                    reach = step[index]
                    if not -reach < value - anchor[index] < reach:
                        anchor[index] = value
                        moved[index] = ts
                        seen[index] = now
                        continue
                    if ts - moved[index] < span[index]:
                        seen[index] = now
                        continue
                self._long(route, row, channels.index(index), message, out)
                if known != len(columns.low) or low is not columns.low:
                    low, high, known = columns.low, columns.high, len(columns.low)
                timed = bool(columns.references)

    def _long(self, route: Route, row: Row, place: int, message: Message, out: Outputs) -> None:
        fold = self._fold
        index, value = row.channels[place], row.values[place]
        judged = value
        if row.qualifiers is not None and row.qualifiers[place]:
            # "<0.05" lies below 0.05 and must not meet a minimum of 0.05; ">2" likewise on the other side.
            judged = math.nextafter(value, -math.inf if row.qualifiers[place] == "<" else math.inf)
        subject = fold.routes.subject(route, index, row.parameters[place], row.point)
        late = row.late is not None and row.late[place]
        flag = self._flag(route, row, place)
        observation = Observation(subject, judged, row.ts, fold.time, flag, late)
        if late:
            findings = fold.evaluation.assess(observation)
            if findings:
                fold.mint.begin(fold.offset)
                fold.alerting.found(findings, Cause(fold.offset, fold.time, route.tags), out)
            return
        turns = fold.evaluation.observe(observation)
        if turns:
            if judged != value:
                turns = [_shown(turn, judged, value) for turn in turns]
            fold.caused(turns, route, message, out)

    def _flag(self, route: Route, row: Row, place: int) -> str:
        """The flag a value counts as: its own, that of a maintenance session, F where its channel is not valid now."""
        own = "N" if row.flags is None else row.flags[place]
        if own != "N":
            return own
        session = self._fold.evaluation.sessions.get(route.device)
        if session is not None:
            return session
        guard = None if route.guards is None else route.guards.get((row.parameters[place], row.point))
        if guard is None:
            return own
        found = self._fold.series.find(route.device, guard.point, guard.parameter)
        state = None if found is None else self._fold.series.latest(found)
        return own if state is None or state.value == guard.state else "F"

    def refused(self, route: Route, decoded: Decoded, message: Message, out: Outputs) -> None:
        """Values that were refused: the instrument speaks; one that is not plausible is beyond its range."""
        fold = self._fold
        assert route.plan is not None
        for refusal in decoded.refusals:
            channel = route.plan.profile.channel(refusal.key) if refusal.reason in _SPOKEN else None
            if channel is None:
                continue
            index = fold.series.index(route.device, channel.point, channel.parameter)
            if index < 0:
                continue
            if refusal.reason != "implausible":
                fold.evaluation.noted(index, fold.time)
                continue
            subject = fold.routes.subject(route, index, channel.parameter, channel.point)
            ts = fold.time if refusal.ts is None else min(refusal.ts, fold.time)
            turns = fold.evaluation.observe(Observation(subject, math.nan, ts, fold.time, "T"))
            if turns:
                fold.caused(turns, route, message, out)


def _shown(turn: Turn, judged: float, value: float) -> Turn:
    return msgspec.structs.replace(turn, value=value) if turn.value == judged else turn
