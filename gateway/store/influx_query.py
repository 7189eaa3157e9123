"""InfluxQL of the InfluxDB store, in the subset that 1.x, 2.x and 3 share: statements and their answers. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from gateway.store.base import AlertPoint, CustodyPoints, Item, StoredReading
from gateway.store.late import Identity, LateValue
from gateway.store.lines import NS_PER_MS, event_identity, plain, series

#: Measurements that hold readings: the device kinds of DESIGN 4.6.
KINDS = ("water", "store_climate", "radiation", "terminal", "gateway")
#: The times (ms) that InfluxDB can hold, 1677 to 2262; what lies outside is refused when written and never asked for.
EARLIEST, LATEST = -9_223_372_036_854, 9_223_372_036_854
#: Times of one device further apart than this (ms) are asked for apart; devices share a statement within an hour.
_GAP = 600_000
_HOUR = 3_600_000
_MOST_DEVICES = 50


class Found(msgspec.Struct):
    """One series of an InfluxQL answer; times are ns since 1970 UTC, the first column."""

    name: str = ""
    tags: dict[str, str] = {}
    columns: list[str] = []
    values: list[list[Any]] = []
    partial: bool = False


_DURATION = re.compile(r"(\d+)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def identifier(text: str) -> str:
    """Write a measurement, field or tag name."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Write a tag value as it was stored."""
    return "'" + plain(text).replace("'", "\\'") + "'"


def seconds_of(duration: str) -> int:
    """A Go duration, as InfluxDB says a retention: ``168h0m0s`` is 604,800."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


def runs(times: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, list[str], int, int]]:
    """Group (measurement, device, ts) into (measurement, devices, first ts, last ts) worth one statement each."""
    spans: dict[tuple[str, int, int], list[tuple[str, int, int]]] = {}
    possible = sorted({one for one in times if EARLIEST < one[2] < LATEST})
    for (measurement, device), group in itertools.groupby(possible, key=lambda one: one[:2]):
        first = last = None
        for _, _, ts in group:
            if first is None or last is None or ts - last > _GAP:
                if first is not None and last is not None:
                    spans.setdefault((measurement, first // _HOUR, last // _HOUR), []).append((device, first, last))
                first = ts
            last = ts
        if first is not None and last is not None:
            spans.setdefault((measurement, first // _HOUR, last // _HOUR), []).append((device, first, last))
    for (measurement, _, _), members in spans.items():
        for at in range(0, len(members), _MOST_DEVICES):
            some = members[at : at + _MOST_DEVICES]
            yield measurement, [one[0] for one in some], min(one[1] for one in some), max(one[2] for one in some)


def where_among(devices: Sequence[str], first: int, last: int) -> str:
    """The condition of a statement: these devices, first <= time <= last (ms)."""
    named = " OR ".join(f'"device" = {literal(device)}' for device in devices)
    return f"time >= {first * NS_PER_MS} AND time < {(last + 1) * NS_PER_MS} AND ({named})"


def late_statements(late: Sequence[LateValue]) -> list[str]:
    """Statements that find what is stored of the identities of ``late``, and little beside."""
    fields: dict[str, set[str]] = {}
    for one in late:
        fields.setdefault(one.kind, set()).add(one.identity[2])
    statements = []
    for kind, devices, first, last in runs((one.kind, one.identity[0], one.identity[3]) for one in late):
        names = ",".join(identifier(parameter) for parameter in sorted(fields[kind]))
        where = where_among(devices, first, last)
        statements.append(
            f'SELECT {names} FROM {identifier(kind)} WHERE {where} GROUP BY "device","point"'  # noqa: S608 - escaped
        )
    return statements


def late_stored(late: Sequence[LateValue], answers: Iterable[Iterable[Found]]) -> dict[Identity, float]:
    """What the answers to ``late_statements`` say about the identities of ``late``."""
    wanted = {
        (plain(one.identity[0]), plain(one.identity[1]), one.identity[2], one.identity[3] * NS_PER_MS): one.identity
        for one in late
    }
    stored: dict[Identity, float] = {}
    for found in itertools.chain.from_iterable(answers):
        device, point = found.tags.get("device", ""), found.tags.get("point", "")
        for row in found.values:
            for parameter, value in zip(found.columns[1:], row[1:], strict=True):
                identity = wanted.get((device, point, parameter, row[0]))
                if identity is not None and value is not None:
                    stored[identity] = float(value)
    return stored


def event_statements(items: Iterable[Item]) -> list[str]:
    """Statements that find what stands in the milliseconds of these events and alerts."""
    times = [
        (measurement_of(item), item.tags.device, item.ts)
        for item in items
        if isinstance(item, CustodyPoints | AlertPoint)
    ]
    statements = []
    for measurement, devices, first, last in runs(times):
        fields = '"event_id","container"' if measurement == "custody" else '"alert_id"'
        where = where_among(devices, first, last)
        statements.append(
            f"SELECT {fields} FROM {identifier(measurement)} WHERE {where} GROUP BY *"  # noqa: S608 - escaped
        )
    return statements


def events_taken(answers: Iterable[Iterable[Found]]) -> dict[tuple[str, int], str]:
    """(series, ns) of what the answers to ``event_statements`` found, with its identity; see ``lines.Slots``."""
    taken = {}
    for found in itertools.chain.from_iterable(answers):
        where = series(found.name, found.tags)
        for row in found.values:
            taken[where, row[0]] = event_identity(row[1], row[2]) if found.name == "custody" else row[1]
    return taken


def measurement_of(item: CustodyPoints | AlertPoint) -> str:
    """Where an event is mirrored."""
    return "custody" if isinstance(item, CustodyPoints) else "alert"


def read_statement(device: str, point: str | None, parameter: str | None, *, start: int, end: int, rows: int) -> str:
    """The first ``rows`` rows of each point of a device with start <= time < end (ms)."""
    fields = "*::field"
    if parameter is not None:
        fields = ",".join(identifier(parameter + suffix) for suffix in ("", "_flag", "_q"))
    at = f' AND "point" = {literal(point)}' if point is not None else ""
    first, last = max(start, EARLIEST) * NS_PER_MS, min(end, LATEST) * NS_PER_MS
    return (
        f"SELECT {fields} FROM {','.join(identifier(kind) for kind in KINDS)} "  # noqa: S608 - escaped names
        f'WHERE time >= {first} AND time < {last} AND "device" = {literal(device)}{at} '
        f'GROUP BY "point" ORDER BY time ASC LIMIT {rows}'
    )


def readings(device: str, found: Found) -> Iterator[StoredReading]:
    """Take a series of ``read_statement`` apart. Receive time, lateness and offset are not kept in InfluxDB."""
    at = {column: place for place, column in enumerate(found.columns)}
    parameters = [column for column in found.columns[1:] if not column.endswith(("_flag", "_q"))]
    for row in found.values:
        ts = row[0] // NS_PER_MS
        for parameter in parameters:
            if row[at[parameter]] is None:
                continue
            flag, qualifier = at.get(f"{parameter}_flag"), at.get(f"{parameter}_q")
            yield StoredReading(
                device=device,
                point=found.tags.get("point", "-"),
                parameter=parameter,
                ts=ts,
                received_at=ts,
                value=float(row[at[parameter]]),
                flag=(row[flag] if flag else None) or "N",
                qualifier=(row[qualifier] if qualifier else None) or "",
                late=False,
                offset=-1,
            )
