"""What of some journal records a database lacks, or has otherwise: statements, comparison, lines. No input or output.

A reading is found again by (device, point, parameter, ts), an event by its series, its millisecond and its identity
(``lines.event_identity``, an alert's id). A flag is compared where the journal has another one than ``N``, a qualifier
where it has one: the database may say ``N`` explicitly or be silent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from devices.reading import Row
from gateway.store.base import AlertPoint, CustodyPoints, Item, Telemetry
from gateway.store.influx_query import EARLIEST, LATEST, Found, identifier, measurement_of, runs, where_among
from gateway.store.lines import (
    NS_PER_MS,
    Lines,
    alert_fields,
    alert_series,
    custody_fields,
    custody_series,
    event_identity,
    event_line,
    plain,
    series,
    slot_of,
)

_EVENT_FIELDS = {
    "custody": ("event_id", "container", "net_g", "gross_g", "tare_g", "group_net_g", "group_n"),
    "alert": ("alert_id", "value", "limit_value"),
}
#: (kind, device, point, ns): a row of readings.
Where = tuple[str, str, str, int]
Fields = dict[str, Any]


class Refused(msgspec.Struct):
    """What the store once refused of a message (``store_parked``): all of it, or values and lines."""

    whole: bool
    details: list[dict[str, Any]] = []

    def value(self, row: Row, at: int, where: str) -> bool:
        """Whether value ``at`` of a row whose line begins with ``where`` was refused."""
        parameter = row.parameters[at]
        for one in self.details:
            line = one.get("line")
            if line is None:
                if (one.get("point"), one.get("parameter"), one.get("ts")) == (row.point, parameter, row.ts):
                    return True
            elif line.startswith(f"{where} ") and line.endswith(f" {row.ts * NS_PER_MS}") and f"{parameter}=" in line:
                return True
        return self.whole

    def event(self, where: str, identity: str) -> bool:
        """Whether the event with this identity (its last part in quotes) in a series was refused."""
        said = identity.rpartition("\0")[2]
        lines = (one.get("line", "") for one in self.details)
        return self.whole or any(line.startswith(f"{where} ") and said in line for line in lines)


class Difference(msgspec.Struct):
    """Something that the database has otherwise; it is left as it is. ``ts`` in ms."""

    measurement: str
    device: str
    ts: int
    field: str
    journal: str | float
    database: str | float | None


class Lack(msgspec.Struct):
    """A line that the database lacks: how many values or events it holds, and which window of which kind it touches."""

    line: bytes
    points: int
    kind: str
    device: str
    ts: int


class Compared(msgspec.Struct):
    """What comparing some items gave; counts are values and event points."""

    compared: int = 0
    refused: int = 0
    expired: int = 0
    lacking: list[Lack] = msgspec.field(default_factory=list)
    different: list[Difference] = msgspec.field(default_factory=list)

    @property
    def missing(self) -> int:
        """Values and event points that the database lacks."""
        return sum(lack.points for lack in self.lacking)


def statements(items: Iterable[Item], expired: int) -> list[str]:
    """Statements that find all that is stored of ``items`` which is not older than ``expired`` (ms)."""
    fields: dict[str, set[str]] = {}
    marks: dict[str, set[str]] = {}
    readings: list[tuple[str, str, int]] = []
    events: list[tuple[str, str, int]] = []
    for item in items:
        if isinstance(item, Telemetry):
            for row in item.rows:
                if row.ts >= expired:
                    readings.append((item.tags.kind, item.tags.device, row.ts))
                    fields.setdefault(item.tags.kind, set()).update(row.parameters)
                    marks.setdefault(item.tags.kind, set()).update(_marks(row))
        elif isinstance(item, CustodyPoints | AlertPoint) and item.ts >= expired:
            events.append((measurement_of(item), item.tags.device, item.ts))
    found = []
    for kind, devices, first, last in runs(readings):
        names = ",".join(map(identifier, sorted(fields[kind] | marks[kind])))
        where = where_among(devices, first, last)
        found.append(f'SELECT {names} FROM {identifier(kind)} WHERE {where} GROUP BY "device","point"')  # noqa: S608 - escaped
    for measurement, devices, first, last in runs(events):
        names = ",".join(map(identifier, _EVENT_FIELDS[measurement]))
        where = where_among(devices, first, last)
        found.append(f"SELECT {names} FROM {identifier(measurement)} WHERE {where} GROUP BY *")  # noqa: S608 - escaped
    return found


def _marks(row: Row) -> Iterator[str]:
    """The fields beside the values that a row needs."""
    for suffix, usual, marks in (("_flag", "N", row.flags), ("_q", "", row.qualifiers)):
        for parameter, mark in zip(row.parameters, marks or (), strict=False):
            if mark != usual:
                yield parameter + suffix


class _Millisecond:
    """The events of one series in one millisecond: what the database has, and which of it the journal explains."""

    def __init__(self) -> None:
        self._stored: dict[int, Fields] = {}
        self._slots: dict[str, list[int]] = {}
        self._claimed: set[int] = set()

    def take(self, slot: int, fields: Fields) -> None:
        """Note what is stored."""
        self._stored[slot] = fields
        self._slots.setdefault(_identity(fields), []).append(slot)

    def find(self, slot: int, identity: str) -> tuple[int, Fields | None]:
        """Where an event stands whose place is ``slot`` or the next free one, and its fields; None = it is missing.

        It may stand elsewhere where what was in its way then is gone now.
        """
        others = [at for at in self._slots.get(identity, ()) if at not in self._claimed]
        while slot in self._claimed or (slot in self._stored and slot not in others):
            slot = (slot + 1) % NS_PER_MS
        if others and slot not in others:
            slot = others[0]
        self._claimed.add(slot)
        return slot, self._stored.get(slot)


class Comparison:
    """Compares items, in journal order, with what the database answered about them."""

    def __init__(self, refused: Mapping[int, Refused], expired: int) -> None:
        self._refused = refused
        self._expired = expired
        self._readings: dict[Where, Fields] = {}
        self._events: dict[tuple[str, int], _Millisecond] = {}
        self._lines = Lines()
        self.result = Compared()

    def take(self, answers: Iterable[Iterable[Found]]) -> None:
        """Note what is stored."""
        for found in itertools.chain.from_iterable(answers):
            names = found.columns[1:]
            if found.name in _EVENT_FIELDS:
                where = series(found.name, found.tags)
                for row in found.values:
                    self._moment(where, row[0] // NS_PER_MS).take(row[0] % NS_PER_MS, _present(names, row))
            else:
                device, point = found.tags.get("device", ""), found.tags.get("point", "")
                for row in found.values:
                    reading = (found.name, device, point, row[0])
                    self._readings.setdefault(reading, {}).update(_present(names, row))

    def compare(self, items: Sequence[Item]) -> Compared:
        """Compare all items with what was taken."""
        for item in items:
            if isinstance(item, Telemetry):
                for row in item.rows:
                    self._row(item, row)
            elif isinstance(item, CustodyPoints):
                where = custody_series(item.tags.device, item.tags.place, item.step, item.category)
                for n, container in enumerate(item.containers):
                    self._event(item, where, n, event_identity(item.event_id, container), custody_fields(item, n))
            elif isinstance(item, AlertPoint):
                self._event(item, alert_series(item), item.n, item.alert_id, alert_fields(item))
        return self.result

    def _row(self, item: Telemetry, row: Row) -> None:
        result, tags = self.result, item.tags
        if not max(self._expired, EARLIEST + 1) <= row.ts < LATEST:
            result.expired += len(row.values)
            return
        where = (plain(tags.kind), plain(tags.device), plain(row.point), row.ts * NS_PER_MS)
        stored = self._readings.setdefault(where, {})
        refused = self._refused.get(item.offset)
        line = _series_of(item, row) if refused is not None else ""
        lacking = []
        for at, (parameter, value) in enumerate(zip(row.parameters, row.values, strict=True)):
            if refused is not None and refused.value(row, at, line):
                result.refused += 1
                continue
            result.compared += 1
            wanted = _wanted(row, at)
            if stored.get(parameter) is None:
                lacking.append(at)
                stored.update(wanted)
            elif stored[parameter] != value:
                self._differs(item, tags.kind, row.ts, parameter, value, stored[parameter])
            elif any(stored.get(field) is None for field in wanted):
                lacking.append(at)
                stored.update(wanted)
            else:
                for field, mark in wanted.items():
                    if stored[field] != mark:
                        self._differs(item, tags.kind, row.ts, field, mark, stored[field])
        if lacking:
            result.lacking.append(Lack(self._line(item, row, lacking), len(lacking), tags.kind, tags.device, row.ts))

    def _line(self, item: Telemetry, row: Row, chosen: list[int]) -> bytes:
        """A line with the chosen values of a row; it says every flag, as nobody knows what the neighbours say."""
        part = Row(
            row.point,
            row.ts,
            tuple(row.parameters[at] for at in chosen),
            [row.values[at] for at in chosen],
            flags=[row.flags[at] for at in chosen] if row.flags else None,
            qualifiers=[row.qualifiers[at] for at in chosen] if row.qualifiers else None,
        )
        self._lines.forget()
        return self._lines.build([msgspec.structs.replace(item, rows=[part])]).texts[0]

    def _event(
        self, item: CustodyPoints | AlertPoint, where: str, n: int, identity: str, fields: dict[str, str | float]
    ) -> None:
        result = self.result
        if not max(self._expired, EARLIEST + 1) <= item.ts < LATEST:
            result.expired += 1
            return
        refused = self._refused.get(item.offset)
        if refused is not None and refused.event(where, identity):
            result.refused += 1
            return
        result.compared += 1
        moment = self._moment(where, item.ts)
        slot, known = moment.find(slot_of(item.offset, n), identity)
        measurement = measurement_of(item)
        if known is None:
            line = event_line(where, fields, item.ts * NS_PER_MS + slot).encode("utf-8", "replace")
            result.lacking.append(Lack(line, 1, measurement, item.tags.device, item.ts))
            return
        for field, value in fields.items():
            if known.get(field) != value:
                self._differs(item, measurement, item.ts, field, value, known.get(field))

    def _moment(self, where: str, ts: int) -> _Millisecond:
        return self._events.setdefault((where, ts), _Millisecond())

    def _differs(  # noqa: PLR0917 - one difference
        self,
        item: Telemetry | CustodyPoints | AlertPoint,
        measurement: str,
        ts: int,
        field: str,
        ours: str | float,
        theirs: str | float | None,
    ) -> None:
        self.result.different.append(Difference(measurement, item.tags.device, ts, field, ours, theirs))


def _present(names: Sequence[str], row: Sequence[Any]) -> Fields:
    return {name: value for name, value in zip(names, row[1:], strict=True) if value is not None}


def _identity(fields: Fields) -> str:
    if "alert_id" in fields:
        return str(fields["alert_id"])
    return event_identity(str(fields.get("event_id", "")), str(fields.get("container", "")))


def _wanted(row: Row, at: int) -> Fields:
    """What must stand beside value ``at`` and the value itself."""
    parameter = row.parameters[at]
    fields: Fields = {parameter: row.values[at]}
    if row.flags and row.flags[at] != "N":
        fields[f"{parameter}_flag"] = row.flags[at]
    if row.qualifiers and row.qualifiers[at]:
        fields[f"{parameter}_q"] = row.qualifiers[at]
    return fields


def _series_of(item: Telemetry, row: Row) -> str:
    tags = item.tags
    return series(
        tags.kind,
        {"device": tags.device, "district": tags.district, "place": tags.place, "point": row.point, "unit": tags.unit},
    )
