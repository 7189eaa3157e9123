"""Catching up: ``python -m benchmarks.backlog DEVICES MESSAGES FOLDER [INFLUX_URL]``.

Fills the journal of a fleet with MESSAGES, answers, and on a line decides and stores them all by the threads of the
gateway; then answers with ``seconds``, CPU microseconds a message, the peak of memory in MiB (``start_mib`` before it
began), what garbage collection took of it, and how many messages are stored.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.garbage import Collections
from benchmarks.load import Load, start_for
from benchmarks.machine import forget_peak, peak_mib
from benchmarks.prepare import make_known, open_core
from benchmarks.processes import answer
from benchmarks.servers import BUCKET, ORG
from gateway.cli.run import GARBAGE
from gateway.core import Core
from gateway.follow import Follower
from gateway.journal.record import Kind, json_body, message_body, origin
from gateway.journal.writer import Entry
from gateway.store.influx import InfluxStore
from tests.plugins.influx import TOKEN

_BATCH = 500
#: Bytes submitted and not yet on disk while the journal is filled.
_AHEAD = 64 << 20
_PATIENCE_S = 1800.0


def fill(core: Core, devices: int, messages: int) -> int:
    """Journal ``messages`` as the intake would; returns the offset of the record behind them."""
    now = time.time_ns() // 1_000_000
    where = origin("mqtt", "127.0.0.1:1883", "127.0.0.1:1883", "hygeia")
    batch: list[Entry] = []
    for number, (_, topic, payload) in enumerate(Load(devices, start_for(now, messages // devices)).messages(messages)):
        batch.append(Entry(Kind.MESSAGE, now, message_body(1, number % 65535 + 1, where, topic, b"", payload)))
        if len(batch) == _BATCH:
            core.journal.submit(batch, lambda _: None)
            batch = []
            while core.journal.waiting_bytes > _AHEAD:
                time.sleep(0.01)
    if batch:
        core.journal.submit(batch, lambda _: None)
    return core.journal.append(Kind.TICK, json_body({"type": "tick"}), timeout=600.0)


def catch_up(core: Core, last: int, messages: int) -> dict[str, Any]:
    """Decide and store everything up to record ``last``."""
    follower = Follower(core, lambda name, *, on: None)  # noqa: ARG005 - nobody to be told
    collections = Collections()
    forget_peak()
    began_mib = peak_mib(os.getpid())
    wall, cpu = time.perf_counter(), time.process_time()
    follower.start()
    core.decider.start()
    decided = core.decider.wait(last, _PATIENCE_S)
    decided_s = time.perf_counter() - wall
    while follower.cursor < last and follower.state == "ok" and time.perf_counter() - wall < _PATIENCE_S:
        time.sleep(0.01)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert decided, core.decider.failed
    found = {
        "seconds": wall,
        "decided_s": decided_s,
        "us": cpu / messages * 1e6,
        "gc_us": collections.seconds / messages * 1e6,
        "gc_longest_ms": collections.longest * 1000,
        "gc_full": collections.full,
        "start_mib": began_mib,
        "peak_mib": peak_mib(os.getpid()),
        "stored": core.store.stats().stored,
        "fired": core.decider.fold.counters["alerts_fired"],
    }
    core.decider.stop(60.0)
    follower.stop(60.0)
    return found


def main(devices: str, messages: str, folder: str, influx: str = "") -> None:
    """Fill, answer, catch up, answer; collecting garbage as ``hygeia run`` does."""
    gc.set_threshold(*GARBAGE)
    core = open_core(Path(folder))
    if influx:
        core.store = InfluxStore(influx, ORG, BUCKET, TOKEN, core.engine)
    core.store.open()
    make_known(core, int(devices))
    last = fill(core, int(devices), int(messages))
    answer(filled=last)
    sys.stdin.readline()
    answer(**catch_up(core, last, int(messages)))
    sys.stdin.readline()
    core.store.close()
    core.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
