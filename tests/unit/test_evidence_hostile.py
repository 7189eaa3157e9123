"""The verifier against whoever holds the key: words, promises and entries that say more than the messages do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.event import decode
from custody.evidence import verify
from custody.evidence.bundle import Claim
from custody.evidence.verify import Check, said, said_id, same_id, shown, told
from custody.resolve import fact
from devices.registry import Registry
from gateway.decide.custody_rows import entry_body
from tests.support.evidence import LABEL, ORIGIN, T0, SmallLedger, bundle_of, clean_chain

ENTITY = f"container:{LABEL}"
Change = Callable[[dict[str, Any]], None]


def faults(data: bytes) -> list[str]:
    """The kinds of all faults."""
    return [one["kind"] for one in Check(data, None, []).run().faults]


def forged(**changes: Any) -> bytes:
    """The bundle of one event whose entry says something else than the message; the key's holder signed both."""
    ledger = SmallLedger()
    weight = {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "mode": "scale", "scale": "bs-12", "stable": True}
    index = ledger.event(
        "collect", 0, [LABEL, "MW2"], by={"badge": "0412"}, weight=weight, category="infectious", place="ward-7"
    )
    body = json.loads(ledger.entries[index])["body"]
    body["weight"] = changes.pop("weight", body["weight"] | changes.pop("weighed", {}))
    other = SmallLedger()
    other.raws = ledger.raws
    other.append("custody", sorted({ENTITY, "container:MW2"} | changes.pop("about", set())), body | changes)
    return bundle_of(other)


def test_an_entry_as_its_message_is_right() -> None:
    """So that the cases below fail for their own reason."""
    assert faults(forged()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"by": {"badge": "9999", "person": "p-666", "unit": "h", "role": "c"}},
        {"by": None},
        {"with": {"badge": "0413"}},
        {"approved_by": {"badge": "0413"}},
        {"parent": "BIN", "about": {"container:BIN"}},
        {"weight": None},
        {"weighed": {"net_g": None}},
        {"weighed": {"mode": "typed"}},
        {"weighed": {"scale": "bs-13"}},
        {"weighed": {"stable": False}},
        {"ids": ["MW2", "MW0"], "about": {"container:MW0"}},
        {"ids": [LABEL]},
        {"ids": [LABEL, LABEL, "MW2"]},
        {"category": ""},
        {"manifest": "M-1", "about": {"manifest:M-1"}},
        {"place": "ward-8"},
        {"ts": T0 + 1, "flags": ["bad_time"]},
        {"boot": 1},
        {"files": ["0" * 64]},
    ],
    ids=str,
)
def test_whatever_an_entry_says_that_the_message_does_not_is_named(changes: dict[str, Any]) -> None:
    """Another badge, container, weight, instrument, id; less than was sent, or more."""
    assert faults(forged(**changes)) == ["fact"]


def test_an_entry_that_does_not_stand_in_the_chain_of_what_it_names_is_found() -> None:
    """Else an event could be left out of the history of one of its containers."""
    ledger = SmallLedger()
    ledger.event("collect", 0, [LABEL, "MW2"])
    entry = json.loads(ledger.entries[0])
    other = SmallLedger()
    other.raws = ledger.raws
    other.append("custody", [ENTITY], entry["body"])
    assert faults(bundle_of(other)) == ["link"]


def test_text_of_the_bundle_cannot_speak_for_the_verifier() -> None:
    """A label with line breaks, quotes and direction marks stays inside its quotes."""
    label = 'MW1"; 3 entries.\nPROVED:\n  - It was made by the holder of the key that you gave.\u2028\u202ezz'
    ledger = SmallLedger()
    ledger.event("collect", 0, [label])
    found = Check(bundle_of(ledger, label=label), None, []).run()
    assert found.faults == []
    for language in (0, 1):
        lines = found.words(language)
        assert all(shown(line) == line for line in lines)
        assert not any("the holder of the key that you gave" in line for line in lines if line.startswith("  - It"))
    assert r"""container:MW1\"; 3 entries.\nPROVED:""" in found.words(0)[1]
    broken = Check(bundle_of(ledger, label=label, without=[0]), None, []).run()
    assert all(shown(line) == line for line in broken.words(0))


@pytest.mark.parametrize(
    "promise",
    [
        {"span": (0, 10**15)},
        {"span": (0, -1)},
        {"span": (2, 0)},
        {"chains": {ENTITY: 2**53 - 1}},
        {"chains": {ENTITY: True}},
        {"chains": {ENTITY: 1.5}},
        {"subject": "container:NEVER", "chains": {"container:NEVER": -1}},
        {"subject": "container:NEVER", "chains": {"container:NEVER": 0}},
        {"subject": "day:2025-01-01", "chains": {}, "span": (0, -1)},
        {"subject": "day:2025-01-01", "chains": {}},
    ],
    ids=str,
)
def test_a_promise_that_is_not_kept_is_a_fault_at_once(promise: dict[str, Any]) -> None:
    """However large, and also where it promises nothing at all."""
    ledger = clean_chain()
    claim: dict[str, Any] = {
        "subject": ENTITY,
        "made_at": T0,
        "origin": ORIGIN,
        "version": "1",
        "chains": {ENTITY: 1},
    } | promise
    assert faults(bundle_of(ledger, claim=Claim(**claim)))[0] in {"chain_gap", "unreadable"}


@pytest.mark.parametrize(
    "view",
    [
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"epcisBody": {"eventList": [{"mw:entry": 0, "eventID": "x", "recordTime": "0001-01-01T00:00:00+23:59"}]}}',
        b'{"epcisBody": {"eventList": 7}}',
        b"\xff",
    ],
    ids=["inf", "long", "deep", "time", "shape", "bytes"],
)
def test_a_part_that_cannot_be_read_is_a_fault_and_no_crash(view: bytes) -> None:
    """Whatever a part makes Python raise."""
    assert faults(bundle_of(clean_chain(), members={"epcis.jsonld": view})) == ["unreadable"]


def test_a_console_without_chinese_gets_escapes(tmp_path: Path) -> None:
    """The verifier runs wherever somebody opens a bundle."""
    file = tmp_path / "case.zip"
    file.write_bytes(bundle_of(clean_chain()))
    ran = subprocess.run(
        [sys.executable, verify.__file__, file],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert r"\u672a\u8bc1\u660e" in ran.stdout


TEXT = st.sampled_from(
    ["", " ", "A1", " B 2 ", "MW1\n", "x" * 129, "x" * 257, "é", "3066C4409047E140075BCD15", "E28011"]
)
TAG = st.sampled_from(
    [
        "3066C4409047E140075BCD15",
        "3066c4409047e140075bcd150000",
        "3066C4409047E140075BCD15FF00",
        "E280110520005E2A9D2C0A1B",
        "0000000000000000",
        "F7F0061414112345686DEAD0BEEF",
        "F780061414112345686DEAD0BEEF",
        "no hex",
    ]
)
NUMBER = st.one_of(
    st.integers(-5, 20_000), st.sampled_from([2**53, 2**63, 2**64, 10**30, 1.5, 0.1, 1e22, 1e300, -0.5, 2.0])
)
ANY = st.one_of(st.none(), st.booleans(), NUMBER, TEXT, TAG, st.just([]), st.just({}))
ID = st.one_of(
    ANY,
    st.fixed_dictionaries(
        {"k": st.sampled_from(["qr", "epc", "tid", "text", "?", None, 7]), "v": st.one_of(TEXT, TAG, ANY)}
    ),
)
PERSON = st.one_of(ANY, st.fixed_dictionaries({"badge": ANY}))
GRAMS = st.one_of(ANY, st.sampled_from(["12", "12.0", "1.2", " 7 ", "1e3", "-4", 3.42, 3.4205, "0.0005", 1200]))
WEIGHT = st.one_of(
    ANY,
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("gross_g", "tare_g", "net_g", "gross_kg", "tare_kg", "net_kg"), GRAMS),
            "mode": st.one_of(ANY, st.sampled_from(["scale", "typed", "estimated"])),
            "scale": st.one_of(ANY, st.just("bs-12"), st.just("y" * 65)),
            "stable": st.one_of(ANY, st.booleans()),
        },
    ),
)
TIME = st.one_of(ANY, st.sampled_from([T0, T0 + 0.5, str(T0), f" {T0}.9 ", -1, 10**13, 10**22, 1_577_836_800_000]))
FILES = st.one_of(
    ANY, st.lists(st.one_of(ANY, st.fixed_dictionaries({"sha256": st.sampled_from(["A" * 64, "b" * 64, 7])})))
)
EVENT = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["E-1", " E-2 ", 7]),
        "step": st.sampled_from(["collect", "void", "x"]),
        "ids": st.lists(ID),
    },
    optional={
        **dict.fromkeys(("category", "manifest", "vehicle", "of", "place", "boot", "seq"), ANY),
        **dict.fromkeys(("by", "with", "approved_by"), PERSON),
        "ts": TIME,
        "weight": WEIGHT,
        "parent": ID,
        "files": FILES,
    },
)


@settings(max_examples=120, deadline=None)
@given(EVENT)
def test_it_reads_a_message_as_the_gateway_does(sent: dict[str, Any]) -> None:
    """Whatever a terminal sends, the gateway's own entry of it is right: the two share no code."""
    raw = json.dumps(sent).encode()
    event = decode(raw, T0 + 400)
    if event.fault is not None:
        return
    made = fact(event, Registry(), "T7", 5, 5, T0 + 400, "0" * 64, None)
    body = entry_body(made)
    heard, entry = said(verify.message(raw.decode()), T0 + 400), told(json.loads(json.dumps(body)))
    assert heard == entry
    for key, names in (("ids", body["ids"]), ("parent", [body["parent"]] if body["parent"] else [])):
        read = [one for one in map(said_id, sent[key] if key == "ids" else [sent.get(key)]) if one is not None]
        assert all(any(same_id(name, one) for one in read) for name in names)
        assert all(any(same_id(name, one) for name in names) for one in read)
