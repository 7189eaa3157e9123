"""Manifests, told as stories: who fills in what, in which state that leaves them, and what is the matter."""

from __future__ import annotations

import random

import msgspec
import pytest

from custody.known import Remembered
from custody.manifest import Manifest, manifest, weighed
from tests.support.custody_story import PROFILES, SPOTS, City, ms


def paper(city: City, name: str = "M-1") -> Manifest:
    """The manifest of a city."""
    found = manifest(city.known, name, PROFILES)
    assert found is not None
    return found


def outline(found: Manifest) -> tuple[str, list[tuple[str, str]]]:
    """State, and what became of each line."""
    return found.state, [(line.id, line.fate) for line in found.lines]


@pytest.mark.parametrize(
    ("until", "state", "fate", "open_"),
    [
        ("store_out", "open", "open", False),
        ("load", "open", "open", False),
        ("depart", "departed", "open", False),
        ("arrive", "departed", "open", True),
        ("receive", "received", "seen", True),
        ("confirm", "confirmed", "seen", False),
    ],
)
def test_a_trip_from_loading_to_confirmation(until: str, state: str, fate: str, open_: bool) -> None:
    """Each step of the clean chain; from arrival to confirmation it is unconfirmed."""
    city = City()
    city.chain("03-02", "a b", 1000, until=until)
    found = paper(city)
    assert outline(found) == (state, [("a", fate), ("b", fate)])
    assert [(one.quantity, one.about, one.at) for one in found.conditions] == (
        [("custody.unconfirmed_manifest", "manifest:M-1", ms("03-02 16:00"))] if open_ else []
    )


def test_each_party_has_its_part() -> None:
    """Units, times and weights, and the row of the state."""
    city = City()
    city.chain("03-02", "a b", 1000)
    found = paper(city)
    parts = (found.mover, found.carrier, found.arrived, found.receiver, found.confirmed)
    assert [part and part.unit for part in parts] == ["hosp-1", "car-1", "car-1", "plant-1", "plant-1"]
    assert found.row() == {
        "id": "M-1", "offset": 4, "state": "confirmed", "consignor": "hosp-1", "carrier": "car-1",
        "receiver": "plant-1", "grid": "gulou", "vehicle": "V-1", "opened_at": ms("03-02 14:00"),
        "departed_at": ms("03-02 15:00"), "received_at": ms("03-02 16:30"), "confirmed_at": ms("03-02 17:00"),
        "loaded": 2, "received": 2, "net_g": 2000,
    }  # fmt: skip
    assert found.received_g == 2000


def trip(city: City, *, receive: str = "", net_g: int = 0, **more: str) -> City:
    """Depart, arrive and receive under M-1; ``receive`` are the labels that are scanned."""
    for clock, step in (("15:00", "depart"), ("16:00", "arrive")):
        city.say(f"03-02 {clock}", step, manifest="M-1", vehicle="V-1")
    city.say("03-02 16:30", "receive", receive, net_g, manifest="M-1", **more)
    return city


def loaded(labels: str = "a b", net_g: int = 0) -> City:
    """Out of the store under M-1, all in one scan."""
    city = City()
    for label in labels.split():
        city.say("03-02 08:00", "collect", label, 700)
    city.say("03-02 14:00", "store_out", labels, net_g, manifest="M-1", vehicle="V-1")
    return city


def test_a_receipt_by_manifest_infers_all_and_weighs_them_together() -> None:
    """The plant weighs the vehicle: one weight of all, which is never divided."""
    found = paper(trip(loaded(net_g=1400), net_g=1390))
    assert outline(found) == ("received", [("a", "inferred"), ("b", "inferred")])
    assert (found.net_g, found.received_g, [one.ids for one in found.groups]) == (1400, 1390, [("a", "b")] * 2)
    assert [line.net_g for line in found.lines] == [None, None]


def test_what_was_not_scanned_at_a_receipt_by_scan_is_missing_once_it_is_confirmed() -> None:
    """Until then the receiver may still be scanning."""
    city = trip(loaded(), receive="a")
    assert outline(paper(city)) == ("received", [("a", "seen"), ("b", "open")])
    city.say("03-02 17:00", "confirm", manifest="M-1")
    assert outline(paper(city)) == ("confirmed", [("a", "seen"), ("b", "missing")])


def test_what_was_never_loaded_is_a_surplus() -> None:
    """Received under this number, moved under none."""
    found = paper(trip(loaded("a"), receive="a x"))
    assert (found.surplus, found.received) == (["x"], 1)


def test_a_refused_container_leaves_the_manifest_refused_in_part() -> None:
    """Whether it was received before or not; confirmation does not change that."""
    city = trip(loaded(), receive="a")
    city.say("03-02 16:40", "refuse", "b", manifest="M-1")
    city.say("03-02 17:00", "confirm", manifest="M-1")
    found = paper(city)
    assert outline(found) == ("refused_in_part", [("a", "seen"), ("b", "refused")])
    assert found.confirmed is not None
    assert found.conditions == []


@pytest.mark.parametrize("at", ["van", "store"])
def test_only_the_receiver_confirms(at: str) -> None:
    """A confirmation of carrier or consignor is one of a hand-over, not of the manifest."""
    city = trip(loaded(), receive="a b")
    city.say("03-02 17:00", "confirm", manifest="M-1", at=at)
    found = paper(city)
    assert (found.state, len(found.conditions)) == ("received", 1)


def test_two_consignors_under_one_number_are_a_fault() -> None:
    """One manifest a consignor: the first is the manifest's, the other one is named with its event."""
    city = loaded("a")
    other = city.say("03-02 14:10", "store_out", "z", manifest="M-1", at="store-2")
    found = paper(city)
    assert (found.consignor, found.others) == ("hosp-1", [(other.offset, "hosp-2")])


def test_what_only_the_carrier_loads_is_its_producers() -> None:
    """The store's scan names no manifest: whose waste it is say the containers, all of them to whoever reads it."""
    city = City()
    for label, ward in (("a", "ward-7"), ("z", "ward-2")):
        city.say("03-02 08:00", "collect", label, 700, at=ward)
        city.say("03-02 14:00", "load", label, manifest="M-1", vehicle="V-1")
    found = paper(city)
    assert (found.consignor, found.row()["grid"], found.others) == ("hosp-1", "gulou", [])
    weighed(found, city.containers())
    assert [unit for _, unit in found.others] == ["hosp-2"]


def test_a_clinic_is_the_consignor_where_the_carrier_collects() -> None:
    """The place is the clinic's, the device the carrier's."""
    city = City()
    fact = city.say("03-02 09:00", "collect", "a", manifest="M-1", vehicle="V-1", at="clinic")
    city.facts[-1] = msgspec.structs.replace(fact, home=SPOTS["van"])
    found = paper(trip(city))
    assert (found.consignor, outline(found)) == ("clinic-1", ("received", [("a", "inferred")]))


def test_what_the_vehicle_does_counts_until_it_leaves_again() -> None:
    """A carrier whose device knows the vehicle only: this trip is the manifest's, the next one is not."""
    city = loaded("a")
    for clock, step in (("15:00", "depart"), ("16:00", "arrive")):
        city.say(f"03-02 {clock}", step, vehicle="V-1")
    city.say("03-03 08:00", "depart", vehicle="V-1")
    city.say("03-03 09:00", "receive", vehicle="V-1")
    found = paper(city)
    assert outline(found) == ("departed", [("a", "open")])
    assert (found.carrier and found.carrier.at, found.arrived and found.arrived.at) == (
        ms("03-02 15:00"), ms("03-02 16:00"),
    )  # fmt: skip


def test_a_voided_loading_is_no_line() -> None:
    """Taken back with a reason; without one it stays."""
    city = loaded("a")
    wrong = city.say("03-02 14:05", "store_out", "b", manifest="M-1")
    city.say("03-02 14:06", "void", of=wrong.id, at="store")
    assert [line.id for line in paper(city).lines] == ["a", "b"]
    city.say("03-02 14:07", "void", of=wrong.id, at="store", reason="wrong bag")
    assert [line.id for line in paper(city).lines] == ["a"]


def test_label_and_tag_of_one_bag_are_one_line() -> None:
    """Loaded by its tag, received by its label; both were read when it was collected."""
    city = City()
    city.say("03-02 08:00", "collect", "a epc:30AB", 700)
    city.say("03-02 14:00", "store_out", "epc:30AB", manifest="M-1")
    found = paper(trip(city, receive="a"))
    assert (outline(found), found.surplus) == (("received", [("a", "seen")]), [])


def test_weights_before_the_trip_fill_what_nobody_weighed_on_it() -> None:
    """Each bag as it was weighed alone when it was collected."""
    city = loaded()
    assert paper(city).net_g is None
    found = paper(city)
    weighed(found, city.containers())
    assert ([line.net_g for line in found.lines], found.net_g) == ([700, 700], 1400)


def test_a_number_that_nothing_was_moved_under_is_no_manifest() -> None:
    """A receipt with a mistyped number."""
    assert manifest(trip(City()).known, "M-1", PROFILES) is None


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_arrival_changes_nothing(seed: int) -> None:
    """Facts in any order, some of them twice, give the same manifest."""
    city = trip(loaded("a b c", 2100), receive="a b")
    city.say("03-02 16:40", "refuse", "c", manifest="M-1")
    city.say("03-02 17:00", "confirm", manifest="M-1")
    facts = [*city.facts, *city.facts[:3]]
    random.Random(seed).shuffle(facts)
    assert manifest(Remembered(facts), "M-1", PROFILES) == paper(city)
