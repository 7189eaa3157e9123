"""Recorded data as messages: a CSV file and a map file are all that is needed (DESIGN 4.6)."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from devices.codecs.times import compile_time
from devices.files.mapfile import MapFile
from gateway.errors import UsageError

_encode = msgspec.json.Encoder().encode
#: Digits that survive a conversion of units without the noise of binary fractions.
DIGITS = 12


class Row(NamedTuple):
    """One row of the file: time in ms since 1970 UTC, the message, how many readings it holds."""

    at: int
    payload: bytes
    points: int


def rows(path: Path, mapping: MapFile, skipped: Callable[[str], None]) -> Iterator[Row]:
    """Rows with at least one value, numbered by ``seq``; ``skipped`` hears why another row was left out.

    Raises UsageError where the file cannot be read or lacks a column of the map.
    """
    time_of = compile_time(mapping.time.format, mapping.time.zone)
    skip = {"", *mapping.skip}
    number = 0
    with _open(path) as lines:
        reader = csv.reader(lines)
        header = [name.strip() for name in next(reader, [])]
        at_time, columns = _places(path, header, mapping)
        for line, cells in enumerate(reader, start=2):
            if len(cells) <= at_time or not cells[at_time].strip():
                skipped(f"line {line}: no time")
                continue
            at = time_of(cells[at_time].strip())
            if at is None:
                skipped(f"line {line}: {mapping.time.column} {cells[at_time]!r} is not {mapping.time.format}")
                continue
            values = _values(cells, columns, skip)
            if not values:
                skipped(f"line {line}: no value")
                continue
            number += 1
            yield Row(at, _encode({"ts": at, "seq": number, "values": values}), len(values))


def _values(cells: list[str], columns: list[tuple[int, str, float, float]], skip: set[str]) -> dict[str, float | str]:
    values: dict[str, float | str] = {}
    for place, key, a, b in columns:
        cell = cells[place].strip() if place < len(cells) else ""
        if cell in skip:
            continue
        try:
            number = float(cell)
        except ValueError:
            # Sent as it stands: the gateway refuses the value, by name, where everybody can see it.
            values[key] = cell
            continue
        values[key] = number if (a, b) == (1.0, 0.0) else float(f"{a * number + b:.{DIGITS}g}")
    return values


def _places(path: Path, header: list[str], mapping: MapFile) -> tuple[int, list[tuple[int, str, float, float]]]:
    wanted = [mapping.time.column, *mapping.columns]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise UsageError(f"{path}: no column {', '.join(missing)}; the file has {', '.join(header)}")
    columns = [(header.index(name), one.key, *one.factors) for name, one in mapping.columns.items()]
    return header.index(mapping.time.column), columns


def _open(path: Path) -> io.TextIOBase:
    try:
        if path.suffix == ".gz":
            return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
