"""Who has a container: two badges inside one unit, a confirmation between units (pure)."""

from __future__ import annotations

import msgspec

from custody.fact import Fact, Spot
from custody.profile import Profile


#: Who looks at a container does not take it.
_LOOKING = frozenset({"inspect", "hold", "lost", "found"})


class Giving(msgspec.Struct, frozen=True):
    """An event by which a container was handed to somebody of another unit than the holder's."""

    index: int
    offset: int
    at: int
    spot: Spot
    unit: str


class Possession(msgspec.Struct):
    """Who has it now. ``holding`` is the number of the event with which the holder's time began.

    ``given`` are the events since then that handed it to other units and that nobody confirmed; ``bound`` the units at
    whose place it arrived.
    """

    holder: str = ""
    keeper: str = ""
    holding: int = 0
    given: list[Giving] = []
    bound: set[str] = set()
    offsets: dict[str, int] = {}
    manifests: dict[str, int] = {}

    def event(self, fact: Fact, index: int, profile: Profile | None) -> None:
        """Something happened to it, as number ``index`` of its history."""
        self.offsets[fact.id] = index
        if fact.manifest:
            self.manifests[fact.manifest] = index
        by, with_ = fact.by, fact.with_
        parties = [one.unit for one in (with_,) if one is not None and one.unit]
        if by is not None and with_ is not None and profile is not None and profile.handover == "badges":
            units = {by.unit, with_.unit}
            if len(units) == 2 and self.holder in units and "" not in units:
                self._moves((units - {self.holder}).pop(), index)
                self.keeper = by.badge if by.unit == self.holder else with_.badge
                return
        if fact.home.unit:
            parties.append(fact.home.unit)
        if fact.step == "arrive" and fact.spot.unit:
            self.bound.add(fact.spot.unit)
        other = next((unit for unit in parties if unit != self.holder), None)
        if other is not None and self.holder and fact.step not in _LOOKING:
            self.given.append(Giving(index, fact.offset, fact.ts, fact.spot, other))
        self._keeps(fact)

    def _keeps(self, fact: Fact) -> None:
        by, with_ = fact.by, fact.with_
        if by is None or by.unit != self.holder or not by.badge:
            return
        if not self.keeper or (with_ is not None and with_.unit == self.holder and with_.badge != by.badge):
            self.keeper = by.badge

    def confirm(self, fact: Fact) -> bool:
        """Whether the receiving unit accepts it with this event; possession moves then."""
        unit = fact.home.unit
        of = self.offsets.get(fact.of, self.manifests.get(fact.manifest) if fact.manifest else None)
        if of is None or of < self.holding or not unit or unit == self.holder:
            return False
        if unit not in self.bound and all(one.unit != unit for one in self.given):
            return False
        self._moves(unit, of)
        if fact.by is not None and fact.by.unit == unit:
            self.keeper = fact.by.badge
        return True

    def back(self) -> None:
        """The receiver refused it: whoever brought it has it still."""
        self.given = self.given[:0]
        self.bound = set()

    def _moves(self, unit: str, index: int) -> None:
        self.holder, self.keeper, self.holding = unit, "", index
        self.given = [one for one in self.given if one.index > index and one.unit != unit]
        self.bound.discard(unit)

    @property
    def open(self) -> Giving | None:
        """The event with which the open hand-over began."""
        return self.given[0] if self.given else None
