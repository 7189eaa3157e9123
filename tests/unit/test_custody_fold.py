"""What a container is: identity, known, possession, cycles, groups, weights, voids and corrections."""

from __future__ import annotations

import pytest

from custody.fact import Party
from custody.fold import container, touched
from tests.support.container_story import (
    CLINIC,
    COLLECTOR,
    DOCTOR,
    DRIVER,
    GATE,
    KEEPER,
    NURSE,
    PROFILES,
    Story,
    scale,
)

ADMIN = Party("0777", "p-admin", "hosp-1", "head")
PLANT_HEAD = Party("0999", "p-plant-head", "plant-1", "head")
STRANGER = Party("6666")


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


def test_who_looks_at_a_container_does_not_take_it() -> None:
    """An officer's inspection with a device of the authority opens no hand-over."""
    story = Story()
    story.collect(0, "A")
    story.at(5, "office", "inspect", "A", net_g=3000)

    assert (story.of("A").holder, story.of("A").handover) == ("hosp-1", None)


# --- cycles ---


def test_a_clean_bin_begins_a_new_cycle_with_nothing_of_the_old_one() -> None:
    """Between two cycles a bin is empty; in the new one neither weight, category nor destruction of the old counts."""
    story = Story()
    story.hospital("BIN")
    story.at(400, "plant", "bin_clean", "BIN", by=GATE)
    clean = story.of("BIN")
    assert (clean.state, clean.open, clean.cycle, clean.conditions) == ("empty", False, 0, [])

    story.at(500, "ward", "pack", "BIN", by=NURSE)
    again = story.of("BIN")
    assert (again.state, again.cycle, again.net_g, again.category, again.manifest) == ("sealed", 1, None, "", "")
    assert (again.destroyed_at, again.weighings, again.holder) == (None, [], "hosp-1")
    assert {one.cycle for one in again.history} == {0, 1}
    assert "after_destruction" not in {name for name, _ in story.once()}


def test_what_was_in_the_bin_before_it_was_cleaned_is_not_in_it_afterwards() -> None:
    """Events of the next cycle of a bin are none of the bags of the last one."""
    story = Story()
    story.at(0, "ward", "pack", "A", parent="BIN", by=NURSE, category="sharps")
    story.at(10, "ward", "bin_clean", "BIN", by=NURSE)
    story.at(20, "ward", "pack", "B", parent="BIN", by=NURSE, category="sharps")
    story.at(30, "store", "store_in", "BIN", by=KEEPER)

    assert (story.of("A").state, story.of("A").parent) == ("sealed", "")
    assert (story.of("B").state, story.of("B").parent) == ("stored", "BIN")
    assert story.of("BIN").members == ["B"]


# --- groups ---


def test_what_is_in_a_bin_goes_where_the_bin_goes() -> None:
    """The bag's own scans are seen, those of its bin inferred, until it is unpacked."""
    story = Story()
    story.at(0, "ward", "pack", "A", parent="BIN", by=NURSE, category="sharps")
    story.collect(10, "BIN")
    story.at(20, "store", "store_in", "A", by=KEEPER)
    story.at(25, "store", "unpack", "A", parent="BIN", by=KEEPER)
    story.at(30, "store", "store_out", "BIN", by=KEEPER, with_=DRIVER)

    bag = story.of("A")
    assert [(one.fact.step, one.inferred) for one in bag.history] == [
        ("pack", False),
        ("collect", True),
        ("store_in", False),
        ("unpack", False),
    ]
    assert (bag.state, bag.parent, bag.collected_at) == ("stored", "", story.facts[1].ts)


@pytest.mark.parametrize("leaves", ["unload", "refuse", "lost", "dispose"])
def test_what_left_the_manifest_does_not_travel_with_it(leaves: str) -> None:
    """After such a step the depart of the manifest is none of the container's."""
    story = Story()
    story.collect(0, "A", "B")
    story.store_out(100, "A", "B")
    story.at(105, "van", leaves, "A", by=DRIVER)
    story.drive(110)

    assert all(not one.inferred for one in story.of("A").history)
    assert story.of("B").state == "arrived"


def test_a_vehicle_without_manifest_carries_what_is_on_it_for_its_trip() -> None:
    """Bags of two trips of one van do not mix."""
    story = Story()
    for minute, text in ((0, "A"), (300, "B")):
        story.at(minute, "van", "collect", text, spot=CLINIC, by=DRIVER, with_=DOCTOR, category="sharps", vehicle="v")
        story.drive(minute + 10, manifest="", vehicle="v")
        story.at(minute + 80, "plant", "receive", vehicle="v", by=GATE)

    for text in ("A", "B"):
        assert [one.fact.step for one in story.of(text).history] == ["collect", "depart", "arrive", "receive"]


def test_groups_are_followed_four_deep() -> None:
    """A bag in four boxes, one in the other, goes with the outermost; in a fifth it does not."""
    story = Story()
    story.collect(0, "C0")
    for depth in range(6):
        story.at(depth + 1, "store", "pack", f"C{depth}", parent=f"C{depth + 1}", by=KEEPER)
    story.at(20, "store", "store_in", "C4", by=KEEPER)
    assert story.of("C0").state == "stored"
    story.at(30, "store", "store_out", "C5", by=KEEPER, with_=DRIVER)
    assert (story.of("C0").state, story.of("C1").state) == ("stored", "out")


def test_a_bin_in_itself_ends() -> None:
    """Two bins that are packed into each other are two bins, and the fold returns."""
    story = Story()
    story.at(0, "ward", "pack", "A", parent="B", by=NURSE)
    story.at(1, "ward", "pack", "B", parent="A", by=NURSE)

    assert (story.of("A").parent, story.of("B").parent) == ("B", "A")


# --- split and merge ---


def test_parts_of_a_split_go_on_as_what_the_whole_was() -> None:
    """They have its producer, holder, category and waiting times; the whole is divided."""
    story = Story()
    story.collect(0, "A", net_g=6000)
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(20, "store", "split", "A1", "A2", parent="A", by=KEEPER)

    assert (story.of("A").state, story.of("A").open) == ("divided", False)
    part = story.of("A1")
    assert (part.state, part.unit, part.holder, part.category) == ("stored", "hosp-1", "hosp-1", "infectious")
    assert story.holds("A1") == {"sealed": 0, "stored": 10}
    assert part.net_g is None
    assert story.told == []


def test_what_is_merged_is_divided_and_the_whole_has_waited_as_long_as_its_oldest_part() -> None:
    """A merge takes the earliest times of what went in."""
    story = Story()
    story.collect(0, "A")
    story.collect(5, "B", net_g=2000)
    story.at(10, "store", "store_in", "A", "B", by=KEEPER)
    story.at(20, "store", "merge", "A", "B", parent="C", by=KEEPER, net_g=5000)

    assert {story.of(text).state for text in "AB"} == {"divided"}
    assert (story.of("C").state, story.of("C").net_g) == ("stored", 5000)
    assert story.holds("C") == {"sealed": 0, "stored": 10}


# --- loss, hold, refusal ---


def test_lost_until_found() -> None:
    """A lost container is missing since then, and goes on where it was when it is found."""
    story = Story()
    story.collect(0, "A")
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(20, "store", "lost", "A", by=KEEPER)
    assert (story.of("A").state, story.holds("A")) == ("lost", {"missing": 20})
    story.at(30, "store", "found", "A", by=KEEPER)
    assert (story.of("A").state, story.holds("A")) == ("stored", {"sealed": 0, "stored": 10})


def test_a_refused_container_stays_with_whoever_brought_it() -> None:
    """Partial refusal: the one is refused and still the carrier's, the other is received."""
    story = Story()
    story.collect(0, "A", "B", net_g=None)
    story.store_out(100, "A", "B")
    arrival = story.drive(110)
    story.at(175, "plant", "refuse", "A", by=GATE, manifest="M-1")
    story.at(180, "plant", "receive", by=GATE, manifest="M-1")
    story.at(181, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")

    assert (story.of("A").state, story.of("A").holder) == ("refused", "car-1")
    assert (story.of("B").state, story.of("B").holder) == ("received", "plant-1")
    story.at(300, "store", "store_in", "A", by=KEEPER, with_=DRIVER)
    assert story.of("A").state == "stored"
    assert story.of("A").contradictions == []


def test_a_held_container_is_held_until_it_moves_on() -> None:
    """The storage time runs on meanwhile."""
    story = Story()
    story.collect(0, "A")
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(15, "store", "hold", "A", by=KEEPER, reason="leak")
    assert (story.of("A").state, story.holds("A")["stored"]) == ("held", 10)
    story.store_out(30, "A")
    assert story.of("A").state == "loaded"


def test_out_and_in_again_does_not_begin_the_storage_anew() -> None:
    """What comes back into the same store has been there since it first came."""
    story = Story()
    story.collect(0, "A")
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(2000, "store", "store_out", "A", by=KEEPER, with_=COLLECTOR)
    story.at(2010, "store", "store_in", "A", by=KEEPER)

    assert story.holds("A") == {"sealed": 0, "stored": 10}


# --- voids and corrections ---


def test_a_void_with_a_reason_takes_an_event_back() -> None:
    """The state is what it was before, the event stays in the history and says who took it back."""
    story = Story()
    story.collect(0, "A")
    wrong = story.at(10, "store", "store_in", "A", by=KEEPER)
    void = story.at(12, "store", "void", of=wrong, reason="wrong bag", by=KEEPER)

    bag = story.of("A")
    assert (bag.state, bag.stored_at) == ("collected", None)
    assert [(one.fact.step, one.counts, one.by) for one in bag.history] == [
        ("collect", True, None),
        ("store_in", False, void.offset),
        ("void", True, None),
    ]


def test_a_container_whose_events_are_all_void_is_closed() -> None:
    """Nothing is expected of it any more."""
    story = Story()
    wrong = story.collect(0, "A", net_g=None)
    story.at(12, "ward", "void", of=wrong, reason="test", by=NURSE)

    assert (story.of("A").state, story.of("A").open, story.of("A").conditions) == ("closed", False, [])


@pytest.mark.parametrize(
    ("more", "net_g", "told"),
    [
        ({"reason": "typing error", "approved_by": ADMIN}, 2000, set()),
        ({"reason": "typing error"}, 3000, {"no_second_badge"}),
        ({"reason": "typing error", "approved_by": NURSE}, 3000, {"no_second_badge"}),
        ({"reason": "typing error", "approved_by": STRANGER}, 3000, {"no_second_badge"}),
        ({"approved_by": ADMIN}, 3000, {"out_of_sequence"}),
    ],
)
def test_a_weight_is_corrected_with_a_reason_and_a_second_person(
    more: dict[str, object], net_g: int, told: set[str]
) -> None:
    """Else the correction changes nothing and is told."""
    story = Story()
    first = story.collect(0, "A")
    change = story.at(5, "ward", "correct", "A", of=first, by=NURSE, net_g=2000, **more)

    bag = story.of("A")
    assert bag.net_g == net_g
    assert {name for name, _ in story.once()} == told
    assert (bag.history[0].counts, bag.history[1].counts) == (bool(told), not told)
    if not told:
        assert [(one.offset, one.step, one.at) for one in bag.weighings] == [(change.offset, "collect", first.ts)]


def test_a_category_is_corrected_with_a_reason_alone() -> None:
    """No weight changes, so that one person is enough; the last correction counts."""
    story = Story()
    first = story.collect(0, "A", category="")
    assert "no_category" in story.holds("A")
    story.at(5, "ward", "correct", of=first, by=NURSE, category="sharps", reason="forgotten")
    story.at(6, "ward", "correct", of=first, by=NURSE, category="chemical", reason="looked again")

    assert (story.of("A").category, story.of("A").net_g, story.told) == ("chemical", 3000, [])


@pytest.mark.parametrize(("approver", "state"), [(ADMIN, "loaded"), (PLANT_HEAD, "collected"), (None, "loaded")])
def test_after_the_receiver_confirmed_only_the_other_party_approves(approver: Party | None, state: str) -> None:
    """What is on a confirmed manifest is not taken back by one side alone."""
    story = Story()
    story.collect(0, "A")
    story.store_out(100, "A")
    story.at(181, "plant", "confirm", manifest="M-1", by=GATE)
    for fact in [one for one in story.facts if one.step in {"store_out", "load"}]:
        story.at(200, "store", "void", of=fact, reason="never left", by=KEEPER, approved_by=approver)

    assert story.of("A").state == state


def test_a_void_that_comes_before_its_event_counts_as_soon_as_that_is_there() -> None:
    """Which of the two arrives first makes no difference."""
    first, second = Story(), Story()
    first.collect(0, "A")
    first.at(20, "store", "void", of=first.at(10, "store", "store_in", "A", by=KEEPER), reason="wrong", by=KEEPER)
    for index in (0, 2, 1):
        second.tell(first.facts[index])

    assert second.of("A") == first.of("A")


# --- weights ---


def test_an_estimate_counts_only_where_nothing_was_weighed() -> None:
    """A later estimate does not replace what a scale said."""
    story = Story()
    story.at(0, "ward", "pack", "A", by=NURSE, weight=scale(9000, "estimated"))
    assert story.of("A").net_g == 9000
    story.collect(5, "A", net_g=3000)
    story.at(9, "store", "store_in", "A", by=KEEPER, weight=scale(5000, "estimated"))

    assert (story.of("A").net_g, len(story.of("A").weighings)) == (3000, 3)
    assert "weight_difference" not in story.holds("A")


def test_what_the_scale_had_not_settled_is_no_weighing() -> None:
    """An unstable or unusable weight is shown with its event and never counted."""
    story = Story()
    weight = scale(3000)
    story.collect(0, "A", net_g=None, weight=type(weight)(net_g=3000, stable=False))
    story.collect(1, "B", net_g=None, weight=type(weight)(net_g=3000, usable=False))

    assert [(story.of(text).net_g, story.of(text).weighings) for text in "AB"] == [(None, []), (None, [])]
