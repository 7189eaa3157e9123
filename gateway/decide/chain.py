"""The chain of custody in decide: an event becomes a fact; rows, conditions and ledger entries follow (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from custody import fold as custody_fold
from custody import judge
from custody.clock import Clocks
from custody.collection import KINDS, Departments
from custody.container import Condition, Container
from custody.daybook import DayBook
from custody.event import CustodyEvent
from custody.fact import Fact
from custody.manifest import manifest
from custody.profile import EXPECTS_NOTHING, Profile
from custody.profiles import DEFAULT, ProfileError, parse_profile
from custody.registered import container_texts
from custody.resolve import fact as resolve
from custody.resolve import tied
from custody.speaking import spoken_of
from devices.observation import QUANTITIES, Observation, Subject
from devices.registry import Change
from gateway.decide.alerting import Cause
from gateway.decide.custody_rows import container_row, entry_body, entry_entities, manifest_row
from gateway.decide.facts import Facts, event_row
from gateway.decide.lasting import LastContainers
from gateway.decide.outputs import Outputs

if TYPE_CHECKING:
    from gateway.decide.fold import Fold, Lookup

#: Events of one trip of a vehicle are no further apart.
TRIP_MS = 3 * 86_400_000
#: What is told of (object, quantity).
Told = dict[tuple[str, str], Condition]


class Saved(msgspec.Struct):
    """What of custody is in a snapshot; all else is asked of the state."""

    profiles: dict[str, str]
    clocks: bytes
    departments: bytes
    daybook: bytes
    dirty: list[str]
    of_manifests: dict[str, list[Condition]]


class Chain:
    """Custody for a ``Fold``. What a container is stands nowhere but in its facts."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.facts = Facts(lambda text: tied(fold.registry, text))
        self.clocks = Clocks()
        self.profile_texts: dict[str, str] = {}
        self.profiles: Mapping[str, Profile] = {DEFAULT: EXPECTS_NOTHING}
        self._last = LastContainers()
        #: Manifests that events changed since the last tick, and what was told of them.
        self._dirty: set[str] = set()
        self._of_manifests: dict[str, list[Condition]] = {}
        self.departments = Departments()
        self.daybook = DayBook()

    def begin(self, lookup: Lookup, offset: int) -> None:
        """Record ``offset`` is decided now."""
        self.facts.lookup = lookup
        self.facts.before = offset

    def load_profiles(self, texts: dict[str, str]) -> None:
        """Take the producer profiles that a START record carries; one that this version refuses is left out."""
        profiles = {DEFAULT: EXPECTS_NOTHING}
        for name, text in texts.items():
            try:
                profiles[name] = parse_profile(text, name)
            except ProfileError:
                continue
        self.profile_texts, self.profiles = dict(texts), profiles
        self._last.clear()

    def event(self, event: CustodyEvent, terminal: str, cause: Cause, out: Outputs) -> Fact:
        """Accept one event that ``cause`` brought (its offset is the message's, its copy that of the payload)."""
        fold = self._fold
        skew = self.clocks.measure(terminal, event, cause.time)
        assert cause.copy is not None
        zone = ZoneInfo(fold.alerting.zone)
        fact = resolve(event, fold.registry, terminal, cause.offset, fold.offset, cause.time, cause.copy, skew, zone)
        fact = msgspec.structs.replace(fact, entry=fold.ledger.size)
        body = entry_body(fact)
        others = spoken_of(fact, self.facts.event(fact.of)) if fact.of else []
        links = len(out.custody_links)
        self.facts.add(fact, out)
        try:
            texts = custody_fold.touched(self.facts, fact)
            before = self._before(texts)
            after = {one.id: one for one in self._asked([*texts, *before])}
            once = judge.once(fact, [one for one in after.values() if _in(one, fact)], self.profiles)
            fold.ledger.append("custody", entry_entities(fact, others), body, fold.offset, fold.time, out)
        except Exception:
            # The message will be parked: nothing of it may be left behind.
            self.facts.undo()
            del out.custody_links[links:]
            raise
        out.custody_events.append(event_row(fact))
        self._last.replace(before.values(), after.values())
        self._rows(before, after, out)
        self._papers(fact, others, [*before.values(), *after.values()])
        turned = _differences(_told(before.values()), _told(after.values()), fact.ts)
        turned += self.departments.collected(fact)
        self.observe([*turned, *once], Cause(fold.offset, fold.time, cause.tags, cause.copy), out)
        return fact

    def leading(self, texts: Sequence[str]) -> str | None:
        """The id of the container that the first of these ids is of, as it is known now."""
        if not texts:
            return None
        one = self._last.get(texts[0])
        if one is None:
            one = custody_fold.container(self.facts, texts[0], self.profiles)
        return texts[0] if one is None else one.id

    def _asked(self, texts: Sequence[str]) -> list[Container]:
        """The containers that these ids belong to, as they are now."""
        return custody_fold.containers(self.facts, texts, self.profiles)

    def _before(self, texts: Iterable[str]) -> dict[str, Container]:
        """The containers of these ids, by their leading id, as they were before the newest event."""
        found, asked = {}, []
        for text in texts:
            one = self._last.get(text)
            if one is None:
                asked.append(text)
            else:
                found[one.id] = one
        for one in custody_fold.containers(self.facts.earlier, asked, self.profiles):
            found[one.id] = one
        return found

    def _papers(self, fact: Fact, others: Sequence[Fact], containers: Iterable[Container]) -> None:
        """Manifests that an event may be about: of itself, the event it speaks of, its containers and its vehicle."""
        self._dirty.update(one.manifest for one in (fact, *others) if one.manifest)
        for one in containers:
            self._dirty.update(seen.fact.manifest for seen in one.history if seen.fact.manifest)
        if fact.vehicle and not fact.manifest:
            trip = self.facts.facts(f"vehicle:{fact.vehicle}", fact.ts - TRIP_MS, fact.ts + TRIP_MS)
            self._dirty.update(one.manifest for one in trip if one.manifest)

    def _write_manifests(self, cause: Cause, out: Outputs) -> None:
        """Each is made once a second at the most: every container on it changes it."""
        for name in sorted(self._dirty):
            one = manifest(self.facts, name, self.profiles)
            out.manifests[name] = None if one is None else manifest_row(one, cause.offset)
            before, conditions = _told_of(self._of_manifests.pop(name, ())), [] if one is None else one.conditions
            if conditions:
                self._of_manifests[name] = list(conditions)
            self.observe(_differences(before, _told_of(conditions), cause.time), cause, out)
        self._dirty.clear()

    def _rows(self, before: Mapping[str, Container], after: Mapping[str, Container], out: Outputs) -> None:
        offset = self._fold.offset
        for name in before.keys() - after.keys():
            out.containers[name] = None
        changed = set(before.keys() ^ after.keys())
        for name, one in after.items():
            row = container_row(one, offset)
            if name in changed or row != container_row(before[name], offset):
                changed.add(name)
                out.containers[name] = row
        were, are = ([one for name, one in those.items() if name in changed] for those in (before, after))
        self._fold.days.standing(were, are)
        self.daybook.changed([*were, *are], self._fold.time)

    def conflict(self, terminal: str, event_id: str, cause: Cause, out: Outputs) -> None:
        """The same event id with other content: nothing of it counts, somebody must look."""
        spot = self._fold.registry.subject(terminal, "-", "", -1, cause.time)
        about = f"event:{terminal}:{event_id}"
        subject = Subject(
            key=f"{about}/-/custody.conflict",
            point=about,
            parameter="custody.conflict",
            place=spot.place,
            place_kind=spot.place_kind,
            unit=spot.unit,
            grid=spot.grid,
            notify=spot.notify,
        )
        self._observed([Observation(subject, 1.0, cause.time, cause.time)], cause, out)

    def observe(self, conditions: Iterable[Condition], cause: Cause, out: Outputs) -> None:
        """Tell the rules what holds from now on, and (value 0) what is over."""
        self._observed([observation(one, cause.time) for one in conditions], cause, out)

    def _observed(self, observations: Iterable[Observation], cause: Cause, out: Outputs) -> None:
        fold = self._fold
        for one in observations:
            changes = fold.evaluation.observe(one)
            if changes:
                fold.mint.begin(fold.offset)
                fold.alerting.changed(changes, cause, out)

    def tick(self, cause: Cause, out: Outputs) -> None:
        """Journal time went on: what is due."""
        if self._dirty:
            self._write_manifests(cause, out)
        # Before all that waited has come, nobody can tell what was collected.
        due = self.departments.due if self._fold.caught_up else None
        if due is not None and due <= cause.time:
            self.observe(self.departments.tick(cause.time), cause, out)
        due = self.daybook.due
        if due is not None and due <= cause.time:
            self.observe(self.daybook.tick(cause.time, self._asked), cause, out)

    def expect(self, cause: Cause, out: Outputs) -> None:
        """Registry, profiles, zone or day are others since this record: so is what is due."""
        fold = self._fold
        zone = ZoneInfo(fold.alerting.zone)
        self.observe(self.departments.use(fold.registry, self.profiles, zone, cause.time), cause, out)
        self.daybook.use(fold.registry, self.profiles, zone, cause.time)

    def tied(self, changes: Sequence[Change]) -> dict[str, Container]:
        """The containers that these changes of the registry may tie otherwise, as they are before."""
        texts: set[str] = set()
        for change in changes:
            if change.kind == "containers":
                texts |= container_texts(change.body)
                texts |= container_texts(self._fold.registry.body(change.kind, change.id))
        return {one.id: one for one in self._asked(sorted(texts))}

    def registered(self, changes: Sequence[Change], were: dict[str, Container], cause: Cause, out: Outputs) -> None:
        """The registry is another one since this record; ``were`` is what ``tied`` said before."""
        self._last.clear()
        self._anew(were, cause, out)
        if any(change.kind in KINDS for change in changes):
            self.expect(cause, out)

    def _anew(self, were: dict[str, Container], cause: Cause, out: Outputs) -> None:
        """What is known of containers changed without an event: by the registry, or by other profiles."""
        if were:
            texts = sorted({known.v for one in were.values() for known in one.ids})
            are = {one.id: one for one in self._asked(texts)}
            self._rows(were, are, out)
            self.observe(_differences(_told(were.values()), _told(are.values()), cause.time), cause, out)

    def profiled(self, texts: dict[str, str], cause: Cause, out: Outputs) -> None:
        """A START record brings other profiles: what is expected of the open containers may be something else."""
        were = {one.id: one for one in self._asked(self._fold.days.open)}
        self.load_profiles(texts)
        self._anew(were, cause, out)

    def committed(self) -> None:
        """The outputs so far are in the state."""
        self.facts.committed()
        if self.facts.lookup is not None:
            self.facts.lookup.release()

    def dump(self) -> Saved:
        """What a snapshot keeps."""
        return Saved(
            profiles=self.profile_texts,
            clocks=self.clocks.dump(),
            departments=self.departments.dump(),
            daybook=self.daybook.dump(),
            dirty=sorted(self._dirty),
            of_manifests=self._of_manifests,
        )

    def load(self, saved: Saved) -> None:
        """Go on from a snapshot."""
        self.load_profiles(saved.profiles)
        self.clocks.load(saved.clocks)
        self._dirty, self._of_manifests = set(saved.dirty), saved.of_manifests
        fold = self._fold
        zone = ZoneInfo(fold.alerting.zone)
        self.departments.load(saved.departments, fold.registry, self.profiles, zone)
        self.daybook.load(saved.daybook, fold.registry, self.profiles, zone)


def observation(condition: Condition, now: int) -> Observation:
    """A condition as rules judge it; a clock that is ahead makes nothing begin in the future."""
    spot, about = condition.spot, condition.about
    subject = Subject(
        key=f"{about}/-/{condition.quantity}",
        # The bare id of a container is what people look for.
        point=about.removeprefix("container:"),
        parameter=condition.quantity,
        parameter_unit=QUANTITIES[condition.quantity].unit,
        place=spot.place,
        place_kind=spot.kind,
        unit=spot.unit,
        profile=spot.producer,
        grid=spot.grid,
        notify=spot.notify,
    )
    return Observation(subject, condition.value, min(condition.at, now), now)


def _told(containers: Iterable[Container]) -> Told:
    return {(one.about, one.quantity): one for bearer in containers for one in bearer.conditions}


def _told_of(conditions: Iterable[Condition]) -> Told:
    return {(one.about, one.quantity): one for one in conditions}


def _differences(before: Told, after: Told, ts: int) -> list[Condition]:
    """What to tell: what began or has another value, and what is over since the event at ``ts``."""
    found = [one for key, one in after.items() if key not in before or _moved(before[key], one)]
    for key, one in before.items():
        if key not in after:
            found.append(msgspec.structs.replace(one, value=0.0, at=max(one.at, ts)))
    return sorted(found, key=lambda one: (one.value != 0.0, one.about, one.quantity))


def _moved(before: Condition, after: Condition) -> bool:
    return (before.value, before.at, before.spot) != (after.value, after.at, after.spot)


def _in(container: Container, fact: Fact) -> bool:
    return any(one.fact.offset == fact.offset for one in container.history)
