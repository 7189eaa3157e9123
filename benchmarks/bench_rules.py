"""CPU of judging one message of six parameters by the packs that are in force by default, and what it costs to keep.

Prints, as JSON, microseconds a message for 1,000 and 100,000 devices (median of rounds in which every device sends
once, ticks included), bytes a series, and the seconds to load a snapshot with 50,000 pending and open conditions.
Budgets (DESIGN 6): 15 us, 1.3 times, 1 KiB, 5 s. Run: ``python -m benchmarks.bench_rules [DEVICES ...]``.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from alerts.rules import pack_text
from alerts.tracks import Track
from benchmarks.load import PERIOD_MS, ROOT, Load, Sent, registry
from devices.registry import Change
from gateway.decide.fold import Fold
from gateway.decide.outputs import Outputs
from gateway.journal.record import Message

PACKS = ("gb5749-2022", "device-health", "medical-waste-cn")
START = 1_770_000_000_000 // PERIOD_MS * PERIOD_MS
TRACKS = 50_000
_ROUNDS = 12
_WARM = 8
_BLOCK = 100


def _nothing(*_: object) -> None:
    """In place of what follows."""


class Fleet:
    """A fold that knows ``devices`` devices, and their messages."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.fold = Fold(b"k" * 32, ROOT)
        self.fold.load_packs({name: pack_text(name) for name in PACKS})
        changes = [Change(one["kind"], one["id"], one["body"]) for one in registry(devices)]
        self.fold.registry.apply(changes, 0)
        self.fold.time = START
        self.fold.watch.changed(changes, START)
        self.fold.evaluation.caught_up(START)
        # What becomes of a condition that turned is the desk's and the router's.
        self.fold.caused = _nothing  # type: ignore[method-assign,assignment]
        self._load = Load(devices, START).messages(2**62)
        self._offset = 0

    def round(self) -> float:
        """Every device sends once; microseconds a message of judging by rules, ticks included."""
        spent = 0.0
        left = self.devices
        while left:
            block = list(islice(self._load, min(_BLOCK, left)))
            left -= len(block)
            spent += self._block(block)
        return spent / self.devices * 1e6

    def _block(self, block: list[Sent]) -> float:
        fold, out = self.fold, Outputs()
        work: list[tuple[Any, Any, Message, int]] = []
        for sent in block:
            ts = int(sent.payload[6:19])
            route = fold.routes.find(sent.topic, sent.payload, ts)
            assert route is not None
            assert route.plan is not None
            decoded = route.decode(sent.payload, route.plan, ts)
            fold.series.judge(route.device, decoded, ts)
            message = Message(1, 1, b"", sent.topic, b"", sent.payload, len(sent.payload), None)
            work.append((route, decoded, message, ts))
        readings = fold.readings
        began = time.process_time()
        for route, decoded, message, ts in work:
            self._offset += 1
            fold.offset, fold.time = self._offset, ts
            if ts >= fold.next_tick:
                fold.next_tick = ts + 1000
                if fold.evaluation.due <= ts:
                    fold.evaluation.tick(ts)
            readings.came(route, decoded, ts, message, out)
            readings.evaluate(route, decoded, message, out)
        return time.process_time() - began

    def state(self) -> int:
        """Bytes a series of the snapshot of the evaluation."""
        return len(self.fold.evaluation.dump()) // (self.devices * 6)


def restart(fleet: Fleet) -> float:
    """Seconds to load a snapshot with ``TRACKS`` conditions, of which half are pending and half are open."""
    evaluation, now = fleet.fold.evaluation, fleet.fold.time
    for number in range(TRACKS):
        subject = fleet.fold.watch.subjects(f"wq-{number % fleet.devices}", now)[1 + number // fleet.devices % 6]
        bound = evaluation.rules.of(subject).bounds[0]
        evaluation.begin(Track(bound, subject, now, now, now, 9.9, 8.5, fired=bool(number % 2)))
    state = evaluation.dump()
    began = time.perf_counter()
    evaluation.load(state)
    return time.perf_counter() - began


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def measure(sizes: Sequence[int]) -> dict[str, float]:
    """All figures, by ``DEVICES/name``; ``ratio`` compares the last size with the first."""
    found: dict[str, float] = {}
    for devices in sizes:
        before = resident()
        fleet = Fleet(devices)
        found[f"{devices}/first"] = fleet.round()
        rounds = max(_ROUNDS, 20_000 // devices)
        gc.collect()
        gc.disable()
        taken = [fleet.round() for _ in range(_WARM + rounds)][_WARM:]
        gc.enable()
        found[f"{devices}/us"] = statistics.median(taken)
        found[f"{devices}/bytes"] = (resident() - before) / devices / 6
        if devices * 6 >= TRACKS:
            found[f"{devices}/restart_s"] = restart(fleet)
    return found | {"ratio": found[f"{sizes[-1]}/us"] / found[f"{sizes[0]}/us"]}


def main() -> None:
    """Measure and print one line of JSON."""
    sys.stdout.write(json.dumps(measure([int(text) for text in sys.argv[1:]] or [1_000, 100_000])) + "\n")


if __name__ == "__main__":
    main()
