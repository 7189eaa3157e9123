"""Faults of one rule whose keys are sound each by itself: what does not belong together, never fires or never clears.

Pure. Every function yields (path below the rule, what is wrong and what is allowed).
"""

from __future__ import annotations

from alerts.clearing import Faults, faults_of_numbers
from alerts.conditions import DAILY_KINDS, DEVICE_KINDS, READING_KINDS
from alerts.pack import Rule
from alerts.values import SEVERITIES
from devices.lines import Path
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

_NEEDS_SOURCE = frozenset({"limit", "change", "compare", "logic"})
_MOVING = frozenset({"stuck", "change", "unit_suspect"})


def faults_within(rule: Rule) -> Faults:
    """All faults of one rule."""
    yield from _about(rule)
    yield from _channels(rule)
    yield from _times(rule)
    yield from faults_of_numbers(rule)
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


def _early(rule: Rule) -> Faults:
    if rule.early is None:
        return
    if rule.kind != "limit":
        yield ("early",), "allowed: with above, below or outside"
    if SEVERITIES.index(rule.early.severity) > SEVERITIES.index(rule.severity):
        yield ("early", "severity"), f"it is above that of the rule; allowed: at most {rule.severity}"
