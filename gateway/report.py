"""The counters of DESIGN 4.3: what came in, what became of it, what was told. They count messages with QoS 1."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway import state
from gateway.store.base import StoreStats

#: What the intake recognised as sent twice is in no journal record, so it is kept here over restarts.
REDELIVERED = "redelivered"


def redelivered_before(engine: sa.Engine) -> int:
    """Messages recognised as redelivered in earlier runs."""
    query = sa.select(state.settings.c.value).where(state.settings.c.name == REDELIVERED)
    with engine.connect() as connection:
        return int(connection.execute(query).scalar() or 0)


def keep_redelivered(engine: sa.Engine, count: int) -> None:
    """Remember the total; called now and then and at stop."""
    statement = upsert(state.settings)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
    with engine.begin() as connection:
        connection.execute(statement, [{"name": REDELIVERED, "value": str(count)}])


#: Keys that only a demo knows.
DEMO_KEYS = ("published", "points_published", "lost", "duplicated")


def report(
    engine: sa.Engine, counters: Mapping[str, int], store: StoreStats, redelivered: int
) -> dict[str, int | None]:
    """All counters; ``journaled = stored + parked + repeated + waiting`` for the configured store."""
    with engine.connect() as connection:
        newest = connection.execute(sa.select(sa.func.max(state.ledger_entries.c.idx))).scalar()
        containers = connection.execute(sa.select(sa.func.count()).select_from(state.containers)).scalar_one()
    parked = counters["parked"] + store.parked
    waiting = counters["journaled"] - store.stored - parked - counters["repeated"]
    return {
        "published": None,
        "points_published": None,
        "journaled": counters["journaled"],
        "redelivered": redelivered,
        "qos0": counters["qos0"],
        "stored": store.stored,
        "parked": parked,
        "repeated": counters["repeated"],
        "waiting": waiting,
        "points": store.points,
        "points_rejected": counters["points_rejected"],
        "points_conflict": counters["points_conflict"] + store.points_conflict,
        "custody_events": counters["custody_events"],
        "containers": int(containers),
        "alerts_fired": counters["alerts_fired"],
        "alerts_cleared": counters["alerts_cleared"],
        "notifications_sent": counters["notifications_sent"],
        "ledger_size": 0 if newest is None else int(newest) + 1,
        "lost": None,
        "duplicated": None,
    }
