"""What each step makes of a container (pure; docs/life-of-a-container.md has the table)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from custody.course import RANK, SKEW_MS, Course
from custody.fact import Fact
from custody.groups import Groups, Surroundings
from custody.happening import Happening
from custody.ties import Bearer


class Steps:
    """One event after the other changes ``course``.

    ``one`` is the event at hand, ``fact`` what counts of it. It names the container (``named``), or comes to it by a
    group that it is in (``inferred``); else the container is the event's ``parent``.
    """

    def __init__(self, around: Surroundings, bearer: Bearer, depth: int) -> None:
        self.around, self.bearer = around, bearer
        self.groups = Groups(around, depth)
        self.course = Course()
        self.one: Happening
        self.fact: Fact
        self.named = self.inferred = False

    def packed(self) -> None:
        """Closed in its department, put into a bin; or the bin itself, which something is put into."""
        course, fact = self.course, self.fact
        if self.inferred:
            return
        if not self.named:
            course.members.update({self.around.bearer(text).id: text for text in self.one.names})
            course.carries = True
            course.epoch += 1
        moved = course.moved
        if not course.stage:
            course.to("sealed", fact, inferred=False)
        elif (
            self.named
            and fact.parent is None
            and moved is not None
            and RANK[course.stage] >= RANK["collected"]
            and (moved.terminal == fact.terminal or fact.ts - moved.ts > SKEW_MS)
        ):
            course.contradictions.append((moved.offset, fact.offset))
        course.sealed = course.sealed or fact
        if self.named and fact.parent is not None:
            course.parent = fact.parent.v
            self.groups.join("bin", fact.parent.v, self.one.key)

    def collected(self) -> None:
        """Handed over by the department."""
        course, fact = self.course, self.fact
        if course.to("collected", fact, inferred=self.inferred):
            course.collected = course.collected or fact
        course.sealed = course.sealed or fact

    def stored(self) -> None:
        """Into a store; that of a plant is part of being there."""
        course, fact, before = self.course, self.fact, self.course.stage
        if before == "received" and not fact.spot.producer:
            return
        if course.to("stored", fact, inferred=self.inferred):
            kept = course.stored
            if kept is None or before not in {"stored", "out"} or kept.spot.unit != fact.spot.unit:
                course.stored = fact

    def went_out(self) -> None:
        """Out of a store."""
        if self.course.stage != "received" or self.fact.spot.producer:
            self.course.to("out", self.fact, inferred=self.inferred)

    def loaded(self) -> None:
        """On a vehicle."""
        self.course.to("loaded", self.fact, inferred=self.inferred)

    def departed(self) -> None:
        """The vehicle left."""
        course, before = self.course, self.course.stage
        if course.to("in_transit", self.fact, inferred=self.inferred) and before not in {"in_transit", "arrived"}:
            course.departed = self.fact

    def arrived(self) -> None:
        """The vehicle arrived somewhere."""
        course = self.course
        if course.to("arrived", self.fact, inferred=self.inferred):
            course.departed = course.departed or self.fact

    def received(self) -> None:
        """By a collection point, which is a store, or by a plant; no manifest or vehicle has it any more."""
        course, fact = self.course, self.fact
        if self.named and fact.manifest and fact.manifest not in course.joined:
            course.surplus = course.surplus or fact
            # Who confirms the manifest has this one as well.
            self.groups.join("manifest", fact.manifest, self.one.key)
        course.brought = True
        if fact.spot.producer:
            if course.over != "lost":
                course.over = ""
            if course.stage != "stored" or course.stored is None or course.stored.spot.unit != fact.spot.unit:
                course.stored = fact
            course.stage, course.moved, course.departed = "stored", fact, None
        elif course.to("received", fact, inferred=self.inferred):
            course.received = course.received or fact
            course.departed = None
        self._off()

    def unloaded(self) -> None:
        """Off the vehicle: where it arrived, or because the load is cancelled."""
        course = self.course
        if course.stage == "received":
            return
        if course.stage != "arrived":
            self.groups.leave("manifest")
            course.manifest = ""
        if self.fact.spot.unit == course.unit:
            course.departed = None
        self.groups.leave("vehicle")
        course.vehicle = ""
        course.stage, course.moved = "unloaded", self.fact

    def unpacked(self) -> None:
        """Out of the bin. What was brought in a bin and is not among what came out of it is missing."""
        course, names = self.course, self.one.names
        if self.named or (self.inferred and not names):
            self.groups.leave("bin")
            course.parent = ""
        elif not self.inferred:
            gone = {self.around.bearer(text).id for text in names} if names else set(course.members)
            course.members = {name: text for name, text in course.members.items() if name not in gone}
            course.epoch += 1
        elif course.brought:
            course.unscanned = course.unscanned or self.fact

    def disposed(self) -> None:
        """Destroyed; nobody received it from the road: out of sequence."""
        course, fact = self.course, self.fact
        if course.departed is not None and course.moved is not None and not self.inferred:
            course.contradictions.append((course.moved.offset, fact.offset))
        course.stage, course.moved, course.destroyed, course.over = "destroyed", fact, fact, ""
        course.lost = course.unscanned = None
        self._out()

    def refused(self) -> None:
        """The receiver does not take it."""
        course = self.course
        course.over = course.over if course.over == "lost" else "refused"
        course.possession.back()
        self._off()

    def held(self) -> None:
        """Set aside."""
        self.course.over = self.course.over or "held"

    def lost(self) -> None:
        """Gone, and out of everything that it was in."""
        course = self.course
        course.over, course.lost = "lost", course.lost or self.fact
        self._out()

    def found(self) -> None:
        """There again."""
        if self.course.over == "lost":
            self.course.over = ""
        self.course.lost = None

    def cleaned(self) -> None:
        """The bin is clean: its cycle ends, and what was in it is not."""
        if self.inferred:
            self.groups.leave("bin")
            self.course.parent = ""
        else:
            self.course.cleaned = True
            self.course.members = {}
            self._out()

    def divided(self) -> None:
        """Split: the parts go on as what the whole was. Merge: the whole goes on as what its parts were."""
        one, fact, course = self.one, self.fact, self.course
        if (fact.step == "split") != self.named:
            course.stage, course.moved, course.divided = "divided", fact, one
            self._out()
            return
        sources: Iterable[str] = sorted(one.names)
        if fact.step == "split":
            sources = [fact.parent.v] if fact.parent is not None else []
        else:
            course.epoch += 1
            course.merged.append(one)
        for text in sources:
            other = self.around.course_before(text, one.key, self.groups.depth + 1)
            if other is not None:
                course.inherit(other)

    def joins(self) -> None:
        """On the manifest and vehicle that the event names."""
        course, fact, key = self.course, self.fact, self.one.key
        if fact.manifest:
            course.manifest = fact.manifest
            course.joined.add(fact.manifest)
            self.groups.join("manifest", fact.manifest, key)
        if fact.vehicle:
            course.vehicle = fact.vehicle
            self.groups.join("vehicle", fact.vehicle, key)

    def _off(self) -> None:
        self.groups.leave("manifest", "vehicle")
        self.course.vehicle = ""

    def _out(self) -> None:
        self.groups.leave("bin", "manifest", "vehicle")
        self.course.vehicle = self.course.parent = ""


#: ``split`` and ``merge`` come before possession, ``joins`` after it.
STEPS: dict[str, Callable[[Steps], None]] = {
    "pack": Steps.packed,
    "collect": Steps.collected,
    "store_in": Steps.stored,
    "store_out": Steps.went_out,
    "load": Steps.loaded,
    "depart": Steps.departed,
    "arrive": Steps.arrived,
    "receive": Steps.received,
    "unload": Steps.unloaded,
    "unpack": Steps.unpacked,
    "dispose": Steps.disposed,
    "refuse": Steps.refused,
    "hold": Steps.held,
    "lost": Steps.lost,
    "found": Steps.found,
    "bin_clean": Steps.cleaned,
}
