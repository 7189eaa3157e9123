"""CPU of each stage of a message's way, in this process: ``python -m benchmarks.stages DEVICES FOLDER [INFLUX_URL]``.

Answers once when the fleet is known and every device has sent, then takes ``step N`` and answers with the CPU
microseconds a message of each stage over the next N messages. The stages are those of the gateway, called one after
the other on the same messages, so that a slow one shows by itself; the bytes of one stage are the input of the next.
Python's garbage collections are left out: here they would be those of the benchmark's own lists, and fall on any stage.
The backlog and the sustained run have the gateway's own.
Times of the fleet lie in the past, as those of a backlog: nobody is caught up, so neither clocks nor silence are
judged (``benchmarks.bench_rules`` has the ticks).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.garbage import Collections
from benchmarks.intake_stage import IntakeStage
from benchmarks.load import Load, registry, start_for
from benchmarks.prepare import make_known, open_core
from benchmarks.processes import answer
from benchmarks.servers import BUCKET, ORG
from devices.registry import Change
from gateway.decide.fold import Fold
from gateway.decide.outputs import Outputs
from gateway.journal.reader import Reader
from gateway.journal.record import Record, parse_message
from gateway.journal.writer import Entry
from gateway.store.base import Item
from gateway.store.influx import InfluxStore
from gateway.store.lines import Lines
from tests.plugins.influx import TOKEN

#: Messages in one submission to the journal.
BATCH = 200
_STORE_ITEMS = 5_000
_BLOCK = 100
#: Rounds of which the times must lie in the past.
_ROUNDS = 3_000
_WARM_MESSAGES = 10_000
_Result = TypeVar("_Result")


class Stages:
    """A fleet of ``devices`` and all stages, each with what it remembers."""

    def __init__(self, devices: int, folder: Path, influx: str) -> None:
        self.core = open_core(folder)
        self.core.store.open()
        make_known(self.core, devices)
        self._load = Load(devices, start_for(time.time_ns() // 1_000_000, _ROUNDS)).messages(2**62)
        self._intake = IntakeStage(folder)
        self._reader = Reader(self.core.installation.journal)
        self._fold = self._second_fold(devices)
        self._lines = Lines()
        self._influx = InfluxStore(influx, ORG, BUCKET, TOKEN, self.core.engine) if influx else None
        if self._influx:
            self._influx.open()
        self._spent: dict[str, float] = {}
        self._collections = Collections()

    def _second_fold(self, devices: int) -> Fold:
        """Decoding, judging and evaluating are measured apart on a fold of their own."""
        fold = Fold(b"k" * 32, self.core.settings.mqtt.root)
        changes = [Change(one["kind"], one["id"], one["body"]) for one in registry(devices)]
        fold.registry.apply(changes, 0)
        fold.load_packs(self.core.decider.fold.pack_texts)
        return fold

    def step(self, messages: int) -> dict[str, float]:
        """CPU microseconds a message of each stage for the next ``messages``."""
        self._spent = {}
        first = self.core.journal.durable + 1
        sent = [next(self._load) for _ in range(messages)]
        chunks = self._intake.chunks(sent)
        entries = self._timed("intake", lambda: self._intake.take(chunks))
        assert len(entries) == messages, (len(entries), messages)
        wall = time.perf_counter()
        self._timed("journal", lambda: self._write(entries))
        wall = time.perf_counter() - wall
        self._apart(first, messages)
        batches = self._decide()
        self._store(batches)
        found = {name: seconds / messages * 1e6 for name, seconds in self._spent.items()}
        found["decide_store"] = found["decide"] + found["embedded"]
        return found | {"journal_wall": wall / messages * 1e6}

    def _timed(self, stage: str, work: Callable[[], _Result]) -> _Result:
        collected, began = self._collections.seconds, time.process_time()
        result = work()
        spent = time.process_time() - began - (self._collections.seconds - collected)
        self._spent[stage] = self._spent.get(stage, 0.0) + spent
        return result

    def _write(self, entries: Sequence[Entry]) -> None:
        """Batches of 200, each waited for: one write and one fdatasync each."""
        for first in range(0, len(entries), BATCH):
            durable = threading.Event()
            self.core.journal.submit(entries[first : first + BATCH], lambda _, durable=durable: durable.set())  # type: ignore[misc]
            durable.wait()

    def _apart(self, first: int, messages: int) -> None:
        """Read, route, decode, judge and evaluate; the last four in small blocks, as warm as in decide."""
        records = self._timed("read", lambda: self._read(first, messages))
        for at in range(0, messages, _BLOCK):
            self._block(records[at : at + _BLOCK])

    def _block(self, records: list[Record]) -> None:
        fold, out = self._fold, Outputs()
        parsed = self._timed("route", lambda: [parse_message(record.body) for record in records])
        find = fold.routes.find
        pairs = zip(records, parsed, strict=True)
        routes: list[Any] = self._timed("route", lambda: [find(m.topic, m.payload, r.time) for r, m in pairs])
        work = list(zip(records, parsed, routes, strict=True))
        decoded = self._timed("decode", lambda: [route.decode(m.payload, route.plan, r.time) for r, m, route in work])
        judge = fold.series.judge
        whole = list(zip(work, decoded, strict=True))
        self._timed("judge", lambda: [judge(route.device, one, r.time) for (r, _, route), one in whole])
        readings = fold.readings

        def rules() -> None:
            for (record, message, route), one in whole:
                fold.offset, fold.time = record.offset, record.time
                readings.came(route, one, record.time, message, out)
                readings.evaluate(route, one, message, out)

        self._timed("evaluate", rules)

    def _read(self, first: int, messages: int) -> list[Record]:
        found: list[Record] = []
        while len(found) < messages:
            found += self._reader.read(first + len(found), end=first + messages - 1)
        return found

    def _decide(self) -> list[tuple[int, list[Item]]]:
        """What the decide thread does, commits included."""
        batches = []
        core = self.core
        at = core.decider.cursor + 1
        while self._timed("decide", core.decider.decide_available):
            handed = core.handoff.take(at, _STORE_ITEMS)
            assert handed is not None, "decide hands on what it has decided"
            batches.append(handed)
            at = handed[0] + 1
        return batches

    def _store(self, batches: list[tuple[int, list[Item]]]) -> None:
        for last, items in batches:
            self._timed("embedded", partial(self.core.store.write, items, last))
            self._timed("lines", partial(_lines, self._lines, items))
            if self._influx:
                self._timed("influx", partial(self._influx.write, items, last))

    def close(self) -> None:
        """Release everything."""
        if self._influx:
            self._influx.close()
        self._intake.close()
        self.core.store.close()
        self.core.close()


def _lines(lines: Lines, items: Sequence[Item]) -> bytes:
    """What goes into the requests."""
    return b"\n".join(lines.build(items).texts)


def main(devices: str, folder: str, influx: str = "") -> None:
    """Get every device known, then serve steps until the input ends."""
    stages = Stages(int(devices), Path(folder), influx)
    first = stages.step(int(devices))
    left = _WARM_MESSAGES - int(devices)
    if left > 0:
        stages.step(left)
    answer(first=first)
    for line in sys.stdin:
        answer(**stages.step(int(line)))
    stages.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
