"""Metrics for Prometheus; docs/metrics.md describes each one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.lifecycle import Event
from custody.ledger.note import NoteError
from gateway import state
from gateway.api.alerts import STANDING
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.faults import RefusedError
from gateway.api.services import Services
from gateway.ledger_book import Book
from gateway.witnesses import FAILURES

router = APIRouter(tags=["health"])

#: Counter of DESIGN 4.3: (metric without its ending, only ever grows, help).
REPORTED: dict[str, tuple[str, bool, str]] = {
    "journaled": ("hygeia_messages_journaled", True, "Messages from devices made durable, QoS 1."),
    "redelivered": ("hygeia_messages_redelivered", True, "Repeats on the wire, acknowledged and not journaled again."),
    "qos0": ("hygeia_messages_qos0", True, "Messages that came with QoS 0."),
    "stored": ("hygeia_messages_stored", True, "Messages that the store has taken."),
    "parked": ("hygeia_messages_parked", False, "Messages that are parked now."),
    "repeated": ("hygeia_messages_repeated", True, "Messages whose values were all known."),
    "waiting": ("hygeia_messages_waiting", False, "Messages that the store has not reached."),
    "points": ("hygeia_points_stored", True, "Values stored."),
    "points_rejected": ("hygeia_points_rejected", True, "Values that were no valid value."),
    "points_conflict": ("hygeia_points_conflict", True, "Values for a time that has another value."),
    "custody_events": ("hygeia_custody_events", True, "Custody scans accepted."),
    "containers": ("hygeia_containers", True, "Waste containers known."),
    "alerts_fired": ("hygeia_alerts_fired", True, "Alerts fired."),
    "alerts_cleared": ("hygeia_alerts_cleared", True, "Alerts cleared."),
    "notifications_sent": ("hygeia_notifications_sent", True, "Messages to people and systems delivered."),
    "ledger_size": ("hygeia_ledger_entries", True, "Entries of the ledger."),
}
#: Read here once: an app may be put together in the event loop.
VERSION = version("hygeia-gateway")
FOLLOWER_STATES = ("ok", "behind", "held", "down")


class Metrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self, services: Services) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "hygeia_http_requests",
            "HTTP requests answered.",
            ("method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hygeia_http_request_seconds", "Time until an HTTP request was answered.", registry=self.registry
        )
        ProcessCollector(namespace="hygeia", registry=self.registry)
        self.registry.register(_Gateway(services))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)


class _Gateway(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the gateway."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Ask the gateway, at each scrape."""
        build = GaugeMetricFamily("hygeia_build_info", "Version of the gateway; always 1.", labels=("version",))
        build.add_metric((VERSION,), 1)
        yield build
        for name, value in self._services.report().items():
            if name not in REPORTED or value is None:
                continue
            metric, grows, words = REPORTED[name]
            family = CounterMetricFamily if grows else GaugeMetricFamily
            yield family(metric, words, value=value)
        yield self._alerts()
        yield self._steps()
        yield self._notifications()
        yield from self._ledger()
        yield from self._followers()

    def _alerts(self) -> Metric:
        family = GaugeMetricFamily("hygeia_alerts_standing", "Alerts whose cause stands.", labels=("severity",))
        table = state.alerts
        statement = sa.select(table.c.severity, sa.func.count()).where(table.c.state.in_(STANDING))
        with self._services.engine.connect() as connection:
            found = {str(name): int(count) for name, count in connection.execute(statement.group_by(table.c.severity))}
        for severity in ("info", "warning", "major", "critical"):
            family.add_metric((severity,), found.get(severity, 0))
        return family

    def _steps(self) -> Metric:
        words = "Steps of alerts, by what happened."
        family = CounterMetricFamily("hygeia_alert_steps", words, labels=("event",))
        table = state.counters
        with self._services.engine.connect() as connection:
            found = {str(row.name): int(row.value) for row in connection.execute(sa.select(table))}
        for event in Event:
            family.add_metric((event.value,), found.get(f"alerts_{event}", 0))
        return family

    def _notifications(self) -> Metric:
        family = GaugeMetricFamily(
            "hygeia_notifications", "Notices of alerts, by what became of them.", labels=("state",)
        )
        column = state.outbox.c.state_now
        with self._services.engine.connect() as connection:
            counted = connection.execute(sa.select(column, sa.func.count()).group_by(column))
            found = {str(name): int(count) for name, count in counted}
        for name in ("waiting", "delivered", "refused", "dead"):
            family.add_metric((name,), found.get(name, 0))
        return family

    def _ledger(self) -> Iterator[Metric]:
        services = self._services
        with services.engine.connect() as connection:
            try:
                newest = Book(connection).newest()
            except NoteError:
                newest = None  # whoever checks the ledger names the damage; figures go on
            query = sa.select(state.counters.c.value).where(state.counters.c.name == FAILURES)
            failures = connection.execute(query).scalar() or 0
        stamp = newest.head.clock if newest else None
        age_s = max(services.clock.now_ms() - stamp.at, 0) / 1000 if stamp else 0
        size = newest.head.size if newest else 0
        yield GaugeMetricFamily("hygeia_ledger_signed_entries", "Entries that the newest head covers.", value=size)
        yield GaugeMetricFamily("hygeia_ledger_head_age_seconds", "Since the newest head was signed.", value=age_s)
        yield CounterMetricFamily("hygeia_ledger_witness_failures", "Heads not cosigned by a witness.", value=failures)

    def _followers(self) -> Iterator[Metric]:
        cursor = GaugeMetricFamily(
            "hygeia_follower_cursor", "Last offset a follower has reached.", labels=("follower",)
        )
        behind = GaugeMetricFamily(
            "hygeia_follower_behind", "Records a follower has not reached.", labels=("follower",)
        )
        standing = GaugeMetricFamily("hygeia_follower_state", "1 for the state it is in.", labels=("follower", "state"))
        for name, lag in self._services.lags().items():
            cursor.add_metric((name,), lag.cursor)
            behind.add_metric((name,), lag.behind)
            for one in FOLLOWER_STATES:
                standing.add_metric((name, one), float(lag.state == one))
        yield from (cursor, behind, standing)


@router.get("/metrics", response_class=Response)
def metrics(request: Request, caller: Caller) -> Response:
    """Show the metrics of docs/metrics.md. They are of the whole installation, so an account with a scope gets 403."""
    if not caller.scope.everything:
        raise RefusedError(403, "metrics concern the whole installation; this account has a scope")
    return Response(context_of(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
