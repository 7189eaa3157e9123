"""Publishes probes that fire and clear, receives the webhooks, and tells how long that took.

``python -m benchmarks.probes PROBES``: answers with the address of the receiver; on a line ``PORT SECONDS`` it connects
to the broker and runs; then it answers with the latencies in ms. One process on one clock: from the call that publishes
the reading to the arrival of the notice's body.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time

import uvloop
from aiohttp import web

from benchmarks.load import probe, topic
from benchmarks.processes import answer
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher

_PATIENCE_S = 15.0


class Probes:
    """Each probe alternates: two readings outside (the second fires), one within (clears)."""

    def __init__(self, count: int) -> None:
        self.fired: list[float] = []
        self.cleared: list[float] = []
        self.missing = 0
        self._count = count
        self._waiting: dict[tuple[str, str], asyncio.Future[float]] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """The webhook: note when it came."""
        document = await request.json()
        arrived = time.perf_counter()
        for alert in [document["alert"]] if "alert" in document else document.get("alerts", []):
            waiting = self._waiting.pop((alert["device"], document["event"]), None)
            if waiting is not None:
                waiting.set_result(arrived)
        return web.Response(status=204)

    async def run(self, port: int, seconds: float) -> None:
        """All probes side by side for ``seconds``."""
        options = MqttOptions("127.0.0.1", port, client_id="probes")
        async with Publisher(options) as publisher:
            end = time.perf_counter() + seconds
            await asyncio.gather(*[self._one(publisher, n, end) for n in range(self._count)])
            await publisher.drain()

    async def _one(self, publisher: Publisher, index: int, end: float) -> None:
        dice = random.Random(index)
        device, number = f"probe-{index}", 0
        where = topic(device).decode()
        await asyncio.sleep(dice.uniform(0, 1))
        while time.perf_counter() < end:
            for outside, event, latencies in (
                (True, None, self.fired),
                (True, "fired", self.fired),
                (False, "cleared", self.cleared),
            ):
                number += 1
                payload = probe(number, time.time_ns() // 1_000_000, outside=outside)
                waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()
                if event:
                    self._waiting[device, event] = waiting
                began = time.perf_counter()
                await publisher.publish(where, payload)
                if event:
                    await self._arrival(waiting, began, latencies)
                await asyncio.sleep(dice.uniform(0.1, 0.7))

    async def _arrival(self, waiting: asyncio.Future[float], began: float, latencies: list[float]) -> None:
        try:
            latencies.append((await asyncio.wait_for(waiting, _PATIENCE_S) - began) * 1000)
        except TimeoutError:
            self.missing += 1


async def _serve(count: int) -> None:
    probes = Probes(count)
    app = web.Application()
    app.router.add_post("/hook", probes.receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    answer(url=f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
    port, seconds = (await asyncio.to_thread(sys.stdin.readline)).split()
    await probes.run(int(port), float(seconds))
    both = sorted(probes.fired + probes.cleared)
    hundredths = statistics.quantiles(both, n=100, method="inclusive")
    answer(
        notices=len(both),
        missing=probes.missing,
        p50_ms=statistics.median(both),
        p99_ms=hundredths[98],
        longest_ms=both[-1],
        fired_p50_ms=statistics.median(probes.fired),
        cleared_p50_ms=statistics.median(probes.cleared),
    )
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
