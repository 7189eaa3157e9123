"""What the custody fold may ask: the facts that are known, by what they name (a port; decide and readers have it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from custody.fact import Fact, entities

#: A group (bin, manifest) is looked at for so long after something went into it.
GROUP_MS = 30 * 86_400_000
#: A vehicle, which makes many trips, for so long.
VEHICLE_MS = 3 * 86_400_000


class Known(Protocol):
    """Facts known at one moment. The same question at the same moment has the same answer, in a replay as well."""

    def facts(self, entity: str, since: int | None = None, until: int | None = None) -> Sequence[Fact]:
        """All facts that name ``entity`` (``custody.fact.entities``), in any order; ``ts`` in [since, until] if given.

        An event with ``of`` is found under what the other event names as well, whichever of them came first.
        """
        ...

    def event(self, event_id: str) -> Sequence[Fact]:
        """The events with this id, whichever terminals sent them."""
        ...

    def same(self, text: str) -> Sequence[str]:
        """The other ids that the registry ties to ``text`` as one container (a bin with a tag and a label)."""
        ...


class Remembered:
    """``Known`` over facts in memory; for readers of a few containers, and for tests."""

    def __init__(self, facts: Sequence[Fact] = (), ties: Sequence[Sequence[str]] = ()) -> None:
        self._facts: dict[str, dict[int, Fact]] = {}
        self._speak: dict[str, list[Fact]] = {}
        self._named: dict[str, dict[int, Fact]] = {}
        self._ties = {text: tuple(tie) for tie in ties for text in tie}
        for fact in facts:
            self.add(fact)

    def add(self, fact: Fact) -> None:
        """Know one more fact."""
        self._named.setdefault(fact.id, {})[fact.offset] = fact
        names = set(entities(fact))
        for other in self.event(fact.of) if fact.of else ():
            names.update(entities(other))
        for other in self._speak.get(fact.id, ()):
            for name in entities(fact):
                self._facts.setdefault(name, {})[other.offset] = other
        for name in names:
            self._facts.setdefault(name, {})[fact.offset] = fact
        if fact.of:
            self._speak.setdefault(fact.of, []).append(fact)

    def facts(self, entity: str, since: int | None = None, until: int | None = None) -> Sequence[Fact]:
        """See ``Known.facts``."""
        return [
            fact
            for fact in self._facts.get(entity, {}).values()
            if (since is None or fact.ts >= since) and (until is None or fact.ts <= until)
        ]

    def event(self, event_id: str) -> Sequence[Fact]:
        """See ``Known.event``."""
        return list(self._named.get(event_id, {}).values())

    def same(self, text: str) -> Sequence[str]:
        """See ``Known.same``."""
        return [other for other in self._ties.get(text, ()) if other != text]
