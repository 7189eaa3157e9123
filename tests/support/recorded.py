"""Recorded series as a test reads them by itself, and what the stores made of them, as columns of numbers."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import yaml

from gateway.cli import call
from tests.plugins.influx import Bucket
from tests.plugins.mosquitto import Mosquitto
from tests.support.process import HYGEIA, GatewayProcess

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


class Measured(NamedTuple):
    """One column of a file: what it measures, where, and how its numbers become those of the catalogue's unit."""

    column: str
    parameter: str
    point: str
    unit: str
    to_catalogue: Callable[[Floats], Floats] = lambda values: values


class Series(NamedTuple):
    """Times (ms since 1970 UTC, rising) and values."""

    ts: Times
    values: Floats


def cells(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, or of one that gzip made smaller."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def expected(rows: list[dict[str, str]], times: list[int], measured: list[Measured]) -> dict[Measured, Series]:
    """What must be stored: every cell that is not empty."""
    found = {}
    for one in measured:
        kept = [(ts, row[one.column]) for ts, row in zip(times, rows, strict=True) if row[one.column].strip()]
        values = np.array([float(text) for _, text in kept])
        found[one] = Series(np.array([ts for ts, _ in kept], np.int64), one.to_catalogue(values))
    return found


def write_map(path: Path, measured: list[Measured], **more: Any) -> Path:
    """A map file for these columns; ``more`` are its other keys."""
    columns = {}
    for one in measured:
        columns[one.column] = {"parameter": one.parameter, "unit": one.unit, "point": one.point}
    path.write_text(yaml.safe_dump({**more, "columns": columns}, allow_unicode=True), "utf-8")
    return path


def in_duckdb(path: Path, device: str, one: Measured) -> Series:
    """Every value of a channel in the embedded store's file; read by DuckDB, not by the product."""
    with duckdb.connect(str(path), read_only=True) as store:
        found = store.execute(
            f'SELECT ts, "{one.parameter}" AS value FROM readings_water WHERE device = ? AND point = ? '
            f'AND "{one.parameter}" IS NOT NULL ORDER BY ts',
            [device, one.point],
        ).fetchnumpy()
    return Series(np.asarray(found["ts"]), np.asarray(found["value"]))


def in_influxd(bucket: Bucket, device: str, one: Measured) -> Series:
    """Every value of a channel in influxd; times must be whole milliseconds."""
    found = bucket.query(
        f'SELECT "{one.parameter}" FROM "water" WHERE "device" = \'{device}\' AND "point" = \'{one.point}\''
    )
    ns = np.array([row[0] for row in found[0]["values"]], np.int64)
    assert not (ns % 1_000_000).any()
    return Series(ns // 1_000_000, np.array([row[1] for row in found[0]["values"]], np.float64))


def assert_same(stored: Series, wanted: Series) -> None:
    """The same times, each once, and the same values but for the last digits of a conversion of units."""
    np.testing.assert_array_equal(stored.ts, wanted.ts)
    np.testing.assert_allclose(stored.values, wanted.values, rtol=1e-11, atol=1e-10)


class Recording:
    """A recorded file, its map, and what must come of it."""

    def __init__(self, path: Path, mapping: Path, rows: list[dict[str, str]], series: dict[Measured, Series]) -> None:
        self.path = path
        self.map = mapping
        self.series = series
        columns = [one.column for one in series]
        self.empty = sum(not any(row[name].strip() for name in columns) for row in rows)
        self.rows = len(rows)
        self.points = sum(len(one.ts) for one in series.values())


async def flow(recording: Recording, broker: Mosquitto, gateway: GatewayProcess) -> None:
    """Import the map, start the gateway, replay the file; check what the command and the gateway say of it."""
    arguments = ["registry", "import", str(recording.map), "--data-dir", str(gateway.folder)]
    assert await asyncio.to_thread(call, arguments) == 0
    await gateway.start()
    said = await replay(recording.path, recording.map, broker.url)
    published = recording.rows - recording.empty
    assert said == {"published": published, "points": recording.points, "skipped": recording.empty}
    report = await gateway.settled(published)
    counted = [report[name] for name in ("journaled", "stored", "points", "parked", "repeated", "points_rejected")]
    assert counted == [published, published, recording.points, 0, 0, 0]


async def replay(recorded: Path, mapping: Path, broker: str, *more: str) -> dict[str, int]:
    """Publish a file through a broker; what the command says it did."""
    command = [HYGEIA, "replay", str(recorded), "--map", str(mapping), "--broker", broker, "--json", *more]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, int] = json.loads(done.stdout)
    return said
