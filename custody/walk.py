"""The way of a container through its events in the order of the fold: its own, and those of its groups (pure)."""

from __future__ import annotations

from heapq import heappop

import msgspec

from custody.container import Seen
from custody.course import Course
from custody.fact import Fact
from custody.groups import JOINS, Stream, Surroundings
from custody.happening import AMENDING, Happening, Key, unit_of
from custody.steps import STEPS, Steps
from custody.ties import Bearer, ties
from custody.weighings import take


class Walk(Steps):
    """``history`` is all that happened, ``course`` what it makes of the present cycle, ``passed`` what counted.

    ``until``: only what is before it in the order of the fold.
    """

    def __init__(self, around: Surroundings, bearer: Bearer, depth: int = 0, until: Key | None = None) -> None:
        super().__init__(around, bearer, depth)
        self.history: list[Seen] = []
        self.passed: list[Happening] = []
        self._done: set[int] = set()
        self._next = 0
        self._run(until)

    def _run(self, until: Key | None) -> None:
        own, heap = self.bearer.own, self.groups.heap
        count, done = len(own), self._done
        while True:
            stream: Stream | None = None
            if self._next < count and (not heap or own[self._next].key <= heap[0][0]):
                one = own[self._next]
                self._next += 1
            elif heap:
                _, _, one, stream = heappop(heap)
            else:
                return
            if until is not None and one.key >= until:
                return
            if one.sent.offset not in done:
                self._meet(one, stream)

    def _meet(self, one: Happening, stream: Stream | None) -> None:
        fact, texts = one.fact, self.bearer.texts
        step = fact.step
        if step == "confirm" and one.counts:
            self._confirmed(one, stream)
            return
        named = stream is None and not texts.isdisjoint(one.names)
        parent = stream is None and fact.parent is not None and fact.parent.v in texts
        if step in AMENDING or not one.counts:
            if stream is None or (self._of_mine(fact) and self.groups.takes(one, stream, self.course)):
                self._saw(one, inferred=stream is not None)
            return
        if "not_a_terminal" in one.sent.flags:
            # It is on record, and nobody may rely on it.
            if named or parent:
                self._saw(msgspec.structs.replace(one, counts=False), inferred=False)
            return
        inferred = not (named or parent)
        if inferred and not self._concerns(one, stream):
            return
        course = self.course
        if course.cleaned and step != "bin_clean":
            course = self.course = Course(cycle=course.cycle + 1)
        if course.first is None:
            course.first = fact
            self._begin(course)
        self._saw(one, inferred=inferred)
        self.passed.append(one)
        if course.destroyed is None or step == "bin_clean":
            self.one, self.fact, self.named, self.inferred = one, fact, named, inferred
            self._happens(course)

    def _concerns(self, one: Happening, stream: Stream | None) -> bool:
        """Whether an event that does not name the container is about it: by a group, or by the event it speaks of."""
        if stream is not None:
            return self.groups.takes(one, stream, self.course)
        return (
            not one.names
            and one.fact.parent is None
            and not self.around.spoken(one.fact).isdisjoint(self.course.possession.offsets)
        )

    def _of_mine(self, fact: Fact) -> bool:
        """An amendment of what its group did is shown where that was its own."""
        return fact.step not in AMENDING or not self._done.isdisjoint(self.around.spoken(fact))

    def _saw(self, one: Happening, *, inferred: bool) -> None:
        self._done.add(one.sent.offset)
        self.history.append(Seen(one.sent, inferred, one.counts and one.by is None, one.by, self.course.cycle))

    def _begin(self, course: Course) -> None:
        """Whose it is: of the place at which one of its producer's first steps happened, wherever in the cycle."""
        texts, own, home = self.bearer.texts, self.bearer.own, None
        for index in range(self._next - 1, len(own)):
            one = own[index]
            fact = one.fact
            if not one.counts or fact.step in AMENDING or "not_a_terminal" in fact.flags:
                continue
            if fact.registered and any(text in fact.registered for text in texts & one.names):
                course.known = course.carries = True
            if fact.step == "bin_clean":
                break
            if not fact.spot.producer:
                continue
            home = home or fact
            if self._makes_known(one):
                course.known, home = True, fact
                break
        if course.known and home is not None:
            spot = home.spot
            course.unit, course.producer = spot.unit, spot.producer
            course.grid, course.department = spot.grid, spot.place
            course.possession.holder = course.possession.origin = spot.unit
            course.possession.badges = self.around.profile(spot.producer).handover == "badges"

    def _makes_known(self, one: Happening) -> bool:
        fact = one.fact
        if fact.step not in self.around.profile(fact.spot.producer).begins:
            return False
        mine = self.bearer.texts & one.names
        return any(text not in fact.strange for text in mine) if mine else fact.step == "pack"

    def _happens(self, course: Course) -> None:
        fact, step = self.fact, self.fact.step
        if course.divided is not None and step != "bin_clean":
            if self.named:
                course.contradictions.append((course.divided.sent.offset, fact.offset))
            return
        if step != "lost":
            course.spot = fact.spot if fact.spot.place else course.spot
            course.unscanned = course.unscanned if self.inferred else None
        if fact.category and not self.inferred and "unknown_category" not in fact.flags:
            course.category = fact.category
        if step in {"split", "merge"}:
            self.divided()
        course.possession.event(fact, len(self.history) - 1)
        if fact.weight is not None and not self.inferred:
            self._weighs(course)
        STEPS.get(step, _nothing)(self)
        if step in JOINS and (self.named or (self.inferred and fact.manifest not in {"", course.manifest})):
            self.joins()

    def _weighs(self, course: Course) -> None:
        one, number, first = self.one, 1, ""
        if self.named:
            number, first = self.around.number(one.fact)
            if number > 1 and ties(one.fact):
                return  # the label of one and the tag of another: nobody knows whose weight it is
        elif one.fact.step != "merge":
            return
        members: tuple[str, ...] = ()
        if number == 1:
            members = tuple(sorted(course.members)) if course.members else ()
        elif first in self.bearer.texts:
            members = tuple(sorted({self.around.bearer(text).id for text in one.names}))
        taken = take(one, number, course.epoch, members)
        if taken is not None:
            course.taken.append(taken)

    def _confirmed(self, one: Happening, stream: Stream | None) -> None:
        fact, course = one.fact, self.course
        held, spoken = course.possession, self.around.spoken(fact)
        if stream is None and one.names and self.bearer.texts.isdisjoint(one.names):
            return
        if spoken.isdisjoint(held.offsets) and fact.manifest not in held.manifests:
            if self.bearer.texts.isdisjoint(one.names):
                return
        elif (
            stream is not None
            and stream.kind == "manifest"
            and stream.active
            and course.lost is None
            and unit_of(fact) in self.around.scanned_by(fact.manifest)
        ):
            course.unscanned = course.unscanned or fact
        self._saw(one, inferred=stream is not None)
        self.passed.append(one)
        held.confirm(fact, spoken)


def _nothing(_: Steps) -> None:
    """Changes place and possession only."""
