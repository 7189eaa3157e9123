"""Which event another one speaks of by ``of`` (pure). An id is its terminal's own, so several events may have it."""

from __future__ import annotations

from collections.abc import Iterable

from custody.fact import Fact, entities

#: Steps that change what another event says; they are no events in the life of a container.
AMENDING = frozenset({"void", "correct"})


def spoken_of(speaker: Fact, named: Iterable[Fact]) -> list[Fact]:
    """Of the events ``named`` that have the id, those that a confirm, void or correct means.

    None whose containers are others than the speaker's; else those of the speaker's own terminal (of an amendment),
    else those that name something that the speaker names, else those with its unit. Where events of several terminals
    are left, nobody can tell.
    """
    mine = set(speaker.names)
    found = [
        one
        for one in named
        if one.offset != speaker.offset
        and one.step not in AMENDING
        and not (mine and one.ids and mine.isdisjoint(one.names))
    ]
    if _one(found):
        return found
    own = [one for one in found if one.terminal == speaker.terminal]
    if speaker.step in AMENDING and own:
        return own
    about = set(entities(speaker))
    unit = speaker.home.unit
    for fewer in (
        [one for one in found if not about.isdisjoint(entities(one))],
        [one for one in found if unit and unit in _units(one)],
    ):
        found = fewer or found
        if _one(found):
            return found
    return []


def _one(found: list[Fact]) -> bool:
    return len({one.terminal for one in found}) <= 1


def _units(fact: Fact) -> set[str]:
    return {fact.home.unit, *(party.unit for party in (fact.by, fact.with_) if party is not None)}
