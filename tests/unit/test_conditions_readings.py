"""Stories of conditions that readings show: each row is a minute, what arrives, and what is expected."""

from __future__ import annotations

import msgspec
import pytest

from devices.calendars import WorkingTime
from tests.support.conditions import MINUTE, START, Site

CHANGE = "id: r, severity: warning, parameter: turbidity, count: 1, condition: {change: {by: 0.5, per: 10m}}"
STUCK = "id: r, severity: info, parameter: turbidity, condition: {stuck: {for: 30m, resolution: 0.01}}"
UNIT = "id: r, severity: info, parameter: turbidity, condition: {unit_suspect: {}}"
SATURATED = "id: r, severity: major, parameter: turbidity, condition: {saturated: {}}"
FLAGS = "id: r, severity: warning, parameter: turbidity, condition: {bad_flags: {share: 0.3, window: 10m}}"
COMPARE = "id: r, severity: warning, parameter: ph, condition: {compare: {with: {point: in}, outside: [-1, 1]}}"
LOGIC = (
    "id: r, severity: major, count: 1, condition: "
    "{all: [{parameter: turbidity, above: 1}, {not: {parameter: ph, outside: [6, 8]}}]}"
)
ANY = (
    "id: r, severity: major, count: 1, condition: {any: [{parameter: turbidity, above: 1}, {parameter: ph, below: 6}]}"
)
EARLY = (
    "id: r, severity: critical, parameter: turbidity, count: 1, condition: {above: 1}, early: {at: 0.9, severity: info}"
)
HOURS = (
    "id: r, severity: warning, parameter: turbidity, count: 1, condition: {above: 1}, "
    "schedule: {hours: ['08:00-09:00']}"
)
CALENDAR = (
    "id: r, severity: warning, parameter: turbidity, count: 1, condition: {above: 1}, schedule: {calendar: office}"
)

Story = list[tuple[float, str, str]]

CHANGES: dict[str, tuple[str, Story]] = {
    "a jump within the time fires and is over when the value has stayed": (
        CHANGE,
        [
            (0, "turbidity=0.2", ""),
            (4, "turbidity=0.3", ""),
            (8, "turbidity=0.9", "on changed_fast"),
            (10, "turbidity=0.9", ""),
            (11, "turbidity=0.9", "off condition_over"),
        ],
    ),
    "exactly as much as allowed is allowed": (
        CHANGE,
        [(0, "turbidity=0.1", ""), (5, "turbidity=0.6", ""), (6, "turbidity=0.601", "on changed_fast")],
    ),
    "a slow drift is no change": (
        CHANGE,
        [(0, "turbidity=0.0", ""), *((5.0 * n, f"turbidity={0.2 * n}", "") for n in range(1, 8))],
    ),
    "after a silence there is nothing to compare with": (
        CHANGE,
        [(0, "turbidity=0.1", ""), (30, "turbidity=3", ""), (31, "turbidity=3", "")],
    ),
    "upwards only": (
        CHANGE.replace("per: 10m", "per: 10m, direction: up"),
        [(0, "turbidity=2", ""), (1, "turbidity=1", ""), (2, "turbidity=2.6", "on changed_fast")],
    ),
    "two readings in a row where the rule asks for them": (
        CHANGE.replace("count: 1", "count: 2"),
        [
            (0, "turbidity=0.2", ""),
            (1, "turbidity=0.9", ""),
            (2, "turbidity=0.2", ""),
            (3, "turbidity=0.9", ""),
            (4, "turbidity=0.9", "on changed_fast"),
        ],
    ),
}

STANDING: dict[str, tuple[str, Story]] = {
    "the same value for the whole time fires, the first movement ends it": (
        STUCK,
        [
            (0, "turbidity=0.2", ""),
            (10, "turbidity=0.205", ""),
            (29.9, "turbidity=0.2", ""),
            (30, "turbidity=0.2", "on stuck"),
            (31, "turbidity=0.2", ""),
            (32, "turbidity=0.21", "off condition_over"),
            (61.9, "turbidity=0.21", ""),
            (62, "turbidity=0.21", "on stuck"),
        ],
    ),
    "a movement of one step begins anew": (
        STUCK,
        [
            (0, "turbidity=0.2", ""),
            (20, "turbidity=0.21", ""),
            (40, "turbidity=0.21", ""),
            (50, "turbidity=0.21", "on stuck"),
        ],
    ),
    "time under maintenance is no time of standing still": (
        STUCK,
        [
            (0, "turbidity=0.2", ""),
            (20, "turbidity=0.2!M", ""),
            (40, "turbidity=0.2", ""),
            (50, "turbidity=0.2", "on stuck"),
        ],
    ),
}

UNITS: dict[str, tuple[str, Story]] = {
    "a thousand times the level before": (
        UNIT,
        [
            (0, "turbidity=0.4", ""),
            (1, "turbidity=400", ""),
            (2, "turbidity=410", "on unit_suspect"),
            (3, "turbidity=0.41", "off condition_over"),
        ],
    ),
    "a tenth of it": (
        UNIT,
        [(0, "turbidity=4", ""), (1, "turbidity=0.41", ""), (2, "turbidity=0.4", "on unit_suspect")],
    ),
    "a large jump that is no power of ten": (
        UNIT,
        [(0, "turbidity=0.4", ""), (1, "turbidity=2", ""), (2, "turbidity=2", "")],
    ),
    "a rise to ten times in small steps": (
        UNIT,
        [(n, f"turbidity={0.4 * 1.3**n}", "") for n in range(15)],
    ),
    "near zero everything is a power of ten": (
        UNIT,
        [(0, "turbidity=0.0005", ""), (1, "turbidity=0.005", ""), (2, "turbidity=0.005", "")],
    ),
    "what is not above zero has no power of ten": (
        UNIT,
        [(0, "turbidity=-0.1", ""), (1, "turbidity=1", ""), (2, "turbidity=0", ""), (3, "turbidity=1", "")],
    ),
}

FLAGGED: dict[str, tuple[str, Story]] = {
    "an instrument beyond its range": (
        SATURATED,
        [
            (0, "turbidity=0.4", ""),
            (1, "turbidity=4000!T", ""),
            (2, "turbidity=4000!T", "on saturated"),
            (3, "turbidity=4000!T", ""),
            (4, "turbidity=0.4", "off condition_over"),
        ],
    ),
    "once beyond its range is not yet an alert": (
        SATURATED,
        [(1, "turbidity=4000!T", ""), (2, "turbidity=0.4", ""), (3, "turbidity=4000!T", ""), (4, "turbidity=0.4", "")],
    ),
    "a share of bad flags is judged after a whole window": (
        FLAGS,
        [
            (0, "turbidity=1!D", ""),
            (3, "turbidity=1!D", ""),
            (5, "turbidity=1", ""),
            (10, "turbidity=1", "on bad_flags"),
            (15, "turbidity=1", ""),
            (20, "turbidity=1", "off condition_over"),
            (21, "turbidity=1", ""),
        ],
    ),
    "few bad flags are nothing, and maintenance is not counted": (
        FLAGS,
        [
            (0, "turbidity=1!B", ""),
            *((float(n), "turbidity=1", "") for n in range(1, 6)),
            (6, "turbidity=1!M", ""),
            (7, "turbidity=1!M", ""),
            (10, "turbidity=1", ""),
        ],
    ),
}

OTHERS: dict[str, tuple[str, Story]] = {
    "two channels that drift apart": (
        COMPARE,
        [
            (0, "ph=7 ph@in=6.5", ""),
            (1, "ph=7.6 ph@in=6.5", ""),
            (2, "ph=7.6 ph@in=6.5", "on differs"),
            (3, "ph=7.4 ph@in=6.5", "off condition_over"),
        ],
    ),
    "the other channel is silent or under maintenance": (
        COMPARE,
        [
            (0, "ph@in=5", ""),
            (4, "ph=7", ""),
            (5, "ph=7", ""),
            (6, "ph@in=5!M", ""),
            (7, "ph=7", ""),
            (8, "ph=7", ""),
        ],
    ),
    "both parts hold": (
        LOGIC,
        [
            (0, "turbidity=2", ""),
            (1, "ph=9", ""),
            (2, "ph=7", "on combination"),
            (3, "turbidity=2", ""),
            (4, "turbidity=0.5", "off condition_over"),
        ],
    ),
    "a part that is not known decides nothing": (
        LOGIC,
        [(0, "turbidity=2", ""), (1, "turbidity=3", ""), (2, "ph=7", "on combination"), (30, "turbidity=3", "")],
    ),
    "one part that is known is enough": (
        ANY,
        [(0, "turbidity=2", "on combination"), (1, "ph=7", ""), (2, "turbidity=1", "off condition_over")],
    ),
}

TIMES: dict[str, tuple[str, Story]] = {
    "an early warning fires before the limit, and stays beside it": (
        EARLY,
        [
            (0, "turbidity=0.8", ""),
            (1, "turbidity=0.95", "on bad_readings"),
            (2, "turbidity=1.2", "on bad_readings"),
            (3, "turbidity=0.95", "off back_in_limits"),
            (4, "turbidity=0.9", "off back_in_limits"),
        ],
    ),
    "outside of its hours a rule begins nothing, and what is open is over": (
        HOURS,
        [
            (10, "turbidity=2", "on bad_readings"),
            (59, "turbidity=2", ""),
            (60, "tick", "off outside_schedule"),
            (61, "turbidity=2", ""),
            (24 * 60, "turbidity=2", "on bad_readings"),
            (25 * 60, "turbidity=2", "off outside_schedule"),
        ],
    ),
}

EVERY = CHANGES | STANDING | UNITS | FLAGGED | OTHERS | TIMES


@pytest.mark.parametrize("name", EVERY)
def test_a_story_of_readings(name: str) -> None:
    """The story goes as its table says, with a restart after every step."""
    rule, story = EVERY[name]
    Site(rule).play(story)


def test_a_change_is_shown_as_the_value_and_the_limit_that_follows_from_the_earlier_one() -> None:
    """An operator sees a reading and a limit of the same kind."""
    fired = Site(CHANGE).play([(0, "turbidity=0.2", ""), (1, "turbidity=0.9", "on changed_fast")])[0]
    assert (fired.kind, fired.value) == ("change", 0.9)
    assert fired.limit_value == pytest.approx(0.7)


def test_a_standing_value_is_told_with_the_time_since_it_stands() -> None:
    """The alert is decided late, but begins where the value moved last."""
    (fired,) = Site(STUCK).play([(3, "turbidity=0.2", ""), (33, "turbidity=0.2", "on stuck")])
    assert (fired.since, fired.ts, fired.value) == (START + 3 * MINUTE, START + 33 * MINUTE, 0.2)


def test_held_channels_and_switches_stand_still_by_nature() -> None:
    """A valve that is open all day is not stuck."""
    site = Site(STUCK.replace("parameter: turbidity", "parameters: all"))
    site.base = msgspec.structs.replace(site.base, mode="held")
    site.play([(0, "turbidity=0.2", ""), (60, "turbidity=0.2", "")])


def test_the_calendar_of_a_rule_is_that_of_the_registry() -> None:
    """Closed by its holiday; a calendar that nobody registered is open."""
    site = Site(CALENDAR)
    office = {"id": "office", "hours": ["08:00-17:00"], "holidays": ["2026-01-06"]}
    site.calendars["office"] = WorkingTime(office, site.zone())
    site.play([(0, "turbidity=2", ""), (24 * 60, "turbidity=2", "on bad_readings")])
    Site(CALENDAR).play([(0, "turbidity=2", "on bad_readings")])


def test_early_warnings_name_their_rule() -> None:
    """So that the rule can mute its own warning."""
    fired = Site(EARLY).play([(0, "turbidity=0.95", "on bad_readings")])[0]
    assert (fired.rule, fired.early_of, fired.severity, fired.limit_value) == ("r.early", "r", "info", 0.9)
