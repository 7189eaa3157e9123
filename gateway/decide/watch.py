"""What evaluation asks of decide, and what decide tells it beside readings: who is expected, who was heard (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alerts.change import Change as Turn
from alerts.quiet import NEVER
from alerts.surroundings import Seen, Term
from devices.calendars import WorkingTime
from devices.observation import Subject
from devices.registry import Change
from gateway.decide.listed import Listed, last_day

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

#: Kinds of entries of which a change may be about any device.
_FOR_ALL = frozenset({"places", "units", "grid", "calendars"})
#: Kinds of entries that no condition depends on.
_FOR_NOBODY = frozenset({"people", "teams", "vehicles", "sources"})
_UNASKED: tuple[None, int, int] = (None, 0, 0)
#: In the year 9900: later is not counted in days.
_LAST_MS = 250_250_000_000_000


class Watch:
    """The surroundings of a fold's evaluation (``alerts.surroundings``); keeps only what registry and series say."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.listed = Listed(fold.registry)
        #: Who measures a parameter at a place, and the time within which that holds.
        self._at: dict[tuple[str, str], tuple[tuple[str, str] | None, int, int]] = {}
        self._known = 0
        self._hours: dict[tuple[str, str], WorkingTime | None] = {}

    def latest(self, device: str, point: str, parameter: str) -> Seen | None:
        """The newest value of a channel."""
        series = self._fold.series
        index = series.find(device, point, parameter)
        found = None if index is None else series.latest(index)
        return None if found is None else Seen(*found)

    def index(self, device: str, point: str, parameter: str) -> int:
        """The channel's index, -1 where it never sent."""
        found = self._fold.series.find(device, point, parameter)
        return -1 if found is None else found

    def subjects(self, device: str, now: int) -> list[Subject]:
        """The device itself first, then its registered channels; those that it sent where none are registered."""
        registry = self._fold.registry
        entry = registry.get("devices", device, now)
        if entry is None:
            return []
        found = [registry.subject(device, "-", "", -1, now)]
        for channel in entry.get("channels") or ():
            point, parameter = channel.get("point", "-"), channel["parameter"]
            found.append(registry.subject(device, point, parameter, self.index(device, point, parameter), now))
        return found if entry.get("channels") else found + self._sent(device, now)

    def _sent(self, device: str, now: int) -> list[Subject]:
        """The channels that a device ever sent."""
        series, registry = self._fold.series, self._fold.registry
        names = [(index, *series.name(index)[1:]) for index in series.of(device)]
        return [registry.subject(device, point, parameter, index, now) for index, point, parameter in names]

    def device(self, device: str, now: int) -> Subject | None:
        """The device itself."""
        registry = self._fold.registry
        return None if registry.get("devices", device, now) is None else registry.subject(device, "-", "", -1, now)

    def until(self, device: str, now: int) -> int | None:
        """When a ``from`` or ``to`` of the registry changes what is known of a device."""
        return min((turn for turn in self._fold.registry.turns(device) if turn > now), default=None)

    def measured_at(self, place: str, parameter: str, now: int) -> tuple[str, str] | None:
        """(device, point) of the channel that measures a parameter at a place: the first by id where several do."""
        # A channel that no entry lists is there from its first value on, so a new series may be a new answer.
        known = len(self._fold.series)
        if known != self._known:
            self._known = known
            self._at.clear()
        key = (place, parameter)
        found, begin, end = self._at.get(key, _UNASKED)
        if not begin <= now < end:
            devices = self.listed.measuring(place)
            end = min((turn for name in devices if (turn := self.until(name, now)) is not None), default=NEVER)
            found = self._measuring(devices, place, parameter, now)
            self._at[key] = found, now, end
        return found

    def _measuring(self, devices: Iterable[str], place: str, parameter: str, now: int) -> tuple[str, str] | None:
        for device in devices:
            entry = self._fold.registry.get("devices", device, now)
            if entry is None or entry.get("place") != place:
                continue
            for channel in entry.get("channels") or ():
                if channel["parameter"] == parameter:
                    return device, channel.get("point", "-")
            if self.index(device, "-", parameter) >= 0:
                return device, "-"
        return None

    def zone(self) -> ZoneInfo:
        """The installation's."""
        return ZoneInfo(self._fold.alerting.zone)

    def hours(self, calendar: str) -> WorkingTime | None:
        """A calendar of the registry; None where it is not registered."""
        key = (calendar, self._fold.alerting.zone)
        if key not in self._hours:
            body = self._fold.registry.body("calendars", calendar)
            self._hours[key] = None if body is None else WorkingTime(body, self.zone())
        return self._hours[key]

    def certificates(self, now: int, before: int, also: Collection[str]) -> Iterator[Term]:
        """The certificates whose last day has its end before ``before``, and all of the devices and scales ``also``."""
        last = dt.datetime.fromtimestamp(min(before, _LAST_MS) / 1000, self.zone()).toordinal()
        for kind, name in self.listed.ending(last, also):
            for term in self._certified(kind, name, now):
                if term.at < before or name in also:
                    yield term

    def _certified(self, kind: str, name: str, now: int) -> Iterator[Term]:
        registry = self._fold.registry
        entry = registry.get(kind, name, now) or {}
        if kind == "scales":
            yield from self._ends(entry, Subject(key=f"{name}/-/", device=name, unit=entry.get("unit") or ""))
            return
        yield from self._ends(entry, registry.subject(name, "-", "", -1, now))
        for channel in entry.get("channels") or ():
            if channel.get("certificate"):
                point, parameter = channel.get("point", "-"), channel["parameter"]
                subject = registry.subject(name, point, parameter, self.index(name, point, parameter), now)
                yield from self._ends(channel, subject)

    def _ends(self, entry: dict[str, Any], subject: Subject) -> Iterator[Term]:
        """The end of the last day of a certificate."""
        last = last_day(entry)
        if last is not None:
            day = last + dt.timedelta(days=1)
            begins = dt.datetime(day.year, day.month, day.day, tzinfo=self.zone())
            yield Term(subject, int(begins.timestamp() * 1000))

    def changed(self, changes: Sequence[Change], now: int) -> list[Turn]:
        """The registry is another one since this record: what is open for what is gone or moved is over."""
        kinds = {change.kind for change in changes} - _FOR_NOBODY
        if not kinds:
            return []
        self.listed.changed(changes)
        self._at.clear()
        self._hours.clear()
        evaluation = self._fold.evaluation
        evaluation.relearn()
        evaluation.terms.soon()
        presence = evaluation.presence
        if kinds & _FOR_ALL:
            presence.stale(now)
        named = {change.id for change in changes if change.kind == "devices"}
        for change in changes:
            if change.kind == "devices":
                if change.body is None:
                    presence.removed(change.id)
                else:
                    presence.registered(change.id, now)
        return self._rebound(None if kinds & _FOR_ALL else named, now)

    def _rebound(self, named: set[str] | None, now: int) -> list[Turn]:
        """What is open goes by the registry: of these devices, or of all."""
        evaluation, registry = self._fold.evaluation, self._fold.registry
        turns: list[Turn] = []
        watched = evaluation.watched
        for key in sorted(watched if named is None else (key for key in watched if key.split("/", 1)[0] in named)):
            held = evaluation.tracks.of(key)
            if all(track.bound.kind in {"overdue", "quantity"} for track in held):
                continue
            device, point, parameter = key.split("/", 2)
            if registry.get("devices", device, now) is None:
                turns += evaluation.forget(key, now)
            else:
                index = self.index(device, point, parameter) if parameter else -1
                turns += evaluation.rebind(registry.subject(device, point, parameter, index, now), now)
        return turns
