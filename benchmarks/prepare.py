"""Makes the data folder of a fleet: ``python -m benchmarks.prepare FOLDER DEVICES PROBES``, then answers."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.load import registry
from benchmarks.processes import answer
from gateway.clock import SystemClock
from gateway.config import load
from gateway.core import Core
from gateway.journal.record import Kind, json_body

#: Changes in one record: its body must stay below 16 MiB.
CHANGES = 20_000


def open_core(folder: Path) -> Core:
    """A core whose journal has no idle ticks, with the default settings."""
    return Core(load(None, folder), SystemClock(), lambda _: None, lambda: None, idle_ticks=False)


def make_known(core: Core, devices: int, probes: int = 0) -> None:
    """Write start and registry records and decide them."""
    core.start_record()
    changes = registry(devices, probes)
    for first in range(0, len(changes), CHANGES):
        body = json_body({"type": "registry", "changes": changes[first : first + CHANGES], "by": "benchmarks"})
        core.journal.append(Kind.REGISTRY, body)
    while core.decider.decide_available():
        pass


def main(folder: str, devices: str, probes: str) -> None:
    """Prepare a folder and leave a snapshot, as a gateway does when it stops."""
    core = open_core(Path(folder))
    make_known(core, int(devices), int(probes))
    core.decider.save()
    core.close()
    answer(prepared=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
