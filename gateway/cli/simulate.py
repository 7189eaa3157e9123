"""``hygeia simulate``: publish what simulated devices measure to any broker."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
import yaml

from devices.simulate.fleet import Fleet
from gateway.cli.options import broker_of, writable
from gateway.cli.show import complain, document
from gateway.clock import SystemClock
from gateway.errors import UsageError

if TYPE_CHECKING:
    from gateway.mqtt.options import MqttOptions

Url = Annotated[str, typer.Option("--broker", metavar="URL", help="mqtt://user:password@host:port")]
Root = Annotated[str, typer.Option("--root", help="First levels of the topics.")]
Devices = Annotated[int, typer.Option("--devices", min=0, help="Water points.")]
Terminals = Annotated[int, typer.Option("--terminals", min=0, help="Weighing terminals.")]
Rate = Annotated[float, typer.Option("--rate", min=0.001, help="Telemetry messages a second, all devices together.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.1, help="Stop by itself after so many seconds.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same values.")]
Out = Annotated[Path | None, typer.Option("--registry-out", metavar="FILE", help="Write a registry file of them.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write what was acknowledged as JSON.")]


def simulate(
    broker: Url,
    root: Root = "hygeia/v1",
    devices: Devices = 10,
    terminals: Terminals = 0,
    rate: Rate = 10.0,
    seconds: Seconds = None,
    seed: Seed = 1,
    registry_out: Out = None,
    report: Report = None,
) -> None:
    """Publish simulated readings and waste events, numbered, until stopped; print what was acknowledged."""
    if not devices and not terminals:
        raise UsageError("--devices 0 --terminals 0: nothing to simulate")
    options = broker_of(broker, root, "hygeia-simulate")
    writable("--registry-out", registry_out)
    writable("--report", report)
    period = max(1, round(max(1, devices) * 1000 / rate))
    start = SystemClock().now_ms()
    fleet = Fleet(devices=devices, terminals=terminals, period_ms=period, start=start, seed=seed)
    if registry_out is not None:
        text = yaml.safe_dump(fleet.registry(), allow_unicode=True, sort_keys=False)
        registry_out.write_text(text, encoding="utf-8")
        complain(f"{registry_out}: {devices + terminals} devices; next: hygeia registry import {registry_out}")
    found = asyncio.run(_publish(fleet, options, root, seconds))
    if report is not None:
        report.write_bytes(msgspec.json.encode(found))
    document({name: value for name, value in found.items() if name != "numbers"})


async def _publish(fleet: Fleet, options: MqttOptions, root: str, seconds: float | None) -> dict[str, Any]:
    from gateway.drive.pace import Acknowledged, drive  # noqa: PLC0415 - other commands start faster
    from gateway.mqtt.publisher import Publisher  # noqa: PLC0415 - likewise

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    acknowledged = Acknowledged()
    until = None if seconds is None else loop.time() + seconds

    def going(_at: int) -> bool:
        return not stopping.is_set() and (until is None or loop.time() < until)

    async with Publisher(options, on_ack=acknowledged.note) as publisher:
        await drive(fleet.emissions(), publisher, root, SystemClock(), going)
    numbers = {device: sorted(found, key=str) for device, found in acknowledged.numbers.items()}
    return {"published": acknowledged.published, "points_published": acknowledged.points, "numbers": numbers}
