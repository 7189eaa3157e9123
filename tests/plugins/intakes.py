"""Intakes and publishers under test, and how to wait for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from gateway.clock import SystemClock
from gateway.intake import Intake
from gateway.mqtt.acknowledge import JournalSink
from gateway.mqtt.options import MqttOptions
from tests.support.memory_journal import MemoryJournal, MemoryRecords
from tests.support.waiting import eventually


class RunningIntake:
    """An intake with its ``run`` task and everything it told (``events``)."""

    def __init__(self, options: MqttOptions, journal: JournalSink, data_dir: Path, filters: list[str]) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.filters = filters
        self.intake = Intake(
            options,
            journal,
            SystemClock(),
            filters=lambda: list(self.filters),
            data_dir=data_dir,
            on_event=lambda name, details: self.events.append((name, details)),
            records=MemoryRecords(journal) if isinstance(journal, MemoryJournal) else None,
        )
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """``start`` and a task that runs."""
        await self.intake.start()
        self.task = asyncio.create_task(self.intake.run())

    async def caught_up(self, times: int = 1) -> None:
        """Wait until the marker has come back that often."""
        await eventually(lambda: len(self.told("caught_up")) >= times)

    def told(self, name: str) -> list[dict[str, Any]]:
        """What was told under that name."""
        return [details for told, details in self.events if told == name]

    async def stop(self, within: float = 5.0) -> None:
        """A graceful stop."""
        await self.intake.stop(within)
        if self.task is not None:
            await asyncio.wait([self.task], timeout=5)

    async def vanish(self) -> None:
        """As if the process had been killed: the socket closes, nothing is said."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        connection = self.intake._connection
        if connection is not None:
            connection.abort("vanished")
            await asyncio.wait([connection.closed])


class StartIntake(Protocol):
    """See the fixture ``start_intake``."""

    async def __call__(
        self,
        url: str,
        journal: JournalSink,
        *,
        filters: list[str] | None = None,
        data_dir: Path | None = None,
        wait: bool = True,
        **options: Any,
    ) -> RunningIntake:
        """Start one."""
        ...


@pytest.fixture
async def start_intake(tmp_path: Path) -> AsyncIterator[StartIntake]:
    """Call it for an intake that runs and, unless ``wait`` is False, has caught up; it is stopped after the test."""
    running: list[RunningIntake] = []

    async def start(
        url: str,
        journal: JournalSink,
        *,
        filters: list[str] | None = None,
        data_dir: Path | None = None,
        wait: bool = True,
        **options: Any,
    ) -> RunningIntake:
        parsed = MqttOptions.parse(url, client_id=options.pop("client_id", "gateway"), **options)
        one = RunningIntake(parsed, journal, data_dir or tmp_path, filters or [])
        running.append(one)
        await one.start()
        if wait:
            await one.caught_up()
        return one

    yield start
    for one in running:
        await one.vanish()
