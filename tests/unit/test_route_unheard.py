"""Alerts of which nobody could be told: they are tried again, and a backlog loses none of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from alerts.calls import AGAIN_MOST
from alerts.route import ChannelInfo
from gateway import state
from gateway.journal.record import Kind
from tests.route_story import CITY, HOOK, MINUTE, SMS, START, ZONE, Story, policy_of, registry_of
from tests.support.deciding import Decided, Script, changes

ROBOT = ChannelInfo("robot", "dingtalk")
NOBODY: dict[str, list[dict[str, Any]]] = {**CITY, "people": []}
REMIND = "steps: [{to: unit_contact}, {to: unit_head, after: 15m}]\nreminder: {every: 4h, most: 2}"
TO_ROBOT = "steps: [{to: {channel: robot}}, {to: {person: officer}, after: 8h}]\nreminder: null"


class TestNobody:
    """Nobody can be reached when it fires; somebody can later."""

    @pytest.mark.parametrize("reload", [False, True])
    def test_people_who_appear_later_are_called(self, reload: bool) -> None:
        """The order of call begins within a minute after the registry knows them, and reminders count from then."""
        story = Story(REMIND, registry=NOBODY, reload=reload)
        story.do("fire a")
        story.until(25 * 60 - 0.5)
        assert story.told == []
        story.registry = registry_of(CITY)
        story.until(50 * 60)
        assert story.told == [
            "1500 sms contact fired a", "1515 sms head escalated a",
            *[f"{1500 + hours * 60} sms {who} reminder a" for hours in (4, 8) for who in ("contact", "head")],
        ]  # fmt: skip

    def test_channels_that_appear_later_are_used_at_once(self) -> None:
        """A start with a channel for people calls for what stands; who hears of everything does not hear it twice."""
        story = Story(REMIND, channels=[HOOK])
        story.do("fire a")
        story.until(7.5)
        story.channels = [HOOK, SMS]
        story.router.use(story.policy, story.channels, ZONE)
        story.until(23)
        assert story.told == ["0 hook fired a", "7.5 sms contact fired a", "22.5 hook escalated a",
                              "22.5 sms head escalated a"]  # fmt: skip

    def test_steps_that_appear_later_are_called(self) -> None:
        """A routing file without steps for it is replaced by one with steps."""
        story = Story("steps: []")
        story.do("fire a")
        story.until(3)
        story.policy = policy_of(REMIND)
        story.router.use(story.policy, story.channels, ZONE)
        story.until(4)
        assert story.told == ["3 sms contact fired a"]

    @pytest.mark.parametrize("end", ["ack a", "clear a", "close a", "shelve a"])
    def test_what_nobody_is_to_be_called_for_is_not_tried_again(self, end: str) -> None:
        """It is over, or somebody has it in hand."""
        story = Story("reminder: null\nacknowledge_timeout: null", registry=NOBODY)
        story.do("fire a")
        story.do(end)
        story.registry = registry_of(CITY)
        story.until(60)
        assert (story.told, story.router.due) == ([], float("inf"))

    def test_at_night_it_waits_for_the_morning(self) -> None:
        """Quiet hours hold for a late call too, and the order of call begins at their end."""
        story = Story(REMIND + "\nquiet_hours: {hours: ['22:00-07:00']}", registry=NOBODY)
        story.until(725)
        story.do("fire a")
        story.registry = registry_of(CITY)
        story.until(1280)
        assert story.told == ["1260 sms contact fired a", "1275 sms head escalated a"]

    def test_many_are_tried_a_few_at_a_time(self) -> None:
        """No tick looks at all of them, and all are told within some minutes."""
        story = Story("reminder: null", registry=NOBODY)
        for index in range(2000):
            story.do(f"fire a{index}")
        story.until(2)
        story.registry = registry_of(CITY)
        waiting = [len(story.router._calls.unheard)]
        while waiting[-1]:
            story.until((story.now - START) / MINUTE + 1 / 60)
            waiting.append(len(story.router._calls.unheard))
        assert max(one - other for one, other in pairwise(waiting)) == AGAIN_MOST
        story.until(12)
        assert len({alert.id for one in story.messages if one.person == "contact" for alert in one.alerts}) == 2000


class TestRobot:
    """A step that is a group robot."""

    def test_when_it_refuses_the_next_step_is_called_at_once(self) -> None:
        """Nobody waits eight hours for whom a robot did not tell."""
        story = Story(TO_ROBOT, channels=[ROBOT, SMS])
        story.do("fire a")
        story.fail(story.messages[0])
        assert story.told == ["0 robot fired a", "0 sms officer escalated a"]
        assert story.router.asks(story.messages[0])

    def test_a_person_of_the_same_step_has_it(self) -> None:
        """The next step waits where somebody else of the step was told."""
        story = Story(TO_ROBOT.replace("{channel: robot}", "[{channel: robot}, unit_contact]"), channels=[ROBOT, SMS])
        story.do("fire a")
        story.fail(story.messages[0])
        assert story.told == ["0 robot fired a", "0 sms contact fired a"]

    def test_who_only_listens_calls_nobody(self) -> None:
        """A broadcast channel that fails is no step."""
        story = Story("steps: [{to: unit_contact}, {to: unit_head, after: 15m}]", channels=[HOOK, ROBOT, SMS])
        story.do("fire a")
        for one in story.messages[:2]:
            story.fail(one)
            assert not story.router.asks(one)
        assert len(story.told) == 3


class TestHeld:
    """An alert of a backlog that waits for its end."""

    def backlog(self, *before: tuple[float, str], reload: bool = False, **more: Any) -> Story:
        """``before`` happens while all is well; then ``a`` fires again, or for the first time, an hour ago."""
        story = Story("steps: [{to: unit_contact}, {to: unit_head, after: 15m}]", reload=reload, **more)
        for minute, what in before:
            story.until(minute)
            story.do(what)
        story.router.caught_up(yes=False)
        story.do("fire a", ts=story.now - 60 * MINUTE, on=True)
        return story

    @pytest.mark.parametrize("reload", [False, True])
    def test_a_window_that_closes_meanwhile_forgets_nothing(self, reload: bool) -> None:
        """The queue that told it before lets go of it; it is told when the backlog is caught up."""
        story = self.backlog((0, "fire a"), (0.1, "clear a"), reload=reload, channels=[HOOK])
        story.until(3)
        story.router.caught_up(yes=True)
        story.until(9)
        assert story.told == ["0 hook fired a", "0.1 hook cleared a", "3 hook fired a"]

    @pytest.mark.parametrize("end", ["", "ack a", "close a", "clear a", "suppress a", "shelve a"])
    def test_it_may_wait_over_the_morning_digest(self, end: str) -> None:
        """At 08:30 nobody is reminded of what came back, and the case is kept until it is released."""
        story = self.backlog((1300, "fire a"), (1301, "clear a"), (1345, "fire b"), (1345, "ack b"))
        if end:
            story.do(end)
        story.until(1351)
        assert not [line for line in story.told if "reminder" in line]
        story.router.caught_up(yes=True)
        story.until(1400)
        assert any("a" in line.split()[4:] for line in story.told[4:]) == (end not in {"suppress a", "shelve a"})

    def test_whoever_is_given_it_hears_of_it_at_its_release(self) -> None:
        """Assigned while it waits: told with the others."""
        story = self.backlog()
        story.do("assign a assigned_to=officer")
        assert story.told == []
        story.router.caught_up(yes=True)
        story.until(1)
        assert story.told == ["0 sms contact fired a", "0 sms officer escalated a"]

    def test_a_contact_who_is_given_it_hears_of_it_once(self) -> None:
        """Called and assigned at the same moment is one message."""
        story = self.backlog()
        story.do("assign a assigned_to=contact")
        story.router.caught_up(yes=True)
        story.until(1)
        assert story.told == ["0 sms contact fired a"]

    def test_whoever_is_given_one_that_is_muted_hears_of_it(self) -> None:
        """As outside of a backlog."""
        story = self.backlog()
        story.do("suppress a")
        story.do("assign a assigned_to=officer")
        story.router.caught_up(yes=True)
        story.until(1)
        assert story.told == ["0 sms officer escalated a"]

    def test_one_whose_place_does_not_notify_any_more_is_told_to_nobody(self) -> None:
        """Its steps did not come here any more; it is gone when the backlog is caught up."""
        story = self.backlog()
        del story.alerts["a"]
        story.router.caught_up(yes=True)
        story.until(5)
        assert story.told == []


def test_a_robot_that_refuses_is_no_lost_notification(tmp_path: Path) -> None:
    """Decide hands the refusal to routing, which calls the next step; an alarm is for what nobody is told instead."""
    script = Script()
    people = [{"id": "officer", "role": "officer"}]
    channels: list[dict[str, Any]] = [{"name": "robot", "kind": "dingtalk"}, {"name": "sms", "personal": True}]
    script.begin(channels=channels, routing=f"routing: r\nversion: '1'\n{TO_ROBOT}\n")
    script.other(Kind.REGISTRY, changes=changes({"people": people}))
    script.other(Kind.CAUGHT_UP)
    for _ in range(2):
        script.now += 1000
        script.reading("wq-1", script.now, ph=11.0)
    decided = Decided(tmp_path)
    decided.decide(script.records)
    (row,) = decided.rows(state.outbox)
    script.other(Kind.DELIVERY, **{"for": [row["offset"], row["n"]], "outcome": "refused", "tries": 1})
    decided.decide(script.records[decided.cursor + 1 :])
    told = [(one["channel"], one["person"], one["event"]) for one in decided.rows(state.outbox)]
    assert told == [("robot", "", "fired"), ("sms", "officer", "escalated")]
    assert {one["rule"] for one in decided.rows(state.alerts)} == {"ph-outside"}
