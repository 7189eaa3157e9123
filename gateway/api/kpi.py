"""Figures of the alert system over a period, out of the history of alerts (``alerts.kpi`` works them out)."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from datetime import tzinfo
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from alerts.kpi import SLOT_MS, Alarm, Life, kpi
from devices.registry import Registry
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.faults import Reason, wrong
from gateway.api.scope import Scope, condition
from gateway.api.times import ALLOWED, parse_time

router = APIRouter(tags=["alerts"])

HOUR_MS = 3_600_000
LONGEST_H = 24 * 366
#: States in which an alert is not put in front of people.
MUTED = ("pending", "shelved", "suppressed", "out_of_service")
#: Conditions, places and alerts that are named; the figures count all.
_NAMED = 50
_SHARE = 20
_MOST_KEPT = 200
_COLUMNS = (
    *("id", "rule", "pack", "severity", "unit", "place", "grid", "device", "point", "parameter"),
    *("since", "fired_at", "cleared_at", "closed_at", "acknowledged_at", "state"),
)


@router.get("/kpi", responses={422: {"model": Reason}})
def figures(
    request: Request,
    caller: Caller,
    *,
    from_: Annotated[str | None, Query(alias="from", description=f"First time: {ALLOWED}.")] = None,
    to: Annotated[str | None, Query(description="End, not included; now unless given.")] = None,
    hours: Annotated[int, Query(ge=1, le=LONGEST_H, description="How far back from `to`, without `from`.")] = 24,
) -> Response:
    """Show how many alarms there were and how people kept up with them: distributions, floods, the ten worst.

    Counted is what came up in front of people at places that are accepted: neither shelved nor suppressed.
    """
    context = context_of(request)
    zone, now = context.services.settings.zone, context.services.clock.now_ms()
    end = min(_time("to", to, zone, now), now)
    start = _time("from", from_, zone, max(0, end - hours * HOUR_MS))
    if not 0 < end - start <= LONGEST_H * HOUR_MS:
        allowed = f"a time before `to` and before now, at most {LONGEST_H // 24} days before `to`"
        raise wrong("from", from_ or "", allowed)
    key = (caller.scope, from_, to, hours)
    body = context.figures_of_alerts.get(
        key, lambda: msgspec.json.encode(_document(context, caller.scope, start, end, now))
    )
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, 4)
    return Response(body, 200, headers, "application/json")


class KpiCache:
    """The newest answers: working them out takes at most a twentieth of the time, whatever is asked how often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[Hashable, tuple[float, bytes]] = {}

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The answer for ``key``, made by ``make`` unless it is fresh; one is made at a time."""
        with self._lock:
            known = self._found.get(key)
            if known is not None and time.monotonic() < known[0]:
                return known[1]
            begun = time.monotonic()
            body = make()
            ended = time.monotonic()
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            self._found[key] = (ended + _SHARE * (ended - begun), body)
            return body


def _time(field: str, text: str | None, zone: tzinfo, default: int) -> int:
    try:
        return default if text is None else parse_time(text, zone)
    except ValueError:
        raise wrong(field, text, ALLOWED) from None


def _document(context: Context, scope: Scope, start: int, end: int, now: int) -> dict[str, Any]:
    """``Kpi`` with names beside the ids."""
    table = state.alerts
    services = context.services
    rows = Rows(services.engine, services.registry(), condition(scope, table.c.unit, table.c.grid), start, end)
    document: dict[str, Any] = msgspec.to_builtins(kpi(rows.alarms, rows.lives, start, end))
    registry, rules = context.services.registry(), context.rule_words()

    def name_of(kind: str) -> Callable[[str], Any]:
        return lambda name: (registry.get(kind, name) or {}).get("name")

    def title_of(rule: str) -> Any:  # noqa: ANN401 - a name in both languages, or None
        return rules.title(*rule.split("/", 1)) if "/" in rule else None

    for key, naming in (
        ("top_rules", title_of),
        ("top_places", name_of("places")),
        ("districts", name_of("grid")),
        ("units", name_of("units")),
    ):
        for one in document[key]:
            one["title"] = naming(one["name"])
    noisy = [{**rows.conditions[one.pop("name")], **one} for one in document["chattering"]]
    stale = rows.shown(document["stale"][:_NAMED])
    for one in (*noisy, *stale):
        one["title"], one["place_title"] = title_of(one["rule"]), name_of("places")(one["place"])
    document["chattering"] = {"total": len(noisy), "items": noisy[:_NAMED]}
    document["stale"] = {"total": len(document["stale"]), "items": stale}
    return {"now": now, **document}


class Rows:
    """Alerts that came up in the period or stood in it, and each time that they did, of those that ``shown`` leaves.

    ``alerts`` are their rows by id, ``alarms`` the times that they came up, ``lives`` those that are not held back.
    """

    def __init__(
        self, engine: sa.Engine, registry: Registry, shown: sa.ColumnElement[bool], start: int, end: int
    ) -> None:
        table, steps = state.alerts, state.transitions
        # An alert that comes up again has its newest ``fired_at``; what is not over may have come up at any time.
        touched = sa.or_(table.c.fired_at >= start - SLOT_MS, table.c.state.not_in(["closed", "returned"]))
        stood = sa.and_(table.c.fired_at < start, table.c.cleared_at >= start)
        wanted = sa.and_(shown, sa.or_(touched, stood))
        up = sa.or_(
            sa.and_(steps.c.event == "fired", steps.c.to_state.not_in(MUTED)),
            sa.and_(steps.c.from_state.in_(MUTED), steps.c.to_state == "active"),
        )
        came_up = (
            sa.select(steps.c.alert, steps.c.at)
            .join(table, table.c.id == steps.c.alert)
            .where(wanted, up, steps.c.at >= start - SLOT_MS, steps.c.at < end)
        )
        with engine.connect() as connection:
            alerts = connection.execute(sa.select(*(table.c[name] for name in _COLUMNS)).where(wanted)).mappings().all()
            times = connection.execute(came_up).all()

        def counts(row: sa.RowMapping) -> bool:
            place = registry.get("places", row["place"], row["since"]) if row["place"] else None
            return place is None or place.get("state", "accepted") == "accepted"

        self.alerts = {row["id"]: row for row in alerts if counts(row)}
        self.conditions: dict[str, dict[str, Any]] = {}
        self.alarms = [self._alarm(self.alerts[alert], at) for alert, at in times if alert in self.alerts]
        self.lives = [
            _life(row) for row in self.alerts.values() if row["fired_at"] is not None and row["state"] not in MUTED
        ]

    def _alarm(self, row: sa.RowMapping, at: int) -> Alarm:
        rule = f"{row['pack']}/{row['rule']}"
        identity = f"{rule}\x1f{row['device']}\x1f{row['point']}\x1f{row['parameter']}"
        if identity not in self.conditions:
            parts = {name: row[name] for name in ("place", "device", "point", "parameter")}
            self.conditions[identity] = {"rule": rule, **parts}
        return Alarm(at, row["id"], identity, rule, row["place"], _district(row), row["unit"], row["severity"])

    def shown(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """What a person reads of some alerts."""
        names = ("id", "severity", "place", "device", "point", "parameter", "fired_at", "state")
        rows = [self.alerts[one] for one in ids]
        return [{name: row[name] for name in names} | {"rule": f"{row['pack']}/{row['rule']}"} for row in rows]


def _life(row: sa.RowMapping) -> Life:
    over = row["cleared_at"] if row["cleared_at"] is not None else row["closed_at"]
    return Life(row["id"], _district(row), row["unit"], row["fired_at"], row["acknowledged_at"], over)


def _district(row: sa.RowMapping) -> str:
    """The uppermost part of the grid path."""
    return str(row["grid"]).partition("/")[0]
