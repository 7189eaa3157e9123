"""Gathers how places and devices stand, from the registry, from what decide last heard, and from the state."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from devices.registry import Labels, Registry
from gateway import state
from gateway.api.services import Services
from gateway.core import Core
from gateway.decide.listed import last_day
from gateway.mirror.points import DAY_MS, DeviceFigures, PlaceFigures, UnitFigures
from gateway.verdicts import DEFAULT_REPORT_S, WITHOUT_READINGS, all_silent, is_online, place_state

#: Alerts in front of people whose cause stands, or that a person has still to close.
STANDING = ("active", "acknowledged", "latched")
#: The same and those that are over and nobody has looked at.
IN_FRONT = (*STANDING, "returned")
#: The roster is made again after so long, for entries with ``from`` and ``to``.
ROSTER_MS = 5 * 60_000


class _Device(NamedTuple):
    labels: Labels
    report_s: float | None
    certificate_until: int | None


class Roster:
    """Places and devices of one version of the registry, as of ``now`` (ms); read-only."""

    def __init__(self, registry: Registry, now: int, zone: ZoneInfo) -> None:
        self.version = registry.version
        self.made_at = now
        self.places = [_place(registry, name, now) for name in registry.ids("places")]
        self.district_of_place = {one.place: one.district for one in self.places}
        self.unit_of_place = {one.place: one.unit for one in self.places}
        self.kind_of_place = {one.place: one.kind for one in self.places}
        self.state_of_place = {
            name: (registry.get("places", name, now) or {}).get("state", "accepted") for name in self.unit_of_place
        }
        self.district_of_unit = {
            name: _district((registry.get("units", name) or {}).get("grid") or "") for name in registry.ids("units")
        }
        for one in self.places:
            if self.district_of_unit.get(one.unit) == "-":
                self.district_of_unit[one.unit] = one.district
        self.districts = [name for name in registry.ids("grid") if not (registry.get("grid", name) or {}).get("parent")]
        places = Counter(one.unit for one in self.places)
        self.units = [
            _unit(registry, name, self.district_of_unit[name], places[name]) for name in registry.ids("units")
        ]
        scales = _scales(registry, zone)
        self.devices = [_device(registry, name, now, zone, scales) for name in registry.ids("devices")]


class Standing:
    """Reads places and devices; keeps the roster between passes."""

    def __init__(self, view: Services, core: Core) -> None:
        self._view = view
        self._core = core
        self._roster: Roster | None = None
        self._heard = TerminalsHeard(view.engine)
        self._parked = Parked(view)

    def roster(self, now: int) -> Roster:
        """The roster of the registry as decided."""
        registry, known = self._view.registry(), self._roster
        if known is None or known.version != registry.version or not 0 <= now - known.made_at < ROSTER_MS:
            known = self._roster = Roster(registry, now, self._view.settings.zone)
        return known

    def read(self, now: int) -> tuple[list[PlaceFigures], list[DeviceFigures]]:
        """Every place and every device as of ``now``."""
        roster = self.roster(now)
        devices = self._devices(roster, now)
        heard: dict[str, list[bool]] = {}
        for one in devices:
            if one.kind not in WITHOUT_READINGS:
                heard.setdefault(one.place, []).append(one.online)
        alerts = _alerts_by_place(self._view.engine)
        places = [
            _standing(one, roster, alerts.get(one.place, []), silent=all_silent(heard.get(one.place, ())))
            for one in roster.places
        ]
        return places, devices

    def _devices(self, roster: Roster, now: int) -> list[DeviceFigures]:
        fold = self._core.decider.fold
        heard, status = dict(fold.heard), dict(fold.states)
        scanned = self._heard.read()
        parked = self._parked.read(now - DAY_MS)
        in_work, calibrated = _sessions(self._view.engine, now)
        found = []
        for labels, report_s, certificate_until in roster.devices:
            device = labels.device
            at = max((one for one in (heard.get(device), scanned.get(device)) if one is not None), default=None)
            found.append(
                DeviceFigures(
                    **labels._asdict(),
                    online=is_online(status.get(device), at, report_s, now),
                    heard_at=at,
                    delay_ms=self._delay(device, heard.get(device)),
                    parked=parked[device],
                    in_work=device in in_work,
                    certificate_until=certificate_until,
                    calibrated_at=calibrated.get(device),
                )
            )
        return found

    def _delay(self, device: str, heard_at: int | None) -> int | None:
        """How much later than its own time the newest reading came."""
        series = self._core.decider.fold.series
        newest = [one.ts for one in map(series.latest, series.of(device)) if one is not None]
        return None if heard_at is None or not newest else max(heard_at - max(newest), 0)


class TerminalsHeard:
    """When each terminal's last event came; reads only what is new since the last time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._seen = -1
        self._heard: dict[str, int] = {}

    def read(self) -> dict[str, int]:
        """Receive time (ms) by terminal."""
        table = state.custody_events
        newest = (
            sa.select(sa.func.max(table.c.offset).label("offset"))
            .where(table.c.offset > self._seen)
            .group_by(table.c.terminal)
            .subquery()
        )
        wanted = sa.select(table.c.terminal, table.c.received_at, table.c.offset).join(
            newest, newest.c.offset == table.c.offset
        )
        with self._engine.connect() as connection:
            for terminal, received_at, offset in connection.execute(wanted):
                self._heard[terminal] = received_at
                self._seen = max(self._seen, offset)
        return self._heard


def pairs(rows: Iterable[sa.Row[Any]]) -> Iterator[tuple[str, int]]:
    """Rows of two columns."""
    return ((str(name), int(number)) for name, number in map(tuple, rows))


class Parked:
    """Counts what is parked by device; what the store refused is looked up in the journal, once each."""

    def __init__(self, view: Services) -> None:
        self._view = view
        self._refused: dict[int, tuple[str, int]] = {}

    def read(self, since: int) -> Counter[str]:
        """Messages of each device that are parked, received after ``since`` (ms), by decide or by the store."""
        table, refused = state.outcomes, state.store_parked
        older = (
            sa.select(table.c.offset)
            .where(table.c.fate == "parked", table.c.received_at <= since)
            .order_by(table.c.offset.desc())
            .limit(1)
        )
        counted = sa.select(table.c.device, sa.func.count()).where(
            table.c.fate == "parked",
            table.c.redriven_by.is_(None),
            table.c.offset > sa.func.coalesce(older.scalar_subquery(), -1),
        )
        whole = sa.select(refused.c.offset).where(refused.c.whole, refused.c.redriven_by.is_(None))
        with self._view.engine.connect() as connection:
            found = Counter(dict(pairs(connection.execute(counted.group_by(table.c.device)))))
            offsets = connection.execute(whole.order_by(refused.c.offset.desc()).limit(MOST_REFUSED)).scalars().all()
        self._refused = {offset: self._refused.get(offset) or self._look_up(offset) for offset in offsets}
        found.update(device for device, received_at in self._refused.values() if received_at > since)
        return found

    def _look_up(self, offset: int) -> tuple[str, int]:
        """Whose message a record is and when it came; of one that the journal has no more nothing is known."""
        message = self._view.message(offset)
        address = None if message is None else self._view.registry().resolve(message.topic)
        return (address.device if address else None) or "", 0 if message is None else message.received_at


#: No more refused messages than these are looked up in the journal.
MOST_REFUSED = 200


def _place(registry: Registry, name: str, now: int) -> PlaceFigures:
    parts = registry.place_parts(name, now)
    body = registry.get("places", name, now) or registry.get("places", name) or {}
    zh, en = names_of(body.get("name"), name)
    return PlaceFigures(
        place=name,
        unit=parts.unit or body.get("unit") or "-",
        district=_district(parts.grid or body.get("grid") or ""),
        kind=body.get("kind") or "-",
        state=0,
        open_alerts=0,
        lat=body.get("lat"),
        lon=body.get("lon"),
        name_zh=zh,
        name_en=en,
    )


def _unit(registry: Registry, name: str, district: str, places: int) -> UnitFigures:
    body = registry.get("units", name) or {}
    zh, en = names_of(body.get("name"), name)
    return UnitFigures(name, district, body.get("kind") or "-", zh, en, places)


def names_of(name: str | Mapping[str, str] | None, otherwise: str) -> tuple[str, str]:
    """A name in both languages; one that is missing is the other, or the id."""
    if isinstance(name, Mapping):
        zh, en = name.get("zh") or "", name.get("en") or ""
        return zh or en or otherwise, en or zh or otherwise
    return name or otherwise, name or otherwise


def _district(grid: str) -> str:
    return grid.partition("/")[0] or "-"


def _standing(one: PlaceFigures, roster: Roster, alerts: list[tuple[str, str, str]], *, silent: bool) -> PlaceFigures:
    standing = [(severity, kind) for alert_state, severity, kind in alerts if alert_state in STANDING]
    verdict = place_state(roster.state_of_place[one.place], standing, silent=silent)
    return PlaceFigures(
        place=one.place, unit=one.unit, district=one.district, kind=one.kind, state=verdict, open_alerts=len(alerts),
        lat=one.lat, lon=one.lon, name_zh=one.name_zh, name_en=one.name_en,
    )  # fmt: skip


def _alerts_by_place(engine: sa.Engine) -> dict[str, list[tuple[str, str, str]]]:
    """(state, severity, kind) of the alerts in front of people."""
    table = state.alerts
    wanted = sa.select(table.c.place, table.c.state, table.c.severity, table.c.kind).where(table.c.state.in_(IN_FRONT))
    found: dict[str, list[tuple[str, str, str]]] = {}
    with engine.connect() as connection:
        for place, alert_state, severity, kind in connection.execute(wanted):
            found.setdefault(place, []).append((alert_state, severity, kind))
    return found


def _sessions(engine: sa.Engine, now: int) -> tuple[set[str], dict[str, int]]:
    """Devices under maintenance at ``now``, and when the last calibration of each ended."""
    table = state.sessions
    with engine.connect() as connection:
        opened = sa.select(table.c.device).where(
            table.c.opened_at <= now, table.c.until > now, sa.or_(table.c.closed_at.is_(None), table.c.closed_at > now)
        )
        in_work = set(connection.execute(opened).scalars())
        ended = (
            sa.select(table.c.device, sa.func.max(table.c.closed_at))
            .where(table.c.kind == "calibrate", table.c.closed_at <= now)
            .group_by(table.c.device)
        )
        return in_work, dict(pairs(connection.execute(ended)))


def _scales(registry: Registry, zone: ZoneInfo) -> dict[str, list[int]]:
    """Ends of the certificates of scales, by place."""
    found: dict[str, list[int]] = {}
    for name in registry.ids("scales"):
        body = registry.get("scales", name) or {}
        found.setdefault(body.get("place") or "", []).extend(_ends([body], zone))
    return found


def _device(registry: Registry, name: str, now: int, zone: ZoneInfo, scales: Mapping[str, list[int]]) -> _Device:
    body = registry.get("devices", name, now) or registry.get("devices", name) or {}
    labels = registry.tags(name, now)
    ends = _ends([body, *(body.get("channels") or ())], zone)
    if labels.kind == "terminal":
        ends += scales.get(labels.place, [])
    report_s = None if labels.kind in WITHOUT_READINGS else float(body.get("report_s") or DEFAULT_REPORT_S)
    return _Device(labels, report_s, min(ends, default=None))


def _ends(entries: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[int]:
    """When certificates end: the midnight after their last day."""
    days = [day for one in entries if (day := last_day(dict(one))) is not None]
    return [int(dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone).timestamp()) * 1000 for day in days]
