"""One cycle in the life of a container, as far as it has come (pure data, and the order of its stages)."""

from __future__ import annotations

import msgspec

from custody.container import State
from custody.fact import Fact, Spot
from custody.happening import Happening
from custody.possession import Possession
from custody.weighings import Taken

#: How far the chain has come. ``unloaded`` may be anywhere on the way.
RANK: dict[str, int] = {
    "": 0,
    "unloaded": 0,
    "sealed": 1,
    "collected": 2,
    "stored": 3,
    "out": 4,
    "loaded": 5,
    "in_transit": 6,
    "arrived": 7,
    "received": 8,
    "destroyed": 9,
    "divided": 9,
    "empty": 9,
}
#: Two terminals' clocks may be apart by so much: what they say within it contradicts nothing.
SKEW_MS = 5 * 60_000
#: A vehicle that stops on its way, waste that comes back into the store.
_RETURNS = {("out", "stored"), ("arrived", "in_transit")}


class Course(msgspec.Struct):
    """What its events have made of a container since its cycle began. Facts say when and where something began.

    ``over`` lies over the stage: held, refused, lost. ``moved`` is the event that set the stage. ``joined`` are the
    manifests that it was moved under. ``members`` are what a bin holds, by leading id; ``carries``: it is a bin, of the
    registry or by what was put into it, and has no category beside theirs.
    """

    cycle: int = 0
    stage: str = ""
    over: str = ""
    moved: Fact | None = None
    known: bool = False
    carries: bool = False
    unit: str = ""
    producer: str = ""
    grid: str = ""
    department: str = ""
    category: str = ""
    spot: Spot = Spot()
    possession: Possession = msgspec.field(default_factory=Possession)
    first: Fact | None = None
    sealed: Fact | None = None
    collected: Fact | None = None
    stored: Fact | None = None
    departed: Fact | None = None
    received: Fact | None = None
    destroyed: Fact | None = None
    lost: Fact | None = None
    unscanned: Fact | None = None
    surplus: Fact | None = None
    brought: bool = False
    divided: Happening | None = None
    merged: list[Happening] = []
    parent: str = ""
    manifest: str = ""
    vehicle: str = ""
    joined: set[str] = set()
    members: dict[str, str] = {}
    taken: list[Taken] = []
    epoch: int = 0
    contradictions: list[tuple[int, int]] = []
    cleaned: bool = False

    def to(self, stage: str, fact: Fact, *, inferred: bool) -> bool:
        """Come to a stage by an event; False where the stage stays.

        An event of an earlier stage contradicts the one that set the present stage, unless waste comes that way. What
        was scanned last is true of where it is, what is only inferred is not.
        """
        if self.stage in {"destroyed", "divided"}:
            return False
        moved = self.moved
        if moved is not None and RANK[stage] < RANK[self.stage] and self.over != "refused":
            if inferred:
                return False
            if not self._returns(stage, fact):
                if moved.terminal != fact.terminal and fact.ts - moved.ts <= SKEW_MS:
                    return False
                self.contradictions.append((moved.offset, fact.offset))
        if self.over == "lost":
            if not inferred and self.lost is not None:
                self.contradictions.append((self.lost.offset, fact.offset))
        else:
            self.over = ""
        self.stage, self.moved = stage, fact
        return True

    def _returns(self, stage: str, fact: Fact) -> bool:
        spot = fact.spot
        return (self.stage, stage) in _RETURNS or (spot.kind != "vehicle" and spot.unit not in {"", self.unit})

    def state(self, *, taken_back: bool) -> State:
        """What it is in one word; ``taken_back``: there were events, and none of them counts."""
        if taken_back:
            return "closed"
        if self.cleaned:
            return "empty"
        if self.stage in {"destroyed", "divided"}:
            return "destroyed" if self.stage == "destroyed" else "divided"
        if self.over == "lost":
            return "lost"
        if not self.known:
            return "quarantined"
        return self.over or self.stage or "sealed"  # type: ignore[return-value]  # both hold names of states only

    def inherit(self, other: Course) -> None:
        """Be part of what ``other`` was: whose it is, since when it waits, who has it."""
        mine, its_hands = self.possession, other.possession
        for name in ("known", "unit", "producer", "grid", "department", "category"):
            setattr(self, name, getattr(self, name) or getattr(other, name))
        for name in ("sealed", "collected", "stored", "departed", "received"):
            own, its = getattr(self, name), getattr(other, name)
            if its is not None and (own is None or its.ts < own.ts):
                setattr(self, name, its)
        if not self.stage:
            self.stage, self.moved, self.brought = other.stage, other.moved, other.brought
        if not mine.holder:
            mine.holder, mine.keeper, mine.badges = its_hands.holder, its_hands.keeper, its_hands.badges
            mine.given = [msgspec.structs.replace(one, index=0) for one in its_hands.given]
            mine.bound = set(its_hands.bound)
