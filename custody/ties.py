"""Which ids are one container: tied by the registry, or by an event that reads one id of several kinds each (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from custody.fact import ContainerId, Fact
from custody.happening import Happening
from custody.known import Known

#: Kinds that name a container, the leading one first.
KINDS = ("qr", "epc", "text")
_TYING = frozenset({"pack", "collect"})


class Bearer(msgspec.Struct, frozen=True):
    """A container by its ids; ``id`` is the leading one, ``own`` what happened under them, in the order of the fold."""

    id: str
    texts: frozenset[str]
    ids: tuple[ContainerId, ...]
    own: tuple[Happening, ...]


def ties(fact: Fact) -> bool:
    """Whether the event says that its ids are one container: exactly one of each of several kinds."""
    if fact.step not in _TYING or not 2 <= len(fact.ids) <= len(KINDS):
        return False
    kinds = {one.k for one in fact.ids}
    return len(kinds) == len(fact.ids) and kinds.issubset(KINDS)


class Ties:
    """The containers of known ids. ``own(text)`` gives what happened under one text, amended and in order."""

    def __init__(self, known: Known, own: Callable[[str], Sequence[Happening]]) -> None:
        self._known = known
        self._own = own
        self._bearers: dict[str, Bearer] = {}

    def bearer(self, text: str) -> Bearer:
        """The container that ``text`` is of."""
        found = self._bearers.get(text)
        if found is None:
            self._resolve(text)
            found = self._bearers[text]
        return found

    def component(self, text: str) -> set[str]:
        """All ids that ties lead to from ``text``, whether they hold or not."""
        found, open_ = {text}, [text]
        for one in open_:
            others = set(self._known.same(one))
            for happening in self._own(one):
                names = happening.names
                if len(names) > 1 and one in names and happening.counts and ties(happening.fact):
                    others |= names
            if others:
                open_ += sorted(others - found)
                found |= others
        return found

    def _resolve(self, text: str) -> None:
        component = self.component(text)
        if len(component) == 1:
            own = tuple(self._own(text))
            self._bearers[text] = _bearer(frozenset(component), own)
            return
        events = sorted({one.sent.offset: one for name in component for one in self._own(name)}.values(), key=_key)
        groups = self._united(component, events)
        for texts in {id(group): group for group in groups.values()}.values():
            whole: dict[int, Happening] = {}
            for one in (one for name in texts for one in self._own(name)):
                if one.counts or one.sent.offset not in whole:
                    whole[one.sent.offset] = one
            bearer = _bearer(frozenset(texts), tuple(sorted(whole.values(), key=_key)))
            for name in texts:
                self._bearers[name] = bearer

    def _united(self, component: Iterable[str], events: Iterable[Happening]) -> dict[str, set[str]]:
        """Every id with its container: the registry's ties, then those of events as far as no kind comes twice."""
        group = {name: {name} for name in component}
        for name in sorted(component):
            for other in self._known.same(name):
                _unite(group, [name, other])
        tying = [one for one in events if one.counts and one.names <= group.keys() and ties(one.fact)]
        kind = {known.v: known.k for one in reversed(tying) for known in one.fact.ids}
        for one in tying:
            sides = {id(group[name]): group[name] for name in one.names}.values()
            kinds = [{kind.get(name, "") for name in side} - {""} for side in sides]
            if sum(map(len, kinds)) == len(set().union(*kinds)):
                _unite(group, sorted(one.names))
        return group


def _unite(group: dict[str, set[str]], names: Sequence[str]) -> None:
    whole = set().union(*(group[name] for name in names))
    for name in whole:
        group[name] = whole


def _bearer(texts: frozenset[str], own: tuple[Happening, ...]) -> Bearer:
    found: dict[str, ContainerId] = {}
    for one in own:
        fact = one.sent
        for known in fact.ids if fact.parent is None else (*fact.ids, fact.parent):
            if known.v in texts and known.v not in found:
                found[known.v] = known
        if len(found) == len(texts):
            break
    ids = tuple(sorted(found.values(), key=_leading))
    return Bearer(ids[0].v if ids else min(texts), texts, ids, own)


def _leading(one: ContainerId) -> tuple[int, str]:
    return KINDS.index(one.k) if one.k in KINDS else len(KINDS), one.v


def _key(one: Happening) -> tuple[int, str, int, int, str, int]:
    return one.key
