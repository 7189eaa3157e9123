"""Figures of the alert system, by tables that were worked out by hand."""

from __future__ import annotations

import pytest

from alerts.kpi import SLOT_MS, Alarm, Answering, Flood, Kpi, Life, Share, kpi, percentile, shares

MINUTE = 60_000
HOUR = 60 * MINUTE
#: An hour of six slots.
START = 1_000 * HOUR
END = START + HOUR


def alarm(minute: float, name: str = "a", **more: str) -> Alarm:
    """An alarm some minutes after the beginning of the period."""
    usual = {"identity": name, "rule": f"rule-{name}", "place": f"place-{name}", "district": "d", "unit": "u"}
    return Alarm(at=START + round(minute * MINUTE), alert=f"{name}@{minute}", severity="warning", **(usual | more))


def life(fired: float, acknowledged: float | None = None, over: float | None = None, **more: str) -> Life:
    """An alert with times in minutes after the beginning of the period."""

    def at(minute: float | None) -> int | None:
        return None if minute is None else START + round(minute * MINUTE)

    where = {"district": "d", "unit": "u"} | more
    return Life(f"l@{fired}", fired_at=at(fired) or 0, acknowledged_at=at(acknowledged), over_at=at(over), **where)


def of(*alarms: Alarm, lives: tuple[Life, ...] = ()) -> Kpi:
    """The figures of the hour."""
    return kpi(alarms, lives, START, END)


def test_the_distribution_counts_slots_by_the_alarms_in_them() -> None:
    """Six slots: one with three alarms, one with one, four with none; what lies outside of the hour is not counted."""
    found = of(alarm(-1), alarm(0), alarm(5), alarm(9.99), alarm(10), alarm(60))
    assert (found.alarms, found.slots) == (4, 6)
    assert [slots for _, _, slots in found.distribution] == [4, 1, 1, 0, 0, 0, 0, 0]
    assert found.distribution[1][:2] == (1, 2)
    assert found.distribution[-1][:2] == (100, None)
    assert (found.p50, found.p95, found.most) == (0, 3, 3)


@pytest.mark.parametrize(
    ("minutes", "floods"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([*range(9)], [], id="nine within ten minutes are none"),
        pytest.param([0, *range(2, 11)], [], id="the first is ten minutes old when the tenth comes"),
        pytest.param([0] * 10, [(0, 10, 10)], id="ten at once are one for ten minutes"),
        pytest.param([20] * 2000, [(20, 30, 2000)], id="two thousand at once too"),
        pytest.param([*range(10)], [(9, 10, 10)], id="one a minute: until the first is ten minutes old"),
        pytest.param([0] * 10 + [5], [(0, 10, 11)], id="one more changes how many, not how long"),
        pytest.param([0] * 10 + [8] * 10, [(0, 18, 20)], id="two that overlap are one"),
        pytest.param([0] * 10 + [30] * 10, [(0, 10, 10), (30, 40, 10)], id="two apart are two"),
        pytest.param([-5] * 10, [(0, 5, 10)], id="one that began before is cut"),
        pytest.param([55] * 10, [(55, 60, 10)], id="one that goes on is cut"),
        pytest.param([-20] * 10, [], id="one that was over before is none"),
    ],
)
def test_a_flood_lasts_while_ten_alarms_lie_within_ten_minutes(
    minutes: list[float], floods: list[tuple[float, float, int]]
) -> None:
    """The moments whose ten minutes before hold ten alarms, joined where they overlap."""
    found = of(*(alarm(minute, str(index)) for index, minute in enumerate(minutes)))
    expected = [Flood(START + round(a * MINUTE), START + round(b * MINUTE), most) for a, b, most in floods]
    assert found.floods == expected
    assert found.flood_ms == sum(one.end - one.start for one in expected)
    assert found.flood_share == pytest.approx(found.flood_ms / HOUR)


@pytest.mark.parametrize(
    ("minutes", "chatters"),
    [([0, 0.5], False), ([0, 0.5, 1], False), ([0, 0.5, 0.99], True), ([0, 5, 10, 10.1, 10.2], True)],
)
def test_chattering_is_three_times_within_a_minute(minutes: list[float], chatters: bool) -> None:
    """Of the same condition of the same channel; others in between do not matter."""
    found = of(*(alarm(minute, "x") for minute in minutes), alarm(0.1, "y"), alarm(0.2, "z"))
    total = len(minutes) + 2
    expected = [Share("x", len(minutes), len(minutes) / total)] if chatters else []
    assert found.chattering == expected


def test_stale_is_what_stands_at_the_end_for_more_than_a_day() -> None:
    """Neither what is a day old to the minute, nor what was over in time."""
    day = -23 * 60
    long, exact, over = life(day - 1), life(day), life(day - 1, over=59)
    over_later = life(day - 2, over=60)
    assert of(lives=(long, exact, over, over_later)).stale == [long.alert, over_later.alert]


def test_the_ten_most_frequent_are_named_with_their_share() -> None:
    """Twelve conditions of one alarm and one of eight: ten of them make 17 of 20."""
    alarms = [alarm(index / 100, "often") for index in range(8)] + [alarm(index, str(index)) for index in range(12)]
    found = of(*alarms)
    assert len(found.top_rules) == len(found.top_places) == 10
    assert found.top_rules[0] == Share("rule-often", 8, 0.4)
    assert found.top_share == pytest.approx(17 / 20)


def test_times_to_acknowledge_are_times_that_occurred() -> None:
    """Median and 90th percentile of those that were acknowledged; who came up before the hour is not asked."""
    lives = [life(0, after) for after in range(1, 11)] + [life(5), life(6, over=7), life(-10, 50)]
    assert of(lives=tuple(lives)).answering == Answering(10, 2, 5 * MINUTE, 9 * MINUTE)
    assert of().answering == Answering(0, 0, None, None)


def test_districts_and_units_have_figures_of_their_own() -> None:
    """In the order of their alarms; those without one stand under an empty name."""
    found = of(
        *(alarm(minute, district="north") for minute in range(2)),
        alarm(3, district="", unit="v"),
        lives=(life(0, 4, district="north"), life(-2000, district="south"), life(1, district="south")),
    )
    assert [(one.name, one.alarms, one.stale) for one in found.districts] == [
        ("north", 2, 0),
        ("", 1, 0),
        ("south", 0, 1),
    ]
    assert found.districts[0].answering == Answering(1, 0, 4 * MINUTE, 4 * MINUTE)
    assert found.districts[2].answering == Answering(0, 1, None, None)
    assert [one.name for one in found.units] == ["u", "v"]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([7], 50, 7), ([7], 95, 7), ([1, 2], 50, 1), ([1, 2, 3], 50, 2), (list(range(1, 101)), 95, 95)],
)
def test_a_percentile_is_a_value_that_occurs(values: list[int], percent: int, expected: int | None) -> None:
    """By nearest rank."""
    assert percentile(values, percent) == expected


def test_severities_are_shares_of_all() -> None:
    """The most frequent first, equal ones by name."""
    assert shares(["b", "a", "b", "c"]) == [Share("b", 2, 0.5), Share("a", 1, 0.25), Share("c", 1, 0.25)]


def test_a_period_that_is_no_whole_number_of_slots_ends_with_a_short_one() -> None:
    """An alarm in the last minute has its slot."""
    found = kpi([alarm(24)], (), START, START + 25 * MINUTE)
    assert found.slots == 3
    assert SLOT_MS == 10 * MINUTE
    assert found.most == 1
