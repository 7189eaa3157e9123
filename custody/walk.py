"""A container's way through its events in the order of the fold, its own and those of the groups that it is in (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Protocol

from custody.container import Seen
from custody.course import SKEW_MS, RANK, Course
from custody.fact import Fact
from custody.happening import AMENDING, Happening, Key, unit_of
from custody.known import GROUP_MS, VEHICLE_MS
from custody.profile import Profile
from custody.ties import Bearer
from custody.weighings import take

#: Groups inside groups are followed so deep.
DEPTH = 4
#: Steps that put a container on the manifest or vehicle that they name.
JOINS = frozenset({"collect", "store_out", "load", "depart"})

#: Of an event that comes by several groups, the manifest's counts.
_FIRST = {"manifest": 0, "vehicle": 1 << 30, "bin": 1 << 31}


class Surroundings(Protocol):
    """What a walk asks of the other containers and groups, all at one moment."""

    def bearer(self, text: str) -> Bearer:
        """The container that an id is of."""
        ...

    def passed(self, text: str, depth: int) -> list[Happening]:
        """What a bin went through, for what is inside."""
        ...

    def course_before(self, text: str, key: Key, depth: int) -> Course | None:
        """How far another container had come before an event."""
        ...

    def trip(self, group: str, since: int, until: int) -> list[Happening]:
        """What a manifest (``manifest:M``) or vehicle did as a whole."""
        ...

    def scanned_by(self, manifest: str) -> set[str]:
        """The units that received something under a manifest by scanning it."""
        ...

    def number(self, fact: Fact) -> int:
        """How many containers an event names."""
        ...

    def profile(self, producer: str) -> Profile:
        """What is expected of a producer."""
        ...


class _Stream:
    """The events of one group, as long as the container is in it."""

    __slots__ = ("active", "kind", "name")

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name, self.active = kind, name, True


class Walk:
    """``history`` is all that happened, ``course`` what it makes of the present cycle, ``passed`` what counted."""

    def __init__(self, around: Surroundings, bearer: Bearer, depth: int = 0, until: Key | None = None) -> None:
        self._around, self._bearer, self._depth, self._until = around, bearer, depth, until
        self.course = Course()
        self.history: list[Seen] = []
        self.passed: list[Happening] = []
        self._heap: list[tuple[Key, int, Happening, _Stream]] = []
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._done: set[int] = set()
        self._next = self._pushed = 0
        self._run()

    def _run(self) -> None:
        own, heap, until = self._bearer.own, self._heap, self._until
        count = len(own)
        while True:
            if self._next < count and (not heap or own[self._next].key <= heap[0][0]):
                one, stream = own[self._next], None
                self._next += 1
            elif heap:
                _, _, one, stream = heappop(heap)
            else:
                return
            if until is not None and one.key >= until:
                return
            if one.sent.offset not in self._done:
                self._one(one, stream)

    def _one(self, one: Happening, stream: _Stream | None) -> None:
        fact, step = one.fact, one.fact.step
        if step == "confirm" and one.counts:
            self._confirm(one, stream)
            return
        named = parent = False
        if stream is None:
            texts = self._bearer.texts
            named = not texts.isdisjoint(one.names)
            parent = fact.parent is not None and fact.parent.v in texts
            if not (named or parent) and step not in AMENDING:
                if one.names or fact.parent is not None or fact.of not in self.course.possession.offsets:
                    return
        elif not self._takes(one, stream):
            return
        inferred = not (named or parent)
        if step in AMENDING or not one.counts:
            self._saw(one, inferred=stream is not None)
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
            self._happens(one, course, named=named, inferred=inferred)

    def _saw(self, one: Happening, *, inferred: bool) -> None:
        self._done.add(one.sent.offset)
        self.history.append(Seen(one.sent, inferred, one.counts and one.by is None, one.by, self.course.cycle))

    def _takes(self, one: Happening, stream: _Stream) -> bool:
        """Whether an event of a group is one of this container."""
        fact, course = one.fact, self.course
        if not stream.active or course.lost is not None:
            return False
        if stream.kind == "bin":
            if fact.parent is not None and fact.parent.v in self._around.bearer(stream.name).texts:
                return fact.step == "unpack"
            return course.unscanned is None
        if course.unscanned is not None:
            return False
        return stream.kind == "manifest" or fact.manifest in {"", course.manifest} or not course.manifest

    def _begin(self, course: Course) -> None:
        """Whose it is: of the place at which one of its producer's first steps happened, wherever in the cycle."""
        texts, home = self._bearer.texts, None
        for one in self._bearer.own[self._next - 1 :]:
            fact = one.fact
            if not one.counts or fact.step in AMENDING:
                continue
            mine = texts & one.names
            course.registered = course.registered or any(text in fact.registered for text in mine)
            if fact.step == "bin_clean":
                break
            producer = fact.spot.producer
            if not producer:
                continue
            home = home or fact
            if fact.step in self._around.profile(producer).begins and (
                any(text not in fact.strange for text in mine) or (not mine and fact.step == "pack")
            ):
                course.known, home = True, fact
                break
        course.known = course.known or course.registered
        if course.known and home is not None:
            spot = home.spot
            course.unit, course.producer, course.grid = spot.unit, spot.producer, spot.grid
            course.department = spot.place
            course.possession.holder = spot.unit

    def _happens(self, one: Happening, course: Course, *, named: bool, inferred: bool) -> None:
        fact, step = one.fact, one.fact.step
        if course.divided is not None and step != "bin_clean":
            if named:
                course.contradictions.append((course.divided.sent.offset, fact.offset))
            return
        if fact.spot.place and step != "lost":
            course.spot = fact.spot
        if not inferred:
            if fact.category and "unknown_category" not in fact.flags:
                course.category = fact.category
            if step != "lost":
                course.unscanned = None
        if step in {"split", "merge"}:
            self._divides(one, course, named=named)
        profile = self._around.profile(course.producer)
        course.possession.event(fact, len(self.history) - 1, profile)
        if fact.weight is not None and (named or (step == "merge" and not inferred)):
            self._weighs(one, course)
        handler = _STEPS.get(step)
        if handler is not None:
            handler(self, one, course, named, inferred)
        if step in JOINS and (named or (inferred and fact.manifest not in {"", course.manifest})):
            self._joins(fact, one.key)

    def _weighs(self, one: Happening, course: Course) -> None:
        number = 1 if self._bearer.texts.isdisjoint(one.names) else self._around.number(one.fact)
        members: tuple[str, ...] = ()
        if number > 1 and min(one.names) in self._bearer.texts:
            members = tuple(sorted({self._around.bearer(text).id for text in one.names}))
        elif number == 1:
            members = tuple(sorted(course.members))
        taken = take(one, number, course.epoch, members)
        if taken is not None:
            course.taken.append(taken)

    def _confirm(self, one: Happening, stream: _Stream | None) -> None:
        fact, course = one.fact, self.course
        held = course.possession
        if fact.of not in held.offsets and fact.manifest not in held.manifests:
            if self._bearer.texts.isdisjoint(one.names):
                return
        elif fact.manifest and stream is not None and stream.kind == "manifest" and stream.active:
            if course.lost is None and unit_of(fact) in self._around.scanned_by(fact.manifest):
                course.unscanned = course.unscanned or fact
        self._saw(one, inferred=stream is not None)
        self.passed.append(one)
        held.confirm(fact)

    # What each step does.

    def _packed(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        fact = one.fact
        if inferred:
            return
        if not named:
            course.members.update({self._around.bearer(text).id: text for text in one.names})
            course.epoch += 1
        moved = course.moved
        if not course.stage:
            course.to("sealed", fact, inferred=False)
        elif named and fact.parent is None and moved is not None and RANK[course.stage] >= RANK["collected"]:
            if moved.terminal == fact.terminal or fact.ts - moved.ts > SKEW_MS:
                course.contradictions.append((moved.offset, fact.offset))
        course.sealed = course.sealed or fact
        if named and fact.parent is not None:
            self._leave("bin")
            course.parent = fact.parent.v
            self._join("bin", fact.parent.v, one.key, fact.ts + GROUP_MS)

    def _collected(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.to("collected", one.fact, inferred=inferred):
            course.collected = course.collected or one.fact
        course.sealed = course.sealed or one.fact

    def _stored(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        fact, before = one.fact, course.stage
        if before == "received" and not fact.spot.producer:
            return  # a plant's own store
        if course.to("stored", fact, inferred=inferred):
            kept = course.stored
            if kept is None or before not in {"stored", "out"} or kept.spot.unit != fact.spot.unit:
                course.stored = fact

    def _went_out(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.stage != "received" or one.fact.spot.producer:
            course.to("out", one.fact, inferred=inferred)

    def _loaded(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        course.to("loaded", one.fact, inferred=inferred)

    def _departed(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        before = course.stage
        if course.to("in_transit", one.fact, inferred=inferred) and before not in {"in_transit", "arrived"}:
            course.departed = one.fact

    def _arrived(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.to("arrived", one.fact, inferred=inferred):
            course.departed = course.departed or one.fact

    def _received(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        fact = one.fact
        if named and fact.manifest and fact.manifest not in course.joined:
            course.surplus = course.surplus or fact
        course.brought = True
        if fact.spot.producer:  # a collection point: a store
            if course.over != "lost":
                course.over = ""
            if course.stage != "stored" or course.stored is None or course.stored.spot.unit != fact.spot.unit:
                course.stored = fact
            course.stage, course.moved, course.departed = "stored", fact, None
        elif course.to("received", fact, inferred=inferred):
            course.received = course.received or fact
            course.departed = None
        self._leave("manifest", "vehicle")

    def _unloaded(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.stage in {"received", "destroyed", "divided"}:
            return
        if course.stage != "arrived":  # the load is cancelled
            self._leave("manifest")
            course.manifest = ""
        if one.fact.spot.unit == course.unit:
            course.departed = None
        self._leave("vehicle")
        course.stage, course.moved = "unloaded", one.fact

    def _unpacked(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if named:
            self._leave("bin")
        elif not inferred:
            gone = {self._around.bearer(text).id for text in one.names} if one.names else set(course.members)
            course.members = {name: text for name, text in course.members.items() if name not in gone}
            course.epoch += 1
        elif not one.names:
            self._leave("bin")
        elif course.brought:
            course.unscanned = course.unscanned or one.fact

    def _disposed(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.departed is not None and not inferred and course.moved is not None:
            course.contradictions.append((course.moved.offset, one.fact.offset))
        course.stage, course.moved, course.destroyed, course.over = "destroyed", one.fact, one.fact, ""
        course.lost = course.unscanned = None
        self._leave("bin", "manifest", "vehicle")

    def _refused(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        course.over = course.over if course.over == "lost" else "refused"
        course.possession.back()
        self._leave("manifest", "vehicle")

    def _held(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        course.over = course.over or "held"

    def _lost(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        course.over, course.lost = "lost", course.lost or one.fact
        self._leave("bin", "manifest", "vehicle")

    def _found(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if course.over == "lost":
            course.over = ""
        course.lost = None

    def _cleaned(self, one: Happening, course: Course, named: bool, inferred: bool) -> None:
        if not inferred:
            course.cleaned = True
            course.members = {}
            self._leave("bin", "manifest", "vehicle")
        else:
            self._leave("bin")

    def _divides(self, one: Happening, course: Course, *, named: bool) -> None:
        """Split: the parts go on as what the whole was. Merge: the whole goes on as what its parts were."""
        fact = one.fact
        if (fact.step == "split") == named:
            if fact.step == "merge" and course.stage and not named:
                course.epoch += 1
            sources: Iterable[str] = (
                sorted(one.names) if fact.step == "merge" else [fact.parent.v] if fact.parent else []
            )
            for text in sources:
                other = self._around.course_before(text, one.key, self._depth + 1)
                if other is not None:
                    course.inherit(other)
            if fact.step == "merge":
                course.merged.append(one)
            return
        course.stage, course.moved, course.divided = "divided", fact, one
        self._leave("bin", "manifest", "vehicle")

    # Groups.

    def _joins(self, fact: Fact, key: Key) -> None:
        course = self.course
        if course.stage in {"destroyed", "divided"}:
            return
        if fact.manifest and fact.manifest != course.manifest:
            self._leave("manifest")
            course.manifest = fact.manifest
        if fact.manifest:
            course.joined.add(fact.manifest)
            self._join("manifest", fact.manifest, key, fact.ts + GROUP_MS)
        if fact.vehicle:
            if fact.vehicle != course.vehicle:
                self._leave("vehicle")
            course.vehicle = fact.vehicle
            self._join("vehicle", fact.vehicle, key, fact.ts + VEHICLE_MS)

    def _join(self, kind: str, name: str, key: Key, until: int) -> None:
        stream = self._streams.get((kind, name))
        if stream is not None and stream.active:
            return
        stream = self._streams[kind, name] = _Stream(kind, name)
        if kind != "bin":
            found = self._around.trip(f"{kind}:{name}", key[0], until)
        elif self._depth < DEPTH:
            found = self._around.passed(name, self._depth + 1)
        else:
            found = []
        for one in found:
            if key < one.key and one.key[0] <= until:
                self._pushed += 1
                heappush(self._heap, (one.key, _FIRST[kind] + self._pushed, one, stream))

    def _leave(self, *kinds: str) -> None:
        for (kind, _), stream in self._streams.items():
            if kind in kinds:
                stream.active = False
        if "vehicle" in kinds:
            self.course.vehicle = ""
        if "bin" in kinds:
            self.course.parent = ""


_STEPS = {
    "pack": Walk._packed,
    "collect": Walk._collected,
    "store_in": Walk._stored,
    "store_out": Walk._went_out,
    "load": Walk._loaded,
    "depart": Walk._departed,
    "arrive": Walk._arrived,
    "receive": Walk._received,
    "unload": Walk._unloaded,
    "unpack": Walk._unpacked,
    "dispose": Walk._disposed,
    "refuse": Walk._refused,
    "hold": Walk._held,
    "lost": Walk._lost,
    "found": Walk._found,
    "bin_clean": Walk._cleaned,
}
