"""Items turned into columns for the embedded store, without any input or output.

One wide table a device kind: ``device, point, ts, offset, received_at, late``, a DOUBLE a parameter, and only where
needed ``<parameter>_flag`` (absent = ``N``) and ``<parameter>_q``. The values of one (device, point, ts) may stand in
several rows, each value in one: devices send parameters apart, and late values are kept apart from those in order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.store.base import AlertPoint, CustodyPoints, Item, Telemetry
from gateway.store.late import Part, Place, parts

Columns = dict[str, npt.NDArray[Any]]

BASE = {
    "device": "VARCHAR",
    "point": "VARCHAR",
    "ts": "BIGINT",
    "offset": "BIGINT",
    "received_at": "BIGINT",
    "late": "BOOLEAN",
}
CUSTODY = {
    "device": "VARCHAR",
    "place": "VARCHAR",
    "step": "VARCHAR",
    "category": "VARCHAR",
    "ts": "BIGINT",
    "offset": "BIGINT",
    "n": "INTEGER",
    "received_at": "BIGINT",
    "container": "VARCHAR",
    "event_id": "VARCHAR",
    "net_g": "DOUBLE",
    "gross_g": "DOUBLE",
    "tare_g": "DOUBLE",
    "group_net_g": "DOUBLE",
    "group_n": "DOUBLE",
}
ALERT = {
    "device": "VARCHAR",
    "point": "VARCHAR",
    "place": "VARCHAR",
    "rule": "VARCHAR",
    "severity": "VARCHAR",
    "state": "VARCHAR",
    "ts": "BIGINT",
    "offset": "BIGINT",
    "n": "INTEGER",
    "alert_id": "VARCHAR",
    "value": "DOUBLE",
    "limit_value": "DOUBLE",
}
_NUMPY = {"VARCHAR": object, "BIGINT": np.int64, "INTEGER": np.int32, "DOUBLE": np.float64, "BOOLEAN": np.bool_}


class KindRows:
    """The rows of one device kind in a batch."""

    def __init__(self) -> None:
        self.heads: list[tuple[str, str, int, int, int, bool]] = []
        self._values: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}
        self._marks: dict[str, tuple[list[int], list[str]]] = {}

    def add(self, head: tuple[str, str, int, int, int, bool], parameters: tuple[str, ...], values: list[float]) -> None:
        """Append a row of plain values; ``head`` is in the order of ``BASE``."""
        group = self._values.get(parameters)
        if group is None:
            group = self._values[parameters] = ([], [])
        group[0].append(len(self.heads))
        group[1].extend(values)
        self.heads.append(head)

    def mark(self, part: Part) -> None:
        """Note flags other than ``N`` and qualifiers of the row that was added last."""
        for suffix, marks, usual in (("_flag", part.flags, "N"), ("_q", part.qualifiers, "")):
            for parameter, text in zip(part.parameters, marks or (), strict=False):
                if text != usual:
                    where = self._marks.setdefault(parameter + suffix, ([], []))
                    where[0].append(len(self.heads) - 1)
                    where[1].append(text)

    def columns(self) -> tuple[Columns, dict[str, str]]:
        """All rows as columns of one length, and the type of each column beyond ``BASE``."""
        count = len(self.heads)
        columns = _arrays(BASE, self.heads)
        types: dict[str, str] = {}
        for parameters, (rows, flat) in self._values.items():
            block = np.array(flat, np.float64).reshape(len(rows), len(parameters))
            for at, parameter in enumerate(parameters):
                if len(rows) == count:
                    columns[parameter] = np.ascontiguousarray(block[:, at])
                else:
                    # DuckDB reads NaN of a numpy column as NULL; readings are never NaN.
                    column = columns.setdefault(parameter, np.full(count, np.nan))
                    column[rows] = block[:, at]
                types[parameter] = "DOUBLE"
        for mark, (rows, texts) in self._marks.items():
            column = np.full(count, None, object)
            column[rows] = texts
            columns[mark], types[mark] = column, "VARCHAR"
        return columns, types


class Batch:
    """What a batch of items is in columns; ``points`` counts its values."""

    def __init__(self, items: Sequence[Item], fresh: Collection[Place]) -> None:
        self.kinds: dict[str, KindRows] = {}
        self.points = 0
        self._custody: list[tuple[Any, ...]] = []
        self._alerts: list[tuple[Any, ...]] = []
        for item in items:
            if type(item) is Telemetry:
                self._telemetry(item, fresh)
            elif isinstance(item, CustodyPoints):
                self._custody += _custody_rows(item)
            elif isinstance(item, AlertPoint):
                self._alerts.append(_alert_row(item))

    def events(self) -> dict[str, Columns]:
        """Rows of the mirrors ``custody`` and ``alert``, where there are any."""
        found = (("custody", CUSTODY, self._custody), ("alert", ALERT, self._alerts))
        return {table: _arrays(types, rows) for table, types, rows in found if rows}

    def _telemetry(self, item: Telemetry, fresh: Collection[Place]) -> None:
        kind = self.kinds.get(item.tags.kind)
        if kind is None:
            kind = self.kinds[item.tags.kind] = KindRows()
        device, offset, received_at = item.tags.device, item.offset, item.received_at
        for number, row in enumerate(item.rows):
            if row.values and row.late is None and row.flags is None and row.qualifiers is None and not row.compare:
                kind.add((device, row.point, row.ts, offset, received_at, False), row.parameters, row.values)
                self.points += len(row.values)
                continue
            for part in parts(row, offset, number, fresh):
                head = (device, row.point, row.ts, offset, received_at, part.late)
                kind.add(head, part.parameters, part.values)
                kind.mark(part)
                self.points += len(part.values)


def _arrays(types: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    columns = zip(*rows, strict=True) if rows else ((),) * len(types)
    return {name: np.array(column, _NUMPY[kind]) for (name, kind), column in zip(types.items(), columns, strict=True)}


def _custody_rows(item: CustodyPoints) -> list[tuple[Any, ...]]:
    """One row a container; a weight over several containers is the group's and stands in the first row only."""
    none = float("nan")
    grams = [item.grams.get(key, none) for key in ("net_g", "gross_g", "tare_g")]
    alone = len(item.containers) == 1
    rows = []
    for n, container in enumerate(item.containers):
        head = (item.tags.device, item.tags.place, item.step, item.category, item.ts, item.offset, n, item.received_at)
        group = (grams[0], len(item.containers)) if n == 0 and not alone else (none, none)
        rows.append((*head, container, item.event_id, *(grams if alone else (none, none, none)), *group))
    return rows


def _alert_row(item: AlertPoint) -> tuple[Any, ...]:
    none = float("nan")
    return (
        *(item.tags.device, item.point, item.tags.place, item.rule, item.severity, item.state),
        *(item.ts, item.offset, item.n, item.alert_id),
        none if item.value is None else item.value,
        none if item.limit_value is None else item.limit_value,
    )
