"""The groups that a container is in - bin, manifest, vehicle - and what they bring it (pure)."""

from __future__ import annotations

from heapq import heappush
from typing import Literal, Protocol

from custody.course import Course
from custody.fact import Fact
from custody.happening import Happening, Key
from custody.known import GROUP_MS, VEHICLE_MS
from custody.profile import Profile
from custody.ties import Bearer

#: Groups inside groups are followed so deep.
DEPTH = 4
#: Steps that put a container on the manifest or vehicle that they name.
JOINS = frozenset({"collect", "store_out", "load", "depart"})

Kind = Literal["manifest", "vehicle", "bin"]
#: Of an event that comes by several groups, the manifest's counts.
_FIRST: dict[str, int] = {"manifest": 0, "vehicle": 1 << 30, "bin": 1 << 31}
_LOOKED: dict[str, int] = {"manifest": GROUP_MS, "vehicle": VEHICLE_MS, "bin": GROUP_MS}


class Surroundings(Protocol):
    """What is asked of the other containers and of groups, all at one moment."""

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

    def spoken(self, fact: Fact) -> set[int]:
        """The offsets of the events that an event speaks of."""
        ...

    def number(self, fact: Fact) -> tuple[int, str]:
        """How many containers an event names, and the first of their ids."""
        ...

    def profile(self, producer: str) -> Profile:
        """What is expected of a producer."""
        ...


class Stream:
    """The events of one group, as long as the container is in it."""

    __slots__ = ("active", "kind", "name")

    def __init__(self, kind: Kind, name: str) -> None:
        self.kind, self.name, self.active = kind, name, True


class Groups:
    """The groups of one container at ``depth`` inside others. ``heap`` has their events that are still to come."""

    __slots__ = ("_around", "_pushed", "_streams", "depth", "heap")

    def __init__(self, around: Surroundings, depth: int) -> None:
        self._around = around
        self.depth = depth
        self.heap: list[tuple[Key, int, Happening, Stream]] = []
        self._streams: list[Stream] = []
        self._pushed = 0

    def join(self, kind: Kind, name: str, key: Key) -> None:
        """Be in a group from the event with ``key`` on, in place of another one of its kind."""
        for stream in self._streams:
            if stream.active and stream.kind == kind:
                if stream.name == name:
                    return
                stream.active = False
        stream = Stream(kind, name)
        self._streams.append(stream)
        at, first = key[0], _FIRST[kind]
        until = at + _LOOKED[kind]
        if kind != "bin":
            found = self._around.trip(f"{kind}:{name}", at, until)
        elif self.depth < DEPTH:
            found = self._around.passed(name, self.depth + 1)
        else:
            return
        for one in found:
            if key < one.key and one.key[0] <= until:
                self._pushed += 1
                heappush(self.heap, (one.key, first + self._pushed, one, stream))

    def leave(self, *kinds: Kind) -> None:
        """Be in no such group any more."""
        for stream in self._streams:
            if stream.kind in kinds:
                stream.active = False

    def takes(self, one: Happening, stream: Stream, course: Course) -> bool:
        """Whether an event of a group is one of this container."""
        if not stream.active or course.lost is not None:
            return False
        fact = one.fact
        whole = fact.parent
        if stream.kind == "bin" and whole is not None and whole.v in self._around.bearer(stream.name).texts:
            return fact.step == "unpack"
        if course.unscanned is not None:
            return False
        return stream.kind != "vehicle" or not course.manifest or fact.manifest in {"", course.manifest}
