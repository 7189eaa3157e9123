"""EPCIS documents: which event each step is, weights, hand-overs, what was taken back, and nothing that is invented."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custody.container import Condition, Container, Seen
from custody.epcis import document, faults
from custody.event import STEPS
from custody.fact import ContainerId, Fact, Party, Spot, Weight
from tests.plugins.epcis import SchemaFaults

ZONE = ZoneInfo("Asia/Shanghai")
BASE = "https://gw.example"
T0 = 1_763_769_600_000
MINUTE = 60_000

WARD = Spot("ward-7", "department", "hosp-1", "gulou", "hospital")
STORE = Spot("hosp-1-store", "waste_store", "hosp-1", "gulou", "hospital")
VAN = Spot("van-1", "vehicle", "car-1")
PLANT = Spot("plant-1-line", "disposal_plant", "plant-1")
NURSE = Party("0101", "p-nurse", "hosp-1", "operator")
COLLECTOR = Party("0412", "p-collector", "hosp-1", "collector")
DRIVER = Party("0701", "p-driver", "car-1", "driver")
GATE = Party("0901", "p-gate", "plant-1", "operator")
BAG = ContainerId("qr", "MW-1")
BIN = ContainerId("epc", "3335C4409047E140075BCD15", "urn:epc:id:grai:9521141.12345.77")
WEIGHED = Weight(3650, 230, 3420, "bs-12", 10, "scale")


def fact(n: int, step: str, *ids: ContainerId, spot: Spot = WARD, **more: Any) -> Fact:
    """The ``n``-th event, a minute after the one before."""
    usual: dict[str, Any] = {
        "offset": n,
        "decided": n,
        "id": f"E-{n}",
        "terminal": f"T-{spot.place}",
        "step": step,
        "ts": T0 + n * MINUTE,
        "received_at": T0 + n * MINUTE + 500,
        "boot": 1,
        "seq": n,
        "ids": ids,
        "spot": spot,
        "home": spot,
        "digest": f"{n:064x}",
        "entry": n,
    }
    return Fact(**(usual | more))


def container(*history: Seen | Fact, **more: Any) -> Container:
    """A bag with this history."""
    seen = [one if isinstance(one, Seen) else Seen(one) for one in history]
    return Container(**({"id": "MW-1", "ids": [BAG], "history": seen} | more))


def told(*containers: Container, **more: Any) -> list[dict[str, Any]]:
    """The events of the document, which has no fault of ours."""
    found = document(containers, base=BASE, zone=ZONE, at=T0, **more)
    assert faults(found) == []
    events: list[dict[str, Any]] = found["epcisBody"]["eventList"]
    return events


def chain() -> list[Fact]:
    """The clean chain of a hospital."""
    return [
        fact(0, "pack", BAG, category="infectious", by=NURSE),
        fact(1, "collect", BAG, by=COLLECTOR, with_=NURSE, weight=WEIGHED),
        fact(2, "store_in", BAG, spot=STORE, by=COLLECTOR, weight=WEIGHED),
        fact(3, "store_out", BAG, spot=STORE, by=COLLECTOR, with_=DRIVER),
        fact(4, "load", BAG, spot=VAN, by=DRIVER, manifest="M-1", vehicle="van-1"),
        fact(5, "confirm", BAG, spot=VAN, by=DRIVER, of="E-3"),
        fact(6, "depart", spot=VAN, by=DRIVER, manifest="M-1", vehicle="van-1"),
        fact(7, "arrive", spot=VAN, by=DRIVER, manifest="M-1", vehicle="van-1"),
        fact(8, "receive", BAG, spot=PLANT, by=GATE, manifest="M-1", weight=WEIGHED),
        fact(9, "confirm", spot=PLANT, by=GATE, of="E-7", manifest="M-1"),
        fact(10, "dispose", BAG, spot=PLANT, by=GATE),
    ]


def test_the_clean_chain_of_a_hospital(schema_faults: SchemaFaults) -> None:
    """Each step is the event of its row, with words that CBV has, and the document is valid with formats asserted."""
    found = document([container(*chain())], base=BASE, zone=ZONE, at=T0)
    assert schema_faults(found) == []
    events = found["epcisBody"]["eventList"]
    assert [(one["type"], one.get("action"), one["bizStep"], one["disposition"]) for one in events] == [
        ("ObjectEvent", "ADD", "commissioning", "active"),
        ("ObjectEvent", "OBSERVE", "collecting", "in_progress"),
        ("ObjectEvent", "OBSERVE", "storing", "in_progress"),
        ("ObjectEvent", "OBSERVE", "storing", "in_progress"),
        ("AggregationEvent", "ADD", "loading", "in_progress"),
        ("ObjectEvent", "OBSERVE", "accepting", "in_progress"),
        ("ObjectEvent", "OBSERVE", "departing", "in_transit"),
        ("ObjectEvent", "OBSERVE", "transporting", "in_transit"),
        ("ObjectEvent", "OBSERVE", "receiving", "in_progress"),
        ("ObjectEvent", "OBSERVE", "inspecting", "conformant"),
        ("ObjectEvent", "DELETE", "destroying", "destroyed"),
    ]
    assert events[0]["ilmd"] == {
        "mw:wasteCategory": "infectious",
        "mw:department": f"{BASE}/id/place/ward-7",
        "mw:packedBy": f"{BASE}/id/badge/0101",
    }
    assert events[4]["parentID"] == f"{BASE}/id/load/M-1"
    assert events[4]["childEPCs"] == [f"{BASE}/id/container/MW-1"]
    assert events[6]["epcList"] == [f"{BASE}/id/load/M-1"]
    assert events[6]["bizTransactionList"] == [{"type": "bol", "bizTransaction": f"{BASE}/id/manifest/M-1"}]


def test_three_times_are_kept_and_the_offset_always_stands_beside() -> None:
    """Device time, receive time, creation: each with the offset of the installation."""
    found = document([container(fact(0, "pack", BAG))], base=BASE, zone=ZONE, at=T0 + MINUTE)
    (event,) = found["epcisBody"]["eventList"]
    assert event["eventTime"] == "2025-11-22T08:00:00.000+08:00"
    assert event["eventTimeZoneOffset"] == "+08:00"
    assert event["recordTime"] == "2025-11-22T08:00:00.500+08:00"
    assert found["creationDate"] == "2025-11-22T08:01:00.000+08:00"


@pytest.mark.parametrize("zone", ["America/St_Johns", "Pacific/Kiritimati", "UTC"])
def test_every_zone_has_an_offset_that_the_schema_takes(zone: str, schema_faults: SchemaFaults) -> None:
    """Also half hours, and 14 hours ahead."""
    assert schema_faults(document([container(*chain())], base=BASE, zone=ZoneInfo(zone), at=T0)) == []


@pytest.mark.parametrize("step", sorted(STEPS | {"teleport"}))
@pytest.mark.parametrize("ids", [(), (BAG,), (BAG, ContainerId("text", "袋 2/ü?"))])
@pytest.mark.parametrize("parent", [None, BIN])
@pytest.mark.parametrize("manifest", ["", "转移 1"])
def test_every_step_with_whatever_it_names_is_valid(
    step: str, ids: tuple[ContainerId, ...], parent: ContainerId | None, manifest: str, schema_faults: SchemaFaults
) -> None:
    """With and without ids, parent and manifest; an event that is about nothing is left out."""
    one = fact(1, step, *ids, parent=parent, manifest=manifest, of="E-0", by=COLLECTOR, with_=DRIVER, weight=WEIGHED)
    found = document([container(one)], base=BASE, zone=ZONE, at=T0)
    assert schema_faults(found) == []
    assert faults(found) == []
    assert len(found["epcisBody"]["eventList"]) == bool(ids or parent or manifest)


def test_a_bag_in_a_bin_is_an_aggregation_until_it_is_unpacked() -> None:
    """ADD and DELETE name the bin by the EPC of its tag; an empty list of DELETE is all children."""
    packed, emptied = told(
        container(fact(0, "pack", BAG, parent=BIN), Seen(fact(1, "unpack", parent=BIN), inferred=True)),
    )
    assert (packed["type"], packed["action"], packed["bizStep"]) == ("AggregationEvent", "ADD", "packing")
    assert packed["disposition"] == "container_closed"
    assert packed["parentID"] == BIN.uri
    assert "ilmd" not in packed
    assert (emptied["action"], emptied["bizStep"]) == ("DELETE", "unpacking")
    assert (emptied["parentID"], emptied["childEPCs"]) == (BIN.uri, [])
    assert emptied["disposition"] == "completeness_inferred"


def test_a_cleaned_bin_has_a_step_of_our_own() -> None:
    """CBV has no word for disinfecting: a URI of the installation stands for it."""
    (event,) = told(Container(id=BIN.v, ids=[BIN], history=[Seen(fact(0, "bin_clean", BIN, spot=STORE))]))
    assert event["bizStep"] == f"{BASE}/voc/bizstep/disinfecting"
    assert event["disposition"] == "available"
    assert event["epcList"] == [BIN.uri]


def test_both_ids_of_one_container_are_one_epc() -> None:
    """The tag's URI stands for the label as well; a tag without EPC is called by the installation's own URI."""
    tag = ContainerId("epc", "3066C4409047E140075BCD15", "urn:epc:id:sgtin:9521141.012345.1001")
    one = Container(id="MW-1", ids=[tag, BAG], history=[Seen(fact(0, "pack", BAG, tag)), Seen(fact(1, "move", BAG))])
    assert [event["epcList"] for event in told(one)] == [[tag.uri], [tag.uri]]
    plain = Container(
        id="AB", ids=[ContainerId("epc", "AB")], history=[Seen(fact(0, "move", ContainerId("epc", "AB")))]
    )
    assert told(plain)[0]["epcList"] == [f"{BASE}/id/container/AB"]


def test_what_is_no_uri_is_never_told_as_one(schema_faults: SchemaFaults) -> None:
    """A wrong URI of a tag falls back on the installation's own; text of any script is escaped."""
    odd = ContainerId("epc", "AB", "urn:epc:id:sgtin:no uri <")
    found = document([Container(id="AB", ids=[odd], history=[Seen(fact(0, "move", odd))])], base=BASE, zone=ZONE, at=T0)
    assert schema_faults(found) == []
    assert found["epcisBody"]["eventList"][0]["epcList"] == [f"{BASE}/id/container/AB"]


def test_a_weight_is_a_sensor_report_of_the_scale_and_never_a_quantity() -> None:
    """Mass in kilograms as the exact decimal of the grams; gross, tare and net beside it."""
    _, event = told(container(*chain()[:2]))
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {"time": event["eventTime"], "deviceID": f"{BASE}/id/scale/bs-12"},
            "sensorReport": [{"type": "Mass", "value": 3.42, "uom": "KGM"}],
        }
    ]
    assert (event["mw:gross"], event["mw:tare"], event["mw:net"]) == (3.65, 0.23, 3.42)
    assert "quantityList" not in event


@pytest.mark.parametrize(
    "weight", [Weight(net_g=3420, mode="typed"), Weight(net_g=3420, mode="scale", usable=False), Weight()]
)
def test_what_no_instrument_gave_is_no_sensor_report(weight: Weight) -> None:
    """A typed weight and one that does not count are told as they are, and not as measured."""
    (event,) = told(container(fact(0, "collect", BAG, weight=weight)))
    assert "sensorElementList" not in event
    assert event.get("mw:net") == (None if weight.net_g is None else 3.42)


def test_a_group_weight_stands_once_in_the_event_of_all() -> None:
    """Three bags weighed together are one event, whichever of them is asked for."""
    bags = [ContainerId("qr", f"MW-{n}") for n in (1, 2, 3)]
    event = fact(0, "collect", *bags, weight=WEIGHED)
    all_ = [Container(id=bag.v, ids=[bag], history=[Seen(event)]) for bag in bags]
    assert told(*all_) == told(all_[1])
    (one,) = told(*all_)
    assert len(one["epcList"]) == 3
    assert one["mw:weighedTogether"] == 3
    assert one["sensorElementList"][0]["sensorReport"][0]["value"] == 3.42


@pytest.mark.parametrize(
    ("n", "source", "destination"),
    [
        (1, "place/ward-7", "unit/hosp-1"),
        (3, "unit/hosp-1", "unit/car-1"),
        (5, "unit/hosp-1", "unit/car-1"),
        (9, "unit/car-1", "unit/plant-1"),
    ],
)
def test_hand_overs_name_who_gives_and_who_takes(n: int, source: str, destination: str) -> None:
    """As possessing parties: department to unit, unit to carrier, carrier to plant."""
    event = told(container(*chain()))[n]
    assert event["sourceList"] == [{"type": "possessing_party", "source": f"{BASE}/id/{source}"}]
    assert event["destinationList"] == [{"type": "possessing_party", "destination": f"{BASE}/id/{destination}"}]


@pytest.mark.parametrize("n", [0, 2, 4, 6, 7, 8, 10])
def test_what_is_no_hand_over_names_no_parties(n: int) -> None:
    """Nor does an event on which only one badge stands."""
    event = told(container(*chain()))[n]
    assert not {"sourceList", "destinationList"} & event.keys()


def test_a_void_declares_that_the_event_did_not_occur(schema_faults: SchemaFaults) -> None:
    """The whole event again under its own id, without corrective events; the void itself is no further event."""
    wrong = fact(1, "store_in", BAG, spot=STORE, weight=WEIGHED)
    void = fact(2, "void", BAG, spot=STORE, of="E-1", reason="wrong bag", by=NURSE, approved_by=COLLECTOR)
    found = document(
        [container(fact(0, "pack", BAG), Seen(wrong, counts=False, by=2), void)], base=BASE, zone=ZONE, at=T0
    )
    assert schema_faults(found) == []
    assert faults(found) == []
    _, event, again = found["epcisBody"]["eventList"]
    declaration = again.pop("errorDeclaration")
    assert again == event
    assert declaration["reason"] == "did_not_occur"
    assert "correctiveEventIDs" not in declaration
    assert declaration["declarationTime"] == "2025-11-22T08:02:00.000+08:00"
    assert declaration["mw:approvedBy"] == f"{BASE}/id/badge/0412"
    assert "wrong bag" not in json.dumps(found)


def test_a_correction_is_the_event_done_right_and_is_named_by_the_declaration(schema_faults: SchemaFaults) -> None:
    """It has the step and time of what it replaces, its own id and weight."""
    wrong = fact(1, "collect", BAG, weight=WEIGHED, category="sharps", by=COLLECTOR, with_=NURSE)
    right = fact(2, "correct", BAG, of="E-1", reason="typed", by=COLLECTOR, weight=Weight(net_g=3000, mode="scale"))
    found = document([container(Seen(wrong, counts=False, by=2), right)], base=BASE, zone=ZONE, at=T0)
    assert schema_faults(found) == []
    assert faults(found) == []
    event, again, corrected = found["epcisBody"]["eventList"]
    assert again["errorDeclaration"]["reason"] == "incorrect_data"
    assert again["errorDeclaration"]["correctiveEventIDs"] == [corrected["eventID"]]
    assert corrected["eventID"] != event["eventID"]
    assert (corrected["bizStep"], corrected["eventTime"]) == ("collecting", event["eventTime"])
    assert corrected["sourceList"] == event["sourceList"]
    assert (corrected["mw:net"], corrected["mw:category"]) == (3.0, "sharps")


def test_each_correction_of_an_event_replaces_the_one_before() -> None:
    """Two of them: the event and the first correction have a declaration, the second tells how it was."""
    first = fact(1, "collect", BAG, weight=WEIGHED)
    second = fact(2, "correct", BAG, of="E-1", weight=Weight(net_g=2000))
    third = fact(3, "correct", BAG, of="E-1", category="sharps")
    events = told(container(Seen(first, counts=False, by=3), second, third))
    assert [one["bizStep"] for one in events] == ["collecting"] * 5
    assert ["errorDeclaration" in one for one in events] == [False, True, False, True, False]
    names = [one["eventID"] for one in events]
    assert [one["errorDeclaration"]["correctiveEventIDs"] for one in (events[1], events[3])] == [[names[2]], [names[4]]]
    assert [one["mw:net"] for one in events] == [3.42, 3.42, 2.0, 2.0, 2.0]
    assert events[-1]["mw:category"] == "sharps"


def test_a_void_takes_an_event_back_with_its_corrections() -> None:
    """Neither of them occurred."""
    first = fact(1, "collect", BAG, weight=WEIGHED)
    second = fact(2, "correct", BAG, of="E-1", weight=Weight(net_g=2000))
    events = told(container(Seen(first, counts=False, by=3), second, fact(3, "void", BAG, of="E-1")))
    reasons = [one.get("errorDeclaration", {}).get("reason") for one in events]
    assert sorted(map(str, reasons)) == ["None", "None", "did_not_occur", "did_not_occur"]


def test_a_void_that_changed_nothing_declares_nothing() -> None:
    """Without an approver it is kept as what it is: a record that somebody tried."""
    kept, void = told(container(fact(1, "store_in", BAG), fact(2, "void", BAG, of="E-1", flags=("not_approved",))))
    assert "errorDeclaration" not in kept
    assert (void["bizStep"], void["mw:step"], void["mw:flags"]) == ("other", "void", ["not_approved"])


def test_an_open_difference_of_weights_stays_on_the_event_that_showed_it() -> None:
    """As a persistent disposition, on ObjectEvents only, and not within the tolerance."""
    facts = chain()
    far = Condition("custody.weight_difference", "container:MW-1", facts[8].ts, PLANT, 3.0)
    near = Condition("custody.weight_difference", "container:MW-1", facts[2].ts, STORE, 0.4)
    events = told(container(*facts, conditions=[far, near]))
    assert events[8]["persistentDisposition"] == {"set": ["mismatch_quantity"]}
    assert sum("persistentDisposition" in one for one in events) == 1


def test_a_day_has_what_happened_on_it() -> None:
    """From its beginning to its end, not included; a declaration belongs to the day of the void."""
    wrong, void = fact(1, "store_in", BAG), fact(3, "void", BAG, of="E-1", reason="x")
    one = container(fact(0, "pack", BAG), Seen(wrong, counts=False, by=3), fact(2, "move", BAG), void)
    first = told(one, until=T0 + 2 * MINUTE)
    rest = told(one, since=T0 + 2 * MINUTE)
    assert [event["mw:step"] for event in first] == ["pack", "store_in"]
    assert [event["mw:step"] for event in rest] == ["move", "store_in"]
    assert ["errorDeclaration" in event for event in rest] == [False, True]


def test_the_same_containers_in_any_order_give_the_same_bytes() -> None:
    """A bundle holds the document: it must not depend on how it was asked for."""
    other = Container(
        id="MW-2", ids=[ContainerId("qr", "MW-2")], history=[Seen(fact(20, "move", ContainerId("qr", "MW-2")))]
    )
    pair = [container(*chain()), other]
    texts = {json.dumps(document(one, base=BASE, zone=ZONE, at=T0)) for one in (pair, pair[::-1])}
    assert len(texts) == 1


def test_no_name_and_no_free_text_leaves_with_a_document() -> None:
    """Badges stand for people; reasons stay where they were written."""
    text = json.dumps(document([container(*chain())], base=BASE, zone=ZONE, at=T0))
    assert "p-nurse" not in text
    assert "0101" in text


def test_each_event_leads_to_its_record_and_ledger_entry() -> None:
    """The bytes behind it are found by them."""
    event = told(container(fact(7, "move", BAG)))[0]
    assert (event["mw:record"], event["mw:entry"], event["mw:sha256"]) == (7, 7, f"{7:064x}")
    assert "mw:entry" not in told(container(fact(7, "move", BAG, entry=-1)))[0]
