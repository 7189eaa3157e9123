"""Tags: one text a content, URIs of GS1's schemes, no identity from a TID or a blank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.epc import canonical
from custody.identity import read_id, read_ids
from custody.plus import PlusError, decode_plus


def padded(hex_: str, to: int = 4) -> str:
    """Hex as a reader reports it: whole words of 16 bits."""
    return hex_ + "0" * (-len(hex_) % to)


def test_vectors_of_the_standard(shared: Path) -> None:
    """TDS 2.3 annex E.3: pure identity URI where there is one, else (the "+" schemes) the Digital Link."""
    document = json.loads((shared / "vectors" / "tds" / "tds23_e3_vectors.json").read_text(encoding="utf-8"))
    assert len(document["vectors"]) == 16
    for vector in document["vectors"]:
        sent = padded(vector["hex"])
        found = canonical(sent)
        assert found == (sent, vector["pure"] or vector["dl"], True), vector["scheme"]
        # A reader that reports more of the memory than the scheme has reports the same tag.
        assert canonical(sent + "0000") == found, vector["scheme"]


def test_what_must_not_decode_has_no_uri_and_a_flag(shared: Path) -> None:
    """Broken hex, a blank and a TID are flagged; nothing is guessed."""
    document = json.loads((shared / "vectors" / "tds" / "tds23_e3_vectors.json").read_text(encoding="utf-8"))
    for sent in document["must_not_decode"]:
        flags: set[str] = set()
        found = read_id({"k": "epc", "v": sent}, flags)
        assert flags == {"bad_id"}, sent
        assert found is None or found.uri == "", sent


def bits(*parts: tuple[int, int]) -> str:
    """Hex in whole words of (value, number of bits)."""
    text = "".join(f"{value:0{count}b}" for value, count in parts)
    return f"{int(text + '0' * (-len(text) % 16), 2):0{-(-len(text) // 16) * 4}X}"


def text_7(text: str) -> list[tuple[int, int]]:
    """A text in 7-bit ASCII with its encoding and length."""
    return [(4, 3), (len(text), 5), *((ord(letter), 7) for letter in text)]


GTIN = [(int(digit), 4) for digit in "09506000134352"]
HEAD = [(0xF7, 8), (0, 1), (0, 3), *GTIN]


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ([(0, 3), (6, 5), (123, 20)], "000123"),
        ([(1, 3), (4, 5), (0xBEEF, 16)], "BEEF"),
        ([(2, 3), (4, 5), (0xBEEF, 16)], "beef"),
        ([(3, 3), (3, 5), (0, 6), (62, 6), (63, 6)], "A-_"),
        (text_7("a/b"), "a%2Fb"),
        ([(5, 3), (4, 5), (1600 * 1 + 40 * 2 + 3 + 1, 16), (1600 * 30 + 1, 16)], "ABC0"),
    ],
)
def test_serials_of_every_encoding(serial: list[tuple[int, int]], expected: str) -> None:
    """TDS 2.3, section 14.5.6: integer, hex in both cases, base 64, 7-bit ASCII, URN Code 40."""
    assert decode_plus(bits(*HEAD, *serial)).uri == f"https://id.gs1.org/01/09506000134352/21/{expected}"


@pytest.mark.parametrize(
    ("tag", "uri"),
    [
        (bits((0xF4, 8), (0, 4), *((int(one), 4) for one in "952114112345678906")), "8018/952114112345678906"),
        (bits((0xFA, 8), (0, 4), *((int(one), 4) for one in "95211415678"), (15, 4)), "8004/95211415678"),
        (bits((0xF9, 8), (0, 4), *((int(one), 4) for one in "095201234567891235")), "00/095201234567891235"),
    ],
)
def test_keys_without_a_serial(tag: str, uri: str) -> None:
    """Keys of fixed length, and digits up to their delimiter."""
    assert decode_plus(tag).uri == f"https://id.gs1.org/{uri}"


@pytest.mark.parametrize(
    "tag",
    [
        bits((0xF7, 8), (0, 4), (10, 4), *GTIN[1:], *text_7("a")),
        bits(*HEAD)[:16],
        bits(*HEAD, (6, 3), (1, 5), (1, 7)),
        bits(*HEAD, (4, 3), (21, 5), *((65, 7),) * 21),
        bits(*HEAD, (4, 3), (0, 5)),
        bits(*HEAD, *text_7(" ")),
        bits(*HEAD, (0, 3), (2, 5), (120, 7)),
        bits(*HEAD, (5, 3), (1, 5), (0, 16)),
        bits(*HEAD, (5, 3), (1, 5), (1600 + 40 + 1 + 1, 16)),
        bits(*HEAD, *text_7("a"), (1, 40)),
        bits((0xFA, 8), (0, 4), (9, 4), (15, 4)),
        bits((0xFA, 8), (0, 4), (9, 4), (5, 4), (2, 4), (1, 4), (12, 4)),
    ],
)
def test_bits_that_are_not_of_the_scheme_are_refused(tag: str) -> None:
    """No digit, too short, unknown encoding, too long, strange letters, remains behind the end."""
    with pytest.raises(PlusError):
        decode_plus(tag)
    assert canonical(tag) == (tag, "", False)


def test_more_data_behind_the_key_makes_no_other_container() -> None:
    """A tag that says that it carries more (its toggle is set) is called by its key alone."""
    head = [(0xF7, 8), (1, 1), (0, 3), *GTIN, *text_7("abc")]
    plain, more = canonical(bits(*head)), canonical(bits(*head, (0x1234, 16), (0x5678, 16)))
    assert plain == more
    assert plain.good


@pytest.mark.parametrize(
    ("sent", "text", "flags"),
    [
        ({"k": "epc", "v": "3066c4409047e140075bcd15"}, "3066C4409047E140075BCD15", set()),
        ({"k": "epc", "v": " 3066C4409047E140075BCD150000 "}, "3066C4409047E140075BCD15", set()),
        ({"k": "epc", "v": "AA00000000000001"}, "AA00000000000001", set()),
        ({"k": "epc", "v": "307C257BF7194E4000001A85"}, "307C257BF7194E4000001A85", {"bad_id"}),
        ({"k": "epc", "v": "3066C4409047E140075BCD1"}, "3066C4409047E140075BCD1", {"bad_id"}),
        ({"k": "epc", "v": "3066C440 9047E140"}, "3066C440 9047E140", {"bad_id"}),
        ({"k": "epc", "v": "A" * 126}, "A" * 126, {"bad_id"}),
        ({"k": "epc", "v": "E2801160600002054CB2A1B0"}, None, {"bad_id"}),
        ({"k": "epc", "v": "0" * 24}, None, {"bad_id"}),
        ({"k": "tid", "v": "E2801160600002054CB2A1B0"}, None, set()),
        ({"k": "tid", "v": "E28"}, None, {"bad_id"}),
        ({"k": "qr", "v": " MW 1 "}, "MW 1", set()),
        ({"k": "qr", "v": "\ud800x"}, "?x", set()),
        ({"k": "qr", "v": "x" * 257}, None, {"bad_id"}),
        ({"k": "rfid", "v": "MW1"}, "MW1", {"bad_id"}),
        ({"k": "qr", "v": "MW1\nMW2"}, "MW1\nMW2", {"bad_id"}),
        ({"k": "text", "v": "MW1\x1b[2J"}, "MW1\x1b[2J", {"bad_id"}),
        ({"k": "qr", "v": "MW1\u2028x"}, "MW1\u2028x", {"bad_id"}),
        ({"k": "qr", "v": "0106901234567892\x1d21A1"}, "0106901234567892\x1d21A1", set()),
        ({"v": "MW1"}, "MW1", {"bad_id"}),
        ("MW1", "MW1", {"bad_id"}),
        (17, None, {"bad_id"}),
    ],
)
def test_id_has_one_text_or_none(sent: object, text: str | None, flags: set[str]) -> None:
    """What somebody read stays; a chip's number and a blank tag name nothing."""
    found: set[str] = set()
    one = read_id(sent, found)
    assert (None if one is None else one.v) == text
    assert found == flags


def test_only_a_tid_is_no_identity() -> None:
    """A list that names no container says so; beside a label the TID is no fault."""
    tid = {"k": "tid", "v": "E2801160600002054CB2A1B0"}
    flags: set[str] = set()
    assert read_ids([tid], flags) == []
    assert flags == {"no_identity"}
    flags = set()
    assert [one.v for one in read_ids([tid, {"k": "qr", "v": "A"}, {"k": "text", "v": "A"}], flags)] == ["A"]
    assert flags == set()
