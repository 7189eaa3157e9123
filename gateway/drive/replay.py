"""Recorded data as messages: a CSV file and a map file are all that is needed (DESIGN 4.6)."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from devices.codecs.times import ReadTime, compile_time
from devices.files.mapfile import MapFile
from gateway.errors import UsageError

_encode = msgspec.json.Encoder().encode
#: Digits that survive a conversion of units without the noise of binary fractions.
DIGITS = 12
#: "Below" or "above" a number, as laboratories write it.
_BEYOND = re.compile(r"([<>＜＞]\s*)(\S+)")


class Row(NamedTuple):
    """One row of the file: time in ms since 1970 UTC, the message, how many of its values are (</>) numbers."""

    at: int
    payload: bytes
    points: int


def rows(path: Path, mapping: MapFile, skipped: Callable[[str], None]) -> Iterator[Row]:
    """Rows with at least one value, numbered by ``seq``; ``skipped`` hears why another row was left out.

    Raises UsageError where the file cannot be read or lacks a column of the map.
    """
    time_of = _in_order(mapping.time.format, mapping.time.zone)
    skip = {"", *mapping.skip}
    number = 0
    lines = _lines(path)
    header = [name.strip() for name in next(lines, [])]
    at_time, columns = _places(path, header, mapping)
    for line, cells in enumerate(lines, start=2):
        if len(cells) <= at_time or not cells[at_time].strip():
            skipped(f"line {line}: no time")
            continue
        at = time_of(cells[at_time].strip())
        if at is None:
            skipped(f"line {line}: {mapping.time.column} {cells[at_time]!r} is not {mapping.time.format}")
            continue
        values, points = _values(cells, columns, skip)
        if not values:
            skipped(f"line {line}: no value")
            continue
        number += 1
        yield Row(at, _encode({"ts": at, "seq": number, "values": values}), points)


def _in_order(form: str, zone: str) -> ReadTime:
    """The reader of times in rows that follow each other: where the clocks go back, an hour comes twice.

    A time of that hour that is not after the row before is of the second pass. Times with an offset of their own, or
    in a format that needs no zone, are never moved.
    """
    place = ZoneInfo(zone)
    read, elsewhere = compile_time(form, zone), [compile_time(form, name) for name in ("Etc/GMT", "Etc/GMT-1")]
    before: int | None = None

    def time_of(cell: object) -> int | None:
        nonlocal before
        at = read(cell)
        if at is None:
            return None
        if before is not None and at <= before and len({other(cell) for other in elsewhere}) > 1:
            at = _second_pass(at, place)
        before = at
        return at

    return time_of


def _second_pass(at: int, place: ZoneInfo) -> int:
    """The later moment at which the clocks of ``place`` show what they show at ``at``; ``at`` where there is none."""
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(place)
    first, second = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return at if moment.fold else at + max(0, round((first - second).total_seconds() * 1000))


def _values(
    cells: list[str], columns: list[tuple[int, str, float, float]], skip: set[str]
) -> tuple[dict[str, float | str], int]:
    """The values of one row in the units of the catalogue, and how many of them are numbers or </> a number."""
    values: dict[str, float | str] = {}
    points = 0
    for place, key, a, b in columns:
        cell = cells[place].strip() if place < len(cells) else ""
        if cell in skip:
            continue
        beyond = _BEYOND.fullmatch(cell)
        number = _number(beyond[2] if beyond else cell)
        if number is None:
            # Sent as it stands: the gateway refuses the value, by name, where everybody can see it.
            values[key] = cell
            continue
        points += 1
        if (a, b) == (1.0, 0.0):
            values[key] = cell if beyond else number
        else:
            values[key] = f"{beyond[1]}{a * number + b:.{DIGITS}g}" if beyond else float(f"{a * number + b:.{DIGITS}g}")
    return values, points


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _places(path: Path, header: list[str], mapping: MapFile) -> tuple[int, list[tuple[int, str, float, float]]]:
    wanted = [mapping.time.column, *mapping.columns]
    missing = [name for name in wanted if name not in header]
    if missing:
        raise UsageError(f"{path}: no column {', '.join(missing)}; the file has {', '.join(header)}")
    columns = [(header.index(name), one.key, *one.factors) for name, one in mapping.columns.items()]
    return header.index(mapping.time.column), columns


def _lines(path: Path) -> Iterator[list[str]]:
    """The rows of the file as cells. Raises UsageError, also in its midst, where it cannot be read."""
    opener = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with io.TextIOWrapper(opener(path, "rb"), encoding="utf-8-sig", newline="") as text:
            yield from csv.reader(text)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: {error}; allowed: a whole gzip file, or CSV without .gz") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8; allowed: CSV in UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"{path}: {error}; allowed: CSV in UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; allowed: a CSV file that this user may read") from error
