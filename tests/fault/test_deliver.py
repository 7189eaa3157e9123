"""Delivery against a receiver that misbehaves, a journal that waits and a process that dies."""

from __future__ import annotations

import asyncio
import time

import pytest
import sqlalchemy as sa
import structlog

from alerts.notify import Delivered, Notice, Outcome, Retry
from alerts.notify.webhook import Webhook
from gateway.deliver import Deliver
from gateway.errors import JournalFailedError
from gateway.http_sender import HttpSender
from gateway.lane import Pace
from tests.plugins.delivery import DEADLINE_S, QUICK, SECRET, Put, Site, until
from tests.plugins.webhook import Receiver, Reply


async def test_a_row_is_sent_signed_and_its_outcome_is_journaled(site: Site, put: Put) -> None:
    """The receiver has it, the journal says so, and the row is noted as done."""
    async with site.delivering() as deliver:
        await put("a1")
        deliver.wake()
        (outcome,) = await site.settled(1)
        assert deliver.waiting() == 0
        assert deliver.counts.delivered == 1
    assert outcome == {
        "type": "delivery",
        "for": [0, 0],
        "event": "fired",
        "subject": "a1",
        "channel": "webhook",
        "person": "",
        "outcome": "delivered",
        "status": 204,
        "words": "",
        "tries": 1,
    }
    (received,) = site.receiver.received
    assert received.signed_by(SECRET)
    assert received.key == "a1:0:0"
    assert received.document["alert"] == {"id": "a1", "offset": 0}
    (noted,) = await site.noted()
    assert (noted["tries"], noted["done"], noted["last_error"]) == (1, True, "")


async def test_what_waited_at_the_start_is_sent_without_a_wake(site: Site, put: Put) -> None:
    """A restart delivers what the last run left."""
    await put("a1", "a2")
    async with site.delivering():
        assert {one.key for one in await site.received(2)} == {"a1:0:0", "a2:0:1"}


async def test_a_wake_leads_to_a_request_at_once(site: Site, put: Put) -> None:
    """No timer lies between a decision and its telling: a look by oneself would take ten minutes here."""
    async with site.delivering() as deliver:
        await put("warm-up")
        deliver.wake()
        await site.settled(1)
        await put("a1")
        woken = time.monotonic()
        deliver.wake()
        received = await site.received(2)
        assert received[1].at - woken < 1.0


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500, body=b"oops"),
        Reply(429, {"Retry-After": "0"}),
        Reply(408),
        Reply(503),
        Reply(cut="head"),
        Reply(200, hold=True),
    ],
)
async def test_a_receiver_in_trouble_gets_it_again_with_the_same_key_and_body(site: Site, put: Put, bad: Reply) -> None:
    """Faults, overload, broken connections and silence are tried again until it is taken."""
    site.receiver.next(bad, bad)
    await put("a1")
    async with site.delivering():
        (outcome,) = await site.settled(1)
    assert (outcome["outcome"], outcome["tries"]) == ("delivered", 3)
    requests = site.receiver.received
    assert len({one.body for one in requests}) == 1
    assert [one.key for one in requests] == ["a1:0:0"] * 3
    assert all(one.signed_by(SECRET) for one in requests)


@pytest.mark.parametrize(
    ("reply", "outcome", "words"),
    [
        (Reply(409, body=b"known"), "delivered", "known"),
        (Reply(200, body=b"took it", cut="body"), "delivered", "took it"),
        (Reply(400, body=b"no such room"), "refused", "no such room"),
        (Reply(404), "refused", ""),
        (
            Reply(302, {"Location": "http://127.0.0.1:1/"}),
            "refused",
            "the receiver redirects, which is not followed: configure the new address",
        ),
    ],
)
async def test_a_final_answer_is_final(site: Site, put: Put, reply: Reply, outcome: str, words: str) -> None:
    """Taken, known and refused are settled after one try, with the receiver's words."""
    site.receiver.next(reply)
    await put("a1")
    async with site.delivering():
        (settled,) = await site.settled(1)
    assert (settled["outcome"], settled["status"], settled["words"]) == (outcome, reply.status, words)
    assert len(site.receiver.received) == 1


async def test_a_receiver_that_asks_for_time_gets_it_from_every_alert(site: Site, put: Put) -> None:
    """After 429 with Retry-After nothing at all is sent until then, then everything."""
    site.receiver.next(Reply(429, {"Retry-After": "300"}))
    await put("a1")
    async with site.delivering() as deliver:
        await site.received(1)
        await until(lambda: len(site.attempts()) == 1)
        await put("a2")
        deliver.wake()
        await until(lambda: deliver.waiting() == 2)
        site.clock.ahead_s = 290
        deliver.wake()
        await asyncio.to_thread(site.engine.dispose)
        assert len(site.receiver.received) == 1
        site.clock.ahead_s = 301
        deliver.wake()
        await site.settled(2)
    assert [one.key for one in site.receiver.received[:1]] == ["a1:0:0"]
    assert {one.key for one in site.receiver.received[1:]} == {"a1:0:0", "a2:1:0"}


async def test_of_one_alert_what_happened_later_is_told_later(site: Site, put: Put) -> None:
    """A second event waits for the first, however often that fails; other alerts pass by."""
    site.receiver.next(Reply(500), Reply(204), Reply(500), Reply(500))
    await put("a1")
    await put("a1", "b1", event="cleared")
    async with site.delivering(pace=QUICK._replace(parallel=1)):
        await site.settled(3)
    keys = [one.key for one in site.receiver.received]
    assert keys[:2] == ["a1:0:0", "b1:1:1"]
    assert [key for key in keys if key.startswith("a1")] == ["a1:0:0"] * 4 + ["a1:1:0"]


async def test_what_is_too_old_is_given_up_visibly_and_the_next_one_follows(site: Site, put: Put) -> None:
    """At the maximum age a last try decides; the outcome is dead, with what the receiver said last."""
    site.receiver.usual = Reply(503, body=b"closed for repair")
    await put("a1")
    async with site.delivering() as deliver:
        await site.received(2)
        await put("a1", event="cleared")
        site.clock.ahead_s = 24 * 3600 - 60
        deliver.wake()
        await until(lambda: deliver.waiting() == 2)
        site.clock.ahead_s = 24 * 3600 + 1
        (outcome,) = (await site.settled(1))[:1]
        site.receiver.usual = Reply()
        await site.settled(2)
    assert (outcome["for"], outcome["outcome"], outcome["words"]) == ([0, 0], "dead", "closed for repair")
    assert site.outcomes[1]["for"] == [1, 0]
    assert (await site.noted())[0]["last_error"] == "closed for repair"


async def test_even_what_is_old_gets_one_try(site: Site, put: Put) -> None:
    """A gateway that was off for two days still tells once, before it gives up."""
    await put("a1", "a2", age_s=48 * 3600)
    site.receiver.next(Reply(500))
    async with site.delivering(pace=QUICK._replace(parallel=1)):
        outcomes = await site.settled(2)
    assert [one["outcome"] for one in outcomes] == ["dead", "delivered"]


async def test_a_dead_receiver_delays_no_other_channel(site: Site, put: Put) -> None:
    """Each channel has a lane of its own: one that hangs on every request does not touch the next."""
    site.receiver.usual = Reply(hold=True)
    other = Receiver()
    channels = {
        "webhook": HttpSender(Webhook(site.receiver.url), timeout_s=60),
        "other": HttpSender(Webhook(other.url), timeout_s=5),
    }
    try:
        for _ in range(3):
            await put(*(f"a{n}" for n in range(20)))
        await put("b1", "b2", channel="other")
        async with site.delivering(channels=channels, stop=False):
            await site.received(8)
            await asyncio.to_thread(other.wait_for, 2, deadline_s=DEADLINE_S)
            await site.settled(2)
        assert len(site.receiver.received) == 8
    finally:
        await asyncio.to_thread(other.close)


async def test_a_crash_before_the_record_sends_again_with_the_same_key(site: Site, put: Put) -> None:
    """Taken by the receiver, not yet durable in the journal: told twice rather than never."""
    site.journal.hold()
    await put("a1")
    async with site.delivering(stop=False):
        await site.received(1)
        await until(lambda: site.journal.submitted == 1)
    assert await site.noted() == []
    site.journal.release()
    async with site.delivering():
        first, second = await site.received(2)
        await site.settled(1)
    assert first.key == second.key
    assert first.body == second.body


async def test_what_is_settled_is_not_sent_again_before_decide_has_read_it(site: Site, put: Put) -> None:
    """The row still waits, for decide has not come to the record; a restart leaves it alone."""
    await put("a1")
    async with site.delivering():
        await site.settled(1)
    await put("a2")
    async with site.delivering():
        await site.settled(2)
    assert [one.key for one in site.receiver.received] == ["a1:0:0", "a2:1:0"]


async def test_tries_and_waiting_time_survive_a_restart(site: Site, put: Put) -> None:
    """A restart does not hammer a receiver that asked for time, and goes on counting."""
    site.receiver.next(Reply(503, {"Retry-After": "600"}))
    await put("a1")
    async with site.delivering():
        await until(lambda: len(site.attempts()) == 1)
    async with site.delivering(pace=QUICK._replace(most_s=3600)) as deliver:
        await until(lambda: deliver.waiting() == 1)
        assert len(site.receiver.received) == 1
        site.clock.ahead_s = 601
        deliver.wake()
        (outcome,) = await site.settled(1)
    assert outcome["tries"] == 2


async def test_a_receiver_that_is_well_again_gets_all_that_waited(site: Site, put: Put) -> None:
    """The first one that is taken after a long outage brings the others forward: nobody waits for a back-off."""
    site.receiver.usual = Reply(503)
    slow = Pace(first_s=3600, most_s=3600, look_s=600)
    await put(*(f"a{n}" for n in range(5)))
    async with site.delivering(pace=slow) as deliver:
        await until(lambda: len(site.attempts()) == 5)
        site.receiver.usual = Reply()
        await put("probe")
        deliver.wake()
        await site.settled(6)
    assert site.receiver.received[5].key == "probe:1:0"


async def test_a_backlog_larger_than_memory_is_told_once_each(site: Site, put: Put) -> None:
    """What does not fit waits in the outbox and is counted as waiting."""
    alerts = [f"a{n}" for n in range(120)]
    site.receiver.next(*[Reply(503)] * 10)
    await put(*alerts)
    async with site.delivering(pace=QUICK._replace(held=16)) as deliver:
        await until(lambda: deliver.waiting() > 16)
        await site.settled(120)
        assert deliver.waiting() == 0
    assert sorted(one["for"][1] for one in site.outcomes) == list(range(120))
    assert len(site.receiver.received) == 130


async def test_a_channel_that_is_not_configured_any_more_ends_as_dead(site: Site, put: Put) -> None:
    """Nobody removes a channel and silently loses what waited for it."""
    await put("a1", channel="pager")
    async with site.delivering() as deliver:
        await until(lambda: len(site.attempts()) == 1)
        site.clock.ahead_s = 24 * 3600 + 1
        deliver.wake()
        (outcome,) = await site.settled(1)
    assert (outcome["outcome"], outcome["words"]) == ("dead", "the configuration has no such channel")


async def test_stop_lets_what_is_under_way_end(site: Site, put: Put) -> None:
    """A request that is answered in time is recorded; nothing new is begun."""
    site.receiver.next(Reply(hold=True))
    await put("a1", "a2")
    channels = {"webhook": HttpSender(Webhook(site.receiver.url), timeout_s=30)}
    async with site.delivering(pace=QUICK._replace(parallel=1), channels=channels) as deliver:
        await site.received(1)
        stopping = asyncio.create_task(deliver.stop(20))
        await asyncio.sleep(0)
        site.receiver.release()
        await stopping
    assert [one["for"] for one in site.outcomes] == [[0, 0]]
    assert [row["done"] for row in await site.noted()] == [True]
    assert len(site.receiver.received) == 1


async def test_stop_keeps_its_deadline(site: Site, put: Put) -> None:
    """A receiver that hangs does not hold the gateway."""
    site.receiver.next(Reply(hold=True))
    await put("a1")
    channels = {"webhook": HttpSender(Webhook(site.receiver.url), timeout_s=60)}
    async with site.delivering(channels=channels) as deliver:
        await site.received(1)
        began = time.monotonic()
        await deliver.stop(0.1)
        assert time.monotonic() - began < 5
    assert site.outcomes == []


async def test_a_journal_that_has_failed_ends_delivery(site: Site, put: Put) -> None:
    """Without a record no outcome is certain: ``run`` raises, and the gateway ends."""
    await put("a1")
    site.journal.fail()
    deliver = Deliver(
        site.engine, site.journal, site.clock, {"webhook": HttpSender(Webhook(site.receiver.url))}, pace=QUICK
    )
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await deliver.run()
    assert caught.group_contains(JournalFailedError)


class Broken:
    """A channel with a bug in its first call."""

    def __init__(self) -> None:
        self.calls = 0

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        self.calls += 1
        if self.calls == 1:
            raise ValueError(f"cannot parse http://user:top-secret@host, {notice.key}")
        return Delivered()

    async def close(self) -> None:
        """See ``Sender.close``."""


async def test_a_bug_of_a_channel_is_a_failed_try(site: Site, put: Put) -> None:
    """Delivery goes on, and the error's text, which may hold an address, is not logged."""
    await put("a1")
    with structlog.testing.capture_logs() as logs:
        async with site.delivering(channels={"webhook": Broken()}):
            (outcome,) = await site.settled(1)
    assert outcome["tries"] == 2
    assert "top-secret" not in repr(logs)
    assert any(line["event"] == "deliver: a channel failed" for line in logs)


async def test_neither_secret_nor_address_is_logged_or_journaled(site: Site, put: Put) -> None:
    """Address and secret stay out of logs, records and notes, whatever the receiver answers."""
    token, secret = "t0ken-in-the-path", "the-signing-secret"
    url = site.receiver.url.replace("/hook", f"/{token}")
    site.receiver.next(
        *[Reply(500, body=f"{token} {secret}".encode())] * 4, Reply(403, body=f"{url} {secret}".encode())
    )
    await put("a1")
    with structlog.testing.capture_logs() as logs:
        async with site.delivering(channels={"webhook": HttpSender(Webhook(url, secret))}):
            await site.settled(1)
    told = repr(logs) + repr(site.outcomes) + repr(await site.noted())
    assert {line["event"] for line in logs} >= {"deliver: the receiver fails", "deliver: given up"}
    assert token not in told
    assert secret not in told


class Slow:
    """A channel that never answers in time, and says how many wait for it at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.02)
        self.now -= 1
        return Retry(f"too slow for {notice.key}")

    async def close(self) -> None:
        """See ``Sender.close``."""


async def test_no_more_are_under_way_at_once_than_allowed(site: Site, put: Put) -> None:
    """A flood of alerts is no flood of connections."""
    await put(*(f"a{n}" for n in range(40)))
    slow = Slow()
    async with site.delivering(pace=QUICK._replace(parallel=4), channels={"webhook": slow}):
        await until(lambda: len(site.attempts()) == 40)
    assert slow.most == 4


async def test_the_state_may_be_locked_for_a_while(site: Site, put: Put) -> None:
    """Another writer delays notes of tries, never the telling."""
    await put("a1")
    lock = await asyncio.to_thread(site.engine.connect)
    await asyncio.to_thread(lock.exec_driver_sql, "INSERT INTO counters VALUES ('x', 1)")
    try:
        async with site.delivering() as deliver:
            await site.received(1)
            await until(lambda: len(site.outcomes) == 1)
            await put_later(lock)
            await site.settled(1)
            assert deliver.counts.delivered == 1
    finally:
        await asyncio.to_thread(lock.close)


async def put_later(lock: sa.Connection) -> None:
    """Let the other writer end."""
    await asyncio.to_thread(lock.commit)
