"""One event as it counts: after what was taken back or corrected (pure)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from operator import attrgetter

import msgspec

from custody.fact import Fact
from custody.known import Known
from custody.speaking import AMENDING, spoken_of

__all__ = ["AMENDING", "Amendments", "Happening", "Key", "key_of", "receiver_confirms", "unit_of"]

#: The order of the fold; the offset decides between two events that say the same of themselves.
Key = tuple[int, str, int, int, str, int]
_order = attrgetter("key")


class Happening(msgspec.Struct, frozen=True, gc=False):
    """``fact`` is what counts, ``sent`` what came; ``by`` is the amendment that voided or corrected it.

    ``counts`` is False where it was voided. ``weighed`` is the offset of the event that brought the weight.
    """

    key: Key
    sent: Fact
    fact: Fact
    names: frozenset[str]
    counts: bool = True
    by: int | None = None
    weighed: int = -1


_MOST_REMEMBERED = 50_000
_remembered: dict[int, Happening] = {}


def key_of(fact: Fact) -> Key:
    """The place of a fact in the order of the fold."""
    return fact.ts, fact.terminal, fact.boot, fact.seq, fact.id, fact.offset


def receiver_confirms(known: Known, manifest: str) -> list[Fact]:
    """The confirmations of a manifest by its receiver, in the order of the fold.

    The receiver is the unit that received something under it, else the one of a disposal plant or collection point.
    """
    facts = known.facts(f"manifest:{manifest}")
    units = {unit_of(fact) for fact in facts if fact.step == "receive" and fact.manifest == manifest}
    found = [
        fact
        for fact in facts
        if fact.step == "confirm"
        and fact.manifest == manifest
        and (unit_of(fact) in units or (not units and fact.home.kind in {"disposal_plant", "collection_point"}))
    ]
    return sorted(found, key=key_of)


def unit_of(fact: Fact) -> str:
    """The unit whose device it was, else that of the place."""
    return fact.home.unit or fact.spot.unit


class Amendments:
    """What voids and corrections of known facts change."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._of: dict[int, list[Fact]] = {}
        self._changes: dict[tuple[int, int], bool] = {}
        self._closings: dict[int, list[Fact]] = {}

    def happenings(self, facts: Sequence[Fact]) -> list[Happening]:
        """All of ``facts`` as they count, in the order of the fold; an amendment counts if it changes one of them."""
        amending = [fact for fact in facts if fact.step in AMENDING]
        there = {fact.offset for fact in facts} if amending else set[int]()
        found = [self._one(fact, amending, there) for fact in facts] if amending else [_plain(fact) for fact in facts]
        found.sort(key=_order)
        return found

    def _one(self, fact: Fact, amending: Iterable[Fact], there: Container[int]) -> Happening:
        if fact.step in AMENDING:
            good = any(target.offset in there and self.changes(fact, target) for target in self.targets(fact))
            return msgspec.structs.replace(_plain(fact), counts=good)
        mine = [one for one in amending if one.of == fact.id and self._meant(one, fact) and self.changes(one, fact)]
        if not mine:
            return _plain(fact)
        mine.sort(key=key_of)
        last = next((one for one in mine if one.step == "void"), mine[-1])
        if last.step == "void":
            return msgspec.structs.replace(_plain(fact), counts=False, by=last.offset)
        counted, weighed = fact, fact.offset
        for one in mine:
            counted = _corrected(counted, one)
            weighed = one.offset if one.weight is not None else weighed
        return msgspec.structs.replace(_plain(fact), fact=counted, by=last.offset, weighed=weighed)

    def targets(self, amendment: Fact) -> list[Fact]:
        """The events that a void, correct or confirm speaks of."""
        found = self._of.get(amendment.offset)
        if found is None:
            found = self._of[amendment.offset] = spoken_of(amendment, self._known.event(amendment.of))
        return found

    def _meant(self, amendment: Fact, fact: Fact) -> bool:
        return any(one.offset == fact.offset for one in self.targets(amendment))

    def changes(self, amendment: Fact, target: Fact) -> bool:
        """Whether it may change that event: a reason, and an approver where a weight or a confirmed manifest is.

        Each container of the event asks, so it is worked out once.
        """
        key = (amendment.offset, target.offset)
        found = self._changes.get(key)
        if found is None:
            found = self._changes[key] = self._may_change(amendment, target)
        return found

    def _may_change(self, amendment: Fact, target: Fact) -> bool:
        if not amendment.reason or not _may_speak(amendment, target):
            return False
        weight = amendment.weight if amendment.step == "correct" else target.weight
        closed = self._closed(target, amendment)
        if weight is None and not closed:
            return True
        by, approver = amendment.by, amendment.approved_by
        if by is None or approver is None or not by.person or not approver.person or by.person == approver.person:
            return False
        return not closed or (approver.unit not in {"", by.unit})

    def _closed(self, target: Fact, amendment: Fact) -> bool:
        confirms = self._closings.get(target.offset)
        if confirms is None:
            manifests = {target.manifest} | {
                fact.manifest for name in target.names for fact in self._known.facts(name) if name in fact.names
            }
            confirms = [
                one for manifest in sorted(manifests - {""}) for one in receiver_confirms(self._known, manifest)
            ]
            self._closings[target.offset] = confirms
        at = key_of(amendment)
        return any(key_of(fact) < at for fact in confirms)


def _may_speak(amendment: Fact, target: Fact) -> bool:
    """Whether it comes from a terminal, of somebody registered, of a unit that had to do with the event.

    Of another unit, a second registered person has to approve it.
    """
    by = amendment.by
    if by is None or not by.person or "not_a_terminal" in amendment.flags:
        return False
    approver = amendment.approved_by
    if approver is not None and approver.person and approver.person != by.person:
        return True
    parties = {target.home.unit, target.spot.unit}
    parties |= {one.unit for one in (target.by, target.with_) if one is not None}
    return not parties - {""} or by.unit in parties or unit_of(amendment) in parties


def _plain(fact: Fact) -> Happening:
    """The event as it came. Asked for by every walk that meets it, so the newest are remembered."""
    found = _remembered.get(fact.offset)
    if found is None or found.sent is not fact:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        found = _remembered[fact.offset] = _made(fact)
    return found


def _made(fact: Fact) -> Happening:
    ids, offset = fact.ids, fact.offset
    names = frozenset((ids[0].v,)) if len(ids) == 1 else frozenset([one.v for one in ids])
    key = (fact.ts, fact.terminal, fact.boot, fact.seq, fact.id, offset)
    return Happening(key, fact, fact, names, weighed=offset)


def _corrected(fact: Fact, correction: Fact) -> Fact:
    """The event with what the correction says in its place; what it names (ids, groups, time) stays."""
    placed = correction.spot.place and correction.spot.place != correction.home.place
    over = {"bad_weight"} if correction.weight else set()
    over |= {"unknown_category"} if correction.category else set()
    flags = tuple(flag for flag in fact.flags if flag not in over)
    return msgspec.structs.replace(
        fact,
        category=correction.category or fact.category,
        risk=correction.risk or fact.risk,
        weight=correction.weight or fact.weight,
        spot=correction.spot if placed else fact.spot,
        flags=flags + tuple(flag for flag in correction.flags if flag not in flags),
    )
