"""What counts in a window: readings by the minute and the figures they give."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.periods.figures import Figures, Sample, Terms, Work, due_in, figures
from gateway.periods.windows import HOUR_MS, day_of, days_of, windows

MINUTE = 60_000
#: What holds from minute 0 to 5: a reading a minute, from 0.3 to 2 mg/L, at a place that is accepted.
HELD = Terms(0, 5 * MINUTE, interval=MINUTE, low=0.3, high=2.0, least=-0.5, most=20.0)
GOOD = [(minute, 0.5) for minute in range(5)]


def worked(readings: list[Any], *terms: Terms, works: list[Work] | None = None) -> tuple[int, ...]:
    """(due, received, valid, judged, compliant) of readings (minute, value, flag, qualifier)."""
    samples = [Sample(round(minute * MINUTE), value, *more) for minute, value, *more in readings]
    found = figures(samples, terms or (HELD,), works or [])
    return found.due, found.received, found.valid, found.judged, found.compliant


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        pytest.param(GOOD, (5, 5, 5, 5, 5), id="all came and are good"),
        pytest.param([], (5, 0, 0, 0, 0), id="silent"),
        pytest.param(GOOD[:3], (5, 3, 3, 3, 3), id="two are missing"),
        pytest.param([*GOOD[:4], (4, 0.1)], (5, 5, 5, 5, 4), id="one is below the limit"),
        pytest.param([*GOOD[:3], (3, 0.3), (4, 2.0)], (5, 5, 5, 5, 5), id="the limits themselves are inside"),
        pytest.param([*GOOD[:4], (4, 0.3, "N", "<")], (5, 5, 5, 5, 4), id="less than the minimum is outside"),
        pytest.param([*GOOD[:4], (4, 2.0, "N", ">")], (5, 5, 5, 5, 4), id="more than the maximum is outside"),
        pytest.param([*GOOD[:4], (4, 25.0)], (5, 5, 4, 4, 4), id="one is not plausible"),
        pytest.param([(0.5, 0.5), *GOOD], (5, 6, 6, 6, 6), id="more came than was due"),
        pytest.param([(-0.01, 0.5), (5, 0.5)], (5, 0, 0, 0, 0), id="before and after the window"),
        *(
            pytest.param([*GOOD[:4], (4, 0.1, flag)], (5, 5, 4, 4, 4), id=f"flag {flag} does not enter")
            for flag in "TMCDFBS?"
        ),
    ],
)
def test_readings_of_five_minutes_give_these_counts(readings: list[Any], expected: tuple[int, ...]) -> None:
    """Received whatever the flag, valid when N and plausible, judged where a limit applies."""
    assert worked(readings) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        pytest.param([HELD._replace(low=-float("inf"), high=float("inf"))], (5, 5, 5, 0, 0), id="no limit applies"),
        pytest.param([HELD._replace(counts=False)], (5, 5, 5, 0, 0), id="the place is on trial"),
        pytest.param([HELD._replace(service=False)], (0, 0, 0, 0, 0), id="the place is suspended"),
        pytest.param([HELD._replace(interval=0)], (5, 5, 5, 5, 5), id="nobody said how often: as much was due as came"),
        pytest.param([HELD._replace(interval=None)], (0, 5, 5, 5, 5), id="it is due elsewhere"),
        pytest.param([HELD._replace(interval=90_000)], (4, 5, 5, 5, 5), id="due at 0, 1.5, 3 and 4.5 minutes"),
        pytest.param(
            [HELD._replace(end=2 * MINUTE), HELD._replace(start=2 * MINUTE, service=False)],
            (2, 2, 2, 2, 2),
            id="suspended from minute 2 on",
        ),
        pytest.param(
            [HELD._replace(end=2 * MINUTE), HELD._replace(start=2 * MINUTE, low=0.6)],
            (5, 5, 5, 5, 2),
            id="a stricter limit from minute 2 on",
        ),
    ],
)
def test_what_holds_at_a_place_decides_what_counts(terms: list[Terms], expected: tuple[int, ...]) -> None:
    """Intervals, limits and states of places, also when they change within the window."""
    assert worked(GOOD, *terms) == expected


@pytest.mark.parametrize(
    ("works", "expected"),
    [
        pytest.param([Work(2 * MINUTE, 4 * MINUTE)], (5, 5, 3, 3, 3), id="cleaned from 2 to 4"),
        pytest.param([Work(2 * MINUTE, 4 * MINUTE, outage=True)], (3, 3, 3, 3, 3), id="an outage from 2 to 4"),
        pytest.param([Work(-MINUTE, 9 * MINUTE, outage=True)], (0, 0, 0, 0, 0), id="an outage all the time"),
        pytest.param([Work(5 * MINUTE, 9 * MINUTE)], (5, 5, 5, 5, 5), id="it begins when the window ends"),
        pytest.param(
            [Work(0, 2 * MINUTE, outage=True), Work(MINUTE, 3 * MINUTE, outage=True)], (2, 2, 2, 2, 2), id="overlapping"
        ),
    ],
)
def test_maintenance_makes_invalid_and_an_outage_is_an_approved_stop(
    works: list[Work], expected: tuple[int, ...]
) -> None:
    """In a session readings are received and not valid; in an outage nothing is due and nothing counts."""
    assert worked(GOOD, works=works) == expected


def test_another_channel_may_say_that_a_value_does_not_count() -> None:
    """Water does not flow through the cell: received, not valid."""
    found = figures([Sample(0, 0.5), Sample(MINUTE, 0.1, valid=False)], [HELD], [])
    assert (found.received, found.valid, found.compliant, found.min) == (2, 1, 1, 0.5)


@pytest.mark.parametrize(
    "interval", [1_000, 7_000, 60_000, 300_000, 420_000, 900_000, 3_600_000, 5_400_000, 14_400_000]
)
def test_due_times_of_the_windows_of_a_day_sum_up_to_those_of_the_day(interval: int) -> None:
    """However long the interval: windows, hours and days agree, and a day has as many as fit into it."""
    start = 1_772_380_800_000
    end = start + 24 * HOUR_MS
    sums = [due_in(at, at + 300_000, interval, []) for at in windows(start, end)]

    assert sum(sums) == due_in(start, end, interval, [])
    assert abs(sum(sums) - 24 * HOUR_MS / interval) < 1


def test_longer_windows_have_the_sums_the_extremes_and_the_weighted_mean() -> None:
    """3 values of mean 1 and one of 5 have the mean 2; limits are those of the later window that has any."""
    whole = Figures(5, 4, 3, 3, 2, sum=3.0, min=0.5, max=1.5, low=0.3)
    whole.add(Figures(5, 1, 1, 1, 0, sum=5.0, min=5.0, max=5.0, low=0.4, high=2.0))
    whole.add(Figures(5, 0))

    assert whole == Figures(15, 5, 4, 4, 2, sum=8.0, min=0.5, max=5.0, low=0.4, high=2.0)
    assert whole.mean == 2.0


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Asia/Shanghai", 1_772_380_800_000, 24),
        ("Europe/Berlin", 1_774_738_800_000, 23),  # 2026-03-29, clocks are put forward
        ("Europe/Berlin", 1_792_879_200_000, 25),  # 2026-10-25, and back
        ("Asia/Kolkata", 1_772_389_800_000, 24),  # midnight is at 18:30 UTC
    ],
)
def test_a_day_is_a_local_one_of_23_to_25_hours(zone: str, at: int, hours: int) -> None:
    """Every moment of a local day belongs to it, the next one does not."""
    end = at + hours * HOUR_MS
    assert day_of(at, ZoneInfo(zone)) == day_of(end - 1, ZoneInfo(zone)) == (at, end)
    assert day_of(end, ZoneInfo(zone))[0] == end


def test_an_hour_across_midnight_belongs_to_two_days() -> None:
    """Zones a half hour off: the hour of UTC that midnight lies in changes both days."""
    midnight = 1_772_389_800_000
    assert len(days_of([midnight - HOUR_MS // 2], ZoneInfo("Asia/Kolkata"))) == 2
