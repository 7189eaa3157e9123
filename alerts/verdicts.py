"""What one N reading says under one rule, by kind of condition: bad, over, or neither (pure).

Everything is judged from the reading, what the columns remember of the channel before it, and the newest values of
other channels. ``None`` is no opinion: it fires nothing, ends nothing and interrupts nothing.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import Any, NamedTuple

from alerts.bounds import Bound
from alerts.quiet import ROUNDING, UNKNOWN, Quiet
from alerts.surroundings import Surroundings
from devices.observation import Observation

#: A value of another channel counts for so many of its intervals, or for this long where none is known.
FRESH_INTERVALS = 3
FRESH_MS = 3_600_000


class Verdict(NamedTuple):
    """``bad`` breaks the rule, ``over`` meets its clear condition; ``since`` is given where it began earlier."""

    bad: bool
    over: bool
    value: float | None
    limit: float | None
    since: int | None = None
    level: float = 0.0


def verdict(bound: Bound, o: Observation, quiet: Quiet, level: float, around: Surroundings) -> Verdict | None:
    """Judge an N reading; ``level`` is the track's, 0.0 where nothing is held yet."""
    kind = bound.kind
    if kind in {"limit", "quantity"}:
        value = o.value
        bad = value < bound.low or value > bound.high
        return Verdict(bad, bound.clear_low <= value <= bound.clear_high, value, bound.broken_by(value))
    if kind == "unit_suspect":
        return _unit(bound, o, quiet, level)
    if kind in _FROM_COLUMNS:
        return _FROM_COLUMNS[kind](bound, o, quiet)
    if kind in _FROM_OTHERS:
        return _FROM_OTHERS[kind](bound, o, around)
    # Saturated: an N reading is the end of it.
    return Verdict(bad=False, over=True, value=o.value, limit=None)


def _distance(bound: Bound, value: float, reference: float) -> Verdict:
    """A value against another: shown as the value and the limit that follows from the other."""
    moved = value - reference
    over = bound.clear_low - _slack(bound.clear_low) <= moved <= bound.clear_high + _slack(bound.clear_high)
    bad = moved < bound.low - _slack(bound.low) or moved > bound.high + _slack(bound.high)
    return Verdict(bad, over, value, reference + bound.broken_by(moved))


def _slack(limit: float) -> float:
    """0.4 - 0.1 is 0.30000000000000004 and still no more than 0.3."""
    return 0.0 if math.isinf(limit) else ROUNDING * max(1.0, abs(limit))


def _change(bound: Bound, o: Observation, quiet: Quiet) -> Verdict | None:
    known = quiet.references.get(bound.span_ms)
    reference = None if known is None or o.subject.channel < 0 else known.before(o.subject.channel, o.at)
    return None if reference is None else _distance(bound, o.value, reference[0])


def change_band(bound: Bound, reference: float) -> tuple[float, float]:
    """The values that have not moved too far from ``reference``."""
    return reference + bound.low, reference + bound.high


def _stuck(bound: Bound, o: Observation, quiet: Quiet) -> Verdict | None:
    index = o.subject.channel
    if not 0 <= index < len(quiet) or quiet.moved[index] == UNKNOWN:
        return None
    since = quiet.moved[index]
    stands = -quiet.step[index] < o.value - quiet.anchor[index] < quiet.step[index]
    return Verdict(stands and o.at - since >= bound.span_ms, not stands, o.value, None, since)


def _unit(bound: Bound, o: Observation, quiet: Quiet, level: float) -> Verdict | None:
    if not level:
        index = o.subject.channel
        if not 0 <= index < len(quiet):
            return None
        level = quiet.anchor[index]
    if not level > 0:
        return None
    value = o.value
    bad = False
    if value > 0 and max(value, level) >= bound.low:
        ratio = value / level
        power = round(math.log10(ratio))
        bad = power != 0 and abs(ratio / 10.0**power - 1) <= bound.step
    return Verdict(bad, not bad, value, level, level=level)


def unit_band(bound: Bound, value: float) -> tuple[float, float]:
    """A band around ``value`` in which no two values are near a power of ten apart and large enough to count."""
    factor = 0.999 * math.sqrt(min(10 * (1 - bound.step), 10 / (1 + bound.step)))
    if value * factor < bound.low:
        return -math.inf, math.nextafter(bound.low, 0)
    return value / factor, value * factor


def _compare(bound: Bound, o: Observation, around: Surroundings) -> Verdict | None:
    asked = _parsed(bound.asks)
    mine = o.subject
    parameter = asked.get("parameter") or mine.parameter
    device, point = mine.device, asked.get("point") or mine.point
    if asked.get("upstream"):
        found = around.measured_at(mine.upstream, parameter, o.now) if mine.upstream else None
        if found is None:
            return None
        device, point = found
    other = _fresh(around, (device, point, parameter), o)
    return None if other is None else _distance(bound, o.value, other)


def _fresh(around: Surroundings, channel: tuple[str, str, str], o: Observation) -> float | None:
    """The newest value of another channel where it is N and not far in time from the reading ``o``."""
    seen = around.latest(*channel)
    allowed = FRESH_INTERVALS * o.subject.report_ms or FRESH_MS
    if seen is None or seen.flag != "N" or abs(o.at - seen.ts) > allowed:
        return None
    return seen.value


def _combination(bound: Bound, o: Observation, around: Surroundings) -> Verdict | None:
    holds = _holds(_parsed(bound.asks), o, around)
    return None if holds is None else Verdict(bad=holds, over=not holds, value=None, limit=None)


def _holds(tree: dict[str, Any], o: Observation, around: Surroundings) -> bool | None:
    """Kleene's logic: what is not known decides nothing, and what decides anyway needs not be known."""
    if "not" in tree:
        inner = _holds(tree["not"], o, around)
        return None if inner is None else not inner
    for name, decisive in (("all", False), ("any", True)):
        if name in tree:
            found = [_holds(part, o, around) for part in tree[name]]
            return decisive if decisive in found else None if None in found else not decisive
    mine = o.subject
    point = tree.get("point") or mine.point
    if (tree["parameter"], point) == (mine.parameter, mine.point):
        value: float | None = o.value
    else:
        value = _fresh(around, (mine.device, point, tree["parameter"]), o)
    return None if value is None else value < tree["low"] or value > tree["high"]


_FROM_COLUMNS = {"change": _change, "stuck": _stuck}
_FROM_OTHERS = {"compare": _compare, "logic": _combination}


@lru_cache(maxsize=1024)
def _parsed(asks: str) -> dict[str, Any]:
    """JSON has no infinities of its own, Python's reads and writes them."""
    parsed: dict[str, Any] = json.loads(asks)
    return parsed


def asked_of(bound: Bound) -> list[str]:
    """The parameters that a combination looks at."""
    found: list[str] = []
    waiting = [_parsed(bound.asks)]
    while waiting:
        tree = waiting.pop()
        if "parameter" in tree:
            found.append(tree["parameter"])
        waiting += tree.get("all", []) + tree.get("any", []) + ([tree["not"]] if "not" in tree else [])
    return found
