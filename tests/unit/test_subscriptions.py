"""What is subscribed where a broker refuses filters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import mqtt5

from gateway.mqtt.connection import Connection
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.subscriptions import Subscriptions


class RefusingBroker:
    """A connection whose broker grants no filter that ends in ``#``."""

    paused = False

    def __init__(self) -> None:
        self.sent: list[tuple[str, list[str]]] = []

    async def subscribe(self, filters: Sequence[mqtt5.TopicFilter]) -> list[int]:
        """See ``Connection``."""
        patterns = [one.pattern for one in filters]
        self.sent.append(("subscribe", patterns))
        return [0x87 if one.endswith("#") else 1 for one in patterns]

    async def unsubscribe(self, patterns: Sequence[str]) -> list[int]:
        """See ``Connection``."""
        self.sent.append(("unsubscribe", list(patterns)))
        return [0 for _ in patterns]


async def test_where_the_wide_filter_is_refused_the_covered_ones_are_asked_for(tmp_path: Path) -> None:
    """A source that reads too much does not cost its neighbour the messages; asking again changes nothing."""
    told: list[tuple[str, dict[str, Any]]] = []
    subscriptions = Subscriptions(
        MqttOptions.parse("mqtt://127.0.0.1:1", client_id="gateway"), tmp_path, lambda *one: told.append(one)
    )
    await subscriptions.load()
    broker = RefusingBroker()
    for _ in range(2):
        assert await subscriptions.update(cast(Connection, broker), ["up", "dtu/1/data", "dtu/#"]) == ["dtu/#"]
    assert broker.sent == [("subscribe", ["up", "dtu/#"]), ("subscribe", ["dtu/1/data"]), ("subscribe", ["dtu/#"])]
    assert [details["filter"] for _, details in told] == ["dtu/#", "dtu/#"]
