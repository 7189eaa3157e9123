"""What evaluation asks of decide, and what decide tells it beside readings: who is expected, who was heard (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from alerts.change import Change as Turn
from alerts.surroundings import Seen, Term
from devices.calendars import WorkingTime
from devices.observation import Subject
from devices.registry import Change

if TYPE_CHECKING:
    from gateway.decide.fold import Fold

#: Kinds of entries of which a change may be about any device.
_FOR_ALL = frozenset({"places", "units", "grid", "calendars"})


class Watch:
    """The surroundings of a fold's evaluation (``alerts.surroundings``); keeps only what registry and series say."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._certificates: list[Term] | None = None
        self._at: dict[tuple[str, str], tuple[str, str] | None] = {}
        self._hours: dict[str, WorkingTime | None] = {}

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
        """The device itself first, then its registered channels."""
        registry = self._fold.registry
        entry = registry.get("devices", device, now)
        if entry is None:
            return []
        found = [registry.subject(device, "-", "", -1, now)]
        for channel in entry.get("channels") or ():
            point, parameter = channel.get("point", "-"), channel["parameter"]
            found.append(registry.subject(device, point, parameter, self.index(device, point, parameter), now))
        return found

    def device(self, device: str, now: int) -> Subject | None:
        """The device itself."""
        registry = self._fold.registry
        return None if registry.get("devices", device, now) is None else registry.subject(device, "-", "", -1, now)

    def until(self, device: str, now: int) -> int | None:
        """When a ``from`` or ``to`` of the registry changes what is known of a device."""
        return min((turn for turn in self._fold.registry.turns(device) if turn > now), default=None)

    def measured_at(self, place: str, parameter: str, now: int) -> tuple[str, str] | None:
        """(device, point) of the channel that measures a parameter at a place: the first by id where several do."""
        key = (place, parameter)
        if key not in self._at:
            self._at[key] = self._measuring(place, parameter, now)
        return self._at[key]

    def _measuring(self, place: str, parameter: str, now: int) -> tuple[str, str] | None:
        registry = self._fold.registry
        for device in registry.ids("devices"):
            entry = registry.get("devices", device, now)
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
        if calendar not in self._hours:
            body = self._fold.registry.body("calendars", calendar)
            self._hours[calendar] = None if body is None else WorkingTime(body, self.zone())
        return self._hours[calendar]

    def certificates(self, now: int) -> Iterable[Term]:
        """Every certificate with a last day."""
        if self._certificates is None:
            self._certificates = list(self._certified(now))
        return self._certificates

    def _certified(self, now: int) -> Iterator[Term]:
        registry = self._fold.registry
        for kind, name, raw in registry.rows():
            if kind not in {"devices", "scales"} or b'"certificate"' not in raw:
                continue
            entry = registry.get(kind, name, now) or {}
            if kind == "scales":
                yield from self._ends(entry, Subject(key=f"{name}/-/", device=name, unit=entry.get("unit") or ""))
                continue
            yield from self._ends(entry, registry.subject(name, "-", "", -1, now))
            for channel in entry.get("channels") or ():
                point, parameter = channel.get("point", "-"), channel["parameter"]
                subject = registry.subject(name, point, parameter, self.index(name, point, parameter), now)
                yield from self._ends(channel, subject)

    def _ends(self, entry: dict[str, Any], subject: Subject) -> Iterator[Term]:
        """The end of the last day of a certificate."""
        last = (entry.get("certificate") or {}).get("until")
        if last is not None:
            day = dt.date.fromisoformat(last) + dt.timedelta(days=1)
            begins = dt.datetime(day.year, day.month, day.day, tzinfo=self.zone())
            yield Term(subject, int(begins.timestamp() * 1000))

    def changed(self, changes: Sequence[Change], now: int) -> list[Turn]:
        """The registry is another one since this record: what is open for what is gone or moved is over."""
        self._certificates = None
        self._at.clear()
        self._hours.clear()
        evaluation = self._fold.evaluation
        evaluation.relearn()
        evaluation.terms.soon()
        presence = evaluation.presence
        if any(change.kind in _FOR_ALL for change in changes):
            presence.stale(now)
        for change in changes:
            if change.kind == "devices":
                if change.body is None:
                    presence.removed(change.id)
                else:
                    presence.registered(change.id, now)
        return self._rebound(now)

    def _rebound(self, now: int) -> list[Turn]:
        evaluation, registry = self._fold.evaluation, self._fold.registry
        turns: list[Turn] = []
        for key in sorted(evaluation.watched):
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
