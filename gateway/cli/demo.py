"""``hygeia demo``: see everything at work, with nothing else installed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.cli.language import pick
from gateway.cli.options import writable
from gateway.cli.show import complain, document
from gateway.config import Settings, load

if TYPE_CHECKING:
    from rich.table import Table

Seconds = Annotated[float | None, typer.Option("--seconds", min=1, help="Stop by itself after so many seconds.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the pages; 0 takes a free one.")]
Folder = Annotated[Path | None, typer.Option("--data-dir", metavar="DIR", help="Keep the data here.")]
Report = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the report here as JSON.")]
Fast = Annotated[bool, typer.Option("--fast", help="A second is 10 simulated minutes.")]

SHOWN = ("published", "journaled", "stored", "points", "custody_events", "alerts_fired", "alerts_cleared", "parked")
WORDS = {
    "published": {"zh": "已发布", "en": "published"},
    "journaled": {"zh": "已入日志", "en": "journaled"},
    "stored": {"zh": "已存储", "en": "stored"},
    "points": {"zh": "读数", "en": "points"},
    "custody_events": {"zh": "医废交接", "en": "custody events"},
    "alerts_fired": {"zh": "报警", "en": "alerts fired"},
    "alerts_cleared": {"zh": "已恢复", "en": "alerts cleared"},
    "parked": {"zh": "搁置", "en": "parked"},
}


def demo(
    seconds: Seconds = None, port: Port = 0, data_dir: Folder = None, report: Report = None, fast: Fast = False
) -> None:
    """Run broker, simulator, gateway and pages together; print the address, then the report."""
    import uvloop  # noqa: PLC0415 - the list of commands comes sooner

    from gateway.log import configure  # noqa: PLC0415 - likewise

    writable("--report", report)
    with _folder(data_dir) as folder:
        settings = _settings(folder, port)
        configure(settings.log.level, settings.log.format)
        found, whole = uvloop.run(_run(settings, seconds, fast=fast))
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    document(found)
    if not whole:
        complain(
            pick({"zh": "网关中途停止，原因见上方日志", "en": "the gateway stopped in between; its log above says why"})
        )
    if found["lost"] or found["duplicated"] or not whole:
        raise typer.Exit(1)


async def _run(settings: Settings, seconds: float | None, *, fast: bool) -> tuple[dict[str, Any], bool]:
    """Return the report and whether the gateway ran to the end."""
    from gateway.drive.demo import Demo  # noqa: PLC0415 - the command line stays quick for other commands

    screen = _Screen()
    run = Demo(settings, seconds=seconds, fast=fast, show=screen.show)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.stopping.set)
    with screen:
        return await run.run(), not run.gateway_failed


def _settings(folder: Path, port: int) -> Settings:
    settings = load(None, folder)
    http = settings.http.model_copy(update={"listen": f"127.0.0.1:{port}"})
    log = settings.log.model_copy(update={"level": "warning"})
    data = settings.data.model_copy(update={"dir": folder})
    return settings.model_copy(update={"http": http, "log": log, "data": data})


@contextlib.contextmanager
def _folder(data_dir: Path | None) -> Iterator[Path]:
    if data_dir is not None:
        yield data_dir.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="hygeia-demo-") as name:
        complain(pick({"zh": f"临时数据目录: {name}", "en": f"temporary data folder: {name}"}))
        yield Path(name)


class _Screen:
    """A line of counters that renews itself on a terminal; on anything else a line now and then."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - see demo
        from rich.live import Live  # noqa: PLC0415 - likewise

        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._lines = 0

    def show(self, phase: str, report: dict[str, Any]) -> None:
        """See ``Demo``."""
        if phase == "ready":
            address = report["address"]
            self._console.print(pick({"zh": f"页面: {address}", "en": f"pages: {address}"}), highlight=False)
            self._console.print(pick({"zh": "按 Ctrl-C 结束", "en": "stop with Ctrl-C"}), style="dim")
            return
        if sys.stderr.isatty():
            self._live.update(_counters(report), refresh=True)
            return
        self._lines += 1
        if self._lines % 10 == 1:
            complain("  ".join(f"{pick(WORDS[name])} {report.get(name)}" for name in SHOWN))

    def __enter__(self) -> None:
        if sys.stderr.isatty():
            self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def _counters(report: dict[str, Any]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - see demo

    made = Table(box=None, pad_edge=False)
    for name in SHOWN:
        made.add_column(pick(WORDS[name]), justify="right", min_width=8)
    made.add_row(*(str(report.get(name)) for name in SHOWN))
    return made
