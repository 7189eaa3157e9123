"""Times of day: quiet hours, daily digests, late findings, a backlog that is caught up, and who has duty."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.change import Finding
from alerts.contacts import duty
from devices.observation import Subject
from tests.route_story import CITY, HOOK, MINUTE, SMS, START, ZONE, Story, policy_of, registry_of, tell

CONTACT = "steps: [{to: unit_contact}, {to: unit_head, after: 15m}]\nreminder: null\nacknowledge_timeout: null\n"
NIGHT = CONTACT + "quiet_hours: {hours: ['22:00-07:00']}\n"
#: Minutes from 10:00 to the 22:00, 23:00 and 07:00 after it.
TEN, ELEVEN, SEVEN = 720, 780, 1260


def at(*parts: int) -> int:
    """A local time in ms since 1970 UTC."""
    return int(dt.datetime(*parts, tzinfo=ZONE).timestamp()) * 1000  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        pytest.param(
            [(ELEVEN, "fire a"), (ELEVEN + 1, "fire b")],
            ["1260 sms contact digest a b", "1275 sms head escalated a", "1276 sms head escalated b"],
            id="held over midnight, then one digest; the head is called a quarter of an hour after that",
        ),
        pytest.param(
            [(ELEVEN, "fire a severity=critical"), (ELEVEN + 3, "ack a")],
            ["780 sms contact fired a", "783 sms contact acknowledged a"],
            id="critical is told at night",
        ),
        pytest.param(
            [(TEN - 5, "fire a")],
            ["715 sms contact fired a", "1260 sms head escalated a"],
            id="fired before: the call that falls into the night waits for its end",
        ),
        pytest.param(
            [(TEN - 5, "fire a"), (ELEVEN, "clear a")],
            ["715 sms contact fired a", "1260 sms contact cleared a", "1350 sms contact reminder a"],
            id="over in the night: told in the morning",
        ),
        pytest.param(
            [(ELEVEN, "fire a"), (ELEVEN + 9, "clear a")],
            ["1260 sms contact digest a", "1350 sms contact reminder a"],
            id="fired and over in the night: in the morning as returned",
        ),
        pytest.param(
            [(ELEVEN, "fire a"), (ELEVEN + 2, "ack a")],
            ["1260 sms contact digest a"],
            id="acknowledged in the night: the digest says so, nobody else is called",
        ),
    ],
)
def test_quiet_hours(actions: list[tuple[float, str]], told: list[str]) -> None:
    """Nobody is woken but for what is critical, and nothing is lost."""
    assert tell(actions, SEVEN + 120 if "reminder" in told[-1] else SEVEN + 30, NIGHT) == told


def test_what_is_held_does_not_wait_for_what_is_critical() -> None:
    """At night the critical one goes out alone; the others keep for the morning."""
    actions = [(ELEVEN, "fire a"), (ELEVEN + 2.0, "fire b severity=critical"), (ELEVEN + 3.0, "ack b")]
    told = tell(actions, SEVEN + 10, NIGHT)
    assert told == ["782 sms contact fired b", "783 sms contact acknowledged b", "1260 sms contact fired a"]


def test_quiet_hours_may_follow_a_calendar() -> None:
    """Outside the working time of a calendar it is quiet: from Friday 17:00 to Monday 09:00, over a holiday too."""
    calendar = {"id": "office", "hours": ["09:00-17:00"], "holidays": ["2025-11-17"], "workdays": ["2025-11-16"]}
    policy = "steps: [{to: unit_contact}]\nreminder: null\nquiet_hours: {calendar: office, except: []}"
    registry = {**CITY, "calendars": [calendar]}
    # Friday 14 November 18:00; Sunday the 16th is a shifted working day.
    told = tell([(0, "fire a")], 3 * 1440, policy, registry=registry, start=at(2025, 11, 14, 18))
    assert told == [f"{39 * 60} sms contact fired a"]
    # Sunday 18:00: Monday is a holiday.
    told = tell([(0, "fire a")], 3 * 1440, policy, registry=registry, start=at(2025, 11, 16, 18))
    assert told == [f"{39 * 60} sms contact fired a"]


def test_quiet_hours_follow_the_time_zone() -> None:
    """The same moment is night in one zone and day in another."""
    policy = policy_of("steps: [{to: unit_contact}]\nquiet_hours: {hours: ['22:00-07:00']}")
    for zone, said in ((ZONE, 0), (ZoneInfo("UTC"), 1)):
        story = Story()
        story.router.use(policy, [SMS], zone)
        story.now = at(2025, 11, 12, 23)
        story.do("fire a")
        assert len(story.told) == said


def test_info_is_in_the_digest_of_the_next_morning() -> None:
    """At 08:30 with everything that came, and not at night; what became of it follows the next day."""
    actions = [(0, "fire a severity=info"), (5, "fire b severity=info"), (10, "clear a"), (1400, "clear b")]
    told = tell(actions, 3 * 1440, CONTACT)
    assert told == ["1350 sms contact digest a b", "2790 sms contact digest b"]


def test_the_daily_digest_waits_for_a_working_day() -> None:
    """With a calendar: from Friday morning to the shifted working Sunday."""
    calendar = {"id": "office", "hours": ["09:00-17:00"], "workdays": ["2025-11-16"]}
    policy = CONTACT + "digest: {at: '08:00', calendar: office}"
    told = tell(
        [(0, "fire a severity=info")], 5 * 1440, policy,
        registry={**CITY, "calendars": [calendar]}, start=at(2025, 11, 14, 10),
    )  # fmt: skip
    assert told[0] == f"{46 * 60} sms contact fired a"


def finding(ts: int, device: str = "wq-9") -> Finding:
    """A late reading of the hospital that broke a limit."""
    subject = Subject(f"{device}/-/turbidity", device, parameter="turbidity", unit="hosp", place="hosp-1")
    return Finding("turbidity-high", "gb5749-2022", "major", subject, 3.0, 1.0, ts, START)


def test_late_findings_are_in_the_daily_digest_one_line_a_channel() -> None:
    """A device that comes back with a week of data wakes nobody and fills no message."""
    story = Story(CONTACT, channels=[HOOK, SMS])
    for index in range(100):
        story.note(story.router.find(finding(START - index * MINUTE), story.registry, story.now))
        story.note(story.router.find(finding(START - index * MINUTE, "wq-8"), story.registry, story.now))
    story._restart()
    story.until(2 * 1440)
    assert [(one.channel, one.event, len(one.alerts)) for one in story.messages] == [
        ("hook", "digest", 2),
        ("sms", "digest", 2),
    ]
    line = story.messages[0].alerts[0]
    assert (line.state, line.reason, line.since, line.cleared_at) == (
        "closed",
        "late_finding",
        START - 99 * MINUTE,
        START,
    )
    assert len(story.router.dump()) < 600


def test_findings_of_nobody_are_forgotten() -> None:
    """Without anybody to tell nothing stays in memory."""
    story = Story(CONTACT, channels=[])
    story.router.find(finding(START), story.registry, story.now)
    assert story.router.due == float("inf")
    assert b"late" not in story.router.dump()


class TestBacklog:
    """What was long ago waits until the gateway has caught up."""

    def backlog(self, *, reload: bool = False) -> Story:
        """An alert that stands and one that came and went, both from an hour ago, and one of now."""
        story = Story(CONTACT, channels=[HOOK, SMS], reload=reload)
        story.router.caught_up(yes=False)
        story.do("fire old", ts=START - 60 * MINUTE)
        story.do("fire gone", ts=START - 50 * MINUTE)
        story.do("clear gone", ts=START - 40 * MINUTE)
        story.do("fire now")
        return story

    @pytest.mark.parametrize("reload", [False, True])
    def test_it_is_told_when_the_marker_comes(self, reload: bool) -> None:
        """The present goes out at once; then what stands as usual, and what is over in one digest."""
        story = self.backlog(reload=reload)
        assert story.told == ["0 hook fired now", "0 sms contact fired now"]
        story.until(0.5)
        story.router.caught_up(yes=True)
        assert story.router.due == 0
        story.until(14)
        assert story.told[2:] == [
            "0.5 hook fired old", "1 hook digest old gone now", "1 sms contact digest old gone",
        ]  # fmt: skip
        assert {alert.id: alert.state for alert in story.messages[-1].alerts} == {"old": "active", "gone": "returned"}

    def test_it_waits_no_longer_than_ten_minutes(self) -> None:
        """A marker that never comes holds nothing back for ever."""
        story = self.backlog()
        story.until(9.9)
        assert len(story.told) == 2
        story.until(10)
        assert story.told[2:] == ["10 hook fired old", "10 sms contact fired old"]

    def test_what_is_acknowledged_meanwhile_calls_nobody(self) -> None:
        """It is in the digest, and nobody is called for it."""
        story = self.backlog()
        story.do("ack old")
        story.router.caught_up(yes=True)
        story.until(200)
        assert not [line for line in story.told if "escalated" in line and "old" in line]
        assert any("old" in line for line in story.told)


TEAM: dict[str, Any] = {
    "id": "t",
    "members": ["chief", "wang", "li", "zhao"],
    "calendar": "office",
    "roster": [
        {"people": ["wang"], "weekdays": [1, 2, 3, 4, 5], "hours": ["08:00-20:00"]},
        {"people": ["li"], "weekdays": [1, 2, 3, 4, 5], "hours": ["20:00-08:00"]},
        {"people": ["zhao"], "weekdays": [6, 7]},
    ],
}
#: National Day 2025: 1 to 8 October off; Sunday 28 September and Saturday 11 October are worked.
OFFICE: dict[str, Any] = {
    "id": "office",
    "holidays": [f"2025-10-0{day}" for day in range(1, 9)],
    "workdays": ["2025-09-28", "2025-10-11"],
}


@pytest.mark.parametrize(
    ("when", "who"),
    [
        pytest.param((2025, 9, 26, 12), ["wang"], id="a Friday by day"),
        pytest.param((2025, 9, 26, 23), ["li"], id="and by night"),
        pytest.param((2025, 9, 27, 3), ["li", "zhao"], id="its night reaches into Saturday"),
        pytest.param((2025, 9, 27, 12), ["zhao"], id="a Saturday"),
        pytest.param((2025, 9, 28, 12), ["wang"], id="a Sunday that is worked"),
        pytest.param((2025, 9, 28, 23), ["li"], id="and its night"),
        pytest.param((2025, 10, 1, 12), ["zhao"], id="a Wednesday that is a holiday"),
        pytest.param((2025, 10, 11, 12), ["wang"], id="a Saturday that is worked"),
    ],
)
def test_duty_by_roster_with_holidays_and_shifted_working_days(when: tuple[int, ...], who: list[str]) -> None:
    """A holiday counts as a Sunday, a shifted working day as a Monday."""
    assert duty(TEAM, registry_of({"calendars": [OFFICE]}), at(*when), ZONE) == who


def test_a_hole_in_the_roster_calls_everybody() -> None:
    """Nobody on duty is no reason to tell nobody."""
    team = {**TEAM, "roster": [{"people": ["wang"], "hours": ["08:00-09:00"]}]}
    assert duty(team, registry_of({}), at(2025, 11, 12, 12), ZONE) == TEAM["members"]


def test_a_date_of_the_roster_comes_before_the_calendar() -> None:
    """Li works the holiday that the roster names."""
    roster = [{"people": ["li"], "weekdays": [1], "dates": ["2025-10-01"]}, *TEAM["roster"]]
    who = duty({**TEAM, "roster": roster}, registry_of({"calendars": [OFFICE]}), at(2025, 10, 1, 12), ZONE)
    assert who == ["li", "zhao"]


def test_an_alert_calls_whoever_has_duty_when_it_is_called() -> None:
    """By day one, by night the other, and each week another of the rotation."""
    team = {
        "id": "t", "members": ["head"],
        "rotate": {"every_days": 7, "from": at(2025, 11, 10, 8), "people": ["contact", "officer"]},
    }  # fmt: skip
    registry = {**CITY, "teams": [team]}
    policy = "steps: [{to: {team: t}}]\nreminder: null\nacknowledge_timeout: null"
    actions = [(0, "fire a"), (5 * 1440.0, "fire b"), (11 * 1440.0, "fire c"), (13 * 1440.0, "fire d")]
    told = tell(actions, 14 * 1440, policy, registry=registry)
    assert [line.split()[2] for line in told] == ["contact", "officer", "officer", "contact"]
