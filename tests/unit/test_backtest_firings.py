"""What a trial of rules brought: counted by rule and day, compared with another trial."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from gateway.drive.firings import DAY_MS, Firing, by_rule, difference, per_day, summary

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: 2026-11-22T00:00+08:00
START = 1_795_276_800_000
HOUR = 3_600_000
END = START + 3 * DAY_MS


def firing(
    since_h: float, until_h: float | None, rule: str = "low", device: str = "d", *, held: bool = False
) -> Firing:
    """An alert from and to so many hours after the start."""
    begin = START + int(since_h * HOUR)
    return Firing(
        rule=rule,
        pack="p",
        severity="major",
        unit="",
        place="",
        device=device,
        point="-",
        parameter="ph",
        parameter_unit="",
        value=1.0,
        limit_value=2.0,
        since=begin,
        fired_at=begin,
        until=None if until_h is None else START + int(until_h * HOUR),
        held=held,
    )


def test_rules_are_counted_with_total_and_longest_time() -> None:
    """One that stands counts until the end; the rule that fired most comes first."""
    rows = by_rule([firing(0, 1, "a"), firing(2, 5, "b", held=True), firing(70, None, "b")], END)
    assert [(row["rule"], row["alerts"], row["held"], row["total_ms"], row["longest_ms"]) for row in rows] == [
        ("b", 2, 1, 5 * HOUR, 3 * HOUR),
        ("a", 1, 0, HOUR, HOUR),
    ]


def test_every_day_is_listed_in_the_zone_of_the_installation() -> None:
    """Days without alerts are there; an alert belongs to the day on which it fired by the clock there."""
    days = per_day([firing(23.99, 30), firing(24, 30), firing(25, 30)], START, END, SHANGHAI)
    assert days == [
        {"day": "2026-11-22", "alerts": 1},
        {"day": "2026-11-23", "alerts": 2},
        {"day": "2026-11-24", "alerts": 0},
    ]
    assert len(per_day([], START, END, ZoneInfo("UTC"))) == 4
    assert per_day([], START, START, SHANGHAI) == []


def test_the_summary_says_how_many_a_day() -> None:
    """Counts over the whole time, also over one of no length."""
    found = summary([firing(0, 1), firing(2, 5)], START, END, SHANGHAI)
    assert (found["count"], found["a_day"], found["total_ms"], found["longest_ms"]) == (2, 0.667, 4 * HOUR, 3 * HOUR)
    assert summary([], START, START, SHANGHAI)["a_day"] is None


@pytest.mark.parametrize(
    ("here", "present", "both", "only_here", "only_present"),
    [
        ([firing(0, 2)], [firing(0, 2)], 1, 0, 0),
        ([firing(0, 2)], [firing(1, 3)], 1, 0, 0),
        ([firing(0, 2)], [firing(3, 4)], 0, 1, 1),
        ([firing(0, 1), firing(2, 3)], [firing(0, 3)], 2, 0, 0),
        ([firing(0, None)], [firing(60, 61)], 1, 0, 0),
        ([firing(0, 2)], [firing(0, 2, rule="high")], 0, 1, 1),
        ([firing(0, 2)], [firing(0, 2, device="e")], 0, 1, 1),
        ([], [firing(0, 2)], 0, 0, 1),
    ],
)
def test_firings_of_the_same_rule_and_channel_that_overlap_are_the_same(
    here: list[Firing], present: list[Firing], both: int, only_here: int, only_present: int
) -> None:
    """All others stand in the list of the one that has them."""
    found = difference(here, present, END)
    assert (found["both"], len(found["only_here"]), len(found["only_present"])) == (both, only_here, only_present)
