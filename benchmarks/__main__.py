"""``make bench``: measures against the budgets of DESIGN 6 and writes docs/benchmarks.md.

``python -m benchmarks [--quick] [--only PREFIX ...]``. A full run takes about a quarter of an hour, a quick one two
minutes. The figures of the last run of either kind stay in benchmarks/figures.json and stand beside those of the next.
With ``--only`` some steps run, figures are printed and nothing is written.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.bench_custody import FULL as CONTAINERS
from benchmarks.machine import describe
from benchmarks.plan import FULL, QUICK, Found, Step, measured, steps
from benchmarks.processes import HERE
from benchmarks.report import Run, page, shown
from benchmarks.servers import MOSQUITTO
from benchmarks.tables import BUDGETS, TABLES, WORDS
from tests.plugins.influx import INFLUXD

PAGE = HERE / "docs/benchmarks.md"
FIGURES = HERE / "benchmarks/figures.json"
_SERVERS = {"mosquitto": MOSQUITTO, "influxd": INFLUXD}


def main() -> int:
    """Run the steps; 1 where one of them failed."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against the budgets.")
    options.add_argument("--quick", action="store_true", help="two minutes instead of fifteen")
    options.add_argument("--custody-full", action="store_true", help="100,000 containers instead of 10,000")
    options.add_argument("--only", nargs="+", default=[], metavar="PREFIX", help="only steps with such a name; print")
    chosen = options.parse_args()
    console = Console()
    machine, busy = describe(), os.getloadavg()[0] / (os.cpu_count() or 1)
    began = time.monotonic()
    amount = QUICK if chosen.quick else FULL
    if chosen.custody_full:
        amount = amount._replace(custody=CONTAINERS)
    wanted = [one for one in steps(amount) if not chosen.only or one.name.startswith(tuple(chosen.only))]
    figures, failures = _run(wanted, console)
    minutes = (time.monotonic() - began) / 60
    run = Run(_now(), "quick" if chosen.quick else "full", minutes, busy, machine, figures)
    if chosen.only:
        for key, value in figures.items():
            console.print(f"{key:50} {shown(value):>12}", highlight=False)
    else:
        _write(run)
        console.print(f"wrote {PAGE.relative_to(HERE)}")
    for words in failures:
        console.print(f"[red]failed[/red] {words}", highlight=False)
    return 1 if failures else 0


def _run(wanted: list[Step], console: Console) -> tuple[Found, list[str]]:
    """All figures, and what failed: one step that fails does not cost the others."""
    figures: Found = {}
    failures: list[str] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(wanted))
        for step in wanted:
            progress.update(task, description=step.name)
            absent = [name for name in step.needs if not Path(_SERVERS[name]).exists()]
            if absent:
                failures.append(f"{step.name}: {', '.join(absent)} is absent; make servers installs it")
                continue
            began = time.monotonic()
            try:
                figures |= measured(step)
            except Exception as error:  # noqa: BLE001 - told at the end
                failures.append(f"{step.name}: {type(error).__name__}: {error}")
            progress.console.print(f"  {step.name:28} {time.monotonic() - began:6.1f} s", highlight=False)
            progress.advance(task)
    return figures, failures


def _write(run: Run) -> None:
    """The page with the last run of the same kind beside it, which then is this one."""
    known = msgspec.json.decode(FIGURES.read_bytes(), type=dict[str, Run]) if FIGURES.exists() else {}
    PAGE.write_text(page(run, known.get(run.mode), BUDGETS, TABLES, WORDS), "utf-8")
    known[run.mode] = run
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=1) + b"\n")


def _now() -> str:
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z")


if __name__ == "__main__":
    sys.exit(main())
