"""Entries of the ledger: one form in bytes, and no other is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.ledger.entry import EntryError, Link, canonical, entry, parse

PREV = bytes(range(32))
LINKS: list[tuple[str, int, bytes | None]] = [("container:b-1", 0, None), ("vehicle:苏A·12", 7, PREV)]


def made(body: dict[str, Any] | None = None, **instead: Any) -> bytes:
    """An entry like many."""
    given_: dict[str, Any] = {"kind": "custody", "at": 1_700_000_000_000, "offset": 12, "n": 0, "links": LINKS}
    given_ |= {"body": {"net_g": 1200, "ids": ["b-1"], "by": None, "found": True} if body is None else body}
    return entry(**given_ | {"version": "0.1.0", "registry": 3} | instead)


def test_what_is_written_is_read_again() -> None:
    """Every part of an entry comes back, numbers and hashes as they were."""
    found = parse(made())
    assert (found.kind, found.at, found.offset, found.n) == ("custody", 1_700_000_000_000, 12, 0)
    assert (found.version, found.registry) == ("0.1.0", 3)
    assert found.links == (Link("container:b-1", 0, None), Link("vehicle:苏A·12", 7, PREV))
    assert found.body == {"net_g": 1200, "ids": ["b-1"], "by": None, "found": True}


def test_the_bytes_are_as_docs_ledger_shows_them() -> None:
    """The form itself: sorted keys, no blanks, UTF-8. It must never change: old entries are hashed as they are."""
    assert made({"b": 1, "a": "é\n"}, links=[("ledger", 0, None)]).decode() == (
        '{"at":1700000000000,"body":{"a":"é\\n","b":1},"kind":"custody",'
        '"links":[{"entity":"ledger","entity_prev":null,"entity_seq":0}],'
        '"n":0,"offset":12,"registry":3,"v":1,"version":"0.1.0"}'
    )


@pytest.mark.parametrize(
    "body",
    [
        {"kg": 1.5}, {"kg": float("nan")}, {"a": [{"b": 0.0}]}, {"n": 2**53}, {"n": -(2**53)}, {"t": "\ud800"},
        {1: "a"}, {"raw": b"bytes"}, {"set": {1}},
    ],
)  # fmt: skip
def test_what_has_no_one_form_is_refused(body: dict[str, Any]) -> None:
    """Fractions, integers beyond 2^53-1, lone surrogates and other kinds never get into an entry."""
    with pytest.raises(EntryError):
        made(body)


def test_a_body_without_end_is_refused() -> None:
    """Lists within lists within lists are an error, not the end of the process."""
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(EntryError):
        made({"deep": deep})
    with pytest.raises(EntryError):
        parse(b"[" * 200_000)


def broken(**changes: Any) -> bytes:
    """An entry with other values, still in canonical form; a value of ``...`` takes the key away."""
    document = json.loads(made()) | changes
    return rfc8785.dumps({key: value for key, value in document.items() if value is not ...})


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"null", b"[]", b"{}", b"\xff", b'{"v":1}', made() + b" ", b" " + made(), made() + b"{}",
        made().replace(b'"offset":12', b'"offset":12,"offset":12'), made().replace(b'"n":0', b'"n":0.0'),
        made().replace(b'"n":0', b'"n":-0'), made().replace(b'"n":0', b'"n":NaN'), made().replace(b'"n":0', b'"n":1e3'),
        made().replace(b'"net_g":1200', b'"net_g":1200,"net_g":1'), made().replace(b":", b": ", 1),
        made().replace("苏".encode(), b"\\u82cf"), broken(v=2), broken(v=True), broken(at="1"), broken(n=None),
        broken(kind=1), broken(version=...), broken(more=1), broken(body=[]), broken(links={}), broken(links=[1]),
        broken(links=[{"entity": "a", "entity_seq": 0, "entity_prev": "ab"}]),
        broken(links=[{"entity": "a", "entity_seq": 1, "entity_prev": None}]),
        broken(links=[{"entity": "a", "entity_seq": 0, "entity_prev": "0" * 64}]),
        broken(links=[{"entity": "a", "entity_seq": -1, "entity_prev": "0" * 64}]),
        broken(links=[{"entity": "a", "entity_seq": 1, "entity_prev": "A" * 64}]),
    ],
)  # fmt: skip
def test_anything_but_the_one_form_is_refused(raw: bytes) -> None:
    """Keys twice, blanks, other orders, escapes, fractions and wrong kinds are no entry."""
    with pytest.raises(EntryError, match=r"^entry[^\n]*$"):
        parse(raw)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=8), PLAIN, max_size=6))
def test_the_fast_writer_writes_what_rfc8785_writes(document: dict[str, Any]) -> None:
    """Any document of integers and text has the bytes that the reference gives it, whatever its keys."""
    assert canonical(document) == rfc8785.dumps(document)


@settings(max_examples=60)
@given(st.dictionaries(st.text(alphabet='abc\x7f~ \x00\x1f"\\', max_size=4), st.text(), max_size=6))
def test_control_characters_are_written_as_rfc8785_writes_them(document: dict[str, Any]) -> None:
    """The escapes are those of RFC 8785 section 3.2.2.2."""
    assert canonical(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_vectors_of_rfc_8785(shared: Path, name: str) -> None:
    """The library that fixes the form gives the published bytes; ours does where there are no fractions."""
    folder = shared / "vectors" / "jcs"
    if not folder.is_dir():
        pytest.skip("the vectors of RFC 8785 are absent")
    document = json.loads((folder / "input" / f"{name}.json").read_bytes())
    expected = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
    assert rfc8785.dumps(document) == expected
    if name not in {"arrays", "structures", "values"}:
        assert canonical(document) == expected
