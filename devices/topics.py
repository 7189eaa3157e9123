"""MQTT topic filters: what is a valid one, what it matches, which of two is more specific (pure)."""

from __future__ import annotations

from collections.abc import Iterable

#: Bytes of a topic at most (MQTT 5, 1.5.4).
_LONGEST = 65_535


def filter_fault(pattern: str) -> str | None:
    """Why ``pattern`` is no topic filter (MQTT 5, 4.7), or None where it is one."""
    if not pattern or len(pattern.encode("utf-8", "surrogatepass")) > _LONGEST:
        return f"must have 1 to {_LONGEST} bytes"
    if "\0" in pattern or pattern.startswith("$share/"):
        return "must not contain a zero character or be a shared subscription"
    levels = pattern.split("/")
    for index, level in enumerate(levels):
        if "#" in level and (level != "#" or index != len(levels) - 1):
            return "# stands alone as the last level"
        if "+" in level and level != "+":
            return "+ stands alone in its level"
    return None


def matches(pattern: list[str], levels: list[str]) -> bool:
    """Whether a topic, split at ``/``, is one that the split filter covers; ``$SYS`` only where it is named."""
    if levels[0].startswith("$") and pattern[0] in {"+", "#"}:
        return False
    for index, level in enumerate(pattern):
        if level == "#":
            return True
        if index >= len(levels) or level not in {"+", levels[index]}:
            return False
    return len(pattern) == len(levels)


def covers(wide: list[str], narrow: list[str]) -> bool:
    """Whether every topic that the split filter ``narrow`` matches is also one of ``wide`` (a filter covers itself)."""
    if narrow[0].startswith("$") and wide[0] in {"+", "#"}:
        return False
    if narrow == ["#"]:
        narrow = ["+", "#"]  # the same: no topic is without a level
    for index, level in enumerate(wide):
        if level == "#":
            return True
        if index >= len(narrow) or narrow[index] == "#" or level not in {"+", narrow[index]}:
            return False
    return len(wide) == len(narrow)


def uncovered(patterns: Iterable[str]) -> list[str]:
    """The filters that no other one covers, in their order; of those that match the same topics the first.

    They match what all match, and a broker that delivers once a subscription delivers less of it twice.
    """
    split = {one: one.split("/") for one in patterns}
    kept: list[str] = []
    for one, levels in split.items():
        if any(covers(split[other], levels) for other in kept):
            continue
        kept = [other for other in kept if not covers(levels, split[other])]
        kept.append(one)
    return kept


def specificity(pattern: str) -> tuple[int, ...]:
    """A sort key: a filter that names a level comes before ``+``, and that before ``#``."""
    return tuple({"+": 1, "#": 2}.get(level, 0) for level in pattern.split("/"))
