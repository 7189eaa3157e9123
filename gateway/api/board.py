"""Every place with its newest values beside their limits: what the page shows, worked out for all readers at once."""

from __future__ import annotations

import threading
import time
from typing import Any, Literal

import msgspec

from gateway.api.scope import Scope
from gateway.api.services import Band, Latest, Services
from gateway.api.whereabouts import Whereabouts
from gateway.verdicts import DEFAULT_REPORT_S, WITHOUT_READINGS, patience_ms

#: The board is not older than this, and working it out takes at most a twentieth of the time.
FRESH_S = 1.0
SHARE = 20

Condition = Literal["out", "silent", "ok", "none"]
_ORDER: dict[str, int] = {"out": 0, "silent": 1, "ok": 2, "none": 3}


class ChannelNow(msgspec.Struct, frozen=True):
    """A channel. ``verdict``: ``ok, high, low, none`` (no limit), ``flag`` (not a normal value) or ``silent``."""

    device: str
    point: str
    parameter: str
    ts: int
    received_at: int
    value: float
    flag: str
    since: int | None
    low: float | None
    high: float | None
    source: str
    verdict: str


class PlaceNow(msgspec.Struct, frozen=True):
    """A place, or a device without one (then ``id`` is empty). ``condition`` is the worst of its channels.

    ``key`` is the place's id, or the device's after a tilde.
    """

    key: str
    id: str
    name: Any
    unit: str
    unit_name: Any
    kind: str
    grid: str
    grid_names: list[Any]
    state: str
    profile: str
    devices: list[str]
    channels: list[ChannelNow]
    received_at: int | None
    condition: Condition
    #: What the filter box finds, lower case.
    words: str


class Board:
    """The places of one moment, worst first."""

    def __init__(self, services: Services, where: Whereabouts) -> None:
        self.now = services.clock.now_ms()
        at: dict[str, list[str]] = {name: [] for name in where.places}
        lost: list[str] = []
        for device, spot in where.devices.items():
            at.get(spot.place, lost).append(device)
        places = [_place(services, where, name, devices, self.now) for name, devices in at.items()]
        places += [_place(services, where, "", [device], self.now) for device in lost]
        self.places = sorted(places, key=lambda one: (_ORDER[one.condition], one.unit, one.id))

    def of(self, scope: Scope) -> list[PlaceNow]:
        """The places in scope."""
        if scope.everything:
            return self.places
        return [one for one in self.places if scope.covers(one.unit, one.grid)]


class BoardCache:
    """The newest board; made again when somebody asks and it is too old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._board: Board | None = None
        self._until = 0.0

    def get(self, services: Services, where: Whereabouts) -> Board:
        """A board of the last second, or as young as its cost allows."""
        with self._lock:
            begun = time.monotonic()
            if self._board is None or begun >= self._until:
                self._board = Board(services, where)
                done = time.monotonic()
                self._until = done + max(FRESH_S, SHARE * (done - begun))
            return self._board


def _place(services: Services, where: Whereabouts, name: str, devices: list[str], now: int) -> PlaceNow:
    registry = where.registry
    body = (registry.get("places", name, now) or registry.get("places", name) or {}) if name else {}
    spot = where.places.get(name)
    unit = spot.unit if spot else ""
    channels: list[ChannelNow] = []
    measuring = False
    for device in devices:
        entry = registry.get("devices", device, now) or registry.get("devices", device) or {}
        measuring = measuring or entry.get("kind") not in WITHOUT_READINGS
        channels += _channels(services, device, entry, now)
    shown_name = body.get("name") or (name or devices[0])
    unit_name = (registry.get("units", unit) or {}).get("name") or unit
    grid = spot.grid if spot else ""
    grid_names = [(registry.get("grid", step) or {}).get("name") or step for step in grid.split("/") if step]
    return PlaceNow(
        key=name or f"~{devices[0]}",
        id=name,
        name=shown_name,
        unit=unit,
        unit_name=unit_name,
        kind=body.get("kind") or "",
        grid=grid,
        grid_names=grid_names,
        state=body.get("state") or "accepted",
        profile=body.get("profile") or "",
        devices=devices,
        channels=channels,
        received_at=max((one.received_at for one in channels), default=None),
        condition=_condition(channels, measuring=measuring and bool(devices)),
        words=" ".join(_texts(name, shown_name, unit, unit_name, grid, *grid_names, *devices)).lower(),
    )


def _channels(services: Services, device: str, entry: dict[str, Any], now: int) -> list[ChannelNow]:
    bands = {(band.point, band.parameter): band for band in services.bands(device)}
    usual = entry.get("report_s") or DEFAULT_REPORT_S
    own = {
        (one.get("point") or "-", one.get("parameter")): one["report_s"]
        for one in entry.get("channels") or []
        if one.get("report_s")
    }
    found = []
    for one in services.latest(device):
        key = (one.point, one.parameter)
        patience = patience_ms(own.get(key, usual))
        found.append(_channel(one, bands.get(key), silent=now - one.received_at > patience))
    return found


def _channel(one: Latest, band: Band | None, *, silent: bool) -> ChannelNow:
    low = band.low if band else None
    high = band.high if band else None
    verdict = "none" if low is None and high is None else "ok"
    if silent:
        verdict = "silent"
    elif one.flag != "N":
        verdict = "flag"
    elif low is not None and one.value < low:
        verdict = "low"
    elif high is not None and one.value > high:
        verdict = "high"
    return ChannelNow(
        device=one.device,
        point=one.point,
        parameter=one.parameter,
        ts=one.ts,
        received_at=one.received_at,
        value=one.value,
        flag=one.flag,
        since=one.since,
        low=low,
        high=high,
        source=band.source if band else "",
        verdict=verdict,
    )


def _condition(channels: list[ChannelNow], *, measuring: bool) -> Condition:
    verdicts = {one.verdict for one in channels}
    if verdicts & {"high", "low"}:
        return "out"
    if "silent" in verdicts or (measuring and not channels):
        return "silent"
    return "ok" if channels else "none"


def _texts(*parts: Any) -> list[str]:  # noqa: ANN401 - a name is a text or one in each language
    return [text for part in parts for text in (part.values() if isinstance(part, dict) else [part]) if text]
