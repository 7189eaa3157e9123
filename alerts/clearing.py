"""Whether a rule with numbers can fire and clear at all, with the values that can come (pure).

What a gateway takes as a value is bounded by ``devices.parameters.CATALOGUE``: values beyond are refused, so a rule
that waits for one to clear waits for ever. Every function yields (path below the rule, what is wrong and allowed).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from alerts.conditions import NUMBER_KINDS
from alerts.pack import Rule
from devices.lines import Path
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

Faults = Iterator[tuple[Path, str]]


class Span(NamedTuple):
    """The values that can come, ``low`` to ``high`` inclusive, and what they are: ``values of ph``."""

    low: float
    high: float
    what: str

    def __str__(self) -> str:
        return f"{self.what} are from {self.low:g} to {self.high:g}"


def span_of(rule: Rule, parameter: str) -> Span:
    """The values that a limit or comparison of this rule meets for one parameter of it, all of one unit."""
    one = CATALOGUE[parameter]
    compare = rule.condition.compare
    if compare is None:
        return Span(one.low, one.high, f"values of {parameter}")
    other = CATALOGUE[compare.other.parameter or parameter]
    return Span(one.low - other.high, one.high - other.low, f"differences of {parameter}")


def faults_of_numbers(rule: Rule) -> Faults:
    """Faults of the clear condition, and of a limit or comparison whose numbers stand in the rule."""
    unfit = list(_unfit(rule))
    yield from unfit
    if rule.kind not in {"limit", "compare"} or rule.condition.from_profile:
        return
    low, high = _band(rule)
    found = []
    for span in _spans(rule):
        if low <= span.low and high >= span.high:
            found.append((_limit_path(rule), f"{span}; it would never fire"))
        elif not unfit:
            found += clears(rule, low, high, span)
    yield from dict.fromkeys(found)


def clears(rule: Rule, low: float, high: float, span: Span) -> Faults:
    """Faults of clearing where ``low`` to ``high`` are the good values and those of ``span`` can come."""
    clear_low, clear_high = _clear_band(rule, low, high)
    at = _clear_path(rule)
    limit = f"({low:g} to {high:g})"
    if max(low, span.low) > min(high, span.high):
        yield _limit_path(rule), f"{span}, none of them is inside the limit {limit}, it would always be bad"
    elif clear_low > clear_high:
        words = f"no value inside the limit {limit} meets it, it would never clear"
        yield at, f"{words}; allowed: {_allowed(rule, low, high, span)}"
    elif clear_low < low or clear_high > high:
        yield at, f"values that break the limit {limit} meet it; allowed: values inside"
    elif max(clear_low, span.low) > min(clear_high, span.high):
        words = f"{span}, none of them meets it inside the limit {limit}, it would never clear"
        yield at, f"{words}; allowed: {_allowed(rule, low, high, span)}"
    else:
        yield from _early(rule, low, high, span)


def _early(rule: Rule, low: float, high: float, span: Span) -> Faults:
    if rule.early is None:
        return
    early_low, early_high = rule.early.band(low, high)
    limit = f"({low:g} to {high:g})"
    if (early_low, early_high) == (low, high):
        yield ("early", "at"), f"there is no share of the limit {limit}; allowed: limits other than 0"
        return
    dead_band = rule.clear.dead_band or 0
    if max(early_low + dead_band, span.low) > min(early_high - dead_band, span.high):
        with_it = "with clear.dead_band " if dead_band else ""
        yield ("early", "at"), f"{with_it}no value inside the limit {limit} is left to clear it"


def _allowed(rule: Rule, low: float, high: float, span: Span) -> str:
    if rule.clear.dead_band is None:
        return f"{max(low, span.low):g} to {min(high, span.high):g}"
    most = min((high - low) / 2, high - span.low, span.high - low)
    return f"at most {most:g}" if most > 0 else "no dead_band"


def _unfit(rule: Rule) -> Faults:
    """A clear condition that does not belong to the condition."""
    at, kind, clear = _clear_path(rule), rule.kind, rule.clear
    if not at:
        return
    if kind not in NUMBER_KINDS:
        yield at, f"a condition of kind {kind} has no number; allowed: for"
    elif kind in {"limit", "compare"}:
        of = rule.condition.compare or rule.condition
        fits = {"above": of.below, "below": of.above, "inside": of.outside, "dead_band": True}
        if fits[str(at[-1])] is None:
            allowed = "dead_band, below with above, above with below, inside with outside"
            yield at, f"it does not fit the condition; allowed: {allowed}"
    elif clear.dead_band is None:
        yield at, "allowed: dead_band"
    elif rule.condition.change is not None and clear.dead_band > rule.condition.change.by:
        most = rule.condition.change.by
        yield at, f"no value inside the limit {most:g} meets it, it would never clear; allowed: at most {most:g}"


def _spans(rule: Rule) -> Iterator[Span]:
    if rule.quantity:
        held = QUANTITIES[rule.quantity].held  # all of them are counts, ratios, or 0 and 1
        yield Span(0 if held else -math.inf, math.inf, f"values of {rule.quantity}")
    other = rule.condition.compare.other.parameter if rule.condition.compare else None
    names = (*rule.parameters, *((other,) if other else ()))
    if len({CATALOGUE[name].unit for name in names}) == 1:
        yield from (span_of(rule, name) for name in rule.parameters)


def _clear_path(rule: Rule) -> Path:
    """Where the values that clear were written; empty where none were."""
    written = [name for name in ("dead_band", "above", "below", "inside") if getattr(rule.clear, name) is not None]
    return ("clear", written[0]) if written else ()


def _limit_path(rule: Rule) -> Path:
    of = rule.condition.compare or rule.condition
    name = next(name for name in ("above", "below", "outside") if getattr(of, name) is not None)
    return ("condition", "compare", name) if rule.condition.compare else ("condition", name)


def _clear_band(rule: Rule, low: float, high: float) -> tuple[float, float]:
    clear = rule.clear
    if clear.dead_band is not None:
        return low + clear.dead_band, high - clear.dead_band
    if clear.inside is not None:
        return clear.inside[0], clear.inside[1]
    return (low if clear.above is None else clear.above), (high if clear.below is None else clear.below)


def _band(rule: Rule) -> tuple[float, float]:
    """(low, high): the good values of a rule with numbers of its own."""
    of = rule.condition.compare or rule.condition
    if isinstance(of.outside, list):
        return of.outside[0], of.outside[1]
    return (
        of.below if isinstance(of.below, int | float) else -math.inf,
        of.above if isinstance(of.above, int | float) else math.inf,
    )
