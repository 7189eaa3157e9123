"""Open conditions that nothing judges since the packs changed: they would stand for ever (pure)."""

from __future__ import annotations

from alerts.bounds import Bound
from alerts.rulebook import Rulebook
from alerts.tracks import Track

#: Kinds that are judged only while a rule in force asks for them; all others end by what is kept of them alone.
_BY_RULES = frozenset({"logic", "bad_flags", "clock_off", "change", "overdue"})


def orphaned(track: Track, rules: Rulebook) -> bool:
    """Whether an open condition has no rule in force any more by which it could end."""
    if not track.fired or track.bound.kind not in _BY_RULES:
        return False
    return not any(_judges(bound, track.bound) for bound in rules.of(track.subject).bounds)


def _judges(bound: Bound, held: Bound) -> bool:
    # References of a change are kept for the times that rules in force name.
    same = bound.kind == held.kind and (bound.kind != "change" or bound.span_ms == held.span_ms)
    return same and (bound.rule, bound.pack) == (held.rule, held.pack)
