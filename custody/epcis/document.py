"""EPCIS documents of containers: each custody event once, and once more, with its error declaration, if taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from custody.container import Container, Seen
from custody.epcis.event import Telling, moment
from custody.epcis.names import Names
from custody.fact import Fact

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
#: Conditions that stand on an event until they are solved, as persistent dispositions.
_LASTING = {
    "custody.weight_difference": "mismatch_quantity",
    "custody.missing": "mismatch_instance",
    "custody.surplus": "mismatch_instance",
}
_TAKES_BACK = frozenset({"void", "correct"})


def document(
    containers: Sequence[Container],
    *,
    base: str,
    zone: ZoneInfo,
    at: int,
    since: int | None = None,
    until: int | None = None,
) -> dict[str, Any]:
    """The EPCIS 2.0 document of these containers' histories, in the order of the fold.

    ``base`` is an https URI of the installation's own, ``at`` the creation date; with ``since`` <= time < ``until``
    (ms) only what happened then, or was taken back then. The same arguments give the same document. An event of
    several containers is one event that names all of them, also those that are not asked for.
    """
    seen = _merged(containers)
    facts = [one.fact for one in seen]
    taken = _taken_back(seen)
    originals = {by.offset: fact for fact, by in taken.values() if by.step == "correct"}
    names = Names(base, containers)
    telling = Telling(names, zone, facts, originals)
    voids = {by.offset for _, by in taken.values() if by.step == "void"}
    lasting = _lasting(containers)
    events: list[tuple[Any, dict[str, Any]]] = []
    for fact in facts:
        if fact.offset in voids:
            continue
        event = telling.event(fact)
        if event is None:
            continue
        dispositions = lasting.get(fact.offset, set())
        if event["type"] == "ObjectEvent" and dispositions:
            event["persistentDisposition"] = {"set": sorted(dispositions)}
        if _inside(fact, since, until):
            events.append(((*fact.key, 0, fact.offset), event))
        _, by = taken.get(fact.offset, (fact, None))
        if by is not None and _inside(by, since, until):
            events.append(((*by.key, -1, fact.offset), event | {"errorDeclaration": telling.declaration(by)}))
    return {
        "@context": [CONTEXT, {"mw": names.vocabulary}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": moment(at, zone),
        "epcisBody": {"eventList": [event for _, event in sorted(events, key=lambda one: one[0])]},
    }


def _merged(containers: Iterable[Container]) -> list[Seen]:
    """The histories as one, each fact once; it is taken back where that is so for any of its containers."""
    found: dict[int, Seen] = {}
    for container in containers:
        for one in container.history:
            if one.fact.offset not in found or not one.counts:
                found[one.fact.offset] = one
    return [found[offset] for offset in sorted(found)]


def _taken_back(seen: Sequence[Seen]) -> dict[int, tuple[Fact, Fact]]:
    """By offset: an event and what took it back. Of several corrections each replaces the one before.

    A void takes an event back with all its corrections.
    """
    by_offset = {one.fact.offset: one.fact for one in seen}
    sent = {(one.fact.terminal, one.fact.id) for one in seen if one.fact.step not in _TAKES_BACK}
    right: dict[str, list[Fact]] = {}
    for one in seen:
        if one.fact.step == "correct" and one.counts:
            right.setdefault(one.fact.of, []).append(one.fact)
    found: dict[int, tuple[Fact, Fact]] = {}
    for one in seen:
        last = by_offset.get(-1 if one.by is None else one.by)
        if one.counts or last is None or last.step not in _TAKES_BACK:
            continue
        corrections = [
            other
            for other in right.get(one.fact.id, ())
            if other.terminal == one.fact.terminal or (other.terminal, other.of) not in sent
        ]
        chain = [one.fact, *sorted(corrections, key=lambda fact: (*fact.key, fact.offset))]
        for fact, after in zip(chain, [*chain[1:], None], strict=True):
            by = last if last.step == "void" else after
            if by is not None:
                found[fact.offset] = fact, by
    return found


def _lasting(containers: Iterable[Container]) -> dict[int, set[str]]:
    """By offset of an event: what still is the matter since then. Only of events of one container alone."""
    found: dict[int, set[str]] = {}
    for container in containers:
        for condition in container.conditions:
            name = _LASTING.get(condition.quantity)
            if name is None or (condition.quantity == "custody.weight_difference" and condition.value <= 1):
                continue
            for one in container.history:
                if one.fact.ts == condition.at and one.counts and not one.inferred and len(one.fact.ids) == 1:
                    found.setdefault(one.fact.offset, set()).add(name)
    return found


def _inside(fact: Fact, since: int | None, until: int | None) -> bool:
    return (since is None or fact.ts >= since) and (until is None or fact.ts < until)
