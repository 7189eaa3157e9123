"""The demo: broker, simulator, gateway and pages in one process tree (DESIGN 4.3)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

from devices.outlines import read_outlines
from devices.registry import KINDS
from devices.simulate.districts import outlines
from devices.simulate.fleet import Fleet
from gateway.app import Gateway
from gateway.clock import Clock, SimulatedClock, SystemClock
from gateway.config import Settings
from gateway.drive.compare import compare
from gateway.drive.pace import Acknowledged, drive
from gateway.errors import StartError
from gateway.installation import Installation
from gateway.mqtt.embedded import embedded_broker
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.outlines import Outlines

#: A wall second of ``--fast`` is 10 simulated minutes.
FAST = 600.0
#: Without ``--seconds`` the simulated past of a fast demo is this long, in wall seconds.
OPEN_END_S = 144.0
WATER_POINTS = 12
#: Two hospitals with a store each, clinics, a collection point, a vehicle and a plant.
TERMINALS = 7
SEED = 20_240_229
#: Seconds for the last message to reach the store.
SETTLE_S = 30.0


class Demo:
    """One run of the demo. ``show`` hears of progress: a phase and the report so far."""

    def __init__(
        self, settings: Settings, *, seconds: float | None, fast: bool, show: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._seconds = seconds
        self._fast = fast
        self._show = show
        self._port = free_port()
        url = f"mqtt://127.0.0.1:{self._port}"
        mqtt = settings.mqtt.model_copy(update={"url": type(settings.mqtt.url)(url)})
        self._settings = settings.model_copy(update={"mqtt": mqtt})
        self.stopping = asyncio.Event()
        self.gateway_failed = False

    async def run(self) -> dict[str, Any]:
        """Start everything, let it run, return the report of DESIGN 4.3."""
        await asyncio.to_thread(Installation(self._settings.data.dir).prepare)
        broker = embedded_broker(self._settings.data.dir, self._port)
        try:
            await asyncio.to_thread(broker.start)
        except (OSError, RuntimeError) as error:
            raise StartError(f"the demo's broker does not start on port {self._port}: {error}") from error
        try:
            return await self._with_broker()
        finally:
            await asyncio.to_thread(broker.stop)

    async def _with_broker(self) -> dict[str, Any]:
        span = OPEN_END_S if self._seconds is None else self._seconds
        now = SystemClock().now_ms()
        clock: Clock = SimulatedClock(now - int(span * FAST * 1000), FAST) if self._fast else SystemClock()
        gateway = Gateway(self._settings, clock)
        await gateway.start()
        try:
            return await self._with_gateway(gateway, clock)
        finally:
            await gateway.stop()

    async def _with_gateway(self, gateway: Gateway, clock: Clock) -> dict[str, Any]:
        fleet = self._fleet(clock.now_ms())
        changes = [
            {"kind": kind, "id": body["id"], "body": body}
            for kind, bodies in fleet.registry().items()
            if kind in KINDS
            for body in bodies
        ]
        answer = await gateway.view.command("registry.apply", {"changes": changes, "file": "demo"}, "demo")
        if answer.status != 200:
            raise StartError(f"the demo's registry was refused: {answer.body.get('reason')}")
        await asyncio.to_thread(self._draw, gateway)
        first = gateway.core.journal.durable + 1
        before = gateway.core.decider.fold.counters["journaled"]
        self._show("ready", {"address": gateway.address})
        acknowledged = Acknowledged()
        loop = asyncio.get_running_loop()
        until = None if self._seconds is None else loop.time() + self._seconds

        def going(_at: int) -> bool:
            return not self.stopping.is_set() and not gateway.failed.is_set() and (until is None or loop.time() < until)

        options = MqttOptions.parse(f"mqtt://127.0.0.1:{self._port}", client_id="hygeia-simulator")
        async with Publisher(options, on_ack=acknowledged.note) as publisher:
            progress = asyncio.create_task(self._progress(gateway, acknowledged))
            try:
                await drive(fleet.emissions(), publisher, self._settings.mqtt.root, clock, going)
            finally:
                progress.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await progress
        await self._settle(gateway, before + acknowledged.published)
        self.gateway_failed = gateway.failed.is_set()
        return await asyncio.to_thread(self._report, gateway, acknowledged, first)

    def _draw(self, gateway: Gateway) -> None:
        """Give the invented city its map, where nobody has put another one."""
        kept = Outlines(self._settings.data.dir)
        if not kept.get()[1]:
            kept.put(read_outlines(outlines(), gateway.view.registry()))

    def _fleet(self, start: int) -> Fleet:
        period = 60_000 if self._fast else 2_000
        return Fleet(devices=WATER_POINTS, terminals=TERMINALS, period_ms=period, start=start, seed=SEED)

    async def _progress(self, gateway: Gateway, acknowledged: Acknowledged) -> None:
        while True:
            report = await asyncio.to_thread(gateway.view.report)
            self._show("running", {**report, "published": acknowledged.published})
            await asyncio.sleep(0.5)

    async def _settle(self, gateway: Gateway, expected: int) -> None:
        """Wait until ``expected`` messages have come in and are decided and stored."""
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while asyncio.get_running_loop().time() < deadline and not gateway.failed.is_set():
            report = await asyncio.to_thread(gateway.view.report)
            settled = report["waiting"] == 0 and (report["journaled"] or 0) >= expected
            if settled and gateway.core.decider.cursor >= gateway.core.journal.durable - 1:
                return
            await asyncio.sleep(0.05)

    @staticmethod
    def _report(gateway: Gateway, acknowledged: Acknowledged, first: int) -> dict[str, Any]:
        core = gateway.core
        found = compare(core.installation.journal, core.decider.cursor, core.engine, acknowledged.numbers, first)
        report: dict[str, Any] = dict(gateway.view.report())
        report |= {"published": acknowledged.published, "points_published": acknowledged.points}
        return report | {"lost": found.lost, "duplicated": found.duplicated}


def free_port() -> int:
    """A port of the loopback address that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
