"""Faults that no single value of a pack shows: doubled ids, overlapping limits, rules that never fire or clear."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product

from alerts.bounds import bounds
from alerts.coherence import Faults, clears, faults_within
from alerts.lines import Path, dotted
from alerts.pack import DISINFECTANTS, PLACE_KINDS, Limit, Pack, Rule, Text

#: What the id of an early warning ends with.
EARLY = ".early"
LONGEST_ID = 64


def faults_between(rules: Mapping[int, Rule], profiles: Mapping[str, Mapping[int, Limit]], *, whole: bool) -> Faults:
    """Yield (path in the file, what is wrong and what is allowed).

    ``rules`` and ``profiles`` are the sound entries by their place in the file; unless ``whole``, others are left out
    because they have faults of their own, and nothing is said that they might change.
    """
    yield from _same_ids(rules)
    for index, rule in rules.items():
        found = list(faults_within(rule))
        found += [(path, words) for path, words in _unknown_profiles(rule, profiles)]
        if whole and not found and rule.kind == "limit" and not rule.quantity:
            found += sorted(set(_never(rule, profiles)))
        for path, words in found:
            whole_path = ("rules", index, *path)
            yield whole_path, f"{dotted(whole_path)}{_written(rule, path)}: {words}"
    for name, limits in profiles.items():
        yield from _overlaps(name, limits)


def _same_ids(rules: Mapping[int, Rule]) -> Faults:
    seen: dict[str, int] = {}
    for index, rule in rules.items():
        where = ("rules", index, "id")
        if rule.id in seen:
            words = f"rules[{seen[rule.id]}] has this id; allowed: one rule an id"
            yield where, f"{dotted(where)} = {rule.id!r}: {words}"
        seen.setdefault(rule.id, index)
    for index, rule in rules.items():
        where = ("rules", index, "early")
        early = f"{rule.id}{EARLY}"
        if rule.early is not None and early in seen:
            words = f"its id would be {early!r}, which rules[{seen[early]}] has; allowed: another id there"
            yield where, f"{dotted(where)}: {words}"
        if rule.early is not None and len(early) > LONGEST_ID:
            yield where, f"{dotted(where)}: its id {early!r} would be longer than {LONGEST_ID}; allowed: a shorter id"


def _written(rule: Rule, path: Path) -> str:
    """`` = value`` where a plain one was written at this path below the rule."""
    value: object = rule.model_dump(by_alias=True, exclude_unset=True)
    for step in path:
        value = value.get(step) if isinstance(value, dict) and isinstance(step, str) else None
        value = value[step] if isinstance(value, list) and isinstance(step, int) else value
    return f" = {value!r}" if isinstance(value, str) else ""


def _unknown_profiles(rule: Rule, profiles: Mapping[str, Mapping[int, Limit]]) -> Faults:
    for number, profile in enumerate(rule.when.profiles):
        if rule.condition.from_profile and profile not in profiles:
            known = ", ".join(profiles) or "none, this pack has no profiles"
            yield ("when", "profiles", number), f"there is no such profile; allowed: {known}"


def _never(rule: Rule, profiles: Mapping[str, Mapping[int, Limit]]) -> Faults:
    """Try the rule on every kind of subject; one that is switched off must be sound as well."""
    alone = Pack.model_construct(
        id="",
        version="",
        title=Text(zh="-", en="-"),
        profiles={name: list(limits.values()) for name, limits in profiles.items()},
        rules=[rule.model_copy(update={"enabled": True, "early": None})],
    )
    names = ("", *profiles, *rule.when.profiles)
    fires = dict.fromkeys(rule.parameters, False)
    subjects = product(rule.parameters, ("", *PLACE_KINDS), names, ("", *DISINFECTANTS))
    for parameter, place_kind, profile, disinfectant in subjects:
        for bound in bounds(alone, parameter, place_kind, profile, disinfectant):
            fires[parameter] = True
            yield from clears(rule, bound.low, bound.high)
    for parameter, once in fires.items():
        if not once and rule.condition.from_profile:
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
