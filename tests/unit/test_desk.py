"""Stories of the desk: what happens to an alert from its firing to its end, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from alerts.actions import ActError
from alerts.alert import Alert, Step
from alerts.change import Change
from alerts.desk import Desk, causes_first
from alerts.inhibit import Inhibit, Side
from devices.observation import Subject

MINUTE = 60_000
HOUR = 60 * MINUTE


def subject(device: str = "d1", parameter: str = "ph", **facts: Any) -> Subject:
    """A channel of a device, or without a parameter the device itself; its place is ``p-DEVICE``."""
    facts = {"place": f"p-{device}", "unit": "u", "grid": "g/s", **facts}
    return Subject(f"{device}/-/{parameter}", device=device, parameter=parameter, parameter_unit="", **facts)


class Story:
    """A desk and a clock in minutes. Each thing done returns its steps in short: ``EVENT FROM>TO REASON [told]``."""

    def __init__(self, **bounds: int) -> None:
        self.desk = Desk(**bounds)
        self.now = 0
        self.steps: list[Step] = []
        self._ids = count(1)
        self._offset = count(100)

    def mint(self) -> str:
        """a1, a2, ... in the order of firing."""
        return f"a{next(self._ids)}"

    def at(self, minute: float) -> list[str]:
        """Time goes on to this minute."""
        self.now = int(minute * MINUTE)
        return self.short(self.desk.tick(self.now))

    def change(self, rule: str, *, on: bool, about: Subject | None = None, **facts: Any) -> Change:
        """A turn of a condition now."""
        known: dict[str, Any] = {
            "severity": "warning",
            "kind": "limit",
            "reason": "bad_readings" if on else "back_in_limits",
        }
        known |= {"value": 9.5 if on else 7.0, "limit_value": 8.5, "since": self.now, "ts": self.now, "at": self.now}
        return Change(on=on, rule=rule, pack="p", digest="x", subject=about or subject(), **(known | facts))

    def on(self, rule: str = "high", about: Subject | None = None, **facts: Any) -> list[str]:
        """A condition holds."""
        return self.take(self.change(rule, about=about, on=True, **facts))

    def off(self, rule: str = "high", about: Subject | None = None, **facts: Any) -> list[str]:
        """And holds no longer."""
        return self.take(self.change(rule, about=about, on=False, **facts))

    def take(self, change: Change) -> list[str]:
        """The desk takes a change."""
        return self.short(self.desk.changed(change, next(self._offset), self.mint))

    def act(self, command: str, by: str = "account:li", **args: Any) -> list[str]:
        """A person does something; alerts are a1 if not said."""
        if command.startswith("maintenance."):
            name, args = command, {"device": "d1", **args}
        else:
            name, args = f"alerts.{command}", {"id": "a1", **args}
        return self.short(self.desk.act(name, args, by, self.now, next(self._offset)))

    def alert(self, name: str = "a1") -> Alert:
        """An alert that the desk knows."""
        return self.desk.open[name]

    def short(self, steps: list[Step]) -> list[str]:
        """Steps in short."""
        self.steps = steps
        return [
            f"{step.event} {step.from_state}>{step.to_state} {step.reason}{' told' if step.tell else ''}"
            for step in steps
        ]


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


def test_an_alert_says_what_it_is_about() -> None:
    """Facts of the subject, numbers of the condition, times of both clocks, and the record that fired it."""
    story = Story()
    story.at(3)
    story.on(about=subject(place_kind="network"), since=1000, ts=2000, early_of="x", reopen_ms=7)
    alert = story.alert()
    assert (alert.id, alert.rule, alert.pack, alert.severity, alert.state) == ("a1", "high", "p", "warning", "active")
    assert (alert.place, alert.unit, alert.grid, alert.place_kind) == ("p-d1", "u", "g/s", "network")
    assert (alert.value, alert.limit_value, alert.since, alert.fired_at) == (9.5, 8.5, 1000, 3 * MINUTE)
    assert (alert.offset, alert.pack_digest, alert.kind, alert.told) == (100, "x", "limit", True)
    step = story.steps[0]
    assert (step.by, step.at, step.ts) == ("rule:p/high", 3 * MINUTE, 2000)
    story.at(4)
    story.off()
    assert (alert.cleared_at, alert.value, alert.reason) == (4 * MINUTE, 7.0, "back_in_limits")
    assert step.alert.state == "active"


def test_every_step_carries_who_why_words_and_file() -> None:
    """A person acts for oneself or another one, says something and hands in a file."""
    story = Story()
    story.on()
    story.at(1)
    args = {"id": "a1", "by": "wang", "comment": "seen on site", "file": "a" * 64}
    story.desk.act("alerts.ack", args, "account:li", MINUTE, 5)
    alert = story.alert()
    assert (alert.acknowledged_by, alert.acknowledged_at) == ("person:wang", MINUTE)
    (step,) = story.desk.act(
        "alerts.close",
        {"id": "a1", "reason": "instrument_fault", "comment": "probe", "file": "b" * 64},
        "account:li",
        2 * MINUTE,
        6,
    )
    assert (step.by, step.comment, step.file, step.reason) == ("account:li", "probe", "b" * 64, "instrument_fault")
    assert (alert.closed_at, alert.closed_by) == (2 * MINUTE, "account:li")


def test_a_device_at_another_place_is_another_alert() -> None:
    """Also where nobody said that the old place was left: what waited there ends, what was closed is forgotten."""
    story = Story()
    story.on()
    story.off()
    assert story.on(about=subject(place="q")) == ["closed returned>closed moved told", FIRED]
    assert list(story.desk.open) == ["a2"]
    story.act("close", id="a2", reason="resolved")
    story.off(about=subject(place="q"))
    story.on(about=subject(place="q"), reopen_ms=HOUR)
    story.act("close", id="a3", reason="resolved")
    story.off(about=subject(place="q"), reopen_ms=HOUR)
    assert story.on(about=subject(place="r")) == [FIRED]
    assert list(story.desk.open) == ["a4"]


def test_the_registry_takes_places_in_and_out() -> None:
    """Service holds and releases; acceptance makes heard what stands."""
    story = Story()
    story.on(about=subject(notify=False))

    def rebind(**facts: Any) -> list[str]:
        return story.short(story.desk.rebind(subject(**facts), story.now))

    assert rebind(notify=False) == []
    assert rebind() == ["fired active>active place_accepted told"]
    assert rebind(service=False) == ["out_of_service active>out_of_service place_out_of_service told"]
    assert rebind() == ["in_service out_of_service>active place_in_service told"]
    assert rebind(notify=False) == []
    assert rebind() == []
    assert rebind(place="other", notify=False) == []
    assert story.alert().notify


def test_alarms_of_the_gateway_are_alerts_like_all_others() -> None:
    """One that stands, one that happened once, and both wait for a person."""
    story = Story()

    def alarm(name: str, on: bool | None) -> list[str]:
        return story.short(story.desk.alarm(name, on, "critical", story.now, 7, story.mint))

    assert alarm("disk_full", on=True) == ["fired pending>active gateway_alarm told"]
    assert alarm("disk_full", on=True) == []
    assert alarm("disk_full", on=False) == ["cleared active>returned gateway_well told"]
    assert alarm("disk_full", on=False) == []
    once = ["fired pending>active gateway_alarm told", "cleared active>returned gateway_well"]
    assert alarm("session_lost", on=None) == once
    assert alarm("session_lost", on=None) == [once[0].replace("pending", "returned"), once[1]]
    alert = story.alert("a2")
    assert (alert.key, alert.device, alert.pack, alert.rule) == (
        "gateway/session_lost",
        "gateway",
        "gateway",
        "session_lost",
    )
    assert story.act("ack", id="a2") == ["acknowledged returned>closed seen told"]
    assert list(story.desk.open) == ["a1"]


def test_an_alarm_that_is_only_shown_tells_nobody() -> None:
    """Such as that the sending of messages itself is dead."""
    story = Story()
    steps = story.desk.alarm("outbox_dead", on=True, severity="critical", at=0, offset=1, mint=story.mint, tell=False)
    assert [step.tell for step in steps] == [False]


def test_closed_alerts_are_forgotten() -> None:
    """After the time in which they may re-open, so that memory stays flat; until then they are found."""
    story = Story()
    story.on(reopen_ms=10 * MINUTE)
    story.act("ack")
    story.off()
    assert story.act("comment", comment="for the record") == ["commented closed>closed remark"]
    assert story.desk.due == 10 * MINUTE
    story.at(10)
    assert story.desk.open == {}
    with pytest.raises(ActError, match="alert a1 is not known, or closed too long ago") as refused:
        story.act("comment", comment="too late")
    assert refused.value.status == 404


def test_sessions_are_rows() -> None:
    """Opened, prolonged and closed: one row by its key, as it is after each."""
    story = Story()
    story.act("maintenance.open", kind="calibrate", for_ms=HOUR, comment="buffer 7")
    story.at(10)
    story.act("maintenance.open", kind="calibrate", for_ms=HOUR)
    assert story.desk.sessions["d1"].until == 70 * MINUTE
    story.at(20)
    story.act("maintenance.open", kind="calibrate", for_ms=MINUTE)
    story.at(70)
    rows = story.desk.take_sessions()
    assert [(row.offset, row.until, row.closed_at, row.closed_by) for row in rows] == [
        (100, 60 * MINUTE, None, None),
        (100, 70 * MINUTE, None, None),
        (100, 70 * MINUTE, None, None),
        (100, 70 * MINUTE, 70 * MINUTE, "time"),
    ]
    assert {(row.device, row.kind, row.opened_at, row.opened_by, row.comment) for row in rows} == {
        ("d1", "calibrate", 0, "account:li", "buffer 7")
    }
    assert story.desk.take_sessions() == []
    assert story.desk.sessions == {}


def test_causes_come_before_what_they_explain() -> None:
    """Of one record: what is over first, then the silent device, the worse before the lesser, early warnings last."""
    story = Story()
    early = story.change("high.early", on=True, early_of="high")
    high = story.change("high", on=True, severity="critical")
    absent = story.change("absent", on=True, kind="absent")
    silent = story.change("silent", on=True, about=subject(parameter=""), kind="silent")
    over = story.change("low", on=False)
    assert causes_first([early, absent, high, silent, over]) == [over, silent, high, absent, early]
    twice = [story.change("low", on=True), over]
    assert causes_first(twice) == twice


def test_what_waits_is_known_from_the_dump_alone() -> None:
    """Sessions, shelves and the entries of the routing file are in it."""
    story = Story()
    story.desk.use([Inhibit(Side(kinds=("silent",)), Side(), ("place",))], 0)
    story.on()
    story.act("maintenance.open", kind="clean", for_ms=HOUR)
    desk = Desk()
    desk.load(story.desk.dump())
    assert desk.use([Inhibit(Side(kinds=("silent",)), Side(), ("place",))], 0) == []
    assert desk.due == story.desk.due == HOUR
    assert [step.to_state for step in desk.tick(HOUR)] == ["active"]
