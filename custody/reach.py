"""Whose outcome one event can change (pure): those it names, those in the groups it addresses, those they depend on."""

from __future__ import annotations

from collections.abc import Iterable

from custody.fact import Fact, entities
from custody.groups import DEPTH
from custody.happening import AMENDING, Key, key_of
from custody.known import GROUP_MS, VEHICLE_MS, Known
from custody.ties import Ties, ties


def reached(known: Known, tied: Ties, fact: Fact) -> list[str]:
    """At least one id of each container that may be another by ``fact``; a superset, sorted."""
    return sorted(_Reach(known, tied).of(fact))


class _Reach:
    def __init__(self, known: Known, tied: Ties) -> None:
        self._known = known
        self._tied = tied
        self._found: set[str] = set()
        #: Bins that were looked into, and how deep inside others they were then.
        self._looked: dict[str, int] = {}

    def of(self, fact: Fact) -> set[str]:
        others = self._known.event(fact.of) if fact.of else ()
        for one in (fact, *others):
            self._event(one, whole=one is not fact and fact.step in AMENDING)
        return self._found

    def _event(self, fact: Fact, *, whole: bool) -> None:
        """``whole``: the event is taken back or corrected, so that what it was for others counts as well."""
        texts = {one.v for one in fact.ids}
        if fact.parent is not None:
            texts.add(fact.parent.v)
        for text in texts:
            self._text(text, key_of(fact), every=ties(fact))
        if fact.parent is not None and (not fact.ids or fact.step in {"unpack", "split", "merge"}):
            self._inside(fact.parent.v, key_of(fact), 0)
        self._speaking(fact)
        alone = not fact.ids and fact.parent is None
        if alone or (fact.manifest and fact.step == "receive" and (whole or self._first_scan(fact))):
            self._members(fact)

    def _speaking(self, fact: Fact) -> None:
        """What is named by those who speak of this event, and came before it."""
        for entity in entities(fact):
            if entity.startswith(("manifest:", "vehicle:")):
                continue
            for one in self._known.facts(entity):
                if one.of == fact.id:
                    for known in one.ids:
                        self._text(known.v, key_of(fact), every=False)
                    # Which event it means may be another one, now that there is this one.
                    for other in self._known.event(fact.id):
                        self._found.update(self._tied.bearer(known.v).id for known in other.ids)

    def _text(self, text: str, key: Key, *, every: bool) -> None:
        """The container of an id, what is inside, and who depends on its weight or on what it was."""
        bearer = self._tied.bearer(text)
        if every:
            self._found.update(self._tied.component(text))
        self._add(text, bearer.id)
        own = [one.sent for one in bearer.own]
        if any(one.parent is not None and one.parent.v in bearer.texts for one in own):
            self._inside(text, key, 0)
        self._family(own, 0)
        for one in own:
            if one.weight is not None and len(one.ids) > 1:
                self._add_container(min(known.v for known in one.ids))
            if one.step == "pack" and one.parent is not None:
                self._add_container(one.parent.v)

    def _add(self, text: str, leading: str) -> None:
        self._found.add(leading)
        if text != leading and text not in self._tied.bearer(leading).texts:
            self._found.add(text)

    def _add_container(self, text: str) -> None:
        self._found.add(self._tied.bearer(text).id)

    def _inside(self, text: str, key: Key, depth: int) -> None:
        """What an event with ``key`` may change in a bin, and in bins in it: all of the same cycle, as far as followed.

        Of a bin of which anything was amended, that of every cycle.
        """
        bearer = self._tied.bearer(text)
        if depth > DEPTH or self._looked.get(bearer.id, DEPTH + 1) <= depth:
            return
        self._looked[bearer.id] = depth
        self._found.add(bearer.id)
        amended = any(one.sent.step in AMENDING for one in bearer.own)
        members: list[str] = []
        for one in bearer.own:
            fact = one.sent
            if fact.step == "pack" and fact.parent is not None and fact.parent.v in bearer.texts:
                if fact.ts >= key[0] - GROUP_MS:
                    members += (known.v for known in fact.ids)
            elif fact.step == "bin_clean" and not amended and not bearer.texts.isdisjoint(fact.names):
                if one.key > key:
                    break
                if one.key < key:
                    members.clear()
        for member in members:
            self._inside(member, key, depth + 1)

    def _family(self, own: Iterable[Fact], depth: int) -> None:
        """Parts and wholes by split and merge: they inherit, and their weights are compared."""
        if depth > DEPTH:
            return
        for fact in own:
            if fact.step not in {"split", "merge"} or fact.parent is None:
                continue
            for text in (fact.parent.v, *(known.v for known in fact.ids)):
                bearer = self._tied.bearer(text)
                if bearer.id in self._found and depth:
                    continue
                known = bearer.id in self._found
                self._found.add(bearer.id)
                if not known:
                    self._family([one.sent for one in bearer.own], depth + 1)

    def _members(self, fact: Fact) -> None:
        """All that was ever moved under the manifest, else on the vehicle, with what is inside."""
        groups = [(f"manifest:{fact.manifest}", GROUP_MS)] if fact.manifest else []
        groups += [(f"vehicle:{fact.vehicle}", VEHICLE_MS)] if fact.vehicle else []
        for group, back in groups:
            bounds = (None, None) if fact.manifest and group.startswith("manifest") else (fact.ts - back, fact.ts)
            for one in self._known.facts(group, *bounds):
                if fact.manifest and one.manifest not in {"", fact.manifest}:
                    continue  # on the same vehicle, and of another manifest
                for known in one.ids:
                    self._inside(known.v, key_of(fact), 0)
                    if fact.step in {"confirm", "receive"}:
                        self._amended(known.v)

    def _amended(self, text: str) -> None:
        """A confirmation closes a manifest: whether what was amended under it stands may change."""
        own = [one.sent for one in self._tied.bearer(text).own]
        for amendment in own:
            if amendment.step in AMENDING:
                for one in own:
                    if one.id == amendment.of:
                        self._found.update(self._tied.bearer(known.v).id for known in one.ids)
                        self._found.update(known.v for known in one.ids)

    def _first_scan(self, fact: Fact) -> bool:
        """Whether it is by this receipt that others are missing: the first scan of a manifest that is confirmed."""
        facts = self._known.facts(f"manifest:{fact.manifest}")
        unit = fact.home.unit or fact.spot.unit
        return any(one.step == "confirm" for one in facts) and not any(
            one.offset != fact.offset and one.step == "receive" and one.ids and (one.home.unit or one.spot.unit) == unit
            for one in facts
        )
