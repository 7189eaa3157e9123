"""The points that mirror the state into InfluxDB, out of plain figures (pure). docs/influx.md describes each field.

A point is a measurement with tags, a time in ms and fields: numbers become floats, texts strings, None is left out.
Tags are never empty (``-``), and no tag of a measurement has the name of one of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from alerts.kpi import FLOOD
from gateway.store.lines import NS_PER_MS, name, quoted, series

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
Value = float | str | None

#: Fields that change by themselves as time goes by: that alone is no reason to write a point anew.
DRIFTING: Mapping[str, frozenset[str]] = {
    "device_health": frozenset({"silent_s", "delay_s"}),
    "waste_store": frozenset({"oldest_h"}),
    "manifest": frozenset({"age_h"}),
}


class Point(NamedTuple):
    """One point; ``at`` is in ms since 1970 UTC."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, Value]
    at: int

    @property
    def series(self) -> str:
        """Measurement and tags as line protocol writes them."""
        return series(self.measurement, {tag: text or "-" for tag, text in self.tags.items()})

    @property
    def steady(self) -> dict[str, Value]:
        """The fields without those that drift."""
        drifting = DRIFTING.get(self.measurement, frozenset[str]())
        return {field: value for field, value in self.fields.items() if field not in drifting}

    def line(self) -> bytes:
        """The line protocol of it; at least one field is not None."""
        fields = ",".join(
            f"{name(field)}={quoted(value) if isinstance(value, str) else repr(float(value))}"
            for field, value in self.fields.items()
            if value is not None
        )
        return f"{self.series} {fields} {self.at * NS_PER_MS}".encode("utf-8", "replace")


class PlaceFigures(msgspec.Struct, frozen=True):
    """A place of the registry and how it stands (``gateway.verdicts.place_state``)."""

    place: str
    unit: str
    district: str
    kind: str
    state: int
    open_alerts: int
    lat: float | None
    lon: float | None
    name_zh: str
    name_en: str


class UnitFigures(msgspec.Struct, frozen=True):
    """A supervised body and how many places it has."""

    unit: str
    district: str
    kind: str
    name_zh: str
    name_en: str
    places: int


class DeviceFigures(msgspec.Struct, frozen=True):
    """A device of the registry. Times in ms; None = not known, or none."""

    device: str
    place: str
    unit: str
    district: str
    kind: str
    online: bool
    heard_at: int | None
    delay_ms: int | None
    parked: int
    in_work: bool
    certificate_until: int | None
    calibrated_at: int | None


class StoreFigures(msgspec.Struct, frozen=True):
    """What stands in a store of waste, of one category."""

    place: str
    unit: str
    district: str
    category: str
    containers: int
    net_g: int
    oldest_at: int | None
    overdue: int


class WasteDay(msgspec.Struct, frozen=True):
    """The balance of a unit, local day and category (``custody.balance.Row``); weights in grams, None = not weighed."""

    unit: str
    district: str
    category: str
    start: int
    containers: int = 0
    collected: int = 0
    stored: int = 0
    loaded: int = 0
    received: int = 0
    disposed: int = 0
    packed_g: int | None = None
    collected_g: int | None = None
    stored_g: int | None = None
    out_g: int | None = None
    loaded_g: int | None = None
    received_g: int | None = None
    disposed_g: int | None = None
    difference_g: int = 0
    tolerance_g: int = 0
    unconfirmed: int = 0
    exceptions: int = 0


class ManifestFigures(msgspec.Struct, frozen=True):
    """A manifest as it stands; times in ms."""

    manifest: str
    unit: str
    district: str
    state: str
    containers: int
    net_g: int | None
    began_at: int
    departed_at: int | None
    confirmed_at: int | None


class AlertDay(msgspec.Struct, frozen=True):
    """Alerts of one rule, severity and district that came up on a local day (``gateway.mirror.answers``)."""

    district: str
    severity: str
    rule: str
    start: int
    fired: int
    acknowledged: int
    in_time: int
    ack_p50_ms: int | None
    ack_p95_ms: int | None
    closed: int
    standing: int


def place(one: PlaceFigures, at: int) -> Point:
    """``place``: the map and the board of a city."""
    tags = {"place": one.place, "unit": one.unit, "district": one.district, "kind": one.kind}
    fields: dict[str, Value] = {
        "state": one.state,
        "open_alerts": one.open_alerts,
        "lat": one.lat,
        "lon": one.lon,
        "name_zh": one.name_zh,
        "name_en": one.name_en,
    }
    return Point("place", tags, fields, at)


def unit(one: UnitFigures, at: int) -> Point:
    """``unit``: what a supervised body is called."""
    tags = {"unit": one.unit, "district": one.district, "kind": one.kind}
    return Point("unit", tags, {"name_zh": one.name_zh, "name_en": one.name_en, "places": one.places}, at)


def device(one: DeviceFigures, at: int) -> Point:
    """``device_health``: whether a device is heard, how late, and how it is looked after."""
    tags = {
        "device": one.device,
        "place": one.place,
        "unit": one.unit,
        "district": one.district,
        "kind": one.kind,
    }
    until, calibrated = one.certificate_until, one.calibrated_at
    fields: dict[str, Value] = {
        "online": one.online,
        "silent_s": None if one.heard_at is None else max(at - one.heard_at, 0) / 1000,
        "delay_s": None if one.delay_ms is None else one.delay_ms / 1000,
        "parked": one.parked,
        "in_work": one.in_work,
        "certificate_days": None if until is None else (until - at) // DAY_MS,
        "calibrated_days": None if calibrated is None else max(at - calibrated, 0) // DAY_MS,
    }
    return Point("device_health", tags, fields, at)


def waste_store(one: StoreFigures, at: int) -> Point:
    """``waste_store``: what stands in a store now; an empty one has zeros."""
    tags = {"place": one.place, "unit": one.unit, "district": one.district, "category": one.category}
    fields: dict[str, Value] = {
        "containers": one.containers,
        "net_g": one.net_g,
        "oldest_h": 0 if one.oldest_at is None else max(at - one.oldest_at, 0) / HOUR_MS,
        "overdue": one.overdue,
    }
    return Point("waste_store", tags, fields, at)


def waste_day(one: WasteDay) -> Point:
    """``waste_day``: the balance of a local day, at its beginning."""
    tags = {"unit": one.unit, "district": one.district, "category": one.category}
    keys = [key for key in WasteDay.__struct_fields__ if key not in {*tags, "start"}]
    return Point("waste_day", tags, {key: getattr(one, key) for key in keys}, one.start)


#: The fields of ``waste_day`` that are added up by district.
SUMMED = tuple(name for name in WasteDay.__struct_fields__ if name not in {"unit", "district", "category", "start"})


def waste_district_day(district: str, category: str, sums: Mapping[str, float | None], start: int) -> Point:
    """``waste_district_day``: ``waste_day`` added up over the units of a district; ``sums`` with ``units``."""
    return Point("waste_district_day", {"district": district, "category": category}, dict(sums), start)


def manifest(one: ManifestFigures, at: int) -> Point:
    """``manifest``: a transfer, at the time of its first event; ``age_h`` runs from departure to confirmation."""
    began = one.departed_at if one.departed_at is not None else one.began_at
    ended = at if one.confirmed_at is None else one.confirmed_at
    fields: dict[str, Value] = {
        "state": one.state,
        "containers": one.containers,
        "net_g": one.net_g,
        "confirmed": one.confirmed_at is not None,
        "age_h": max(ended - began, 0) / HOUR_MS,
    }
    return Point(
        "manifest", {"manifest": one.manifest, "unit": one.unit, "district": one.district}, fields, one.began_at
    )


def alert_day(one: AlertDay) -> Point:
    """``alert_day``: what became of the alerts of a local day, at its beginning."""
    fields: dict[str, Value] = {
        "fired": one.fired,
        "acknowledged": one.acknowledged,
        "in_time": one.in_time,
        "ack_p50_s": None if one.ack_p50_ms is None else one.ack_p50_ms / 1000,
        "ack_p95_s": None if one.ack_p95_ms is None else one.ack_p95_ms / 1000,
        "closed": one.closed,
        "standing": one.standing,
    }
    tags = {"district": one.district, "severity": one.severity, "rule": one.rule}
    return Point("alert_day", tags, fields, one.start)


def alert_load(district: str, fired: int, open_alerts: int | None, start: int) -> Point:
    """``alert_load``: ten minutes from ``start`` on; ``open_alerts`` None where nobody counted them then."""
    fields: dict[str, Value] = {"fired": fired, "open_alerts": open_alerts, "flood": fired >= FLOOD}
    return Point("alert_load", {"district": district}, fields, start)


def gateway(client_id: str, figures: Mapping[str, float | None], at: int) -> Point:
    """``gateway``: the gateway's own counters and lags."""
    return Point("gateway", {"gateway": client_id}, dict(figures), at)


class Memory:
    """What was written last, so that only what changed is written; what a failed write held is forgotten.

    Points of one moment (``now``) are written anew as a whole every so often; those with a time of their own
    (a day, a manifest) only when they change.
    """

    def __init__(self) -> None:
        self._now: dict[str, dict[str, Value]] = {}
        self._dated: dict[tuple[str, int], dict[str, Value]] = {}

    def now(self, points: Sequence[Point], *, whole: bool) -> list[Point]:
        """Those of ``points`` that are to be written."""
        found = []
        for one in points:
            steady = one.steady
            if self._now.get(one.series) != steady or whole:
                self._now[one.series] = steady
                found.append(one)
        return found

    def dated(self, points: Sequence[Point], *, whole: bool) -> list[Point]:
        """The same of points with a time of their own: whole is whatever differs at all."""
        found = []
        for one in points:
            key, known = (one.series, one.at), self._dated.get((one.series, one.at))
            fields = dict(one.fields)
            drifting = DRIFTING.get(one.measurement, frozenset[str]())
            if known is None or (known != fields if whole or not drifting else _steady(known, drifting) != one.steady):
                self._dated[key] = fields
                found.append(one)
        return found

    def forget(self) -> None:
        """Write all anew: what was made last may not have arrived."""
        self._now.clear()
        self._dated.clear()

    def forget_before(self, at: int) -> None:
        """Let go of points with a time before ``at``; should they change once more, they are written."""
        for key in [key for key in self._dated if key[1] < at]:
            del self._dated[key]


def _steady(fields: Mapping[str, Value], drifting: frozenset[str]) -> dict[str, Value]:
    return {field: value for field, value in fields.items() if field not in drifting}
