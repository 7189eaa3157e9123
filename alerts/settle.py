"""After a value went the long way: it is remembered, and within what the next ones change nothing (pure)."""

from __future__ import annotations

from alerts.quiet import NEVER, Quiet, References
from alerts.rulebook import InForce
from alerts.verdicts import change_band, unit_band
from devices.observation import Observation


def settle(columns: Quiet, o: Observation, force: InForce, *, watched: bool) -> None:
    """Remember an N value of a channel; one that is watched goes the long way again."""
    index, value, ts = o.subject.channel, o.value, o.at
    columns.move(index, ts, value)
    low, high, turn = force.low, force.high, NEVER
    for bound in force.readings:
        if bound.kind == "change":
            known = columns.references.get(bound.span_ms)
            if known is None:
                known = columns.references[bound.span_ms] = References(bound.span_ms)
            known.take(index, ts, value)
            reference = known.before(index, ts)
            assert reference is not None
            near = change_band(bound, reference[0])
            turn = min(turn, known.following(index, ts))
        elif bound.kind == "unit_suspect":
            near = unit_band(bound, value)
        else:
            continue
        low, high = max(low, near[0]), min(high, near[1])
    if force.always or watched:
        columns.open(index)
    else:
        columns.low[index], columns.high[index], columns.turn[index] = low, high, turn
