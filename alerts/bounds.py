"""What the rules of a pack mean for one kind of subject: plain numbers to compare with (pure)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import msgspec

from alerts.pack import Limit, Pack, Rule

INF = math.inf


class Bound(msgspec.Struct, frozen=True, array_like=True):
    """A rule with its numbers for one kind of subject. A value is bad where ``value < low or value > high``.

    An alert is over where ``clear_low <= value <= clear_high`` (for ``clear_for_ms``). Without ``for_ms`` it fires at
    the ``count``-th bad sight in a row. The version of the rule is the pack's ``digest``. What the value is, ``kind``
    says: the reading of a ``limit``, else what ``alerts.verdicts`` makes of it. ``span_ms`` is the time of the
    condition (``per``, ``for`` of stuck, ``window``, the interval of silence, ``after``), ``step`` its other number
    (resolution, share, tolerance of a factor). ``asks`` is JSON: the other channel of a comparison, the tree of a
    combination, what is overdue. ``schedule`` is JSON of the rule's schedule. ``held`` quantities stay as they were
    observed, so their ``for`` runs in journal time.
    """

    pack: str
    digest: str
    rule: str
    severity: str
    low: float
    high: float
    clear_low: float
    clear_high: float
    count: int
    for_ms: int
    clear_for_ms: int
    kind: str = "limit"
    early_of: str = ""
    latching: bool = False
    reopen_ms: int = 0
    tell: bool = True
    schedule: str = ""
    held: bool = False
    span_ms: int = 0
    step: float = 0.0
    asks: str = ""

    def is_bad(self, value: float) -> bool:
        """Whether the value breaks the limit."""
        return value < self.low or value > self.high

    def same_numbers(self, other: Bound) -> bool:
        """Whether both are the same rule with the same numbers, of whatever version."""
        return _numbers(self) == _numbers(other)

    def broken_by(self, value: float) -> float:
        """The limit value that a bad value breaks."""
        return self.low if value < self.low else self.high


def _numbers(bound: Bound) -> tuple[object, ...]:
    return bound.pack, bound.rule, bound.kind, bound.low, bound.high, bound.span_ms, bound.step, bound.asks


def bounds(pack: Pack, parameter: str, place_kind: str, profile: str, disinfectant: str) -> Iterator[Bound]:
    """The limit rules of a pack that hold for such a place, in the order in which they were written."""
    for rule in pack.rules:
        if (
            rule.enabled
            and rule.kind == "limit"
            and parameter in rule.parameters
            and rule.when.holds_for(place_kind, profile, disinfectant)
        ):
            yield from limit_bounds(pack, rule, *limits(pack, parameter, place_kind, profile, disinfectant))


def limits(
    pack: Pack, parameter: str, place_kind: str, profile: str, disinfectant: str
) -> tuple[Limit | None, Limit | None]:
    """The limits (of the minimum, of the maximum) that a profile of this pack sets for such a subject."""
    found = [one for one in pack.profiles.get(profile, []) if one.holds_for(parameter, place_kind, disinfectant)]
    return (
        next((one for one in found if one.min is not None), None),
        next((one for one in found if one.max is not None), None),
    )


def limit_bounds(pack: Pack, rule: Rule, least: Limit | None, most: Limit | None) -> Iterator[Bound]:
    """A limit rule with the limits that hold for a subject, then its early warning; nothing where none holds."""
    low, high = _range(rule, least, most)
    if low == -INF and high == INF:
        return
    yield bound_of(pack, rule, low, high)
    if rule.early is not None:
        low, high = _earlier(low, high, rule.early.at)
        clear_low, clear_high = low, high
        if rule.clear.dead_band is not None:
            clear_low, clear_high = low + rule.clear.dead_band, high - rule.clear.dead_band
        yield msgspec.structs.replace(
            bound_of(pack, rule, low, high),
            rule=f"{rule.id}.early",
            severity=rule.early.severity,
            # No good value may be left between.
            clear_low=min(clear_low, max(low, clear_high)),
            clear_high=max(clear_high, min(high, clear_low)),
            early_of=rule.id,
        )


def bound_of(pack: Pack, rule: Rule, low: float, high: float) -> Bound:
    """What all kinds have in common; ``low`` and ``high`` bound the good values."""
    clear_low, clear_high = _clear_range(rule, low, high)
    return Bound(
        pack=pack.id,
        digest=pack.digest,
        rule=rule.id,
        severity=rule.severity,
        low=low,
        high=high,
        clear_low=clear_low,
        clear_high=clear_high,
        count=rule.count,
        for_ms=rule.hold,
        clear_for_ms=rule.clear.hold,
        kind=rule.kind,
        latching=rule.latching,
        reopen_ms=rule.reopen,
        tell=rule.tell,
        schedule="" if rule.schedule is None else _schedule(rule),
    )


def _schedule(rule: Rule) -> str:
    assert rule.schedule is not None
    return json.dumps(rule.schedule.body or {"calendar": rule.schedule.calendar}, sort_keys=True)


def _earlier(low: float, high: float, at: float) -> tuple[float, float]:
    """The limits of an early warning (``alerts.pack.Early``)."""
    if low > -INF and high < INF:
        middle, half = (low + high) / 2, (high - low) / 2 * at
        return middle - half, middle + half
    return (
        low if low == -INF else low + (1 / at - 1) * abs(low),
        high if high == INF else high - (1 - at) * abs(high),
    )


def _range(rule: Rule, least: Limit | None, most: Limit | None) -> tuple[float, float]:
    from_profile = (
        -INF if least is None or least.min is None else least.min,
        INF if most is None or most.max is None else most.max,
    )
    condition = rule.condition
    if condition.above is not None:
        return -INF, from_profile[1] if condition.above == "profile" else float(condition.above)
    if condition.below is not None:
        return from_profile[0] if condition.below == "profile" else float(condition.below), INF
    if isinstance(condition.outside, list):
        return condition.outside[0], condition.outside[1]
    return from_profile


def _clear_range(rule: Rule, low: float, high: float) -> tuple[float, float]:
    clear = rule.clear
    if clear.dead_band is not None:
        return low + clear.dead_band, high - clear.dead_band
    if clear.inside is not None:
        return clear.inside[0], clear.inside[1]
    return (low if clear.above is None else clear.above), (high if clear.below is None else clear.below)
