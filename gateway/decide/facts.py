"""What decide knows of custody: facts of the state and of the batch at hand, by what they name (``custody.known``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from custody.fact import Fact, entities
from gateway.decide.outputs import Outputs

if TYPE_CHECKING:
    from gateway.decide.fold import Lookup

#: Facts of so many entities are remembered; the others are asked for.
REMEMBERED = 20_000
_encode = msgspec.msgpack.Encoder().encode


class Facts:
    """``custody.known.Known`` at the record that is being decided.

    Rows of the state that a later record made are not seen, so that a replay has the same answers.
    """

    def __init__(self, tied: Callable[[str], Sequence[str]]) -> None:
        self.before = -1
        self.lookup: Lookup | None = None
        self._tied = tied
        self._known: dict[str, dict[int, Fact]] = {}
        self._fresh: dict[str, dict[int, Fact]] = {}
        self._named: dict[str, dict[int, Fact]] = {}
        self._speaking: dict[str, dict[int, Fact]] = {}
        #: What the newest fact made known, and the same without it.
        self.just: set[tuple[str, int]] = set()
        self.newest: Fact | None = None
        self.earlier = Earlier(self)

    def same(self, text: str) -> Sequence[str]:
        """See ``Known.same``."""
        return self._tied(text)

    def facts(self, entity: str, since: int | None = None, until: int | None = None) -> Sequence[Fact]:
        """See ``Known.facts``."""
        bounded = since is not None or until is not None
        known = self._known.get(entity)
        if known is None and not bounded:
            known = {fact.offset: fact for fact in self._asked(entity, None, None)} | self._fresh.get(entity, {})
            self._remember(entity, known)
        if known is None:
            fresh = self._fresh.get(entity, {})
            known = {fact.offset: fact for fact in self._asked(entity, since, until)} | fresh
        if not bounded:
            return list(known.values())
        begin, end = -(2**62) if since is None else since, 2**62 if until is None else until
        return [fact for fact in known.values() if begin <= fact.ts <= end]

    def event(self, event_id: str) -> list[Fact]:
        """The events with this id, whichever terminals sent them."""
        assert self.lookup is not None
        found = {fact.offset: fact for fact in self.lookup.named(event_id, self.before)}
        return list((found | self._named.get(event_id, {})).values())

    def add(self, fact: Fact, out: Outputs) -> None:
        """Know one more fact, and write what it names."""
        names = set(entities(fact))
        self.just.clear()
        self.newest = fact
        if fact.of:
            # Which of several events with the id it means, the fold decides; it has to find it under all of them.
            for other in self.event(fact.of):
                names.update(entities(other))
            self._speaking.setdefault(fact.of, {})[fact.offset] = fact
        self._named.setdefault(fact.id, {})[fact.offset] = fact
        for name in sorted(names):
            self._link(name, fact, out)
        assert self.lookup is not None
        speakers = {one.offset: one for one in self.lookup.speaking(fact.id, self.before)}
        for earlier in (speakers | self._speaking.get(fact.id, {})).values():
            # Of several events with the id it may mean this one: what it says is found here as well.
            if earlier.offset != fact.offset:
                for name in sorted(set(entities(fact)) - set(entities(earlier))):
                    self._link(name, earlier, out)

    def undo(self) -> None:
        """Forget the newest fact and what it made known."""
        fact = self.newest
        assert fact is not None
        for name, offset in self.just:
            self._fresh.get(name, {}).pop(offset, None)
            self._known.get(name, {}).pop(offset, None)
        self._named[fact.id].pop(fact.offset, None)
        self._speaking.get(fact.of, {}).pop(fact.offset, None)
        self.just.clear()

    def _link(self, name: str, fact: Fact, out: Outputs) -> None:
        if name in self._known:
            self._known[name][fact.offset] = fact
        self._fresh.setdefault(name, {})[fact.offset] = fact
        self.just.add((name, fact.offset))
        out.custody_links.append({"entity": name, "ts": fact.ts, "offset": fact.offset, "decided": self.before})

    def _asked(self, entity: str, since: int | None, until: int | None) -> list[Fact]:
        assert self.lookup is not None
        return self.lookup.facts(entity, since, until, self.before)

    def _remember(self, entity: str, known: dict[int, Fact]) -> None:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[entity] = known

    def committed(self) -> None:
        """The facts so far are in the state."""
        self._fresh.clear()
        self._named.clear()
        self._speaking.clear()


class Earlier:
    """``custody.known.Known`` as it was before the newest fact."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def same(self, text: str) -> Sequence[str]:
        """See ``Known.same``."""
        return self._facts.same(text)

    def facts(self, entity: str, since: int | None = None, until: int | None = None) -> Sequence[Fact]:
        """See ``Known.facts``."""
        just = self._facts.just
        return [one for one in self._facts.facts(entity, since, until) if (entity, one.offset) not in just]

    def event(self, event_id: str) -> Sequence[Fact]:
        """See ``Known.event``."""
        return [one for one in self._facts.event(event_id) if one is not self._facts.newest]


def event_row(fact: Fact) -> dict[str, Any]:
    """A row of ``state.custody_events``."""
    return {
        "offset": fact.offset,
        "terminal": fact.terminal,
        "event_id": fact.id,
        "digest": fact.digest,
        "step": fact.step,
        "ts": fact.ts,
        "received_at": fact.received_at,
        "flags": msgspec.json.encode(fact.flags).decode(),
        "copy": fact.copy,
        "decided": fact.decided,
        "unit": fact.spot.unit,
        "place": fact.spot.place,
        "of": fact.of or None,
        "fact": _encode(fact),
    }
