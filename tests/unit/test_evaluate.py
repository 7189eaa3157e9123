"""Stories of alerts: at minute 1 this arrives, then that is expected."""

from __future__ import annotations

import msgspec
import pytest

from alerts.change import Change
from alerts.evaluate import Evaluation
from alerts.rules import parse_pack
from devices.observation import Observation, Subject

MINUTE = 60_000
START = 1_732_200_000_000
HEAD = 'pack: city\nversion: "1"\ntitle: {zh: 城, en: City}\n'
LIMITS = """\
profiles:
  city:
    - {parameter: chlorine_free, unit: mg/L, min: 0.3, source: t, verified: true, place_kinds: [water_outlet],
       disinfectants: [free_chlorine]}
    - {parameter: chlorine_free, unit: mg/L, min: 0.05, source: t, verified: true, place_kinds: [network],
       disinfectants: [free_chlorine]}
    - {parameter: chlorine_free, unit: mg/L, max: 2, source: t, verified: true}
rules:
"""


def rule(more: str, name: str = "low") -> str:
    """A rule for free chlorine."""
    title = "title: {zh: 低, en: Low}, severity: major"
    return f"  - {{id: {name}, {title}, parameter: chlorine_free, source: t, {more}}}\n"


PLAIN = HEAD + LIMITS + rule("condition: {below: profile}")
TIMED = HEAD + LIMITS + rule("condition: {below: profile}, for: 5m")
OUTLET = Subject(
    "wq-1/-/chlorine_free",
    device="wq-1",
    parameter="chlorine_free",
    parameter_unit="mg/L",
    place="wtp-1-out",
    place_kind="water_outlet",
    unit="wtp-1",
    profile="city",
    disinfectant="free_chlorine",
    channel=3,
)


class Story:
    """An evaluation with a pack; ``at`` plays one reading at a minute and returns (event, reason) of what happened."""

    def __init__(self, *texts: str, subject: Subject = OUTLET) -> None:
        self.evaluation = Evaluation([parse_pack(text, "pack") for text in texts or (PLAIN,)])
        self.subject = subject
        self.changes: list[Change] = []

    def at(
        self, minute: float, value: float, flag: str = "N", *, heard: float | None = None, late: bool = False
    ) -> list[tuple[str, str]]:
        """A reading taken at ``minute`` of device time and received at minute ``heard`` of journal time."""
        at = START + round(minute * MINUTE)
        now = at if heard is None else START + round(heard * MINUTE)
        return self._took(self.evaluation.observe(Observation(self.subject, value, at, now, flag, late)))

    def tick(self, minute: float) -> list[tuple[str, str]]:
        """Journal time reaches ``minute`` and nothing came."""
        return self._took(self.evaluation.tick(START + round(minute * MINUTE)))

    def restart(self, *texts: str) -> None:
        """Stop with a snapshot and start from it, with other packs where given."""
        state = self.evaluation.dump()
        packs = [parse_pack(text, "pack") for text in texts] or list(self.evaluation.rules.packs)
        self.evaluation = Evaluation(packs)
        self.evaluation.load(state)

    def _took(self, changes: list[Change]) -> list[tuple[str, str]]:
        self.changes += changes
        return [("fired" if change.on else "cleared", change.reason) for change in changes]

    @property
    def last(self) -> Change:
        """The latest change."""
        return self.changes[-1]

    @property
    def watched(self) -> bool:
        """Whether the subject costs anything."""
        return self.subject.key in self.evaluation.watched


FIRED = [("fired", "bad_readings")]
FIRED_FOR = [("fired", "bad_for_duration")]
SILENT = [("fired", "silent_while_bad")]
CLEARED = [("cleared", "back_in_limits")]


def test_the_second_bad_reading_in_a_row_fires() -> None:
    """One bad reading is nothing yet, the second is an alert with all that an operator asks."""
    story = Story()
    assert story.at(0, 0.4) == []
    assert not story.watched
    assert story.at(1, 0.1) == []
    assert story.watched
    assert story.at(2, 0.2, heard=2.5) == FIRED
    assert msgspec.structs.asdict(story.last) == {
        "on": True,
        "rule": "low",
        "pack": "city",
        "severity": "major",
        "subject": OUTLET,
        "value": 0.2,
        "limit_value": 0.3,
        "since": START + MINUTE,
        "ts": START + 2 * MINUTE,
        "at": START + 2 * MINUTE + MINUTE // 2,
        "reason": "bad_readings",
        "digest": parse_pack(PLAIN, "pack").digest,
        "kind": "limit",
        "latching": False,
        "reopen_ms": 3_600_000,
        "tell": True,
        "early_of": "",
    }
    assert story.at(3, 0.1) == []


def test_a_good_reading_in_between_starts_the_count_anew() -> None:
    """Bad, good, bad is no alert, and nothing is kept meanwhile."""
    story = Story()
    assert story.at(1, 0.1) == []
    assert story.at(2, 0.5) == []
    assert not story.watched
    assert story.at(3, 0.1) == []
    assert story.at(4, 0.1) == FIRED


def test_the_limit_itself_is_good() -> None:
    """A minimum of 0.3 is met by 0.3."""
    story = Story()
    assert [story.at(1, 0.3), story.at(2, 0.3)] == [[], []]
    assert not story.watched


def test_an_alert_clears_at_the_first_good_reading() -> None:
    """The clearing reading is named; the limit stays the one that was broken."""
    story = Story()
    story.at(1, 0.1)
    story.at(2, 0.1)
    assert story.at(3, 0.35) == CLEARED
    assert (story.last.on, story.last.value, story.last.limit_value) == (False, 0.35, 0.3)
    assert story.last.since == START + MINUTE
    assert not story.watched


@pytest.mark.parametrize("flag", list("DMCTBFS"))
def test_flags_other_than_normal_leave_the_count_alone(flag: str) -> None:
    """Neither bad nor good: they do not fire, do not clear, do not interrupt."""
    story = Story()
    assert story.at(0, 0.0, flag) == []
    assert not story.watched
    assert story.at(1, 0.1) == []
    assert story.at(2, 0.0, flag) == []
    assert story.at(3, 0.9, flag) == []
    assert story.at(4, 0.1) == FIRED
    assert story.at(5, 0.9, flag) == []
    assert story.at(6, 0.9) == CLEARED


def test_late_and_ahead_readings_never_move_an_alert() -> None:
    """Late data and a clock more than five minutes ahead neither fire nor clear; exactly five minutes still count."""
    story = Story()
    for minute in (1, 2, 3):
        assert story.at(minute, 0.0, late=True) == []
        assert story.at(minute + 5.1, 0.0, heard=minute) == []
    assert not story.watched
    assert story.at(15, 0.0, heard=10) == []
    assert story.at(16, 0.0, heard=11) == FIRED
    assert story.at(20, 0.9, late=True) == []
    assert story.at(30, 0.9, heard=20) == []
    assert story.at(31, 0.9) == CLEARED


def test_not_a_number_does_not_clear() -> None:
    """What is no number says nothing of the water."""
    story = Story()
    story.at(1, 0.1)
    assert story.at(2, float("nan")) == []
    assert story.at(3, 0.1) == FIRED
    assert story.at(4, float("nan")) == []
    assert story.watched


def test_a_dead_band_keeps_a_trembling_value_one_alert() -> None:
    """Back over the limit but inside the dead band is neither a clear nor a new bad reading."""
    story = Story(HEAD + LIMITS + rule("condition: {below: profile}, clear: {dead_band: 0.05}"))
    story.at(1, 0.29)
    assert story.at(2, 0.29) == FIRED
    assert story.at(3, 0.31) == []
    assert story.at(4, 0.34) == []
    assert story.at(5, 0.36) == CLEARED


def test_a_value_in_the_dead_band_ends_a_count_that_has_not_fired() -> None:
    """The dead band is about clearing: what is inside the limit is not bad."""
    story = Story(HEAD + LIMITS + rule("condition: {below: profile}, clear: {dead_band: 0.05}"))
    story.at(1, 0.1)
    assert story.at(2, 0.32) == []
    assert not story.watched


def test_an_off_delay_wants_good_readings_for_its_whole_time() -> None:
    """A reading that does not meet the clear condition starts it anew; the time is device time."""
    story = Story(HEAD + LIMITS + rule("condition: {below: profile}, clear: {for: 10m}"))
    story.at(1, 0.1)
    story.at(2, 0.1)
    assert story.at(3, 0.5) == []
    assert story.at(9, 0.2) == []
    assert story.at(10, 0.5) == []
    story.restart()
    assert story.at(19, 0.5, heard=60) == []
    assert story.at(20, 0.5, heard=61) == CLEARED


def test_a_duration_runs_in_device_time() -> None:
    """A backlog that arrives within a second fires when its own times say so."""
    story = Story(TIMED)
    for minute in (0, 1, 2, 3, 4):
        assert story.at(minute, 0.1, heard=100) == []
    assert story.at(5, 0.1, heard=100) == FIRED_FOR
    assert story.last.since == START


def test_a_good_reading_within_the_duration_starts_it_anew() -> None:
    """Only bad readings over the whole duration fire."""
    story = Story(TIMED)
    story.at(0, 0.1)
    story.at(4, 0.4)
    story.at(5, 0.1)
    assert story.at(9, 0.1) == []
    assert story.at(10, 0.1) == FIRED_FOR


def test_a_channel_that_falls_silent_while_bad_fires() -> None:
    """Silence must not hide what its last reading said; it is measured in journal time."""
    story = Story(TIMED)
    story.at(0, 0.1, heard=0.5)
    assert story.tick(5.4) == []
    assert story.tick(5.5) == SILENT
    assert (story.last.ts, story.last.at, story.last.value) == (START, START + 5 * MINUTE + MINUTE // 2, 0.1)
    assert story.tick(60) == []
    assert story.at(61, 0.5) == CLEARED


def test_silence_is_counted_from_the_last_reading_of_any_flag() -> None:
    """A reading on its way is not overtaken by the timer, and maintenance is not silence."""
    story = Story(TIMED)
    story.at(0, 0.1)
    story.at(4, 0.1)
    assert story.tick(5.1) == []
    story.at(6, 0.0, "M")
    assert story.tick(10.9) == []
    story.restart()
    assert story.tick(11) == SILENT


def test_a_timer_of_a_count_that_ended_fires_nothing() -> None:
    """Bad, good, and then silence for hours: nothing."""
    story = Story(TIMED)
    story.at(0, 0.1)
    story.at(1, 0.5)
    assert story.tick(600) == []
    story.at(601, 0.1)
    assert story.tick(602) == []
    assert story.tick(606) == SILENT


def test_silence_alone_does_not_fire_a_count() -> None:
    """One bad reading of a rule without duration waits for the second, however long."""
    story = Story()
    story.at(0, 0.1)
    assert story.tick(100_000) == []
    assert story.watched
    assert story.at(100_001, 0.1) == FIRED


def test_several_rules_of_one_channel_are_alerts_of_their_own() -> None:
    """An early warning fires and clears beside the limit."""
    story = Story(PLAIN + rule("condition: {below: 0.4}, count: 1", "early"))
    assert story.at(1, 0.35) == FIRED
    assert story.last.rule == "early"
    assert story.at(2, 0.1) == []
    assert story.at(3, 0.1) == FIRED
    assert story.last.rule == "low"
    assert story.at(4, 0.35) == CLEARED
    assert story.last.rule == "low"
    assert story.at(5, 0.5) == CLEARED
    assert story.last.rule == "early"


def test_a_jump_from_one_side_to_the_other_stays_one_alert() -> None:
    """Outside is outside; the limit shown is the one that the value breaks."""
    story = Story(HEAD + LIMITS + rule("condition: {outside: profile}"))
    story.at(1, 0.1)
    assert story.at(2, 3.0) == FIRED
    assert story.last.limit_value == 2
    assert story.at(3, 0.1) == []
    assert story.at(4, 1.0) == CLEARED
    assert story.last.limit_value == 0.3


def test_an_open_alert_keeps_the_version_that_it_fired_under() -> None:
    """A pack with another limit does not end it; the next one is judged by the new version."""
    story = Story()
    story.at(1, 0.1)
    story.at(2, 0.1)
    old = story.last.digest
    story.restart(PLAIN.replace("min: 0.3", "min: 0.2"))
    assert story.at(3, 0.25) == []
    assert story.at(4, 0.3) == CLEARED
    assert story.last.digest == old
    assert story.at(5, 0.25) == []
    assert not story.watched
    story.at(6, 0.1)
    assert story.at(7, 0.1) == FIRED
    assert story.last.limit_value == 0.2
    assert story.last.digest != old


def test_a_reading_that_ends_an_old_version_counts_as_bad_under_the_new_one() -> None:
    """Clearing by yesterday's limit must not swallow the first bad reading of today's."""
    story = Story()
    story.at(1, 0.1)
    story.at(2, 0.1)
    story.restart(PLAIN.replace("min: 0.3", "min: 0.5"))
    assert story.at(3, 0.4) == CLEARED
    assert story.at(4, 0.4) == FIRED


def test_bad_readings_that_have_not_fired_are_forgotten_with_their_version() -> None:
    """A changed rule counts from one again, a restart without a change goes on counting."""
    story = Story()
    story.at(1, 0.1)
    story.restart()
    assert story.watched
    story.restart(PLAIN + "# changed\n")
    assert not story.watched
    assert story.at(2, 0.1) == []
    assert story.at(3, 0.1) == FIRED


def test_a_changed_disinfectant_ends_alerts_that_do_not_hold_any_longer() -> None:
    """The water is chloraminated now: the alert about free chlorine is over, and says why."""
    story = Story()
    story.at(1, 0.1)
    story.at(2, 0.1)
    story.subject = msgspec.structs.replace(OUTLET, disinfectant="total_chlorine")
    assert story.at(3, 0.1) == [("cleared", "rule_not_applicable")]
    assert (story.last.on, story.last.value) == (False, 0.1)
    assert not story.watched


def test_another_kind_of_place_is_judged_by_its_own_limit() -> None:
    """Registered as an outlet by mistake: the alert ends with the limit that it broke, the new one counts anew."""
    story = Story()
    story.at(1, 0.1)
    story.at(2, 0.1)
    story.subject = msgspec.structs.replace(OUTLET, place_kind="network")
    assert story.at(3, 0.1) == [("cleared", "rule_not_applicable")]
    assert story.at(4, 0.01) == []
    assert story.at(5, 0.01) == FIRED
    assert story.last.limit_value == 0.05


def test_other_facts_of_the_registry_leave_an_alert_as_it_is() -> None:
    """Another grid, unit or acceptance is carried by what follows and ends nothing."""
    story = Story()
    story.at(1, 0.1)
    story.subject = msgspec.structs.replace(OUTLET, grid="gulou", notify=False)
    assert story.at(2, 0.1) == FIRED
    assert story.last.subject.grid == "gulou"
    story.subject = msgspec.structs.replace(OUTLET, grid="xuanwu")
    assert story.at(3, 0.1) == []
    assert story.at(4, 0.9) == CLEARED


def test_a_device_that_moved_takes_nothing_along() -> None:
    """Counts and alerts belong to the place where the water was bad; the new place gets an alert of its own."""
    elsewhere = msgspec.structs.replace(OUTLET, place="wtp-2-out")
    story = Story()
    story.at(1, 0.1)
    story.subject = elsewhere
    assert story.at(2, 0.1) == []
    assert story.at(3, 0.1) == FIRED
    story.subject = OUTLET
    assert story.at(4, 0.1) == [("cleared", "moved")]
    assert story.last.subject.place == OUTLET.place
    assert story.at(5, 0.1) == FIRED


def test_a_channel_that_is_removed_ends_its_alerts() -> None:
    """What was open is over with the reason; afterwards nothing is remembered."""
    story = Story(TIMED)
    for minute in range(6):
        story.at(minute, 0.1)
    (change,) = story.evaluation.forget(OUTLET.key, START + 7 * MINUTE)
    assert (change.on, change.reason, change.at) == (False, "removed", START + 7 * MINUTE)
    assert not story.watched
    story.at(8, 0.1)
    assert story.evaluation.forget(OUTLET.key, START) == []
    assert story.tick(100) == []


def test_a_band_without_rules_is_everything() -> None:
    """Unknown profile or another parameter: nothing that comes can change anything."""
    evaluation = Evaluation([parse_pack(PLAIN, "pack")])
    assert evaluation.band(OUTLET) == (0.3, float("inf"))
    for other in ({"profile": ""}, {"parameter": "ph"}, {"place_kind": "raw_water"}):
        assert evaluation.band(msgspec.structs.replace(OUTLET, **other)) == (float("-inf"), float("inf"))
    assert Evaluation([]).band(OUTLET) == (float("-inf"), float("inf"))


def test_the_set_of_watched_subjects_stays_the_same_object() -> None:
    """Whoever holds it sees every change, also after a snapshot was loaded."""
    story = Story()
    watched = story.evaluation.watched
    story.at(1, 0.1)
    state = story.evaluation.dump()
    story.at(2, 0.9)
    assert not watched
    story.evaluation.load(state)
    assert watched == {OUTLET.key}


OTHER = msgspec.structs.replace(OUTLET, key="a-wq-2/-/chlorine_free", device="wq-2", place="wtp-2-out")


def feed(story: Story, subject: Subject, minute: float, value: float) -> None:
    """A reading of one of several channels."""
    story.subject = subject
    story.at(minute, value)


@pytest.mark.parametrize("restarts", [False, True])
def test_channels_that_fell_silent_fire_in_the_same_order_after_a_restart(restarts: bool) -> None:
    """In the order in which their silence was long enough, or ids would differ between run and replay."""
    story = Story(TIMED)
    feed(story, OUTLET, 0, 0.1)
    feed(story, OTHER, 1, 0.1)
    feed(story, OUTLET, 4, 0.1)
    if restarts:
        story.restart()
    assert story.tick(30) == SILENT * 2
    assert [change.subject.device for change in story.changes] == ["wq-2", "wq-1"]


def test_equal_states_have_equal_snapshots() -> None:
    """Whoever compares two runs compares bytes."""
    one, other = Story(), Story()
    for subject in (OUTLET, OTHER):
        feed(one, subject, 1, 0.1)
    for subject in (OTHER, OUTLET):
        feed(other, subject, 1, 0.1)
    assert one.evaluation.dump() == other.evaluation.dump()
