"""What every codec promises: it never raises, judges values on their own, and answers the same again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from devices.codecs import hygeia_json, json_map
from devices.parameters import CATALOGUE
from devices.plan import Plan, compile_plan
from devices.reading import REASONS, Decoded
from devices.registry import Change, Registry

TS = 1_732_200_000_000
NOW = TS + 1000
FAULTS = {"not_json", "bad_shape", "no_valid_value", "bad_source"}


class Codec(NamedTuple):
    """One codec, and how its senders write values at a time (None = they send none)."""

    name: str
    decode: Callable[[bytes, Plan, int], Decoded]
    source: dict[str, Any] | None
    write: Callable[[dict[str, Any], Any], Any]


def own(values: dict[str, Any], ts: Any) -> Any:
    """Hygeia's own second shape, or the first without a time."""
    return values if ts is None else {"ts": ts, "values": values}


def flat(values: dict[str, Any], ts: Any) -> Any:
    """One object with all fields."""
    return values if ts is None else {"t": ts, **values}


def deep(values: dict[str, Any], ts: Any) -> Any:
    """Values inside an array inside an object."""
    data = [{"now": value} for value in values.values()]
    return {"data": data} if ts is None else {"head": {"t": ts}, "data": data}


MAP = {"codec": "json-map", "filter": "x/+", "device": "topic[1]", "time": {"field": "t", "format": "unix_ms"}}
DEEP = {"$.data[0].now": "ph", "$.data[1].now": "turbidity", "$.data[2].now": "toc"}
CODECS = [
    Codec("hygeia-json", hygeia_json.decode, None, own),
    Codec("hygeia-json of a source", hygeia_json.decode, {"codec": "hygeia-json", "filter": "x/+"}, own),
    Codec("json-map", json_map.decode, MAP | {"map": {key: key for key in ("ph", "turbidity", "toc")}}, flat),
    Codec("json-map with paths", json_map.decode, MAP | {"map": DEEP, "time": {"field": "$.head.t"}}, deep),
]


@pytest.fixture(params=CODECS, ids=lambda codec: codec.name)
def codec(request: pytest.FixtureRequest) -> Codec:
    """Each codec in turn."""
    found: Codec = request.param
    return found


def plan_of(codec: Codec) -> Plan:
    """The plan of a device without channels, through the codec's source."""
    registry = Registry()
    registry.apply([Change("devices", "d", {"id": "d", "kind": "water"})], 0)
    return compile_plan(registry, "d", codec.source)


def run(codec: Codec, values: dict[str, Any], ts: Any = TS) -> Decoded:
    """What the codec makes of values at a time."""
    return codec.decode(json.dumps(codec.write(values, ts)).encode(), plan_of(codec), NOW)


def test_clean_message_gives_one_row_in_its_order(codec: Codec) -> None:
    """Values of one point and time are one row, in the order of the message."""
    decoded = run(codec, {"ph": 7.1, "turbidity": 2, "toc": "3.5"})
    (row,) = decoded.rows
    assert (row.parameters, row.values, row.ts, row.point) == (("ph", "turbidity", "toc"), [7.1, 2.0, 3.5], TS, "-")
    assert all(type(value) is float for value in row.values)
    assert (decoded.fault, decoded.refusals, row.gateway_time) == (None, [], False)


def test_refused_value_leaves_its_neighbours(codec: Codec) -> None:
    """Each value is judged on its own and listed with its reason."""
    decoded = run(codec, {"ph": None, "turbidity": 2, "toc": "x"})
    assert decoded.rows[0].parameters == ("turbidity",)
    assert [refusal.reason for refusal in decoded.refusals] == ["not_a_number", "not_a_number"]


def test_without_a_time_the_receive_time_counts(codec: Codec) -> None:
    """The row says that the time is the gateway's."""
    (row,) = run(codec, {"ph": 7, "turbidity": 2, "toc": 1}, None).rows
    assert (row.ts, row.gateway_time, row.raw_time) == (NOW, True, "")


def test_time_before_earliest_is_kept_as_text(codec: Codec) -> None:
    """1970 is no device time unless the registry says so."""
    (row,) = run(codec, {"ph": 7, "turbidity": 2, "toc": 1}, 12345).rows
    assert (row.ts, row.gateway_time, row.raw_time) == (NOW, True, "12345")


def test_unreadable_time_refuses_the_values(codec: Codec) -> None:
    """What cannot be placed in time is listed, not stored."""
    decoded = run(codec, {"ph": 7, "turbidity": 2, "toc": 1}, "noon")
    assert not decoded.rows
    assert [refusal.reason for refusal in decoded.refusals] == ["implausible_time"] * 3


def test_decoding_again_gives_the_same(codec: Codec) -> None:
    """Decoding depends on nothing but bytes, plan and receive time, and hands out nothing that is shared."""
    payload = json.dumps(codec.write({"ph": 7, "turbidity": "<2", "toc": None}, TS)).encode()
    plan = plan_of(codec)
    first = codec.decode(payload, plan, NOW)
    kept = copy.deepcopy(first)
    for row in first.rows:
        row.values.append(1.0)
    assert codec.decode(payload, plan, NOW) == kept


@pytest.mark.parametrize(
    "payload",
    [
        *(
            b"",
            b" ",
            b"null",
            b"1",
            b'"a"',
            b"[]",
            b"{}",
            b"[[[]]]",
            b"{",
            b"\xff\xfe",
            b"\x00" * 64,
            b'{"a":1}x',
            b"[1,2]",
        ),
        *(b"[" * 60_000, b'{"a":' * 12_000, b"9" * 60_000, b'{"ph":' + b"9" * 60_000 + b"}", b'{"ph":1e99999}'),
        *(b'{"ph":"\\ud800"}', b'{"\\ud800":1}', b'{"id":"\\ud800","ph":7}', b'{"ts":1e400,"t":1e400,"ph":7}'),
        *(
            b'{"ph":NaN}',
            b'{"ts":NaN,"t":NaN,"ph":1}',
            b'{"ph":' + b"[" * 500 + b"]" * 500 + b"}",
            b'"' + b"x" * 60_000 + b'"',
        ),
        b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(6000)) + b"}",
    ],
)
def test_no_bytes_make_it_raise(codec: Codec, payload: bytes) -> None:
    """Whatever arrives, there is an answer that can be written down."""
    decoded = codec.decode(payload, plan_of(codec), NOW)
    assert decoded.fault is None or (decoded.fault in FAULTS and decoded.detail)
    assert decoded.fault is not None or decoded.rows or decoded.refusals
    assert {refusal.reason for refusal in decoded.refusals} <= set(REASONS)
    msgspec.json.encode(decoded)


def test_every_parameter_of_the_catalogue_is_heard() -> None:
    """A parameter is accepted without a channels entry."""
    plan = plan_of(CODECS[0])
    for name, parameter in CATALOGUE.items():
        middle = 1 if parameter.switch else (parameter.low + parameter.high) / 2
        (row,) = hygeia_json.decode(json.dumps({name: middle}).encode(), plan, NOW).rows
        assert (row.parameters, row.values) == ((name,), [float(middle)])
