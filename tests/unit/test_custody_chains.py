"""Clean chains of docs/life-of-a-container.md: nothing is told, and at the end nothing holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.container_story import CLINIC, DOCTOR, DRIVER, GATE, KEEPER, NURSE, PORTER, Story


def _hospital(story: Story) -> None:
    story.hospital("A", "B")


def _hospital_packed(story: Story) -> None:
    story.hospital("A", "B", packed=True, scanned=True)


def _hospital_bin(story: Story) -> None:
    for text in ("A", "B"):
        story.at(0, "ward", "pack", text, parent="BIN", by=NURSE, category="infectious")
    story.collect(10, "BIN", net_g=6000)
    story.at(20, "store", "store_in", "BIN", by=KEEPER, net_g=6000)
    story.store_out(100, "BIN")
    arrival = story.drive(110)
    story.at(180, "plant", "receive", "BIN", by=GATE, manifest="M-1", net_g=6010)
    story.at(181, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(200, "plant", "unpack", parent="BIN", by=GATE)
    story.at(300, "plant", "dispose", "A", "B", by=GATE)
    story.at(310, "plant", "bin_clean", "BIN", by=GATE)


def _bin_on_pallet(story: Story) -> None:
    for text in ("A", "B"):
        story.collect(5, text)
        story.at(6, "store", "pack", text, parent="BIN", by=KEEPER)
    story.at(20, "store", "store_in", "BIN", by=KEEPER)
    story.at(30, "store", "pack", "BIN", parent="PALLET", by=KEEPER)
    story.store_out(100, "PALLET")
    arrival = story.drive(110)
    story.at(180, "plant", "receive", by=GATE, manifest="M-1")
    story.at(181, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(190, "plant", "unpack", parent="PALLET", by=GATE)
    story.at(200, "plant", "unpack", "A", "B", parent="BIN", by=GATE)
    story.at(300, "plant", "dispose", "A", "B", by=GATE)
    story.at(310, "plant", "bin_clean", "BIN", by=GATE)
    story.at(311, "plant", "bin_clean", "PALLET", by=GATE)


def _clinic(story: Story) -> None:
    story.at(0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, category="sharps", vehicle="van-1")
    arrival = story.drive(10, manifest="M-1")
    story.at(80, "plant", "receive", by=GATE, manifest="M-1")
    story.at(81, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(200, "plant", "dispose", "A", by=GATE)


def _clinic_own_phone(story: Story) -> None:
    story.at(0, "clinic", "pack", "A", by=DOCTOR, category="sharps")
    story.at(5, "clinic", "collect", "A", by=DRIVER, with_=DOCTOR, manifest="M-1", vehicle="van-1")
    arrival = story.drive(10)
    story.at(80, "plant", "receive", "A", by=GATE, manifest="M-1", net_g=800)
    story.at(81, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(200, "plant", "dispose", "A", by=GATE)


def _collection_point(story: Story) -> None:
    story.at(0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, category="sharps", vehicle="van-1")
    first = story.drive(10, manifest="")
    story.at(80, "point", "receive", "A", by=PORTER, with_=DRIVER)
    story.at(81, "point", "confirm", "A", of=first, by=PORTER)
    out = story.at(1000, "point", "store_out", "A", by=PORTER, with_=DRIVER, net_g=900)
    story.at(1001, "van", "load", "A", by=DRIVER, manifest="M-1", vehicle="van-1")
    story.at(1002, "van", "confirm", of=out, by=DRIVER)
    arrival = story.drive(1010)
    story.at(1080, "plant", "receive", by=GATE, manifest="M-1")
    story.at(1081, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(1200, "plant", "dispose", "A", by=GATE)


CLEAN: dict[str, Callable[[Story], None]] = {
    "hospital, received by manifest": _hospital,
    "hospital, packed and scanned": _hospital_packed,
    "hospital with a bin": _hospital_bin,
    "a bin on a pallet": _bin_on_pallet,
    "clinic on the carrier's phone": _clinic,
    "clinic on its own phone": _clinic_own_phone,
    "clinic over a collection point": _collection_point,
}


@pytest.mark.parametrize("chain", CLEAN.values(), ids=CLEAN.keys())
def test_a_clean_chain_tells_nothing_and_leaves_nothing(chain: Callable[[Story], None]) -> None:
    """Of a clean chain nothing is told once, nothing holds at the end, and the plant destroyed what it held."""
    story = Story()
    chain(story)

    assert story.told == []
    bag = story.of("A")
    assert (bag.state, bag.holder, bag.conditions, bag.handover) == ("destroyed", "plant-1", [], None)
    assert not bag.open


@pytest.mark.parametrize("chain", CLEAN.values(), ids=CLEAN.keys())
def test_a_clean_chain_that_arrives_backwards_ends_the_same(chain: Callable[[Story], None]) -> None:
    """The state at the end does not depend on the order in which the events came."""
    forward, backward = Story(), Story()
    chain(forward)
    for fact in reversed(forward.facts):
        backward.tell(fact)

    assert backward.of("A") == forward.of("A")


def test_a_hospital_chain_step_by_step() -> None:
    """At each minute the container is where the book says, and the right timers run."""
    story = Story()
    table = [
        (0, "sealed", "hosp-1", {"sealed"}, lambda: story.at(0, "ward", "pack", "A", by=NURSE, category="sharps")),
        (10, "collected", "hosp-1", {"sealed", "awaited"}, lambda: story.collect(10, "A")),
        (20, "stored", "hosp-1", {"sealed", "stored"}, lambda: story.at(20, "store", "store_in", "A", by=KEEPER)),
        (100, "loaded", "hosp-1", {"sealed", "unconfirmed_handover"},
         lambda: story.store_out(100, "A", confirmed=False)),
        (105, "loaded", "car-1", {"sealed"}, lambda: story.at(105, "van", "confirm", of=story.facts[3], by=DRIVER)),
        (110, "arrived", "car-1", {"sealed", "in_transit"}, lambda: story.drive(110)),
        (180, "received", "car-1", {"sealed", "at_plant", "unconfirmed_handover"},
         lambda: story.at(180, "plant", "receive", by=GATE, manifest="M-1")),
        (181, "received", "plant-1", {"sealed", "at_plant"},
         lambda: story.at(181, "plant", "confirm", by=GATE, manifest="M-1", of=story.facts[-2])),
        (300, "destroyed", "plant-1", set(), lambda: story.at(300, "plant", "dispose", "A", by=GATE)),
    ]  # fmt: skip
    for minute, state, holder, holds, act in table:
        act()
        bag = story.of("A")
        assert (minute, bag.state, bag.holder, set(story.holds("A"))) == (minute, state, holder, holds)


def test_a_collection_point_is_a_store() -> None:
    """What a collection point received is stored there until it goes out again."""
    story = Story()
    _collection_point_first_half(story)

    assert story.of("A").state == "stored"
    assert story.of("A").holder == "point-1"
    assert story.holds("A") == {"sealed": 0.0, "stored": 80.0}


def _collection_point_first_half(story: Story) -> None:
    story.at(0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, category="sharps", vehicle="van-1")
    first = story.drive(10, manifest="")
    story.at(80, "point", "receive", "A", by=PORTER)
    story.at(81, "point", "confirm", "A", of=first, by=PORTER)
