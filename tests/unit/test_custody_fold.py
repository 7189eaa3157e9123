"""What a container is: identity, known, possession."""

from __future__ import annotations

import pytest

from custody.fold import container, touched
from tests.support.container_story import (
    CLINIC,
    COLLECTOR,
    DOCTOR,
    DRIVER,
    GATE,
    HOMES,
    KEEPER,
    NURSE,
    PROFILES,
    Story,
)

# --- identity ---


def test_nothing_is_known_of_an_id_that_no_event_names() -> None:
    """A text that no event names is no container, nor is the name of a manifest."""
    story = Story()
    story.store_out(0, "A")

    assert container(story.known, "B", PROFILES) is None
    assert container(story.known, "manifest:M-1", PROFILES) is None


@pytest.mark.parametrize("asked", ["A", "30AA"])
def test_a_label_and_a_tag_of_one_bag_are_one_container(asked: str) -> None:
    """A collect that reads one id of each of two kinds ties them; the label leads."""
    story = Story()
    story.collect(0, "A", "epc:30AA")
    story.at(10, "store", "store_in", "epc:30AA", by=KEEPER)

    bag = story.of(asked)
    assert (bag.id, [one.v for one in bag.ids], bag.state, len(bag.history)) == ("A", ["A", "30AA"], "stored", 2)
    assert bag.weighings[0].group == 1


def test_two_labels_in_one_event_are_two_containers() -> None:
    """Ids of the same kind are never one container; their weight is the group's and nobody's own."""
    story = Story()
    story.collect(0, "A", "B", net_g=5000)

    assert story.of("A").id == "A"
    assert story.of("B").id == "B"
    assert [(one.net_g, one.group) for one in story.of("A").weighings] == [(5000, 2)]
    assert story.of("A").net_g is None


def test_only_pack_and_collect_tie() -> None:
    """A receipt of a label and a tag says nothing about which is on which."""
    story = Story()
    story.collect(0, "A")
    story.at(10, "plant", "receive", "A", "epc:30AA", by=GATE)

    assert [one.v for one in story.of("A").ids] == ["A"]
    assert story.of("30AA").state == "quarantined"


def test_the_first_tie_holds_and_the_other_event_is_a_swapped_label() -> None:
    """A tie that would give a container two labels does not hold; it is told with the event that came last."""
    story = Story()
    story.collect(0, "A", "epc:30AA")
    story.collect(5, "B", "epc:30AA")

    assert [one.v for one in story.of("A").ids] == ["A", "30AA"]
    assert [one.v for one in story.of("B").ids] == ["B"]
    assert "swapped_label" in {name for name, _ in story.once()}


def test_the_order_of_the_fold_decides_which_tie_holds() -> None:
    """A tie that comes late and happened first takes the tag, which is told of the container that has it now."""
    story = Story()
    story.collect(5, "B", "epc:30AA")
    assert [one.v for one in story.of("B").ids] == ["B", "30AA"]
    late = story.collect(0, "A", "epc:30AA")

    assert [one.v for one in story.of("A").ids] == ["A", "30AA"]
    assert [one.v for one in story.of("B").ids] == ["B"]
    assert {"A", "B", "30AA"} == set(touched(story.known, late))
    assert ("swapped_label", "container:A") in story.once()


def test_ids_that_the_registry_ties_are_one_container() -> None:
    """A bin with a tag and a label that the registry knows is one from the beginning."""
    story = Story(("BIN", "30BB"))
    story.at(0, "store", "store_in", "epc:30BB", by=KEEPER, registered=("30BB",))
    story.at(5, "store", "store_out", "BIN", by=KEEPER, registered=("BIN",), with_=DRIVER)

    assert (story.of("30BB").id, story.of("BIN").state) == ("BIN", "out")


# --- known ---


def test_an_unknown_id_is_in_quarantine_until_its_first_step_arrives() -> None:
    """An id that was never packed or collected is told and shown as quarantined; a late collect ends that."""
    story = Story()
    story.at(20, "store", "store_in", "A", by=KEEPER)
    assert story.of("A").state == "quarantined"
    assert story.once() == {("unknown_id", "container:A")}
    assert story.holds("A") == {}

    story.collect(10, "A")
    assert (story.of("A").state, story.of("A").unit) == ("stored", "hosp-1")
    assert story.holds("A") == {"sealed": 10, "stored": 20}


@pytest.mark.parametrize(
    ("who", "step", "more", "state"),
    [
        ("ward", "collect", {}, "collected"),
        ("ward", "collect", {"strange": ("A",)}, "quarantined"),
        ("store", "store_in", {}, "quarantined"),
        ("store", "store_in", {"registered": ("A",)}, "stored"),
        ("plant", "receive", {}, "quarantined"),
        ("point", "receive", {}, "stored"),
        ("van", "collect", {}, "quarantined"),
        ("van", "collect", {"spot": CLINIC}, "collected"),
    ],
)
def test_what_makes_an_id_known(who: str, step: str, more: dict[str, object], state: str) -> None:
    """A step with which the profile of the place begins, inside the unit's labels; or the registry."""
    story = Story()
    story.at(0, who, step, "A", by=COLLECTOR, with_=NURSE, category="sharps", **more)

    assert story.of("A").state == state


# --- possession ---


def test_two_badges_of_one_unit_hand_over_inside_it() -> None:
    """The holder stays, the keeper changes with the second badge and not with one alone."""
    story = Story()
    story.at(0, "ward", "pack", "A", by=NURSE)
    assert (story.of("A").holder, story.of("A").keeper) == ("hosp-1", "0101")
    story.collect(5, "A")
    assert (story.of("A").holder, story.of("A").keeper) == ("hosp-1", "0412")
    story.at(9, "store", "store_in", "A", by=KEEPER)
    assert story.of("A").keeper == "0412"


def test_a_handover_is_open_until_the_receiving_device_confirms() -> None:
    """From the store_out with the driver's badge the hand-over is open; a read does not end it, his confirm does."""
    story = Story()
    story.collect(0, "A")
    out = story.store_out(100, "A", confirmed=False)
    story.drive(110)
    assert (story.of("A").holder, story.of("A").handover) == ("hosp-1", out.offset)
    assert story.holds("A")["unconfirmed_handover"] == 100
    story.at(115, "store", "confirm", "A", of=out, by=KEEPER)
    story.at(116, "plant", "confirm", "A", of=out, by=GATE)
    assert story.of("A").holder == "hosp-1"

    story.at(120, "van", "confirm", "A", of=out, by=DRIVER)
    assert (story.of("A").holder, story.of("A").keeper, story.of("A").handover) == ("car-1", "0701", None)


def test_a_confirm_may_speak_of_a_later_event_of_the_same_handover() -> None:
    """The driver confirms the load instead of the store_out."""
    story = Story()
    story.collect(0, "A")
    story.store_out(100, "A", confirmed=False)
    story.at(103, "van", "confirm", of=story.facts[-1], by=DRIVER)

    assert (story.of("A").holder, story.holds("A")) == ("car-1", {"sealed": 0})


def test_two_badges_on_one_device_move_possession_at_a_clinic_only() -> None:
    """The clinic's profile says badges; a hospital's store_out with two badges stays open."""
    story = Story()
    story.at(0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, category="sharps")

    assert (story.of("A").holder, story.of("A").keeper, story.of("A").handover) == ("car-1", "0701", None)


def test_whoever_takes_a_clinics_box_with_two_badges_gives_nothing_back() -> None:
    """The second badge at the gate is the driver's who brought it: possession stays where the arrival moved it."""
    story = Story()
    story.at(0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, manifest="M-1", category="sharps")
    arrival = story.drive(5, with_=GATE, spot=HOMES["plant"])
    story.at(70, "plant", "receive", "A", by=GATE, with_=DRIVER, manifest="M-1")
    story.at(71, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")
    story.at(90, "plant", "dispose", "A", by=GATE)

    assert (story.of("A").holder, story.holds("A")) == ("plant-1", {})


def test_a_load_on_the_drivers_device_with_the_keepers_badge_hands_nothing_back() -> None:
    """After the driver's confirm the keeper is only there."""
    story = Story()
    story.collect(0, "A")
    out = story.at(100, "store", "store_out", "A", by=KEEPER, with_=DRIVER)
    story.at(101, "van", "confirm", "A", of=out, by=DRIVER)
    story.at(102, "van", "load", "A", by=DRIVER, with_=KEEPER, vehicle="van-1", manifest="M-1")

    assert (story.of("A").holder, story.of("A").handover) == ("car-1", None)


def test_whoever_confirms_a_manifest_has_what_was_received_under_it_and_not_loaded() -> None:
    """A container too many is the plant's as well: its hand-over ends with the manifest's confirmation."""
    story = Story()
    story.collect(0, "A", "B", net_g=None)
    story.store_out(100, "A")
    arrival = story.drive(110)
    story.at(180, "plant", "receive", "A", "B", by=GATE, with_=DRIVER, manifest="M-1")
    story.at(181, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")

    assert (story.of("B").holder, story.of("B").handover) == ("plant-1", None)
    assert {"surplus", "at_plant"} <= story.holds("B").keys()


def test_who_looks_at_a_container_does_not_take_it() -> None:
    """An officer's inspection with a device of the authority opens no hand-over."""
    story = Story()
    story.collect(0, "A")
    story.at(5, "office", "inspect", "A", net_g=3000)

    assert (story.of("A").holder, story.of("A").handover) == ("hosp-1", None)
