"""What an EPCIS document must not say though its schema lets it pass."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from custody.epcis import faults

TIME = "2025-11-22T08:00:00.000+08:00"
EVENT: dict[str, Any] = {
    "eventID": "https://gw.example/id/event/T/1",
    "type": "ObjectEvent",
    "action": "OBSERVE",
    "eventTime": TIME,
    "eventTimeZoneOffset": "+08:00",
    "bizStep": "storing",
    "disposition": "in_progress",
    "epcList": ["urn:epc:id:sgtin:9521141.012345.1001"],
    "readPoint": {"id": "https://gw.example/id/place/ward-7"},
}


def document(*events: dict[str, Any]) -> dict[str, Any]:
    """A document of these events."""
    context = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"mw": "https://gw.example/voc/"}]
    return {"@context": context, "type": "EPCISDocument", "epcisBody": {"eventList": list(events)}}


def test_a_good_event_has_no_fault() -> None:
    """Otherwise nothing below means anything."""
    assert faults(document(EVENT)) == []


def test_the_worked_example_has_no_fault(shared: Path) -> None:
    """Sixteen events of the whole chain, with an error declaration."""
    text = (shared / "vectors" / "epcis" / "example-custody.jsonld").read_text(encoding="utf-8")
    assert faults(json.loads(text)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "AggregationEvent", "action": "ADD", "childEPCs": ["urn:x:1"]}, "has no parentID"),
        ({"type": "AggregationEvent", "action": "DELETE", "childEPCs": []}, "has no parentID"),
        ({"epcList": []}, "empty epcList"),
        ({"quantityList": [{"epcClass": "urn:x:1", "quantity": 3.4, "uom": "KGM"}]}, "count the same goods twice"),
        ({"epcList": ["urn:epc:id:sgtin:xx"]}, "is no EPC"),
        ({"epcList": ["urn:epc:id:sgtin:9521141.12345.1001"]}, "is no EPC"),
        ({"epcList": ["urn:epc:id:sscc:9521141.123"]}, "is no EPC"),
        ({"epcList": ["urn:epc:id:bag:9521141.1"]}, "is no EPC"),
        ({"bizLocation": {"id": "urn:epc:id:sgln:9521141.1.x"}}, "is no EPC"),
        ({"ilmd": {"mw:x": 1}}, "allowed: ADD"),
        ({"disposition": "disposed"}, "returned for disposal"),
        ({"zz:gross": 3.4}, "'zz:gross' is not declared"),
        ({"mw:deep": {"yy:x": 1}}, "'yy:x' is not declared"),
        ({"errorDeclaration": {"reason": "did_not_occur", "correctiveEventIDs": ["urn:x:2"]}}, "did not occur is not"),
        ({"errorDeclaration": {"reason": "incorrect_data"}}, "names no event that is right"),
    ],
)
def test_a_fault_of_one_event_is_named(change: dict[str, Any], words: str) -> None:
    """With the number of the event."""
    (line,) = faults(document(EVENT | {"eventID": "urn:x:1"}, EVENT | change))
    assert line.startswith("event 1: ")
    assert words in line


def test_persistent_dispositions_are_for_objects() -> None:
    """The standard says so, though the schema takes them anywhere."""
    event = EVENT | {"type": "AggregationEvent", "action": "ADD", "parentID": "urn:x:1", "childEPCs": ["urn:x:2"]}
    del event["epcList"]
    (line,) = faults(document(event | {"persistentDisposition": {"set": ["damaged"]}}))
    assert "persistentDisposition on AggregationEvent" in line


@pytest.mark.parametrize(
    ("metadata", "report", "words"),
    [
        ({"time": "2025-11-22T08:00:00.001+08:00"}, {}, "is after eventTime"),
        ({"endTime": "2025-11-22T00:01:00Z"}, {}, "is after eventTime"),
        ({}, {"time": "2025-11-22T09:00:00.000+08:00"}, "is after eventTime"),
        ({}, {"uom": "KG"}, "uom 'KG'"),
    ],
)
def test_a_sensor_report_is_of_the_event_and_in_known_units(
    metadata: dict[str, Any], report: dict[str, Any], words: str
) -> None:
    """Nothing was measured after the event; KG is no code of Recommendation 20."""
    element = {
        "sensorMetadata": {"time": TIME} | metadata,
        "sensorReport": [{"type": "Mass", "value": 3.4, "uom": "KGM"} | report],
    }
    (line,) = faults(document(EVENT | {"sensorElementList": [element]}))
    assert words in line


@pytest.mark.parametrize(
    ("one", "other"), [("shipping", "departing"), ("shipping", "loading"), ("receiving", "accepting")]
)
def test_business_steps_that_exclude_each_other(one: str, other: str) -> None:
    """Of one thing at one place; elsewhere each may stand."""
    first, second = EVENT | {"bizStep": one}, EVENT | {"bizStep": other, "eventID": "urn:x:2"}
    (line,) = faults(document(first, second))
    assert "exclude each other" in line
    assert faults(document(first, second | {"readPoint": {"id": "urn:x:elsewhere"}})) == []


def test_an_error_declaration_repeats_the_event_as_it_was() -> None:
    """Under the same id, which else occurs once."""
    again = copy.deepcopy(EVENT) | {"errorDeclaration": {"declarationTime": TIME, "reason": "did_not_occur"}}
    assert faults(document(EVENT, again)) == []
    (line,) = faults(document(EVENT, again | {"disposition": "damaged"}))
    assert "does not repeat the event" in line
    (line,) = faults(document(EVENT, EVENT))
    assert "occurs twice" in line
    (line,) = faults(document(EVENT, again, again))
    assert "occurs twice" in line
