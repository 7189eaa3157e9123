"""Decide: the fate of every message, alerts with what they rest on, redrives, and the gateway's own alarms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway import state
from gateway.journal.record import Kind
from gateway.store.base import CustodyPoints, Quiet, Telemetry
from tests.support.deciding import NOW, REGISTRY, Decided, Script, changes, decided

SCAN = {"id": "e1", "step": "collect", "ts": NOW, "ids": [{"k": "qr", "v": "MW1"}], "category": "infectious"}


@pytest.fixture
def script() -> Script:
    """A journal that begins with START and a registry."""
    script = Script()
    script.begin()
    return script


def fates(state_: Decided) -> list[tuple[str, str]]:
    """(fate, reason) of every message that is not plainly accepted."""
    return [(row["fate"], row["reason"]) for row in state_.rows(state.outcomes)]


def test_a_plain_message_leaves_no_row_and_goes_to_the_store(tmp_path: Path, script: Script) -> None:
    """Accepted with every value new and in order is the absence of an outcome."""
    offset = script.reading("wq-1", NOW, ph=7.1, turbidity=0.2)
    found = decided(tmp_path, script)
    assert fates(found) == []
    (item,) = found.items
    assert isinstance(item, Telemetry)
    assert (item.offset, item.tags.place, item.rows[0].values) == (offset, "out", [7.1, 0.2])
    assert found.fold.counters["accepted"] == found.fold.counters["journaled"] == 1


@pytest.mark.parametrize(
    ("device", "payload", "reason"),
    [
        ("stranger", {"ph": 7}, "unknown_device"),
        ("wq-1", b"{", "not_json"),
        ("wq-1", b"3", "bad_shape"),
        ("wq-1", {"values": {"nonsense": 3}}, "no_valid_value"),
        ("wq-1", [], "no_valid_value"),
        ("wq-1", b"x" * 70_000, "too_large"),
    ],
)
def test_what_cannot_be_taken_is_parked_with_its_bytes(
    tmp_path: Path, script: Script, device: str, payload: Any, reason: str
) -> None:
    """A parked message names its reason and its bytes are copied by their SHA-256."""
    script.message(device, payload)
    found = decided(tmp_path, script)
    (row,) = found.rows(state.outcomes)
    assert (row["fate"], row["reason"]) == ("parked", reason)
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    (copy,) = found.rows(state.copies)
    assert copy["sha256"] == row["copy"] == hashlib.sha256(copy["bytes"]).hexdigest()
    assert raw.startswith(copy["bytes"])
    assert found.items == []
    assert found.fold.counters["parked"] == 1


def test_the_same_again_is_repeated_and_another_value_is_a_conflict(tmp_path: Path, script: Script) -> None:
    """The first value stays; a reply says 1 and 3."""
    for value in (0.02, 0.02, 0.42):
        script.message("wq-1", {"ts": NOW, "id": f"m{value}", "values": {"chlorine_free": value}})
    found = decided(tmp_path, script)
    assert fates(found) == [("repeated", "repeated"), ("parked", "conflict")]
    assert [reply["code"] for _, reply in found.replies] == [0, 1, 3]
    assert {topic for topic, _ in found.replies} == {"hygeia/v1/site/wq-1/down/reply"}
    assert found.fold.counters["points_conflict"] == 1
    refusal = json.loads(found.rows(state.outcomes)[1]["detail"])["refusals"][0]
    assert (refusal["known"], refusal["raw"]) == (0.02, "0.42")


def test_qos_0_is_decided_and_counted_apart(tmp_path: Path, script: Script) -> None:
    """What promises nothing does not count as journaled."""
    script.message("wq-1", {"ph": 7.0}, qos=0)
    found = decided(tmp_path, script)
    assert (found.fold.counters["qos0"], found.fold.counters["journaled"]) == (1, 0)
    assert len(found.items) == 1


def test_the_second_bad_reading_fires_and_a_good_one_clears(tmp_path: Path, script: Script) -> None:
    """The alert, its history, the bytes it rests on and what is to be told are one decision."""
    script.reading("wq-1", NOW, ph=9.4)
    fired = script.reading("wq-1", NOW + 1000, ph=9.5)
    script.reading("wq-1", NOW + 2000, ph=7.2)
    found = decided(tmp_path, script)
    (alert,) = found.rows(state.alerts)
    assert (alert["state"], alert["place"], alert["parameter"], alert["offset"]) == ("returned", "out", "ph", fired)
    assert alert["registry_version"] == 1
    assert alert["pack_digest"]
    moves = found.rows(state.transitions)
    assert [row["event"] for row in moves] == ["fired", "cleared"]
    assert {row["copy"] for row in moves} == {row["sha256"] for row in found.rows(state.copies)}
    told = found.rows(state.outbox)
    assert [row["event"] for row in told] == ["fired", "cleared"]
    assert len({row["key"] for row in told}) == 2
    assert json.loads(told[0]["body"])["value"] == 9.5


def test_a_place_that_is_not_accepted_alerts_without_telling_anybody(tmp_path: Path, script: Script) -> None:
    """A place on trial has alerts on the page and no row in the outbox."""
    for second in range(2):
        script.reading("wq-2", NOW + second * 1000, ph=9.4)
    found = decided(tmp_path, script)
    assert len(found.rows(state.alerts)) == 1
    assert found.rows(state.outbox) == []


def test_a_value_below_detection_is_below_its_limit(tmp_path: Path, script: Script) -> None:
    """A minimum of 0.3 is not met by "<0.3", and the alert shows the value as it was sent."""
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, chlorine_free="<0.3")
    found = decided(tmp_path, script)
    (alert,) = found.rows(state.alerts)
    assert alert["value"] == 0.3


def test_values_that_are_not_normal_move_no_limit(tmp_path: Path, script: Script) -> None:
    """Only flag N counts for limits."""
    for second in range(4):
        script.reading("wq-1", NOW + second * 1000, {"ph": "M"}, ph=9.4)
    assert decided(tmp_path, script).rows(state.alerts) == []


def test_a_late_reading_is_kept_and_moves_no_alert(tmp_path: Path, script: Script) -> None:
    """What arrives behind newer readings goes to the store marked late."""
    for second in (10, 11, 2, 3):
        script.reading("wq-1", NOW + second * 1000, ph=7.0 if second > 5 else 9.9)
    found = decided(tmp_path, script)
    assert found.rows(state.alerts) == []
    late = [item.rows[0].late for item in found.items if isinstance(item, Telemetry)]
    assert late == [None, None, [True], [True]]


def test_a_scan_is_accepted_once_and_other_content_under_its_id_is_a_conflict(tmp_path: Path, script: Script) -> None:
    """Repeats are known by terminal, id and canonical form, also across batches."""
    state_ = Decided(tmp_path)
    script.message("scale-1", SCAN, channel="event")
    script.message("scale-1", dict(reversed(SCAN.items())), channel="event")
    state_.decide(script.records)
    script.message("scale-1", SCAN, channel="event")
    script.message("scale-1", SCAN | {"category": "sharps"}, channel="event")
    state_.decide(script.records[-2:])
    assert fates(state_) == [("repeated", "repeated")] * 2 + [("parked", "conflict")]
    assert [reply["code"] for _, reply in state_.replies] == [0, 1, 1, 3]
    assert len(state_.rows(state.custody_events)) == 1
    assert [row["id"] for row in state_.rows(state.containers)] == ["MW1"]
    (item,) = [one for one in state_.items if isinstance(one, CustodyPoints)]
    assert item.containers == ["MW1"]


def test_a_retained_status_that_is_known_changes_nothing(tmp_path: Path, script: Script) -> None:
    """After a reconnect the broker sends the last status again; a new one is news."""
    script.message("wq-1", {"state": "online"}, channel="status")
    script.message("wq-1", {"state": "online"}, channel="status", retained=True)
    script.message("wq-1", {"state": "offline"}, channel="status", retained=True)
    script.message("wq-1", {"state": "dancing"}, channel="status")
    found = decided(tmp_path, script)
    assert fates(found) == [("repeated", "repeated"), ("parked", "bad_shape")]
    assert [type(item) for item in found.items] == [Quiet, Quiet]
    assert found.fold.states == {"wq-1": "offline"}


def test_a_redrive_takes_back_what_was_parked_under_its_old_offset(tmp_path: Path, script: Script) -> None:
    """After the device is registered its message is stored, the counters move, and nothing is redriven twice."""
    offset = script.message("new", {"ts": NOW, "values": {"ph": 7.0}})
    script.other(Kind.REGISTRY, changes=changes({"devices": [{"id": "new", "kind": "water", "place": "out"}]}))
    first = script.other(Kind.REDRIVE, reason="unknown_device")
    second = script.other(Kind.REDRIVE, all=True)
    found = decided(tmp_path, script)
    (item,) = found.items
    assert isinstance(item, Telemetry)
    assert item.offset == offset
    (row,) = found.rows(state.outcomes)
    assert (row["fate"], row["redriven_by"]) == ("accepted", first)
    answers = {row["offset"]: json.loads(row["body"]) for row in found.rows(state.answers)}
    assert answers[first]["redriven"] == 1
    assert answers[second] == {"status": 200, "redriven": 0, "still_parked": {}}
    assert (found.fold.counters["parked"], found.fold.counters["accepted"]) == (0, 1)


def test_a_moved_device_ends_the_alert_of_its_old_place(tmp_path: Path, script: Script) -> None:
    """An alert belongs to the place where it arose; its channel starts anew at the next one."""
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    moved = REGISTRY["devices"][0] | {"place": "trial"}
    script.other(Kind.REGISTRY, changes=changes({"devices": [moved]}))
    found = decided(tmp_path, script)
    (alert,) = found.rows(state.alerts)
    assert (alert["place"], alert["reason"]) == ("out", "moved")
    assert alert["cleared_at"] == NOW


def test_an_alarm_of_the_gateway_stands_until_it_is_over(tmp_path: Path, script: Script) -> None:
    """The same state twice is one alarm; what happened once is told and returned at once."""
    for alarm in ("on", "on", "off", "off"):
        script.other(Kind.ALARM, alarm="disk_low", state=alarm)
    script.other(Kind.SESSION_LOST, reason="expired")
    found = decided(tmp_path, script)
    events = [(row["event"], row["reason"]) for row in found.rows(state.transitions)]
    assert events == [
        ("fired", "gateway_alarm"),
        ("cleared", "gateway_well"),
        ("fired", "gateway_alarm"),
        ("cleared", "gateway_well"),
    ]
    assert [row["event"] for row in found.rows(state.outbox)] == ["fired", "cleared", "fired"]
    assert found.fold.alerting.alarms == set()


def test_a_delivery_settles_its_row_of_the_outbox(tmp_path: Path, script: Script) -> None:
    """The outcome of a delivery is an input of decide like everything else."""
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    found = decided(tmp_path, script)
    (row,) = found.rows(state.outbox)
    settled = script.other(Kind.DELIVERY, **{"for": [row["offset"], row["n"]], "outcome": "delivered", "tries": 1})
    found.decide(script.records[-1:])
    (row,) = found.rows(state.outbox)
    assert (row["state_now"], row["settled_by"]) == ("delivered", settled)
    assert found.fold.counters["notifications_sent"] == 1


def test_a_redrive_that_fails_says_why_and_counts_nothing_twice(tmp_path: Path, script: Script) -> None:
    """What stays parked keeps its first reason, names the new one, and its refused values are counted once."""
    garbage = script.message("new", b"{")
    for value in (0.02, 0.42):
        conflict = script.reading("wq-1", NOW, chlorine_free=value)
    script.other(Kind.REGISTRY, changes=changes({"devices": [{"id": "new", "kind": "water", "place": "out"}]}))
    script.other(Kind.REDRIVE, all=True)
    last = script.other(Kind.REDRIVE, offsets=[garbage, conflict, 0, 777])
    found = decided(tmp_path, script)
    rows = {row["offset"]: row for row in found.rows(state.outcomes)}
    assert (rows[garbage]["reason"], rows[garbage]["reason_now"]) == ("unknown_device", "not_json")
    assert json.loads(rows[conflict]["detail_now"])["refusals"][0]["known"] == 0.02
    answer = {row["offset"]: json.loads(row["body"]) for row in found.rows(state.answers)}[last]
    assert answer["still_parked"] == {"not_json": 1, "conflict": 1}
    assert answer["not_redriven"] == [0, 777]
    assert (found.fold.counters["parked"], found.fold.counters["points_conflict"]) == (2, 1)


def test_a_fault_of_our_own_parks_one_message_and_stops_nobody(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where decoding fails as it never should, the message is kept, an alarm says so, and the next one is decided."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    script.reading("wq-1", NOW, ph=7.0)
    script.message("scale-1", SCAN, channel="event")
    state_ = Decided(tmp_path)
    state_.decide(script.records[:2])
    monkeypatch.setattr("devices.codecs.hygeia_json.decode", fail)
    state_.decide(script.records[2:])
    assert fates(state_) == [("parked", "decide_error")]
    assert [row["rule"] for row in state_.rows(state.alerts)] == ["decide_error"]
    assert [type(item) for item in state_.items] == [CustodyPoints]


def test_a_refused_delivery_is_an_alarm_that_is_told_once(tmp_path: Path, script: Script) -> None:
    """All others hear that somebody was not told; that this alarm itself was refused is shown and sent to nobody."""
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    found = decided(tmp_path, script)
    for _ in range(2):
        row = found.rows(state.outbox)[-1]
        told = {"for": [row["offset"], row["n"]], "event": row["event"], "subject": row["key"].split(":")[0]}
        script.other(Kind.DELIVERY, **told, outcome="refused", status=400, tries=1)
        found.decide(script.records[-1:])
    assert [row["rule"] for row in found.rows(state.alerts)][1:] == ["notification_lost"]
    assert [row["state_now"] for row in found.rows(state.outbox)] == ["refused", "refused"]


@pytest.mark.parametrize("event", ["test", "cleared", "acknowledged"])
def test_news_that_nobody_has_to_act_on_may_get_lost_without_an_alarm(
    tmp_path: Path, script: Script, event: str
) -> None:
    """A refused test or a refused "cleared" stands with its notice, and raises nothing."""
    offset = script.reading("wq-1", NOW, ph=7.4)
    script.other(Kind.DELIVERY, **{"for": [offset, 0], "event": event}, outcome="refused", status=400, tries=1)
    assert decided(tmp_path, script).rows(state.alerts) == []
