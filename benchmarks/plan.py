"""The steps of a run, in order, and how much each measures."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import endtoend, usual
from benchmarks.processes import Child
from benchmarks.servers import InfluxServer

Found = dict[str, float]


class Amount(NamedTuple):
    """How much a run measures."""

    sizes: tuple[int, ...]
    turns: int
    messages: int
    backlog: tuple[tuple[str, int, int], ...]
    sustained: tuple[tuple[str, int, int], ...]
    latency_s: float
    usual: int
    killed_s: float
    deployed: int
    custody: int
    city: int


FULL = Amount(
    sizes=(1_000, 10_000, 100_000),
    turns=9,
    messages=20_000,
    backlog=(
        ("embedded", 1_000, 300_000),
        ("embedded", 10_000, 1_000_000),
        ("embedded", 100_000, 400_000),
        ("influx", 10_000, 1_000_000),
    ),
    sustained=(
        ("influx", 1_000, 300_000),
        ("influx", 10_000, 400_000),
        ("influx", 100_000, 300_000),
        ("shim", 10_000, 300_000),
        ("embedded", 10_000, 400_000),
    ),
    latency_s=30.0,
    usual=60_000,
    killed_s=30.0,
    deployed=5_000,
    custody=10_000,
    city=2_000,
)
QUICK = Amount(
    sizes=(1_000, 10_000),
    turns=3,
    messages=10_000,
    backlog=(("embedded", 10_000, 100_000), ("influx", 10_000, 100_000)),
    sustained=(("influx", 1_000, 60_000), ("influx", 10_000, 60_000), ("embedded", 10_000, 60_000)),
    latency_s=10.0,
    usual=15_000,
    killed_s=9.0,
    deployed=1_000,
    custody=2_000,
    city=100,
)
KILLS = 2
RATE = 2_000.0


class Step(NamedTuple):
    """``needs`` names the servers without which it is left out; ``measure`` gets an empty folder."""

    name: str
    needs: tuple[str, ...]
    measure: Callable[[Path], Found]


def steps(amount: Amount) -> list[Step]:
    """All steps of a run."""
    planned = [
        Step("stages", ("influxd",), lambda folder: stages(folder, amount)),
        Step("rules", (), lambda _: rules(amount)),
        Step("custody", (), lambda _: custody(amount)),
    ]
    for store, devices, messages in amount.backlog:
        needs: tuple[str, ...] = ("influxd",) if store == "influx" else ()
        name = f"backlog/{store}/{devices}"
        planned.append(Step(name, needs, _bound(backlog, devices, messages, store)))
    for store, devices, messages in amount.sustained:
        needs = ("mosquitto",) if store == "embedded" else ("mosquitto", "influxd")
        name = f"sustained/{store}/{devices}"
        planned.append(Step(name, needs, _awaited(endtoend.sustained, devices, messages, store)))
    both = ("mosquitto", "influxd")
    return [
        *planned,
        Step("latency", ("mosquitto",), _awaited(endtoend.latency, RATE, amount.latency_s)),
        Step("usual", both, _awaited(usual.throughput, amount.usual)),
        Step("killed/ours", both, _awaited(endtoend.killed, RATE, amount.killed_s, KILLS)),
        Step("killed/usual", both, _awaited(usual.killed, RATE, amount.killed_s, KILLS)),
        Step("deployed", ("mosquitto",), _awaited(endtoend.as_deployed, amount.deployed)),
        Step("city", ("influxd",), lambda _: city(amount)),
    ]


def stages(folder: Path, amount: Amount) -> Found:
    """Every stage at each size, in turns, so that what else the machine does falls on all alike."""
    with ExitStack() as stack:
        influx = InfluxServer(folder / "influx")
        stack.callback(influx.stop)
        children: dict[int, Child] = {}
        found: Found = {}
        for size in amount.sizes:
            child = stack.enter_context(Child("stages", size, folder / str(size), influx.url))
            first = child.hear()["first"]
            found |= {f"{size}/first_{name}": first[name] for name in ("decide", "evaluate")}
            children[size] = child
        turns: dict[int, list[Found]] = {size: [] for size in amount.sizes}
        for _ in range(amount.turns):
            for size, child in children.items():
                turns[size].append(child.ask(str(amount.messages)))
    for size, measured in turns.items():
        middle = {name: statistics.median(turn[name] for turn in measured) for name in measured[0]}
        middle["sum_embedded"] = middle["intake"] + middle["journal"] + middle["decide"] + middle["embedded"]
        middle["sum_influx"] = middle["intake"] + middle["journal"] + middle["decide"] + middle["influx"]
        found |= {f"{size}/{name}": value for name, value in middle.items()}
    large, small = turns[amount.sizes[-1]], turns[amount.sizes[0]]
    ratios = [big["evaluate"] / little["evaluate"] for big, little in zip(large, small, strict=True)]
    name = "evaluate_ratio" if amount.sizes[-1] == FULL.sizes[-1] else "evaluate_ratio_10000"
    return found | {name: statistics.median(ratios)}


def rules(amount: Amount) -> Found:
    """See ``benchmarks.bench_rules``."""
    with Child("bench_rules", amount.sizes[0], amount.sizes[-1]) as child:
        return child.hear()


def custody(amount: Amount) -> Found:
    """See ``benchmarks.bench_custody``."""
    with Child("bench_custody", "--json", amount.custody) as child:
        return child.hear()


def city(amount: Amount) -> Found:
    """See ``benchmarks.bench_city``."""
    with Child("bench_city", "--json", amount.city) as child:
        return child.hear()


def backlog(folder: Path, devices: int, messages: int, store: str) -> Found:
    """See ``benchmarks.backlog``."""
    with ExitStack() as stack:
        url = ""
        if store == "influx":
            influx = InfluxServer(folder / "influx")
            stack.callback(influx.stop)
            url = influx.url
        child = stack.enter_context(Child("backlog", devices, messages, folder / "data", url))
        child.hear()
        found: dict[str, Any] = child.ask("go")
    if found["stored"] != messages:
        raise RuntimeError(f"{found['stored']} of {messages} messages are stored")
    return found | {
        "rate": messages / found["seconds"],
        "per_cpu": 1e6 / found["us"],
        "messages": messages,
    }


def measured(step: Step) -> Found:
    """Run one step in a folder of its own; keys begin with its name."""
    with tempfile.TemporaryDirectory(prefix="hygeia-bench-") as name:
        found = step.measure(Path(name))
    if step.name.startswith("killed"):
        found["kills"] = KILLS
    return {f"{step.name}/{key}": float(value) for key, value in found.items()}


def _bound(work: Callable[..., Found], *arguments: object) -> Callable[[Path], Found]:
    return lambda folder: work(folder, *arguments)


def _awaited(work: Callable[..., Any], *arguments: object) -> Callable[[Path], Found]:
    def run(folder: Path) -> Found:
        found: Found = asyncio.run(work(folder, *arguments))
        return found

    return run
