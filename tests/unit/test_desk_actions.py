"""What operators may do to alerts and devices, and the words for what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.actions import COMMANDS, ActError
from alerts.change import Change
from alerts.desk import Desk
from alerts.lifecycle import CLOSE_REASONS
from alerts.sessions import FLAG_OF_WORK, Work
from devices.observation import Subject

HOUR = 3_600_000
ALL_AT_ONCE = (
    "comment: 2001 characters; at most 2000; device: gateway is not a device; kind: sleep is not known; "
    "allowed: clean, calibrate, comparison, repair, outage; for_ms: 1; allowed: 60000 to 604800000"
)
NO_ID = "is not the id of a person; allowed: letters, digits, _ . -, 1 to 64"
LI, WANG = "account:li", "account:wang"


def desk_with(*deeds: str) -> Desk:
    """A desk with alert a1 (condition ``high`` of d1) after some deeds, each by Li."""
    desk = Desk()
    turn(desk, on=True)
    for deed in deeds:
        if deed == "over":
            turn(desk, on=False)
        else:
            command, _, words = deed.partition(" ")
            desk.act(command, {"id": "a1"} | dict(pair.split("=") for pair in words.split()), LI, 10, 2)
    return desk


def turn(desk: Desk, *, on: bool) -> None:
    """The condition holds, or holds no longer."""
    change = Change(
        on=on,
        rule="high",
        pack="p",
        digest="x",
        severity="major",
        kind="limit",
        subject=Subject("d1/-/ph", device="d1", parameter="ph", place="p1", service=True),
        value=9.0,
        limit_value=8.5,
        since=5,
        ts=5,
        at=5,
        reason="bad_readings" if on else "back_in_limits",
        latching=False,
    )
    desk.changed(change, 1, lambda: "a1")


def refusal(desk: Desk, command: str, by: str = LI, /, **args: Any) -> tuple[int, str]:
    """Status and words of a command that is refused; it changes nothing."""
    before = desk.dump()
    with pytest.raises(ActError) as refused:
        desk.act(command, args, by, 20, 3)
    assert desk.dump() == before
    return refused.value.status, refused.value.words


@pytest.mark.parametrize(
    ("command", "args", "words"),
    [
        ("alerts.mute", {}, f"command: alerts.mute is not known; allowed: {', '.join(COMMANDS)}"),
        ("alerts.ack", {}, "id: missing"),
        ("alerts.ack", {"id": 7}, "id: 7 is not a text"),
        ("alerts.ack", {"id": "a1", "for_ms": 1}, "for_ms: not taken by alerts.ack"),
        ("alerts.close", {"id": "a1"}, "reason: missing"),
        (
            "alerts.close",
            {"id": "a1", "reason": "bored"},
            f"reason: bored is not known; allowed: {', '.join(CLOSE_REASONS)}",
        ),
        ("alerts.close", {"id": "a1", "reason": "other"}, "comment: missing; the reason other needs one"),
        (
            "alerts.close",
            {"id": "a1", "reason": "other", "comment": " "},
            "comment: missing; the reason other needs one",
        ),
        (
            "alerts.close",
            {"id": "a1", "reason": "resolved", "file": "F" * 64},
            "file: not a SHA-256 of 64 hexadecimal digits in small letters",
        ),
        ("alerts.shelve", {"id": "a1"}, "for_ms: missing; or one_shot: true, until the condition is over"),
        ("alerts.shelve", {"id": "a1", "for_ms": 24 * HOUR + 1}, "for_ms: 86400001; allowed: 1 to 86400000"),
        ("alerts.shelve", {"id": "a1", "for_ms": -1}, "for_ms: -1; allowed: 1 to 86400000"),
        ("alerts.shelve", {"id": "a1", "for_ms": True}, "for_ms: True is not int"),
        ("alerts.shelve", {"id": "a1", "one_shot": 1}, "one_shot: 1 is not bool"),
        ("alerts.comment", {"id": "a1", "comment": ""}, "comment: missing"),
        ("alerts.comment", {"id": "a1", "comment": "x" * 2001}, "comment: 2001 characters; at most 2000"),
        ("alerts.assign", {"id": "a1"}, "to: missing"),
        ("alerts.out_of_service", {"id": "a1"}, "comment: missing"),
        ("maintenance.open", {}, "device: missing; for_ms: missing; kind: missing"),
        (
            "maintenance.open",
            {"device": "gateway", "kind": "sleep", "for_ms": 1, "comment": "x" * 2001},
            ALL_AT_ONCE,
        ),
        ("maintenance.close", {"device": "d1", "id": "a1"}, "id: not taken by maintenance.close"),
        ("alerts.out_of_service", {"id": "a1", "comment": " "}, "comment: missing"),
        ("alerts.ack", {"id": "x" * 129}, "id: 129 characters; at most 128"),
        ("maintenance.close", {"device": "x" * 129}, "device: 129 characters; at most 128"),
        ("alerts.ack", {"id": ["a1"], "comment": {}}, "comment: an object is not a text; id: a list is not a text"),
        ("alerts.ack", {"id": 10**5000}, "id: a number of more than 63 bits is not a text"),
        (
            "alerts.shelve",
            {"id": "a1", "for_ms": 10**400},
            "for_ms: a number of more than 63 bits; allowed: 1 to 86400000",
        ),
        ("alerts.ack", {"id": "a1", "by": "Wang Wei 13800138000"}, f"by: Wang Wei 13800138000 {NO_ID}"),
        ("alerts.ack", {"id": "a1", "by": "x" * 65}, f"by: {'x' * 60}… {NO_ID}"),
        ("alerts.assign", {"id": "a1", "to": "person:p-7"}, f"to: person:p-7 {NO_ID}"),
        ("alerts.ack", {"id": "a1", "comment": "\ud800"}, "comment: not Unicode text"),
        ("alerts.ack", {"id": "a1", "link": "12"}, "link: 12; allowed: offset and number of a message"),
        ("alerts.ack", {"id": "a1", "link": [1, -2]}, "link: a list; allowed: offset and number of a message"),
        ("alerts.ack", {"id": "a1", "\n": 1, "": 2}, r"'\n': not taken by alerts.ack; '': not taken by alerts.ack"),
    ],
)
def test_wrong_arguments_are_named_all_at_once(command: str, args: dict[str, Any], words: str) -> None:
    """Field, value and what is allowed; nothing is done."""
    assert refusal(desk_with(), command, **args) == (422, words)


@pytest.mark.parametrize(
    ("deeds", "command", "args", "words"),
    [
        (["alerts.ack"], "alerts.ack", {}, "alert a1 is acknowledged: already acknowledged by account:li"),
        (
            ["alerts.close reason=resolved"],
            "alerts.ack",
            {},
            "alert a1 is closed: already closed by account:li; allowed: comment",
        ),
        (
            ["alerts.close reason=resolved"],
            "alerts.close",
            {"reason": "duplicate"},
            "alert a1 is closed: already closed by account:li; allowed: comment",
        ),
        (
            ["alerts.close reason=resolved"],
            "alerts.assign",
            {"to": "wang"},
            "alert a1 is closed: already closed by account:li; allowed: comment",
        ),
        (
            ["alerts.close reason=resolved"],
            "alerts.shelve",
            {"for_ms": 1},
            "alert a1 is closed and cannot be shelved; allowed in: active, acknowledged, returned, shelved",
        ),
        (
            ["over"],
            "alerts.shelve",
            {"one_shot": True},
            "alert a1 is returned: it is over already; allowed: for_ms in place of one_shot",
        ),
        ([], "alerts.unshelve", {}, "alert a1 is active and cannot be unshelved; allowed in: shelved"),
        (
            ["alerts.out_of_service comment=x"],
            "alerts.shelve",
            {"for_ms": 1},
            "alert a1 is out_of_service and cannot be shelved; allowed in: active, acknowledged, returned, shelved",
        ),
        (
            ["alerts.out_of_service comment=x"],
            "alerts.out_of_service",
            {"comment": "y"},
            "alert a1 is out_of_service: already by account:li; allowed: in_service",
        ),
        (
            [],
            "alerts.in_service",
            {},
            "alert a1 is active and cannot be taken into service; allowed in: out_of_service",
        ),
        ([], "maintenance.close", {"device": "d1"}, "no maintenance session is open for device d1"),
    ],
)
def test_what_is_not_possible_now_names_the_state(
    deeds: list[str], command: str, args: dict[str, Any], words: str
) -> None:
    """And what is allowed, or who was first."""
    if command.startswith("alerts."):
        args = {"id": "a1"} | args
    assert refusal(desk_with(*deeds), command, WANG, **args) == (409, words)


def test_a_place_out_of_service_is_not_for_a_person_to_end() -> None:
    """The registry says it."""
    desk = desk_with()
    desk.rebind(Subject("d1/-/ph", device="d1", parameter="ph", place="p1", service=False), 10)
    assert refusal(desk, "alerts.in_service", id="a1") == (
        409,
        "alert a1 is out_of_service because its place p1 is; allowed: when the registry says in service",
    )


def test_two_kinds_of_work_on_a_device_exclude_each_other() -> None:
    """The same kind goes on for longer instead."""
    desk = desk_with()
    desk.act("maintenance.open", {"device": "d1", "kind": "clean", "for_ms": HOUR}, LI, 10, 2)
    assert refusal(desk, "maintenance.open", WANG, device="d1", kind="repair", for_ms=HOUR) == (
        409,
        "device d1 is under clean by account:li; allowed: maintenance.close first, or clean again",
    )


def test_an_alert_that_nobody_knows() -> None:
    """Is 404, whatever is to be done to it."""
    status, words = refusal(desk_with(), "alerts.ack", id="b9")
    assert (status, words) == (404, "alert b9 is not known, or closed too long ago to be changed")


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("alerts.ack", {}),
        ("alerts.close", {"reason": "resolved"}),
        ("alerts.out_of_service", {"comment": "x"}),
        ("alerts.assign", {"to": "wang"}),
    ],
)
def test_the_same_again_by_the_same_person_changes_nothing(command: str, args: dict[str, Any]) -> None:
    """A button pressed twice, a command sent again: no second step and no error."""
    desk = desk_with()
    assert len(desk.act(command, {"id": "a1"} | args, LI, 20, 3)) == 1
    before = desk.dump()
    assert desk.act(command, {"id": "a1"} | args, LI, 30, 4) == []
    assert desk.dump() == before


def test_a_thousand_names_that_nobody_takes_are_one_short_line() -> None:
    """Ten of them are named."""
    _, words = refusal(desk_with(), "alerts.ack", id="a1", **{f"x{n}": n for n in range(1000)})
    assert words.endswith("x9: not taken by alerts.ack; 990 more names: not taken by alerts.ack")


def test_empty_arguments_are_as_if_not_given() -> None:
    """As forms send them; and what the link of a message adds is nobody's business here."""
    args = {"id": "a1", "reason": "", "comment": None, "by": None, "link": [1, 2]}
    assert len(desk_with().act("alerts.ack", args, LI, 20, 3)) == 1


def test_a_person_is_named_as_such_once() -> None:
    """With or without the prefix."""
    for by in ("wang", "person:wang"):
        (step,) = desk_with().act("alerts.ack", {"id": "a1", "by": by}, LI, 20, 3)
        assert step.by == step.alert.acknowledged_by == "person:wang"


@pytest.mark.parametrize("reason", CLOSE_REASONS)
def test_each_reason_of_the_list_closes(reason: str) -> None:
    """With a remark, which only the last one needs."""
    (step,) = desk_with().act("alerts.close", {"id": "a1", "reason": reason, "comment": "words"}, LI, 20, 3)
    assert (step.event, step.to_state, step.reason, step.alert.reason) == ("closed", "closed", reason, reason)


def test_every_state_can_be_closed() -> None:
    """No alert is a trap."""
    for deeds in ([], ["alerts.ack"], ["over"], ["alerts.out_of_service comment=x"]):
        desk = desk_with(*deeds)
        assert desk.act("alerts.close", {"id": "a1", "reason": "resolved"}, LI, 20, 3)[0].to_state == "closed"


def test_bounds_are_the_desks() -> None:
    """Whoever sets it up says how long a shelf and a session may be."""
    desk = Desk(shelf_most_ms=10, session_most_ms=70_000)
    turn(desk, on=True)
    assert refusal(desk, "alerts.shelve", id="a1", for_ms=11) == (422, "for_ms: 11; allowed: 1 to 10")
    status, words = refusal(desk, "maintenance.open", device="d1", kind="clean", for_ms=70_001)
    assert (status, words) == (422, "for_ms: 70001; allowed: 60000 to 70000")
    desk.act("alerts.shelve", {"id": "a1", "one_shot": True}, LI, 100, 3)
    assert desk.open["a1"].shelved_until == 110


def test_readings_under_work_count_as_such() -> None:
    """Calibration as C, all else as M, by HJ 212."""
    assert {work: FLAG_OF_WORK[work] for work in Work} == {
        "clean": "M",
        "calibrate": "C",
        "comparison": "M",
        "repair": "M",
        "outage": "M",
    }
