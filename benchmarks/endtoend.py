"""The whole way: generator -> Mosquitto -> a gateway process -> a store, with the CPU of each process."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load import PROBES, start_for
from benchmarks.machine import cpu_seconds, peak_mib
from benchmarks.processes import Child
from benchmarks.servers import Broker, InfluxServer
from tests.support.process import GatewayProcess

CONNECTIONS = 4
_POLL_S = 0.25
#: Without any progress for so long a run is over.
_STUCK_S = 30.0
#: Rounds that any run may take, so that no time lies ahead.
ROUNDS = 3_000


@dataclass
class Site:
    """A running installation; ``pids`` by name, ``now`` is when it was made (ms)."""

    broker: Broker
    gateway: GatewayProcess
    influx: InfluxServer | None
    devices: int
    start: int

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of all servers."""
        assert self.gateway.process is not None
        found = {"broker": self.broker.pid, "gateway": self.gateway.process.pid}
        return found | (self.influx.pids if self.influx else {})

    def generator(self, messages: int, first: int, rate: float = 0.0) -> Child:
        """A generator of rounds from ``first`` on, not yet told to go."""
        return Child("generator", self.broker.port, self.devices, messages, self.start, first, rate, CONNECTIONS)

    async def cursors(self) -> dict[str, int]:
        """The offset that each part of the flow has reached."""
        found = await asyncio.to_thread(self._ready)
        return {name: lag["cursor"] for name, lag in found["followers"].items()}

    def _ready(self) -> dict[str, Any]:
        address = json.loads(self.gateway.folder.joinpath("runtime.json").read_bytes())["address"]
        with urllib.request.urlopen(f"{address}/readyz", timeout=30) as reply:
            document: dict[str, Any] = json.loads(reply.read())
        return document


@asynccontextmanager
async def site(
    folder: Path,
    devices: int,
    store: str,
    *,
    probes: int = 0,
    settings: dict[str, str] | None = None,
    every_change: bool = False,
) -> AsyncIterator[Site]:
    """A fleet that is known and a gateway that runs; ``store``: ``embedded``, ``influx`` or ``shim`` (see servers)."""
    async with AsyncExitStack() as stack:
        with Child("prepare", folder / "data", devices, probes) as prepare:
            await asyncio.to_thread(prepare.hear)
        broker = await asyncio.to_thread(lambda: Broker(folder / "broker", every_change=every_change))
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        influx = None
        if store != "embedded":
            influx = await asyncio.to_thread(lambda: InfluxServer(folder / "influx", shim=store == "shim"))
            stack.push_async_callback(asyncio.to_thread, influx.stop)
        chosen = (influx.settings() if influx else {}) | (settings or {})
        gateway = GatewayProcess(folder / "data", broker.url, chosen)
        await gateway.start()
        stack.push_async_callback(asyncio.to_thread, gateway.stop)
        yield Site(broker, gateway, influx, devices, start_for(time.time_ns() // 1_000_000, ROUNDS))


async def publish(there: Site, messages: int, first: int, rate: float = 0.0) -> dict[str, Any]:
    """Publish and wait until all is stored; rates, CPU of each process, and what is missing in the end."""
    with there.generator(messages, first, rate) as generator:
        ready = await asyncio.to_thread(generator.hear)
        pids = there.pids | {"generator": generator.pid}
        base = await there.cursors()
        stored = (await there.gateway.report())["stored"]
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        began = time.perf_counter()
        generator.say("go")
        reached = await _follow(there, base, messages, began)
        sent = await asyncio.to_thread(generator.hear)
        cpu = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}
    report = await there.gateway.report()
    found: dict[str, Any] = {
        "payload": ready["payload"],
        "published": sent["acknowledged"],
        "published_rate": sent["acknowledged"] / sent["seconds"],
        "missing": stored + messages - report["stored"],
        "gateway_us": cpu["gateway"] / messages * 1e6,
        "gateway_mib": peak_mib(pids["gateway"]),
    }
    found |= {f"{name}_rate": messages / seconds for name, seconds in reached.items()}
    return found | {f"{name}_cpu": seconds for name, seconds in cpu.items()} | {"seconds": max(reached.values())}


async def _follow(there: Site, base: dict[str, int], messages: int, began: float) -> dict[str, float]:
    """Seconds until journal, decide and store had taken ``messages`` more records."""
    names = {"journal": "journaled", "decide": "decided", "store": "stored"}
    reached: dict[str, float] = {}
    last, moved = base, began
    while len(reached) < len(names):
        await asyncio.sleep(_POLL_S)
        now = await there.cursors()
        at = time.perf_counter()
        for name, what in names.items():
            if what not in reached and now[name] >= base[name] + messages:
                reached[what] = at - began
        if now["store"] > last["store"] or now["journal"] > last["journal"]:
            last, moved = now, at
        if at - moved > _STUCK_S:
            raise RuntimeError(f"nothing moves any more: {now} from {base} with {messages} messages")
    return reached


async def sustained(folder: Path, devices: int, messages: int, store: str) -> dict[str, Any]:
    """A first round that makes every device known, then ``messages`` as fast as they are acknowledged."""
    async with site(folder, devices, store) as there:
        rounds = -(-max(devices, 10_000) // devices)
        warm = await publish(there, rounds * devices, 0)
        found = await publish(there, messages, rounds)
        found["first_us"] = warm["gateway_us"]
        if there.influx:
            found["influx_missing"] = rounds * devices + messages - await asyncio.to_thread(there.influx.stored)
    return found


async def as_deployed(folder: Path, messages: int) -> dict[str, Any]:
    """The same with the broker saving at every change, as 'hygeia broker config' has it."""
    async with site(folder, 1000, "embedded", every_change=True) as there:
        return await publish(there, messages, 0)


#: Every alert by itself: so many a second are a flood, which would be gathered into digests.
ROUTING = "routing: bench\nversion: '1'\nsteps: [{to: unit_contact}]\nmachines: {burst: 100000}\n"


async def latency(folder: Path, rate: float, seconds: float) -> dict[str, Any]:
    """From publish to webhook, while ``rate`` messages a second come from 1,000 devices."""
    with Child("probes", PROBES) as probes:
        hook = await asyncio.to_thread(probes.hear)
        routing = folder / "routing.yaml"
        routing.write_text(ROUTING, "utf-8")
        settings = {"HYGEIA_ALERTS__WEBHOOK": hook["url"], "HYGEIA_ALERTS__ROUTING": str(routing)}
        async with site(folder, 1000, "embedded", probes=PROBES, settings=settings) as there:
            await publish(there, 3000, 0)
            with there.generator(round(rate * (seconds + 6)), 3, rate) as generator:
                await asyncio.to_thread(generator.hear)
                generator.say("go")
                await asyncio.sleep(2.0)
                before, began = cpu_seconds(there.pids["gateway"]), time.perf_counter()
                probes.say(f"{there.broker.port} {seconds}")
                found = await asyncio.to_thread(probes.hear)
                spent = cpu_seconds(there.pids["gateway"]) - before
                found["gateway_us"] = spent / (time.perf_counter() - began) / rate * 1e6
                await asyncio.to_thread(generator.hear)
    return found


async def killed(folder: Path, rate: float, seconds: float, kills: int) -> dict[str, Any]:
    """SIGKILL under load, ``kills`` times; what was acknowledged to the generator and is not in influxd afterwards."""
    async with site(folder, 1000, "influx") as there:
        messages = round(rate * seconds)
        assert there.influx is not None
        with there.generator(messages, 0, rate) as generator:
            await asyncio.to_thread(generator.hear)
            generator.say("go")
            for _ in range(kills):
                await asyncio.sleep(seconds / (kills + 1))
                await asyncio.to_thread(there.gateway._end, signal.SIGKILL)  # noqa: SLF001 - kill() blocks
                await there.gateway.start()
            sent = await asyncio.to_thread(generator.hear)
        stored = await settled(there.influx, messages)
    return {"acknowledged": sent["acknowledged"], "stored": stored, "lost": sent["acknowledged"] - stored}


async def settled(influx: InfluxServer, expected: int, patience: float = 10.0) -> int:
    """How many messages are in influxd when all are, or when nothing has come for ``patience`` seconds."""
    stored, moved = -1, time.perf_counter()
    while stored < expected and time.perf_counter() - moved < patience:
        now = await asyncio.to_thread(influx.stored)
        if now != stored:
            stored, moved = now, time.perf_counter()
        await asyncio.sleep(0.2)
    return stored
