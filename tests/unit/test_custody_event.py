"""Custody events: what is parked, what is flagged, whole grams, container names, one digest a content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from custody.event import STEPS, CustodyEvent, decode
from custody.fact import ContainerId, File
from custody.flags import FLAGS
from custody.values import Badge, Position

TS = 1_732_200_000_000
NOW = TS + 2000
EVENT: dict[str, Any] = {
    "id": "T7-000123",
    "boot": 4,
    "seq": 123,
    "ts": TS,
    "step": "collect",
    "ids": [{"k": "qr", "v": "MW202501160001"}, {"k": "epc", "v": "3066C4409047E140075BCD15"}],
    "parent": None,
    "weight": {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "scale": "bs-12", "stable": True, "mode": "scale"},
    "category": "infectious",
    "place": "ward-7",
    "by": {"badge": "0412", "auth": "card"},
    "with": {"badge": "1177", "auth": "card"},
    "of": None,
}


def read(**changes: Any) -> CustodyEvent:
    """The event of the contract with changes."""
    return decode(json.dumps(EVENT | changes).encode(), NOW)


def grams(text: str) -> tuple[dict[str, int], list[str]]:
    """Grams and flags of an event whose weight is the JSON ``text``."""
    payload = json.dumps(EVENT | {"weight": "HERE"}).replace('"HERE"', text).encode()
    event = decode(payload, NOW)
    return event.grams, event.flags


def test_event_of_the_contract_has_no_flags() -> None:
    """The example of DESIGN 4.2 is taken as it is."""
    event = read()
    assert (event.fault, event.flags) == (None, [])
    assert (event.id, event.step, event.ts, event.boot, event.seq) == ("T7-000123", "collect", TS, 4, 123)
    assert event.containers == ["3066C4409047E140075BCD15", "MW202501160001"]
    assert event.grams == {"gross_g": 3650, "tare_g": 230, "net_g": 3420}
    assert (event.category, event.place) == ("infectious", "ward-7")
    assert (event.by, event.with_, event.approved_by) == (Badge("0412", "card"), Badge("1177", "card"), None)
    assert event.weight is not None
    assert (event.weight.scale, event.weight.mode, event.weight.stable, event.weight.usable) == (
        *("bs-12", "scale", True),
        True,
    )


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"id": 1} x', b"[" * 3000])
def test_what_is_no_json_is_parked(payload: bytes) -> None:
    """The fault says where."""
    event = decode(payload, NOW)
    assert event.fault == "not_json"
    assert event.detail


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({"step": "pack", "ids": []}, "id"),
        ({"id": "", "step": "pack", "ids": []}, "id"),
        ({"id": "a", "ids": []}, "step"),
        ({"id": "a", "step": None, "ids": []}, "step"),
        ({"id": "a", "step": {"x": 1}, "ids": []}, "step"),
        ({"id": "a", "step": "pack"}, "ids"),
        ({"id": "a", "step": "pack", "ids": None}, "ids"),
        ({}, "id, step, ids"),
    ],
)
def test_event_without_id_step_or_ids_is_parked(document: dict[str, Any], names: str) -> None:
    """The fault names what is missing, and the id is kept for the reply where there is one."""
    event = decode(json.dumps(document).encode(), NOW)
    assert event.fault == "bad_shape"
    assert event.detail.startswith(f"{names} missing")
    assert event.id == (document.get("id") or None)


def test_array_is_no_event() -> None:
    """An event is one object."""
    assert decode(b"[]", NOW).fault == "bad_shape"


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"step": "teleport"}, "unknown_step"),
        ({"category": "household"}, "unknown_category"),
        ({"category": 5}, "unknown_category"),
        ({"ids": []}, "no_ids"),
        ({"ids": "MW1"}, "bad_id"),
        ({"ids": ["MW1"]}, "bad_id"),
        ({"ids": [{"k": "rfid", "v": "MW1"}]}, "bad_id"),
        ({"ids": [{"k": ["qr"], "v": "MW1"}]}, "bad_id"),
        ({"ids": [{"k": "qr", "v": ""}]}, "bad_id"),
        ({"ids": [{"k": "qr", "v": 7}]}, "bad_id"),
        ({"ids": [{"k": "epc", "v": "3066C4409047E140075BCD1"}]}, "bad_id"),
        ({"ids": [{"k": "epc", "v": "3066C4409047E140075BCDXX"}]}, "bad_id"),
        ({"ids": [{"k": "epc", "v": "0" * 24}]}, "bad_id"),
        ({"ids": [{"k": "epc", "v": "3066C4409047E140"}]}, "bad_id"),
        ({"ids": [{"k": "epc", "v": "3066C4409047E140075BCD150001"}]}, "bad_id"),
        ({"weight": 3650}, "bad_weight"),
        ({"weight": {}}, "bad_weight"),
        ({"weight": {"net_g": 1, "mode": "guessed"}}, "bad_weight"),
        ({"weight": {"net_g": 1, "mode": {}}}, "bad_weight"),
        ({"weight": {"net_g": 1, "stable": False}}, "unstable_weight"),
        ({"ts": None}, "no_time"),
        ({"ts": "noon"}, "bad_time"),
        ({"ts": 4000}, "bad_time"),
        ({"ts": NOW + 301_000}, "clock_ahead"),
        ({"step": "void"}, "missing_of"),
        ({"step": "void", "of": "T7-1"}, "missing_reason"),
        ({"step": "correct", "of": "T7-1", "reason": " "}, "missing_reason"),
        ({"ids": [{"k": "tid", "v": "E2801160600002045F3C1A2B"}]}, "no_identity"),
        ({"parent": {"k": "epc", "v": "0" * 24}}, "bad_id"),
        ({"parent": 7}, "bad_id"),
        ({"seq": -1}, "bad_value"),
        ({"boot": "4"}, "bad_value"),
        ({"clock_sync": 1.5}, "bad_value"),
        ({"by": "0412"}, "bad_value"),
        ({"with": {"auth": "card"}}, "bad_value"),
        ({"place": ["ward-7"]}, "bad_value"),
        ({"place": "\ud800"}, "bad_value"),
        ({"manifest": "x" * 129}, "bad_value"),
        ({"reason": 5}, "bad_value"),
        ({"pos": {"lat": 91, "lon": 0}}, "bad_value"),
        ({"pos": [1, 2]}, "bad_value"),
        ({"files": [{"sha256": "ab"}]}, "bad_value"),
        ({"files": "slip.jpg"}, "bad_value"),
        ({"files": [{"sha256": f"{n:064x}"} for n in range(33)]}, "bad_value"),
        ({"weight": {"net_g": 1, "scale": 12}}, "bad_weight"),
        ({"weight": {"gross_g": 0, "tare_g": 0}}, "bad_weight"),
        ({"seq": 2**70}, "not_canonical"),
    ],
)
def test_physical_fact_is_accepted_with_a_flag(changes: dict[str, Any], flag: str) -> None:
    """Whatever is wrong with it, it happened."""
    event = read(**changes)
    assert event.fault is None
    assert flag in event.flags
    assert event.digest


def test_every_key_of_the_contract_is_taken_apart() -> None:
    """What travels with a container, what an event refers to, and its files."""
    event = read(
        step="correct",
        clock_sync=TS - 5,
        parent={"k": "epc", "v": "3066c4409047e140075bcd15"},
        risk="sars",
        of="T7-000100",
        reason=" wrong bag ",
        approved_by={"badge": "0001"},
        manifest="M-1",
        vehicle="v-1",
        pos={"lat": 32.06, "lon": 118},
        files=[{"sha256": "AB" * 32, "name": "slip.jpg"}, {"sha256": "ab" * 32}],
        sig="AAAA",
    )
    assert event.flags == []
    assert event.parent == ContainerId("epc", "3066C4409047E140075BCD15", "urn:epc:id:sgtin:95060001343.05.123456789")
    assert (event.clock_sync, event.risk, event.of, event.reason) == (TS - 5, "sars", "T7-000100", "wrong bag")
    assert (event.approved_by, event.manifest, event.vehicle) == (Badge("0001"), "M-1", "v-1")
    assert (event.pos, event.files) == (Position(32.06, 118.0), [File("ab" * 32, "slip.jpg")])
    assert (event.sig, bool(event.signed)) == ("AAAA", True)
    assert read(parent="BIN-1").parent == ContainerId("text", "BIN-1")


@pytest.mark.parametrize(
    ("changes", "flagged"),
    [
        ({}, True),
        ({"parent": "BIN-1"}, False),
        ({"manifest": "M-1"}, False),
        ({"vehicle": "v-1"}, False),
        ({"step": "confirm", "of": "T7-1"}, False),
        ({"step": "void", "of": "T7-1", "reason": "twice"}, False),
        ({"of": "T7-1"}, True),
    ],
)
def test_no_ids_is_a_flag_where_nothing_stands_in_for_them(changes: dict[str, Any], flagged: bool) -> None:
    """A group, or the event that is confirmed or taken back, says which containers are meant."""
    assert ("no_ids" in read(ids=[], **changes).flags) is flagged


def test_reason_is_cut_and_never_lost() -> None:
    """What somebody wrote stays, as far as it is reasonable."""
    assert read(reason="长" * 600).reason == "长" * 500
    assert "bad_value" not in read(reason="长" * 600).flags


def test_every_flag_has_words() -> None:
    """The exception that is opened says what is wrong."""
    assert all(FLAGS.values())
    assert {"bad_weight", "unknown_step", "unknown_badge", "not_a_terminal", "unknown_place"} <= set(FLAGS)


def test_every_step_of_the_contract_is_known() -> None:
    """No step is flagged that DESIGN 4.2 names."""
    assert len(STEPS) == 23
    assert all("unknown_step" not in read(step=step).flags for step in STEPS)


@pytest.mark.parametrize("raw", [None, "noon", 4000])
def test_event_without_a_time_gets_the_receive_time(raw: Any) -> None:
    """Missing, garbage, or before 2020."""
    event = read(ts=raw)
    assert (event.ts, event.gateway_time) == (NOW, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"net_g": 3420}', {"net_g": 3420}),
        ('{"net_g": 3420.0}', {"net_g": 3420}),
        ('{"net_g": "3420"}', {"net_g": 3420}),
        ('{"net_kg": "3.42"}', {"net_g": 3420}),
        ('{"net_kg": 3.42}', {"net_g": 3420}),
        ('{"net_kg": "0.001"}', {"net_g": 1}),
        ('{"net_kg": 4.350000}', {"net_g": 4350}),
        ('{"gross_kg": "8.19", "tare_kg": "1.005"}', {"gross_g": 8190, "tare_g": 1005, "net_g": 7185}),
        ('{"gross_g": 3650, "gross_kg": "3.650", "tare_g": 230}', {"gross_g": 3650, "tare_g": 230, "net_g": 3420}),
    ],
)
def test_weight_is_whole_grams(text: str, expected: dict[str, int]) -> None:
    """Grams as integers, kilograms as they were written, net from gross and tare; never through a float."""
    found, flags = grams(text)
    assert found == expected
    assert all(type(one) is int for one in found.values())
    assert flags == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"net_g": 0}', {"net_g": 0}),
        ('{"net_g": -5}', {}),
        ('{"net_g": 3420.5}', {}),
        ('{"net_kg": "3.4205"}', {}),
        ('{"net_kg": "3,42"}', {}),
        ('{"net_g": true}', {}),
        ('{"net_g": 1e3}', {}),
        ('{"net_g": 1e999999999}', {}),
        ('{"net_g": 99999999999999999999999}', {}),
        ('{"net_g": NaN, "gross_g": 10}', {"gross_g": 10}),
        ('{"net_g": 10, "net_kg": "0.011"}', {}),
        ('{"gross_g": 10, "tare_g": 20}', {"gross_g": 10, "tare_g": 20}),
        ('{"gross_g": "x", "net_g": 9}', {"net_g": 9}),
    ],
)
def test_bad_weight_is_flagged_and_never_guessed(text: str, left: dict[str, int]) -> None:
    """What is wrong in itself is left out, what only disagrees stays as sent."""
    found, flags = grams(text)
    assert found == left
    assert "bad_weight" in flags


def test_no_weight_is_no_fault() -> None:
    """A scan without a scale has none."""
    assert (read(weight=None).grams, read(weight=None).flags) == ({}, [])


def test_containers_are_sorted_distinct_and_canonical() -> None:
    """One tag read twice, in small letters, or with the zeros a reader adds, is one container."""
    ids = [
        {"k": "epc", "v": "3066c4409047e140075bcd15"},
        {"k": "epc", "v": "3066C4409047E140075BCD150000"},
        {"k": "text", "v": " B-2 "},
        {"k": "qr", "v": "B-2"},
        {"k": "tid", "v": "e2801160600002045f3c1a2b"},
    ]
    event = read(ids=ids)
    assert event.ids == [
        ContainerId("epc", "3066C4409047E140075BCD15", "urn:epc:id:sgtin:95060001343.05.123456789"),
        ContainerId("qr", "B-2"),
    ]
    assert event.flags == []


def test_digest_is_that_of_the_canonical_form() -> None:
    """Order of keys, blanks and the spelling of a number do not make other content; a value does."""
    turned = json.dumps(dict(reversed(EVENT.items())), indent=3).replace(str(TS), f"{TS}.0").encode()
    assert decode(turned, NOW + 99).digest == read().digest
    assert read(place="ward-8").digest != read().digest
    small = b'{"step":"pack","ids":[{"v":"\xc3\xa4","k":"qr"}],"id":"a"}'
    form = '{"id":"a","ids":[{"k":"qr","v":"ä"}],"step":"pack"}'.encode()
    assert decode(small, NOW).digest == hashlib.sha256(form).hexdigest()


def test_double_keys_are_flagged_and_have_no_canonical_form() -> None:
    """Two readers could see two weights in such bytes: the digest is that of the bytes."""
    payload = b'{"id":"a","id":"b","step":"pack","ids":[{"k":"qr","v":"x"}]}'
    event = decode(payload, NOW)
    assert {"duplicate_keys", "not_canonical"} <= set(event.flags)
    assert event.digest == hashlib.sha256(payload).hexdigest()
