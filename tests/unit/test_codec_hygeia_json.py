"""Hygeia's own telemetry: shapes, keys, times, flags, and what is refused of a message (DESIGN 4.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.codecs.hygeia_json import decode
from devices.plan import Plan, compile_plan
from devices.reading import Decoded
from devices.registry import Change, Registry

TS = 1_732_200_000_000
NOW = TS + 1500


def plan_of(source: dict[str, Any] | None = None, **device: Any) -> Plan:
    """The plan of device wq-1."""
    registry = Registry()
    registry.apply([Change("devices", "wq-1", {"id": "wq-1", "kind": "water", **device})], 0)
    return compile_plan(registry, "wq-1", source)


PLAN = plan_of()


def read(document: Any, plan: Plan = PLAN) -> Decoded:
    """Decode a document, or bytes as they are."""
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return decode(payload, plan, NOW)


def values(decoded: Decoded) -> dict[tuple[str, str, int], float]:
    """All values by (point, parameter, ts)."""
    return {
        (row.point, parameter, row.ts): value
        for row in decoded.rows
        for parameter, value in zip(row.parameters, row.values, strict=True)
    }


def refused(decoded: Decoded) -> dict[str, str]:
    """The reasons by key."""
    return {refusal.key: refusal.reason for refusal in decoded.refusals}


def test_plain_object_is_measured_at_the_receive_time() -> None:
    """The first shape has no time: the receive time counts and is marked as the gateway's."""
    decoded = read({"chlorine_free": 0.42, "ph": 7})
    assert values(decoded) == {("-", "chlorine_free", NOW): 0.42, ("-", "ph", NOW): 7.0}
    assert decoded.rows[0].gateway_time
    assert decoded.rows[0].raw_time == ""


def test_second_shape_keeps_device_time_id_and_seq() -> None:
    """ts, id and seq of the second shape are those of the message."""
    decoded = read(
        {"ts": TS, "id": "a1", "seq": 17, "values": {"chlorine_free": 0.42}, "flags": {"chlorine_free": "N"}}
    )
    assert values(decoded) == {("-", "chlorine_free", TS): 0.42}
    assert (decoded.id, decoded.seq) == ("a1", 17)
    assert not decoded.rows[0].gateway_time
    assert decoded.rows[0].flags is None


def test_array_is_one_message_with_several_readings() -> None:
    """The third shape gives a row a reading; the first id and seq speak for the message."""
    decoded = read([{"ts": TS, "values": {"ph": 7.1}}, {"ts": TS + 60_000, "id": "x", "seq": 3, "values": {"ph": 7.2}}])
    assert values(decoded) == {("-", "ph", TS): 7.1, ("-", "ph", TS + 60_000): 7.2}
    assert (decoded.id, decoded.seq) == ("x", 3)


def test_reserved_keys_are_never_parameters() -> None:
    """In the first shape ts, id, seq, hist and flags keep their meaning and are not refused."""
    decoded = read({"ts": TS, "id": "a", "seq": 1, "hist": True, "flags": {"ph": "M"}, "ph": 7})
    assert values(decoded) == {("-", "ph", TS): 7.0}
    assert decoded.rows[0].flags == ["M"]
    assert not decoded.refusals


def test_hist_mark_changes_nothing() -> None:
    """Whether data are late, the gateway decides."""
    assert read({"ts": TS, "hist": 1, "values": {"ph": 7}}) == read({"ts": TS, "values": {"ph": 7}})


def test_keys_next_to_values_are_not_readings() -> None:
    """The presence of values decides the shape; what stands beside it is not looked at."""
    decoded = read({"ts": TS, "values": {"ph": 7}, "turbidity": 9, "rssi": -70})
    assert values(decoded) == {("-", "ph", TS): 7.0}
    assert not decoded.refusals


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"", "not_json"),
        (b"\x00", "not_json"),
        (b'{"ph": 7', "not_json"),
        (b'{"ph": "\xff"}', "not_json"),
        (b'{"ph": 7}\x00', "not_json"),
        (b"[" * 5000 + b"]" * 5000, "not_json"),
        (b"5", "bad_shape"),
        (b'"ph"', "bad_shape"),
        (b"null", "bad_shape"),
        (b'{"values": 3}', "bad_shape"),
        (b'{"values": null}', "bad_shape"),
        (b'{"ts": 1, "values": [1]}', "bad_shape"),
        (b"[]", "no_valid_value"),
        (b"{}", "no_valid_value"),
        (b"[{}, {}]", "no_valid_value"),
        (b'{"ts": 1732200000000, "values": {}}', "no_valid_value"),
        (b'{"ts": 1732200000000, "seq": 4}', "no_valid_value"),
    ],
)
def test_message_that_says_nothing_has_a_fault(payload: bytes, fault: str) -> None:
    """What is no JSON, no object or array, or has no value at all is a fault with words."""
    decoded = decode(payload, PLAN, NOW)
    assert decoded.fault == fault
    assert decoded.detail
    assert not decoded.rows


def test_fault_keeps_the_id_for_the_reply() -> None:
    """A sender that asked for a reply gets one also when its message has no shape."""
    assert read({"id": "q", "values": 7}).id == "q"


def test_element_that_is_no_object_costs_only_itself() -> None:
    """In an array a bad element is refused by its number, its neighbours count."""
    decoded = read([7, {"values": 3}, {"ts": TS, "values": {"ph": 7}}])
    assert values(decoded) == {("-", "ph", TS): 7.0}
    assert refused(decoded) == {"[0]": "bad_shape", "[1]": "bad_shape"}


def test_bad_value_does_not_cost_its_neighbours() -> None:
    """Every value is judged on its own, NaN and Infinity of Python's json included."""
    payload = b"""{"ts": 1732200000000, "values": {"ph": 7.2, "turbidity": null, "orp": "", "toc": "-", "codmn": NaN,
        "ozone": Infinity, "flow": -Infinity, "colour": 1e999, "uv254": {"v": 1}, "pressure": [1], "humidity": true}}"""
    decoded = decode(payload, PLAN, NOW)
    assert values(decoded) == {("-", "ph", TS): 7.2}
    assert set(refused(decoded).values()) == {"not_a_number"}
    assert len(decoded.refusals) == 10
    assert {refusal.ts for refusal in decoded.refusals} == {TS}


def test_message_of_refused_values_only_has_no_fault() -> None:
    """The values are listed as refused; the fate is for the series to give."""
    decoded = read({"ts": TS, "values": {"ph": None, "zz": 4}})
    assert decoded.fault is None
    assert not decoded.rows
    assert refused(decoded) == {"ph": "not_a_number", "zz": "unknown_parameter"}


def test_decimal_text_is_a_number_and_less_than_is_a_qualifier() -> None:
    """A text "<0.02" is 0.02 with qualifier <."""
    decoded = read(
        {"ts": TS, "values": {"chlorine_free": "<0.02", "ph": " 7.25 ", "turbidity": ">100", "toc": "1.2e1"}}
    )
    (row,) = decoded.rows
    assert row.values == [0.02, 7.25, 100.0, 12.0]
    assert row.qualifiers == ["<", "", ">", ""]


def test_channel_name_comes_before_parameter_and_brings_its_unit() -> None:
    """EC in mS/cm becomes conductivity in uS/cm; the parameter's own name means the same channel."""
    plan = plan_of(channels=[{"parameter": "conductivity", "name": "EC", "unit": "mS/cm"}])
    assert values(read({"ts": TS, "values": {"EC": 0.412}}, plan)) == {("-", "conductivity", TS): 412.0}
    assert values(read({"ts": TS, "values": {"conductivity": 0.412}}, plan)) == {("-", "conductivity", TS): 412.0}


def test_point_stands_behind_the_at_sign() -> None:
    """<parameter>@<point> is accepted with or without an entry, and points give rows of their own."""
    plan = plan_of(channels=[{"parameter": "ph", "point": "inlet"}])
    decoded = read({"ts": TS, "values": {"ph@inlet": 7.1, "ph@outlet": 7.2, "turbidity@inlet": 1, "ph": 7.3}}, plan)
    assert {row.point: row.parameters for row in decoded.rows} == {
        "inlet": ("ph", "turbidity"),
        "outlet": ("ph",),
        "-": ("ph",),
    }


@pytest.mark.parametrize("key", ["zz", "ph@", "ph@a b", "PH", "@x", "", "ph@x/y", "values", "ts", "ph@" + "x" * 65])
def test_other_keys_are_unknown(key: str) -> None:
    """Any key that is neither name nor parameter nor parameter@point is refused, its neighbours are not."""
    decoded = read({"ts": TS, "values": {key: 1, "turbidity": 1}})
    assert refused(decoded) == {key: "unknown_parameter"}
    assert len(decoded.rows) == 1


def test_two_keys_of_one_channel_with_different_values() -> None:
    """The first stays, the second is refused; an equal second one is no second value."""
    plan = plan_of(channels=[{"parameter": "conductivity", "name": "EC"}])
    decoded = read({"ts": TS, "values": {"EC": 400, "conductivity": 401}}, plan)
    assert values(decoded) == {("-", "conductivity", TS): 400.0}
    assert [(one.key, one.reason, one.known) for one in decoded.refusals] == [("conductivity", "duplicate_key", 400.0)]
    same = read({"ts": TS, "values": {"EC": 400, "conductivity": 400.0}}, plan)
    assert values(same) == {("-", "conductivity", TS): 400.0}
    assert not same.refusals


@pytest.mark.parametrize(("raw", "ts"), [(str(TS), TS), (float(TS), TS), (TS + 0.75, TS), (f" {TS}.9", TS)])
def test_time_may_be_text_or_have_a_fraction(raw: Any, ts: int) -> None:
    """A ts is a number or numeric text; fractions of a ms are cut off."""
    assert values(read({"ts": raw, "values": {"ph": 7}})) == {("-", "ph", ts): 7.0}


@pytest.mark.parametrize("raw", [0, -5, 1_732_200_000, "1732200000", 1_577_836_799_999, -(10**30)])
def test_time_before_earliest_keeps_its_text(raw: Any) -> None:
    """A device without a clock is heard: receive time, marked, with the time as sent."""
    decoded = read({"ts": raw, "values": {"ph": 7}})
    assert values(decoded) == {("-", "ph", NOW): 7.0}
    assert decoded.rows[0].gateway_time
    assert decoded.rows[0].raw_time == str(raw)
    assert not decoded.refusals


def test_earliest_of_the_device_lets_old_data_in() -> None:
    """A device registered from a map file has earliest 1970."""
    plan = plan_of(earliest=0)
    assert values(read({"ts": 1_140_480_000_000, "values": {"ph": 7}}, plan)) == {("-", "ph", 1_140_480_000_000): 7.0}


@pytest.mark.parametrize(
    "raw", ["", "yesterday", "2024-11-21", True, [], {}, 10**13, 10**40, "1_732_200_000_000", "NaN"]
)
def test_unreadable_time_refuses_its_reading_only(raw: Any) -> None:
    """Garbage in ts refuses the values of that reading, not the others of the array, and never raises."""
    decoded = read([{"ts": raw, "values": {"ph": 7, "turbidity": 1}}, {"ts": TS, "values": {"ph": 7}}])
    assert values(decoded) == {("-", "ph", TS): 7.0}
    assert refused(decoded) == {"ph": "implausible_time", "turbidity": "implausible_time"}


def test_null_time_is_no_time() -> None:
    """A ts of null is a ts that was not sent."""
    assert read({"ts": None, "values": {"ph": 7}}).rows[0].gateway_time


def test_flags_follow_their_values() -> None:
    """Flags are those of HJ 212; one that nobody knows is not N and costs no value."""
    flags = {"ph": "m", "toc": "X", "orp": "later", "codmn": 7, "ozone": None, "gone": "D"}
    decoded = read({"ts": TS, "values": dict.fromkeys([*flags, "turbidity"], 1) | {"gone": None}, "flags": flags})
    (row,) = decoded.rows
    assert dict(zip(row.parameters, row.flags or [], strict=True)) == {
        "ph": "M",
        "toc": "X",
        "orp": "?",
        "codmn": "?",
        "ozone": "N",
        "turbidity": "N",
    }
    assert refused(decoded) == {"gone": "unknown_parameter"}


def test_flags_that_are_no_object_make_no_value_normal() -> None:
    """Something was said about the values that cannot be read: they do not count as normal."""
    assert read({"ts": TS, "values": {"ph": 7}, "flags": "D"}).rows[0].flags == ["?"]


@pytest.mark.parametrize(("raw", "value"), [(True, 1.0), (False, 0.0), (1, 1.0), (0.0, 0.0), ("1", 1.0)])
def test_switch_takes_booleans_and_0_or_1(raw: Any, value: float) -> None:
    """Switches are 0 or 1 however they were written."""
    assert read({"ts": TS, "values": {"door": raw}}).rows[0].values == [value]


@pytest.mark.parametrize("raw", [2, 0.5, -1, "0.5"])
def test_switch_takes_nothing_between(raw: Any) -> None:
    """A switch that is half on is implausible."""
    assert refused(read({"ts": TS, "values": {"door": raw}})) == {"door": "implausible"}


def test_implausible_value_is_refused_with_its_value() -> None:
    """Outside the catalogue's range, or the channel's narrower one, in the catalogue's unit."""
    plan = plan_of(
        channels=[{"parameter": "turbidity", "range": [0, 100]}, {"parameter": "temperature", "unit": "degF"}]
    )
    decoded = read({"ts": TS, "values": {"ph": 14.5, "turbidity": 100.5, "temperature": 100, "orp": 5}}, plan)
    assert refused(decoded) == {"ph": "implausible", "turbidity": "implausible"}
    assert [refusal.raw for refusal in decoded.refusals] == ["14.5", "100.5"]
    assert read({"ts": TS, "values": {"turbidity": 100, "ph": 14}}, plan).rows[0].values == [100.0, 14.0]


def test_sentinels_of_the_source_are_refused_as_sent() -> None:
    """A source's skip values are compared before conversion, as numbers and as text."""
    plan = plan_of({"codec": "hygeia-json", "skip": ["-99", 0, "n/a"], "units": {"temperature": "degF"}})
    quick = read({"ts": TS, "values": {"ph": 7, "temperature": 0}}, plan)
    assert refused(quick) == {"temperature": "sentinel"}
    decoded = read({"ts": TS, "values": {"ph": -99, "toc": "-99.0", "orp": "n/a", "temperature": 32}}, plan)
    assert refused(decoded) == {"ph": "sentinel", "toc": "sentinel", "orp": "sentinel"}
    assert values(decoded) == {("-", "temperature", TS): pytest.approx(0.0)}


def test_unit_that_cannot_be_converted_refuses_its_channel() -> None:
    """A registry that slipped through its check costs one channel, not the message."""
    plan = plan_of(channels=[{"parameter": "ph", "unit": "psi"}])
    decoded = read({"ts": TS, "values": {"ph": 7, "turbidity": 1}}, plan)
    assert refused(decoded) == {"ph": "bad_unit"}


@pytest.mark.parametrize(("raw", "echo"), [("a1", "a1"), (17, 17), ("", None), (1.5, None), (True, None), ([], None)])
def test_id_is_echoed_as_it_was_sent(raw: Any, echo: Any) -> None:
    """Text and integers are ids; anything else asks for no reply."""
    assert read({"id": raw, "values": {"ph": 7}}).id == echo
    assert read({"id": raw, "values": {"ph": "x"}}).id == echo


def test_id_that_no_reply_can_carry_is_none() -> None:
    """Over-long text, lone surrogates and integers beyond 64 bits are no ids."""
    for raw in ("x" * 129, "\ud800", 2**63):
        assert read({"id": raw, "values": {"ph": 7}}).id is None


def test_byte_order_mark_is_read_over() -> None:
    """Editors and some firmware put one in front."""
    assert len(decode(b'\xef\xbb\xbf{"ph": 7}', PLAN, NOW).rows) == 1


def test_numbers_beyond_a_float_cost_only_themselves() -> None:
    """400 or 5,000 digits are no measurement, and no exception."""
    for digits in (400, 5000):
        decoded = decode(b'{"ph": 7, "toc": ' + b"9" * digits + b"}", PLAN, NOW)
        assert len(decoded.rows) == 1
        assert refused(decoded) == {"toc": "not_a_number"}


def test_long_texts_are_cut_in_refusals() -> None:
    """What is listed of a refused value stays short."""
    decoded = read({"k" * 5000: "v" * 5000})
    assert max(len(decoded.refusals[0].key), len(decoded.refusals[0].raw)) <= 120
