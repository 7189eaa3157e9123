"""CPU a message of both stores: ``python benchmarks/bench_stores.py [--messages N] [--batch N] [--late] [--gzip]``.

A message is one row of six parameters. The embedded store is measured on a file in a temporary folder, the InfluxDB
store against Debian's influxd behind the v2 shim of the tests (CPU of this process without the shim's: it runs in its
own). Prints one line a store: CPU and wall microseconds a message, and the rate.
"""

# ruff: noqa: E402 - a script finds the project first

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from devices.reading import Row
from gateway import state
from gateway.database import open_state
from gateway.store.base import Tags, Telemetry, TimeSeriesStore
from gateway.store.embedded import EmbeddedStore
from gateway.store.influx import InfluxStore
from gateway.store.lines import Lines
from tests.plugins.influx import TOKEN, Influxd, free_port

SIX = ("chlorine_free", "turbidity", "ph", "temperature", "conductivity", "orp")
START = 1_732_200_000_000


def messages(count: int, devices: int, *, late: bool) -> list[Telemetry]:
    """Telemetry in journal order; every tenth message holds late values where ``late``."""
    dice = random.Random(1)
    tags = [Tags(f"wq-{n:06d}", "water", f"place-{n:06d}", f"unit-{n % 40}", "gulou") for n in range(devices)]
    found = []
    for offset in range(count):
        behind = late and offset % 10 == 9
        ts = START + (offset // devices) * 60_000 - (30_000 if behind else 0)
        row = Row("-", ts, SIX, [round(dice.uniform(0, 10), 3) for _ in SIX], late=[True] * 6 if behind else None)
        found.append(Telemetry(offset, ts + 400, 1, tags[offset % devices], [row]))
    return found


def batches(items: Sequence[Telemetry], size: int) -> Iterator[Sequence[Telemetry]]:
    """Cut ``items`` into batches of ``size``."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def measure(title: str, items: Sequence[Telemetry], size: int, act: Callable[[Sequence[Telemetry]], object]) -> None:
    """Run ``act`` on each batch and print what a message costs."""
    wall, cpu = time.perf_counter(), time.process_time()
    for batch in batches(items, size):
        act(batch)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    n = len(items)
    print(f"{title:34} {cpu / n * 1e6:6.2f} us CPU {wall / n * 1e6:7.2f} us wall {n / wall:10,.0f} messages/s")


def run_store(title: str, store: TimeSeriesStore, items: Sequence[Telemetry], size: int) -> None:
    """Measure ``write`` of a store and see that everything is in."""
    store.open()
    try:
        measure(title, items, size, lambda batch: store.write(batch, batch[-1].offset))
        stats = store.stats()
        assert (stats.stored, stats.points) == (len(items), 6 * len(items)), stats
    finally:
        store.close()


def influx(folder: Path, items: Sequence[Telemetry], size: int, *, gzip: bool) -> None:
    """Measure the InfluxDB store; influxd and the shim run in processes of their own."""
    influxd = Influxd(folder / "influxd")
    influxd.start()
    influxd.query("", 'CREATE DATABASE "bench"')
    port = free_port()
    command = [sys.executable, "-m", "tests.influx_servers", str(port), influxd.url, TOKEN]
    between = subprocess.Popen(command, cwd=ROOT)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        engine = open_state(folder / "state.sqlite")
        state.metadata.create_all(engine)
        store = InfluxStore(url, "bench", "bench", TOKEN, engine, gzip=gzip)
        run_store("InfluxDB" + (" with gzip" if gzip else ""), store, items, size)
        engine.dispose()
        found = influxd.query("bench", "SELECT count(ph) FROM water")[0]["values"][0]
        assert found[1] == len(items), found
    finally:
        between.terminate()
        between.wait()
        influxd.kill()


def wait_for(url: str) -> None:
    """Wait until the shim answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def main() -> None:
    """Measure lines, the embedded store and, where influxd is installed, the InfluxDB store."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--messages", type=int, default=200_000)
    options.add_argument("--batch", type=int, default=5_000)
    options.add_argument("--devices", type=int, default=1_000)
    options.add_argument("--late", action="store_true", help="every tenth message is late and looked up first")
    options.add_argument("--gzip", action="store_true", help="compress what goes to InfluxDB")
    chosen = options.parse_args()
    items = messages(chosen.messages, chosen.devices, late=chosen.late)
    lines = Lines()
    lines.build(items[: chosen.devices])
    measure("line protocol alone", items, chosen.batch, lambda batch: b"\n".join(lines.build(batch).texts))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_store("embedded (DuckDB)", EmbeddedStore(folder / "series.duckdb"), items, chosen.batch)
        size = (folder / "series.duckdb").stat().st_size
        print(f"{'':34} {size / len(items) / 6:6.2f} bytes a value")
        if shutil.which("influxd"):
            influx(folder, items, chosen.batch, gzip=chosen.gzip)


if __name__ == "__main__":
    main()
