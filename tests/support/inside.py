"""A gateway inside the test's own process: started in a moment, looked at directly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from pydantic import ByteSize, SecretStr

from gateway.app import Gateway
from gateway.config import Settings
from gateway.config.model import Data, Http, Influx, JournalSection, Mqtt, Section, Timeseries
from tests.plugins.influx import Bucket

SETTLE_S = 60.0


def settings_for(folder: Path, broker: str, bucket: Bucket | None = None, **more: Section) -> Settings:
    """Settings of a gateway on loopback with a free port; with ``bucket`` its store is InfluxDB."""
    influx = Influx()
    if bucket is not None:
        influx = Influx(url=bucket.url, org=bucket.org, bucket=bucket.bucket, token=SecretStr(bucket.token))
    sections: dict[str, Any] = {
        "data": Data(dir=folder),
        "journal": JournalSection(min_free=ByteSize(1 << 20)),
        "mqtt": Mqtt(url=SecretStr(broker)),
        "timeseries": Timeseries(store="embedded" if bucket is None else "influx"),
        "influx": influx,
        "http": Http(listen="127.0.0.1:0"),
    }
    return Settings(**sections | more)


@contextlib.asynccontextmanager
async def running(folder: Path, broker: str, bucket: Bucket | None = None, **more: Section) -> AsyncIterator[Gateway]:
    """A running gateway; it is stopped gracefully at the end. ``more``: further sections of its settings."""
    gateway = Gateway(await asyncio.to_thread(settings_for, folder, broker, bucket, **more))
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()
    assert not gateway.failed.is_set()


async def report_of(gateway: Gateway) -> dict[str, Any]:
    """The counters of DESIGN 4.3."""
    return await asyncio.to_thread(gateway.view.report)


def ask(gateway: Gateway, path: str) -> Any:
    """What the API answers; blocking, so asked from a thread."""
    with urllib.request.urlopen(f"{gateway.address}/api/v1/{path}", timeout=30) as answer:
        return json.loads(answer.read())


async def counted(
    gateway: Gateway, condition: Callable[[dict[str, Any]], object], within: float = SETTLE_S
) -> dict[str, Any]:
    """The counters once they satisfy ``condition``."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while True:
        report = await report_of(gateway)
        if condition(report):
            return report
        assert loop.time() < end, report
        await asyncio.sleep(0.02)


async def settled(gateway: Gateway, journaled: int) -> dict[str, Any]:
    """The counters once ``journaled`` messages have come in and each has its fate and its place in the store."""
    return await counted(gateway, lambda report: report["journaled"] >= journaled and report["waiting"] == 0)


async def apply(gateway: Gateway, **sections: list[dict[str, Any]]) -> None:
    """Register entries, by section of the registry file."""
    changes = [{"kind": kind, "id": body["id"], "body": body} for kind, bodies in sections.items() for body in bodies]
    answer = await gateway.view.command("registry.apply", {"changes": changes}, "test")
    assert answer.status == 200, answer.body
