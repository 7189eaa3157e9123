"""The registry file of a simulated city (DESIGN 4.6): whatever its events name is in it, and no name of a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devices.simulate.chains import Work
from devices.simulate.city import BIN_TARE_G, CARRIER, PLANT, City, Post
from devices.simulate.districts import DISTRICTS, grid_entries, grid_of, position_of
from devices.simulate.waste import Closures

Entry = dict[str, Any]
#: Where the plant and the carrier's yard are.
_OUTSKIRTS = "sim-west"
LAST_LABEL = 9_999_999
_CERTIFICATE = {"number": "SIM-0001", "from": "2020-01-01", "until": "2099-12-31"}
_SIX_DAYS = "sim-six-days"
_ALL_DAYS = "sim-all-days"


def registry_of(city: City, work: Work, closures: Closures, *, rounds: bool) -> dict[str, list[Entry]]:
    """All sections. ``rounds``: nobody works by the calendar, so nothing is ever due."""
    found: dict[str, list[Entry]] = {
        "units": list(_units(city, rounds=rounds)),
        "places": list(_places(city)),
        "grid": grid_entries(),
        "devices": [],
        "scales": [],
        "people": [
            {"id": f"p-{badge}", "badge": badge, "unit": unit, "role": role} for badge, unit, role in city.people
        ],
        "vehicles": [
            {"id": one.id, "unit": CARRIER, "place": one.post.place, "plate": f"SIM{n:04d}", "tare_g": 3_200_000}
            for n, one in enumerate(city.trucks, 1)
        ],
        "calendars": _calendars(closures),
        "containers": [
            {"id": name, "ids": [{"k": "qr", "v": name}], "kind": "bin", "unit": one.id, "tare_g": BIN_TARE_G}
            for one in city.hospitals
            for name in one.bins
        ],
        "labels": [
            {
                "id": f"labels-{unit}",
                "unit": unit,
                "prefix": work.prefix(unit),
                "first": 1,
                "last": 9_999_999,
                "digits": 7,
            }
            for unit in _producers(city)
        ],
    }
    for post in _posts(city):
        found["devices"].append({"id": post.terminal, "place": post.place, "kind": "terminal"})
        scale = {"id": post.scale, "unit": post.unit, "place": post.place, "division_g": post.division_g}
        found["scales"].append(scale | {"max_g": 600_000, "certificate": _CERTIFICATE})
    return {section: entries for section, entries in found.items() if entries}


def _posts(city: City) -> Iterator[Post]:
    """Every terminal once."""
    found: dict[str, Post] = {}
    if city.plant is not None:
        found[city.plant.terminal] = city.plant
    for truck in city.trucks:
        found[truck.post.terminal] = truck.post
    for hospital in city.hospitals:
        for post in (*(one.post for one in hospital.departments), hospital.store):
            found.setdefault(post.terminal, post)
    for point in city.points:
        found[point.post.terminal] = point.post
    yield from found.values()


def _producers(city: City) -> list[str]:
    return [*(one.id for one in city.hospitals), *(one.id for one in city.clinics)]


def _units(city: City, *, rounds: bool) -> Iterator[Entry]:
    if city.trucks:
        yield _unit(CARRIER, "carrier", "模拟医废运输公司", "Simulated carrier")
        yield _unit(PLANT, "plant", "模拟医废处置中心", "Simulated disposal plant")
    call = {"collection": {"every": "call"}}
    for hospital in city.hospitals:
        n = hospital.number + 1
        unit = _unit(hospital.id, "hospital", f"模拟医院{n}", f"Simulated hospital {n}", "hospital")
        yield unit | {"beds": hospital.beds, "calendar": _ALL_DAYS} | (call if rounds else {})
    for point in city.points:
        n = point.number + 1
        unit = _unit(point.id, "clinic", f"模拟收集点{n}", f"Simulated collection point {n}", "collection_point")
        yield unit | {"calendar": _SIX_DAYS} | (call if rounds else {})
    for clinic in city.clinics:
        n = clinic.number + 1
        unit = _unit(clinic.id, "clinic", f"模拟诊所{n}", f"Simulated clinic {n}", "clinic")
        yield unit | {"calendar": _SIX_DAYS} | (call if rounds or clinic.calls else {})


def _unit(name: str, kind: str, zh: str, en: str, producer: str = "") -> Entry:
    entry: Entry = {"id": name, "name": {"zh": zh, "en": en}, "kind": kind}
    return entry | ({"producer": producer} if producer else {})


def _places(city: City) -> Iterator[Entry]:
    if city.plant is not None:
        at = position_of(_OUTSKIRTS, 0)
        yield _place(city.plant.place, PLANT, "disposal_plant", _OUTSKIRTS, ("卸料口", "Gate")) | at
    for truck in city.trucks:
        yield _place(
            truck.post.place, CARRIER, "vehicle", _OUTSKIRTS, (f"医废车{truck.id[2:]}", f"Vehicle {truck.id[2:]}")
        )
    for hospital in city.hospitals:
        grid, at = grid_of(hospital.number), _seat(hospital.number, 0)
        yield _place(hospital.store.place, hospital.id, "waste_store", grid, ("医废暂存间", "Waste store")) | at
        for one in hospital.departments:
            n = str(one.number) if one.place[-1].isdigit() else ""
            words = (f"{one.kind.zh}{n}", f"{one.kind.en} {n}".strip())
            yield _place(one.place, hospital.id, "department", grid, words) | at
    for point in city.points:
        grid, words = grid_of(point.number), ("收集间", "Collection room")
        yield _place(point.post.place, point.id, "collection_point", grid, words) | _seat(point.number, 1)
    for clinic in city.clinics:
        grid, words = grid_of(clinic.number), ("医废点", "Waste corner")
        yield _place(clinic.place, clinic.id, "clinic", grid, words) | _seat(clinic.number, 2)


def _place(name: str, unit: str, kind: str, grid: str, words: tuple[str, str]) -> Entry:
    return {"id": name, "unit": unit, "kind": kind, "grid": grid, "name": dict(zip(("zh", "en"), words, strict=True))}


def _seat(number: int, sort: int) -> Entry:
    """Where the ``number``-th unit of a sort stands in its district."""
    return {**position_of(grid_of(number), 4 * (number // len(DISTRICTS)) + sort + 1)}


def _calendars(closures: Closures) -> list[Entry]:
    six_days: Entry = {"id": _SIX_DAYS, "weekdays": [1, 2, 3, 4, 5, 6]}
    if closures.holidays:
        six_days |= {"holidays": sorted(closures.holidays), "workdays": sorted(closures.workdays)}
    return [six_days, {"id": _ALL_DAYS, "weekdays": [1, 2, 3, 4, 5, 6, 7]}]
