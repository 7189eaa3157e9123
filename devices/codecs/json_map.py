"""The codec of JSON that other makers' devices send, by the registry's source (DESIGN 4.6).

``map`` says which fields are parameters: a plain key of the object, or a JSON path from its root (``$.data.cl[0]``,
``$['Cl 2']``). Fields that are not mapped are ignored: such payloads are full of signal strengths and serial numbers. A
payload that is an array of objects is several readings, except where a path begins at the array (``$[0].cl``).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from devices.codecs.document import NotJsonError, parse
from devices.codecs.rows import Stamp, add_reading, finish, stamp
from devices.codecs.times import ReadTime, TimeFormatError, compile_time
from devices.plan import Plan, Profile
from devices.reading import Decoded, Refusal
from devices.validate import Channel, shown, unix_ms

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['([^']*)'\]", re.ASCII)
_TOPIC = re.compile(r"topic\[(\d{1,4})\]", re.ASCII)
_ABSENT = object()

#: Keys and places in arrays, from the root of a document.
Path = tuple[str | int, ...]


class PathError(ValueError):
    """A field that is no JSON path as this codec understands it."""


class _Field(msgspec.Struct, frozen=True):
    key: str
    path: Path
    channel: Channel | None


class _Compiled(msgspec.Struct, frozen=True):
    """A source, taken apart at its first message. ``whole``: some path begins at an array, so there is one reading."""

    fields: tuple[_Field, ...] = ()
    time: Path | None = None
    read_time: ReadTime = unix_ms
    whole: bool = False
    fault: str = ""


def decode(payload: bytes, plan: Plan, received_at: int) -> Decoded:
    """The readings of one message that was received at ``received_at`` (ms since 1970 UTC). Never raises."""
    compiled = plan.profile.compiled
    if not isinstance(compiled, _Compiled):
        compiled = plan.profile.compiled = _compile(plan.profile)
    decoded = Decoded([], [])
    if compiled.fault:
        decoded.fault, decoded.detail = "bad_source", compiled.fault
        return decoded
    try:
        document = parse(payload)
    except NotJsonError as error:
        decoded.fault, decoded.detail = "not_json", str(error)
        return decoded
    if not isinstance(document, dict | list):
        decoded.fault, decoded.detail = "bad_shape", f"the message is {shown(document)}; allowed: an object or an array"
        return decoded
    readings = document if isinstance(document, list) and not compiled.whole else [document]
    for number, reading in enumerate(readings):
        if not isinstance(reading, dict | list):
            decoded.refusals.append(Refusal(f"[{number}]", shown(reading), "bad_shape"))
            continue
        found = ((field, find(reading, field.path)) for field in compiled.fields)
        items = [(field.key, field.channel, raw) for field, raw in found if raw is not _ABSENT]
        add_reading(decoded, items, _stamp(reading, compiled, plan, received_at), None)
    return finish(decoded)


def device_of(source: dict[str, Any], topic: str, payload: bytes) -> str | None:
    """The device that a message of ``source`` is from (``topic[i]``, ``=literal``, JSON path); None = not said."""
    rule = str(source.get("device", ""))
    if rule.startswith("="):
        return rule[1:] or None
    place = _TOPIC.fullmatch(rule)
    if place is not None:
        levels = topic.split("/")
        return (levels[int(place[1])] if int(place[1]) < len(levels) else "") or None
    try:
        found = find(parse(payload), parse_path(rule))
    except (PathError, NotJsonError):
        return None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return shown(found) or None


def source_faults(source: dict[str, Any]) -> list[str]:
    """Every reason why messages of ``source`` could not be decoded, one line each; empty = none."""
    faults = []
    for where, field in [*(("map", key) for key in source.get("map") or {}), ("device", source.get("device", ""))]:
        if where == "map" or not (field.startswith("=") or _TOPIC.fullmatch(field)):
            try:
                parse_path(field)
            except PathError as error:
                faults.append(f"{where}: {error}")
    time = source.get("time") or {}
    try:
        compile_time(time.get("format") or "unix_ms", time.get("zone"))
        parse_path(time.get("field") or "$")
    except (TimeFormatError, PathError) as error:
        faults.append(f"time: {error}")
    return faults


@lru_cache(maxsize=4096)
def parse_path(field: str) -> Path:
    """The steps of a JSON path, or of a plain key. Raises PathError."""
    if not field.startswith("$"):
        if not field:
            raise PathError("a field has no name; allowed: a key or a path such as $.data.cl[0]")
        return (field,)
    steps: list[str | int] = []
    at = 1
    while at < len(field):
        found = _STEP.match(field, at)
        if found is None:
            raise PathError(f"{field!r} is no path at character {at}; allowed: $.name, [0] and ['a name']")
        key, place, quoted = found.groups()
        steps.append(int(place) if place is not None else key if key is not None else quoted)
        at = found.end()
    return tuple(steps)


def find(document: object, path: Path) -> object:
    """What stands at ``path``, or a mark that is equal to nothing in JSON where nothing does."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return _ABSENT
            document = document[step]
        elif not isinstance(document, dict) or step not in document:
            return _ABSENT
        else:
            document = document[step]
    return document


def _compile(profile: Profile) -> _Compiled:
    source = profile.source
    faults = source_faults(source)
    if faults:
        return _Compiled(fault="; ".join(faults))
    fields = tuple(_Field(key, parse_path(key), profile.channel(key)) for key in source.get("map") or {})
    time = source.get("time") or {}
    field = time.get("field")
    path = parse_path(field) if field else None
    return _Compiled(
        fields=fields,
        time=path,
        read_time=compile_time(time.get("format") or "unix_ms", time.get("zone")),
        whole=any(isinstance(path[0], int) for path in (*(one.path for one in fields), path) if path),
    )


def _stamp(reading: object, compiled: _Compiled, plan: Plan, received_at: int) -> Stamp:
    raw = None if compiled.time is None else find(reading, compiled.time)
    if raw is _ABSENT:
        raw = None
    return stamp(compiled.read_time(raw), raw, plan.profile.earliest, received_at)
