"""Commands of operators as decide carries them out: answers, rows, links that work once, sessions, fallbacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway import state
from gateway.journal.record import Kind
from gateway.outbox import BEGINNING, Outbox
from tests.support.deciding import NOW, REGISTRY, Decided, Script, changes, decided

MINUTE = 60_000
PEOPLE = [
    {"id": "p-1", "role": "contact", "unit": "w", "channels": ["sms", "mail"]},
    {"id": "p-2", "role": "head", "unit": "w", "channels": ["mail"]},
]
CHANNELS = [
    {"name": "sms", "kind": "http-form", "personal": True},
    {"name": "mail", "kind": "email", "personal": True},
]
ROUTING = """
routing: test
version: "1"
steps: [{to: unit_contact}, {to: unit_head, after: 15m}]
"""


@pytest.fixture
def script() -> Script:
    """A place with a contact and a head, who are told by two channels; one alert fires as records 2 and 3."""
    script = Script()
    script.begin(channels=CHANNELS, routing=ROUTING)
    unit = REGISTRY["units"][0] | {"contacts": ["p-1"]}
    script.other(Kind.REGISTRY, changes=changes({"units": [unit], "people": PEOPLE}))
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    return script


def command(script: Script, name: str, who: str = "duty", **args: Any) -> int:
    """A command of an operator."""
    return script.other(Kind.COMMAND, command=name, args=args, by=who)


def answer(found: Decided, offset: int) -> dict[str, Any]:
    """What decide answered."""
    (body,) = [row["body"] for row in found.rows(state.answers) if row["offset"] == offset]
    return dict(json.loads(body))


def fired(script: Script, folder: Path) -> str:
    """The id of the alert, as it will be: decided once beforehand."""
    (row,) = decided(folder, script, "before").rows(state.alerts)
    return str(row["id"])


def told(found: Decided) -> list[tuple[str, str, str]]:
    """(event, person, channel) of every row of the outbox."""
    return [(row["event"], row["person"], row["channel"]) for row in found.rows(state.outbox)]


def test_an_acknowledged_alert_names_who_took_it_and_calls_nobody_else(tmp_path: Path, script: Script) -> None:
    """The answer is the alert; the row and the step name the person; the head is never called."""
    alert = fired(script, tmp_path)
    offset = command(script, "alerts.ack", id=alert, by="p-1", comment="on my way")
    script.now += 30 * MINUTE
    script.other(Kind.TICK)
    found = decided(tmp_path, script)
    said = answer(found, offset)
    assert said["status"] == 200
    assert (said["alert"]["state"], said["alert"]["acknowledged_by"]) == ("acknowledged", "p-1")
    step = found.rows(state.transitions)[-1]
    assert (step["event"], step["by"], step["comment"]) == ("acknowledged", "person:p-1", "on my way")
    assert ("fired", "p-1", "sms") in told(found)
    assert not [one for one in told(found) if one[1] == "p-2"]


def test_nobody_who_acknowledges_lets_the_head_be_called(tmp_path: Path, script: Script) -> None:
    """After a quarter of an hour without an acknowledgement the next of the order of call hears of it."""
    script.now += 15 * MINUTE
    script.other(Kind.TICK)
    assert told(decided(tmp_path, script)) == [("fired", "p-1", "sms"), ("escalated", "p-2", "mail")]


def test_a_refused_command_changes_nothing_and_says_why(tmp_path: Path, script: Script) -> None:
    """An unknown alert, wrong arguments and an unknown person are refused with a status and a reason."""
    alert = fired(script, tmp_path)
    unknown = command(script, "alerts.ack", id="nonsense")
    wrong = command(script, "alerts.shelve", id=alert)
    nobody = command(script, "alerts.assign", id=alert, to="p-99")
    found = decided(tmp_path, script)
    assert [answer(found, one)["status"] for one in (unknown, wrong, nobody)] == [404, 422, 422]
    assert "p-99" in answer(found, nobody)["reason"]
    assert len(found.rows(state.transitions)) == 1


def test_an_acknowledge_link_works_once(tmp_path: Path, script: Script) -> None:
    """The second use of the link of one message is refused, also where the alert could be acknowledged again."""
    alert = fired(script, tmp_path)
    row = decided(tmp_path, script, "rows").rows(state.outbox)[0]
    link = [row["offset"], row["n"]]
    first = command(script, "alerts.ack", "person:p-1", id=alert, link=link)
    again = command(script, "alerts.ack", "person:p-1", id=alert, link=link)
    found = decided(tmp_path, script)
    assert (answer(found, first)["status"], answer(found, again)["status"]) == (200, 409)
    (used,) = found.rows(state.links)
    assert (used["offset"], used["n"], used["used_by"]) == (*link, first)


def test_readings_of_a_session_count_as_maintenance_and_hold_the_alerts_of_the_device(
    tmp_path: Path, script: Script
) -> None:
    """A session suppresses what stands, bad readings meanwhile fire nothing, its end tells what still holds."""
    opened = command(script, "maintenance.open", device="wq-1", kind="clean", for_ms=60 * MINUTE)
    script.now += MINUTE
    for second in range(3):
        script.reading("wq-1", NOW + MINUTE + second * 1000, turbidity=9)
    closed = command(script, "maintenance.close", device="wq-1")
    found = decided(tmp_path, script)
    assert answer(found, opened)["session"]["kind"] == "clean"
    assert answer(found, closed)["status"] == 200
    (session,) = found.rows(state.sessions)
    assert (session["device"], session["opened_at"], session["closed_at"]) == ("wq-1", NOW, NOW + MINUTE)
    (alert,) = found.rows(state.alerts)
    assert (alert["rule"], alert["state"]) == ("ph-outside", "active")
    events = [row["event"] for row in found.rows(state.transitions)]
    assert events == ["fired", "suppressed", "unsuppressed"]


def test_a_notice_that_is_refused_goes_out_by_the_persons_next_channel(tmp_path: Path, script: Script) -> None:
    """The outcome is a record, so the fallback is decided: same alert, same person, other channel; no alarm yet."""
    row = decided(tmp_path, script, "rows").rows(state.outbox)[0]
    place = [row["offset"], row["n"]]
    script.other(Kind.DELIVERY, **{"for": place, "outcome": "refused", "words": "no number", "tries": 1})
    found = decided(tmp_path, script)
    assert told(found) == [("fired", "p-1", "sms"), ("fired", "p-1", "mail")]
    assert [row["rule"] for row in found.rows(state.alerts)] == ["ph-outside"]


def test_a_person_whom_no_channel_reaches_lets_the_next_be_called_at_once(tmp_path: Path, script: Script) -> None:
    """When the last channel fails as well, the head is called without waiting for the quarter of an hour."""
    for channel in range(2):
        row = decided(tmp_path, script, f"rows-{channel}").rows(state.outbox)[-1]
        outcome = {"for": [row["offset"], row["n"]], "outcome": "dead", "words": "", "tries": 9}
        script.other(Kind.DELIVERY, **outcome)
    assert told(decided(tmp_path, script))[-1] == ("escalated", "p-2", "mail")


def test_a_test_of_a_channel_is_a_notice_like_any_other(tmp_path: Path, script: Script) -> None:
    """It goes through the outbox, to the named person; an unknown channel or a missing person is refused."""
    sent = command(script, "alerts.test-channel", channel="sms", person="p-2")
    unknown = command(script, "alerts.test-channel", channel="pigeon")
    missing = command(script, "alerts.test-channel", channel="mail")
    found = decided(tmp_path, script)
    assert answer(found, sent)["offset_of_notice"] == sent
    assert [answer(found, one)["status"] for one in (unknown, missing)] == [422, 422]
    assert told(found)[-1] == ("test", "p-2", "sms")


def test_a_restart_from_a_snapshot_decides_the_same(tmp_path: Path, script: Script) -> None:
    """Desk, router, waiting notices, links and sessions go on where they were."""
    alert = fired(script, tmp_path)
    command(script, "maintenance.open", device="wq-2", kind="calibrate", for_ms=60 * MINUTE)
    begun = Decided(tmp_path, "restarted")
    begun.decide(script.records)
    begun.save()
    half = len(script.records)
    script.now += 16 * MINUTE
    script.other(Kind.TICK)
    command(script, "alerts.ack", "person:p-2", id=alert, link=[3, 5])
    script.now += 90 * MINUTE
    script.other(Kind.TICK)
    begun.restart(script.records[:half])
    begun.decide(script.records[half:])
    whole = decided(tmp_path, script, "whole")
    for table in (state.alerts, state.transitions, state.outbox, state.sessions, state.links, state.answers):
        assert begun.rows(table) == whole.rows(table)


def test_a_place_that_is_taken_out_of_service_holds_its_alerts_and_gives_them_back(
    tmp_path: Path, script: Script
) -> None:
    """Suspended, the open alert is out of service; accepted again while its condition stands, it is active and told."""
    place = REGISTRY["places"][0]
    script.other(Kind.REGISTRY, changes=changes({"places": [place | {"state": "suspended"}]}))
    script.other(Kind.REGISTRY, changes=changes({"places": [place]}))
    found = decided(tmp_path, script)
    assert [row["event"] for row in found.rows(state.transitions)] == ["fired", "out_of_service", "in_service"]
    assert found.rows(state.alerts)[0]["state"] == "active"


def test_a_notice_says_whom_to_call_with_the_name_and_number_of_now(tmp_path: Path, script: Script) -> None:
    """Decided is an id; delivery knows name and number, and the receiver is not told to call himself."""
    script.now += 15 * MINUTE
    script.other(Kind.TICK)
    found = decided(tmp_path, script)
    private = {"id": "p-1", "body": json.dumps({"name": {"zh": "王工", "en": "Wang"}, "phone": "13800138000"})}
    with found.engine.begin() as connection:
        connection.execute(state.people_private.insert(), private)
    outbox = Outbox(found.engine)
    rows, _ = outbox.waiting(None, frozenset(), BEGINNING, 10)
    called = [json.loads(outbox.addressed(row, "zh")[1])["told"][0].get("call", {}) for row in rows]
    assert [row.person for row in rows] == ["p-1", "p-2"]
    assert called[0].get("zh", "") == ""
    assert called[1] == {"zh": "王工 13800138000", "en": "Wang 13800138000"}
    assert all("Wang" not in row["context"] for row in found.rows(state.outbox))


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("alerts.test-channel", {"channel": ["sms"]}, "channel: a list is not a text"),
        (
            "alerts.test-channel",
            {"channel": {}, "person": 5},
            "channel: an object is not a text; person: 5 is not a text",
        ),
        ("alerts.test-channel", {"channel": "sms", "to": "p-1"}, "to: not taken by alerts.test-channel"),
        ("alerts.test-channel", {}, "channel: missing"),
        ("alerts.ack", {"id": "x", "link": "ab"}, "link: ab; allowed: offset and number of a message"),
        ("alerts.ack", {"id": "x", "link": [1]}, "link: a list; allowed: offset and number of a message"),
        ("alerts.ack", {"id": "x", "by": "p-9"}, "by: 'p-9' is no person of the registry; allowed: an id of people"),
        ("alerts.ack", {"id": "x", "by": "Wang Wei 13800138000"}, "by: Wang Wei 13800138000 is not the id of a person"),
        ("alerts.assign", {"id": "x", "to": ["p-1"]}, "to: a list is not a text"),
        (
            "maintenance.open",
            {"device": ["a"], "kind": "clean", "for_ms": 2**70},
            "device: a list is not a text; for_ms",
        ),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_in_words(
    tmp_path: Path, script: Script, name: str, args: dict[str, Any], words: str
) -> None:
    """Whatever a program sends; nothing fails, and nothing is written of it."""
    offset = script.other(Kind.COMMAND, command=name, args=args, by="u")
    found = decided(tmp_path, script)
    said = answer(found, offset)
    assert said["status"] == 422
    assert said["reason"].startswith(words)
    assert len(found.rows(state.transitions)) == 1


def test_where_no_people_are_registered_any_id_may_act(tmp_path: Path) -> None:
    """A small installation says who did it without a registry of people; a name and a number are no id."""
    script = Script()
    script.begin()
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    alert = fired(script, tmp_path)
    wrong = script.other(Kind.COMMAND, command="alerts.ack", args={"id": alert, "by": "Wang Wei"}, by="u")
    right = script.other(Kind.COMMAND, command="alerts.ack", args={"id": alert, "by": "wang.wei-7"}, by="u")
    found = decided(tmp_path, script)
    assert [answer(found, one)["status"] for one in (wrong, right)] == [422, 200]
    assert found.rows(state.alerts)[0]["acknowledged_by"] == "wang.wei-7"


def test_the_link_of_a_message_works_for_who_has_left_the_registry(tmp_path: Path, script: Script) -> None:
    """The message went out to a person."""
    alert = fired(script, tmp_path)
    offset = command(script, "alerts.ack", "person:p-gone", id=alert, by="person:p-gone", link=[3, 5])
    assert answer(decided(tmp_path, script), offset)["status"] == 200


def test_a_place_that_goes_on_trial_and_back_has_its_alerts_told_again(tmp_path: Path, script: Script) -> None:
    """The head is called a quarter of an hour after the acceptance, as for any new alert."""
    place = REGISTRY["places"][0]
    script.other(Kind.REGISTRY, changes=changes({"places": [place | {"state": "trial"}]}))
    script.now += 20 * MINUTE
    script.other(Kind.TICK)
    script.other(Kind.REGISTRY, changes=changes({"places": [place]}))
    script.now += 15 * MINUTE
    script.other(Kind.TICK)
    found = decided(tmp_path, script)
    assert [row["event"] for row in found.rows(state.transitions)] == ["fired", "fired"]
    assert told(found)[-1] == ("escalated", "p-2", "mail")
    assert [person for event, person, _ in told(found) if event == "fired"] == ["p-1", "p-1"]


def test_a_place_that_goes_to_another_unit_takes_its_alerts_along(tmp_path: Path, script: Script) -> None:
    """The contact of the new unit is called, the head of the old one is not, and the row says whose it is."""
    people = [{"id": "p-3", "role": "contact", "unit": "v", "channels": ["sms"]}]
    unit = {"id": "v", "kind": "waterworks", "name": {"zh": "新", "en": "New"}, "contacts": ["p-3"]}
    script.other(Kind.REGISTRY, changes=changes({"units": [unit], "people": people}))
    script.other(Kind.REGISTRY, changes=changes({"places": [REGISTRY["places"][0] | {"unit": "v"}]}))
    script.now += 15 * MINUTE
    script.other(Kind.TICK)
    found = decided(tmp_path, script)
    assert found.rows(state.alerts)[0]["unit"] == "v"
    assert told(found) == [("fired", "p-1", "sms"), ("fired", "p-3", "sms")]
    assert found.rows(state.transitions)[-1]["reason"] == "place_changed"


def test_the_answer_shows_the_alert_that_was_asked_for(tmp_path: Path, script: Script) -> None:
    """Also where the command moved others with it."""
    pack = """
pack: t
version: "1"
title: {zh: a, en: A}
rules:
  - {id: high, title: {zh: h, en: H}, severity: major, parameter: turbidity, condition: {above: 5}, source: us}
  - {id: higher, title: {zh: h, en: H}, severity: critical, parameter: turbidity, condition: {above: 9}, source: us}
"""
    script = Script()
    script.other(Kind.START, version="1", channels=[], packs={"t": pack})
    script.other(Kind.REGISTRY, changes=changes(REGISTRY))
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, turbidity=10)
    (higher,) = [row["id"] for row in decided(tmp_path, script, "before").rows(state.alerts) if row["rule"] == "higher"]
    command(script, "alerts.out_of_service", id=higher, comment="x")
    script.now += 2 * MINUTE
    script.other(Kind.TICK)
    offset = command(script, "alerts.in_service", id=higher)
    said = answer(decided(tmp_path, script), offset)
    assert (said["alert"]["id"], said["alert"]["state"]) == (higher, "active")
