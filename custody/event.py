"""A custody event as a terminal sent it: taken apart, weighed in integer grams, named by its digest (pure).

A physical fact is never refused: only what is no JSON object or lacks ``id``, ``step`` or ``ids`` has a fault.
Everything else is accepted with flags that say what is wrong with it (``custody.flags``).
"""

from __future__ import annotations

from typing import Any

import msgspec

from custody.content import content, read
from custody.fact import ContainerId, File, Weight
from custody.identity import read_id, read_ids
from custody.values import Badge, Position, badge_of, files_of, line_of, position_of, text_of, words_of
from custody.weight import weigh
from devices.codecs.document import NotJsonError
from devices.codecs.rows import stamp
from devices.plan import EARLIEST_MS
from devices.reading import AHEAD_MS
from devices.validate import judge_integer, shown, unix_ms

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
#: Steps that speak of another event.
_OF = frozenset({"confirm", "void", "correct"})
#: Longest signature: 64 bytes are 88 characters.
_SIGNATURE = 128


class CustodyEvent(msgspec.Struct):
    """One event. With a ``fault`` (``not_json``, ``bad_shape``) only ``id`` and ``detail`` mean anything.

    ``digest`` is the SHA-256 (hex) of the RFC 8785 form, ``signed`` that form without ``sig`` (None = none, or not
    signed), ``ts`` ms since 1970 UTC (the receive time where ``gateway_time``), ``clock_sync`` when the terminal last
    set its clock. ``ids`` are sorted and distinct. Absent texts are empty.
    """

    id: str | None = None
    fault: str | None = None
    detail: str = ""
    step: str = ""
    ts: int = 0
    gateway_time: bool = False
    clock_sync: int | None = None
    boot: int | None = None
    seq: int | None = None
    digest: str = ""
    ids: list[ContainerId] = []
    parent: ContainerId | None = None
    weight: Weight | None = None
    category: str = ""
    risk: str = ""
    place: str = ""
    by: Badge | None = None
    with_: Badge | None = None
    of: str = ""
    reason: str = ""
    approved_by: Badge | None = None
    manifest: str = ""
    vehicle: str = ""
    pos: Position | None = None
    files: list[File] = []
    sig: str = ""
    signed: bytes | None = None
    flags: list[str] = []

    @property
    def containers(self) -> list[str]:
        """The texts of its ids."""
        return [one.v for one in self.ids]

    @property
    def grams(self) -> dict[str, int]:
        """As much of gross_g, tare_g, net_g as is known, always of all containers together."""
        if self.weight is None:
            return {}
        found = {"gross_g": self.weight.gross_g, "tare_g": self.weight.tare_g, "net_g": self.weight.net_g}
        return {name: grams for name, grams in found.items() if grams is not None}


def decode(payload: bytes, received_at: int) -> CustodyEvent:
    """Take an event apart that was received at ``received_at`` (ms since 1970 UTC). Never raises."""
    try:
        document, plain = read(payload)
    except NotJsonError as error:
        return CustodyEvent(fault="not_json", detail=str(error))
    if not isinstance(document, dict):
        return CustodyEvent(fault="bad_shape", detail=f"the event is {shown(document)}; allowed: an object")
    event = CustodyEvent(id=text_of(document.get("id")), step=text_of(document.get("step")) or "")
    ids = document.get("ids")
    missing = [key for key, there in (("id", event.id), ("step", event.step), ("ids", ids is not None)) if not there]
    if missing:
        event.fault = "bad_shape"
        event.detail = f"{', '.join(missing)} missing or empty; an event needs id and step as text and a list of ids"
        return event
    flags: set[str] = set()
    said = content(document, payload, flags, plain=plain)
    event.digest, event.signed = said.digest, said.signed
    sig = document.get("sig")
    if sig is not None:
        event.sig = sig if isinstance(sig, str) and 0 < len(sig) <= _SIGNATURE and sig.isascii() else "?"
    _time(event, document.get("ts"), received_at, flags)
    _counters(event, document, flags)
    event.weight = weigh(said.exact.get("weight"), flags)
    _texts(event, document, flags)
    event.by, event.with_, event.approved_by = (
        badge_of(document.get(key), flags) for key in ("by", "with", "approved_by")
    )
    event.pos, event.files = position_of(document.get("pos"), flags), files_of(document.get("files"), flags)
    _containers(event, document, flags)
    if event.step not in STEPS:
        flags.add("unknown_step")
    if event.step in _OF and not event.of:
        flags.add("missing_of")
    if event.step in {"void", "correct"} and not event.reason:
        flags.add("missing_reason")
    event.flags = sorted(flags)
    return event


def _counters(event: CustodyEvent, document: dict[str, Any], flags: set[str]) -> None:
    found: list[int | None] = []
    for key in ("boot", "seq", "clock_sync"):
        raw = document.get(key)
        number = judge_integer(raw)
        if raw is not None and (number is None or number < 0):
            flags.add("bad_value")
            number = None
        found.append(number)
    event.boot, event.seq, event.clock_sync = found


def _texts(event: CustodyEvent, document: dict[str, Any], flags: set[str]) -> None:
    for key in ("category", "risk", "place", "of", "manifest", "vehicle"):
        setattr(event, key, line_of(document.get(key), flags))
    event.reason = words_of(document.get("reason"), flags)
    if document.get("category") is not None and event.category not in CATEGORIES:
        flags.add("unknown_category")


def _containers(event: CustodyEvent, document: dict[str, Any], flags: set[str]) -> None:
    event.ids = read_ids(document["ids"], flags)
    if document.get("parent") is not None:
        event.parent = read_id(document["parent"], flags, "text")
    if event.parent or event.manifest or event.vehicle or (event.of and event.step in _OF):
        # What they are is said by the group, or by the other event.
        flags.discard("no_ids")


def _time(event: CustodyEvent, raw: object, received_at: int, flags: set[str]) -> None:
    at = stamp(unix_ms(raw), raw, EARLIEST_MS, received_at)
    event.ts, event.gateway_time = at.ts, at.gateway or not at.readable
    if raw is None:
        flags.add("no_time")
    elif event.gateway_time:
        flags.add("bad_time")
    elif event.ts > received_at + AHEAD_MS:
        flags.add("clock_ahead")
