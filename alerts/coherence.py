"""Faults of one rule whose keys are sound each by itself: what does not belong together, never fires or never clears.

Pure. Every function yields (path below the rule, what is wrong and what is allowed).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from alerts.conditions import DAILY_KINDS, DEVICE_KINDS, NUMBER_KINDS, READING_KINDS
from alerts.lines import Path
from alerts.pack import Rule
from alerts.values import SEVERITIES
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

Faults = Iterator[tuple[Path, str]]

_NEEDS_SOURCE = frozenset({"limit", "change", "compare", "logic"})
_MOVING = frozenset({"stuck", "change", "unit_suspect"})


def faults_within(rule: Rule) -> Faults:
    """All faults of one rule."""
    yield from _about(rule)
    yield from _channels(rule)
    yield from _times(rule)
    yield from _clear(rule)
    yield from _early(rule)
    if rule.kind in _NEEDS_SOURCE and not rule.condition.from_profile and not rule.source:
        yield ("source",), "it is missing; a limit value in the rule itself needs its source"


def _about(rule: Rule) -> Faults:
    kind, named = rule.kind, rule.parameters or rule.quantity
    if kind in DEVICE_KINDS:
        if named:
            yield _named(rule), f"a condition of kind {kind} is about the whole device; allowed: no parameter"
    elif not named:
        yield ("parameter",), f"it is missing; a condition of kind {kind} is about a parameter"
    if rule.quantity and kind != "limit" and kind not in DEVICE_KINDS:
        yield ("quantity",), "allowed: with above, below or outside only"
    if rule.quantity and rule.condition.from_profile:
        yield ("condition",), "profiles have limits of parameters; allowed: a number for a quantity"
    if rule.several and len(set(rule.several)) < len(rule.several):
        yield ("parameters",), "one is named twice; allowed: once"
    when = rule.when
    if when.modes and set(when.modes) <= set(when.not_modes):
        yield ("when", "not_modes"), "no mode is left, it would never fire"
    if kind == "stuck" and set(when.modes) == {"held"}:
        yield ("when", "modes"), "a held channel sends only what changed; allowed: continuous, sampled"


def _named(rule: Rule) -> Path:
    return ("parameter",) if rule.parameter else ("parameters",) if rule.several else ("quantity",)


def _channels(rule: Rule) -> Faults:
    condition, kind = rule.condition, rule.kind
    known = [CATALOGUE[name] for name in rule.parameters]
    numbers = kind in {"change", "compare"} or (kind == "limit" and not condition.from_profile)
    units = {one.unit for one in known}
    if numbers and len(units) > 1:
        shown = ", ".join(sorted(unit or "no unit" for unit in units))
        yield ("parameters",), f"one number cannot fit {shown}; allowed: parameters of one unit"
    for one in known:
        if one.switch and kind in _MOVING:
            yield _named(rule), f"{one.name} is a switch; allowed: measured parameters"
            continue
        width = one.high - one.low
        if condition.stuck and (condition.stuck.resolution or 0) >= width:
            words = f"more than {one.name} can move ({one.low:g} to {one.high:g}); it would never clear"
            yield ("condition", "stuck", "resolution"), words
        if condition.change and condition.change.by >= width:
            words = f"more than {one.name} can move ({one.low:g} to {one.high:g}); it would never fire"
            yield ("condition", "change", "by"), words
        if kind == "limit" and not condition.from_profile:
            low, high = _band(rule)
            if low <= one.low and high >= one.high:
                words = f"values of {one.name} are from {one.low:g} to {one.high:g}; it would never fire"
                yield ("condition",), words
    if condition.compare is not None:
        yield from _compared(rule)


def _compared(rule: Rule) -> Faults:
    assert rule.condition.compare is not None
    other = rule.condition.compare.other
    at = ("condition", "compare", "with")
    if other.upstream:
        return
    for name in rule.parameters:
        theirs = other.parameter or name
        if theirs == name and (other.point is None or other.point in rule.when.points):
            yield at, "it is compared with itself; allowed: another parameter or point"
        elif CATALOGUE[theirs].unit != CATALOGUE[name].unit:
            units = f"{CATALOGUE[theirs].unit!r} of {theirs} does not fit {name}; allowed: {CATALOGUE[name].unit!r}"
            yield at, f"unit {units}"


def _times(rule: Rule) -> Faults:
    kind, counted = rule.kind, "count" in rule.model_fields_set
    if rule.hold and counted:
        yield ("count",), "count and for exclude each other; allowed: one of them"
    if counted and kind not in READING_KINDS:
        yield ("count",), f"a condition of kind {kind} is not judged at readings; allowed: for"
    if rule.hold and kind in DAILY_KINDS:
        yield ("for",), f"a condition of kind {kind} is judged by days; allowed: no for"
    if rule.quantity and rule.hold and not QUANTITIES[rule.quantity].held:
        yield ("for",), f"{rule.quantity} is told once and does not last; allowed: no for"


def _clear(rule: Rule) -> Faults:
    clear, kind = rule.clear, rule.kind
    written = [name for name in ("dead_band", "above", "below", "inside") if getattr(clear, name) is not None]
    if not written:
        return
    (name,) = written
    at = ("clear", name)
    if kind not in NUMBER_KINDS:
        yield at, f"a condition of kind {kind} has no number; allowed: for"
        return
    if kind in {"limit", "compare"}:
        of = rule.condition.compare or rule.condition
        fits = {"above": of.below, "below": of.above, "inside": of.outside, "dead_band": True}
        if fits[name] is None:
            allowed = "dead_band, below with above, above with below, inside with outside"
            yield at, f"it does not fit the condition; allowed: {allowed}"
        elif rule.quantity or kind == "compare":
            yield from clears(rule, *_band(rule))
        return
    assert rule.condition.change is not None
    most = rule.condition.change.by
    if clear.dead_band is None:
        yield at, "allowed: dead_band"
    elif clear.dead_band > most:
        yield at, f"no value inside the limit {most:g} meets it, it would never clear"


def clears(rule: Rule, low: float, high: float) -> Faults:
    """Faults of the clear condition where ``low`` to ``high`` are the good values."""
    clear_low, clear_high = _clear_band(rule, low, high)
    shown = f"({low:g} to {high:g})"
    if clear_low > clear_high:
        yield ("clear",), f"no value inside the limit {shown} meets it, it would never clear"
    elif clear_low < low or clear_high > high:
        yield ("clear",), f"values that break the limit {shown} meet it; allowed: values inside"
    elif rule.early is not None:
        early_low, early_high = rule.early.band(low, high)
        if (early_low, early_high) == (low, high):
            yield ("early", "at"), f"there is no share of the limit {shown}; allowed: limits other than 0"
        else:
            band = rule.clear.dead_band or 0
            if early_low + band > early_high - band:
                yield ("early", "at"), f"with clear.dead_band no value inside the limit {shown} is left to clear it"


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


def _early(rule: Rule) -> Faults:
    if rule.early is None:
        return
    if rule.kind != "limit":
        yield ("early",), "allowed: with above, below or outside"
    if SEVERITIES.index(rule.early.severity) > SEVERITIES.index(rule.severity):
        yield ("early", "severity"), f"it is above that of the rule; allowed: at most {rule.severity}"
    if rule.quantity and rule.kind == "limit" and not rule.condition.from_profile:
        low, high = _band(rule)
        if rule.early.band(low, high) == (low, high):
            yield ("early", "at"), f"there is no share of the limit ({low:g} to {high:g}); allowed: limits other than 0"
