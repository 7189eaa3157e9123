"""What decide handed to the store, found again from journal and state: after a restart, or when a store lagged.

Plainly accepted messages are decoded again with the registry as of their offset; of all others the state holds what was
decided (``state.outcomes.detail``). Purely additive reading: nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from alerts.desk import GATEWAY
from custody import event as custody
from devices.reading import Row
from devices.registry import Change, Registry
from gateway import state
from gateway.decide.alerting import REMARKS, place_tags
from gateway.decide.history import load_registry
from gateway.decide.routes import Routes
from gateway.journal.record import TRUNCATED, Kind, Record, parse_json, parse_message
from gateway.store.base import AlertPoint, CustodyPoints, Item, Quiet, Tags, Telemetry

_ROWS = msgspec.json.Decoder(dict[str, Any])


class Rederive:
    """Items of consecutive records; ``items`` is called in journal order by one thread."""

    def __init__(self, engine: sa.Engine, root: str) -> None:
        self._engine = engine
        self._root = root
        self._upto = -2
        self._registry = Registry(root)
        self._routes = Routes(self._registry)

    def items(self, records: list[Record]) -> list[Item]:
        """What a store writes of ``records``, which decide has decided."""
        first, last = records[0].offset, records[-1].offset
        if first != self._upto + 1:
            self._begin(first - 1)
        self._upto = last
        outcomes = self._outcomes(first, last)
        transitions = self._transitions(first, last)
        found: list[Item] = []
        for record in records:
            if record.kind == Kind.MESSAGE:
                item = self._message(record, outcomes.get(record.offset))
                if item is not None:
                    found.append(item)
            elif record.kind == Kind.REGISTRY:
                self._apply(record)
            elif record.kind == Kind.REDRIVE:
                found.extend(self._redriven(record.offset))
            found.extend(map(self._alert, transitions.get(record.offset, ())))
        return found

    def _begin(self, upto: int) -> None:
        self._registry = Registry(self._root)
        load_registry(self._registry, self._engine, upto)
        self._routes = Routes(self._registry)

    def _apply(self, record: Record) -> None:
        changes = [Change(one["kind"], one["id"], one["body"]) for one in parse_json(record.body)["changes"]]
        self._registry.apply(changes, record.offset)
        self._routes.clear()

    def _outcomes(self, first: int, last: int) -> dict[int, sa.RowMapping]:
        table = state.outcomes
        query = sa.select(table).where(table.c.offset.between(first, last))
        with self._engine.connect() as connection:
            return {row["offset"]: row for row in connection.execute(query).mappings()}

    def _transitions(self, first: int, last: int) -> dict[int, list[sa.RowMapping]]:
        moves, alerts = state.transitions, state.alerts
        columns = [alerts.c[name] for name in ("device", "point", "rule", "severity", "place", "unit", "grid")]
        query = (
            sa.select(moves, *columns)
            .join(alerts, alerts.c.id == moves.c.alert)
            .where(moves.c.offset.between(first, last), alerts.c.device != GATEWAY)
            .where(moves.c.event.not_in(REMARKS))
            .order_by(moves.c.offset, moves.c.n)
        )
        found: dict[int, list[sa.RowMapping]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(row["offset"], []).append(row)
        return found

    def _alert(self, row: sa.RowMapping) -> AlertPoint:
        return AlertPoint(
            row["offset"],
            row["n"],
            self._routes.tags(row["device"], row["at"])
            if row["device"]
            else place_tags(row["place"], row["unit"], row["grid"]),
            row["ts"],
            row["point"],
            row["rule"],
            row["severity"],
            row["to_state"],
            row["alert"],
            row["value"],
            row["limit_value"],
        )

    def _message(self, record: Record, outcome: sa.RowMapping | None) -> Item | None:
        if outcome is not None and (outcome["fate"] != "accepted" or outcome["redriven_by"] is not None):
            return None
        message = parse_message(record.body)
        if message.flags & TRUNCATED:
            return None
        return self._item(record, message.topic, message.payload, message.qos, outcome)

    def _item(
        self, record: Record, topic: bytes, payload: bytes, qos: int, outcome: sa.RowMapping | None
    ) -> Item | None:
        route = self._routes.find(topic, payload, record.time)
        if route is None or route.plan is None:
            return None
        if route.channel == "event":
            return custody_points(record, payload, qos, route.tags)
        if route.channel == "status":
            return Quiet(record.offset, qos)
        if outcome is None:
            rows = route.decode(payload, route.plan, record.time).rows
        else:
            rows = msgspec.convert(_ROWS.decode(outcome["detail"])["rows"], list[Row])
        return Telemetry(record.offset, record.time, qos, route.tags, rows)

    def _redriven(self, by: int) -> Iterable[Item]:
        table = state.outcomes
        query = (
            sa.select(table, state.copies.c.bytes)
            .join(state.copies, state.copies.c.sha256 == table.c.copy)
            .where(table.c.redriven_by == by, table.c.fate == "accepted")
            .order_by(table.c.offset)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            record = Record(row["offset"], row["received_at"], Kind.MESSAGE, b"")
            item = self._item(record, row["topic"].encode(), row["bytes"], row["qos"], row)
            if item is not None:
                yield item


def custody_points(record: Record, payload: bytes, qos: int, tags: Tags) -> CustodyPoints | None:
    """The points of one accepted custody event."""
    event = custody.decode(payload, record.time)
    if event.fault is not None or event.id is None:
        return None
    return CustodyPoints(
        record.offset,
        record.time,
        qos,
        tags,
        event.ts,
        event.step,
        event.category,
        event.id,
        event.containers,
        event.grams,
    )
