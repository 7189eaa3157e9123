"""Working time: weekdays, hours, holidays and shifted working days, as the clocks of a place show them."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from devices.calendars import SEARCHED_DAYS, WorkingTime, on_duty, turn_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")

#: Spring Festival 2026 as published: 15 to 23 February off; Saturday 14 and Saturday 28 February are worked.
SPRING_FESTIVAL: dict[str, Any] = {
    "id": "office",
    "hours": ["08:30-12:00", "14:00-17:30"],
    "holidays": [f"2026-02-{day}" for day in range(15, 24)],
    "workdays": ["2026-02-14", "2026-02-28"],
}


def ms(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """A local time as ms since 1970 UTC; ``+fold`` at its end means the second pass of an hour that comes twice."""
    moment = dt.datetime.fromisoformat(text.removesuffix("+fold")).replace(tzinfo=zone, fold=text.endswith("+fold"))
    return round(moment.timestamp() * 1000)


def text_of(at: int | None, zone: ZoneInfo = SHANGHAI) -> str:
    """``ms`` the other way round."""
    return "-" if at is None else dt.datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("at", "is_open", "turns"),
    [
        ("2026-02-13 17:29", True, "2026-02-13 17:30"),
        ("2026-02-13 17:30", False, "2026-02-14 08:30"),  # the next working day is a shifted Saturday
        ("2026-02-14 09:00", True, "2026-02-14 12:00"),
        ("2026-02-14 13:00", False, "2026-02-14 14:00"),
        ("2026-02-14 17:30", False, "2026-02-24 08:30"),  # nine days of festival
        ("2026-02-17 10:00", False, "2026-02-24 08:30"),
        ("2026-02-22 10:00", False, "2026-02-24 08:30"),
        ("2026-02-24 08:30", True, "2026-02-24 12:00"),
        ("2026-02-28 10:00", True, "2026-02-28 12:00"),
        ("2026-03-01 10:00", False, "2026-03-02 08:30"),  # an ordinary Sunday
    ],
)
def test_an_office_keeps_the_holidays_and_works_on_shifted_days(at: str, turns: str, *, is_open: bool) -> None:
    """Story of a Spring Festival: open or not at each moment, and when that turns next."""
    calendar = WorkingTime(SPRING_FESTIVAL, SHANGHAI)
    assert calendar.open_at(ms(at)) is is_open
    assert text_of(calendar.next_change(ms(at))) == turns


def test_a_shifted_working_day_wins_over_a_holiday_of_the_same_date() -> None:
    """Where a date stands in both lists it is worked."""
    calendar = WorkingTime({"holidays": ["2026-10-01"], "workdays": ["2026-10-01"]}, SHANGHAI)
    assert calendar.open_at(ms("2026-10-01 10:00"))


def test_no_weekdays_are_monday_to_friday_and_no_hours_the_whole_day() -> None:
    """An empty calendar opens at midnight before Monday and closes at midnight after Friday."""
    calendar = WorkingTime({"id": "c"}, SHANGHAI)
    assert text_of(calendar.next_change(ms("2026-11-21 12:00"))) == "2026-11-23 00:00"
    assert text_of(calendar.next_change(ms("2026-11-23 00:00"))) == "2026-11-28 00:00"


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    """A night shift of Friday reaches into Saturday morning; Saturday evening has none."""
    calendar = WorkingTime({"hours": ["20:00-08:00"]}, SHANGHAI)
    assert calendar.open_at(ms("2026-11-20 23:00"))
    assert calendar.open_at(ms("2026-11-21 07:59"))
    assert not calendar.open_at(ms("2026-11-21 08:00"))
    assert text_of(calendar.next_change(ms("2026-11-21 08:00"))) == "2026-11-23 20:00"
    assert not calendar.open_at(ms("2026-11-23 03:00")), "Sunday night has no shift"


def test_hours_that_touch_are_one_span() -> None:
    """Nothing turns at noon where the morning ends as the afternoon begins, nor at midnight between whole days."""
    calendar = WorkingTime({"hours": ["12:00-24:00", "00:00-12:00"]}, SHANGHAI)
    assert text_of(calendar.next_change(ms("2026-11-23 06:00"))) == "2026-11-28 00:00"


def test_what_never_changes_has_no_next_change() -> None:
    """No body is open always; every weekday round the clock and a calendar that is over do not turn either."""
    now = ms("2026-11-22 12:00")
    assert WorkingTime(None, SHANGHAI).open_at(now)
    assert WorkingTime(None, SHANGHAI).next_change(now) is None
    every = WorkingTime({"weekdays": [1, 2, 3, 4, 5, 6, 7]}, SHANGHAI)
    assert every.open_at(now)
    assert every.next_change(now) is None
    over = WorkingTime({"to": ms("2026-01-01 00:00")}, SHANGHAI)
    assert not over.open_at(now)
    assert over.next_change(now) is None


def test_a_change_is_looked_for_within_400_days() -> None:
    """The one working day of a calendar is found 400 days ahead and not 401."""
    day = dt.date(2028, 1, 1)
    calendar = WorkingTime({"weekdays": [9], "workdays": [day.isoformat()]}, SHANGHAI)
    opens = ms(f"{day} 00:00")
    assert calendar.next_change(opens - SEARCHED_DAYS * 86_400_000) == opens
    assert calendar.next_change(opens - SEARCHED_DAYS * 86_400_000 - 1) is None


def test_periods_follow_each_other() -> None:
    """Summer and winter hours are two periods of one calendar; at the border the new hours count."""
    border = ms("2026-10-01 00:00")
    body = {"periods": [{"hours": ["08:00-18:00"], "to": border}, {"hours": ["09:00-17:00"], "from": border}]}
    calendar = WorkingTime(body, SHANGHAI)
    assert text_of(calendar.next_change(ms("2026-09-30 08:00"))) == "2026-09-30 18:00"
    assert text_of(calendar.next_change(ms("2026-09-30 18:00"))) == "2026-10-01 09:00"
    assert text_of(calendar.next_change(ms("2026-10-01 09:00"))) == "2026-10-01 17:00"


def test_a_calendar_has_a_zone_of_its_own() -> None:
    """``zone`` of the body wins over the installation's."""
    calendar = WorkingTime({"zone": "America/New_York", "hours": ["08:00-17:00"]}, SHANGHAI)
    assert calendar.open_at(ms("2026-11-23 08:00", NEW_YORK))
    assert not calendar.open_at(ms("2026-11-23 08:00"))


@pytest.mark.parametrize(
    ("hours", "begin", "end"),
    [
        ("02:30-06:00", "2026-03-08 03:30", "2026-03-08 06:00"),  # 02:00 to 03:00 is left out
        ("00:30-02:30", "2026-03-08 00:30", "2026-03-08 03:30"),
        ("01:30-06:00", "2026-11-01 01:30", "2026-11-01 06:00"),  # 01:00 to 02:00 comes twice
        ("00:30-01:30", "2026-11-01 00:30", "2026-11-01 01:30+fold"),
    ],
)
def test_hours_follow_the_clock_where_it_is_put_forward_or_back(hours: str, begin: str, end: str) -> None:
    """Hours on the day of a change of the clock begin and end at what the clock shows."""
    calendar = WorkingTime({"weekdays": [7], "hours": [hours]}, NEW_YORK)
    opens = calendar.next_change(ms(f"{begin[:10]} 00:00", NEW_YORK))
    assert opens == ms(begin, NEW_YORK)
    assert calendar.next_change(opens) == ms(end, NEW_YORK)


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    """A week asked minute by minute, forward and backward, says the same as fresh calendars and as ``next_change``."""
    body = {"weekdays": [1, 3, 6], "hours": ["22:00-06:00", "05:00-09:00"], "holidays": ["2026-11-25"]}
    times = range(ms("2026-11-22 00:00"), ms("2026-11-30 00:00"), 37 * 60_000)
    calendar = WorkingTime(body, SHANGHAI)
    forward = [calendar.open_at(at) for at in times]
    assert [calendar.open_at(at) for at in reversed(times)] == forward[::-1]
    assert [WorkingTime(body, SHANGHAI).open_at(at) for at in times] == forward
    for at, is_open in zip(times, forward, strict=True):
        turn = calendar.next_change(at)
        assert turn is not None
        assert calendar.open_at(turn - 1) is is_open
        assert calendar.open_at(turn) is not is_open


TEAM: dict[str, Any] = {
    "id": "night",
    "members": ["p-1", "p-2", "p-3"],
    "roster": [
        {"people": ["p-1"], "weekdays": [1, 2, 3, 4, 5], "hours": ["08:00-20:00"]},
        {"people": ["p-2", "p-1"], "hours": ["20:00-08:00"], "to": ms("2026-12-01 00:00")},
        {"people": ["p-3"], "dates": ["2026-11-22"]},
    ],
}


@pytest.mark.parametrize(
    ("at", "people"),
    [
        ("2026-11-20 10:00", ["p-1"]),
        ("2026-11-20 21:00", ["p-2", "p-1"]),
        ("2026-11-21 07:00", ["p-2", "p-1"]),
        ("2026-11-21 12:00", []),
        ("2026-11-22 12:00", ["p-3"]),
        ("2026-11-22 23:00", ["p-2", "p-1", "p-3"]),
        ("2026-12-01 03:00", []),
    ],
)
def test_a_roster_says_who_has_duty(at: str, people: list[str]) -> None:
    """Entries without weekdays and dates hold every day, with dates on those only; everybody is named once."""
    assert on_duty(TEAM, ms(at), SHANGHAI) == people


def test_a_team_without_roster_is_on_duty_as_a_whole() -> None:
    """Members are called all together where nobody wrote a roster."""
    assert on_duty({"members": ["p-1", "p-2"]}, ms("2026-11-22 12:00"), SHANGHAI) == ["p-1", "p-2"]


def test_duty_goes_round_at_the_time_of_day_it_began() -> None:
    """Weekly turns change hands at 08:00 and begin again after the last; before the first nobody has one."""
    rotate = {"every_days": 7, "from": ms("2026-11-23 08:00"), "people": ["p-1", "p-2"]}
    assert turn_of(rotate, ms("2026-11-23 07:59"), SHANGHAI) is None
    assert on_duty({"members": ["p-9"], "rotate": rotate}, ms("2026-11-23 07:59"), SHANGHAI) == []
    story = [("2026-11-23 08:00", "p-1"), ("2026-11-30 07:59", "p-1"), ("2026-11-30 08:00", "p-2")]
    story += [("2026-12-07 08:00", "p-1")]
    for at, person in story:
        assert turn_of(rotate, ms(at), SHANGHAI) == person


def test_duty_changes_hands_by_the_clock_when_it_is_put_back() -> None:
    """A turn of a day at 08:00 stays at 08:00 over a change of the clock."""
    rotate = {"every_days": 1, "from": ms("2026-10-31 08:00", NEW_YORK), "people": ["p-1", "p-2"]}
    assert turn_of(rotate, ms("2026-11-01 07:59", NEW_YORK), NEW_YORK) == "p-1"
    assert turn_of(rotate, ms("2026-11-01 08:00", NEW_YORK), NEW_YORK) == "p-2"
