"""Positions of places in a registry file: brought to WGS-84, and refused where they cannot be meant."""

from __future__ import annotations

from typing import Any, cast

from devices.coordinates import SYSTEMS, Position, System, in_china, wgs84_of
from devices.files.faults import Fault, fault_at
from devices.files.raw import Raw, RawEntry

#: North of it nobody has tap water of this kind; a longitude of China taken for a latitude lies beyond it.
_NORTHERNMOST = 72.0


def system_of(raw: Raw, wanted: str, faults: list[Fault]) -> System:
    """The system of the file's positions: ``wanted`` and what the file says must not contradict each other."""
    said = raw.coordinates
    if said and said not in SYSTEMS:
        faults.append(fault_at(raw.coordinates_spot, said, "choice", ", ".join(SYSTEMS)))
    elif said and wanted and said != wanted:
        faults.append(fault_at(raw.coordinates_spot, said, "coordinates", wanted))
    chosen = wanted or said
    return cast("System", chosen) if chosen in SYSTEMS else "wgs84"


def locate(body: dict[str, Any] | None, entry: RawEntry, system: System, faults: list[Fault]) -> None:
    """Bring ``lat`` and ``lon`` of a valid place to WGS-84; a position that cannot be meant is a fault.

    ``body`` is None where the entry is not valid: then only a swapped position is named beside what is wrong.
    """
    if body is None:
        _swapped(entry, faults)
        return
    absent = [key for key in ("lat", "lon") if key not in body]
    if absent:
        # Half a position moves nowhere.
        if len(absent) == 1 and system != "wgs84":
            faults.append(fault_at(entry.spot((absent[0],)), None, "required"))
        return
    at = Position(body["lat"], body["lon"])
    if found := implausible(at, system):
        problem, allowed = found
        faults.append(fault_at(entry.spot(("lat",)), f"{at.lat:g}, {at.lon:g}", problem, allowed))
        return
    body["lat"], body["lon"] = wgs84_of(at, system)


def _swapped(entry: RawEntry, faults: list[Fault]) -> None:
    try:
        at = Position(float(entry.raw["lat"]), float(entry.raw["lon"]))
    except (KeyError, TypeError, ValueError):
        return
    if found := implausible(at, "wgs84"):
        faults.append(fault_at(entry.spot(("lat",)), f"{at.lat:g}, {at.lon:g}", *found))


def implausible(at: Position, system: System) -> tuple[str, str] | None:
    """(problem, what is allowed) of a position that cannot be meant."""
    swapped = Position(at.lon, at.lat)
    if in_china(swapped) and not in_china(at) and (at.lat > _NORTHERNMOST or system != "wgs84"):
        return "swapped", f"lat {swapped.lat:g}, lon {swapped.lon:g}"
    if at == (0.0, 0.0):
        return "position", "lat -90..90, lon -180..180, not 0, 0"
    if system != "wgs84" and not in_china(at):
        return "position", f"{system}: lat 0.83..55.83, lon 72..137.84"
    return None
