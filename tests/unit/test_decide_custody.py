"""Custody in decide: an event in the journal becomes state, ledger entries, observations, the same in every replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from custody.ledger.entry import parse
from custody.ledger.merkle import Frontier, leaf_hash
from gateway import state
from gateway.decide.replay import differences
from gateway.journal.record import Kind
from tests.support.deciding import Decided, Script, changes, decided
from tests.support.waste import HOUR, MINUTE, WASTE, WasteScript


def opened() -> WasteScript:
    """A script whose city is registered."""
    script = WasteScript()
    script.open_city()
    return script


def rules_of(state_: Decided) -> list[str]:
    """The rules of all alerts that fired."""
    return [row["rule"] for row in state_.rows(state.alerts)]


def test_a_clean_chain_ends_in_destruction_and_alarms_nobody(tmp_path: Path) -> None:
    """Every container of it is destroyed, held by the plant, and its manifest is confirmed."""
    script = opened()
    script.chain("MW1", "MW2", "MW3")
    script.now += 6 * HOUR
    script.other(Kind.TICK)
    done = decided(tmp_path, script)
    rows = done.rows(state.containers)
    assert [(row["id"], row["state"], row["holder"], row["unit"], row["net_g"]) for row in rows] == [
        (name, "destroyed", "plant-1", "hosp-1", 3420) for name in ("MW1", "MW2", "MW3")
    ]
    assert rules_of(done) == []
    (paper,) = done.rows(state.manifests)
    assert (paper["id"], paper["state"], paper["consignor"], paper["carrier"], paper["receiver"]) == (
        "M-1",
        "confirmed",
        "hosp-1",
        "car-1",
        "plant-1",
    )


def test_the_ledger_is_what_its_bytes_say(tmp_path: Path) -> None:
    """Leaves, nodes and root are those of the stored bytes; each entity's entries follow each other by hash."""
    script = opened()
    script.chain("MW1", "MW2")
    done = decided(tmp_path, script)
    rows = done.rows(state.ledger_entries)
    assert [row["idx"] for row in rows] == list(range(len(rows)))
    frontier, nodes, heads = Frontier(), {}, {}
    for row in rows:
        leaf = leaf_hash(row["bytes"])
        assert leaf == row["leaf"]
        nodes |= {(level, at): node for level, at, node in frontier.append(leaf)}
        for link in parse(row["bytes"]).links:
            before = heads.get(link.entity)
            assert (link.seq, link.prev) == ((0, None) if before is None else before)
            heads[link.entity] = (link.seq + 1, leaf)
    assert frontier.root() == done.fold.ledger.root()
    assert {(row["level"], row["idx"]): row["hash"] for row in done.rows(state.ledger_nodes)} == nodes
    events = done.rows(state.custody_events)
    assert len([row for row in rows if row["kind"] == "custody"]) == len(events) == done.fold.counters["custody_events"]


def test_an_entry_names_no_person_and_holds_no_free_text(tmp_path: Path) -> None:
    """What cannot be erased has ids, badges, units and roles only."""
    script = opened()
    script.event("T-ward", "collect", "MW1", reason="Mrs Li of bed 3", by={"badge": "0412", "name": "Li"})
    done = decided(tmp_path, script)
    for row in done.rows(state.ledger_entries):
        assert b"Li" not in row["bytes"]


def faulty(script: WasteScript) -> None:
    """Events with everything that may be wrong, in an order that decide must not mind."""
    script.event("T-store", "store_in", "MW9")
    script.event("T-ward", "collect", "MW9", at=script.now - HOUR, weight={"gross_g": -5}, by={"badge": "9999"})
    name = script.event("T-ward", "collect", "MW1", "MW2", weight={"net_kg": "3.42", "mode": "typed"})
    script.event("T-ward", "void", of="T-store-0009", reason="wrong scan")
    script.event("T-ward", "pack", "MW1", parent="BIN-1")
    script.event("T-ward", "pack", "MW3", parent="BIN-1", at=script.now - 2 * HOUR)
    script.event("T-store", "store_in", "BIN-1")
    script.event("wq-9", "collect", "MW4")
    script.event("T-store", "nonsense", "MW4")
    script.event("T-ward", "correct", "MW1", of=name, reason="typing error", weight={"net_g": 3000})
    script.event("T-ward", "collect", "MW5", id=name)
    script.event("T-store", "store_in", "MW5", id="T-store-0009")
    script.event("T-plant", "dispose", "MW1")
    script.event("T-plant", "receive", "MW1", at=script.now + MINUTE)
    script.event("stranger", "collect", "MW7")
    script.other(
        Kind.REGISTRY, changes=changes({"devices": [{"id": "stranger", "kind": "terminal", "place": "ward-7"}]})
    )
    script.now += 30 * HOUR
    script.event("T-ward", "unpack", parent="BIN-1")
    script.event("T-ward", "bin_clean", "BIN-1")
    script.other(Kind.REDRIVE, all=True)
    script.other(Kind.COMMAND, command="alerts.ack", args={"id": "x", "comment": "secret"}, by="runtime")
    script.other(Kind.SEGMENT, first=0, last=3, records=4, root="00" * 32, sha256="00" * 32)
    script.other(Kind.TICK)


def test_from_zero_from_any_snapshot_and_in_any_batches_all_is_the_same(tmp_path: Path) -> None:
    """State, ledger and alerts do not depend on restarts or on what was decided at once."""
    script = opened()
    script.chain("MW8")
    faulty(script)
    whole = decided(tmp_path, script, "whole")
    single = Decided(tmp_path, "single")
    for place, record in enumerate(script.records):
        single.decide([record])
        if place % 3 == 0:
            single.save()
        if place % 4 == 0:
            single.restart(script.records)
    assert differences(whole.engine, single.engine) == []
    assert single.fold.ledger.root() == whole.fold.ledger.root()


def test_what_is_wrong_is_accepted_flagged_and_opens_an_exception(tmp_path: Path) -> None:
    """Nothing is refused silently, nothing bad is taken for good."""
    script = opened()
    faulty(script)
    done = decided(tmp_path, script)
    found = set(rules_of(done))
    assert {
        "unknown-badge",
        "implausible-weight",
        "typed-weight",
        "not-a-terminal",
        "unknown-step",
        "id-conflict",
        "scanned-after-destruction",
    } <= found


def test_the_alert_of_a_container_names_it(tmp_path: Path) -> None:
    """Its point is the container's id, its unit and place are those of where it happened."""
    script = opened()
    script.event("T-ward", "collect", "MW1", category="infectious", weight={"net_g": 3420, "mode": "typed"})
    done = decided(tmp_path, script)
    (row,) = [row for row in done.rows(state.alerts) if row["rule"] == "typed-weight"]
    assert (row["point"], row["unit"], row["place"], row["device"]) == ("MW1", "hosp-1", "ward-7", "")


@pytest.mark.parametrize(("after_h", "rules"), [(35, set()), (37, {"stored-36h"}), (50, {"stored-36h", "stored-44h"})])
def test_a_container_that_stays_in_the_store_is_told_of_in_time(tmp_path: Path, after_h: int, rules: set[str]) -> None:
    """Hours count from the store-in by the terminal's clock, and it ends when the container is taken out."""
    script = opened()
    script.event("T-ward", "collect", "MW1", category="infectious", by={"badge": "0412"}, **{"with": {"badge": "0101"}})
    script.event("T-store", "store_in", "MW1", by={"badge": "0412"})
    script.now += after_h * HOUR
    script.other(Kind.TICK)
    done = decided(tmp_path, script)
    assert rules <= set(rules_of(done))
    assert {name for name in rules_of(done) if name.startswith("stored")} >= rules
    script.event("T-store", "store_out", "MW1", by={"badge": "0413"}, **{"with": {"badge": "0701"}})
    done.decide(script.records[done.cursor + 1 :])
    assert not [row for row in done.rows(state.alerts) if row["rule"].startswith("stored") and row["condition"]]


def test_midnight_leaves_counts_and_heads_in_the_ledger(tmp_path: Path) -> None:
    """Each device's messages of the day, and the newest entry of every container that is open."""
    script = opened()
    script.event("T-ward", "collect", "MW1", category="infectious")
    script.event("T-ward", "collect", "MW2", category="infectious")
    script.now += 24 * HOUR
    for _ in range(3):
        script.now += 2000
        script.other(Kind.TICK)
    done = decided(tmp_path, script)
    entries = [parse(row["bytes"]) for row in done.rows(state.ledger_entries)]
    counted = {one.body["device"]: one.body["messages"] for one in entries if one.kind == "device_day"}
    assert counted == {"T-ward": 2}
    (heads,) = [one.body for one in entries if one.kind == "heads"]
    assert [head[:2] for head in heads["heads"]] == [["container:MW1", 0], ["container:MW2", 0]]
    assert heads["last"]


def test_one_bag_with_a_label_and_a_tag_is_one_container_and_later_known_by_either(tmp_path: Path) -> None:
    """Its row moves to the leading id when the tie becomes known."""
    script = opened()
    tag = "3066C4409047E140075BCD15"
    script.message(
        "T-store", {"id": "a", "ts": script.now, "step": "store_in", "ids": [{"k": "epc", "v": tag}]}, channel="event"
    )
    both = [{"k": "qr", "v": "MW1"}, {"k": "epc", "v": tag}]
    done = decided(tmp_path, script)
    assert [row["id"] for row in done.rows(state.containers)] == [tag]
    script.message(
        "T-ward", {"id": "b", "ts": script.now - HOUR, "step": "collect", "ids": both, "category": "sharps"},
        channel="event",
    )  # fmt: skip
    done.decide(script.records[done.cursor + 1 :])
    (row,) = done.rows(state.containers)
    assert (row["id"], row["state"]) == ("MW1", "stored")
    assert {one["v"] for one in json.loads(row["ids"])} == {"MW1", tag}


def tables(done: Decided) -> dict[str, int]:
    """How many rows each table of custody has."""
    with done.engine.connect() as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (state.custody_events, state.custody_links, state.ledger_entries)
        }


def test_a_repeated_event_changes_nothing(tmp_path: Path) -> None:
    """It is answered again and stands in no table twice."""
    script = opened()
    body: dict[str, Any] = {"id": "e1", "ts": script.now, "step": "collect", "ids": [{"k": "qr", "v": "MW1"}]}
    script.message("T-ward", body, channel="event")
    done = decided(tmp_path, script)
    before = tables(done)
    script.message("T-ward", dict(reversed(body.items())), channel="event")
    done.decide(script.records[done.cursor + 1 :])
    assert tables(done) == before
    assert [reply["code"] for _, reply in done.replies] == [0, 1]


def test_the_registry_of_the_waste_city_is_sound() -> None:
    """Other tests may rely on it."""
    assert {one["unit"] for one in WASTE["places"]} <= {one["id"] for one in WASTE["units"]}
    assert isinstance(opened(), Script)


def test_a_department_is_called_late_only_when_all_that_waited_has_come(tmp_path: Path) -> None:
    """After a time without gateway the backlog is decided first; the collection that was in it is no miss."""
    script = opened()
    script.event("T-ward", "collect", "MW1", category="infectious")
    script.now += 50 * HOUR
    script.other(Kind.START, version="1", channels=["webhook"])
    script.other(Kind.TICK)
    done = decided(tmp_path, script)
    assert "not-collected" not in rules_of(done)
    script.other(Kind.CAUGHT_UP)
    script.now += 2 * MINUTE
    script.other(Kind.TICK)
    done.decide(script.records[done.cursor + 1 :])
    assert "not-collected" in rules_of(done)


def test_what_the_registry_ties_becomes_one_container_at_once(tmp_path: Path) -> None:
    """The row of the id that is none of its own any more goes, and what was the matter with it is over."""
    script = opened()
    script.event("T-ward", "collect", "QB", category="infectious")
    script.event("T-store", "store_in", ids=[{"k": "text", "v": "TB"}])
    bag = {"id": "bag-b", "unit": "hosp-1", "ids": [{"k": "qr", "v": "QB"}, {"k": "text", "v": "TB"}]}
    script.other(Kind.REGISTRY, changes=changes({"containers": [bag]}))
    done = decided(tmp_path, script)
    assert [(row["id"], row["state"]) for row in done.rows(state.containers)] == [("QB", "stored")]


def test_a_manifest_of_which_everything_was_taken_back_is_gone(tmp_path: Path) -> None:
    """Its only load was void, so nothing was ever moved under it."""
    script = opened()
    load = script.event("T-van", "load", "MW1", manifest="M-9", vehicle="van-1")
    script.now += 2 * MINUTE
    script.event("T-van", "void", of=load, reason="wrong vehicle", by={"badge": "0701"})
    script.now += 2 * MINUTE
    script.other(Kind.TICK)
    done = decided(tmp_path, script)
    assert done.rows(state.manifests) == []


def test_an_event_that_decide_cannot_fold_is_parked_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No link, no entry, no row: after the fault is mended a redrive takes it in as if it had just come."""
    script = opened()
    script.event("T-ward", "void", of="e-late", reason="awaits its event", by={"badge": "0412"})
    script.event("T-ward", "collect", "MW1", id="e-late", category="infectious")
    with monkeypatch.context() as broken:
        broken.setattr("gateway.decide.chain.judge.once", lambda *_: 1 / 0)
        done = decided(tmp_path, script)
    assert [row["reason"] for row in done.rows(state.outcomes)] == ["decide_error"] * 2
    assert done.rows(state.custody_links) == done.rows(state.custody_events) == []
    assert "custody" not in {row["kind"] for row in done.rows(state.ledger_entries)}
    script.other(Kind.REDRIVE, all=True)
    done.decide(script.records[done.cursor + 1 :])
    assert [row["state"] for row in done.rows(state.containers)] == ["closed"]


def test_the_reply_names_the_container_as_the_pages_do(tmp_path: Path) -> None:
    """Of a bag with a label and a tag that is the label, whichever the terminal read first."""
    script = opened()
    ids = [{"k": "epc", "v": "3066C4409047E140075BCD15"}, {"k": "qr", "v": "MW1"}]
    for _ in range(2):
        script.message("T-ward", {"id": "e1", "ts": script.now, "step": "collect", "ids": ids}, channel="event")
    done = decided(tmp_path, script)
    assert [(reply["code"], reply["object"]) for _, reply in done.replies] == [(0, "MW1"), (1, "MW1")]


@pytest.mark.parametrize(
    ("terminal", "by", "state_"),
    [
        ("wq-9", "0412", "collected"),
        ("T-ward", "9999", "collected"),
        ("T-plant", "0901", "collected"),
        ("T-ward", "0412", "closed"),
    ],
    ids=["no terminal", "a badge that nobody has", "somebody who had nothing to do with it", "who sent it"],
)
def test_who_may_take_an_event_back(tmp_path: Path, terminal: str, by: str, state_: str) -> None:
    """Somebody registered, on a terminal, of a unit that the event was about; all others change nothing."""
    script = opened()
    name = script.event("T-ward", "collect", "MW1", category="infectious", by={"badge": "0412"})
    script.now += 2 * MINUTE
    script.event(terminal, "void", of=name, reason="wrong scan", by={"badge": by})
    done = decided(tmp_path, script)
    assert [row["state"] for row in done.rows(state.containers)] == [state_]


def test_what_no_terminal_says_is_on_record_and_changes_nothing(tmp_path: Path) -> None:
    """A water sensor destroys no waste."""
    script = opened()
    script.event("T-ward", "collect", "MW1", category="infectious")
    script.now += 2 * MINUTE
    script.event("wq-9", "dispose", "MW1")
    done = decided(tmp_path, script)
    assert [row["state"] for row in done.rows(state.containers)] == ["collected"]
    assert "not-a-terminal" in rules_of(done)
    assert len(done.rows(state.custody_events)) == 2
