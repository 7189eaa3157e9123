"""E-mail, modem and apprise against a mail server, a modem behind a pseudo terminal and a receiver on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.notify import Delivered, Notice, Outcome, Recipient, Refused, Retry
from gateway.channels import Sender, channels_of
from gateway.config import Settings
from tests.plugins.modem import FakeModem
from tests.plugins.smtp import PASSWORD, USER, MailServer
from tests.plugins.webhook import Receiver, Reply
from tests.support.waiting import free_port

ALERT = {
    "id": "a1", "rule": "chlorine-free-low", "pack": "gb5749-2022", "severity": "major", "state": "active", "unit": "w",
    "place": "out", "device": "wq-1", "point": "-", "parameter": "chlorine_free", "value": 0.11, "limit_value": 0.3,
    "parameter_unit": "mg/L", "since": 1_770_000_000_000, "fired_at": 1_770_000_060_000, "cleared_at": None,
}  # fmt: skip
CONTEXT = {
    "told": [
        {"place": {"zh": "一水厂出厂水", "en": "Works 1 outlet"}, "parameter": {"zh": "游离氯", "en": "Free chlorine"}}
    ]
}
WANG = Recipient("p-7", "王工", "+86 138-0013-8000", "wang@example.org", "zh")
NOTICE = Notice(
    "fired", "a1:17:2", 1_770_000_060_000, json.dumps(ALERT).encode(), json.dumps(CONTEXT).encode(), WANG,
    "https://h.example/ack/TOKEN",
)  # fmt: skip
ENGLISH = msgspec.structs.replace(NOTICE, to=Recipient("p-8", "Smith", "+441234567890", "smith@example.org", "en"))

#: Its e-mail plugin loads a module that Python 3.13 has no more, and fills in for it there.
APPRISE_WARNS = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MakeMailServer = Callable[[str], MailServer]


@asynccontextmanager
async def channel(kind: str, **keys: Any) -> AsyncIterator[Sender]:
    """The sender that an installation with one channel of this kind has."""
    document = {"alerts": {"channels": {"one": {"kind": kind, **keys}}}}
    settings = await asyncio.to_thread(Settings.model_validate, document)
    (sender,) = (await asyncio.to_thread(channels_of, settings)).values()
    try:
        yield sender
    finally:
        await sender.close()


def mail(server: MailServer, security: str = "starttls", **keys: Any) -> dict[str, Any]:
    """The keys of an e-mail channel of this server."""
    login = {} if security == "none" else {"username": USER, "password": PASSWORD, "ca": server.ca}
    base = {"host": "127.0.0.1", "port": server.port, "security": security, "sender": "hygeia@example.org"}
    return base | login | keys


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_goes_out_encrypted_and_with_a_login(mail_server: MakeMailServer, security: str) -> None:
    """The recipient finds subject, text, page and link in their language; the server's words are the provider's id."""
    server = mail_server(security)
    async with channel("email", **mail(server, security)) as sender:
        assert await sender.send(NOTICE) == Delivered(250, "2.0.0 queued as 4Xyz")
    (one,) = server.mailed
    assert one.encrypted
    assert (one.user, one.sender, one.to) == (USER, "hygeia@example.org", ["wang@example.org"])
    assert "一水厂出厂水" in one.message["Subject"]
    assert one.message["To"] == "wang@example.org"
    assert one.message["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        assert "游离氯" in one.part(kind)
        assert "0.11" in one.part(kind)
        assert "https://h.example/ack/TOKEN" in one.part(kind)


async def test_every_try_of_a_notice_has_the_same_message_id(mail_server: MakeMailServer) -> None:
    """A repetition can be recognised; what is about the same alert stands in one thread."""
    server = mail_server("none")
    async with channel("email", **mail(server, "none")) as sender:
        for notice in (NOTICE, NOTICE, msgspec.structs.replace(NOTICE, event="cleared", key="a1:18:0")):
            assert isinstance(await sender.send(notice), Delivered)
    first, again, later = (one.message for one in server.mailed)
    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]
    assert first["References"] == later["References"]


async def test_a_digest_by_mail_lists_every_alert(mail_server: MakeMailServer) -> None:
    """Two thousand at once are two thousand lines in one message, in English for who speaks it; markup is text."""
    alerts = [ALERT | {"id": f"a{n}", "place": f"<place {n}>"} for n in range(2000)]
    server = mail_server("none")
    async with channel("email", **mail(server, "none")) as sender:
        digest = msgspec.structs.replace(ENGLISH, event="digest", content=json.dumps(alerts).encode(), context=b"{}")
        assert isinstance(await sender.send(digest), Delivered)
    (one,) = server.mailed
    plain, html = one.part("plain"), one.part("html")
    assert all(f"<place {n}>" in plain for n in range(2000))
    assert "&lt;place 1999&gt;" in html
    assert "<place" not in html
    assert one.message["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 4.3.0 try again later", Retry("451 4.3.0 try again later", 451)),
        ("452 4.2.2 mailbox full", Retry("452 4.2.2 mailbox full", 452)),
        ("550 5.7.1 looks like spam", Refused("550 5.7.1 looks like spam", 550)),
        ("554 5.6.0 no", Refused("554 5.6.0 no", 554)),
    ],
)
async def test_what_a_mail_server_answers_means_again_or_never(
    mail_server: MakeMailServer, answer: str, outcome: Outcome
) -> None:
    """4yz is tried again, 5yz is not (RFC 5321)."""
    server = mail_server("none")
    server.next(answer)
    async with channel("email", **mail(server, "none")) as sender:
        assert await sender.send(NOTICE) == outcome
        assert isinstance(await sender.send(NOTICE), Delivered)


async def test_one_of_several_addresses_that_is_refused_stops_no_other(mail_server: MakeMailServer) -> None:
    """A list of a channel: who can be reached is, and the words say how many were not."""
    server = mail_server("none")
    server.refuse("gone@example.org", "550 5.1.1 no such user")
    to = ["gone@example.org", "duty@example.org"]
    async with channel("email", **mail(server, "none", to=to)) as sender:
        outcome = await sender.send(msgspec.structs.replace(NOTICE, to=None))
        assert isinstance(outcome, Delivered)
        assert "1 of 2 addresses refused" in outcome.words
        server.refuse("duty@example.org", "451 4.7.1 greylisted")
        assert isinstance(await sender.send(NOTICE), Retry)
        server.refuse("duty@example.org", "550 5.1.1 no such user")
        assert isinstance(await sender.send(NOTICE), Refused)
    assert server.mailed[0].to == ["duty@example.org"]


async def test_a_wrong_password_waits_for_a_person(mail_server: MakeMailServer) -> None:
    """The notice is not lost by it, and the words hold no secret."""
    server = mail_server("starttls")
    async with channel("email", **mail(server, password="wrong-s3cret")) as sender:
        outcome = await sender.send(NOTICE)
    assert isinstance(outcome, Retry)
    assert outcome.words.startswith("the login is refused: 535")
    assert "wrong-s3cret" not in outcome.words


async def test_no_password_goes_to_a_server_that_cannot_prove_itself(mail_server: MakeMailServer) -> None:
    """A certificate of somebody else, and a server without encryption: nothing is sent."""
    server, open_server = mail_server("starttls"), mail_server("none")
    async with channel("email", **mail(server, ca=None)) as sender:
        assert await sender.send(NOTICE) == Retry("the server's certificate is refused")
    async with channel("email", **mail(open_server, "starttls", ca=server.ca)) as sender:
        assert isinstance(await sender.send(NOTICE), Retry)
    assert server.mailed == open_server.mailed == []


async def test_a_mail_server_that_is_not_there_comes_again() -> None:
    """As a person would say it, without an address."""
    keys = {"host": "127.0.0.1", "port": free_port(), "security": "none", "sender": "a@b"}
    async with channel("email", **keys) as sender:
        assert await sender.send(NOTICE) == Retry("cannot connect: Connection refused")


@pytest.mark.parametrize("address", ["", "no address", "a@b\r\nBcc: c@d", "@"])
async def test_a_person_without_a_usable_address_is_refused(mail_server: MakeMailServer, address: str) -> None:
    """Nothing reaches the server, and nothing of the address stands in the words."""
    server = mail_server("none")
    to = Recipient("p-7", "王工", "", address)
    async with channel("email", **mail(server, "none")) as sender:
        outcome = await sender.send(msgspec.structs.replace(NOTICE, to=to))
    assert isinstance(outcome, Refused)
    assert "Bcc" not in outcome.words
    assert server.mailed == []


async def test_an_sms_goes_out_by_the_modem(fake_modem: FakeModem) -> None:
    """Chinese text, no link, the person's number, and the modem's own number of the message."""
    async with channel("modem", device=fake_modem.device) as sender:
        assert await sender.send(NOTICE) == Delivered(
            words="+CMGS: 21, 22" if len(fake_modem.sent) > 1 else "+CMGS: 21"
        )
    assert {one.number for one in fake_modem.sent} == {"+8613800138000"}
    text = "".join(one.text for one in fake_modem.sent)
    assert "一水厂出厂水" in text
    assert "http" not in text
    assert {one.coding for one in fake_modem.sent} == {8}


async def test_several_messages_at_once_take_their_turn(fake_modem: FakeModem) -> None:
    """One line, one dialogue: no command of one stands in the middle of another, noise in between or not."""
    fake_modem.script.noise = b'\r\n+CMTI: "SM",3\r\n\r\nRING\r\n'
    async with channel("modem", device=fake_modem.device) as sender:
        outcomes = await asyncio.gather(*(sender.send(ENGLISH) for _ in range(4)))
    assert all(isinstance(one, Delivered) for one in outcomes)
    assert len({one.words for one in outcomes}) == 4
    assert fake_modem.commands.count("AT+CMGF=0") == 4


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("+CMS ERROR: 331", Retry("+CMS ERROR: 331 no network", 331)),
        ("+CMS ERROR: 1", Refused("+CMS ERROR: 1 unassigned number", 1)),
        ("ERROR", Retry("the modem says ERROR")),
    ],
)
async def test_an_error_of_the_network_is_said_and_the_next_message_goes(
    fake_modem: FakeModem, answer: str, outcome: Outcome
) -> None:
    """What the modem says about one message does not hold for the next."""
    fake_modem.script.submits = [answer]
    async with channel("modem", device=fake_modem.device) as sender:
        assert await sender.send(NOTICE) == outcome
        assert isinstance(await sender.send(NOTICE), Delivered)


async def test_a_locked_card_is_unlocked_once(fake_modem: FakeModem) -> None:
    """The PIN is given when the card asks, and a wrong one is never given twice."""
    fake_modem.script.pin = "4321"
    async with channel("modem", device=fake_modem.device, pin="1111") as sender:
        for _ in range(2):
            assert isinstance(await sender.send(NOTICE), Retry)
    assert fake_modem.pins == ["1111"]
    async with channel("modem", device=fake_modem.device, pin="4321") as sender:
        for _ in range(2):
            assert isinstance(await sender.send(NOTICE), Delivered)
    assert fake_modem.pins == ["1111", "4321"]


async def test_a_modem_that_does_not_answer_comes_again(fake_modem: FakeModem, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deaf modem costs its time-outs; when it hears again the message goes."""
    monkeypatch.setattr("alerts.notify.modem._QUICK_S", 0.05)
    fake_modem.script.deaf = True
    async with channel("modem", device=fake_modem.device) as sender:
        assert await sender.send(NOTICE) == Retry("the modem does not answer")
        fake_modem.script.deaf = False
        assert isinstance(await sender.send(NOTICE), Delivered)


async def test_a_prompt_that_did_not_come_is_got_rid_of(fake_modem: FakeModem, monkeypatch: pytest.MonkeyPatch) -> None:
    """A modem left waiting for a text takes the next dialogue's greeting for a greeting."""
    monkeypatch.setattr("alerts.notify.modem._PROMPT_S", 0.05)
    monkeypatch.setattr("alerts.notify.modem._QUICK_S", 0.2)
    fake_modem.script.swallow_prompt = 1
    async with channel("modem", device=fake_modem.device) as sender:
        assert await sender.send(NOTICE) == Retry("the modem does not answer")
        assert isinstance(await sender.send(NOTICE), Delivered)
    assert all("AT" not in one.text for one in fake_modem.sent)


async def test_a_line_that_is_not_there_comes_again(tmp_path: Path) -> None:
    """A stick that was pulled out is no lost message."""
    async with channel("modem", device=tmp_path / "ttyUSB9") as sender:
        assert await sender.send(NOTICE) == Retry("the serial line fails: No such file or directory")


@pytest.fixture
def apprise(receiver: Receiver) -> Callable[[], str]:
    """The address, in apprise's form, of a receiver on this machine."""
    pytest.importorskip("apprise", reason="the extra apprise is not installed")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    return lambda: receiver.url.replace("http://", "json://s3cret:pass@")


@APPRISE_WARNS
async def test_apprise_carries_a_notice(apprise: Callable[[], str], receiver: Receiver) -> None:
    """Title and text arrive at whatever apprise knows; yes is delivered."""
    receiver.usual = Reply(200)
    async with channel("apprise", url=apprise()) as sender:
        assert await sender.send(NOTICE) == Delivered()
    document = receiver.received[0].document
    assert "一水厂出厂水" in document["title"]
    assert "https://h.example/ack/TOKEN" in document["message"]


@APPRISE_WARNS
async def test_what_apprise_could_not_deliver_comes_again(apprise: Callable[[], str], receiver: Receiver) -> None:
    """It does not say why."""
    receiver.usual = Reply(500)
    async with channel("apprise", url=apprise()) as sender:
        assert await sender.send(NOTICE) == Retry("apprise could not deliver it")
    async with channel("apprise", url="pigeon://s3cret") as sender:
        outcome = await sender.send(NOTICE)
    assert isinstance(outcome, Refused)
    assert "s3cret" not in outcome.words
