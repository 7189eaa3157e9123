"""``hygeia replay``: publish recorded data."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from devices.files import Document, MapFile
from gateway.cli.options import Json, broker_of
from gateway.cli.show import complain, document, say
from gateway.drive import replay as recorded
from gateway.errors import ConfigurationError, UsageError

File = Annotated[Path, typer.Argument(metavar="FILE.csv[.gz]", help="Recorded data.")]
Map = Annotated[Path, typer.Option("--map", metavar="MAP.yaml", help="Which columns are which parameters.")]
Url = Annotated[str, typer.Option("--broker", metavar="URL", help="mqtt://user:password@host:port")]
Root = Annotated[str, typer.Option("--root", help="First levels of the topics.")]
Speed = Annotated[float, typer.Option("--speed", min=0, help="Times the recorded pace; 0 = as fast as acknowledged.")]
if TYPE_CHECKING:
    from rich.progress import Progress

#: Rows that were left out are named up to this number.
NAMED = 5


def replay(
    file: File, map_file: Map, broker: Url, root: Root = "hygeia/v1", speed: Speed = 0.0, json: Json = False
) -> None:
    """Publish a CSV file as the messages of one device; end when all are acknowledged."""
    found = asyncio.run(_publish(file, mapping_of(map_file)[0], broker, root, speed))
    if json:
        document(found)
        return
    say("  ".join(f"{name} {found[name]}" for name in ("published", "points", "skipped")))


def mapping_of(path: Path) -> tuple[MapFile, Document]:
    """A map file and what it registers. Raises UsageError, ConfigurationError with its faults."""
    from devices.files import read  # noqa: PLC0415 - other commands start faster

    if not path.is_file():
        raise UsageError(f"--map {path}: no such file; allowed: a map file in YAML")
    checked = read(path)
    if checked.mapping is None and not checked.faults:
        raise UsageError(f"{path}: not a map file: it needs device, time and columns")
    if checked.faults or checked.mapping is None:
        raise ConfigurationError([fault.line() for fault in checked.faults])
    return checked.mapping, checked.document


async def _publish(file: Path, mapping: MapFile, broker: str, root: str, speed: float) -> dict[str, Any]:
    from gateway.mqtt.publisher import Publisher  # noqa: PLC0415 - other commands start faster

    skipped: list[str] = []
    published = points = 0
    topic = f"{root}/_/{mapping.device}/up/telemetry"
    loop = asyncio.get_running_loop()
    began: tuple[float, int] | None = None
    options = broker_of(broker, root, f"hygeia-replay-{mapping.device}"[:64])
    rows = recorded.rows(file, mapping, skipped.append)
    async with Publisher(options) as publisher:
        with _progress() as bar:
            task = bar.add_task(mapping.device, total=None)
            for row in rows:
                if speed:
                    began = began or (loop.time(), row.at)
                    await asyncio.sleep(began[0] + (row.at - began[1]) / 1000 / speed - loop.time())
                await publisher.publish(topic, row.payload)
                published += 1
                points += row.points
                if not bar.disable:
                    bar.advance(task)
            await publisher.drain()
    for words in skipped[:NAMED]:
        complain(f"{file}: {words}")
    if len(skipped) > NAMED:
        complain(f"{file}: and {len(skipped) - NAMED} rows more")
    return {"published": published, "points": points, "skipped": len(skipped)}


def _progress() -> Progress:
    from rich import progress  # noqa: PLC0415 - other commands start faster
    from rich.console import Console  # noqa: PLC0415 - likewise

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    return progress.Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
