"""Gathers how people keep up with alerts: by local day and in slots of ten minutes; see ``alerts.kpi`` for alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from alerts.kpi import Alarm, percentile
from gateway import state
from gateway.api.kpi import MUTED, Rows
from gateway.api.services import Services
from gateway.mirror.points import AlertDay
from gateway.mirror.standing import IN_FRONT, pairs

Key = tuple[str, str, str]


class Answered(msgspec.Struct, frozen=True):
    """What became of an alert that came up on a day; ``called_at``: when somebody further was called for it."""

    district: str
    severity: str
    rule: str
    fired_at: int
    acknowledged_at: int | None
    called_at: int | None
    closed: bool
    standing: bool


def alert_days(start: int, fired: Mapping[Key, int], alerts: Iterable[Answered]) -> list[AlertDay]:
    """The figures of one local day by (district, severity, rule), sorted (pure).

    ``fired`` counts alarms: an alert that came up twice counts twice there and once elsewhere. In time is who
    acknowledged before the order of call went on to somebody else.
    """
    of: dict[Key, list[Answered]] = {}
    for one in alerts:
        of.setdefault((one.district, one.severity, one.rule), []).append(one)
    found = []
    for key in sorted({*fired, *of}):
        known = of.get(key, [])
        times = [max(one.acknowledged_at - one.fired_at, 0) for one in known if one.acknowledged_at is not None]
        found.append(
            AlertDay(
                *key,
                start,
                fired=fired.get(key, 0),
                acknowledged=len(times),
                in_time=sum(_in_time(one) for one in known),
                ack_p50_ms=percentile(times, 50),
                ack_p95_ms=percentile(times, 95),
                closed=sum(one.closed for one in known),
                standing=sum(one.standing for one in known),
            )
        )
    return found


def _in_time(one: Answered) -> bool:
    if one.acknowledged_at is None:
        return False
    return one.called_at is None or one.acknowledged_at <= one.called_at


def loads(
    alarms: Iterable[Alarm], slots: Sequence[int], slot_ms: int, districts: Iterable[str]
) -> dict[tuple[str, int], int]:
    """How many alarms came up in each slot, by (district, start of the slot); also the zeros (pure)."""
    known = list(alarms)
    names = {*districts, *(one.district or "-" for one in known)}
    found = {(name, start): 0 for name in names for start in slots}
    counted = Counter((one.district or "-", one.at // slot_ms * slot_ms) for one in known)
    return found | {key: number for key, number in counted.items() if key in found}


def day_of_alerts(view: Services, start: int, end: int) -> list[AlertDay]:
    """The figures of the local day from ``start`` to ``end`` (ms)."""
    rows = _rows(view, start, end)
    table, told, outbox = state.alerts, state.told, state.outbox
    own = [row for row in rows.alerts.values() if row["fired_at"] is not None and start <= row["fired_at"] < end]
    called = (
        sa.select(told.c.alert, sa.func.min(outbox.c.created_at))
        .join(outbox, sa.and_(outbox.c.offset == told.c.offset, outbox.c.n == told.c.n))
        .join(table, table.c.id == told.c.alert)
        .where(table.c.fired_at >= start, table.c.fired_at < end, outbox.c.event == "escalated")
        .where(outbox.c.created_at >= table.c.fired_at)
        .group_by(told.c.alert)
    )
    with view.engine.connect() as connection:
        calls = dict(pairs(connection.execute(called)))
    alerts = [
        Answered(
            *_key(row),
            fired_at=row["fired_at"],
            acknowledged_at=row["acknowledged_at"],
            called_at=calls.get(row["id"]),
            closed=row["state"] == "closed",
            standing=row["state"] in IN_FRONT,
        )
        for row in own
        if row["state"] not in MUTED
    ]
    fired = Counter(_key(rows.alerts[one.alert]) for one in rows.alarms if start <= one.at < end)
    return alert_days(start, fired, alerts)


def alarms(view: Services, start: int, end: int) -> list[Alarm]:
    """What came up in front of people from ``start`` to ``end`` (ms)."""
    return [one for one in _rows(view, start, end).alarms if start <= one.at < end]


def open_by_district(engine: sa.Engine) -> Counter[str]:
    """Alerts in front of people now."""
    table = state.alerts
    wanted = sa.select(table.c.grid, sa.func.count()).where(table.c.state.in_(IN_FRONT)).group_by(table.c.grid)
    found: Counter[str] = Counter()
    with engine.connect() as connection:
        for grid, number in connection.execute(wanted):
            found[grid.partition("/")[0] or "-"] += number
    return found


def _rows(view: Services, start: int, end: int) -> Rows:
    return Rows(view.engine, view.registry(), sa.true(), start, end)


def _key(row: sa.RowMapping) -> Key:
    return row["grid"].partition("/")[0] or "-", row["severity"], row["rule"]


def moved_since(engine: sa.Engine, seen: int) -> tuple[set[int], int]:
    """When the alerts fired that moved in records after ``seen``, and the newest such record."""
    table, steps = state.alerts, state.transitions
    wanted = (
        sa.select(table.c.fired_at, sa.func.max(steps.c.offset))
        .join(steps, steps.c.alert == table.c.id)
        .where(steps.c.offset > seen, table.c.fired_at.is_not(None))
        .group_by(table.c.id)
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted).all()
    return {at for at, _ in rows}, max((offset for _, offset in rows), default=seen)
