"""Faults that no single value of a pack shows: doubled ids, overlapping limits, rules that never fire or clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, product

from alerts.bounds import bounds
from alerts.lines import Path
from alerts.pack import DISINFECTANTS, PLACE_KINDS, Limit, Pack, Rule, Text

Faults = Iterator[tuple[Path, str]]


def faults_between(rules: Mapping[int, Rule], profiles: Mapping[str, Mapping[int, Limit]], *, whole: bool) -> Faults:
    """Yield (path in the file, what is wrong and what is allowed).

    ``rules`` and ``profiles`` are the sound entries by their place in the file; unless ``whole``, others are left out
    because they have faults of their own, and nothing is said that they might change.
    """
    seen: dict[str, int] = {}
    for index, rule in rules.items():
        where = f"rules[{index}]"
        if rule.id in seen:
            words = f"{where}.id = {rule.id!r}: rules[{seen[rule.id]}] has this id; allowed: one rule an id"
            yield ("rules", index, "id"), words
        seen.setdefault(rule.id, index)
        if rule.kind == "limit" and not rule.condition.from_profile and not rule.source:
            yield ("rules", index), f"{where}.source: it is missing; a limit value in the rule itself needs its source"
        unknown = list(_unknown_profiles(index, rule, profiles))
        yield from unknown
        if whole and not unknown and rule.kind == "limit" and not rule.quantity:
            yield from _never(index, rule, profiles)
    for name, limits in profiles.items():
        yield from _overlaps(name, limits)


def _unknown_profiles(index: int, rule: Rule, profiles: Mapping[str, Mapping[int, Limit]]) -> Faults:
    for number, profile in enumerate(rule.when.profiles):
        if rule.condition.from_profile and profile not in profiles:
            known = ", ".join(profiles) or "none, this pack has no profiles"
            words = f"rules[{index}].when.profiles = {profile!r}: there is no such profile; allowed: {known}"
            yield ("rules", index, "when", "profiles", number), words


def _never(index: int, rule: Rule, profiles: Mapping[str, Mapping[int, Limit]]) -> Faults:
    """Try the rule on every kind of subject; one that is switched off must be sound as well."""
    alone = Pack.model_construct(
        id="",
        version="",
        title=Text(zh="-", en="-"),
        profiles={name: list(limits.values()) for name, limits in profiles.items()},
        rules=[rule.model_copy(update={"enabled": True})],
    )
    names = ("", *profiles, *rule.when.profiles)
    where = f"rules[{index}]"
    fires = False
    faults: set[str] = set()
    for profile, place_kind, disinfectant in product(names, ("", *PLACE_KINDS), ("", *DISINFECTANTS)):
        found = (bounds(alone, name, place_kind, profile, disinfectant) for name in rule.parameters)
        for bound in chain.from_iterable(found):
            fires = True
            shown = f"({bound.low:g} to {bound.high:g})"
            if bound.clear_low > bound.clear_high:
                faults.add(f"{where}.clear: no value inside the limit {shown} meets it, it would never clear")
            elif bound.clear_low < bound.low or bound.clear_high > bound.high:
                faults.add(f"{where}.clear: values that break the limit {shown} meet it; allowed: values inside")
    for fault in sorted(faults):
        yield ("rules", index, "clear"), fault
    if not fires and rule.condition.from_profile:
        words = f"{where}.condition: no limit of the profiles fits this rule, it would never fire"
        yield ("rules", index, "condition"), words


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
