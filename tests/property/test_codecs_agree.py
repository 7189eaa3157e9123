"""The quick way of hygeia-json and the long one give the same; no document and no bytes make a codec raise."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.codecs import hygeia_json, json_map
from devices.plan import Plan, compile_plan
from devices.registry import Change, Registry

NOW = 1_732_200_000_000
CHANNELS = [
    {"parameter": "conductivity", "name": "EC", "unit": "mS/cm"},
    {"parameter": "temperature", "unit": "degF", "range": [0, 40]},
    {"parameter": "ph", "point": "in"},
]
KEYS = ["EC", "conductivity", "temperature", "ph", "ph@in", "door", "turbidity", "zz", "ts", "id", "flags", "values"]


def plan_of(source: dict[str, Any] | None) -> Plan:
    """A device with a name, a unit, a range and a point."""
    registry = Registry()
    registry.apply([Change("devices", "d", {"id": "d", "channels": CHANNELS})], 0)
    return compile_plan(registry, "d", source)


PLAIN = plan_of(None)
SKIPPING = plan_of({"codec": "hygeia-json", "skip": ["-99", "7", "x"], "map": {"zz": "toc@out"}})
MAPPED = plan_of({"codec": "json-map", "map": {"EC": "conductivity", "$.values.ph": "ph"}, "time": {"field": "ts"}})

numbers = st.one_of(
    st.integers(-200, 200),
    st.floats(-200, 200),
    st.floats(),
    st.integers(),
    st.sampled_from([0, 1, 7, 7.0, -99, 14, 10**30, True, None]),
)
leaves = st.one_of(numbers, st.text(max_size=6), st.sampled_from(["-99", "7.5", "<0.02", "x"]))
times = st.one_of(st.integers(NOW - 10, NOW + 10), st.integers(), st.floats(), st.none(), st.text(max_size=14))
values = st.dictionaries(st.sampled_from(KEYS), leaves, max_size=7)
clean = st.dictionaries(st.sampled_from(KEYS[:8]), st.floats(0, 50) | st.integers(0, 14), max_size=7)
readings = st.fixed_dictionaries(
    {"values": values | clean},
    optional={
        "ts": times,
        "id": leaves | st.text(max_size=130),
        "seq": numbers,
        "flags": st.none() | st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["N", "D", "?", ""])) | leaves,
    },
)
good = st.sampled_from(["EC", "ph", "ph@in", "turbidity", "door"])
tidy = st.fixed_dictionaries(
    {"values": st.dictionaries(good, st.sampled_from([0, 1, 1.0, 0.5, 7, -99]), min_size=1, max_size=4)},
    optional={"ts": st.integers(NOW, NOW + 2), "flags": st.dictionaries(good, st.sampled_from(["N", "D"]), max_size=3)},
)
messages = tidy | values | clean | readings | st.lists(readings | clean | tidy, max_size=4)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner)
)


@settings(max_examples=300, deadline=None)
@given(messages, st.sampled_from([PLAIN, SKIPPING]))
def test_quick_way_and_long_way_agree(message: Any, plan: Plan) -> None:
    """Where the quick way answers, the long way gives the same rows, refusals, id and seq."""
    payload = json.dumps(message).encode()
    assert repr(hygeia_json.decode(payload, plan, NOW)) == repr(hygeia_json._decode_any(payload, plan, NOW))


@settings(max_examples=150, deadline=None)
@given(messages | documents, st.sampled_from([PLAIN, SKIPPING, MAPPED]))
def test_any_document_has_an_answer(document: Any, plan: Plan) -> None:
    """No document makes a codec raise, and what it answers can be written down."""
    payload = json.dumps(document).encode()
    for codec in (hygeia_json, json_map):
        decoded = codec.decode(payload, plan, NOW)
        msgspec.json.encode(decoded)
        for row in decoded.rows:
            assert len(row.values) == len(row.parameters) > 0
            assert all(type(value) is float and abs(value) < 1e6 for value in row.values)
            assert -(2**63) < row.ts < 2**63
            assert row.flags is None or len(row.flags) == len(row.values)
            assert row.qualifiers is None or len(row.qualifiers) == len(row.values)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60) | messages.map(lambda one: json.dumps(one).encode()),
    st.integers(0, 60),
    st.binary(max_size=3),
)
def test_any_bytes_have_an_answer(payload: bytes, at: int, noise: bytes) -> None:
    """Cut, broken and random bytes are answered, too."""
    for broken in (payload, payload[:at], payload[:at] + noise + payload[at:]):
        for codec in (hygeia_json, json_map):
            msgspec.json.encode(codec.decode(broken, PLAIN, NOW))
            msgspec.json.encode(codec.decode(broken, MAPPED, NOW))


@settings(max_examples=100, deadline=None)
@given(documents)
def test_device_is_text_or_none(document: Any) -> None:
    """Looking for the device of a message raises nothing."""
    payload = json.dumps(document).encode()
    for rule in ("$.a", "$.a.b", "a", "$"):
        found = json_map.device_of({"device": rule}, "t", payload)
        assert found is None or found.encode()
