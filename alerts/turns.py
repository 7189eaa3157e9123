"""How one sight moves a track: counts, on-delay, off-delay (pure)."""

from __future__ import annotations

from alerts.bounds import Bound
from alerts.change import Change
from alerts.lifecycle import Reason
from alerts.tracks import Track
from alerts.verdicts import Verdict
from devices.observation import Observation

_FIRED = {
    "change": Reason.CHANGED_FAST,
    "stuck": Reason.STUCK,
    "absent": Reason.ABSENT,
    "silent": Reason.SILENT,
    "invalid": Reason.INVALID,
    "saturated": Reason.SATURATED,
    "bad_flags": Reason.BAD_FLAGS,
    "sequence_gap": Reason.SEQUENCE_GAP,
    "clock_off": Reason.CLOCK_OFF,
    "unit_suspect": Reason.UNIT_SUSPECT,
    "compare": Reason.DIFFERS,
    "overdue": Reason.OVERDUE,
    "quantity": Reason.OBSERVED,
    "logic": Reason.COMBINATION,
}


def fired_by(bound: Bound, limit: Reason) -> Reason:
    """Why a rule of this kind fires; ``limit`` is what is said of limits."""
    return _FIRED.get(bound.kind, limit)


def over_by(bound: Bound) -> Reason:
    """Why a rule of this kind is over where a sight met its clear condition."""
    if bound.kind in {"absent", "silent", "invalid"}:
        return Reason.DATA_AGAIN
    return Reason.BACK_IN_LIMITS if bound.kind == "limit" else Reason.CONDITION_OVER


def advance(track: Track, found: Verdict, o: Observation, changes: list[Change]) -> bool:
    """Move a track by one sight and add what changes; False where the track ends."""
    return _opened(track, found, o, changes) if track.fired else _pending(track, found, o, changes)


def _pending(track: Track, found: Verdict, o: Observation, changes: list[Change]) -> bool:
    if not found.bad:
        return False
    bound = track.bound
    track.bad, track.last, track.value, track.limit = track.bad + 1, o.at, found.value, found.limit
    if bound.for_ms:
        if o.at - track.since >= bound.for_ms:
            changes.append(track.fires(fired_by(bound, Reason.BAD_FOR_DURATION), o.now, o.at, found.value))
    elif track.bad >= bound.count:
        changes.append(track.fires(fired_by(bound, Reason.BAD_READINGS), o.now, o.at, found.value))
    return True


def _opened(track: Track, found: Verdict, o: Observation, changes: list[Change]) -> bool:
    bound = track.bound
    if not found.over:
        track.good_since = None
        if found.bad:
            track.last, track.value, track.limit = o.at, found.value, found.limit
        return True
    if track.good_since is None:
        track.good_since = o.at
    if o.at - track.good_since < bound.clear_for_ms:
        return True
    changes.append(track.ends(over_by(bound), o.now, o.at, found.value))
    return False
