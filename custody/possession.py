"""Who has a container: two badges inside one unit, a confirmation between units (pure)."""

from __future__ import annotations

import msgspec

from custody.fact import Fact, Party, Spot

#: Who looks at a container does not take it.
_LOOKING = frozenset({"inspect", "hold", "lost", "found"})
#: Who does these takes it: the other badge is of who brought it.
_TAKING = frozenset({"collect", "load", "unload", "store_in", "receive", "unpack", "dispose"})


class Giving(msgspec.Struct, frozen=True, gc=False):
    """An event by which a container was handed to somebody of another unit than the holder's."""

    index: int
    offset: int
    at: int
    spot: Spot
    unit: str


class Possession(msgspec.Struct):
    """Who has it now. ``holding`` is the number of the event with which the holder's time began.

    ``given`` are the events since then that handed it to other units and that nobody confirmed; ``bound`` the units at
    whose place it arrived. ``badges``: out of the hands of ``origin``, its producer, two badges of two units on one
    device hand over without more.
    """

    holder: str = ""
    origin: str = ""
    keeper: str = ""
    badges: bool = False
    holding: int = 0
    given: list[Giving] = []
    bound: set[str] = set()
    offsets: dict[int, int] = {}
    manifests: dict[str, int] = {}

    def event(self, fact: Fact, index: int) -> None:
        """Something happened to it, as number ``index`` of its history."""
        self.offsets[fact.offset] = index
        if fact.manifest:
            self.manifests[fact.manifest] = index
        holder, by, with_ = self.holder, fact.by, fact.with_
        if not holder:
            return
        if self.badges and holder == self.origin and by is not None and with_ is not None and by.unit and with_.unit:
            other = with_.unit if by.unit == holder else by.unit
            if other != holder and holder in {by.unit, with_.unit}:
                self._moves(other, index)
                self.keeper = by.badge if by.unit == other else with_.badge
                return
        if fact.step == "arrive" and fact.spot.unit:
            self.bound.add(fact.spot.unit)
        other = fact.home.unit
        if fact.step not in _TAKING and with_ is not None and with_.unit not in {"", holder}:
            other = with_.unit
        if fact.step not in _LOOKING and other not in {"", holder}:
            self.given.append(Giving(index, fact.offset, fact.ts, fact.spot, other))
        if by is not None and by.unit == holder:
            self._keeps(by, with_)

    def _keeps(self, by: Party, with_: Party | None) -> None:
        """Two badges of one unit on one terminal hand over; the first one that is seen has it."""
        if not self.keeper or (with_ is not None and with_.unit == self.holder and with_.badge != by.badge):
            self.keeper = by.badge

    def confirm(self, fact: Fact, spoken: set[int]) -> bool:
        """Whether the receiving unit accepts it with this event, which speaks of those ``spoken`` (offsets)."""
        unit = fact.home.unit
        whole = self.manifests.get(fact.manifest) if fact.manifest else None
        of = next((self.offsets[one] for one in sorted(spoken) if one in self.offsets), whole)
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
        if self.given:
            self.given = [one for one in self.given if one.index > index and one.unit != unit]
        self.bound.discard(unit)

    @property
    def open(self) -> Giving | None:
        """The event with which the open hand-over began."""
        return self.given[0] if self.given else None
