"""What every channel promises, against a receiver that checks as the real one does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from alerts.notify import Delivered, HttpKind, Notice, Outcome, Refused, Retry
from alerts.notify.webhook import Webhook
from gateway.channels import channels_of
from gateway.config.model import Settings
from gateway.http_sender import HttpSender
from tests.plugins.webhook import Receiver, Reply

SECRET = "correct horse battery staple"
ALERT = {"id": "a1", "rule": "chlorine-free-low", "severity": "major", "place": "wtp-1-out", "value": 0.01}
NOTICE = Notice("fired", "a1:17:2", 1_732_200_000_123, json.dumps(ALERT).encode())

#: One line a channel kind that speaks HTTP: how it is made from the address of its receiver.
KINDS: dict[str, Callable[[str], HttpKind]] = {"webhook": lambda url: Webhook(url, SECRET, "http://hygeia.example")}


@pytest.fixture(params=sorted(KINDS))
async def sender(request: pytest.FixtureRequest, receiver: Receiver) -> AsyncIterator[HttpSender]:
    """A channel of each kind that sends to the receiver and waits half a second."""
    one = HttpSender(KINDS[request.param](receiver.url), timeout_s=0.5)
    yield one
    await one.close()


async def test_what_is_taken_is_delivered_and_signed(sender: HttpSender, receiver: Receiver) -> None:
    """The receiver finds the alert, the key and a signature of now that only the secret's owner can make."""
    assert await sender.send(NOTICE) == Delivered(204, "")
    (received,) = receiver.received
    assert received.signed_by(SECRET, within_s=30)
    assert not received.signed_by("another secret")
    assert received.key == received.document["key"] == "a1:17:2"
    assert received.document["schema"] == "hygeia.alert/1"
    assert received.document["event"] == "fired"
    assert received.document["at"] == 1_732_200_000_123
    assert received.document["alert"] == ALERT
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("hygeia/")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(200, body=b"ok, 17"), Delivered(200, "ok, 17")),
        (Reply(409, body=b"seen before"), Delivered(409, "seen before")),
        (Reply(200, body=b"ok", cut="body"), Delivered(200, "ok")),
        (Reply(500, body=b"oops"), Retry("oops", 500)),
        (Reply(503, {"Retry-After": "7"}), Retry("", 503, 7.0)),
        (Reply(429, {"Retry-After": "86400"}, b"slow down"), Retry("slow down", 429, 3600.0)),
        (Reply(408), Retry("", 408)),
        (Reply(400, body=b"what is this"), Refused("what is this", 400)),
        (Reply(401), Refused("", 401)),
        (Reply(410, body=b"x" * 100_000), Refused("x" * 200, 410)),
    ],
)
async def test_answers_mean_what_the_contract_says(
    sender: HttpSender, receiver: Receiver, reply: Reply, outcome: Outcome
) -> None:
    """2xx and 409 delivered; 408, 429 and 5xx again; other 4xx refused; a body that breaks off changes nothing."""
    receiver.next(reply)
    assert await sender.send(NOTICE) == outcome
    assert len(receiver.received) == 1


async def test_a_redirect_is_not_followed(sender: HttpSender, receiver: Receiver) -> None:
    """An alert is not sent to an address that somebody else chose."""
    receiver.next(Reply(307, {"Location": receiver.url + "/elsewhere"}))
    outcome = await sender.send(NOTICE)
    assert isinstance(outcome, Refused)
    assert [one.path for one in receiver.received] == ["/hook"]


async def test_a_slow_receiver_costs_its_time_out_and_no_more(sender: HttpSender, receiver: Receiver) -> None:
    """No answer is no delivery: it comes again."""
    receiver.next(Reply(200, hold=True))
    async with asyncio.timeout(5):
        assert await sender.send(NOTICE) == Retry("no answer within 0.5 s")


async def test_an_answer_that_breaks_off_in_its_first_line_comes_again(sender: HttpSender, receiver: Receiver) -> None:
    """Half a status line says nothing."""
    receiver.next(Reply(cut="head"))
    outcome = await sender.send(NOTICE)
    assert isinstance(outcome, Retry)
    assert outcome.words.startswith("the connection failed: ")
    assert await sender.send(NOTICE) == Delivered(204)


async def test_a_receiver_that_is_not_there_comes_again_without_its_address() -> None:
    """The words of a failed connection go into logs and journal: no address, which may hold a token."""
    gone = Receiver()
    gone.close()
    one = HttpSender(Webhook(gone.url.replace("//", "//user:password@") + "?token=abcdefgh", SECRET))
    assert await one.send(NOTICE) == Retry("cannot connect: Connection refused")
    await one.close()


@pytest.fixture
def configured(receiver: Receiver) -> Settings:
    """Settings with the receiver as webhook."""
    alerts = {"webhook": receiver.url, "webhook_secret": SECRET}
    return Settings.model_validate({"alerts": alerts, "http": {"public_url": "https://h.example"}})


async def test_the_configured_webhook_is_the_channel_of_that_name(configured: Settings, receiver: Receiver) -> None:
    """Address, secret and the address of the pages come from the settings."""
    channels = channels_of(configured)
    assert await channels["webhook"].send(NOTICE) == Delivered(204)
    await channels["webhook"].close()
    assert receiver.received[0].signed_by(SECRET)
    assert receiver.received[0].document["links"] == {"alert": "https://h.example/api/v1/alerts/a1"}


def test_without_a_webhook_there_is_no_channel() -> None:
    """Nothing is sent anywhere by default."""
    assert channels_of(Settings()) == {}
