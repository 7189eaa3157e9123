"""What the rules of a pack mean for one kind of subject: plain numbers to compare with (pure)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from alerts.pack import Limit, Pack, Rule

INF = math.inf


class Bound(msgspec.Struct, frozen=True, array_like=True):
    """A rule with its numbers. A value is bad where ``value < low or value > high``.

    An alert is over where ``clear_low <= value <= clear_high`` (for ``clear_for_ms`` of event time). Without
    ``for_ms`` it fires at the ``count``-th bad reading in a row. The version of the rule is the pack's ``digest``.
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

    def is_bad(self, value: float) -> bool:
        """Whether the value breaks the limit."""
        return value < self.low or value > self.high

    def broken_by(self, value: float) -> float:
        """The limit value that a bad value breaks."""
        return self.low if value < self.low else self.high


def bounds(pack: Pack, parameter: str, place_kind: str, profile: str, disinfectant: str) -> Iterator[Bound]:
    """The rules of a pack that hold for such a subject, in the order in which they were written."""
    for rule in pack.rules:
        if rule.enabled and rule.parameter == parameter and rule.when.holds_for(place_kind, profile, disinfectant):
            bound = _bound(pack, rule, place_kind, profile, disinfectant)
            if bound is not None:
                yield bound


def limits(
    pack: Pack, parameter: str, place_kind: str, profile: str, disinfectant: str
) -> tuple[Limit | None, Limit | None]:
    """The limits (of the minimum, of the maximum) that a profile of this pack sets for such a subject."""
    found = [one for one in pack.profiles.get(profile, []) if one.holds_for(parameter, place_kind, disinfectant)]
    return (
        next((one for one in found if one.min is not None), None),
        next((one for one in found if one.max is not None), None),
    )


def _bound(pack: Pack, rule: Rule, place_kind: str, profile: str, disinfectant: str) -> Bound | None:
    least, most = limits(pack, rule.parameter, place_kind, profile, disinfectant)
    low, high = _range(rule, least, most)
    if low == -INF and high == INF:
        return None
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
