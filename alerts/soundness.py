"""Faults that no single value of a pack shows: doubled ids, overlapping limits, rules that never fire or clear."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

from alerts.bounds import bounds
from alerts.clearing import Faults, clears, span_of
from alerts.coherence import faults_within
from alerts.pack import DISINFECTANTS, PLACE_KINDS, Limit, Pack, Rule, Text
from alerts.partial import Entries
from devices.lines import Path, dotted

#: What the id of an early warning ends with.
EARLY = ".early"
LONGEST_ID = 64
#: Where faults leave open which values a rule judges.
_SELECTING = frozenset({"parameter", "parameters", "quantity", "when", "condition", "clear"})
#: Below these keys numbers are shown as they were written; elsewhere they are times.
_NUMBERS = frozenset({"condition", "clear", "early", "count"})


def faults_between(entries: Entries) -> Faults:
    """Yield (path in the file, what is wrong and what is allowed); nothing that another fault might change."""
    yield from _same_ids(entries)
    unsure = set(entries.unsure)
    for name, limits in entries.profiles.items():
        overlaps = list(_overlaps(name, limits))
        yield from overlaps
        if overlaps:
            unsure.add(name)
    judged = entries._replace(unsure=frozenset(unsure))
    for index, rule in entries.rules.items():
        for path, words in dict.fromkeys(_of_rule(index, rule, judged)):
            whole_path = ("rules", index, *path)
            yield whole_path, f"{dotted(whole_path)}{_written(rule, path)}: {words}"


def _of_rule(index: int, rule: Rule, entries: Entries) -> Faults:
    faulty = entries.faulty.get(index, frozenset())
    found = list(faults_within(rule))
    if entries.named:
        found += _unknown_profiles(rule, entries.profiles)
    for path, words in found:
        lacking = entries.may_lack(index) and words.startswith("it is missing")
        if path[0] not in faulty and not lacking:
            yield path, words
    whose = {path[0] for path, _ in found} | faulty
    if rule.condition.from_profile and not whose & _SELECTING and not entries.may_lack(index):
        yield from sorted(set(_never(rule, entries)))


def _same_ids(entries: Entries) -> Faults:
    seen: dict[str, int] = {}
    for index, name in entries.ids.items():
        where = ("rules", index, "id")
        if name in seen:
            words = f"rules[{seen[name]}] has this id; allowed: one rule an id"
            yield where, f"{dotted(where)} = {name!r}: {words}"
        seen.setdefault(name, index)
    for index, name in entries.ids.items():
        if index not in entries.rules or entries.rules[index].early is None:
            continue
        where = ("rules", index, "early")
        early = f"{name}{EARLY}"
        if early in seen:
            words = f"its id would be {early!r}, which rules[{seen[early]}] has; allowed: another id there"
            yield where, f"{dotted(where)}: {words}"
        if len(early) > LONGEST_ID:
            yield where, f"{dotted(where)}: its id {early!r} would be longer than {LONGEST_ID}; allowed: a shorter id"


def _written(rule: Rule, path: Path) -> str:
    """`` = value`` where a plain one was written at this path below the rule."""
    value: Any = rule.model_dump(by_alias=True, exclude_unset=True)
    for step in path:
        known = isinstance(value, list if isinstance(step, int) else dict)
        value = value[step] if known and (isinstance(step, int) or step in value) else None
    if isinstance(value, str):
        return f" = {value!r}"
    if path[0] not in _NUMBERS:
        return ""
    if isinstance(value, int | float):
        return f" = {value:g}"
    pair = isinstance(value, list) and path[-1] in {"outside", "inside"}
    return f" = [{value[0]:g}, {value[1]:g}]" if pair else ""


def _unknown_profiles(rule: Rule, profiles: Mapping[str, Mapping[int, Limit]]) -> Faults:
    for number, profile in enumerate(rule.when.profiles):
        if rule.condition.from_profile and profile not in profiles:
            known = ", ".join(profiles) or "none, this pack has no profiles"
            yield ("when", "profiles", number), f"there is no such profile; allowed: {known}"


def _never(rule: Rule, entries: Entries) -> Faults:
    """Try the rule on every kind of subject; one that is switched off must be sound as well."""
    profiles = {name: limits for name, limits in entries.profiles.items() if name not in entries.unsure}
    alone = Pack.model_construct(
        id="",
        version="",
        title=Text(zh="-", en="-"),
        profiles={name: list(limits.values()) for name, limits in profiles.items()},
        rules=[rule.model_copy(update={"enabled": True, "early": None})],
    )
    fires = dict.fromkeys(rule.parameters, False)
    subjects = product(rule.parameters, ("", *PLACE_KINDS), profiles, ("", *DISINFECTANTS))
    for parameter, place_kind, profile, disinfectant in subjects:
        for bound in bounds(alone, parameter, place_kind, profile, disinfectant):
            fires[parameter] = True
            yield from clears(rule, bound.low, bound.high, span_of(rule, parameter))
    asked = set(rule.when.profiles)
    if not asked <= profiles.keys() or (not asked and (entries.unsure or not entries.named)):
        return
    for parameter, once in fires.items():
        if not once:
            yield ("condition",), f"no limit of the profiles fits this rule for {parameter}, it would never fire"


def _overlaps(name: str, limits: Mapping[int, Limit]) -> Faults:
    for (first, one), (second, other) in combinations(limits.items(), 2):
        if one.parameter != other.parameter or not _meet(one, other):
            continue
        where = f"profiles.{name}[{second}]"
        for side in ("min", "max"):
            if getattr(one, side) is not None and getattr(other, side) is not None:
                words = (
                    f"{where}.{side}: profiles.{name}[{first}] sets it for the same {other.parameter}; "
                    "allowed: one for a place kind and disinfectant"
                )
                yield ("profiles", name, second, side), words
        for low, high in ((one.min, other.max), (other.min, one.max)):
            if low is not None and high is not None and low > high:
                words = f"{where}: with profiles.{name}[{first}] min {low:g} and max {high:g} leave no good value"
                yield ("profiles", name, second), words


def _meet(one: Limit, other: Limit) -> bool:
    """Whether there is a subject that both are about."""
    return all(
        not mine or not theirs or set(mine) & set(theirs)
        for mine, theirs in ((one.place_kinds, other.place_kinds), (one.disinfectants, other.disinfectants))
    )
