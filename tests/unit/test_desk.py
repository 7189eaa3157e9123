"""Stories of the desk: what happens to an alert from its firing to its end, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts.desk import Desk
from tests.support.desk_story import HOUR, MINUTE, Story, subject

Deed = Callable[[Story], list[str]]
FIRED = "fired pending>active bad_readings told"


def ack(**args: Any) -> Deed:
    """Acknowledge."""
    return lambda story: story.act("ack", **args)


def close(**args: Any) -> Deed:
    """Close as resolved."""
    return lambda story: story.act("close", **{"reason": "resolved", **args})


def on(**facts: Any) -> Deed:
    """The condition holds."""
    return lambda story: story.on(**facts)


def off(**facts: Any) -> Deed:
    """The condition is over."""
    return lambda story: story.off(**facts)


def act(command: str, **args: Any) -> Deed:
    """Some other command."""
    return lambda story: story.act(command, **args)


def time(story: Story) -> list[str]:
    """Nothing but the minute; what it brings is what ``at`` returned."""
    return story.at(story.now / MINUTE)


STORIES: dict[str, list[tuple[float, Deed, list[str]]]] = {
    "over before anybody looked": [
        (1, on(), [FIRED]),
        (2, on(), []),
        (5, off(), ["cleared active>returned back_in_limits told"]),
        (6, off(), []),
        (9, ack(), ["acknowledged returned>closed seen told"]),
    ],
    "taken, then over": [
        (1, on(), [FIRED]),
        (2, ack(), ["acknowledged active>acknowledged seen told"]),
        (3, ack(), []),
        (5, off(), ["cleared acknowledged>closed back_in_limits told"]),
    ],
    "the same again before anybody looked is the same alert": [
        (1, on(), [FIRED]),
        (2, off(), ["cleared active>returned back_in_limits told"]),
        (3, on(), ["fired returned>active bad_readings told"]),
    ],
    "the same again soon after it was closed re-opens it": [
        (1, on(reopen_ms=10 * MINUTE), [FIRED]),
        (2, ack(), ["acknowledged active>acknowledged seen told"]),
        (3, off(), ["cleared acknowledged>closed back_in_limits told"]),
        (12.9, on(reopen_ms=10 * MINUTE), ["fired closed>active recurred told"]),
    ],
    "and later is a new one": [
        (1, on(reopen_ms=10 * MINUTE), [FIRED]),
        (2, ack(), ["acknowledged active>acknowledged seen told"]),
        (3, off(), ["cleared acknowledged>closed back_in_limits told"]),
        (13, on(reopen_ms=10 * MINUTE), [FIRED]),
    ],
    "without a time for it every recurrence is a new one": [
        (1, on(), [FIRED]),
        (2, close(), ["closed active>closed resolved told"]),
        (3, off(), ["cleared closed>closed back_in_limits"]),
        (4, on(), [FIRED]),
    ],
    "closed while its cause stands, it is back after an hour": [
        (1, on(), [FIRED]),
        (2, close(reason="false_alarm"), ["closed active>closed false_alarm told"]),
        (61.9, time, []),
        (62, time, ["fired closed>active still_standing told"]),
    ],
    "closed while its cause stands, the rule may say another time": [
        (1, on(reopen_ms=5 * MINUTE), [FIRED]),
        (2, close(), ["closed active>closed resolved told"]),
        (7, time, ["fired closed>active still_standing told"]),
    ],
    "a latching one stays until a person closes it": [
        (1, on(latching=True), [FIRED]),
        (2, off(latching=True), ["cleared active>latched back_in_limits told"]),
        (3, ack(), ["acknowledged latched>latched seen told"]),
        (4, close(), ["closed latched>closed resolved told"]),
    ],
    "a latching one that was taken stays too, and fires again": [
        (1, on(latching=True), [FIRED]),
        (2, ack(), ["acknowledged active>acknowledged seen told"]),
        (3, off(latching=True), ["cleared acknowledged>latched back_in_limits told"]),
        (4, on(latching=True), ["fired latched>active bad_readings told"]),
    ],
    "shelved for a time": [
        (1, on(), [FIRED]),
        (2, act("shelve", for_ms=10 * MINUTE), ["shelved active>shelved shelved_for_time told"]),
        (4, off(), ["cleared shelved>shelved back_in_limits"]),
        (5, on(), ["fired shelved>shelved bad_readings"]),
        (11.9, time, []),
        (12, time, ["unshelved shelved>active shelf_over told"]),
    ],
    "over while on the shelf": [
        (1, on(), [FIRED]),
        (2, act("shelve", for_ms=10 * MINUTE), ["shelved active>shelved shelved_for_time told"]),
        (4, off(), ["cleared shelved>shelved back_in_limits"]),
        (12, time, ["closed shelved>closed shelf_over told"]),
    ],
    "shelved until it is over": [
        (1, on(), [FIRED]),
        (2, act("shelve", one_shot=True), ["shelved active>shelved shelved_once told"]),
        (9, off(), ["cleared shelved>closed back_in_limits told"]),
    ],
    "shelved until it is over, and it is never over": [
        (1, on(), [FIRED]),
        (2, act("shelve", one_shot=True), ["shelved active>shelved shelved_once told"]),
        (2 + 24 * 60, time, ["unshelved shelved>active shelf_over told"]),
    ],
    "taken from the shelf by hand it is what it was": [
        (1, on(), [FIRED]),
        (2, ack(), ["acknowledged active>acknowledged seen told"]),
        (3, act("shelve", for_ms=HOUR), ["shelved acknowledged>shelved shelved_for_time told"]),
        (4, act("shelve", for_ms=2 * HOUR), ["shelved shelved>shelved shelved_for_time"]),
        (5, act("unshelve"), ["unshelved shelved>acknowledged by_hand told"]),
    ],
    "on the shelf an acknowledgement is kept, and its end asks anew": [
        (1, on(), [FIRED]),
        (3, act("shelve", for_ms=HOUR), ["shelved active>shelved shelved_for_time told"]),
        (4, ack(), ["acknowledged shelved>shelved seen told"]),
        (63, time, ["unshelved shelved>active shelf_over told"]),
    ],
    "shelved while it is over": [
        (1, on(), [FIRED]),
        (2, off(), ["cleared active>returned back_in_limits told"]),
        (3, act("shelve", for_ms=HOUR), ["shelved returned>shelved shelved_for_time told"]),
        (63, time, ["unshelved shelved>returned shelf_over told"]),
    ],
    "out of service by hand, without an end": [
        (1, on(), [FIRED]),
        (2, act("out_of_service", comment="probe ordered"), ["out_of_service active>out_of_service taken_out told"]),
        (3, act("out_of_service", comment="probe ordered"), []),
        (4, off(), ["cleared out_of_service>out_of_service back_in_limits"]),
        (9999, on(), ["fired out_of_service>out_of_service bad_readings"]),
        (10000, act("in_service"), ["in_service out_of_service>active by_hand told"]),
    ],
    "over while out of service": [
        (1, on(), [FIRED]),
        (2, act("out_of_service", comment="x"), ["out_of_service active>out_of_service taken_out told"]),
        (4, off(), ["cleared out_of_service>out_of_service back_in_limits"]),
        (5, act("in_service"), ["closed out_of_service>closed by_hand told"]),
    ],
    "a place out of service": [
        (1, on(about=subject(service=False)), ["fired pending>out_of_service bad_readings"]),
        (2, off(), ["cleared out_of_service>closed back_in_limits"]),
    ],
    "a place that is not accepted": [
        (1, on(about=subject(notify=False)), ["fired pending>active bad_readings"]),
        (2, ack(), ["acknowledged active>acknowledged seen"]),
        (3, off(), ["cleared acknowledged>closed back_in_limits"]),
    ],
    "over for good": [
        (1, on(reopen_ms=HOUR), [FIRED]),
        (2, off(reason="moved"), ["cleared active>closed moved told"]),
        (3, on(reopen_ms=HOUR), [FIRED]),
    ],
    "over for good while held": [
        (1, on(), [FIRED]),
        (2, act("shelve", one_shot=True), ["shelved active>shelved shelved_once told"]),
        (3, off(reason="rule_not_applicable"), ["cleared shelved>closed rule_not_applicable told"]),
    ],
    "remarks and responsibility move nothing": [
        (1, on(), [FIRED]),
        (2, act("comment", comment="on my way"), ["commented active>active remark"]),
        (3, act("assign", to="wang"), ["assigned active>active handed_over told"]),
        (4, act("assign", to="wang"), []),
        (5, act("assign", to=""), ["assigned active>active handed_over told"]),
    ],
    "a session holds what stands, and what comes": [
        (1, on(), [FIRED]),
        (2, act("maintenance.open", kind="clean", for_ms=HOUR), ["suppressed active>suppressed maintenance told"]),
        (3, on(rule="low"), ["fired pending>suppressed bad_readings"]),
        (4, off(rule="low"), ["cleared suppressed>suppressed back_in_limits"]),
        (
            5,
            act("maintenance.close"),
            [
                "unsuppressed suppressed>active maintenance_over told",
                "closed suppressed>closed maintenance_over",
            ],
        ),
    ],
    "a session that nobody closes": [
        (1, on(), [FIRED]),
        (2, act("maintenance.open", kind="repair", for_ms=HOUR), ["suppressed active>suppressed maintenance told"]),
        (30, act("maintenance.open", kind="repair", for_ms=HOUR), []),
        (62, time, []),
        (90, time, ["unsuppressed suppressed>active maintenance_over told"]),
    ],
    "a session does not touch what waits to be looked at": [
        (1, on(), [FIRED]),
        (2, off(), ["cleared active>returned back_in_limits told"]),
        (3, act("maintenance.open", kind="clean", for_ms=HOUR), []),
        (4, on(), ["fired returned>suppressed bad_readings"]),
        (5, off(), ["cleared suppressed>suppressed back_in_limits"]),
        (6, act("maintenance.close"), ["unsuppressed suppressed>returned maintenance_over told"]),
    ],
    "what latched before the session is latched after it": [
        (1, on(latching=True), [FIRED]),
        (2, act("maintenance.open", kind="clean", for_ms=HOUR), ["suppressed active>suppressed maintenance told"]),
        (3, off(latching=True), ["cleared suppressed>suppressed back_in_limits"]),
        (4, act("maintenance.close"), ["unsuppressed suppressed>latched maintenance_over told"]),
    ],
    "what only fired in the session does not latch": [
        (1, act("maintenance.open", kind="clean", for_ms=HOUR), []),
        (2, on(latching=True), ["fired pending>suppressed bad_readings"]),
        (3, off(latching=True), ["cleared suppressed>suppressed back_in_limits"]),
        (4, act("maintenance.close"), ["closed suppressed>closed maintenance_over"]),
    ],
    "holds one in the other": [
        (1, on(), [FIRED]),
        (2, act("shelve", for_ms=HOUR), ["shelved active>shelved shelved_for_time told"]),
        (3, act("maintenance.open", kind="clean", for_ms=3 * HOUR), []),
        (4, act("out_of_service", comment="x"), ["out_of_service shelved>out_of_service taken_out"]),
        (5, act("in_service"), ["in_service out_of_service>shelved by_hand"]),
        (62, time, ["unshelved shelved>suppressed shelf_over"]),
        (63, act("maintenance.close"), ["unsuppressed suppressed>active maintenance_over told"]),
    ],
    "closed in a session, and its cause stands": [
        (1, act("maintenance.open", kind="outage", for_ms=24 * HOUR), []),
        (2, on(), ["fired pending>suppressed bad_readings"]),
        (3, close(reason="maintenance"), ["closed suppressed>closed maintenance"]),
        (63, time, ["fired closed>suppressed still_standing"]),
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_of_one_alert(name: str) -> None:
    """What is done in a minute, what comes of it, and who may hear of it; a restart in between changes nothing."""
    story, again = Story(), Story()
    for minute, deed, expected in STORIES[name]:
        seen = story.at(minute) + (deed(story) if deed is not time else [])
        assert seen == expected
        state = again.desk.dump()
        again.desk = Desk()
        again.desk.load(state)
        assert again.at(minute) + (deed(again) if deed is not time else []) == expected
    assert story.desk.dump() == again.desk.dump()
