"""The broker of the ``iotcore`` wheel on a free loopback port, speaking MQTT 5."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.mqtt.embedded import embedded_broker
from tests.support.waiting import free_port


class Iotcore:
    """A running broker with the handles that ``Mosquitto`` has, as far as it goes."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._broker = embedded_broker(folder, self.port)

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self._broker.start()

    def stop(self) -> None:
        """End it; it forgets everything."""
        self._broker.stop()


@pytest.fixture
def iotcore_broker(tmp_path: Path) -> Iterator[Iotcore]:
    """An iotcore broker that anybody may use."""
    folder = tmp_path / "iotcore"
    folder.mkdir()
    broker = Iotcore(folder)
    broker.start()
    yield broker
    broker.stop()
