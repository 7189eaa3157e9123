"""What is the matter with a container, and what is told once of an event: each condition by a story."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from custody.fact import Party, Weight
from tests.support.container_story import (
    CLINIC,
    COLLECTOR,
    DOCTOR,
    DRIVER,
    GATE,
    KEEPER,
    NURSE,
    START,
    Story,
    scale,
)


def _delivered(story: Story, *received: str, loaded: tuple[str, ...] = ("A", "B")) -> None:
    """``loaded`` travel under M-1; ``received`` are scanned at the plant under it, and it is confirmed."""
    for text in loaded:
        story.collect(0, text)
    story.store_out(100, *loaded)
    arrival = story.drive(110)
    for text in received:
        story.at(180, "plant", "receive", text, by=GATE, manifest="M-1")
    story.at(190, "plant", "confirm", of=arrival, by=GATE, manifest="M-1")


def _unpacked(story: Story, *out: str, at: str = "plant") -> None:
    """A and B travel in a bin; ``out`` is scanned when it is unpacked."""
    for text in ("A", "B"):
        story.at(0, "ward", "pack", text, parent="BIN", by=NURSE, category="sharps")
    story.collect(10, "BIN")
    if at == "plant":
        story.store_out(100, "BIN")
        story.drive(110)
        story.at(180, "plant", "receive", "BIN", by=GATE, manifest="M-1")
    story.at(190, at, "unpack", *out, parent="BIN", by=GATE)


def _found_later(story: Story) -> None:
    _delivered(story, "A")
    story.at(200, "plant", "receive", "B", by=GATE, manifest="M-1")


def _loaded_late(story: Story) -> None:
    _delivered(story, "A", "B", "C")
    story.collect(5, "C")
    story.at(101, "van", "load", "C", by=DRIVER, manifest="M-1", vehicle="van-1")


def _divided(story: Story, *parts: int, together: int | None = None) -> None:
    story.collect(0, "A", net_g=6000)
    story.at(10, "store", "split", "A1", "A2", parent="A", by=KEEPER, net_g=together)
    for number, net_g in enumerate(parts, 1):
        story.at(10 + number, "store", "inspect", f"A{number}", by=KEEPER, net_g=net_g)


def _merged(story: Story, net_g: int) -> None:
    story.collect(0, "A", net_g=2000)
    story.collect(1, "B", net_g=3000)
    story.at(10, "store", "merge", "A", "B", parent="C", by=KEEPER, net_g=net_g)


def _binned(story: Story, net_g: int) -> None:
    for text in ("A", "B"):
        story.collect(0, text, net_g=3000)
        story.at(5, "store", "pack", text, parent="BIN", by=KEEPER)
    story.at(20, "store", "store_in", "BIN", by=KEEPER, net_g=net_g)


def _grouped(story: Story, net_g: int) -> None:
    for text in ("B", "A"):
        story.collect(0, text, net_g=3000)
    story.at(20, "store", "store_in", "B", "A", by=KEEPER, net_g=net_g)


def _swapped_and_weighed(story: Story) -> None:
    for text in ("A", "B"):
        story.at(0, "ward", "pack", text, f"epc:T{text}", by=NURSE, category="infectious")
    story.collect(5, "epc:TA", "B", net_g=3000)
    for text in ("A", "B"):
        story.at(20, "store", "store_in", text, by=KEEPER, net_g=3000)


def _weighed(story: Story, *steps: tuple[str, str, int]) -> None:
    for minute, (who, step, net_g) in enumerate(steps):
        story.at(minute, who, step, "A", by=COLLECTOR, with_=NURSE, category="sharps", net_g=net_g)


Table = list[tuple[str, Callable[[Story], None], str, str, float | None]]
#: what happens, of which container, which condition: since which minute it holds, None = it does not
HOLDS: Table = [
    ("not scanned at the plant", lambda s: _delivered(s, "A"), "B", "missing", 190),
    ("scanned at the plant", lambda s: _delivered(s, "A"), "A", "missing", None),
    ("scanned later", _found_later, "B", "missing", None),
    ("nothing scanned at all", _delivered, "B", "missing", None),
    ("not among what came out of the bin", lambda s: _unpacked(s, "A"), "B", "missing", 190),
    ("out of the bin", lambda s: _unpacked(s, "A"), "A", "missing", None),
    ("the whole bin unpacked", _unpacked, "B", "missing", None),
    ("taken out of the bin before it was handed over", lambda s: _unpacked(s, "A", at="ward"), "B", "missing", None),
    ("received without having been loaded", lambda s: _delivered(s, "A", "B", "C"), "C", "surplus", 180),
    ("received as loaded", lambda s: _delivered(s, "A", "B", "C"), "A", "surplus", None),
    ("the load is reported late", _loaded_late, "C", "surplus", None),
    ("no category", lambda s: s.collect(3, "A", category=""), "A", "no_category", 3),
    ("a category that the catalogue lacks", lambda s: s.collect(3, "A", category="x", flags=("unknown_category",)),
     "A", "no_category", 3),
    ("a bin has no category beside its bags'", lambda s: _binned(s, 6050), "BIN", "no_category", None),
    ("parts lighter than the whole", lambda s: _divided(s, 2000, 3000), "A", "weight_difference", 12),
    ("parts as heavy as the whole", lambda s: _divided(s, 3000, 3010), "A", "weight_difference", None),
    ("parts weighed together", lambda s: _divided(s, together=5000), "A", "weight_difference", 0),
    ("one part not weighed", lambda s: _divided(s, 2000), "A", "weight_difference", None),
    ("merged and heavier", lambda s: _merged(s, 7000), "C", "weight_difference", 10),
    ("merged and the same", lambda s: _merged(s, 5010), "C", "weight_difference", None),
    ("a bin lighter than its bags", lambda s: _binned(s, 5000), "BIN", "weight_difference", 20),
    ("a bin like its bags", lambda s: _binned(s, 6050), "BIN", "weight_difference", None),
    ("a group lighter than its members", lambda s: _grouped(s, 5000), "A", "weight_difference", 20),
    ("the tag of one with the label of another says whose weight it is of neither", _swapped_and_weighed,
     "A", "weight_difference", None),
    ("told of the first member only", lambda s: _grouped(s, 5000), "B", "weight_difference", None),
    ("lighter in the store", lambda s: _weighed(s, ("ward", "collect", 3000), ("store", "store_in", 2000)),
     "A", "weight_difference", 1),
    ("60 g of 3 kg are within 2 %", lambda s: _weighed(s, ("ward", "collect", 3000), ("store", "store_in", 2940)),
     "A", "weight_difference", None),
    ("30 g of 500 g are three divisions", lambda s: _weighed(s, ("ward", "collect", 500), ("store", "store_in", 470)),
     "A", "weight_difference", None),
    ("the newest pair counts", lambda s: _weighed(
        s, ("ward", "collect", 3000), ("store", "store_in", 2000), ("store", "store_out", 2000)),
     "A", "weight_difference", None),
    ("an inspection is no pair of the chain", lambda s: _weighed(s, ("ward", "collect", 3000), ("ward", "inspect", 1)),
     "A", "weight_difference", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "text", "quantity", "since"), [row[1:] for row in HOLDS], ids=[f"{row[0]}: {row[3]}" for row in HOLDS]
)
def test_what_holds(act: Callable[[Story], None], text: str, quantity: str, since: float | None) -> None:
    """Each condition begins with its event, and does not hold where nothing is the matter."""
    story = Story()
    act(story)

    assert story.holds(text).get(quantity) == since


def test_a_weight_difference_is_a_ratio_to_the_tolerance() -> None:
    """300 g lighter, of 3 kg in the ward: 2 % allow 60 g, that is five times as much; where the second scale is."""
    story = Story()
    _weighed(story, ("ward", "collect", 3000), ("store", "store_in", 2700))
    (found,) = [one for one in story.of("A").conditions if one.quantity == "custody.weight_difference"]

    assert (found.value, found.spot.place, found.about) == (5.0, "hosp-1-store", "container:A")


def test_a_condition_begins_where_its_event_was() -> None:
    """The store's timer is of the store, that of the road of where it left from, and both stay so."""
    story = Story()
    story.collect(0, "A")
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(20, "store", "move", "A", by=KEEPER)
    (stored,) = [one for one in story.of("A").conditions if one.quantity == "custody.stored"]
    assert (stored.spot.place, stored.at) == ("hosp-1-store", START + 10 * 60_000)


# --- told once ---

SHORT = Party("0412", "p-collector", "hosp-1", "collector")
OTHER = Party("7777")


def _after_the_end(story: Story) -> None:
    story.hospital("A")
    story.at(400, "store", "store_in", "A", by=KEEPER)


def _end_comes_late(story: Story) -> None:
    story.collect(0, "A")
    story.at(400, "store", "store_in", "A", by=KEEPER)
    story.at(300, "plant", "dispose", "A", by=GATE)


def _void_after_the_end(story: Story) -> None:
    story.hospital("A")
    story.at(
        400,
        "plant",
        "correct",
        "A",
        of=story.facts[0],
        reason="forgotten",
        category="sharps",
        by=GATE,
        approved_by=NURSE,
    )


def _never_received(story: Story) -> None:
    story.collect(0, "A")
    story.store_out(100, "A")
    story.drive(110)
    story.at(180, "plant", "dispose", "A", by=GATE)


def _back_on_the_ward(story: Story) -> None:
    story.collect(0, "A")
    story.store_out(100, "A")
    story.drive(110)
    story.at(200, "ward", "collect", "A", by=COLLECTOR, with_=NURSE, net_g=3000)


def _clocks_apart(story: Story) -> None:
    story.collect(0, "A")
    story.at(10, "store", "store_in", "A", by=KEEPER)
    story.at(100, "van", "load", "A", by=DRIVER, manifest="M-1")
    story.at(102, "store", "store_out", "A", by=KEEPER, with_=DRIVER)


ONCE: list[tuple[str, Callable[[Story], object], set[str]]] = [
    ("scanned after its destruction", _after_the_end, {"after_destruction"}),
    ("its destruction is reported late", _end_comes_late, {"after_destruction"}),
    ("corrected after its destruction", _void_after_the_end, set()),
    ("one badge at a collection", lambda s: s.collect(0, "A", with_=None), {"no_second_badge"}),
    ("the same badge twice", lambda s: s.collect(0, "A", by=SHORT, with_=SHORT), {"no_second_badge"}),
    ("no badge at all", lambda s: s.collect(0, "A", by=None, with_=None), {"no_second_badge"}),
    ("unknown badge", lambda s: s.collect(0, "A", with_=OTHER, flags=("unknown_badge",)), {"unknown_badge"}),
    ("unknown id", lambda s: s.at(0, "plant", "receive", "A", by=GATE), {"unknown_id"}),
    ("no identity", lambda s: s.at(0, "ward", "collect", by=COLLECTOR, with_=NURSE, net_g=1, flags=("no_identity",)),
     {"unknown_id"}),
    ("outside the labels", lambda s: s.collect(0, "A", strange=("A",)), {"unknown_id"}),
    ("bad weight", lambda s: s.collect(0, "A", net_g=None, flags=("bad_weight",), weight=Weight(net_g=1, usable=False)),
     {"implausible_weight"}),
    ("too heavy", lambda s: s.collect(0, "A", net_g=61_000), {"implausible_weight"}),
    ("two together may weigh more", lambda s: s.collect(0, "A", "B", net_g=61_000), set()),
    ("typed", lambda s: s.collect(0, "A", net_g=None, weight=scale(3000, "typed")), {"typed_weight"}),
    ("typed at a clinic, which has no scale", lambda s: s.at(
        0, "van", "collect", "A", spot=CLINIC, by=DRIVER, with_=DOCTOR, weight=scale(3000, "typed")), set()),
    ("not weighed", lambda s: s.collect(0, "A", net_g=None), {"not_weighed"}),
    ("seven hours late", lambda s: s.collect(0, "A", late=420), {"late_report"}),
    ("half an hour late", lambda s: s.collect(0, "A", late=30), set()),
    ("not a terminal", lambda s: s.collect(0, "A", flags=("not_a_terminal",)), {"not_a_terminal", "unknown_id"}),
    ("bad signature", lambda s: s.collect(0, "A", signature="bad"), {"bad_signature"}),
    ("good signature", lambda s: s.collect(0, "A", signature="good"), set()),
    ("unknown step", lambda s: s.at(0, "ward", "fold", "A", flags=("unknown_step",), registered=("A",)),
     {"unknown_step"}),
    ("destroyed without having been received", _never_received, {"out_of_sequence"}),
    ("collected again after it left", _back_on_the_ward, {"out_of_sequence"}),
    ("two clocks two minutes apart", _clocks_apart, set()),
    ("a void of nothing", lambda s: (s.collect(0, "A"), s.at(1, "ward", "void", "A", of="X", reason="r", by=NURSE)),
     {"out_of_sequence"}),
]  # fmt: skip


@pytest.mark.parametrize(("act", "told"), [row[1:] for row in ONCE], ids=[row[0] for row in ONCE])
def test_what_is_told_once(act: Callable[[Story], object], told: set[str]) -> None:
    """What is wrong with an event is told with it, and nothing else is."""
    story = Story()
    act(story)

    assert {name for name, _ in story.once()} == told


def test_a_scan_after_its_destruction_brings_nothing_back_to_life() -> None:
    """It stays destroyed, in its place, with its holder."""
    story = Story()
    _after_the_end(story)
    bag = story.of("A")

    assert (bag.state, bag.spot.place, bag.holder, bag.open) == ("destroyed", "plant-1-line", "plant-1", False)


def test_a_late_report_says_by_how_many_seconds() -> None:
    """The rule says what is too late."""
    story = Story()
    story.collect(0, "A", late=420)

    assert [(one.value, one.about) for one in story.told] == [(420 * 60 + 1.0, "container:A")]


def test_what_concerns_several_containers_is_told_of_the_event() -> None:
    """One thing is wrong with one event, whatever it names."""
    story = Story()
    story.collect(0, "A", "B", with_=None)

    assert story.once() == {("no_second_badge", "event:T-ward:ward-1")}


def test_a_clock_that_is_apart_does_not_take_the_container_off_the_van() -> None:
    """The store's scan two minutes after the driver's leaves the container where the driver has it."""
    story = Story()
    _clocks_apart(story)

    assert story.of("A").state == "loaded"


def test_what_was_scanned_last_is_true_of_where_it_is() -> None:
    """A contradiction is told, and the state follows the scan."""
    story = Story()
    _back_on_the_ward(story)

    assert story.of("A").state == "collected"
    assert len(story.of("A").contradictions) == 1
