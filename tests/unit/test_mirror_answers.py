"""How people kept up with alerts: the figures of a day and the load of ten minutes, case by case."""

from __future__ import annotations

import pytest

from alerts.kpi import SLOT_MS, Alarm
from gateway.mirror.answers import Answered, alert_days, loads

START = 1_795_276_800_000
MINUTE = 60_000
KEY = ("gulou", "major", "ph")


def _answered(
    acknowledged: float | None = None, called: float | None = None, *, closed: bool = False, standing: bool = False
) -> Answered:
    def at(minutes: float | None) -> int | None:
        return None if minutes is None else START + round(minutes * MINUTE)

    return Answered(*KEY, START, at(acknowledged), at(called), closed, standing)


@pytest.mark.parametrize(
    ("acknowledged", "called", "in_time"),
    [
        (None, None, 0),
        (None, 15, 0),
        (4, None, 1),
        (4, 15, 1),
        (15, 15, 1),
        (16, 15, 0),
    ],
)
def test_in_time_is_before_somebody_further_was_called(
    acknowledged: float | None, called: float | None, in_time: int
) -> None:
    """Without an order of call every acknowledgement is in time; an alert that nobody took is not."""
    (found,) = alert_days(START, {KEY: 1}, [_answered(acknowledged, called)])

    assert (found.in_time, found.acknowledged) == (in_time, int(acknowledged is not None))


def test_a_day_counts_by_district_severity_and_rule() -> None:
    """Alarms are counted each time they came up, alerts once; percentiles are of those that were acknowledged."""
    other = Answered("xuanwu", "warning", "turbidity", START, None, None, closed=False, standing=True)
    alerts = [_answered(1, closed=True), _answered(2, standing=True), _answered(30, 15), _answered(), other]

    ours, theirs = alert_days(START, {KEY: 5, ("xuanwu", "warning", "turbidity"): 1}, alerts)

    assert (ours.fired, ours.acknowledged, ours.in_time, ours.closed, ours.standing) == (5, 3, 2, 1, 1)
    assert (ours.ack_p50_ms, ours.ack_p95_ms) == (2 * MINUTE, 30 * MINUTE)
    assert (theirs.district, theirs.fired, theirs.standing, theirs.ack_p50_ms) == ("xuanwu", 1, 1, None)


def test_an_alert_that_came_up_only_on_that_day_and_again_later_counts_as_fired() -> None:
    """Its life belongs to the day on which it came up last."""
    (found,) = alert_days(START, {KEY: 1}, [])

    assert (found.fired, found.acknowledged, found.standing) == (1, 0, 0)


def _alarm(minutes: float, district: str) -> Alarm:
    return Alarm(START + round(minutes * MINUTE), "a", "a", "r", "p", district, "u", "major")


def test_slots_without_an_alarm_are_zero() -> None:
    """Every district has every slot; an alarm without one counts for the dash; what is outside counts nowhere."""
    slots = range(START, START + 2 * SLOT_MS, SLOT_MS)
    alarms = [_alarm(0, "gulou"), _alarm(9.99, "gulou"), _alarm(10, "gulou"), _alarm(3, ""), _alarm(-1, "gulou")]

    found = loads(alarms, slots, SLOT_MS, ["gulou", "xuanwu"])

    first, second = slots
    assert found == {
        ("gulou", first): 2, ("gulou", second): 1, ("xuanwu", first): 0, ("xuanwu", second): 0,
        ("-", first): 1, ("-", second): 0,
    }  # fmt: skip
