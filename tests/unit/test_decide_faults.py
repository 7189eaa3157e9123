"""Faults of our own, records of other versions, and batches: none of them stops decide or changes what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.rules import pack_text
from gateway import state
from gateway.decide.commit import commit
from gateway.decide.outputs import Outputs
from gateway.journal.record import Kind
from tests.support.deciding import NOW, REGISTRY, Decided, Script, changes, decided


@pytest.fixture
def script() -> Script:
    """A journal that begins with START and a registry."""
    script = Script()
    script.begin()
    return script


def carry_on(found: Decided, script: Script) -> Outputs:
    """Decide all records although some are faulty; gives the outputs of the one batch."""
    out = Outputs()
    for record in script.records:
        found.fold.step(record, found.lookup, out)
    commit(found.engine, out, script.records[-1].offset, found.fold.counters)
    return out


@pytest.mark.parametrize("where", ["command", "tick"])
def test_a_fault_of_our_own_is_answered_named_and_passed_over(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """The command is answered with 500, an alarm is raised, and the messages after it are decided."""
    found = Decided(tmp_path)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    broken, name = (found.fold.operations, "decide") if where == "command" else (found.fold.alerting, "tick")
    monkeypatch.setattr(broken, name, fail)
    offset = script.other(Kind.COMMAND, command="alerts.ack", args={"id": "x"}, by="duty")
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    out = carry_on(found, script)
    assert {fault.split(" in ")[0] for fault in out.faults} == {"ZeroDivisionError"}
    answers = {row["offset"]: json.loads(row["body"])["status"] for row in found.rows(state.answers)}
    assert answers[offset] == (500 if where == "command" else 404)
    assert {row["rule"] for row in found.rows(state.alerts)} == {"decide_error", "ph-outside"}


def test_packs_and_routing_that_this_version_refuses_leave_those_that_it_takes(tmp_path: Path, script: Script) -> None:
    """A START of an older, laxer version is decided: its sound packs count, its routing file is left out."""
    packs = {"gb5749-2022": pack_text("gb5749-2022"), "lax": "pack: lax\nrules: nonsense"}
    script.other(Kind.START, version="0", channels=["webhook"], packs=packs, routing="routing: [")
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    found = decided(tmp_path, script)
    assert [row["rule"] for row in found.rows(state.alerts)] == ["ph-outside"]
    assert [row["channel"] for row in found.rows(state.outbox)] == ["webhook"]
    found.save()
    found.restart(script.records)
    assert set(found.fold.pack_texts) == set(packs)


def test_an_alert_names_the_versions_it_fired_under_however_its_records_are_batched(
    tmp_path: Path, script: Script
) -> None:
    """A change of the registry between firing and clearing shows in neither, in one batch or in many."""
    for second in range(2):
        script.reading("wq-1", NOW + second * 1000, ph=9.4)
    script.other(Kind.REGISTRY, changes=changes({"units": REGISTRY["units"]}))
    script.reading("wq-1", NOW + 3000, ph=7.4)
    whole = decided(tmp_path, script)
    single = Decided(tmp_path, "single")
    for record in script.records:
        single.decide([record])
    assert whole.rows(state.alerts) == single.rows(state.alerts)
    assert whole.rows(state.alerts)[0]["registry_version"] == 1
