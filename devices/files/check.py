"""Judging a whole registry file: each entry by itself, then what entries say of each other, all faults at once."""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from devices.fields import DEFAULT_ZONE, instant
from devices.files.claims import Claim, claims_of, shared_ids, shared_numbers
from devices.files.faults import Fault, Path, fault_at, refusals
from devices.files.headings import normal, sheets
from devices.files.located import locate, system_of
from devices.files.mapfile import MapFile, entries_of
from devices.files.raw import Raw, RawEntry
from devices.files.words import SECTIONS_ZH
from devices.registry import Change, Registry, split_private
from devices.sections import MODELS, SHEETS, Rows, body_of

#: (section, key that refers with those above it, section it refers to).
_REFERENCES = (
    ("units", "contacts", "people"),
    ("units", "calendar", "calendars"),
    ("places", "unit", "units"),
    ("places", "parent", "places"),
    ("places", "upstream", "places"),
    ("grid", "parent", "grid"),
    ("grid", "officers", "people"),
    ("devices", "place", "places"),
    ("scales", "unit", "units"),
    ("scales", "place", "places"),
    ("people", "unit", "units"),
    ("vehicles", "unit", "units"),
    ("vehicles", "place", "places"),
    ("containers", "unit", "units"),
    ("labels", "unit", "units"),
    ("teams", "members", "people"),
    ("teams", "calendar", "calendars"),
    ("teams", "roster.people", "people"),
    ("teams", "rotate.people", "people"),
)

Bodies = dict[str, dict[str, dict[str, Any]]]
Model = TypeVar("Model", bound=BaseModel)


class Document(msgspec.Struct):
    """The valid content of a registry file: {section: {id: body}}, and {person: private data} kept apart."""

    entries: dict[str, dict[str, dict[str, Any]]]
    private: dict[str, dict[str, Any]]


class Checked(msgspec.Struct):
    """What a file says and all its faults; ``document`` counts only where there are none."""

    document: Document
    faults: list[Fault]
    #: The map file itself, where it is one.
    mapping: MapFile | None = None


class _Judged(msgspec.Struct):
    """An entry with its id as written, its body where it is valid by itself, and the time it holds (ms)."""

    entry: RawEntry
    id: str
    body: dict[str, Any] | None
    begin: float
    end: float

    @property
    def timed(self) -> bool:
        return math.isfinite(self.begin) or math.isfinite(self.end)

    def fault(self, path: Path, value: object, problem: str, allowed: str) -> Fault:
        return fault_at(self.entry.spot(path), value, problem, allowed)


def check(
    raw: Raw,
    current: Registry | None = None,
    zone: str = DEFAULT_ZONE,
    profiles: Collection[str] | None = None,
    coordinates: str = "",
) -> Checked:
    """Judge what a reader found, against itself and what is registered already. ``zone`` is that of bare dates.

    ``profiles`` are the limit profiles that a place may name; None = any. ``coordinates`` is the system of the file's
    positions where it does not say it itself; what is kept is WGS-84.
    """
    current = current or Registry()
    faults = list(raw.faults)
    entries = list(raw.entries)
    mapping = None
    if raw.mapping is not None:
        mapping = _validated(MapFile, raw.mapping, zone, faults)
        if mapping is not None:
            spot = raw.mapping.spot
            entries += [RawEntry(section, body, spot) for section, body in entries_of(mapping, current)]
    for sheet in raw.kept:
        _keep(SHEETS[sheet], entries, current)
    judged = [_judge(entry, zone, faults) for entry in entries]
    system = system_of(raw, coordinates, faults)
    # What a map file registers is in the registry's own system already.
    for one in judged[: len(raw.entries)]:
        if one.entry.section == "places":
            locate(one.body, one.entry, system, faults)
    bodies = _by_id(judged, faults)
    _References(judged, current, faults).judge()
    faults += shared_ids(_claims("containers", judged, current))
    faults += shared_numbers(_claims("labels", judged, current))
    if profiles is not None:
        faults += _unknown_profiles(judged, profiles)
    faults.sort(key=_place_of)
    return Checked(_document(bodies), faults, mapping)


def _place_of(fault: Fault) -> tuple[int, str, int]:
    section = sheets().get(normal(fault.sheet.removesuffix(".csv")), "")
    return (list(SECTIONS_ZH).index(section) if section else -1, fault.sheet, fault.row)


def changes_of(document: Document, current: Registry) -> list[Change]:
    """The changes that make the registry say what the document says; entries that are equal are left out.

    Private data of people are not in them (``Document.private``). Nothing is removed.
    """
    return [
        Change(section, name, body)
        for section, bodies in document.entries.items()
        for name, body in bodies.items()
        if current.body(section, name) != body
    ]


def _keep(rows: Rows, entries: list[RawEntry], current: Registry) -> None:
    for entry in entries:
        known = current.get(rows.section, str(entry.raw.get("id"))) if entry.section == rows.section else None
        if known and rows.key in known:
            entry.raw.setdefault(rows.key, known[rows.key])


def _claims(section: str, judged: list[_Judged], current: Registry) -> list[Claim]:
    valid = ((one, one.body) for one in judged if one.entry.section == section)
    return claims_of(section, (Claim(one.id, body, one.fault) for one, body in valid if body is not None), current)


def _unknown_profiles(judged: list[_Judged], profiles: Collection[str]) -> Iterator[Fault]:
    for one in judged:
        name = _text(one.entry.raw.get("profile")) if one.entry.section == "places" else ""
        if name and name not in profiles:
            yield one.fault(("profile",), name, "choice", ", ".join(sorted(profiles)))


def _validated(model: type[Model], entry: RawEntry, zone: str, faults: list[Fault]) -> Model | None:
    """The entry as its model has it; None, with the faults noted, where it is not valid."""
    try:
        return model.model_validate(entry.raw, context={"zone": zone})
    except ValidationError as error:
        for path, value, what, allowed in refusals(error, model):
            key = ".".join([entry.section, *(step for step in path if isinstance(step, str))])
            faults.append(fault_at(entry.spot(path), value, what, allowed, _sheet_key(key)))
        return None


def _sheet_key(key: str) -> str:
    """``devices.channels.mode`` as the sheet of channels has it: ``channels.mode``."""
    for sheet, rows in SHEETS.items():
        if key.startswith(above := f"{rows.section}.{rows.key}."):
            return f"{sheet}.{key.removeprefix(above)}"
    return key


def _judge(entry: RawEntry, zone: str, faults: list[Fault]) -> _Judged:
    found = _validated(MODELS[entry.section], entry, zone, faults)
    if found is not None:
        body = body_of(found)
        return _Judged(entry, body["id"], body, body.get("from", -math.inf), body.get("to", math.inf))
    place = zoneinfo.ZoneInfo(zone)
    bounds = []
    for key, open_end in (("from", -math.inf), ("to", math.inf)):
        try:
            bounds.append(float(instant(entry.raw[key], place)))
        except (KeyError, ValueError, OverflowError):
            bounds.append(open_end)
    return _Judged(entry, str(entry.raw.get("id", "")).strip(), None, bounds[0], bounds[1])


def _by_id(judged: list[_Judged], faults: list[Fault]) -> Bodies:
    """Bodies by section and id; entries that share an id become periods, in order of ``from``."""
    groups: dict[tuple[str, str], list[_Judged]] = {}
    for one in judged:
        if one.id:
            groups.setdefault((one.entry.section, one.id), []).append(one)
    bodies: Bodies = {}
    for (section, name), group in groups.items():
        group.sort(key=lambda one: one.begin)
        for before, after in pairwise(group):
            first = before.entry.spot(("id",))
            where = f"{first.sheet} {first.row}"
            if not before.timed and not after.timed:
                faults.append(after.fault(("id",), name, "duplicate", where))
            elif before.end > after.begin:
                faults.append(after.fault(("from",), name, "overlap", where))
        found = [one.body for one in group if one.body is not None]
        if found:
            bodies.setdefault(section, {})[name] = found[0] if len(found) == 1 else {"id": name, "periods": found}
    return bodies


def _document(bodies: Bodies) -> Document:
    public: Bodies = {}
    private: dict[str, dict[str, Any]] = {}
    for section in MODELS:
        if section == "people":
            for name, body in bodies.get(section, {}).items():
                public.setdefault(section, {})[name], private[name] = split_private(body)
        elif section in bodies:
            public[section] = bodies[section]
    return Document(public, {name: part for name, part in private.items() if part})


class _References:
    """What entries say of each other, in this file and in what is registered already; also of entries with faults."""

    def __init__(self, judged: list[_Judged], current: Registry, faults: list[Fault]) -> None:
        self._judged = judged
        self._current = current
        self._faults = faults
        self._parents = {(one.entry.section, one.id): _text(one.entry.raw.get("parent")) for one in judged}
        self._paths: dict[str, str] = {}

    def judge(self) -> None:
        """Note every reference that leads nowhere, every wrong grid path and every circle of parents."""
        keys: dict[str, list[tuple[str, str]]] = {}
        for section, key, target in _REFERENCES:
            keys.setdefault(section, []).append((key, target))
        for one in self._judged:
            section, raw = one.entry.section, one.entry.raw
            for key, target in keys.get(section, ()):
                for path, name in _names(raw, key.split(".")):
                    self._exists(one, path, name, target)
            if _text(raw.get("grid")) and section in {"units", "places"}:
                self._grid(one, _text(raw["grid"]))
            if _text(raw.get("parent")) and (trail := self._circle(section, one.id)):
                self._faults.append(one.fault(("parent",), raw["parent"], "cycle", trail))
            if section == "sources" and _text(raw.get("device")).startswith("="):
                self._exists(one, ("device",), _text(raw["device"])[1:], "devices")

    def _exists(self, one: _Judged, path: Path, name: str, target: str) -> bool:
        if (target, name) in self._parents or self._current.knows(target, name):
            return True
        self._faults.append(one.fault(path, name, "dangling", target))
        return False

    def _parent(self, section: str, name: str) -> str:
        found = self._parents.get((section, name))
        if found is None:
            found = str((self._current.get(section, name) or {}).get("parent", ""))
        return found

    def _circle(self, section: str, name: str) -> str:
        trail = [name]
        above = self._parent(section, name)
        while above and above not in trail:
            trail.append(above)
            above = self._parent(section, above)
        return " > ".join([*trail, name]) if above == name else ""

    def _grid(self, one: _Judged, path: str) -> None:
        last = path.rsplit("/", 1)[-1]
        if not self._exists(one, ("grid",), last, "grid"):
            return
        full = self._paths.get(last)
        if full is None:
            steps = [last]
            while (above := self._parent("grid", steps[0])) and above not in steps:
                steps.insert(0, above)
            full = self._paths[last] = "/".join(steps)
        if path != full:
            self._faults.append(one.fault(("grid",), path, "grid_path", full))


def _names(value: object, keys: Sequence[str], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(path, reference) of every reference below ``keys``, however many lists are on the way."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _names(one, keys, (*path, index))
    elif keys and isinstance(value, dict):
        yield from _names(value.get(keys[0]), keys[1:], (*path, keys[0]))
    elif not keys and _text(value):
        yield path, _text(value)


def _text(value: object) -> str:
    """A reference as text; a value of any other shape is the model's to refuse."""
    return str(value).strip() if isinstance(value, str | int) else ""
