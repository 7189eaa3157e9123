"""What a container is, worked out from all facts that are known at one moment (pure; docs/life-of-a-container.md).

The result depends on the set of facts only, not on when each of them came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from custody.conditions import conditions
from custody.container import Container, Seen
from custody.course import Course
from custody.fact import Fact
from custody.groups import DEPTH
from custody.happening import AMENDING, Amendments, Happening, Key, unit_of
from custody.known import Known
from custody.profile import Profile
from custody.reach import reached
from custody.ties import Bearer, Ties
from custody.walk import Walk
from custody.weighings import Taken, newest, take

#: The profile of a unit that names none, or one that there is not.
_DEFAULT = "hospital"
_DAY_MS = 86_400_000


def container(known: Known, text: str, profiles: Mapping[str, Profile]) -> Container | None:
    """The container that ``text`` is an id of; None where no event names it."""
    return Moment(known, profiles).container(text)


def containers(known: Known, texts: Iterable[str], profiles: Mapping[str, Profile]) -> list[Container]:
    """The containers of these ids, each once, in the order of the first id of each; what they share is asked once."""
    moment, found = Moment(known, profiles), dict[str, Container]()
    for text in texts:
        name = moment.bearer(text).id
        if name not in found:
            one = moment.container(text)
            if one is not None:
                found[name] = one
    return list(found.values())


def touched(known: Known, fact: Fact) -> list[str]:
    """Ids of the containers that may be another by this fact, at least one of each; all ids that a tie is about."""
    moment = Moment(known, {})
    return reached(known, moment.ties, fact)


class Moment:
    """All that is known at one moment, asked once. It must not outlive the moment."""

    def __init__(self, known: Known, profiles: Mapping[str, Profile]) -> None:
        self._known = known
        self._profiles = profiles
        self._amendments = Amendments(known)
        self._own: dict[str, list[Happening]] = {}
        self._trips: dict[tuple[str, int | None], list[Happening]] = {}
        self._passed: dict[tuple[str, int], list[Happening]] = {}
        self._alone: dict[str, list[Taken]] = {}
        self._scanned: dict[str, set[str]] = {}
        self._numbers: dict[int, tuple[int, str]] = {}
        self.ties = Ties(known, self._happened)
        self.bearer = self.ties.bearer

    def container(self, text: str) -> Container | None:
        """See ``container``."""
        bearer = self.bearer(text)
        if not bearer.ids:
            return None
        walk = Walk(self, bearer)
        return _container(bearer, walk, self)

    # What a walk asks.

    def passed(self, text: str, depth: int) -> list[Happening]:
        """See ``custody.groups.Surroundings``."""
        bearer = self.bearer(text)
        found = self._passed.get((bearer.id, depth))
        if found is None:
            found = self._passed[bearer.id, depth] = Walk(self, bearer, depth).passed
        return found

    def course_before(self, text: str, key: Key, depth: int) -> Course | None:
        """See ``custody.groups.Surroundings``."""
        if depth > DEPTH:
            return None
        return Walk(self, self.bearer(text), depth, until=key).course

    def trip(self, group: str, since: int, until: int) -> list[Happening]:
        """See ``custody.groups.Surroundings``."""
        if group.startswith("manifest:"):
            first = last = None
        else:  # whole days, so that what was loaded on one day asks once
            first, last = since // _DAY_MS * _DAY_MS, (until // _DAY_MS + 1) * _DAY_MS
        found = self._trips.get((group, first))
        if found is None:
            facts = [one for one in self._known.facts(f"trip:{group}", first, last) if one.parent is None]
            there = {one.id for one in facts if one.step not in AMENDING}
            facts = [one for one in facts if one.step not in AMENDING or one.of in there]
            found = self._trips[group, first] = self._amendments.happenings(facts)
        return found

    def scanned_by(self, manifest: str) -> set[str]:
        """See ``custody.groups.Surroundings``."""
        found = self._scanned.get(manifest)
        if found is None:
            facts = self._known.facts(f"manifest:{manifest}")
            found = self._scanned[manifest] = {
                unit_of(one.fact)
                for one in self._amendments.happenings(facts)
                if one.counts and one.fact.step == "receive" and one.names and one.fact.manifest == manifest
            }
        return found

    def spoken(self, fact: Fact) -> set[int]:
        """See ``custody.groups.Surroundings``."""
        return {one.offset for one in self._amendments.targets(fact)} if fact.of else set()

    def number(self, fact: Fact) -> tuple[int, str]:
        """See ``custody.groups.Surroundings``."""
        if len(fact.ids) == 1:
            return 1, fact.ids[0].v
        found = self._numbers.get(fact.offset)
        if found is None:
            number = len({self.bearer(one.v).id for one in fact.ids})
            found = self._numbers[fact.offset] = number, min((one.v for one in fact.ids), default="")
        return found

    def profile(self, producer: str) -> Profile:
        """See ``custody.groups.Surroundings``."""
        return self._profiles.get(producer) or self._profiles[_DEFAULT]

    def alone(self, text: str) -> Sequence[Taken]:
        """See ``custody.conditions.Weighed``."""
        bearer = self.bearer(text)
        found = self._alone.get(bearer.id)
        if found is None:
            found = self._alone[bearer.id] = [
                taken
                for one in bearer.own
                if one.counts
                and one.fact.weight is not None
                and not bearer.texts.isdisjoint(one.names)
                and self.number(one.fact)[0] == 1
                and (taken := take(one, 1, 0, ())) is not None
            ]
        return found

    def _about(self, fact: Fact, text: str) -> bool:
        """Whether an event names an id itself, or by the event that it speaks of."""
        return _names(fact, text) or any(_names(one, text) for one in self._amendments.targets(fact))

    def _happened(self, text: str) -> list[Happening]:
        found = self._own.get(text)
        if found is None:
            facts = [one for one in self._known.facts(text) if not one.of or self._about(one, text)]
            found = self._own[text] = self._amendments.happenings(facts)
        return found


def _container(bearer: Bearer, walk: Walk, moment: Moment) -> Container:
    course = walk.course
    held, giving = course.possession, course.possession.open
    profile = moment.profile(course.producer)
    weighings = [one.weighing for one in course.taken]
    return Container(
        id=bearer.id,
        ids=list(bearer.ids),
        category=course.category,
        state=course.state(taken_back=course.first is None and any(map(_taken_back, walk.history))),
        holder=held.holder,
        keeper=held.keeper,
        spot=course.spot,
        unit=course.unit,
        grid=course.grid,
        producer=course.producer,
        department=course.department,
        net_g=None if course.cleaned else newest(weighings),
        sealed_at=_ts(course.sealed),
        collected_at=_ts(course.collected),
        stored_at=_ts(course.stored),
        destroyed_at=_ts(course.destroyed),
        parent=moment.bearer(course.parent).id if course.parent else "",
        manifest=course.manifest,
        vehicle=course.vehicle,
        cycle=course.cycle,
        members=sorted(course.members),
        handover=giving.offset if giving is not None else None,
        first=min((one.sent.offset for one in bearer.own), default=-1),
        history=walk.history,
        weighings=weighings,
        conditions=conditions(bearer.id, course, profile, moment),
        contradictions=course.contradictions,
    )


def _names(fact: Fact, text: str) -> bool:
    return text in fact.names or (fact.parent is not None and fact.parent.v == text)


def _taken_back(one: Seen) -> bool:
    return not one.counts and one.by is not None and one.fact.step not in AMENDING


def _ts(fact: Fact | None) -> int | None:
    return None if fact is None else fact.ts
