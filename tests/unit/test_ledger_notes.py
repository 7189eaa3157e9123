"""Notes, keys, heads and cosignatures in the formats of C2SP, read strictly."""

from __future__ import annotations

import base64
import binascii
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from custody.ledger import checkpoint as heads
from custody.ledger.checkpoint import Checkpoint, Clock, checkpoint
from custody.ledger.note import (
    COSIGNS,
    Note,
    NoteError,
    cosign,
    cosigned_at,
    decode64,
    key_of,
    parse_key,
    parse_line,
    parse_note,
    sign,
    signed_by,
)

ORIGIN = "test.example/ledger/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ROOT = bytes(range(32, 64))
HEAD = checkpoint(ORIGIN, 42, ROOT, Clock(1_795_312_200_000, "ntp", -412))

#: The example of c2sp.org/signed-note (PeterNeumann), the same that Go's package documents.
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_published_example_is_verified() -> None:
    """The note that the format's authors show is read, verified and written as it was."""
    note = parse_note(EXAMPLE.encode())
    assert signed_by(note, parse_key(EXAMPLE_KEY))
    assert str(note) == EXAMPLE
    assert str(parse_key(EXAMPLE_KEY)) == EXAMPLE_KEY
    assert not signed_by(Note(note.text + "\n", note.signatures), parse_key(EXAMPLE_KEY))


def line_by_hand(name: str, kind: int, key: Ed25519PrivateKey, stamped: bytes) -> str:
    """A signature line, written from the text of the format."""
    named = hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + key.public_key().public_bytes_raw()).digest()[:4]
    return f"\u2014 {name} {base64.b64encode(named + stamped).decode()}\n"


def test_ours_are_those_of_an_independent_writer() -> None:
    """Head, signature and cosignature are byte for byte what the formats say, written by hand."""
    text = f"{ORIGIN}\n42\n{base64.b64encode(ROOT).decode()}\ntime 1795312200000 ntp -412\n"
    note = f"{text}\n{line_by_hand(ORIGIN, 1, KEY, KEY.sign(text.encode()))}"
    assert str(sign(HEAD.text(), ORIGIN, KEY)) == note
    seen = b"\0\0\0\0\0\0\0\x63" + OTHER.sign(f"cosignature/v1\ntime 99\n{text}".encode())
    assert f"{cosign(text, 'w', OTHER, 99)}\n" == line_by_hand("w", 4, OTHER, seen)


def test_a_head_is_read_as_it_was_written() -> None:
    """Origin, size, root and the clock come back."""
    found = heads.parse(parse_note(str(sign(HEAD.text(), ORIGIN, KEY)).encode()).text)
    assert found == HEAD
    assert found.clock == Clock(1_795_312_200_000, "ntp", -412)
    assert Checkpoint(ORIGIN, 0, ROOT).clock is None


def test_another_key_or_text_is_no_signature() -> None:
    """Neither another key of the same name, nor a changed text, nor a second wrong line passes."""
    note = sign(HEAD.text(), ORIGIN, KEY)
    assert signed_by(note, key_of(ORIGIN, KEY))
    assert not signed_by(note, key_of(ORIGIN, OTHER))
    assert not signed_by(Note(note.text.replace("42", "43"), note.signatures), key_of(ORIGIN, KEY))
    wrong = note.signatures[0].__class__(ORIGIN, note.signatures[0].id, bytes(64))
    assert not signed_by(Note(note.text, (*note.signatures, wrong)), key_of(ORIGIN, KEY))


def test_a_cosignature_says_when() -> None:
    """The witness' time is part of what it signs; its key is of a kind of its own."""
    note = sign(HEAD.text(), ORIGIN, KEY)
    line = cosign(note.text, "witness.example/w", OTHER, 1_795_312_201)
    both = parse_note(str(note.having([line])).encode())
    witness = key_of("witness.example/w", OTHER, COSIGNS)
    assert cosigned_at(both, witness) == 1_795_312_201
    assert signed_by(both, key_of(ORIGIN, KEY))
    assert cosigned_at(note, witness) is None
    assert cosigned_at(both, key_of("witness.example/w", OTHER)) is None
    moved = parse_line(str(line))
    later = moved.__class__(moved.name, moved.id, (1).to_bytes(8, "big") + moved.raw[8:])
    assert cosigned_at(note.having([later]), witness) is None


def test_a_cosignature_that_comes_again_stands_once() -> None:
    """The newer line of the same witness takes the place of the older."""
    note = sign(HEAD.text(), ORIGIN, KEY)
    first = note.having([cosign(note.text, "w", OTHER, 1)])
    second = first.having([cosign(note.text, "w", OTHER, 2)])
    assert len(second.signatures) == 2
    assert cosigned_at(second, key_of("w", OTHER, COSIGNS)) == 2


GOOD = sign(HEAD.text(), ORIGIN, KEY)
LINE = str(GOOD.signatures[0])


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\n\n", b"text\n\n", b"text\n\n\n", f"{GOOD.text}{LINE}\n".encode(), str(GOOD).encode()[:-1],
        f"\n\n{LINE}\n".encode(), f"a\tb\n\n{LINE}\n".encode(), f"a\r\n\n{LINE}\n".encode(),
        b"a\xff\n\n" + LINE.encode(),
        f"a\n\n{LINE}\nmore\n".encode(), f"a\n\n{LINE} \n".encode(), f"a\n\n{LINE.replace('—', '-')}\n".encode(),
        f"a\n\n{LINE}\u2028{LINE}\n".encode(), f"a\n\n{LINE}\x85\n".encode(), f"a\n\n{LINE[:-1]}\n".encode(),
        f"a\n\n{LINE.replace(' test', '  test')}\n".encode(), ("a\n\n" + f"{LINE}\n" * 101).encode(),
        "a\n\n— name AAAAAA==\n".encode(), f"{'a' * 70_000}\n\n{LINE}\n".encode(), "a\n\n— a+b AAAAAAAA\n".encode(),
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    """Missing parts, control characters, other line ends, blanks and crowds are refused in one line."""
    with pytest.raises(NoteError, match=r"^[^\n]+$"):
        parse_note(raw)


@pytest.mark.parametrize("text", ["AB==", "AAAB=", "AAA", "A A=", "AAAA\n", "_-8=", "", "QUJD\u00e9", "ＡＡＡＡ"])
def test_base64_has_one_form(text: str) -> None:
    """Junk, blanks, missing or non-zero tail bits and the other alphabet are refused."""
    with pytest.raises(NoteError):
        decode64(text)


@given(st.binary(min_size=1))
def test_that_one_form_is_read(raw: bytes) -> None:
    """Whatever is written is read."""
    assert decode64(binascii.b2a_base64(raw, newline=False).decode()) == raw


ROOT64 = HEAD.text().split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", f"{ORIGIN}\n", f"{ORIGIN}\n42\n", f"{ORIGIN}\n42\n{ROOT64}", f"\n42\n{ROOT64}\n",
        *(f"{ORIGIN}\n{size}\n{ROOT64}\n" for size in (" 42", "42 ", "+42", "-1", "042", "4_2", "٤٢", "", "4e1")),
        f"{ORIGIN}\n{2**63}\n{ROOT64}\n",
        f"{ORIGIN}\n42\n{ROOT64[:-4]}\n", f"{ORIGIN}\n42\n{ROOT64} \n", f"{ORIGIN}\n42\n{ROOT64[:-2]}x=\n",
        f"{ORIGIN}\n42\n{ROOT64}\n\n", f"{ORIGIN}\n42\n{ROOT64}\n\nx\n", f"{ORIGIN}\r\n42\n{ROOT64}\r\n",
    ],
)  # fmt: skip
def test_what_is_no_head_is_refused(text: str) -> None:
    """Numbers that only Python's int() takes, roots of other lengths and empty lines are refused."""
    with pytest.raises(NoteError):
        heads.parse(text)


@pytest.mark.parametrize("line", ["time 1 ntp", "time 01 ntp 0", "time 1 NTP 0", "time 1 ntp -0", "time 1 ntp +1", "x"])
def test_a_line_that_says_no_time_is_only_a_line(line: str) -> None:
    """Other extensions of other logs are carried, not understood."""
    assert heads.parse(f"{ORIGIN}\n1\n{ROOT64}\n{line}\n").clock is None


@pytest.mark.parametrize(
    "text",
    [
        "", "name", "name+12345678", EXAMPLE_KEY.replace("c74f20a3", "c74f20a4"), EXAMPLE_KEY.replace("Peter", "Petra"),
        EXAMPLE_KEY[:-4], EXAMPLE_KEY + "\n", EXAMPLE_KEY.replace("c74f20a3", "C74F20A3"),
        "a b+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(text: str) -> None:
    """A key whose id does not belong to it is refused like one that is cut off."""
    with pytest.raises(NoteError):
        parse_key(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b"])
def test_a_name_that_no_note_can_carry_is_refused(name: str) -> None:
    """Blanks of any script and plus signs would make two readings of one line."""
    with pytest.raises(NoteError):
        key_of(name, KEY)
