"""What each answer of InfluxDB leads to, without a server."""

from __future__ import annotations

import asyncio
import random

import pytest

from gateway.store.influx_write import Answer, Backoff, UnwrittenError, Verdict, answer_of, deliver, judge


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([204], Verdict.WRITTEN),
        ([400, 413, 422], Verdict.SPLIT),
        ([0, 408, 425, 429, 500, 502, 503, 504], Verdict.RETRY),
        ([200, 201, 202, 301, 302, 307, 308, 401, 403, 404, 405, 415], Verdict.HOLD),
    ],
)
def test_only_204_is_written(statuses: list[int], verdict: Verdict) -> None:
    """Each status means one thing."""
    assert {judge(status) for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("-3", 0.0),
        ("100000", 300.0),
        ("nan", None),
        ("soon", None),
        ("Fri, 22 Nov 2024 00:00:30 GMT", 30.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(given: str | None, seconds: float | None) -> None:
    """A rest is at most five minutes, and nonsense is no rest."""
    assert answer_of(429, b"", given, 1_732_233_600.0).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "words", "influx"),
    [
        (b'{"code":"invalid","message":"unable to\\n parse"}', "unable to parse", True),
        (b'{"error":"partial write"}', "partial write", True),
        (b"<html>\nno</html>", "<html> no</html>", False),
        (b"[1]", "[1]", False),
        (b"\xff", "\ufffd", False),
        (b"", "", False),
    ],
)
def test_words_are_one_line_of_the_servers(body: bytes, words: str, influx: bool) -> None:
    """The shapes of 1.x and 2.x are known; anything else is quoted as it is."""
    answer = answer_of(400, body, None, 0)
    assert (answer.words, answer.influx) == (words, influx)
    assert len(answer_of(400, b"x" * 5000, None, 0).words) == 300


def test_waits_are_jittered_and_bounded() -> None:
    """Full jitter below a ceiling that doubles to a minute and falls back after a success."""
    backoff = Backoff(random.Random(1))
    waits = [backoff.failed(None) for _ in range(200)]
    assert all(0 < wait <= 60 for wait in waits)
    assert waits[0] <= 0.5
    assert len({round(wait, 3) for wait in waits[20:]}) > 100
    backoff.succeeded()
    assert backoff.failed(None) <= 0.5
    assert backoff.failed(40.0) >= 40


def test_a_lost_connection_in_the_middle_of_a_bisection_ends_the_attempt() -> None:
    """Nothing is called refused that was not refused alone."""
    answers = iter([400, 204, 0])

    async def send(_: bytes) -> Answer:
        return Answer(next(answers), "words", influx=True)

    with pytest.raises(UnwrittenError) as caught:
        asyncio.run(deliver(send, [b"a", b"b", b"c", b"d"], 0, 4))
    assert caught.value.silent
