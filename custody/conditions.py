"""What is the matter with a container, from how far it has come (pure; docs/life-of-a-container.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from custody.container import Condition
from custody.course import Course
from custody.fact import Fact
from custody.happening import Key
from custody.profile import Profile
from custody.weighings import Difference, Taken, chain_difference, net_of, sum_difference


class Weighed(Protocol):
    """What comparing weights asks of other containers."""

    def alone(self, text: str) -> Sequence[Taken]:
        """The weighings alone of the container that an id is of, in the order of the fold."""
        ...


def conditions(name: str, course: Course, profile: Profile, weighed: Weighed) -> list[Condition]:
    """All that holds of the container with the leading id ``name``."""
    if course.first is None or course.cleaned:
        return []
    about = f"container:{name}"
    found = [
        Condition(quantity, about, fact.ts, fact.spot) for quantity, fact in _since(course, profile) if fact is not None
    ]
    giving = course.possession.open
    if giving is not None and course.known and course.lost is None and course.divided is None:
        found.append(Condition("custody.unconfirmed_handover", about, giving.at, giving.spot))
    difference = _difference(course, profile, weighed) if course.taken or course.divided else None
    if difference is not None and difference.ratio > 1:
        found.append(Condition("custody.weight_difference", about, difference.at, difference.spot, difference.ratio))
    return found


def _since(course: Course, profile: Profile) -> list[tuple[str, Fact | None]]:
    """Each plain state with the event since which it holds; None where it does not."""
    if course.divided is not None:
        return []
    found = [
        ("custody.missing", course.lost or course.unscanned),
        ("custody.surplus", course.surplus),
        ("custody.no_category", course.first if course.known and not (course.category or course.carries) else None),
    ]
    if not course.known or course.destroyed is not None or course.lost is not None:
        return found
    held, awaited = course.possession, None
    if course.stage == "collected" and profile.handover == "confirm" and held.holder == course.unit and not held.given:
        awaited = course.collected
    found += [
        ("custody.sealed", course.sealed),
        ("custody.awaited", awaited),
        ("custody.stored", course.stored if course.stage == "stored" else None),
        ("custody.in_transit", course.departed),
        ("custody.at_plant", course.received),
    ]
    return found


def _difference(course: Course, profile: Profile, weighed: Weighed) -> Difference | None:
    """The largest of the differences that are told of this container."""
    found = [chain_difference(course.taken, profile)]
    for one in reversed(course.taken):
        if one.members:
            parts = [_nearest(weighed.alone(member), one.key) for member in one.members]
            summed = sum_difference(one, parts, profile)
            if summed is not None:
                found.append(summed)
                break
    if course.divided is not None or course.merged:
        found.append(_conserved(course, profile, weighed))
    return max((one for one in found if one is not None), key=lambda one: one.ratio, default=None)


def _conserved(course: Course, profile: Profile, weighed: Weighed) -> Difference | None:
    """Parts against the whole, where it was divided or others were merged into it."""
    own = [one for one in course.taken if one.weighing.group == 1]
    if course.divided is not None and course.divided.fact.step == "split" and own:
        event, whole = course.divided, own[-1]
        together = net_of(event.fact.weight)
        if together is None:
            parts = [_after(weighed.alone(text), event.key) for text in sorted(event.names)]
            return sum_difference(whole, _distinct(parts), profile)
        part = replace(whole, weighing=replace(whole.weighing, net_g=together))
        return sum_difference(whole, [part], profile, len(event.names))
    if course.merged and not any(one.key < course.merged[0].key for one in own):
        event = course.merged[-1]
        merged = next((one for one in own if one.key >= event.key), None)
        if merged is not None and len(course.merged) == 1:
            parts = [_before(weighed.alone(text), event.key) for text in sorted(event.names)]
            return sum_difference(merged, _distinct(parts), profile)
    return None


def _distinct(parts: Iterable[Taken | None]) -> list[Taken | None]:
    """Two ids of one container have one weighing."""
    found: dict[int, Taken | None] = {}
    for index, one in enumerate(parts):
        found[one.weighing.offset if one is not None else -1 - index] = one
    return list(found.values())


def _before(taken: Sequence[Taken], key: Key) -> Taken | None:
    return next((one for one in reversed(taken) if one.key < key), None)


def _after(taken: Sequence[Taken], key: Key) -> Taken | None:
    return next((one for one in taken if one.key > key), None)


def _nearest(taken: Sequence[Taken], key: Key) -> Taken | None:
    return _before(taken, key) or _after(taken, key)
