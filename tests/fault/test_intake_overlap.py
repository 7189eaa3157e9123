"""Filters that cover each other, against real Mosquitto, which delivers once for each subscription that matches."""

from __future__ import annotations

import functools

import pytest

from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.subscriptions import Subscriptions
from tests.plugins.intakes import StartIntake
from tests.plugins.mosquitto import Mosquitto
from tests.support.memory_journal import MemoryJournal
from tests.support.waiting import eventually

pytestmark = pytest.mark.mosquitto
UP = "hygeia/v1/site/wq-1/up/telemetry"


async def send(url: str, *messages: tuple[str, bytes]) -> None:
    """Publish with QoS 1 and wait until the broker has taken them."""
    async with Publisher(MqttOptions.parse(url, client_id="sender")) as publisher:
        for topic, payload in messages:
            await publisher.publish(topic, payload)
        await publisher.drain()


def has(subscriptions: Subscriptions, needed: str) -> bool:
    """The session has the gateway's own two filters and this one, and no more."""
    note = subscriptions._note
    return note.filters == note.asked and note.filters[2:] == [needed]


@pytest.mark.parametrize(
    "filters",
    [["dtu/o-2/data", "dtu/#", "dtu/+/data"], ["dtu/o-2/#", "dtu/#", "hygeia/v1/#"], ["#"], ["+/#", "#", "dtu/+/data"]],
)
async def test_a_message_comes_once_however_many_filters_cover_it(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal, filters: list[str]
) -> None:
    """Sources whose filters cover each other or the gateway's own topics; the marker still comes back."""
    await start_intake(mosquitto.url, memory_journal, filters=filters)
    await send(mosquitto.url, ("dtu/o-2/data", b"1"), (UP, b"2"), ("dtu/o-2/data", b"end"))
    await eventually(lambda: b"end" in memory_journal.payloads())
    assert memory_journal.payloads() == [b"1", b"2", b"end"]


async def test_filters_that_come_and_go_leave_what_the_others_need(
    mosquitto: Mosquitto, start_intake: StartIntake, memory_journal: MemoryJournal
) -> None:
    """A wide filter takes the place of a narrow one, and gives it back."""
    running = await start_intake(mosquitto.url, memory_journal, filters=["dtu/o-2/data"])
    subscriptions = running.intake._subscriptions
    for filters, needed in ((["dtu/o-2/data", "dtu/#"], "dtu/#"), (["dtu/o-2/data"], "dtu/o-2/data")):
        running.filters = filters
        running.intake.set_filters()
        await eventually(functools.partial(has, subscriptions, needed))
        await send(mosquitto.url, ("dtu/o-2/data", needed.encode()))
    await send(mosquitto.url, ("dtu/o-9/data", b"nobody's"), ("dtu/o-2/data", b"end"))
    await eventually(lambda: b"end" in memory_journal.payloads())
    assert memory_journal.payloads() == [b"dtu/#", b"dtu/o-2/data", b"end"]
