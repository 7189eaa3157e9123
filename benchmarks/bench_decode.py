"""CPU of decoding and judging one message of six parameters, the way clean messages go and the ways others go.

Prints microseconds a message: the best of many short runs, because a shared machine only ever makes it slower. Budget:
8 us for decode and judge together (DESIGN 6 gives 40 us for everything). Run: ``python benchmarks/bench_decode.py``.
"""

from __future__ import annotations

import random
import sys
import time
import timeit
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devices.codecs import hygeia_json
from devices.plan import compile_plan
from devices.registry import Change, Registry
from devices.series import Series

NOW = 1_732_200_000_000
BODY = b'"chlorine_free":0.42,"turbidity":0.13,"ph":7.31,"temperature":14.2,"conductivity":412.0,"pressure":312.5'


def message(ts: int) -> bytes:
    """A clean message of six parameters."""
    return b'{"ts":%d,"id":"a1","seq":17,"values":{%s}}' % (ts, BODY)


def registry_of(devices: int) -> Registry:
    """A registry of water devices that declare nothing."""
    registry = Registry()
    registry.apply([Change("devices", f"d{i}", {"id": f"d{i}", "kind": "water"}) for i in range(devices)], 0)
    return registry


def decoding() -> None:
    """One device, each shape."""
    plan = compile_plan(registry_of(1), "d0", None)
    clean = message(NOW)
    for name, payload in {
        "decode, clean": clean,
        "decode, first shape": b"{%s}" % BODY,
        "decode, ten readings in an array": b"[" + b",".join(message(NOW + i) for i in range(10)) + b"]",
        "decode, one value refused": clean.replace(b"7.31", b"null"),
    }.items():
        runs = timeit.repeat(lambda sent=payload: hygeia_json.decode(sent, plan, NOW), number=500, repeat=200)  # type: ignore[misc]
        print(f"{name:42}{min(runs) / 500 * 1e6:8.2f} us")


def judging(devices: int, rounds: int) -> None:
    """Decode and judge, devices in random order, as their messages come."""
    registry, series = registry_of(devices), Series()
    work = [(f"d{i}", compile_plan(registry, f"d{i}", None)) for i in range(devices)]
    best = float("inf")
    for number in range(rounds + 1):
        random.Random(number).shuffle(work)
        now = NOW + 1000 * number
        payload = message(now)
        for first in range(0, devices, 1000):
            part = work[first : first + 1000]
            begun = time.perf_counter()
            for device, plan in part:
                series.judge(device, hygeia_json.decode(payload, plan, now), now)
            if number:
                best = min(best, (time.perf_counter() - begun) / len(part))
    print(f"{f'decode and judge, {devices:,} devices':42}{best * 1e6:8.2f} us")
    begun = time.perf_counter()
    state = series.dump()
    saved = time.perf_counter()
    Series().load(state)
    loaded = time.perf_counter()
    megabytes = len(state) / 1e6
    print(f"  {len(series):,} channels: {megabytes:.1f} MB, saved {saved - begun:.3f} s, loaded {loaded - saved:.3f} s")


if __name__ == "__main__":
    decoding()
    for count, times in ((1, 20_000), (1000, 50), (10_000, 5), (100_000, 2)):
        judging(count, times)
