"""PDUs as the standard writes them, and the dialogue with a modem step by step."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.notify import Delivered, Notice, Outcome, Recipient, Refused, Retry
from alerts.notify.modem import Ask, Modem, Said
from alerts.notify.pdu import GSM7, is_number, submits
from tests.plugins.modem import decode

P7 = Recipient("p-7", "王", "13800138000")
NOTICE = Notice("fired", "k:1:0", 1_770_000_000_000, json.dumps({"id": "a", "rule": "ph-high"}).encode(), to=P7)
OK = Said((), "OK")
READY = Said(("+CPIN: READY",), "OK")


def test_a_short_text_is_the_pdu_that_the_standard_says() -> None:
    """The classic example of the default alphabet: hellohello to +46708251358, valid a day."""
    (one,) = submits("+46708251358", "hellohello", "k")
    assert one.hex == "0011000B916407281553F80000A70AE8329BFD4697D9EC37"
    assert one.octets == 23


def test_chinese_goes_out_as_ucs2() -> None:
    """Each character is two octets, the number not international where it has no plus."""
    (one,) = submits("138 0013-8000", "余氯低", "k")
    assert decode(one.octets, one.hex).text == "余氯低"
    assert one.hex == "0011000B813108108300F00008A70" + "6" + "4F596C2F4F4E"


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("水" * 70, 1), ("水" * 71, 2), ("水" * 135, 3)],
)
def test_long_texts_have_so_many_parts(text: str, parts: int) -> None:
    """160 characters or 70 Chinese ones fit into one message, 153 or 67 into each of several."""
    found = [decode(one.octets, one.hex) for one in submits("+8613800138000", text, "k")]
    assert len(found) == parts
    assert "".join(one.text for one in found) == text
    if parts > 1:
        assert [(one.parts, one.place) for one in found] == [(parts, place) for place in range(1, parts + 1)]
        assert len({one.reference for one in found}) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True)
)
def test_what_is_encoded_is_what_a_receiver_reads(text: str, number: str) -> None:
    """Whatever the text and the number: the parts joined are the text, and no character is divided."""
    parts = [decode(one.octets, one.hex) for one in submits(number, text, "k")]
    assert "".join(one.text for one in parts) == text
    assert {one.number for one in parts} == {number}


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from([mark for mark in GSM7 if mark in " abcxyzABCXYZ0189@£$_\n?!"]), max_size=400))
def test_the_default_alphabet_is_packed_and_unpacked(text: str) -> None:
    """Seven bits a character, behind a header too."""
    parts = [decode(one.octets, one.hex) for one in submits("10086", text, "k")]
    assert "".join(one.text for one in parts) == text
    assert all(one.coding == 0 for one in parts)


@pytest.mark.parametrize("number", ["", "abc", "+", "12", "138;ATD112", "138\x1a"])
def test_what_is_no_number_is_refused(number: str) -> None:
    """Nothing that a registry holds becomes a command of the modem."""
    assert not is_number(number)
    with pytest.raises(ValueError, match="not a telephone number"):
        submits(number, "x", "k")


def run(modem: Modem, *answers: Said, notice: Notice = NOTICE) -> tuple[list[str], Outcome]:
    """What is asked, in order, and the end; answers that run out are OK."""
    parts = modem.parts(notice)
    if isinstance(parts, Refused):
        return [], parts
    dialogue, asked, left = modem.dialogue(parts), [], list(answers)
    try:
        ask: Ask = next(dialogue)
        while True:
            asked.append(ask.data.decode().strip("\x1b\r\x1a"))
            given = Said((), ">") if ask.prompt and not left else left.pop(0) if left else OK
            ask = dialogue.send(given)
    except StopIteration as end:
        outcome: Outcome = end.value
        return asked, outcome


def test_the_dialogue_of_one_message() -> None:
    """Greeting, echo off, numeric errors, PIN, PDU mode, then the part."""
    asked, outcome = run(Modem(), *[OK] * 4, READY, OK, Said((), ">"), Said(("+CMGS: 7",), "OK"))
    assert asked[:6] == ["", "AT", "ATE0", "AT+CMEE=1", "AT+CPIN?", "AT+CMGF=0"]
    assert asked[6].startswith("AT+CMGS=")
    assert outcome == Delivered(words="+CMGS: 7")


def test_a_message_centre_that_is_configured_is_set() -> None:
    """With its kind of number."""
    asked, _ = run(Modem(smsc="+8613800100500"))
    assert 'AT+CSCA="+8613800100500",145' in asked


@pytest.mark.parametrize(
    ("final", "outcome"),
    [
        ("+CMS ERROR: 38", Retry("+CMS ERROR: 38 network out of order", 38)),
        ("+CMS ERROR: 331", Retry("+CMS ERROR: 331 no network", 331)),
        ("+CMS ERROR: 500", Retry("+CMS ERROR: 500 unknown error", 500)),
        ("+CMS ERROR: 1", Refused("+CMS ERROR: 1 unassigned number", 1)),
        ("+CMS ERROR: 21", Refused("+CMS ERROR: 21 message rejected", 21)),
        ("+CMS ERROR: 999", Retry("+CMS ERROR: 999", 999)),
        ("ERROR", Retry("the modem says ERROR")),
        ("", Retry("the modem does not answer")),
    ],
)
def test_errors_of_the_network_mean_again_or_never(final: str, outcome: Outcome) -> None:
    """The number or the message is the trouble: never again; the network is: again."""
    assert run(Modem(), *[OK] * 4, READY, OK, Said((), ">"), Said((), final))[1] == outcome


def test_a_modem_that_says_nothing_is_greeted_three_times() -> None:
    """It may still have been awaking."""
    asked, outcome = run(Modem(), *[Said((), "")] * 4)
    assert asked == ["", *["AT"] * 3]
    assert outcome == Retry("the modem does not answer")


def test_a_wrong_pin_is_tried_once_and_never_again() -> None:
    """The third wrong PIN locks the card, so the second try is not made."""
    modem, locked = Modem(pin="1234"), Said(("+CPIN: SIM PIN",), "OK")
    asked, outcome = run(modem, *[OK] * 4, locked, Said((), "+CME ERROR: 16"))
    assert asked[-1] == 'AT+CPIN="1234"'
    assert isinstance(outcome, Retry)
    asked, outcome = run(modem, *[OK] * 4, locked)
    assert asked[-1] == "AT+CPIN?"
    assert "not tried again" in outcome.words
    assert "1234" not in outcome.words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (Said(("+CPIN: SIM PIN",), "OK"), "the SIM card wants a PIN; set pin"),
        (Said(("+CPIN: SIM PUK",), "OK"), "the SIM card wants SIM PUK"),
        (Said((), "+CME ERROR: 10"), "+CME ERROR: 10 no SIM card"),
    ],
)
def test_a_card_that_is_not_ready_is_said(said: Said, words: str) -> None:
    """What an operator has to do stands in the words."""
    assert run(Modem(), *[OK] * 4, said)[1] == Retry(words)


@pytest.mark.parametrize(("phone", "words"), [("", "no phone number"), ("call me", "the phone number is none")])
def test_a_person_without_a_number_is_refused(phone: str, words: str) -> None:
    """Nothing is asked of the modem; the words hold no number."""
    to = Recipient("p-7", "王", phone)
    asked, outcome = run(Modem(), notice=Notice("fired", "k", 0, NOTICE.content, to=to))
    assert asked == []
    assert isinstance(outcome, Refused)
    assert words in outcome.words
