"""A custody event as a terminal sent it: taken apart, weighed in integer grams, named by its digest (pure).

A physical fact is never refused: only what is no JSON object or lacks ``id``, ``step`` or ``ids`` has a fault.
Everything else is accepted with flags that say what is wrong with it (``FLAGS``).
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal, InvalidOperation
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import rfc8785

from custody.identity import container_ids
from custody.weight import weigh
from devices.codecs.document import NotJsonError, parse
from devices.codecs.rows import stamp
from devices.plan import EARLIEST_MS
from devices.reading import AHEAD_MS
from devices.registry import Registry, periods_of
from devices.validate import judge_id, judge_integer, shown, unix_ms

#: What can happen to a container (DESIGN 4.2).
STEPS = frozenset(
    {
        *("pack", "collect", "move", "store_in", "store_out", "load", "depart", "arrive", "receive", "unload"),
        *("unpack", "dispose", "confirm", "split", "merge", "refuse", "inspect", "hold", "lost", "found", "void"),
        *("correct", "bin_clean"),
    },
)
#: By law; HW01 841-001 to 841-005 of the national list of hazardous waste.
CATEGORIES = frozenset({"infectious", "sharps", "pathological", "pharmaceutical", "chemical"})

#: What can be wrong with an accepted event.
FLAGS = {
    "no_time": "it has no ts; the receive time counts",
    "bad_time": "its ts cannot be read or is before 2020; the receive time counts",
    "clock_ahead": "its ts is more than 5 minutes after the receive time",
    "unknown_step": "its step is none that Hygeia knows",
    "unknown_category": "its category is none of the catalogue",
    "no_ids": "its list of ids is empty",
    "bad_id": "one of its ids has no value, an unknown kind, or is no tag content",
    "bad_weight": "its weight is not in whole grams, not positive, or gross, tare and net disagree",
    "unstable_weight": "the scale had not come to rest",
    "missing_of": "its step speaks of another event, which it does not name",
    "duplicate_keys": "a key occurs twice in one object",
    "not_canonical": "it has no RFC 8785 form; the digest is that of its bytes",
    "unknown_badge": "a badge that the registry does not know",
    "unknown_place": "a place that the registry does not know",
    "not_a_terminal": "the registry says that the device is no terminal",
}


class CustodyEvent(msgspec.Struct):
    """One event. With a ``fault`` (``not_json``, ``bad_shape``) only ``id`` and ``detail`` mean anything.

    ``digest`` is the SHA-256 (hex) of the RFC 8785 form, ``ts`` ms since 1970 UTC (the receive time where
    ``gateway_time``), ``containers`` the sorted distinct texts of its ids, ``grams`` as much of gross_g, tare_g, net_g
    as is known, always of all containers together. ``badges`` are those of ``by`` and ``with``.
    """

    id: str | None = None
    fault: str | None = None
    detail: str = ""
    step: str = ""
    ts: int = 0
    gateway_time: bool = False
    boot: int | None = None
    seq: int | None = None
    digest: str = ""
    containers: list[str] = []
    category: str = ""
    grams: dict[str, int] = {}
    place: str | None = None
    badges: list[str] = []
    of: str | None = None
    flags: list[str] = []


def decode(payload: bytes, received_at: int) -> CustodyEvent:
    """Take an event apart that was received at ``received_at`` (ms since 1970 UTC). Never raises."""
    try:
        document = parse(payload)
    except NotJsonError as error:
        return CustodyEvent(fault="not_json", detail=str(error))
    if not isinstance(document, dict):
        return CustodyEvent(fault="bad_shape", detail=f"the event is {shown(document)}; allowed: an object")
    event = CustodyEvent(id=_text(document.get("id")), step=_text(document.get("step")) or "")
    ids = document.get("ids")
    missing = [key for key, there in (("id", event.id), ("step", event.step), ("ids", ids is not None)) if not there]
    if missing:
        event.fault = "bad_shape"
        event.detail = f"{', '.join(missing)} missing or empty; an event needs id and step as text and a list of ids"
        return event
    flags: set[str] = set()
    exact = _exact(payload, flags)
    event.digest = _digest(document, payload, flags)
    _time(event, document.get("ts"), received_at, flags)
    event.boot, event.seq = judge_integer(document.get("boot")), judge_integer(document.get("seq"))
    event.containers = container_ids(ids, flags)
    event.category = _text(document.get("category")) or ""
    event.grams = weigh((exact or document).get("weight"), flags)
    event.place, event.of = _text(document.get("place")), _text(document.get("of"))
    event.badges = [badge for key in ("by", "with") if (badge := _badge(document.get(key)))]
    if event.step not in STEPS:
        flags.add("unknown_step")
    if document.get("category") is not None and event.category not in CATEGORIES:
        flags.add("unknown_category")
    if event.step in {"confirm", "void", "correct"} and event.of is None:
        flags.add("missing_of")
    event.flags = sorted(flags)
    return event


def registry_flags(event: CustodyEvent, registry: Registry, device: str, at: int) -> list[str]:
    """The flags that only the registry can tell, sorted: ``not_a_terminal, unknown_badge, unknown_place``."""
    flags = set()
    if (registry.get("devices", device, at) or {}).get("kind") != "terminal":
        flags.add("not_a_terminal")
    if event.place is not None and registry.get("places", event.place, at) is None:
        flags.add("unknown_place")
    known = _badges(registry) if event.badges else {}
    for badge in event.badges:
        if not any(start <= at < end for start, end in known.get(badge, ())):
            flags.add("unknown_badge")
    return sorted(flags)


_known_badges: WeakKeyDictionary[Registry, tuple[int, dict[str, list[tuple[int, int]]]]] = WeakKeyDictionary()


def _badges(registry: Registry) -> dict[str, list[tuple[int, int]]]:
    """Every badge with the times [from, to) in which somebody has it; found once a version of the registry."""
    version, known = _known_badges.get(registry, (None, {}))
    if version != registry.version:
        known = {}
        for person in registry.ids("people"):
            for period in periods_of(registry.body("people", person)):
                if period.get("badge"):
                    span = (period.get("from", -(2**63)), period.get("to", 2**63))
                    known.setdefault(str(period["badge"]), []).append(span)
        _known_badges[registry] = (registry.version, known)
    return known


def _text(raw: object) -> str | None:
    """Text of 1 to 128 characters (an integer counts as its digits), else None."""
    found = judge_id(raw)
    return None if found is None else str(found).strip() or None


def _badge(raw: object) -> str | None:
    return _text(raw.get("badge")) if isinstance(raw, dict) else None


def _exact(payload: bytes, flags: set[str]) -> dict[str, Any]:
    """The event again, with fractions as they were written, so that no weight goes through a float."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            flags.add("duplicate_keys")
        return found

    try:
        document = json.loads(
            payload.decode("utf-8-sig"), parse_float=Decimal, parse_int=_integer, object_pairs_hook=once
        )
    except (ValueError, InvalidOperation, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= 20 else Decimal(text)


def _digest(document: dict[str, Any], payload: bytes, flags: set[str]) -> str:
    """SHA-256 of the RFC 8785 form, or of the bytes where there is none (NaN, integers beyond 2^53, double keys)."""
    if "duplicate_keys" not in flags:
        try:
            return hashlib.sha256(rfc8785.dumps(document)).hexdigest()
        except (rfc8785.CanonicalizationError, ValueError, RecursionError):
            pass
    flags.add("not_canonical")
    return hashlib.sha256(payload).hexdigest()


def _time(event: CustodyEvent, raw: object, received_at: int, flags: set[str]) -> None:
    at = stamp(unix_ms(raw), raw, EARLIEST_MS, received_at)
    event.ts, event.gateway_time = at.ts, at.gateway or not at.readable
    if raw is None:
        flags.add("no_time")
    elif event.gateway_time:
        flags.add("bad_time")
    elif event.ts > received_at + AHEAD_MS:
        flags.add("clock_ahead")
