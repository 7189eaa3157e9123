"""What no two entries may have: the same id of a container, or the same numbers of labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from devices.files.faults import Fault, Path
from devices.labels import numbers_of
from devices.registry import Registry, periods_of


class Claim(msgspec.Struct):
    """One valid entry (or period of one) and how to complain of it; a registered one has no ``fault``."""

    id: str
    body: dict[str, Any]
    fault: Callable[[Path, object, str, str], Fault] | None = None

    @property
    def span(self) -> tuple[float, float]:
        """The time it holds, ms since 1970 UTC."""
        return self.body.get("from", -math.inf), self.body.get("to", math.inf)


def claims_of(section: str, claims: Iterable[Claim], current: Registry) -> list[Claim]:
    """The claims of a file, after those of the entries that it does not replace."""
    found = list(claims)
    replaced = {one.id for one in found}
    registered = [
        Claim(name, period)
        for name in current.ids(section)
        if name not in replaced
        for period in periods_of(current.body(section, name))
    ]
    return registered + found


def shared_ids(claims: Iterable[Claim]) -> Iterator[Fault]:
    """An id that two containers have, at whatever time: nobody could tell which one is meant."""
    owners: dict[str, str] = {}
    for claim in claims:
        for index, one in enumerate(claim.body.get("ids", ())):
            # The zeros that a reader adds behind an EPC make no other tag.
            text = one["v"].rstrip("0") if one["k"] == "epc" else one["v"]
            owner = owners.setdefault(text, claim.id)
            if owner != claim.id and claim.fault is not None:
                yield claim.fault(("ids", index, "v"), one["v"], "duplicate", f"containers {owner}")


def shared_numbers(claims: Iterable[Claim]) -> Iterator[Fault]:
    """Numbers that two ranges have at the same time."""
    groups: dict[tuple[str, int], list[tuple[int, int, Claim]]] = {}
    for claim in claims:
        prefix, digits, first, last = numbers_of(claim.body)
        groups.setdefault((prefix, digits), []).append((first, last, claim))
    for group in groups.values():
        yield from _overlaps(sorted(group, key=lambda one: one[:2]))


def _overlaps(group: list[tuple[int, int, Claim]]) -> Iterator[Fault]:
    open_: list[tuple[int, Claim]] = []
    for first, last, claim in group:
        open_ = [one for one in open_ if one[0] >= first]
        for _, other in open_:
            (begin, end), (since, until) = claim.span, other.span
            if begin < until and since < end:
                blamed, against = (claim, other) if claim.fault is not None else (other, claim)
                if blamed.fault is not None:
                    yield blamed.fault(("first",), blamed.body["first"], "numbers", f"labels {against.id}")
                break
        open_.append((last, claim))
