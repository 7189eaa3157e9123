"""No bytes and no document make a custody event raise, and what it answers can be written down."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.event import decode
from custody.flags import FLAGS
from custody.resolve import fact
from devices.registry import Registry

NOW = 1_732_200_000_000
EMPTY = Registry()
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30))
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
hexes = st.text("0123456789abcdefXF3", max_size=40)
ids = st.lists(
    st.fixed_dictionaries({"k": st.sampled_from(["epc", "tid", "qr", "text"]) | anything, "v": hexes | anything})
    | anything,
    max_size=3,
)
weights = st.dictionaries(
    st.sampled_from(["gross_g", "tare_g", "net_g", "gross_kg", "tare_kg", "net_kg", "mode", "stable"]),
    anything | st.integers(-5, 5) | st.decimals(-5, 5, allow_nan=False).map(str),
    max_size=5,
)
events = st.fixed_dictionaries(
    {"id": st.text(max_size=4) | anything, "step": st.sampled_from(["pack", "void"]) | anything, "ids": ids | anything},
    optional={
        **dict.fromkeys(
            [
                *(
                    "ts",
                    "boot",
                    "seq",
                    "clock_sync",
                    "category",
                    "place",
                    "by",
                    "with",
                    "of",
                    "sig",
                    "parent",
                    "manifest",
                ),
                *("reason", "approved_by", "pos", "files", "vehicle", "risk"),
            ],
            anything,
        ),
        "weight": weights | anything,
    },
)


@settings(max_examples=100, deadline=None)
@given(events | anything, st.binary(max_size=3), st.integers(0, 200))
def test_any_event_has_an_answer(document: Any, noise: bytes, at: int) -> None:
    """Whole, cut and broken documents are answered; grams are whole, flags have words, the digest is a SHA-256."""
    payload = json.dumps(document).encode()
    for sent in (payload, payload[:at], payload[:at] + noise + payload[at:]):
        event = decode(sent, NOW)
        msgspec.json.encode(event)
        if event.fault is not None:
            assert event.detail
            continue
        assert event.id
        assert event.step
        assert len(event.digest) == 64
        assert all(type(one) is int and one >= 0 for one in event.grams.values())
        assert set(event.flags) <= set(FLAGS)
        assert event.containers == sorted(set(event.containers))
        counted = fact(event, EMPTY, "t", 0, 0, NOW, "", None)
        msgspec.msgpack.encode(counted)
        assert "not_a_terminal" in counted.flags
        assert set(counted.flags) <= set(FLAGS)


@settings(max_examples=100, deadline=None)
@given(events, st.sampled_from([None, 1]), st.booleans())
def test_digest_and_signed_form_are_those_of_rfc_8785(
    document: dict[str, Any], indent: int | None, ascii_: bool
) -> None:
    """Whatever spelling a sender chooses, quick or long way, they are the library's; else the event says so."""
    payload = json.dumps(document | {"id": "a", "step": "pack", "sig": "x"}, indent=indent, ensure_ascii=ascii_)
    try:
        sent = payload.encode()
    except UnicodeEncodeError:
        return
    event = decode(sent, NOW)
    if event.fault is not None:
        return
    # The document as a receiver has it: a number that is no 64-bit float may be another one there.
    known = json.loads(sent)
    try:
        form = rfc8785.dumps(known)
    except (rfc8785.CanonicalizationError, ValueError):
        assert "not_canonical" in event.flags
        assert event.signed is None
        return
    assert event.digest == hashlib.sha256(form).hexdigest()
    del known["sig"]
    assert event.signed == rfc8785.dumps(known)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_have_an_answer(payload: bytes) -> None:
    """Random bytes are no event."""
    assert decode(payload, NOW).fault is not None


@settings(max_examples=150, deadline=None)
@given(st.decimals(0, 999, places=3, allow_nan=False))
def test_kilograms_are_exact(kilograms: Any) -> None:
    """Every weight of three decimals becomes its grams, as text and as a number."""
    for text in (f'"{kilograms}"', str(kilograms)):
        event = decode(b'{"id":"a","step":"pack","ids":[],"weight":{"gross_kg":%s}}' % text.encode(), NOW)
        assert event.grams == {"gross_g": int(kilograms * 1000)}
