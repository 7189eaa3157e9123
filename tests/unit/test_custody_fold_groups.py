"""A container in others: cycles of a bin, groups, split and merge."""

from __future__ import annotations

import pytest

from tests.support.container_story import (
    CLINIC,
    DOCTOR,
    DRIVER,
    GATE,
    KEEPER,
    NURSE,
    Story,
)

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
