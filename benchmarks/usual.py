"""Measures the gateway of the usual kind (``benchmarks/usual_gateway.py``) with the same broker, load and influxd."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.endtoend import CONNECTIONS, ROUNDS, settled
from benchmarks.load import start_for
from benchmarks.machine import cpu_seconds, peak_mib
from benchmarks.processes import Child
from benchmarks.servers import BUCKET, ORG, Broker, InfluxServer
from tests.plugins.influx import TOKEN

DEVICES = 1000


class Usual:
    """Broker, influxd and the gateway between them."""

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder / "broker")
        self.influx = InfluxServer(folder / "influx")
        self.start = start_for(time.time_ns() // 1_000_000, ROUNDS)
        self.gateway = self.spawn()

    def spawn(self) -> Child:
        """Start the gateway and wait until it is subscribed."""
        gateway = Child("usual_gateway", self.broker.port, self.influx.url, ORG, BUCKET, TOKEN)
        gateway.hear()
        return gateway

    def generator(self, messages: int, rate: float = 0.0) -> Child:
        """See ``endtoend.Site.generator``."""
        return Child("generator", self.broker.port, DEVICES, messages, self.start, 0, rate, CONNECTIONS)

    def stop(self) -> None:
        """End all."""
        self.gateway.stop(signal.SIGKILL)
        self.influx.stop()
        self.broker.stop()


@contextmanager
def _usual(folder: Path) -> Iterator[Usual]:
    running = Usual(folder)
    try:
        yield running
    finally:
        running.stop()


async def throughput(folder: Path, messages: int) -> dict[str, Any]:
    """As fast as the broker acknowledges; over when all is in influxd, or nothing more comes."""
    with _usual(folder) as there, there.generator(messages) as generator:
        generator.hear()
        pids = {"gateway": there.gateway.pid, "broker": there.broker.pid, **there.influx.pids}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        began = time.perf_counter()
        generator.say("go")
        stored, last = -1, began
        while stored < messages and time.perf_counter() - last < 10.0:
            await asyncio.sleep(0.25)
            now = await asyncio.to_thread(there.influx.stored)
            if now != stored:
                stored, last = now, time.perf_counter()
        sent = generator.hear()
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
        found = {f"{name}_cpu": seconds for name, seconds in cpu.items()}
        return found | {
            "published": sent["acknowledged"],
            "published_rate": sent["acknowledged"] / sent["seconds"],
            "stored": stored,
            "stored_rate": stored / (last - began),
            "gateway_us": cpu["gateway"] / max(stored, 1) * 1e6,
            "gateway_mib": peak_mib(pids["gateway"]),
        }


async def killed(folder: Path, rate: float, seconds: float, kills: int) -> dict[str, Any]:
    """As ``endtoend.killed``."""
    with _usual(folder) as there:
        messages = round(rate * seconds)
        with there.generator(messages, rate) as generator:
            generator.hear()
            generator.say("go")
            for _ in range(kills):
                await asyncio.sleep(seconds / (kills + 1))
                there.gateway.stop(signal.SIGKILL)
                there.gateway = await asyncio.to_thread(there.spawn)
            sent = await asyncio.to_thread(generator.hear)
        stored = await settled(there.influx, messages)
    return {"acknowledged": sent["acknowledged"], "stored": stored, "lost": sent["acknowledged"] - stored}
