"""Delivery to people: who has an address is told, who has none is said at once, and nothing of them is kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from gateway import links
from gateway.allowance import Allowance
from gateway.channels import Traits
from gateway.deliver import Linking
from tests.plugins.delivery import QUICK, Put, Site, until

PHONE, NAME, MAIL = "+86 13800138000", "王工", "wang@example.org"
SMS = Traits(needs="phone", link=False)
GROUP = Traits(limits=((3, 60),))
KEY = bytes(range(32))


@dataclass
class Told:
    """A channel that remembers what it was to send, and answers ``usual`` once ``answers`` are used up."""

    answers: list[Outcome] = field(default_factory=list)
    usual: Outcome = field(default_factory=lambda: Delivered(200, "id-1"))
    notices: list[Notice] = field(default_factory=list)

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else self.usual

    async def close(self) -> None:
        """See ``Sender.close``."""


@pytest.fixture
def told() -> Told:
    """One channel."""
    return Told()


async def know(site: Site, person: str, **more: Any) -> None:
    """``Site.know`` outside the event loop."""
    await asyncio.to_thread(lambda: site.know(person, **more))


async def test_a_person_is_told_at_the_address_of_now_in_their_language(site: Site, put: Put, told: Told) -> None:
    """Name, number and address come from the erasable table, the language from the registry; it is kept nowhere."""
    await know(site, "p-7", name={"zh": NAME, "en": "Wang"}, phone=PHONE, email=MAIL)
    await know(site, "p-8", language="en", name={"zh": "史密斯", "en": "Smith"}, phone="+44123456")
    await put("a1", channel="sms", person="p-7", context='{"zone":"UTC"}')
    await put("a2", channel="sms", person="p-8")
    async with site.delivering(channels={"sms": told}, traits={"sms": SMS}):
        outcomes = await site.settled(2)
    to = {one.to.id: one.to for one in told.notices if one.to}
    assert (to["p-7"].name, to["p-7"].phone, to["p-7"].email, to["p-7"].language) == (NAME, PHONE, MAIL, "zh")
    assert (to["p-8"].name, to["p-8"].language) == ("Smith", "en")
    assert [one.context for one in told.notices if one.to and one.to.id == "p-7"] == [b'{"zone":"UTC"}']
    assert {(one["channel"], one["person"], one["outcome"]) for one in outcomes} == {
        ("sms", "p-7", "delivered"),
        ("sms", "p-8", "delivered"),
    }
    kept = json.dumps([outcomes, await site.noted()], ensure_ascii=False)
    assert not any(part in kept for part in (PHONE, "13800138000", NAME, MAIL))


async def test_words_that_quote_a_person_are_masked(site: Site, put: Put, told: Told) -> None:
    """Providers like to repeat the number that they refused: journal, notes and log get stars."""
    await know(site, "p-7", name={"zh": NAME}, phone=PHONE, email=MAIL)
    told.answers = [Retry(f"busy, {NAME}"), Refused("number 13800138000 of wang@example.org is blocked")]
    await put("a1", channel="sms", person="p-7")
    async with site.delivering(channels={"sms": told}, traits={"sms": SMS}):
        (outcome,) = await site.settled(1)
    assert outcome["outcome"] == "refused"
    kept = json.dumps([outcome, await site.noted()], ensure_ascii=False)
    assert "***" in outcome["words"]
    assert not any(part in kept for part in ("13800138000", NAME, MAIL))


@pytest.mark.parametrize("private", [{}, {"name": {"zh": NAME}}, {"email": MAIL}, {"phone": ""}])
async def test_a_person_without_a_number_is_refused_at_once(
    site: Site, put: Put, told: Told, private: dict[str, Any]
) -> None:
    """So that decide falls back to the next channel; nothing is sent. Nor to somebody whose data were erased."""
    if private:
        await know(site, "p-7", **private)
    await put("a1", channel="sms", person="p-7")
    async with site.delivering(channels={"sms": told}, traits={"sms": SMS}):
        (outcome,) = await site.settled(1)
    assert (outcome["outcome"], outcome["tries"], outcome["words"]) == ("refused", 1, "no phone of p-7 is known")
    assert told.notices == []


async def test_a_number_that_was_mended_is_used_at_the_next_try(site: Site, put: Put, told: Told) -> None:
    """The address is looked up for each try, not when the notice was decided."""
    await know(site, "p-7", phone="111111")
    told.usual = Retry("no network")
    await put("a1", channel="sms", person="p-7")
    async with site.delivering(channels={"sms": told}, traits={"sms": SMS}):
        await until(lambda: len(told.notices) >= 2)
        await know(site, "p-7", offset=5, phone="222222", language="en")
        told.usual = Delivered()
        await site.settled(1)
    assert told.notices[0].to is not None
    assert told.notices[-1].to is not None
    assert (told.notices[0].to.phone, told.notices[-1].to.phone) == ("111111", "222222")
    assert told.notices[-1].to.language == "en"


async def test_one_person_who_cannot_be_reached_delays_no_other(site: Site, put: Put, told: Told) -> None:
    """Of one alert each receiver has an order of their own."""
    for person in ("p-7", "p-8"):
        await know(site, person, phone=PHONE)
    told.answers = [Retry("busy", after=None)]
    slow = QUICK._replace(first_s=3600, most_s=3600, parallel=1)
    await put("a1", channel="sms", person="p-7")
    await put("a1", channel="sms", person="p-8")
    await put("a1", channel="sms", person="p-7", event="cleared")
    async with site.delivering(pace=slow, channels={"sms": told}, traits={"sms": SMS}):
        await site.settled(1)
        assert [one["person"] for one in site.outcomes] == ["p-8"]
    assert [one.to.id for one in told.notices if one.to] == ["p-7", "p-8"]


async def test_a_notice_with_a_next_channel_is_given_up_after_its_own_time(site: Site, put: Put, told: Told) -> None:
    """Five minutes of a provider that fails are enough where another channel waits; others are tried for a day."""
    await know(site, "p-7", phone=PHONE)
    told.usual = Retry("down")
    await put("a1", channel="sms", person="p-7", max_age_s=300)
    await put("a2", channel="sms", person="p-7")
    async with site.delivering(channels={"sms": told}, traits={"sms": SMS}) as deliver:
        await until(lambda: len(told.notices) >= 4)
        site.clock.ahead_s = 301
        deliver.wake()
        (outcome,) = await site.settled(1)
    assert (outcome["for"], outcome["outcome"], outcome["words"]) == ([0, 0], "dead", "down")


async def test_a_receiver_gets_no_more_than_its_provider_takes(site: Site, put: Put, told: Told) -> None:
    """Three a minute: the fourth waits for the minute to be over, and nothing is lost."""
    await put(*(f"a{n}" for n in range(7)), channel="robot")
    async with site.delivering(channels={"robot": told}, traits={"robot": GROUP}) as deliver:
        await site.settled(3)
        for ahead, sent in ((59.0, 3), (61.0, 6), (119.0, 6), (125.0, 7)):
            site.clock.ahead_s = ahead
            deliver.wake()
            await site.settled(sent)
            await until(lambda sent=sent: deliver.waiting() == 7 - sent)  # type: ignore[misc]
            assert len(told.notices) == sent
    assert len({one.key for one in told.notices}) == 7


def test_an_allowance_counts_in_every_window() -> None:
    """At minute 0 five go out at once, the hour's tenth not before the hour is over."""
    allowance = Allowance(((5, 60), (10, 3600)))
    sent = []
    now = 0.0
    for _ in range(12):
        now = max(now, allowance.free_at())
        allowance.take(now)
        sent.append(now)
    assert sent == [0.0] * 5 + [60.0] * 5 + [3600.0] * 2


LINKING = Linking("https://h.example", KEY)


@pytest.mark.parametrize(
    ("event", "traits", "linking", "linked"),
    [
        ("fired", Traits(), LINKING, True),
        ("escalated", Traits(), LINKING, True),
        ("reminder", Traits(needs="phone"), LINKING, True),
        ("cleared", Traits(), LINKING, False),
        ("fired", SMS, LINKING, False),
        ("fired", Traits(), Linking("", KEY), False),
        ("fired", Traits(), Linking("https://h.example", b""), False),
    ],
)
async def test_who_may_acknowledge_gets_a_link(  # noqa: PLR0917 - pytest gives each by its name
    site: Site, put: Put, told: Told, event: str, traits: Traits, linking: Linking, *, linked: bool
) -> None:
    """Where pages have an address and the alert waits for somebody; never in an SMS. It names the row."""
    await know(site, "p-7", phone=PHONE)
    await put("a0", channel="none")
    await put("a1", channel="sms", person="p-7", event=event)
    async with site.delivering(channels={"sms": told}, traits={"sms": traits}, linking=linking):
        await site.settled(1)
    (notice,) = told.notices
    address, _, token = notice.link.rpartition("/")
    assert bool(notice.link) is linked
    if linked:
        assert address == "https://h.example/ack"
        assert links.parse(KEY, token) == (1, 0)


async def test_a_group_gets_the_page_of_the_alert(site: Site, put: Put, told: Told) -> None:
    """Nobody acknowledges in the name of a group: one signs in there."""
    await put("a1", channel="robot")
    async with site.delivering(channels={"robot": told}, linking=LINKING):
        await site.settled(1)
    assert told.notices[0].link == "https://h.example/alerts/a1"


async def test_a_digest_has_no_link(site: Site, put: Put, told: Told) -> None:
    """A link acknowledges one alert."""
    await put("a1", channel="robot", body='[{"id":"a1"},{"id":"a2"}]')
    async with site.delivering(channels={"robot": told}, linking=LINKING):
        await site.settled(1)
    assert told.notices[0].link == ""
