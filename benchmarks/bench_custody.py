"""Custody at size: deciding events, tracing one container as they become many, the ledger's check, one bundle.

A city of hospitals whose containers are scanned one by one at every step (eight events each), through the real decide
and its commits into SQLite. Budgets (DESIGN 6 and issue 4): 2,000 events/s, trace p99 5 ms, 100,000 ledger entries/s,
a bundle within a second. Run: ``python -m benchmarks.bench_custody [--full | CONTAINERS]``; prints a table, or with
``--json`` one line of JSON.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from benchmarks.waste_city import Offline, records
from custody.evidence.verify import Key
from custody.ledger.note import key_of
from devices.simulate.city import City
from devices.simulate.waste import Days, Waste
from gateway import state
from gateway.api.app import build_app
from gateway.evidence import Evidence, Sources
from gateway.histories import histories_of
from gateway.journal.record import Record
from gateway.ledger_check import LedgerCheck, open_reading
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller
from tests.support.evidence import frontier_of, sign_head

Found = dict[str, float]
SMALL = 1_000
#: Containers of a run of ``make bench``, of a quick one, and of ``--full``.
USUAL, QUICK, FULL = 10_000, 2_000, 100_000
HOSPITALS, BEDS = 20, 320
TRACES, BUNDLES = 400, 20
_FIRST = dt.date(2026, 3, 2)
_CHUNK = 2_000


class Decided:
    """The city, decided so far; ``trace``, ``ledger`` and ``bundle`` measure what there is."""

    def __init__(self, folder: Path, containers: int) -> None:
        self.offline = Offline(folder)
        self._folder = folder
        city = City.of(hospitals=HOSPITALS, clinics=0, beds=BEDS)
        pace = Days(_FIRST)
        waste = Waste(city, pace, seed=11, stamp=1_772_380_800, each=True)
        self._records = records(waste, city, pace, -(-containers * 9 // 8 // 1_000) + 2)
        self.wall = self.cpu = 0.0

    @property
    def events(self) -> int:
        """Custody events decided."""
        return self.offline.fold.counters["custody_events"]

    def grow(self, containers: int) -> None:
        """Decide until so many containers (at eight events each) went by."""
        while self.events < 8 * containers:
            chunk: list[Record] = list(islice(self._records, _CHUNK))
            if not chunk:
                return
            wall, cpu = time.perf_counter(), time.process_time()
            self.offline.decide(chunk)
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu

    def labels(self, number: int) -> list[str]:
        """Ids of containers, spread over all of them."""
        with self.offline.engine.connect() as connection:
            every = list(
                connection.execute(sa.select(state.containers.c.id).order_by(state.containers.c.offset)).scalars()
            )
        return every[:: max(1, len(every) // number)][:number]

    def containers(self) -> int:
        """Containers in the state."""
        with self.offline.engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(state.containers)).scalar_one())

    def trace(self) -> Found:
        """Milliseconds of one container's whole history: read and folded, and over HTTP."""
        fold = self.offline.fold
        histories = histories_of(self.offline.engine, fold.registry, fold.chain.profiles)
        names = self.labels(TRACES)
        taken = [_ms(partial(histories.container, name)) for name in names]
        over = asyncio.run(self._over_http(names[: TRACES // 2]))
        return {**_quantiles("trace", taken), **_quantiles("http", over), "containers": self.containers()}

    async def _over_http(self, names: list[str]) -> list[float]:
        folder = self._folder / "services"
        folder.mkdir(exist_ok=True)
        services = FakeServices(folder)
        services.engine.dispose()
        services.engine = self.offline.engine
        services._registry = self.offline.fold.registry  # noqa: SLF001 - the fake has no other door to a whole registry
        caller = Caller(build_app(services))
        taken = []
        for name in names:
            began = time.perf_counter()
            reply = await caller.get(f"/api/v1/containers/{name}")
            taken.append((time.perf_counter() - began) * 1000)
            if reply.status != 200:
                raise RuntimeError(f"{name}: {reply.status} {reply.text[:200]}")
        return taken

    def ledger(self, key: Ed25519PrivateKey) -> Found:
        """The check of the whole ledger from its bytes, signed head included."""
        head = sign_head(self.offline.engine, frontier_of(self.offline.engine), key, self.offline.fold.time)
        connection = open_reading(self._folder / "state.sqlite3")
        check = LedgerCheck(connection, lambda name: Key(str(key_of(name, key))), head, lambda _: None)
        began = time.perf_counter()
        faults = check.run()
        took = time.perf_counter() - began
        connection.close()
        if faults:
            raise RuntimeError(f"the ledger has faults: {faults[:3]}")
        return {"entries": check.size, "verify_rate": check.size / took}

    def bundle(self, key: Ed25519PrivateKey) -> Found:
        """Seconds of the evidence of one container, and its bytes."""
        fold = self.offline.fold
        profiles, zone = fold.chain.profiles, ZoneInfo("Asia/Shanghai")
        sources = Sources(self.offline.engine, fold.registry, profiles, zone, lambda: key, "https://bench.example", "0")
        evidence = Evidence(sources)
        names = self.labels(BUNDLES)
        taken = [_ms(partial(evidence.container, name, fold.time, lambda _: True)) for name in names]
        size = len(evidence.container(names[0], fold.time, lambda _: True))
        return {"bundle_s": sorted(taken)[len(taken) // 2] / 1000, "bundle_kib": size / 1024}


def measure(containers: int, folder: Path) -> Found:
    """All figures; ``small/`` are those when there were ``SMALL`` containers."""
    city = Decided(folder, containers)
    city.grow(min(SMALL, containers // 4))
    small = city.trace()
    city.grow(containers)
    found = city.trace()
    key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    found |= {"events": city.events, "rate": city.events / city.wall, "cpu_us": city.cpu / city.events * 1e6}
    found |= city.ledger(key) | city.bundle(key)
    found |= {f"small/{name}": value for name, value in small.items()}
    found["slope"] = found["trace_p50_ms"] / small["trace_p50_ms"]
    found["state_mib"] = (folder / "state.sqlite3").stat().st_size / 2**20
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    city.offline.close()
    return found


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _quantiles(name: str, taken: list[float]) -> Found:
    ordered = sorted(taken)
    return {f"{name}_p50_ms": ordered[len(ordered) // 2], f"{name}_p99_ms": ordered[len(ordered) * 99 // 100]}


def main(arguments: list[str]) -> None:
    """Measure, and show it."""
    numbers = [int(text) for text in arguments if text.isdigit()]
    containers = FULL if "--full" in arguments else (numbers or [USUAL])[0]
    with tempfile.TemporaryDirectory(prefix="hygeia-custody-") as name:
        found = measure(containers, Path(name))
    if "--json" in arguments:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    table = Table("figure", "value", title=f"custody, {found['containers']:,.0f} containers")
    for key, value in found.items():
        table.add_row(key, f"{value:,.2f}")
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
