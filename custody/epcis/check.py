"""What is wrong with an EPCIS document that its schema lets pass (EPCIS 2.0 and CBV 2.0; GS1 TDS 2.0 for EPC URIs)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_PREFIX = r"\d{6,12}"
_TEXT = r"(?:[A-Za-z0-9._~:@!$'()*+,;=-]|%[0-9A-F]{2})+"
#: EPC pure-identity URIs: (form, digits of company prefix and reference together; None = not fixed).
_EPC: Mapping[str, tuple[re.Pattern[str], int | None]] = {
    "sgtin": (re.compile(rf"({_PREFIX})\.(\d{{1,7}})\.{_TEXT}"), 13),
    "sscc": (re.compile(rf"({_PREFIX})\.(\d{{5,11}})"), 17),
    "sgln": (re.compile(rf"({_PREFIX})\.(\d{{0,6}})\.{_TEXT}"), 12),
    "pgln": (re.compile(rf"({_PREFIX})\.(\d{{0,6}})"), 12),
    "grai": (re.compile(rf"({_PREFIX})\.(\d{{0,6}})\.{_TEXT}"), 12),
    "giai": (re.compile(rf"({_PREFIX})(?:\.){_TEXT}"), None),
    "gsrn": (re.compile(rf"({_PREFIX})\.(\d{{5,11}})"), 17),
    "gsrnp": (re.compile(rf"({_PREFIX})\.(\d{{5,11}})"), 17),
    "gdti": (re.compile(rf"({_PREFIX})\.(\d{{0,6}})\.{_TEXT}"), 12),
    "gid": (re.compile(r"(\d{1,9})\.(\d{1,8})\.\d+"), None),
}
#: Units of measure that events of ours may have (UN/ECE Recommendation 20).
_UNITS = frozenset({"KGM", "GRM", "CEL", "KEL", "FAH", "P1"})
#: Business steps of which one thing at one place has one side only.
_EXCLUSIVE = (
    (frozenset({"shipping"}), frozenset({"staging_outbound", "loading", "departing"})),
    (frozenset({"consigning"}), frozenset({"staging_outbound", "loading", "departing", "accepting"})),
    (frozenset({"receiving"}), frozenset({"arriving", "accepting"})),
)
_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")


def faults(document: Mapping[str, Any]) -> list[str]:
    """One line for each fault, with the number of the event; empty = none was found."""
    events = document.get("epcisBody", {}).get("eventList", [])
    prefixes = _prefixes(document.get("@context", []))
    found = [f"event {n}: {line}" for n, event in enumerate(events) for line in _event(event, prefixes)]
    return [*found, *_repeats(events), *_exclusive(events)]


def _event(event: Mapping[str, Any], prefixes: frozenset[str]) -> Iterator[str]:
    kind, action = event.get("type"), event.get("action")
    if kind in {"AggregationEvent", "AssociationEvent"} and action in {"ADD", "DELETE"} and not event.get("parentID"):
        yield f"{kind} with action {action} has no parentID"
    if kind == "ObjectEvent" and not any(event.get(key) for key in ("epcList", "quantityList", "sensorElementList")):
        yield "ObjectEvent has an empty epcList and neither quantityList nor sensorElementList"
    if event.get("epcList") and event.get("quantityList"):
        yield "epcList and quantityList together count the same goods twice"
    if "ilmd" in event and action != "ADD" and kind != "TransformationEvent":
        yield f"ilmd with action {action}; allowed: ADD"
    if "persistentDisposition" in event and kind not in {"ObjectEvent", "TransformationEvent"}:
        yield f"persistentDisposition on {kind}; allowed: ObjectEvent, TransformationEvent"
    yield from _sensors(event)
    yield from _declared(event.get("errorDeclaration"))
    yield from _words(event, prefixes)


def _words(event: Mapping[str, Any], prefixes: frozenset[str]) -> Iterator[str]:
    if event.get("disposition") == "disposed":
        yield "disposition disposed means returned for disposal; what is destroyed is destroyed"
    for uri in _uris(event):
        if uri.startswith("urn:epc:") and not _is_epc(uri):
            yield f"{uri!r} is no EPC"
    for key in sorted(_keys(event)):
        prefix = key.partition(":")[0]
        if ":" in key and prefix not in prefixes and "//" not in key:
            yield f"the prefix of {key!r} is not declared in @context"


def _sensors(event: Mapping[str, Any]) -> Iterator[str]:
    for element in event.get("sensorElementList", []):
        data = element.get("sensorMetadata", {})
        times = [data.get("time"), data.get("endTime"), *(one.get("time") for one in element["sensorReport"])]
        for time in times:
            if time is not None and _moment(time) > _moment(event["eventTime"]):
                yield f"sensor time {time} is after eventTime {event['eventTime']}"
        for report in element["sensorReport"]:
            if "uom" in report and report["uom"] not in _UNITS:
                yield f"uom {report['uom']!r}; allowed: {', '.join(sorted(_UNITS))}"


def _declared(declaration: Mapping[str, Any] | None) -> Iterator[str]:
    if declaration is None:
        return
    corrective = declaration.get("correctiveEventIDs")
    if declaration.get("reason") == "did_not_occur" and corrective is not None:
        yield "did_not_occur has correctiveEventIDs; what did not occur is not corrected"
    if declaration.get("reason") == "incorrect_data" and not corrective:
        yield "incorrect_data names no event that is right"


def _repeats(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One eventID is one event; its error declaration repeats all of it."""
    plain: dict[str, Mapping[str, Any]] = {}
    declared: set[str] = set()
    for n, event in enumerate(events):
        name = event.get("eventID")
        if name is None:
            continue
        known = declared if "errorDeclaration" in event else plain
        if name in known:
            yield f"event {n}: eventID {name} occurs twice"
        if "errorDeclaration" in event:
            declared.add(name)
        else:
            plain[name] = event
    for n, event in enumerate(events):
        name = event.get("eventID", "")
        if "errorDeclaration" in event and name in plain:
            again = {key: value for key, value in event.items() if key != "errorDeclaration"}
            if again != plain[name]:
                yield f"event {n}: the error declaration of {name} does not repeat the event as it was"


def _exclusive(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found: dict[tuple[str, str], set[str]] = {}
    for event in events:
        place = event.get("readPoint", {}).get("id", "")
        for epc in (*(one for key in _LISTS for one in event.get(key, ())), event.get("parentID", "")):
            found.setdefault((epc, place), set()).add(event.get("bizStep", ""))
    for (epc, place), biz_steps in sorted(found.items()):
        for one, others in _EXCLUSIVE:
            if epc and one & biz_steps and others & biz_steps:
                both = ", ".join(sorted(biz_steps & (one | others)))
                yield f"{epc} at {place or 'no place'}: {both} exclude each other"


def _uris(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _uris(one)
    elif isinstance(value, list):
        for one in value:
            yield from _uris(one)


def _keys(value: object) -> set[str]:
    if isinstance(value, Mapping):
        return {*map(str, value), *(key for one in value.values() for key in _keys(one))}
    return {key for one in value for key in _keys(one)} if isinstance(value, list) else set()


def _prefixes(context: object) -> frozenset[str]:
    parts = context if isinstance(context, list) else [context]
    return frozenset(name for part in parts if isinstance(part, Mapping) for name in part)


def _is_epc(uri: str) -> bool:
    match = re.fullmatch(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", uri)
    if match is None or match[1] != "id":
        return match is not None
    form, digits = _EPC.get(match[2], (None, None))
    parts = form.fullmatch(match[3]) if form is not None else None
    return parts is not None and (digits is None or len(parts[1]) + len(parts[2]) == digits)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
