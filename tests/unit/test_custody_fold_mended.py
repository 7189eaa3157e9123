"""A container that was lost, refused, held, taken back or corrected, and what counts of its weights."""

from __future__ import annotations

import pytest

from custody.fact import Party
from tests.support.container_story import (
    COLLECTOR,
    DRIVER,
    GATE,
    KEEPER,
    NURSE,
    Story,
    scale,
)

ADMIN = Party("0777", "p-admin", "hosp-1", "head")
PLANT_HEAD = Party("0999", "p-plant-head", "plant-1", "head")
STRANGER = Party("6666")


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
