"""The webhook's request and what it makes of answers, without any network."""

from __future__ import annotations

import json

import msgspec
import pytest

from alerts.notify import Answer, Delivered, Notice, Outcome, Refused, Retry, retry_after, words_of
from alerts.notify.webhook import Webhook, sign

NOW = 1_732_200_000
ALERT = {"id": "a1", "rule": "chlorine-free-low", "value": 0.01, "place": "出厂水"}


def notice(content: object = ALERT) -> Notice:
    """A notice about an alert."""
    return Notice("fired", "a1:17:2", 1_732_200_000_123, json.dumps(content, ensure_ascii=False).encode())


def judged(status: int, body: bytes = b"", url: str = "http://host/hook", **headers: str) -> Outcome:
    """What an answer means."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Webhook(url, "the-secret").judge(Answer(status, named, body, NOW))


def test_the_signature_is_the_one_that_openssl_computes() -> None:
    """By hand: printf '1732200000.{"a":1}' | openssl dgst -sha256 -hmac 'key'."""
    expected = "v1=8b946e98d35d034ba05d2d9f568e4cafaabb4db4bf059db3eb7b74fe08018026"
    assert sign("key", NOW, b'{"a":1}') == expected


def test_the_document_is_that_of_the_contract() -> None:
    """Schema, event, key, time, the alert as decided, and where to look it up."""
    request = Webhook("http://host/hook", "s", "https://hygeia.example/").request(notice(), NOW)
    assert request.url == "http://host/hook"
    assert list(json.loads(request.body).items()) == [
        ("schema", "hygeia.alert/1"),
        ("event", "fired"),
        ("key", "a1:17:2"),
        ("at", 1_732_200_000_123),
        ("alert", ALERT),
        ("links", {"alert": "https://hygeia.example/api/v1/alerts/a1"}),
    ]
    assert request.headers == {
        "Content-Type": "application/json",
        "Idempotency-Key": "a1:17:2",
        "X-Hygeia-Timestamp": "1732200000",
        "X-Hygeia-Signature": sign("s", NOW, request.body),
    }


def test_the_body_is_the_same_at_every_try() -> None:
    """Only the timestamp and with it the signature change."""
    webhook = Webhook("http://host/hook", "s")
    first, second = webhook.request(notice(), NOW), webhook.request(notice(), NOW + 60)
    assert first.body == second.body
    assert first.headers["X-Hygeia-Signature"] != second.headers["X-Hygeia-Signature"]


def test_several_alerts_come_as_a_list_without_a_link() -> None:
    """A digest has ``alerts`` in place of ``alert``."""
    document = json.loads(Webhook("http://host", "s", "http://hygeia").request(notice([ALERT, ALERT]), NOW).body)
    assert document["alerts"] == [ALERT, ALERT]
    assert "alert" not in document
    assert document["links"] == {}


def test_without_a_secret_nothing_is_signed() -> None:
    """A signature by an empty key would look like proof and be none."""
    assert "X-Hygeia-Signature" not in Webhook("http://host").request(notice(), NOW).headers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299, 409])
def test_taken_and_already_known_are_delivered(status: int) -> None:
    """2xx and 409."""
    assert judged(status, b"id 7") == Delivered(status, "id 7")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_overload_and_faults_of_the_receiver_are_tried_again(status: int) -> None:
    """408, 429 and 5xx, after the time that the receiver names, if it does."""
    assert judged(status, b"busy") == Retry("busy", status, None)
    assert judged(status, b"busy", retry_after="30") == Retry("busy", status, 30.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_other_faults_of_the_request_are_refused(status: int) -> None:
    """Sending it again would not help."""
    assert judged(status, b"no such room", retry_after="1") == Refused("no such room", status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused(status: int) -> None:
    """An alert goes where the configuration says and nowhere else."""
    outcome = judged(status, location="http://elsewhere/")
    assert isinstance(outcome, Refused)
    assert "configure the new address" in outcome.words


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999", 3600.0),
        ("Thu, 21 Nov 2024 14:41:00 GMT", 60.0),
        ("Thu, 21 Nov 2024 14:00:00 GMT", 0.0),
        ("Thu, 21 Nov 2024 14:41:00 -0000", 60.0),
        ("Fri, 21 Nov 2025 14:00:00 GMT", 3600.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("Thu, 99 Nov 2024 14:41:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_believed_for_an_hour(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date; nonsense is no wish."""
    assert retry_after(value, NOW) == seconds


def test_words_are_one_short_printable_line() -> None:
    """Whatever a receiver answers can stand in a log and in the journal."""
    assert words_of(b"bad\r\n\x1b[31m  thing\x00 \xff") == "bad [31m thing �"
    assert len(words_of(b"x" * 5000)) == 200
    assert words_of("字".encode() * 500) == "字" * 200


def test_what_the_receiver_echoes_of_our_secrets_is_hidden() -> None:
    """Password and token of the address and the signing secret never reach log or journal."""
    url = "https://user:pass-word-1@host/hooks/T0ken%2FInPath?key=query-token&x=1"
    body = b"denied: pass-word-1 T0ken/InPath T0ken%2FInPath query-token the-secret"
    outcome = judged(403, body, url)
    assert outcome == Refused("denied: *** *** *** *** ***", 403)
    assert "token" not in repr(Webhook(url, "the-secret")).lower()


def test_a_notice_is_about_its_alert_or_stands_alone() -> None:
    """What must stay in order has one subject; a digest or a test message has none but itself."""
    assert notice().subject == "a1"
    assert notice([ALERT]).subject == "a1:17:2"
    assert notice({}).subject == "a1:17:2"
    assert msgspec.structs.replace(notice(), content=b"not json").subject == "a1:17:2"
