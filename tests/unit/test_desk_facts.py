"""What the desk knows of an alert, and what is known of the desk: facts, rows, dumps, alarms of the gateway."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.actions import ActError
from alerts.desk import Desk, causes_first
from alerts.inhibit import Inhibit, Side
from tests.support.desk_story import HOUR, MINUTE, Story, subject

FIRED = "fired pending>active bad_readings told"


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
    assert rebind() == ["fired active>active place_accepted told"], "its calls were stopped meanwhile"
    assert rebind(place="other", notify=False) == []
    assert story.alert().notify


def test_what_fired_anew_at_a_place_on_trial_is_told_when_it_is_accepted() -> None:
    """Also where its earlier turn was told."""
    story = Story()
    story.on()
    story.off()
    assert story.desk.rebind(subject(notify=False), 0) == []
    assert story.on(about=subject(notify=False)) == ["fired returned>active bad_readings"]
    assert story.short(story.desk.rebind(subject(), 0)) == ["fired active>active place_accepted told"]


PLACE_CHANGED = "commented {0}>{0} place_changed"


@pytest.mark.parametrize(
    ("deeds", "expected"),
    [
        ([], "fired active>active place_changed told"),
        (["ack"], PLACE_CHANGED.format("acknowledged")),
        (["off"], PLACE_CHANGED.format("returned")),
        (["shelve"], PLACE_CHANGED.format("shelved")),
        (["close"], PLACE_CHANGED.format("closed")),
        (["off", "ack"], ""),
    ],
)
def test_an_alert_goes_with_its_place_to_another_unit(deeds: list[str], expected: str) -> None:
    """Of one that stands and nobody took, the new unit is told; all others that are not over are written anew."""
    args: dict[str, dict[str, Any]] = {"shelve": {"for_ms": HOUR}, "close": {"reason": "resolved"}}
    story = Story()
    story.on(reopen_ms=HOUR)
    for deed in deeds:
        story.off(reopen_ms=HOUR) if deed == "off" else story.act(deed, **args.get(deed, {}))
    new = subject(unit="v", grid="h")
    assert story.short(story.desk.rebind(new, 0)) == [expected] * bool(expected)
    if expected:
        alert = story.steps[0].alert
        assert (alert.unit, alert.grid, story.steps[0].comment) == ("v", "h", "unit: u > v, grid: g/s > h")
    assert story.desk.rebind(new, 0) == []
    story.on(about=new, reopen_ms=HOUR)
    assert story.alert().unit == "v"


def test_another_part_of_the_grid_is_no_reason_to_call_again() -> None:
    """The unit is the same; the row says the new path."""
    story = Story()
    story.on()
    assert story.short(story.desk.rebind(subject(grid="h"), 0)) == [PLACE_CHANGED.format("active")]
    assert story.steps[0].alert.grid == "h"


def test_at_a_place_on_trial_another_unit_is_told_nothing() -> None:
    """And when it is accepted it is told once, in the name of the unit that has it then."""
    story = Story()
    story.on(about=subject(notify=False))
    assert story.short(story.desk.rebind(subject(notify=False, unit="v"), 0)) == [PLACE_CHANGED.format("active")]
    assert story.short(story.desk.rebind(subject(unit="x"), 0)) == ["fired active>active place_accepted told"]
    assert story.steps[0].alert.unit == "x"


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
