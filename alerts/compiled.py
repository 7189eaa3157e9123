"""From the rules of a pack to bounds: plain numbers for one kind of subject (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import msgspec

from alerts.bounds import INF, Bound, bound_of, limit_bounds, limits
from alerts.conditions import Invalid, Missing, Term
from alerts.pack import Limit, Pack, Rule
from devices.observation import QUANTITIES, Subject
from devices.parameters import CATALOGUE

#: Nothing is silent after less, whatever a rule says; see ``alerts.presence``.
LEAST_SILENCE_MS = 60_000
#: A value counts for ``unit_suspect`` from so many last digits of the catalogue on: near zero all is powers of ten.
LEAST_DIGITS = 10
#: How long a hole in sequence numbers may wait for its messages, and an alert of one for the next hole.
GAP_FOR_MS = 300_000
GAP_CLEAR_MS = 3_600_000


def compiled(pack: Pack, subject: Subject) -> Iterator[Bound]:
    """The rules of a pack that hold for such a subject, in the order in which they were written."""
    for rule in pack.rules:
        if not rule.enabled or not _is_about(rule, subject) or not rule.when.fits(subject):
            continue
        if rule.kind == "limit":
            yield from _limits(pack, rule, subject)
        else:
            bound = _COMPILE[rule.kind](pack, rule, subject)
            if bound is not None:
                yield bound


def _is_about(rule: Rule, subject: Subject) -> bool:
    if rule.quantity is not None:
        return rule.quantity == subject.parameter
    if rule.kind == "overdue":
        return True
    return subject.parameter in rule.parameters if rule.parameters else not subject.parameter


def _limits(pack: Pack, rule: Rule, subject: Subject) -> Iterator[Bound]:
    least, most = limits(pack, subject.parameter, subject.place_kind, subject.profile, subject.disinfectant)
    quantity = QUANTITIES.get(subject.parameter)
    for bound in limit_bounds(pack, rule, _own(least, subject), _own(most, subject)):
        yield bound if quantity is None else msgspec.structs.replace(bound, kind="quantity", held=quantity.held)


def _own(limit: Limit | None, subject: Subject) -> Limit | None:
    """A limit of the profile with the values that the place has in their place."""
    if limit is None or (subject.low is None and subject.high is None):
        return limit
    update = {}
    if limit.min is not None and subject.low is not None:
        update["min"] = subject.low
    if limit.max is not None and subject.high is not None:
        update["max"] = subject.high
    return limit.model_copy(update=update)


def _replaced(bound: Bound, **numbers: object) -> Bound:
    return msgspec.structs.replace(bound, **numbers)


def _change(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    moved = rule.condition.change
    assert moved is not None
    low = -INF if moved.direction == "up" else -moved.by
    high = INF if moved.direction == "down" else moved.by
    return _replaced(bound_of(pack, rule, low, high), span_ms=moved.per)


def _digit(subject: Subject) -> float:
    return float(10.0 ** -CATALOGUE[subject.parameter].decimals)


def _stuck(pack: Pack, rule: Rule, subject: Subject) -> Bound | None:
    """Held values and switches stand still by their nature."""
    stuck = rule.condition.stuck
    assert stuck is not None
    known = CATALOGUE.get(subject.parameter)
    if known is None or known.switch or subject.mode == "held":
        return None
    step = _digit(subject) if stuck.resolution is None else stuck.resolution
    return _replaced(bound_of(pack, rule, -INF, INF), span_ms=stuck.hold, step=step)


def _interval(pack: Pack, rule: Rule, subject: Subject, missing: Missing | Invalid) -> Bound | None:
    if not subject.report_ms:
        return None
    span = max(round(missing.intervals * subject.report_ms), missing.least, LEAST_SILENCE_MS)
    return _replaced(bound_of(pack, rule, -INF, INF), span_ms=span)


def _absent(pack: Pack, rule: Rule, subject: Subject) -> Bound | None:
    known = CATALOGUE.get(subject.parameter)
    if known is None or known.switch or subject.mode == "held" or rule.condition.absent is None:
        return None
    return _interval(pack, rule, subject, rule.condition.absent)


def _silent(pack: Pack, rule: Rule, subject: Subject) -> Bound | None:
    assert rule.condition.silent is not None
    return _interval(pack, rule, subject, rule.condition.silent)


def _invalid(pack: Pack, rule: Rule, subject: Subject) -> Bound | None:
    invalid = rule.condition.invalid
    known = CATALOGUE.get(subject.parameter)
    if known is None or known.switch or subject.mode == "held" or invalid is None:
        return None
    return _interval(pack, rule, subject, invalid)


def _plain(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    return bound_of(pack, rule, -INF, INF)


def _bad_flags(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    flags = rule.condition.bad_flags
    assert flags is not None
    return _replaced(bound_of(pack, rule, -INF, INF), step=flags.share, span_ms=flags.window)


def _sequence_gap(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    return _replaced(
        bound_of(pack, rule, -INF, INF),
        for_ms=rule.hold or GAP_FOR_MS,
        clear_for_ms=rule.clear.hold or GAP_CLEAR_MS,
    )


def _clock_off(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    clock = rule.condition.clock_off
    assert clock is not None
    return _replaced(bound_of(pack, rule, -float(clock.by), float(clock.by)), span_ms=clock.by)


def _unit_suspect(pack: Pack, rule: Rule, subject: Subject) -> Bound | None:
    unit = rule.condition.unit_suspect
    assert unit is not None
    if subject.parameter not in CATALOGUE or CATALOGUE[subject.parameter].switch:
        return None
    least = LEAST_DIGITS * _digit(subject)
    return _replaced(bound_of(pack, rule, -INF, INF), step=unit.factor_within, low=least)


def _compare(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    compare = rule.condition.compare
    assert compare is not None
    low, high = compare.band
    asks = compare.other.model_dump()
    return _replaced(bound_of(pack, rule, low, high), asks=json.dumps(asks, sort_keys=True))


def _overdue(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    overdue = rule.condition.overdue
    assert overdue is not None
    return _replaced(bound_of(pack, rule, -INF, INF), span_ms=overdue.after, asks=json.dumps(overdue.what))


def _logic(pack: Pack, rule: Rule, _: Subject) -> Bound | None:
    condition = rule.condition
    tree = _tree(condition.all_, condition.any_, condition.not_)
    return _replaced(bound_of(pack, rule, -INF, INF), asks=json.dumps(tree, sort_keys=True))


def _tree(every: list[Term] | None, some: list[Term] | None, other: Term | None) -> dict[str, object]:
    if every is not None:
        return {"all": [_leaf(term) for term in every]}
    if some is not None:
        return {"any": [_leaf(term) for term in some]}
    assert other is not None
    return {"not": _leaf(other)}


def _leaf(term: Term) -> dict[str, object]:
    if term.parameter is None:
        return _tree(term.all_, term.any_, term.not_)
    low, high = term.band
    return {"parameter": term.parameter, "point": term.point, "low": low, "high": high}


_COMPILE: dict[str, Callable[[Pack, Rule, Subject], Bound | None]] = {
    "change": _change,
    "stuck": _stuck,
    "absent": _absent,
    "silent": _silent,
    "invalid": _invalid,
    "saturated": _plain,
    "bad_flags": _bad_flags,
    "sequence_gap": _sequence_gap,
    "clock_off": _clock_off,
    "unit_suspect": _unit_suspect,
    "compare": _compare,
    "overdue": _overdue,
    "logic": _logic,
}
