"""Balances of days: what compares with what, what is missing, and what is left out."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from custody.balance import Row, balance, conditions, day_of, end_of
from custody.fact import ContainerId
from tests.support.custody_story import PROFILES, ZONE, City, ms


def rows(city: City, day: str = "2026-03-02", unit: str = "hosp-1", now: str = "") -> dict[str, Row]:
    """The rows of a unit and day by category, long after it."""
    found = balance(city.containers(), unit, day, ZONE, PROFILES, now=ms(now) if now else None)
    return {row.category: row for row in found}


def test_a_clean_day_balances_at_every_stage() -> None:
    """Three bags of 3.42 kg from ward to destruction."""
    city = City()
    city.chain("03-02", "a b c", 3420)
    (row,) = rows(city).values()
    assert (row.department_n, row.store_in_n, row.store_out_n, row.loaded_n, row.received_n, row.disposed_n) == (3,) * 6
    assert (row.department_g, row.store_in_g, row.store_out_g, row.received_g) == (10260,) * 4
    assert row.loaded_g is None
    assert (row.ok, row.missing, row.skipped, row.part, row.difference_g) == (True, [], [], [], 0)
    assert conditions([row], 0) == []


@pytest.mark.parametrize(
    ("why", "city", "pair", "difference", "tolerance", "ok"),
    [
        ("60 g of three bags of 1 kg: 3 divisions of 10 g a bag are more than 2 %",
         lambda: weighed(1000, 980, 980, 980), ("department", "store_in"), -60, 90, True),
        ("2 % of 30 kg are more than the divisions of three bags",
         lambda: weighed(10_000, 9_790, 9_790, 9_790), ("department", "store_in"), -630, 600, False),
        ("the plant may be 5 % off the store",
         lambda: weighed(10_000, 10_000, 10_000, 9_510), ("store_out", "received"), -1470, 1500, True),
        ("but not more",
         lambda: weighed(10_000, 10_000, 10_000, 10_600), ("store_out", "received"), 1800, 1500, False),
        ("where only ward and plant weigh, they are compared",
         lambda: weighed(10_000, 0, 0, 9_400), ("department", "received"), -1800, 1500, False),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_tolerance(  # noqa: PLR0917 - one row of the table
    why: str, city: Callable[[], City], pair: tuple[str, str], difference: int, tolerance: int, ok: bool
) -> None:
    """The larger of so many divisions a bag and a percentage of the first weight, at the pair that is furthest out."""
    (row,) = rows(city()).values()
    worst = max(row.differences, key=lambda one: one.ratio)
    assert (worst.earlier, worst.later) == pair, why
    assert (row.difference_g, row.tolerance_g, row.ok) == (difference, tolerance, ok), why
    told = [(one.quantity, one.about, one.spot.unit) for one in conditions([row], 0)]
    expected = [] if ok else [("custody.weight_difference", "balance:hosp-1:infectious:2026-03-02", "hosp-1")]
    assert told == expected


def weighed(collected: int, stored: int, out: int, received: int) -> City:
    """Three bags that weigh so much each, at four stages; 0 = not weighed."""
    city = City()
    for clock, step, net in (("08:00", "collect", collected), ("10:00", "store_in", stored),
                             ("14:00", "store_out", out), ("16:00", "receive", received)):  # fmt: skip
        for label in "abc":
            city.say(f"03-02 {clock}", step, label, net)
    return city


def test_a_group_is_compared_as_a_group_and_never_divided() -> None:
    """Two bags weighed alone, then together; a third has no second weight, and the row says so."""
    city = City()
    for label, net in (("a", 1000), ("b", 2000), ("c", 4000)):
        city.say("03-02 08:00", "collect", label, net)
    city.say("03-02 10:00", "store_in", "a b", 3050)
    city.say("03-02 10:05", "store_in", "c")
    (row,) = rows(city).values()
    assert (row.department_g, row.store_in_g, row.part) == (7000, 3050, ["store_in"])
    (difference,) = row.differences
    assert (difference.containers, difference.difference_g, difference.tolerance_g) == (2, 50, 60)


def test_groups_of_both_sides_that_share_bags_are_compared_as_one() -> None:
    """a+b then b+c... : only all three together have a weight on both sides."""
    city = City()
    city.say("03-02 08:00", "collect", "a b", 3000)
    city.say("03-02 08:05", "collect", "c", 1000)
    city.say("03-02 10:00", "store_in", "a", 1000)
    city.say("03-02 10:05", "store_in", "b c", 3020)
    (row,) = rows(city).values()
    (difference,) = row.differences
    assert (difference.containers, difference.difference_g, difference.tolerance_g) == (3, 20, 90)


def test_a_group_with_a_bag_of_another_row_is_left_out() -> None:
    """The plant weighs two categories on one pallet: neither row knows its share."""
    city = City()
    city.say("03-02 08:00", "collect", "a", 1000)
    city.say("03-02 08:05", "collect", "b", 2000, category="sharps")
    city.say("03-02 16:00", "receive", "a b", 2100, category="")
    found = rows(city)
    assert [(row.received_n, row.received_g, row.part, row.differences) for row in found.values()] == [
        (1, None, [], []),
        (1, None, [], []),
    ]


def test_the_newest_weighing_of_a_stage_counts() -> None:
    """The store weighs again: what it says last is what it says."""
    city = City()
    city.say("03-02 08:00", "collect", "a", 1000)
    city.say("03-02 10:00", "store_in", "a", 1500)
    city.say("03-02 10:10", "store_in", "a", 1005)
    (row,) = rows(city).values()
    assert (row.store_in_n, row.store_in_g, row.ok) == (1, 1005, True)


@pytest.mark.parametrize(
    ("now", "missing", "told"),
    [("03-03 12:00", [], []), ("03-04 00:00", ["a"], []), ("", ["a"], [])],
)
def test_what_never_came_on_is_missing_once_the_day_has_settled(now: str, missing: list[str], told: list[str]) -> None:
    """A bag collected and never stored: for 24 hours after the day it may still be on a terminal without network."""
    city = City()
    city.say("03-02 08:00", "collect", "a", 1000)
    city.chain("03-02", "b", 1000)
    (row,) = rows(city, now=now).values()
    assert (row.missing, row.ok) == (missing, not missing)
    # The rule on waiting for the store knows the bag by itself: it is not told a second time for the day.
    assert [one.quantity for one in conditions([row], 0)] == told


def test_what_no_rule_knows_is_told_of_the_day() -> None:
    """A clinic's box that the carrier collected and that came nowhere."""
    city = City()
    city.say("03-02 08:00", "collect", "a", at="clinic")
    (row,) = rows(city, unit="clinic-1").values()
    (told,) = conditions([row], 7)
    assert (told.quantity, told.about, told.value, told.at) == (
        "custody.missing", "balance:clinic-1:infectious:2026-03-02", 1.0, 7,
    )  # fmt: skip
    assert (told.spot.unit, told.spot.producer) == ("clinic-1", "clinic")


def test_a_bag_that_passed_the_store_unseen_is_no_match_of_counts() -> None:
    """Ten collected, nine scanned into the store, ten out: nothing is lost, and the counts do not match."""
    city = City()
    city.chain("03-02", "a", 1000)
    city.say("03-02 08:00", "collect", "b", 1000)
    city.say("03-02 14:00", "store_out", "b", 1000)
    (row,) = rows(city).values()
    assert (row.department_n, row.store_in_n, row.store_out_n) == (2, 1, 2)
    assert (row.ok, row.skipped, row.missing) == (False, ["b"], [])


def test_a_container_belongs_to_the_local_day_of_its_collection() -> None:
    """Collected before midnight and stored after it; the next one after midnight."""
    city = City()
    city.say("03-02 23:50", "collect", "a", 1000)
    city.say("03-03 00:10", "store_in", "a", 1000)
    city.say("03-03 00:20", "collect", "b", 2000)
    assert [day_of(one, ZONE) for one in city.containers()] == ["2026-03-02", "2026-03-03"]
    assert rows(city)["infectious"].store_in_g == 1000
    assert rows(city, "2026-03-03")["infectious"].department_g == 2000
    assert end_of("2026-03-02", ZONE) == ms("03-03 00:00")


def test_what_was_only_sealed_belongs_to_no_day() -> None:
    """It is still in its department."""
    city = City()
    city.say("03-02 08:00", "pack", "a")
    assert [day_of(one, ZONE) for one in city.containers()] == [""]
    assert rows(city) == {}


def test_a_bin_is_no_waste_beside_what_is_in_it() -> None:
    """Two bags in a bin that is scanned in their place: two containers, not three, and its weight is theirs."""
    city = City()
    for label, net in (("a", 1000), ("b", 2000)):
        city.say("03-02 08:00", "collect", label, net)
    city.say("03-02 08:30", "pack", "a b", parent=ContainerId("qr", "bin"))
    city.say("03-02 10:00", "store_in", "bin")
    (row,) = rows(city).values()
    assert (row.department_n, row.store_in_n, row.department_g) == (2, 2, 3000)


def test_two_units_and_categories_have_rows_of_their_own() -> None:
    """Sorted by category; another hospital's bags are not taken."""
    city = City()
    city.say("03-02 08:00", "collect", "a", 1000, category="sharps")
    city.say("03-02 08:05", "collect", "b", 2000)
    city.say("03-02 08:10", "collect", "c", 4000, at="ward-2")
    assert [(row.category, row.department_g) for row in rows(city).values()] == [("infectious", 2000), ("sharps", 1000)]
    assert [row.department_g for row in rows(city, unit="hosp-2").values()] == [4000]


def test_a_collection_point_has_its_clinics_boxes_in_store() -> None:
    """What it receives is stored there; the plant's receipt is the receipt."""
    city = City()
    city.say("03-02 08:00", "collect", "a", at="clinic")
    city.say("03-02 09:00", "receive", "a", 500, at="point")
    city.say("03-02 15:00", "receive", "a", 510)
    (row,) = rows(city, unit="clinic-1").values()
    assert (row.department_n, row.store_in_n, row.store_in_g, row.received_n, row.received_g) == (1, 1, 500, 1, 510)
    assert row.ok


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_arrival_changes_nothing(seed: int) -> None:
    """Any order of the same containers, and of their facts, gives the same rows."""
    city = City()
    city.chain("03-02", "a b", 1000)
    city.say("03-02 08:01", "collect", "c d", 5000, category="sharps")
    city.say("03-02 10:01", "store_in", "c", 2000, category="sharps")
    city.say("03-02 10:02", "store_in", "d", 2500, category="sharps")
    expected = rows(city)
    shuffled = City()
    shuffled.facts = random.Random(seed).sample(city.facts, len(city.facts))
    found = city.containers()
    random.Random(seed).shuffle(found)
    assert rows(shuffled) == expected
    again = balance(found, "hosp-1", "2026-03-02", ZONE, PROFILES)
    assert {row.category: row for row in again} == expected
