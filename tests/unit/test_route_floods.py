"""Gathering into digests: bursts, floods, provider limits, and what broadcast channels hear."""

from __future__ import annotations

from collections import Counter

import pytest

from alerts.route import ChannelInfo
from tests.route_story import HOOK, MAIL, MINUTE, SMS, Story, tell

CONTACT = "steps: [{to: unit_contact}]\nreminder: null\n"
ROBOT = ChannelInfo("robot", "dingtalk")


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        pytest.param(
            [(0, "fire a"), (0.5, "fire b"), (0.9, "fire c")],
            ["0 sms contact fired a", "1 sms contact digest b c"],
            id="the first at once, what comes within a minute as one digest",
        ),
        pytest.param(
            [(0, "fire a"), (0.5, "fire b"), (2, "fire c"), (5, "fire d"), (7, "fire e"), (30, "fire f")],
            ["0 sms contact fired a", "1 sms contact fired b", "6 sms contact digest c d", "11 sms contact fired e",
             "30 sms contact fired f"],
            id="then one every five minutes, until five minutes bring nothing",
        ),
        pytest.param(
            [(0, "fire a"), (2, "fire b"), (4, "fire c")],
            ["0 sms contact fired a", "2 sms contact fired b", "4 sms contact fired c"],
            id="alerts that come slowly come singly",
        ),
        pytest.param(
            [(0, "fire a"), (0.2, "fire b"), (0.5, "clear b")],
            ["0 sms contact fired a", "1 sms contact digest b", "1350 sms contact reminder b"],
            id="fired and cleared within one window: in the digest as returned",
        ),
        pytest.param(
            [(0, "fire a"), (0.5, "clear a")],
            ["0 sms contact fired a", "1 sms contact cleared a", "1350 sms contact reminder a"],
            id="one alert with one event is told as that event",
        ),
        pytest.param(
            [(0, "fire a"), (0.2, "fire b"), (0.5, "close b")],
            ["0 sms contact fired a", "1 sms contact digest b"],
            id="closed before its digest: told all the same",
        ),
        pytest.param(
            [(0, "fire a"), (0.5, "fire b"), (2, "fire c severity=critical"), (2.5, "fire d")],
            ["0 sms contact fired a", "1 sms contact fired b", "3 sms contact digest c d"],
            id="what is critical waits a minute and not five",
        ),
    ],
)  # fmt: skip
def test_messages_are_gathered(actions: list[tuple[float, str]], told: list[str]) -> None:
    """One receiver, by the minute."""
    assert tell(actions, 1400, CONTACT) == told


def test_a_digest_shows_alerts_as_they_stand_in_the_order_of_firing() -> None:
    """First-out first, with the state at the time of the digest."""
    story = Story(CONTACT)
    story.do("fire z")
    story.until(0.1)
    story.do("fire y")
    story.until(0.2)
    story.do("fire x")
    story.until(0.3)
    story.do("clear y")
    story.until(1)
    assert [(alert.id, alert.state) for alert in story.messages[-1].alerts] == [("y", "returned"), ("x", "active")]


def test_two_thousand_alerts_are_one_message_and_one_digest() -> None:
    """A district loses power: the first at once, one digest with all 2,000; they return: the same again."""
    story = Story("steps: [{to: unit_contact}, {to: unit_head, after: 15m}]", channels=[HOOK, SMS])
    names = [f"a{index:04}" for index in range(2000)]
    for index, name in enumerate(names):
        story.until(index / 2000 / 6)
        story.do(f"fire {name}")
    story.until(14)
    contact = [one for one in story.messages if one.person == "contact"]
    assert [one.event for one in contact] == ["fired", "digest"]
    assert [alert.id for alert in contact[1].alerts] == names
    hook = [one for one in story.messages if one.channel == "hook"]
    assert Counter(one.event for one in hook) == {"fired": 10, "digest": 1}
    assert [alert.id for alert in hook[-1].alerts] == names
    said = len(story.messages)
    for name in names:
        story.do(f"clear {name}")
    story.until(30)
    later = [one for one in story.messages[said:] if one.person == "contact"]
    assert {alert.id for one in later for alert in one.alerts} == set(names)
    assert len(later) <= 2
    assert {alert.state for alert in later[-1].alerts} == {"returned"}
    assert not [one for one in story.messages if one.person == "head"]


def test_a_slow_flood_becomes_digests() -> None:
    """Ten alerts in ten minutes are too many to be read one by one, however evenly they come."""
    story = Story(CONTACT)
    for index in range(20):
        story.until(index * 1.1)
        story.do(f"fire a{index}")
    story.until(40)
    assert [len(one.alerts) for one in story.messages[:9]] == [1] * 9
    assert len(story.messages[9:]) <= 4
    assert {alert.id for one in story.messages for alert in one.alerts} == {f"a{index}" for index in range(20)}


def test_a_webhook_hears_a_few_alerts_singly_and_at_once() -> None:
    """Programs get every event of up to ten alerts a minute as it happens, whatever the routing says."""
    names = [f"a{index}" for index in range(10)]
    actions = [(0.0, f"{verb} {name}") for verb in ("fire", "clear", "ack") for name in names]
    told = tell(actions, 5, "steps: []", channels=[HOOK])
    assert told == [f"0 hook {event} {name}" for event in ("fired", "cleared", "acknowledged") for name in names]


def test_a_webhook_hears_info_and_nights_at_once() -> None:
    """A program is not woken."""
    policy = "quiet_hours: {hours: ['09:00-19:00']}"
    assert tell([(0, "fire a severity=info")], 5, policy, channels=[HOOK]) == ["0 hook fired a"]


def test_the_eleventh_alert_waits_for_the_digest_and_so_does_what_follows() -> None:
    """The digest of a program lists all, those told singly too, and nothing overtakes it."""
    names = [f"a{index:02}" for index in range(11)]
    actions = [*[(0.0, f"fire {name}") for name in names], (0.1, "clear a10"), (0.2, "clear a00")]
    told = tell(actions, 5, "steps: []", channels=[HOOK])
    assert told == [
        *[f"0 hook fired {name}" for name in names[:10]],
        "0.2 hook cleared a00",
        f"1 hook digest {' '.join(names)}",
    ]


def test_a_group_robot_hears_everything_like_a_person() -> None:
    """First at once, then digests; an escalation is heard too."""
    told = tell([(0, "fire a"), (0.5, "fire b")], 20, channels=[ROBOT])
    assert told == ["0 robot fired a", "1 robot fired b"]
    told = tell([(0, "fire a")], 20, channels=[ROBOT, SMS])
    assert told == ["0 robot fired a", "0 sms contact fired a", "15 robot escalated a", "15 sms head escalated a"]


def test_broadcast_channels_may_be_named_with_what_they_hear() -> None:
    """``broadcast`` of the routing file; channels that are a target hear only what is routed to them."""
    policy = "steps: []\nbroadcast: [{channel: hook, match: {severities: [critical]}}]"
    assert tell([(0, "fire a"), (0, "fire b severity=critical")], 5, policy, channels=[HOOK, ROBOT]) == [
        "0 hook fired b"
    ]
    policy = "steps: [{to: {channel: robot}, after: {critical: 0s}}]"
    assert tell([(0, "fire a"), (0, "fire b severity=critical")], 5, policy, channels=[HOOK, ROBOT]) == [
        "0 hook fired a",
        "0 hook fired b",
        "0 robot fired b",
    ]


def test_what_fired_before_routing_knew_of_it_is_told_to_broadcast_channels() -> None:
    """After an upgrade the rest of an old alert is not lost."""
    story = Story(channels=[HOOK, SMS])
    story.do("fire a")
    story.router = story._new()
    story.do("ack a")
    assert story.told[2:] == ["0 hook acknowledged a"]


LIMITED = ChannelInfo("sms", "modem", personal=True, limits=[(2, 600), (3, 86_400)])


def test_a_provider_limit_delays_and_never_loses() -> None:
    """Two in ten minutes and three a day: the third waits ten minutes, the fourth a day, each with all that came."""
    actions = [(0.0, "fire a"), (2.0, "fire b"), (4.0, "fire c"), (6.0, "fire d"), (20.0, "fire e")]
    told = tell(actions, 1500, CONTACT, channels=[LIMITED])
    assert told == [
        "0 sms contact fired a", "2 sms contact fired b", "10 sms contact digest c d", "1440 sms contact fired e",
    ]  # fmt: skip


def test_a_limit_is_one_for_each_person() -> None:
    """What the contact used up, the head still has."""
    policy = "steps: [{to: [unit_contact, unit_head]}]\nreminder: null"
    told = tell(
        [(0, "fire a"), (2, "fire b")], 5, policy, channels=[ChannelInfo("sms", "m", personal=True, limits=[(1, 600)])]
    )
    assert told == ["0 sms contact fired a", "0 sms head fired a"]


def test_a_channel_closed_for_long_is_passed_over() -> None:
    """The daily limit of SMS is used up: the next alert goes by mail at once, and what becomes of it too."""
    once = ChannelInfo("sms", "modem", personal=True, limits=[(1, 86_400)])
    told = tell([(0, "fire a"), (30, "fire b"), (40, "ack b")], 60, CONTACT, channels=[once, MAIL])
    assert told == ["0 sms contact fired a", "30 mail contact fired b", "40 mail contact acknowledged b"]


def test_the_next_channel_keeps_its_limits_too() -> None:
    """A refused digest that may not go out now goes with the next one."""
    story = Story(CONTACT, channels=[SMS, ChannelInfo("mail", "mail", personal=True, limits=[(1, 600)])])
    for name in ("a", "b"):
        story.do(f"fire {name}")
        story.until(story.now / MINUTE - story.start / MINUTE + 2)
        story.fail(story.messages[-1])
    story.until(15)
    assert [line for line in story.told if "mail" in line] == ["2 mail contact fired a", "12 mail contact fired b"]
