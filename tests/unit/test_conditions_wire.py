"""Stories of sequence numbers, clocks and dates of instruments: a minute, what arrives, what is expected."""

from __future__ import annotations

import msgspec
import pytest

from alerts.rules import parse_pack
from alerts.surroundings import Term
from devices.observation import Observation, Subject
from tests.support.conditions import MINUTE, START, Site, pack_of

GAP = "id: r, severity: warning, condition: {sequence_gap: {}}, for: 5m, clear: {for: 30m}"
CLOCK = "id: r, severity: warning, condition: {clock_off: {by: 2m}}"
CERTIFICATE = "id: r, severity: warning, condition: {overdue: {what: certificate, after: 30d}}"
CALIBRATION = "id: r, severity: info, condition: {overdue: {what: calibration, after: 90d}}"
DELAYED = "id: r, severity: major, quantity: custody.sealed, condition: {above: 0}, for: 48h"
ONCE = "id: r, severity: major, quantity: custody.unknown_id, condition: {above: 0}"
DAY = 24 * 60

Story = list[tuple[float, str, str]]

STORIES: dict[str, tuple[str, Story]] = {
    "a message that never came": (
        GAP,
        [
            (0, "seq 1", ""),
            (1, "seq 2", ""),
            (2, "seq 5", ""),
            (6, "seq 6", ""),
            (7, "seq 7", "on sequence_gap"),
            (36, "seq 8", ""),
            (37, "tick", "off condition_over"),
        ],
    ),
    "messages that come late fill the hole before anybody hears of it": (
        GAP,
        [(0, "seq 1", ""), (1, "seq 4", ""), (2, "seq 3", ""), (3, "seq 2", ""), (60, "seq 5", "")],
    ),
    "or after it": (
        GAP,
        [(0, "seq 1", ""), (1, "seq 3", ""), (7, "tick", "on sequence_gap"), (8, "seq 2", "off data_again")],
    ),
    "a device that begins anew, and one that sends again": (
        GAP,
        [
            (0, "seq 500", ""),
            (1, "seq 0", ""),
            (2, "seq 1", ""),
            (3, "seq 1", ""),
            (4, "seq 2", ""),
            (60, "seq 3", ""),
        ],
    ),
    "a clock that is off, steadily": (
        CLOCK,
        [
            (0, "behind 200", ""),
            (1, "behind 201", ""),
            (1.5, "behind 199", ""),
            (2, "behind 200", "on clock_off"),
            (3, "behind 200", ""),
            (4, "behind 5", "off condition_over"),
        ],
    ),
    "a clock that is ahead by a time zone": (
        CLOCK,
        [(0, "behind -28803", ""), (1, "behind -28801", ""), (2, "behind -28802", "on clock_off")],
    ),
    "a backlog that is drained is no clock": (
        CLOCK,
        [(n / 10, f"behind {3600 - 60 * n}", "") for n in range(60)],
    ),
    "a backlog that is drained slowly neither": (
        CLOCK,
        [(n, f"behind {3600 - 60 * n}", "") for n in range(57)],
    ),
    "a message that was delayed": (
        CLOCK,
        [(0, "behind 300", ""), (1, "behind 2", ""), (2, "behind 300", ""), (3, "behind 2", "")],
    ),
    "what the broker kept for us says nothing of clocks": (
        CLOCK,
        [(0, "lost", ""), *((float(n), "behind 600", "") for n in range(10)), (11, "caught up", "")],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_of_the_wire(name: str) -> None:
    """The story goes as its table says, with a restart after every step."""
    rule, story = STORIES[name]
    Site(rule).play(story)


def test_a_wrong_zone_is_told_in_whole_hours() -> None:
    """Eight hours, and not eight hours and two seconds; behind is above zero."""
    fired = Site(CLOCK).play([(n, "behind 28802", "on clock_off" if n == 2 else "") for n in range(3)])[0]
    assert (fired.value, fired.limit_value) == (28_800, 120)


def test_a_gap_tells_how_many_messages_are_missing() -> None:
    """All holes that are open count."""
    fired = Site(GAP).play([(0, "seq 1", ""), (1, "seq 4", ""), (2, "seq 6", ""), (6, "tick", "on sequence_gap")])[0]
    assert fired.value == 3


def test_a_certificate_is_told_before_its_last_day_and_until_it_is_renewed() -> None:
    """Once a day; the days that are left are its value."""
    site = Site(CERTIFICATE)
    scale = Subject("bs-12/-/", device="bs-12")
    site.terms = [Term(scale, START + 31 * DAY * MINUTE), Term(site.base, START + 400 * DAY * MINUTE)]
    fired = site.play([(0, "tick", ""), (DAY / 2, "tick", ""), (2 * DAY, "tick", "on overdue"), (3 * DAY, "tick", "")])[
        0
    ]
    assert (fired.subject.key, fired.value) == ("bs-12/-/", 29)
    site.terms = [Term(scale, START + 400 * DAY * MINUTE)]
    site.evaluation.terms.soon()
    site.play([(3 * DAY + 1, "tick", "off condition_over")])


def test_a_calibration_is_overdue_so_long_after_the_last_session() -> None:
    """Nothing is said of a device of which none is known; the next session ends the alert."""
    site = Site(CALIBRATION)
    site.play([(0, "tick", "")])
    site.evaluation.use_sessions({"d": "C"}, START + MINUTE)
    site.play([(1, "tick", "")])
    site.evaluation.use_sessions({}, START + 2 * MINUTE)
    site.play([(2, "tick", ""), (90 * DAY - 1, "tick", ""), (91 * DAY, "tick", "on overdue")])
    site.evaluation.use_sessions({"d": "C"}, site.now)
    site.play([(91 * DAY + 1, "tick", "")])
    site.evaluation.use_sessions({}, site.now)
    site.play([(91 * DAY + 2, "tick", "off condition_over")])


def observed(site: Site, quantity: str, minute: float, value: float) -> list[tuple[bool, str]]:
    """One observation of a quantity of a container."""
    subject = Subject(f"box-1/-/{quantity}", device="", parameter=quantity, place="hosp-1")
    at = START + round(minute * MINUTE)
    site.evaluation.tick(at)
    changes = site.evaluation.observe(Observation(subject, value, at, at))
    site.restart()
    return [(change.on, change.reason) for change in changes]


def test_a_held_quantity_is_a_timer_from_its_observation() -> None:
    """Nobody repeats that a container is sealed: the time runs by itself."""
    site = Site(DELAYED)
    assert observed(site, "custody.sealed", 0, 1.0) == []
    site.play([(47 * 60, "tick", ""), (48 * 60, "tick", "on observed")])
    assert observed(site, "custody.sealed", 50 * 60, 0) == [(False, "condition_over")]
    assert observed(site, "custody.sealed", 51 * 60, 1.0) == []
    assert observed(site, "custody.sealed", 52 * 60, 0) == []
    site.play([(200 * 60, "tick", "")])


def test_what_is_told_once_fires_at_once() -> None:
    """An unknown id is an alert by itself."""
    assert observed(Site(ONCE), "custody.unknown_id", 0, 1.0) == [(True, "observed")]


def test_a_place_sets_its_own_limit() -> None:
    """In place of its profile's, for as long as the registry says so."""
    rule = "id: r, severity: major, parameter: turbidity, count: 1, condition: {above: profile}"
    limit = "{parameter: turbidity, unit: NTU, max: 1, source: t, verified: true}"
    text = pack_of(rule).replace("rules:", f"profiles: {{city: [{limit}]}}\nrules:")
    site = Site(GAP)
    site.evaluation.use([parse_pack(text, "pack")])
    site.base = msgspec.structs.replace(site.base, profile="city")
    site.play([(0, "turbidity=1.5", "on bad_readings"), (1, "turbidity=0.5", "off back_in_limits")])
    site.base = msgspec.structs.replace(site.base, high=2.0)
    site.play([(2, "turbidity=1.5", ""), (3, "turbidity=2.5", "on bad_readings")])


KEPT = "id: kept, severity: major, parameter: turbidity, condition: {above: 9}"
LEAVING: dict[str, tuple[str, Story]] = {
    "combination": (
        "id: r, severity: major, count: 1, condition: {all: [{parameter: ph, above: 9}]}",
        [(0, "ph=9.5", "on combination")],
    ),
    "flags": (
        "id: r, severity: warning, parameter: ph, condition: {bad_flags: {share: 0.3, window: 1m}}",
        [(0, "ph=7!D", ""), (0.5, "ph=7!D", ""), (2, "ph=7", "on bad_flags")],
    ),
    "clock": (CLOCK, [(n, "behind 600", "on clock_off" if n == 2 else "") for n in range(3)]),
    "change": (
        "id: r, severity: major, parameter: ph, count: 1, condition: {change: {by: 2, per: 5m}}",
        [(0, "ph=7", ""), (1, "ph=9.9", "on changed_fast")],
    ),
    "another span of the change": (
        "id: r, severity: major, parameter: ph, count: 1, condition: {change: {by: 2, per: 5m}}",
        [(0, "ph=7", ""), (1, "ph=9.9", "on changed_fast")],
    ),
}


@pytest.mark.parametrize("name", LEAVING)
def test_what_no_rule_judges_any_more_is_over(name: str) -> None:
    """It would stand for ever: its kind is judged only through the rules in force."""
    rule, story = LEAVING[name]
    site = Site(rule)
    site.play(story)
    rules = [KEPT, rule.replace("5m", "10m")] if "span" in name else [KEPT]
    site.evaluation.use([parse_pack(pack_of(*rules), "pack")])
    site.restart()
    site.play([(story[-1][0] + 1, "tick", "off rule_not_applicable"), (20, "tick", "")])


def test_what_is_judged_by_itself_stays_without_its_rule() -> None:
    """A limit under which an alert fired holds until the alert is over."""
    site = Site("id: r, severity: major, parameter: turbidity, count: 1, condition: {above: 1}")
    site.play([(0, "turbidity=2", "on bad_readings")])
    site.evaluation.use([parse_pack(pack_of(KEPT), "pack")])
    site.play([(1, "tick", ""), (2, "turbidity=2", ""), (3, "turbidity=0.5", "off back_in_limits")])


def test_a_rule_of_dates_that_is_gone_ends_its_alerts_and_a_new_one_is_judged_at_once() -> None:
    """Nobody waits for midnight."""
    site = Site(KEPT)
    site.terms = [Term(site.base, START + 5 * DAY * MINUTE)]
    site.play([(0, "tick", "")])
    site.evaluation.use([parse_pack(pack_of(CERTIFICATE), "pack")])
    site.play([(1, "tick", "on overdue")])
    site.evaluation.use([parse_pack(pack_of(KEPT), "pack")])
    site.play([(2, "tick", "off rule_not_applicable")])


def test_a_date_that_came_outside_of_the_hours_of_its_rule_is_told_within_them() -> None:
    """It is over with them, and told again the next morning."""
    site = Site(f"{CERTIFICATE}, schedule: {{hours: ['09:00-10:00'], weekdays: [1, 2, 3, 4, 5, 6, 7]}}")
    site.terms = [Term(site.base, START + 5 * DAY * MINUTE)]
    site.play([(0, "tick", ""), (75, "tick", "on overdue"), (121, "tick", "off outside_schedule")])
    site.play([(180, "tick", ""), (DAY, "tick", ""), (DAY + 59, "tick", ""), (DAY + 75, "tick", "on overdue")])
