"""The HTTP of DESIGN 4.4, put together: guard, errors, routes, documentation, page."""

from __future__ import annotations

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles

from gateway.api import (
    ack,
    alert_board,
    alert_history,
    alerts,
    backup,
    balance,
    commands,
    containers,
    credentials,
    custody_board,
    custody_trace,
    docs,
    epcis,
    evidence,
    faults,
    files,
    health,
    kpi,
    label_sheets,
    ledger,
    manifest_pages,
    manifests,
    map_board,
    metrics,
    notices,
    overview,
    pages,
    parked,
    people,
    pushes,
    readings,
    registry,
    session,
    sessions,
    whole,
)
from gateway.api.context import Context
from gateway.api.guard import Guard
from gateway.api.lists import known_parameters
from gateway.api.services import Services
from gateway.clock import Clock, SystemClock

DESCRIPTION = (
    "Readings, alerts, waste containers and parked messages of a Hygeia gateway. "
    "Every time is integer ms since 1970 UTC. Lists are `{items, next}`: `next` goes into `after`. "
    "Every answer that is no success is `{reason, faults: [{field, value, allowed}]}`."
)
#: Resources under /api/v1, in the order of DESIGN 4.4.
RESOURCES = (
    *(registry, readings, alerts, alert_history, sessions, notices, kpi, containers, pushes, epcis),
    *(balance, manifests, evidence, parked, commands, files),
    *(
        overview,
        alert_board,
        custody_board,
        custody_trace,
        ledger,
        manifest_pages,
        label_sheets,
        map_board,
        session,
        people,
        credentials,
        whole,
        backup,
    ),
)


def build_app(services: Services, wall: Clock | None = None) -> FastAPI:
    """The app that serves pages and API. ``wall`` is the clock of sessions, the machine's own unless given."""
    app = FastAPI(
        title="Hygeia",
        version=metrics.VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(known_parameters)],
    )
    app.state.context = Context(
        services,
        wall or SystemClock(),
        figures=overview.Figures(),
        metrics=metrics.Metrics(services),
        counts=alert_board.Counts(),
        figures_of_alerts=kpi.KpiCache(),
        overviews=custody_board.Overviews(),
    )
    faults.install(app)
    for router in (
        manifest_pages.documents,
        label_sheets.documents,
        pages.router,
        ack.router,
        health.router,
        metrics.router,
        docs.router,
    ):
        app.include_router(router)
    for resource in RESOURCES:
        app.include_router(resource.router, prefix="/api/v1")
    docs.install(app)
    app.mount("/static", StaticFiles(directory=pages.PAGES / "static", check_dir=False))
    app.add_middleware(Guard, settings=services.settings, metrics=app.state.context.metrics)
    return app
